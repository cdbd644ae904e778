#!/usr/bin/python3
"""Versions, requirements, and whether libapt finds the one to satisfy the other: types_require_deb.py COUNT SEED.

Each line: a version, a requirement, and 1 or 0. Exit status 77: python3-apt is not installed.
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


def version():
    text = choose.choice(["", "", "", "0:", "1:"])
    text += choose.choice(["1", "1.0", "1.1", "1.0~rc1", "1.0+a", "2", "1.00"])
    return text + choose.choice(["", "", "-1", "-2", "-1+deb12u1", "-1~a", "-0"])


for _ in range(count):
    a, b, sign = version(), version(), choose.choice(["<<", "<=", "=", ">=", ">>"])
    # libapt calls them < and >; to dpkg these are <= and >=.
    print(a, choose.choice(["%s %s", "(%s %s)", "%s%s"]) % (sign, b), int(apt_pkg.check_dep(a, {"<<": "<", ">>": ">"}.get(sign, sign), b)), sep="\t")
