#!/usr/bin/python3
"""The card of a Pi, started by its loader, which leaves no network: the console tells."""

import machine
from emulator import IMAGE, NO_WATCHDOG
from machine import Disk, Machine


def loader():
    """As the firmware of a Pi has just started it."""
    return ["-kernel", str(IMAGE / "boot.tree" / "u-boot.bin")]


def test_loader(bench):
    """The loader finds slot A whole, and weir starts from it."""
    disk = Disk(bench.directory, bench.broker(), NO_WATCHDOG)
    gateway = Machine(bench, disk, pi_start=loader)
    gateway.wait_console("weir: slot A, release")
    gateway.wait_console("weir: info: broker: connected")


machine.main(__name__)
