#!/usr/bin/python3
"""Every header compiles alone, so that including it first always works. Argument: the compiler."""

import subprocess
import sys

import tree

FLAGS = ["-std=c17", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only",
         "-x", "c", "-I", "include", "-I", "src"]


def main():
    problems = []
    headers = tree.headers()
    for header in headers:
        name = header.relative_to(tree.ROOT)
        short = name.relative_to(name.parts[0])
        # Twice: the include guard is part of it. The type is there for headers of macros only,
        # since ISO C wants something declared.
        text = f'#include "{short}"\n#include "{short}"\nstruct something;\n'
        run = subprocess.run([sys.argv[1], *FLAGS, "-"], input=text, text=True, cwd=tree.ROOT,
                             capture_output=True, check=False)
        if run.returncode != 0:
            problems.append(f"{name} does not compile alone:\n{run.stderr}")
    print(f"{len(headers)} headers")
    tree.finish(problems)


main()
