#!/usr/bin/python3
"""Updates in the emulator: only what is signed gets in, and only what works stays."""

import contextlib
import functools
import http.server
import os
import pathlib
import subprocess
import threading

import machine
from harness import equal, expect, wait_for
from machine import HOST, IMAGE, ROOT, STATE_AT, Disk, Machine

NEXT = pathlib.Path(os.environ.get("WEIR_NEXT_IMAGE", "/nonexistent"))
KEY = os.environ.get("WEIR_UPDATE_KEY", "")
RESULT = "firmware/update/result"


class Handler(http.server.SimpleHTTPRequestHandler):
    """A gateway that refuses an update stops reading it."""

    def copyfile(self, source, outputfile):
        with contextlib.suppress(ConnectionError):
            super().copyfile(source, outputfile)

    def log_message(self, *_):
        pass


class Site:
    """A directory with updates, served on loopback."""

    def __init__(self, directory):
        handler = functools.partial(Handler, directory=directory)
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def address(self, name):
        return f"http://{HOST}:{self.server.server_port}/{name}"

    def log(self):
        return ""

    def finish(self):
        self.server.shutdown()
        self.server.server_close()


def release(image):
    return (image / "root.tree" / "etc" / "weir" / "release").read_text().strip()


def make_update(image, key=KEY):
    done = subprocess.run([ROOT / "firmware" / "update.sh", os.environ["WEIR_BOARD"],
                           release(image), image, key], capture_output=True, check=True)
    return done.stdout


def serve(bench, **updates):
    """The files by name, and where they are."""
    directory = bench.directory / "site"
    directory.mkdir()
    for name, update in updates.items():
        (directory / name).write_bytes(update)
    return bench.add(Site(directory))


def power_on(bench, options=""):
    disk = Disk(bench.directory, bench.broker(), options)
    return Machine(bench, disk).wait_online(), disk


def send(gateway, address):
    """Tells the gateway of an update; returns what it says of it in the end."""
    results = gateway.subscribe(RESULT)

    def is_fetching():
        gateway.publish_text("firmware/update", address)
        return results.messages(lambda message: not message.retained)

    wait_for(is_fetching, "an answer", 60)
    return results.wait(lambda message: message.payload != "fetching" and not message.retained,
                        "the result", timeout_s=machine.PATIENCE_S)[-1].payload


def state_on(disk):
    with disk.path.open("rb") as file:
        file.seek(STATE_AT)
        return file.read(512).rstrip(b"\0").decode()


def test_refusals(bench):
    """What is unsigned, changed, cut off, a stranger's or not newer is refused; nothing changes."""
    whole = make_update(NEXT)
    line, signature, slot = whole.split(b"\n", 2)
    other_key = bench.directory / "other.key"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", other_key], check=True)
    site = serve(bench, unsigned=line + b"\n\n" + slot,
                 changed=line.replace(b"/1 ", b"/1  ") + b"\n" + signature + b"\n" + slot,
                 stranger=make_update(NEXT, other_key), old=make_update(IMAGE),
                 cut=whole[:len(whole) // 2])
    gateway, disk = power_on(bench)
    for name, reason in (("unsigned", "signature"), ("changed", "signature"),
                         ("stranger", "signature"), ("old", "not newer"), ("absent", "no update"),
                         ("cut", "not what was signed")):
        result = send(gateway, site.address(name))
        expect(result.startswith("refused:") and reason in result, f"{name}: {result}")
    gateway.cut_power()
    equal(state_on(disk), "first=A\ntrial=none\n", "the slots")
    equal(Machine(bench, disk).wait_online().state()["slot"], "A", "the slot it starts from")


def update(bench, options=""):
    """A gateway that has taken an update and tries it."""
    site = serve(bench, update=make_update(NEXT))
    gateway, disk = power_on(bench, options)
    result = send(gateway, site.address("update"))
    expect(result.startswith("written:"), result)
    gateway.wait_console("weir: slot B, release")
    return gateway.wait_online(), disk


def test_confirmed(bench):
    """An update is tried, confirmed once weir has been at its broker for a while, and stays."""
    gateway, disk = update(bench, "weir.confirm=5")
    gateway.wait_console("slot B is confirmed")
    state = gateway.state()
    equal((state["slot"], state["release"]), ("B", release(NEXT)), "slot and release")
    gateway.cut_power()
    equal(state_on(disk), "first=B\ntrial=none\n", "the slots")
    equal(Machine(bench, disk).wait_online().state()["slot"], "B", "the slot it starts from")


def test_power_cut_on_trial(bench):
    """When the power is cut before an update is confirmed, the old slot comes back."""
    gateway, disk = update(bench, "weir.confirm=600")
    gateway.cut_power()
    state = Machine(bench, disk).wait_online().state()
    equal((state["slot"], state["release"]), ("A", release(IMAGE)), "slot and release")


def test_trial_without_progress(bench):
    """When weir stands still on trial, the gateway goes back to the old slot by itself."""
    gateway, _ = update(bench, "weir.confirm=600 weir.freeze=20 weir.grace=20")
    gateway.wait_console("weir: slot A, release", count=2)


machine.main(__name__)
