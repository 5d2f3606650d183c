"""What a gateway in the emulator has to do: work, and be in good health meanwhile."""

import re
import time

import machine
from harness import expect, reading, wait_for
from machine import Disk, Machine

EVENTS = "weir/v1/plant-7/alert/+/+/event"
BATCHES = "weir/v1/plant-7/batch"
SERVICES_KIB_MAX = 12 * 1024


def power_on(bench, options="", memory_mib=128):
    """A gateway with a new disk, the broker of its uplink, and what arrives there."""
    uplink = bench.broker()
    batches = uplink.subscribe(BATCHES)
    disk = Disk(bench.directory, uplink, options)
    return Machine(bench, disk, memory_mib), disk, batches


def rows(batches):
    """Every summary that arrived, once: a batch that is sent again counts once."""
    found = {(batch["epoch"], batch["seq"]): batch["summaries"]
             for batch in (message.json for message in batches.messages())}
    return [row for summaries in found.values() for row in summaries]


def expect_work(gateway, batches, seconds=0):
    """An alert comes from the gateway, and a batch at the uplink."""
    events = gateway.subscribe(EVENTS)
    gateway.publish(reading(seconds, 99.5))
    events.wait(lambda message: message.json["event"] == "raised", "the alert", timeout_s=60)
    delivered_s = time.monotonic() - gateway.began
    gateway.publish(reading(seconds + 60, 20.0))
    wait_for(lambda: any(row["max"] == 99.5 for row in rows(batches)), "the window in a batch", 60)
    return delivered_s


def expect_healthy(gateway, slot):
    """Returns what the gateway says of itself, having held it against the board's budget."""
    state = gateway.state()
    expect(state["slot"] == slot, f"it runs from slot {state['slot']}")
    expect(state["tainted"] == 0, f"the kernel is tainted: {state['tainted']}")
    budget_kib = min(SERVICES_KIB_MAX, int(machine.board()["WEIR_MEMORY_MIB"]) * 1024)
    expect(state["services_kib"] <= budget_kib, f"the services take {state['services_kib']} KiB")
    expect("Terminating" not in gateway.log(), "the time client does not stay")
    expect(not re.search(r"Oops|Out of memory|Call trace", gateway.log()), "the kernel complains")
    return state


def check_work(bench, memory_mib):
    """A gateway works with so much memory. Returns, as text, what that took."""
    gateway, _, batches = power_on(bench, memory_mib=memory_mib)
    gateway.wait_online()
    delivered_s = expect_work(gateway, batches)
    state = expect_healthy(gateway, "A")
    return (f"first alert {delivered_s:.1f} s after power-on; services "
            f"{state['services_kib']} KiB, {state['available_kib']} KiB available")
