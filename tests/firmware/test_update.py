#!/usr/bin/python3
"""Updates in the emulator: only what is signed gets in, and what works stays."""

import subprocess

import machine
from harness import equal, expect
from machine import IMAGE, Machine
from updates import NEXT, make_update, power_on, release, send, serve, update

# Of a line without an end: more than there is memory for.
ENDLESS_BYTES = 128 << 20


def test_refusals(bench):
    """What is unsigned, changed, cut off, a stranger's or not newer is refused; nothing changes."""
    whole = make_update(NEXT)
    line, signature, slot = whole.split(b"\n", 2)
    other_key = bench.directory / "other.key"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", other_key], check=True)
    site = serve(bench, unsigned=line + b"\n\n" + slot,
                 changed=line.replace(b"/1 ", b"/1  ") + b"\n" + signature + b"\n" + slot,
                 stranger=make_update(NEXT, other_key), old=make_update(IMAGE),
                 cut=whole[:len(whole) // 2], endless=b"a" * ENDLESS_BYTES)
    gateway, disk = power_on(bench)
    for name, reason in (("unsigned", "signature"), ("changed", "signature"),
                         ("stranger", "signature"), ("endless", "signature"),
                         ("old", "not newer"), ("absent", "no update"),
                         ("cut", "not what was signed")):
        result = send(gateway, site.address(name))
        expect(result.startswith("refused:") and reason in result, f"{name}: {result}")
    gateway.cut_power()
    equal(disk.state(), "first=A\ntrial=none\n", "the slots")
    equal(Machine(bench, disk).wait_online().state()["slot"], "A", "the slot it starts from")


def test_confirmed(bench):
    """An update is tried, confirmed once weir has been at its broker for a while, and stays."""
    gateway, disk = update(bench, "weir.confirm=5")
    gateway.wait_console("slot B is confirmed")
    state = gateway.state()
    equal((state["slot"], state["release"]), ("B", release(NEXT)), "slot and release")
    gateway.cut_power()
    equal(disk.state(), "first=B\ntrial=none\n", "the slots")
    equal(Machine(bench, disk).wait_online().state()["slot"], "B", "the slot it starts from")


machine.main(__name__)
