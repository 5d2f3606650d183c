#!/usr/bin/python3
"""Every C file is as clang-format would write it."""

import shutil
import subprocess
import sys

import tree


def main():
    if not shutil.which("clang-format"):
        print("clang-format is not installed")
        sys.exit(77)
    files = tree.sources()
    run = subprocess.run(["clang-format", "--dry-run", "--Werror", *map(str, files)], text=True,
                         capture_output=True, cwd=tree.ROOT, check=False)
    problems = {}
    for line in run.stderr.splitlines():
        # FILE:LINE:COLUMN: error: ...; the first of each file will do.
        parts = line.replace(f"{tree.ROOT}/", "").split(":")
        if len(parts) > 3 and parts[3].strip() == "error":
            problems.setdefault(parts[0], f"{parts[0]}:{parts[1]}: is not as clang-format writes it")
    if run.returncode != 0 and not problems:
        problems["clang-format"] = run.stderr
    print(f"{len(files)} files")
    tree.finish(problems.values())


main()
