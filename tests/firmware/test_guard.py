#!/usr/bin/python3
"""The guard by itself, on this machine: its files in a directory, the programs it calls made up."""

import os
import pathlib
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "system"))

import harness  # noqa: E402
from harness import expect, wait_for  # noqa: E402

SCRIPTS = ROOT / "firmware" / "rootfs" / "usr" / "lib" / "weir"


class Guard:
    """A guard that runs, of a gateway on which mosquitto_sub does what is said."""

    def __init__(self, directory, mosquitto_sub, options, confirmed):
        self.directory = directory
        for name, text in {"disk": "/nonexistent/disk", "slot": "B", "watchdog0": "",
                           "cmdline": options, "progress": self.seconds()}.items():
            (directory / name).write_text(f"{text}\n")
        if confirmed:
            (directory / "confirmed").touch()
        programs = directory / "programs"
        programs.mkdir()
        self.add_program("mosquitto_sub", mosquitto_sub)
        self.add_program("reboot", f"touch {directory}/reboot")
        self.script = self.rewritten("guard")
        self.process = subprocess.Popen(
            ["bash", self.script], env={**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"})

    @staticmethod
    def seconds():
        return pathlib.Path("/proc/uptime").read_text().split(".")[0]

    def add_program(self, name, text):
        path = self.directory / "programs" / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)

    def rewritten(self, name):
        """The script, with its files below the directory."""
        text = (SCRIPTS / name).read_text()
        for place in ("/run", "/dev/watchdog", "/proc/cmdline"):
            text = text.replace(place, str(self.directory) + place.removeprefix("/run")
                                .removeprefix("/dev").removeprefix("/proc"))
        if name == "guard":
            text = text.replace("/usr/lib/weir/slots", str(self.rewritten("slots")))
        (self.directory / name).write_text(text)
        return self.directory / name

    def fed(self):
        return (self.directory / "watchdog0").read_text().count(".")

    def log(self):
        return ""

    def finish(self):
        harness.stop_process(self.process)


def test_trial_without_broker(bench):
    """On trial, with the broker gone, patience comes to an end, and with it the trial."""
    guard = bench.add(Guard(bench.directory, "exit 1", "weir.grace=3", confirmed=False))
    wait_for((bench.directory / "reboot").exists, "the trial to be given up")
    expect(guard.process.poll() is None, "the guard has left the watchdog closed")


def test_watchdog_without_broker(bench):
    """With the broker gone the watchdog is fed as long as patience lasts, and stays open."""
    guard = bench.add(Guard(bench.directory, "exit 1", "weir.grace=4", confirmed=True))
    wait_for(lambda: guard.fed() > 0, "the watchdog to be fed")
    began = int(guard.seconds())
    wait_for(lambda: int(guard.seconds()) >= began + 5, "patience to end")
    fed = guard.fed()
    time.sleep(3)
    expect(guard.fed() == fed, "the watchdog is fed without progress")
    expect(guard.process.poll() is None, "the guard has left the watchdog closed")


if not shutil.which("bash"):
    print("skipped: there is no bash")
    sys.exit(77)
harness.main(__name__)
