#!/usr/bin/python3
"""What the engine's libraries ask of the world: computation from libc and libm, and nothing else.

No clock, no file, no heap, no thread, no output, no environment. Arguments: nm, then the archives,
which may also use each other.
"""

import re
import subprocess
import sys

import tree

# A symbol that is missing here is refused; add it only if it computes and nothing more.
ALLOWED = re.compile(
    r"""^(
    mem(cpy|move|set|cmp|chr|rchr|mem) | bcmp |
    (str|strn)(len|cmp|cpy) | str(chr|rchr|cspn|spn|str) |
    strto(d|l|ll|ul|ull) | __isoc23_strto(l|ll|ul|ull) |
    v?snprintf | qsort | bsearch |
    (acos|asin|atan|ceil|cos|exp|exp2|fabs|floor|fma|fmax|fmin|fmod|frexp|hypot|ldexp|log|log10|
     log1p|log2|lrint|llrint|lround|llround|modf|nearbyint|nextafter|pow|rint|round|scalbn|sin|
     sqrt|tan|trunc)
        (f|l)? |
    __(memcpy|memmove|memset|strcpy|strncpy|snprintf|vsnprintf)_chk |
    __assert_fail | __stack_chk_fail | __errno_location | __ctype_(b|tolower|toupper)_loc |
    _GLOBAL_OFFSET_TABLE_ | __aeabi_\w+ | __gnu_thumb1_case_\w+ |
    __(add|sub|mul|div|mod|udiv|umod|udivmod|fix|fixuns|float|floatun|floatund|cmp|ucmp|clz|ctz|
       popcount)[sdt][ift]\w*
    )$""",
    re.VERBOSE)


def symbols(nm, option, archive):
    run = subprocess.run([nm, option, "--format=posix", archive], text=True, capture_output=True,
                         check=True)
    found = {}
    member = archive
    for line in run.stdout.splitlines():
        if line.endswith(":"):
            member = line[:-1]
        elif line.split():
            found.setdefault(line.split()[0], member)
    return found


def main():
    nm, archives = sys.argv[1], sys.argv[2:]
    defined, undefined = set(), {}
    for archive in archives:
        defined |= set(symbols(nm, "--defined-only", archive))
        undefined.update(symbols(nm, "--undefined-only", archive))
    wanted = {name: member for name, member in undefined.items() if name not in defined}
    problems = [f"{member}: {name} is not for the engine to call"
                for name, member in sorted(wanted.items()) if not ALLOWED.match(name)]
    print(f"{len(wanted)} symbols of libc and libm: {' '.join(sorted(wanted))}")
    tree.finish(problems)


main()
