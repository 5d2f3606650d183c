#!/usr/bin/python3
"""Makes src/format/compact_prior.c from what bench_batch --learn has found in several sets.

    prior.py LEARNED ... > src/format/compact_prior.c

A set counts as much as any other. What none has met keeps the chance of a half. Without a set, every
bit does: what is learned is to be learned from there, and once more from the result. The table stands in
docs/batch-format.md as well, and the figures there are to be taken anew.
"""

import math
import sys

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
LINE = 92


def main():
    sets = [[line.split() for line in open(path, encoding="ascii")] for path in sys.argv[1:]]
    text = ""
    for bits in zip(*sets) if sets else [("0 0".split(),)] * 11392:
        met = [float(odds) for count, odds in bits if int(count) > 0]
        level = round(32 + 5.5 * sum(met) / len(met)) if met else 32
        text += ALPHABET[min(max(level, 0), 63)]
    lines = [text[at : at + LINE] for at in range(0, len(text), LINE)]
    print('#include "format/compact_model.h"\n\nconst char *const weir_compact_prior[] = {')
    for line in lines:
        print(f'    "{line}",')
    print("};")


main()
