"""The source tree, as the checks see it."""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)


def headers():
    return sorted([*ROOT.glob("include/weir/*.h"), *ROOT.glob("src/*/*.h")])


def sources():
    """Every C file of ours: product, tests and tools."""
    found = [*ROOT.glob("include/**/*.h")]
    for top in ("src", "tests"):
        found += [*ROOT.glob(f"{top}/**/*.c"), *ROOT.glob(f"{top}/**/*.h")]
    return sorted(found)


def included(path):
    """The quoted includes of a file, with their line numbers."""
    text = path.read_text(encoding="utf-8")
    for match in INCLUDE.finditer(text):
        yield text.count("\n", 0, match.start(1)) + 1, match.group(1)


def finish(problems):
    """Lists the problems and ends the process, as failed if there are any."""
    for problem in problems:
        print(problem)
    print(f"{len(problems)} problem(s)")
    sys.exit(1 if problems else 0)
