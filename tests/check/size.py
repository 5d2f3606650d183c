#!/usr/bin/python3
"""What the program weighs as it is shipped: without its symbols. Arguments: strip, the program, and
the bytes that it may take."""

import pathlib
import subprocess
import sys
import tempfile

import tree


def main():
    strip, program, most = sys.argv[1], sys.argv[2], int(sys.argv[3])
    with tempfile.TemporaryDirectory() as directory:
        stripped = pathlib.Path(directory) / "weir"
        subprocess.run([strip, "-o", stripped, program], check=True)
        size = stripped.stat().st_size
    print(f"{size} bytes of {most}")
    tree.finish([f"{program} is {size - most} bytes too large"] if size > most else [])


main()
