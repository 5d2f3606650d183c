"""The Debian packages for boards: made twice, looked into, and run through the emulator."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Of each architecture: the number of its machine in an ELF file, its emulator, its tools' prefix.
ARCHITECTURES = {"arm64": (183, "qemu-aarch64", "aarch64-linux-gnu"),
                 "armhf": (40, "qemu-arm", "arm-linux-gnueabihf")}
PACKAGES = {"libc.so.6": "libc6", "libm.so.6": "libc6", "ld-linux-armhf.so.3": "libc6",
            "ld-linux-aarch64.so.1": "libc6", "libgcc_s.so.1": "libgcc-s1",
            "libconfig.so.9": "libconfig9", "libpaho-mqtt3as.so.1": "libpaho-mqtt1.3"}
FILES = {"/etc/weir/weir.conf", "/lib/systemd/system/weir.service", "/usr/bin/weir",
         "/usr/share/bash-completion/completions/weir",
         *(f"/usr/share/doc/weir/{name}" for name in (
             "README.md.gz", "batch-format.md.gz", "changelog.gz", "copyright",
             "journal-format.md.gz")),
         *(f"/usr/share/man/{name}.gz" for name in (
             "man1/weir.1", "man5/weir-test.5", "man5/weir.conf.5"))}


def run(*command, **options):
    """A command that has to succeed: what it wrote."""
    done = subprocess.run([*map(str, command)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False, **options)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))} ended with {done.returncode}: {done.stdout}")
    return done.stdout


def expect(condition, what):
    if not condition:
        sys.exit(what)


def build(architecture, **options):
    """The package as ./dev deb leaves it, past lintian: its bytes."""
    run(ROOT / "dev", "deb", architecture, **options)
    return package(architecture).read_bytes()


def package(architecture):
    return next((ROOT / "build" / f"deb-{architecture}").glob("weir_*.deb"))


def check_control(architecture, program):
    """It depends on the packages of the libraries that the program asks for, and on no others."""
    def field(name):
        return run("dpkg-deb", "--field", package(architecture), name).strip()

    expect(field("Architecture") == architecture, f"it is for {field('Architecture')}")
    names = {dependency.split()[0] for dependency in field("Depends").split(", ")}
    asked = re.findall(r"NEEDED.*\[(.*)\]", run("readelf", "--wide", "--dynamic", program))
    expect(names == {PACKAGES[library] for library in asked} | {"procps"},
           f"it depends on {names}, and asks for {asked}")
    expect("libc6 (>= " in field("Depends"), "it takes any libc6")


def check_program(architecture, program):
    machine = ARCHITECTURES[architecture][0]
    found = int.from_bytes(program.read_bytes()[18:20], "little")
    expect(found == machine, f"the program is for machine {found}, not {machine}")
    expect(".symtab" not in run("readelf", "--wide", "--sections", program), "it is not stripped")


def check(architecture):
    with tempfile.TemporaryDirectory() as name:
        tree = pathlib.Path(name)
        run("dpkg-deb", "--extract", package(architecture), tree)
        found = {f"/{path.relative_to(tree)}" for path in tree.rglob("*") if not path.is_dir()}
        expect(found == FILES, f"lacking and unexpected files: {found ^ FILES}")
        check_control(architecture, tree / "usr/bin/weir")
        check_program(architecture, tree / "usr/bin/weir")
        emulated = [ARCHITECTURES[architecture][1], "-L", ROOT / f"build/sysroot-{architecture}",
                    tree / "usr/bin/weir"]
        version = run("dpkg-deb", "--field", package(architecture), "Version").strip()
        expect(run(*emulated, "version").split()[1] == version, "it is of another version")
        plan = run(*emulated, "check", "-c", tree / "etc/weir/weir.conf")
        expect("total" in plan, f"weir check says {plan}")


def lacking(architecture):
    """What is not here that it takes; None: all is."""
    _, emulator, prefix = ARCHITECTURES[architecture]
    for tool in ("dh", "dpkg-buildpackage", "lintian", "readelf", "clang", "ld.lld", "llvm-ar",
                 emulator, f"{prefix}-strip"):
        if not shutil.which(tool):
            return f"{tool} is not installed; ./dev deb {architecture} installs what it needs"
    # The package brings a sysroot of its own; this one is for the emulator.
    done = subprocess.run([ROOT / "toolchains/packages.sh", "unpack",
                           ROOT / f"toolchains/{architecture}.lock",
                           ROOT / f"build/sysroot-{architecture}"], check=False)
    expect(done.returncode in (0, 77), f"its sysroot cannot be made: {done.returncode}")
    return "its sysroot cannot be fetched" if done.returncode else None


def main():
    done = 0
    for architecture in ARCHITECTURES:
        reason = lacking(architecture)
        if reason:
            print(f"skipped: {architecture}: {reason}")
            continue
        first = build(architecture)
        check(architecture)
        again = build(architecture, umask=0o077, env={**os.environ, "TZ": "Asia/Kolkata"})
        expect(first == again, f"{architecture}: made again, the package is another")
        print(f"ok: {architecture}")
        done += 1
    sys.exit(0 if done else 77)


main()
