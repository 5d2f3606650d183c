#!/usr/bin/python3
"""Makes src/format/compact_prior.c from what bench_batch --learn has found in several sets.

    prior.py LEARNED ... > src/format/compact_prior.c

A set counts as much as any other. What none has met stays as it is in the table there is. Without a set
every bit is as likely 0 as 1: what is learned is to be learned from there, and once more from the
result; then sketches, in windows of several lengths, twice likewise. The table stands in
docs/batch-format.md as well, and the figures there are to be taken anew.
"""

import math
import pathlib
import re
import sys

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
LINE = 92
BIT_COUNT = 18 * 744 + 256
TABLE = pathlib.Path(__file__).resolve().parents[2] / "src" / "format" / "compact_prior.c"


def main():
    sets = [[line.split() for line in open(path, encoding="ascii")] for path in sys.argv[1:]]
    text = ALPHABET[32] * BIT_COUNT
    if sets:
        text = "".join(re.findall(r'^ +"(.+)"', TABLE.read_text(encoding="ascii"), re.MULTILINE))
        text = re.sub(r"(.)\{(\d+)\}", lambda run: run[1] * int(run[2]), text)
    for place, bits in enumerate(zip(*sets)):
        met = [float(odds) for count, odds in bits if int(count) > 0]
        if met:
            level = round(32 + 5.5 * sum(met) / len(met))
            text = text[:place] + ALPHABET[min(max(level, 0), 63)] + text[place + 1:]
    text = re.sub(r"(.)\1{4,}", lambda run: f"{run[1]}{{{len(run[0])}}}", text)
    lines = [""]
    for run in re.findall(r".\{\d+\}|.", text):
        if len(lines[-1]) + len(run) > LINE:
            lines.append("")
        lines[-1] += run
    print('#include "format/compact_model.h"\n')
    print("const char weir_compact_prior[][WEIR_COMPACT_PRIOR_LINE_MAX + 1] = {")
    print("\n".join(f'    "{line}",' for line in [*lines, ""]) + "\n};")


main()
