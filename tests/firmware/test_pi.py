#!/usr/bin/python3
"""The card of a Pi, started by its loader, which leaves no network: the console tells."""

import machine
from machine import IMAGE, NO_WATCHDOG, Disk, Machine


class Loaded(Machine):
    """A Pi whose firmware has just started the loader."""

    def pi_start(self):
        return ["-kernel", str(IMAGE / "boot.tree" / "u-boot.bin")]


def test_loader(bench):
    """The loader finds slot A whole, and weir starts from it."""
    disk = Disk(bench.directory, bench.broker(), NO_WATCHDOG)
    gateway = Loaded(bench, disk)
    gateway.wait_console("weir: slot A, release")
    gateway.wait_console("weir: info: broker: connected")


machine.main(__name__)
