#!/usr/bin/python3
"""An image in the emulator: it works, it survives, and it comes back by itself."""

import re
import time

import machine
from harness import expect, reading, wait_for
from machine import IMAGE, KERNEL_AT, SLOT_AT, Disk, Machine

EVENTS = "weir/v1/plant-7/alert/+/+/event"
BATCHES = "weir/v1/plant-7/batch"
SERVICES_KIB_MAX = 12 * 1024
ROOT_BYTES_MAX = 9_000_000
WEIR_BYTES_MAX = 400_000


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


def check_memory(bench, memory_mib):
    gateway, _, batches = power_on(bench, memory_mib=memory_mib)
    gateway.wait_online()
    delivered_s = expect_work(gateway, batches)
    state = expect_healthy(gateway, "A")
    print(f"      {memory_mib} MiB: first alert {delivered_s:.1f} s after power-on, services "
          f"{state['services_kib']} KiB, {state['available_kib']} KiB available", flush=True)


def test_work(bench):
    """With 128 MiB: an alert is delivered, a batch arrives, services stay within the budget."""
    check_memory(bench, 128)


def test_small_memory(bench):
    """With 64 MiB it does the same, started without the loader."""
    check_memory(bench, 64)


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
