#!/usr/bin/python3
"""Pairs of Python versions and their order, as packaging has it: types_pep440.py COUNT SEED.

Each line: a version, another, and -1, 0 or 1; or text that is no version, nothing, and 9.
Exit status 77: python3-packaging is not installed.
"""
import random
import sys

try:
    from packaging.version import InvalidVersion, Version
except ImportError:
    sys.exit(77)

count, seed = int(sys.argv[1]), int(sys.argv[2])
choose = random.Random(seed)
NUMBERS = ["0", "1", "2", "00", "01", "9", "10", "99", "159", "160", "256", "18446744073709551616", ""]


def number():
    return choose.choice(NUMBERS)


def separator():
    return choose.choice(["", "", ".", "-", "_"])


def version():
    text = choose.choice(["", "", "", "v", "V"]) + choose.choice(["", "", "", "1!", "0!"])
    text += ".".join(choose.choice(["0", "0", "1", "2", "10", "00", "300"]) for _ in range(choose.randint(1, 5)))
    if choose.random() < 0.5:
        word = choose.choice(["a", "b", "c", "rc", "alpha", "beta", "pre", "preview", "RC", "A"])
        text += separator() + word + separator() + number()
    if choose.random() < 0.4:
        word = choose.choice(["post", "rev", "r", "POST"])
        text += choose.choice(["-0", "-1", "-22", separator() + word + separator() + number()])
    if choose.random() < 0.4:
        text += separator() + choose.choice(["dev", "DEV"]) + separator() + number()
    if choose.random() < 0.3:
        words = [choose.choice(["0", "1", "01", "a", "A", "ab", "1a", "10", "ubuntu"]) for _ in range(choose.randint(1, 3))]
        text += "+" + choose.choice(".-_").join(words)
    return text


def neighbour(text):
    at = choose.randint(0, len(text))
    if choose.random() < 0.5:
        return text + choose.choice(["0", ".0", "a1", ".dev1", ".post1", "+1", "-1"])
    return text[:at] + choose.choice("ab.-_+!0~x") + text[at + choose.randint(0, 1):]


def parse(text):
    try:
        return Version(text)
    except InvalidVersion:
        return None


for _ in range(count):
    a = version()
    b = neighbour(a) if choose.random() < 0.6 else version()
    x, y = parse(a), parse(b)
    for text, parsed in (a, x), (b, y):
        if parsed is None:
            print(text, "", 9, sep="\t")
    if x is not None and y is not None:
        print(a, b, (x > y) - (x < y), sep="\t")
