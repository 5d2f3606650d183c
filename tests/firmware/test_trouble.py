#!/usr/bin/python3
"""An image in the emulator: it survives, and it comes back by itself."""

import json
import subprocess
import time

import machine
from gateway import BATCHES, check_work, expect_healthy, expect_work, power_on, rows
from harness import equal, expect, reading, wait_for
from machine import KERNEL_AT, SLOT_AT, Disk, Machine
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


def test_refused_settings_of_the_broker(bench):
    """Settings that the broker does not start with are left out, and weir has one all the same."""
    disk = Disk(bench.directory, bench.broker())
    disk.add("config/mosquitto.d/wrong.conf", "nonsense 1\n")
    gateway = Machine(bench, disk)
    gateway.wait_console("weir: mosquitto does not start with config/mosquitto.d")
    gateway.wait_console("weir: info: broker: connected")


def set_password(disk, name):
    """The uplink's, in a file of that name."""
    text = (disk.directory / "config" / "weir.conf").read_text()
    disk.add("config/weir.conf", text.replace('format = "json"; }', f"""format = "json";
        username = "plant-7"; password_file = "/run/config/{name}"; }}"""))
    disk.add(f"config/{name}", "secret\n")


def test_passwords(bench):
    """A listener lets in whom its settings say, weir stays in, and reads a password of its own."""
    uplink = bench.broker()
    batches = uplink.subscribe(BATCHES)
    disk = Disk(bench.directory, uplink)
    set_password(disk, "uplink.password")
    disk.add("config/mosquitto.d/test.conf", "allow_anonymous false\nlistener 1884 0.0.0.0\n"
             "password_file /run/config/mosquitto.d/users\n")
    disk.add("config/mosquitto.d/users", "")
    users = disk.directory / "config" / "mosquitto.d" / "users"
    subprocess.run(["mosquitto_passwd", "-b", users, "sensor", "secret"], check=True)
    disk.put(users, "::config/mosquitto.d/")
    gateway = Machine(bench, disk)
    send = ["mosquitto_pub", "-h", "127.0.0.1", "-p", str(gateway.port), "-q", "1",
            "-t", "plant/north/hall-2/climate", "-m"]

    def is_sent(value, *options):
        command = [*send, json.dumps(value), *options]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    gateway.wait_console("weir: info: broker: connected")
    wait_for(lambda: is_sent(reading(0, 20.0), "-u", "sensor", "-P", "secret"), "to be let in", 60)
    expect(not is_sent(reading(1, 21.0)), "somebody without a name was let in")
    expect(is_sent(reading(60, 20.0), "-u", "sensor", "-P", "secret"), "nobody is let in any more")
    wait_for(lambda: any(row["count"] == 1 for row in rows(batches)), "the window in a batch", 60)


def test_refused_configuration(bench):
    """A configuration is refused that names what weir cannot read; the image's own takes over."""
    disk = Disk(bench.directory, bench.broker())
    set_password(disk, "mosquitto.d/users")
    gateway = Machine(bench, disk)
    gateway.wait_console("weir: /run/config/weir.conf is refused")
    gateway.wait_console("weir: info: broker: connected")
    expect("Permission denied" in gateway.log(), "nobody said why")


def test_overfull_directory(bench):
    """More in config/ than there is room for is said, and what is known of the slots stays."""
    disk = Disk(bench.directory, bench.broker(), "weir.confirm=5")
    disk.add("config/film", "x" * (12 << 20))
    disk.write(machine.STATE_AT, b"first=B\ntrial=A\n")
    gateway = Machine(bench, disk)
    gateway.wait_console("config/ was not copied as a whole")
    gateway.wait_console("slot A is confirmed")
    equal(disk.state(), "first=A\ntrial=none\n", "the slots")


def test_no_data(bench):
    """A gateway whose /data cannot be mounted works from memory."""
    gateway, disk, batches = power_on(bench)
    gateway.cut_power()
    disk.overwrite(machine.DATA_AT, 8 * machine.MIB)
    gateway = Machine(bench, disk).wait_online()
    expect_work(gateway, batches)
    expect("/data does not mount" in gateway.log(), "nobody said so")


def test_further_files(bench):
    """What is in conf.d comes to the image's own configuration where there is no other."""
    disk = Disk(bench.directory, bench.broker())
    subprocess.run(["mdel", "-i", f"{disk.path}@@4M", "::config/weir.conf"], check=True)
    directory = disk.directory / "config" / "conf.d"
    directory.mkdir()
    (directory / "more.conf").write_text("""alerts: ( { name = "extra"; stream = "power";
        field = "power"; above = 1.0; level = "critical"; } );""")
    disk.put(directory, "::config/")
    gateway = Machine(bench, disk)
    gateway.wait_console("weir: info: broker: connected")
    events = gateway.subscribe("weir/v1/gateway-1/alert/extra/+/event")
    gateway.publish_text("plant/north/pump-1/power", "50")
    events.wait(lambda message: message.json["event"] == "raised", "the alert", timeout_s=60)


def test_trial_without_progress(bench):
    """When weir stands still on trial, the gateway goes back to the old slot by itself."""
    gateway, _ = update(bench, "weir.confirm=600 weir.freeze=20 weir.grace=20")
    gateway.wait_console("weir: slot A, release", count=2)


machine.main(__name__)
