#!/usr/bin/python3
"""Versions, requirements, and whether rpm finds the one to satisfy the other: types_require_rpm.py COUNT SEED.

Each line: a version, a requirement, and 1 or 0. Exit status 77: python3-rpm is not installed.
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
SIGNS = {
    "<": rpm.RPMSENSE_LESS,
    "<=": rpm.RPMSENSE_LESS | rpm.RPMSENSE_EQUAL,
    "=": rpm.RPMSENSE_EQUAL,
    ">=": rpm.RPMSENSE_GREATER | rpm.RPMSENSE_EQUAL,
    ">": rpm.RPMSENSE_GREATER,
}


def version():
    text = choose.choice(["", "", "", "0:", "1:"])
    text += choose.choice(["1", "1.0", "1.1", "1.0~rc1", "1.0^a", "2", "1.00"])
    return text + choose.choice(["", "", "-1", "-2", "-1.el9", "-1~a", "-0"])


for _ in range(count):
    a, b, sign = version(), version(), choose.choice(list(SIGNS))
    provided = rpm.ds(("p", rpm.RPMSENSE_EQUAL, a), "provides")
    required = rpm.ds(("p", SIGNS[sign], b), "requires")
    print(a, f"{sign} {b}", int(provided.Compare(required)), sep="\t")
