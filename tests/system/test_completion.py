"""Completion in bash: what the help texts have is offered, and nothing else."""

import re
import shutil
import subprocess

from harness import BINARY, equal, expect, main

BASH = shutil.which("bash")


def complete(*words):
    """What is offered for the last of the words behind `weir`."""
    script = ('source <("$0" completion bash);'
              'COMP_WORDS=(weir "$@"); COMP_CWORD=$#; _weir "$0"; printf "%s\\n" "${COMPREPLY[@]}"')
    done = subprocess.run([BASH, "-c", script, BINARY, *words], capture_output=True, text=True,
                          check=True, timeout=30)
    equal(done.stderr, "", "what bash says")
    return done.stdout.split()


def test_verbs(bench):
    """Every verb is offered, and those that begin alike."""
    verbs = complete("")
    expect({"run", "check", "replay", "decode", "journal", "completion", "version"} <= set(verbs),
           f"offered are {verbs}")
    for verb in verbs:
        equal(bench.run(verb, "--help").returncode, 0, f"the exit status of {verb} --help")
    equal(complete("dec"), ["decode"], "what dec may become")
    equal(complete("x"), [], "what x may become")


def test_options(bench):
    """Every long option that a verb's usage names is offered, and taken by the verb."""
    for verb in complete(""):
        usage, _, rest = bench.run(verb, "--help").stdout.partition("\n\n")
        offered = complete(verb, "-")
        named = set(re.findall(r"--[a-z-]+", usage)) | {"--help"}
        expect(named <= set(offered), f"{verb}: {named - set(offered)} is not offered")
        expect(all(option in rest for option in offered), f"{verb}: offered are {offered}")
        for option in offered:
            done = bench.run(verb, option, "--help")
            expect("unrecognized" not in done.stderr, f"{verb}: {done.stderr}")


def test_values(bench):
    """Words that a usage gives the choice of are offered where they stand; else it is files."""
    equal(complete("journal", ""), ["ls", "cat", "verify"], "what follows journal")
    equal(complete("decode", "--to", ""), ["ndjson", "csv", "line"], "what follows --to")
    equal(complete("decode", "--to", "c"), ["csv"], "what c may become")
    equal(complete("check", "-c", ""), [], "what follows -c")


def test_usage(bench):
    """Any other shell is refused."""
    equal(bench.run("completion", "zsh").returncode, 2, "the exit status")
    equal(bench.run("completion").returncode, 2, "the exit status")


main(__name__)
