#!/usr/bin/python3
"""Pairs of RPM versions and their order, as rpm has it: types_rpm.py COUNT SEED.

Each line: a version, another, and -1, 0 or 1. Exit status 77: python3-rpm is not installed.
"""
import random
import sys

sys.path = [directory for directory in sys.path if not directory.endswith("peers")]
try:
    import rpm
except ImportError:
    sys.exit(77)

count, seed = int(sys.argv[1]), int(sys.argv[2])
choose = random.Random(seed)
WORDS = [0, 1, 2, 10, 159, 160, 255, 256, 10**20, "01", "a", "rc1", "el7", "A"]


def part():
    if choose.random() < 0.3:
        return choose.choice("._+").join(str(choose.choice(WORDS)) for _ in range(choose.randint(1, 4)))
    return "".join(choose.choice("0011299aAbzZ~^+..__") for _ in range(choose.randint(1, 8)))


def version():
    return (choose.choice([None, None, "0", "1", "10"]), part(), choose.choice([None, part()]))


def neighbour(evr):
    at = choose.randint(0, len(evr[1]))
    return (evr[0], evr[1][:at] + choose.choice("0a~^.1") + evr[1][at:], evr[2])


def text(evr):
    return (evr[0] + ":" if evr[0] else "") + evr[1] + ("-" + evr[2] if evr[2] else "")


for _ in range(count):
    a = version()
    b = neighbour(a) if choose.random() < 0.5 else version()
    print(text(a), text(b), rpm.labelCompare((a[0] or "0",) + a[1:], (b[0] or "0",) + b[1:]), sep="\t")
