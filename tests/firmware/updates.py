"""Updates of a gateway in the emulator: how they are made, served and told of.

WEIR_NEXT_IMAGE is the directory of an image of the same board with a later release, WEIR_UPDATE_KEY
the private key that both take updates signed with.
"""

import contextlib
import functools
import http.server
import os
import pathlib
import subprocess
import threading

import machine
from harness import expect, wait_for
from machine import HOST, ROOT, Disk, Machine

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


def announce(gateway, address):
    """Tells the gateway of an update. Returns what it says of updates from then on."""
    results = gateway.subscribe(RESULT)

    def is_fetching():
        gateway.publish_text("firmware/update", address)
        return results.messages(lambda message: not message.retained)

    wait_for(is_fetching, "an answer", 60)
    return results


def send(gateway, address):
    """Tells the gateway of an update; returns what it says of it in the end."""
    return announce(gateway, address).wait(
        lambda message: message.payload != "fetching" and not message.retained,
        "the result", timeout_s=machine.PATIENCE_S)[-1].payload


def power_on(bench, options=""):
    disk = Disk(bench.directory, bench.broker(), options)
    return Machine(bench, disk).wait_online(), disk


def update(bench, options=""):
    """A gateway that has taken an update and tries it."""
    site = serve(bench, update=make_update(NEXT))
    gateway, disk = power_on(bench, options)
    result = send(gateway, site.address("update"))
    expect(result.startswith("written:"), result)
    gateway.wait_console("weir: slot B, release")
    return gateway.wait_online(), disk
