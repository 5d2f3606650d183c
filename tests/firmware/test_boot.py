#!/usr/bin/python3
"""An image in the emulator: it starts and works, is small, and lets nobody in."""

import os
import re

import machine
from gateway import check_work
from harness import expect
from machine import IMAGE

ROOT_BYTES_MAX = 9_000_000
WEIR_BYTES_MAX = 400_000


def test_work(bench):
    """An alert is delivered, a batch arrives, services stay within the board's budget."""
    figures = check_work(bench, 128)
    made_s = os.environ.get("WEIR_IMAGE_S", "?")
    print(f"      {os.environ['WEIR_BOARD']}: image made in {made_s} s, root "
          f"{(IMAGE / 'root').stat().st_size} bytes; {figures}", flush=True)


def test_size(_bench):
    """The root and the program in it are as small as they are meant to be."""
    root, weir = IMAGE / "root", IMAGE / "root.tree" / "usr" / "bin" / "weir"
    expect(root.stat().st_size <= ROOT_BYTES_MAX, f"the root has {root.stat().st_size} bytes")
    expect(weir.stat().st_size <= WEIR_BYTES_MAX, f"weir has {weir.stat().st_size} bytes")


def test_nobody_can_log_in(_bench):
    """The root has no password, no way to log in, and a broker on loopback alone."""
    root = IMAGE / "root.tree"
    for line in (root / "etc" / "passwd").read_text().splitlines():
        expect(line.split(":")[1] == "*", f"somebody may have a password: {line}")
    names = {path.name for path in root.rglob("*")}
    doors = names & {"sshd", "dropbear", "telnetd", "getty", "login", "su", "shadow"}
    expect(not doors, f"there are ways in: {doors}")
    expect("askfirst" not in (root / "etc" / "inittab").read_text(), "the console gives a shell")
    listeners = re.findall(r"^listener (.*)$", (root / "etc" / "mosquitto.conf").read_text(),
                           re.MULTILINE)
    expect(listeners == ["1883 127.0.0.1"], f"the broker listens on {listeners}")


machine.main(__name__)
