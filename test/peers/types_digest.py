#!/usr/bin/python3
"""Contents, their hashes and the Merkle tree hash of the hashes, by Python's hashlib: types_digest.py COUNT SEED.

Each line: a content in hexadecimal digits, its sha256, sha384 and sha512, and the root (RFC 6962, section 2.1) of the tree
whose entries are the sha256 hashes of this content and those before it.
"""
import hashlib
import random
import sys

count, seed = int(sys.argv[1]), int(sys.argv[2])
choose = random.Random(seed)


def root(entries):
    """The definition, word for word: k is the largest power of two smaller than n."""
    n = len(entries)
    if n == 0:
        return hashlib.sha256(b"").digest()
    if n == 1:
        return hashlib.sha256(b"\x00" + entries[0]).digest()
    k = 1
    while k * 2 < n:
        k *= 2
    return hashlib.sha256(b"\x01" + root(entries[:k]) + root(entries[k:])).digest()


hashes = []
for _ in range(count):
    # Around the sizes at which a block or its padding ends.
    size = max(0, choose.choice([0, 1, 55, 56, 63, 64, 111, 112, 119, 127, 128, 1000, 4096]) + choose.randint(-1, 1))
    content = choose.randbytes(size)
    hashes.append(hashlib.sha256(content).digest())
    print(content.hex(), *[hashlib.new(name, content).hexdigest() for name in ("sha256", "sha384", "sha512")],
          root(hashes).hex(), sep="\t")
