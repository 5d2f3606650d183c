#!/usr/bin/python3
"""The power is cut at every step of an update: the gateway starts, and takes the update again."""

import os
import random
import time

import machine
from harness import SLOW, Failure, equal, expect
from machine import IMAGE, JUNK, SLOT_AT, SLOT_BYTES, Disk, Machine
from updates import NEXT, announce, make_update, release, send, serve

CUTS = 4
UPDATING = "first=A\ntrial=none\n"
ON_TRIAL = "first=A\ntrial=B\n"
CONFIRMED = "first=B\ntrial=none\n"


def cut_when(gateway, is_due, what):
    """Cuts the power as soon as the card is as is_due() wants it."""
    deadline = time.monotonic() + machine.PATIENCE_S * SLOW
    while not is_due():
        if time.monotonic() > deadline:
            raise Failure(f"waited in vain for {what}\n{gateway.log()[-2000:]}")
        time.sleep(0.001)
    gateway.cut_power()


def power_on(bench, disk, slot):
    """The gateway starts, from that slot."""
    gateway = Machine(bench, disk).wait_online()
    state = gateway.state()
    equal((state["slot"], state["release"]),
          (slot, release(IMAGE if slot == "A" else NEXT)), "slot and release")
    return gateway


def test_while_the_slot_is_written(bench):
    """At any byte of the slot: the old one starts, and takes the update again."""
    seed = int(os.environ.get("WEIR_SEED") or random.SystemRandom().randrange(1 << 32))
    print(f"      WEIR_SEED={seed}", flush=True)
    chooser = random.Random(seed)
    address = serve(bench, update=make_update(NEXT)).address("update")
    disk = Disk(bench.directory, bench.broker())
    for _ in range(CUTS):
        at = SLOT_AT["B"] + chooser.randrange(SLOT_BYTES)
        disk.overwrite(SLOT_AT["B"], SLOT_BYTES)
        gateway = power_on(bench, disk, "A")
        announce(gateway, address)
        cut_when(gateway, lambda at=at: disk.read(at, 1) != JUNK, f"byte {at} of the card")
        equal(disk.state(), UPDATING, "the slots")
    gateway = power_on(bench, disk, "A")
    result = send(gateway, address)
    expect(result.startswith("written:"), result)
    gateway.wait_console(f"weir: slot B, release {release(NEXT)}")


def test_at_every_mark(bench):
    """As a slot is marked for trial, as the trial begins, on trial, as the slot is confirmed."""
    address = serve(bench, update=make_update(NEXT)).address("update")
    disk = Disk(bench.directory, bench.broker(), "weir.confirm=600")
    gateway = power_on(bench, disk, "A")
    announce(gateway, address)
    cut_when(gateway, lambda: disk.state() == ON_TRIAL, "the mark of a trial")
    cut_when(Machine(bench, disk), lambda: disk.state() == UPDATING, "the mark to be crossed out")

    gateway = power_on(bench, disk, "A")
    announce(gateway, address)
    gateway.wait_console("weir: slot B, release")
    result = send(gateway.wait_online(), address)
    expect("on trial" in result, f"on trial it says of an update: {result}")
    gateway.cut_power()

    disk.set_options("weir.confirm=5")
    gateway = power_on(bench, disk, "A")
    announce(gateway, address)
    cut_when(gateway, lambda: disk.state() == CONFIRMED, "slot B to be confirmed")
    power_on(bench, disk, "B")


def test_torn_mark(bench):
    """What a torn sector still says of the slots counts; if it is nothing, slot A starts."""
    disk = Disk(bench.directory, bench.broker())
    disk.write(machine.STATE_AT, (CONFIRMED[:12].encode() + JUNK * machine.SECTOR)[:machine.SECTOR])
    gateway = Machine(bench, disk).wait_online()
    equal(gateway.state()["slot"], "B", "the slot of a mark torn in the middle")
    gateway.cut_power()
    disk.overwrite(machine.STATE_AT, machine.SECTOR)
    power_on(bench, disk, "A")


machine.main(__name__)
