#!/usr/bin/python3
"""An image in the emulator: it survives, and it comes back by itself."""

import time

import machine
from gateway import check_work, expect_healthy, expect_work, power_on, rows
from harness import expect, reading, wait_for
from machine import KERNEL_AT, SLOT_AT, Machine
from updates import update


def test_small_memory(bench):
    """With 64 MiB it works all the same, started without the loader."""
    print(f"      64 MiB: {check_work(bench, 64)}", flush=True)


def test_power_cut(bench):
    """What was acknowledged a sync before the power is cut is in the summary afterwards."""
    gateway, disk, batches = power_on(bench)
    gateway.wait_online()
    for second in range(8):
        gateway.publish(reading(second, 20.0 + second))
    time.sleep(3)
    gateway.cut_power()
    gateway = Machine(bench, disk).wait_online()
    gateway.publish(reading(60, 20.0))
    wait_for(lambda: any(row["count"] == 8 for row in rows(batches)), "all eight samples", 60)


def test_broken_root(bench):
    """A root that is not whole is passed over for slot B, which works."""
    gateway, disk, batches = power_on(bench)
    gateway.cut_power()
    disk.overwrite(SLOT_AT["A"] + (1 << 20), 4096)
    gateway = Machine(bench, disk).wait_online()
    expect_work(gateway, batches)
    expect_healthy(gateway, "B")
    expect("slot A: its root is not whole" in gateway.log(), "nobody said why")


def test_broken_kernel(bench):
    """A slot without its kernel, or erased as a whole, is passed over by the loader."""
    gateway, disk, _ = power_on(bench)
    gateway.cut_power()
    disk.overwrite(SLOT_AT["A"] + KERNEL_AT + (1 << 20), 512)
    gateway = Machine(bench, disk).wait_online()
    expect_healthy(gateway, "B")
    expect("slot A is not whole" in gateway.log(), "nobody said why")


def test_watchdog(bench):
    """When weir stands still the watchdog is no longer fed, and the gateway begins anew."""
    gateway, _, _ = power_on(bench, options="weir.freeze=5 weir.grace=20")
    gateway.wait_console("weir: freezing")
    gateway.wait_console("Starting kernel", count=2)
    gateway.wait_online()


def test_trial_without_progress(bench):
    """When weir stands still on trial, the gateway goes back to the old slot by itself."""
    gateway, _ = update(bench, "weir.confirm=600 weir.freeze=20 weir.grace=20")
    gateway.wait_console("weir: slot A, release", count=2)


machine.main(__name__)
