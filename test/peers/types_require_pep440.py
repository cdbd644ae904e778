#!/usr/bin/python3
"""Versions, requirements, and whether packaging finds the one to satisfy the other: types_require_pep440.py COUNT SEED.

Each line: a version, a requirement, and 1 or 0; or nothing, text that is no requirement, and 9.
Exit status 77: python3-packaging is not installed.
"""
import random
import sys

try:
    from packaging.specifiers import InvalidSpecifier, SpecifierSet
    from packaging.version import Version
    from packaging import __version__ as library
except ImportError:
    sys.exit(77)

count, seed = int(sys.argv[1]), int(sys.argv[2])
choose = random.Random(seed)


def version(local):
    text = choose.choice(["", "", "", "", "1!", "v"])
    text += ".".join(choose.choice(["0", "1", "1", "2", "9"]) for _ in range(choose.randint(1, 3)))
    if choose.random() < 0.25:
        text += choose.choice(["a0", "a1", "b1", "rc1", "-alpha", "c2"])
    if choose.random() < 0.25:
        text += choose.choice([".post0", ".post1", "-1", ".post2"])
    if choose.random() < 0.2:
        text += choose.choice([".dev0", ".dev1", "dev"])
    if local and choose.random() < 0.2:
        text += choose.choice(["+a", "+1", "+a.1"])
    return text


def specifier():
    sign = choose.choice(["~=", "==", "!=", "<=", ">=", "<", ">", "<", ">", "=="])
    text = version(choose.random() < 0.3)
    if choose.random() < 0.2:
        text += ".*"
    return choose.choice(["", " "]) + sign + choose.choice(["", "", " "]) + text + choose.choice(["", " "])


def admits(requirement):
    """Whether pre-releases may satisfy: one is named, and not as the end of an open range (packaging 24 changed that)."""
    return any(
        part.operator in ("==", ">=", "<=", "~=") and not part.version.endswith(".*") and Version(part.version).is_prerelease
        for part in requirement)


def compares_bases(requirement, candidate):
    """Whether packaging before 26 sees kin where the specification has none: it compared what < and > name by its release alone."""
    return int(library.split(".")[0]) < 26 and any(
        part.operator in ("<", ">") and Version(part.version).base_version == candidate.base_version
        and Version(part.version) != Version(Version(part.version).base_version)
        for part in requirement)


def damage(text):
    at = choose.randint(0, len(text))
    if choose.random() < 0.05:
        return text[:at] + choose.choice("=<>~!.*+, 0a") + text[at + choose.randint(0, 1):]
    return text


for _ in range(count):
    text = damage(",".join(specifier() for _ in range(choose.choice([0, 1, 1, 1, 1, 2, 2]))))
    if "===" in text:
        continue
    try:
        requirement = SpecifierSet(text)
    except InvalidSpecifier:
        print("", text, 9, sep="\t")
        continue
    for _ in range(4):
        candidate = version(True)
        # Before 23.2, packaging has epochs wrong where it compares beginnings of releases.
        if ("~=" in text or ".*" in text) and "!" in (text + candidate).replace("!=", ""):
            continue
        # It takes c in place of rc, and from 24 on the v before a version, for parts of the release, unlike the
        # specification.
        if "~=" in text and ("c2" in text or "v" in text):
            continue
        if compares_bases(requirement, Version(candidate)):
            continue
        print(candidate, text, int(requirement.contains(Version(candidate), prereleases=admits(requirement))), sep="\t")
