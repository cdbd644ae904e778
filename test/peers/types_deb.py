#!/usr/bin/python3
"""Pairs of Debian versions and their order, as libapt has it: types_deb.py COUNT SEED.

Each line: a version, another, and -1, 0 or 1. Exit status 77: python3-apt is not installed.
"""
import random
import sys

try:
    import apt_pkg
except ImportError:
    sys.exit(77)

apt_pkg.init_system()
count, seed = int(sys.argv[1]), int(sys.argv[2])
choose = random.Random(seed)
NUMBERS = [0, 1, 2, 9, 10, 99, 100, 159, 160, 161, 255, 256, 65535, 65536, 2**64 - 1, 2**64, 10**30, "00", "01", "007"]


def scramble(revision):
    alphabet = "0011299aAbzZ~~+.." + ("" if revision else "-")
    return "".join(choose.choice(alphabet) for _ in range(choose.randint(1, 9)))


def version():
    epoch = choose.choice(["", "", "", "", "0:", "1:", "2:", "10:", "00:"])
    upstream = scramble(False)
    if choose.random() < 0.4:
        upstream = ".".join(str(choose.choice(NUMBERS)) for _ in range(choose.randint(1, 4)))
    revision = "-" + scramble(True) if choose.random() < 0.5 else ""
    if (upstream + revision).endswith("-"):
        revision += "1"
    if upstream.startswith("-"):
        upstream = "0" + upstream
    return epoch + upstream + revision


def neighbour(text):
    """The version with one character more, behind its epoch."""
    at = choose.randint(text.find(":") + 1, len(text))
    result = text[:at] + choose.choice("0a~.9+Z") + text[at:]
    return result if at > text.find(":") + 1 or text[at:at + 1] != "-" else text


for _ in range(count):
    a = version()
    b = neighbour(a) if choose.random() < 0.5 else version()
    order = apt_pkg.version_compare(a, b)
    print(a, b, (order > 0) - (order < 0), sep="\t")
