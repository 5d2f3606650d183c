"""A service manager, as far as a service has to do with one."""

import contextlib
import os
import socket

from harness import wait_for


class Manager:
    """The socket that a service manager listens on."""

    count_made = 0

    def __init__(self, bench, watchdog_s=0):
        name = f"weir-test-{os.getpid()}-{Manager.count_made}"
        Manager.count_made += 1
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(f"\0{name}")
        self.socket.setblocking(False)
        self.heard = []
        self.environment = {"NOTIFY_SOCKET": f"@{name}"}
        if watchdog_s:
            self.environment["WATCHDOG_USEC"] = str(int(watchdog_s * 1_000_000))
        bench.add(self)

    def listen(self):
        """Everything so far, a line each."""
        with contextlib.suppress(BlockingIOError):
            while True:
                self.heard += self.socket.recv(65536).decode().split("\n")
        return self.heard

    def count(self, start):
        return sum(line.startswith(start) for line in self.listen())

    def wait(self, start, count=1):
        wait_for(lambda: self.count(start) >= count, f"{count} x {start}")
        return [line for line in self.heard if line.startswith(start)][-1]

    def finish(self):
        self.socket.close()

    def log(self):
        return ""
