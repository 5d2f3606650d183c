#!/usr/bin/python3
"""An image started by hand: its broker is reached, and its card is kept."""

import os
import signal
import subprocess
import sys

import emulator
import machine
from harness import equal, expect, free_port, wait_for


class Terminal:
    """What ./dev emulate starts, and Ctrl-C."""

    def __init__(self, bench, card):
        self.port = free_port()
        self.log_path = bench.directory / f"console-{self.port}"
        with self.log_path.open("wb") as console:
            self.process = subprocess.Popen(
                [sys.executable, emulator.__file__, card, str(self.port)],
                stdin=subprocess.DEVNULL, stdout=console, stderr=console, start_new_session=True)
        bench.add(self)

    def is_online(self):
        expect(self.process.poll() is None, "the emulator ended")
        done = subprocess.run(
            ["mosquitto_sub", "-h", "127.0.0.1", "-p", str(self.port), "-C", "1", "-W", "1",
             "-t", "weir/v1/gateway-1/status"], capture_output=True, text=True, check=False)
        return done.stdout.strip() == "online"

    def log(self):
        return self.log_path.read_text("utf-8", "replace")

    def interrupt(self):
        os.killpg(self.process.pid, signal.SIGINT)
        return self.process.wait(30)

    def finish(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def test_by_hand(bench):
    """The image's own configuration works, and a card that is newer than the image is kept."""
    card = bench.directory / "card"
    terminal = Terminal(bench, card)
    wait_for(terminal.is_online, "the gateway", machine.PATIENCE_S)
    equal(terminal.interrupt(), 0, "the status of what is interrupted")
    before = card.stat().st_ino
    terminal = Terminal(bench, card)
    wait_for(terminal.is_online, "the gateway, again", machine.PATIENCE_S)
    equal(card.stat().st_ino, before, "the card's file")


machine.main(__name__)
