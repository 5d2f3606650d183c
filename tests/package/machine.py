"""A machine to install packages on: this one, seen through an overlay that is gone afterwards.

The overlay and everything mounted for it, and the processes of a machine that was booted, live in
namespaces of their own; nothing that is done there touches this machine's files. The network is
common to both.
"""

import contextlib
import os
import pathlib
import signal
import subprocess

from harness import Failure, expect, stop_process, wait_for

SCRIPT = pathlib.Path(__file__).with_name("machine.sh")
NAMESPACES = ["--mount", "--propagation", "private", "--pid", "--fork", "--kill-child"]


def make_control_group():
    """A control group of our own for a systemd to be the root of; None: it cannot be."""
    for line in pathlib.Path("/proc/self/cgroup").read_text().splitlines():
        number, controllers, path = line.split(":", 2)
        if number == "0" and pathlib.Path("/sys/fs/cgroup/cgroup.procs").exists():
            top = pathlib.Path("/sys/fs/cgroup")
        elif controllers == "name=systemd":
            top = pathlib.Path("/sys/fs/cgroup/systemd")
        else:
            continue
        group = top / path[1:] / f"weir-test-{os.getpid()}"
        with contextlib.suppress(OSError):
            group.mkdir()
            return group
    return None


def remove_control_group(group):
    """Once its processes are gone."""
    for directory in sorted((path for path in group.rglob("*") if path.is_dir()), reverse=True):
        directory.rmdir()
    group.rmdir()


class Machine:
    """boots: under a systemd of its own, if this machine lets it; else nothing runs there."""

    def __init__(self, directory, boots=False):
        self.directory = pathlib.Path(directory) / "machine"
        self.directory.mkdir()
        self.group = make_control_group() if boots else None
        command = ["unshare", *NAMESPACES]
        if self.group:
            command += ["--cgroup", "--uts", "--ipc"]
            enter = f'echo $$ >"{self.group}/cgroup.procs"; exec "$@"'
            command = ["sh", "-c", enter, "sh", *command]
        command += [SCRIPT, self.directory] + ([self.group] if self.group else [])
        self.log_path = self.directory.with_suffix(".log")
        self.log_file = self.log_path.open("w", encoding="utf-8")
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL,
                                        stderr=self.log_file, text=True)
        self.mounted = self.process.stdout.readline() == "mounted\n"
        if self.mounted:
            self.first = self.find_first()

    def find_first(self):
        """The process that is number 1 there."""
        children = f"/proc/{self.process.pid}/task/{self.process.pid}/children"
        return int(pathlib.Path(children).read_text().split()[0])

    def booted(self):
        """True once systemd takes orders there; False: it does not."""
        if not self.mounted or not self.group:
            return False
        with contextlib.suppress(Failure):
            return bool(wait_for(lambda: self.path("/run/systemd/private").exists(), "systemd"))
        return False

    def log(self):
        return self.log_path.read_text()

    def path(self, name):
        """A file of the machine, as seen from here."""
        return pathlib.Path(f"/proc/{self.first}/root{name}")

    def call(self, *arguments):
        """A command to its end: the completed process."""
        enter = ["nsenter", "--target", str(self.first), "--mount", "--pid", "--root", "--wd"]
        if self.group:
            enter.append("--cgroup")
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8",
                       "SYSTEMD_PAGER": ""}
        return subprocess.run([*enter, *map(str, arguments)], capture_output=True, text=True,
                              check=False, timeout=120, env=environment, cwd="/")

    def run(self, *arguments):
        """A command that has to succeed: what it wrote to stdout."""
        done = self.call(*arguments)
        expect(done.returncode == 0,
               f"{' '.join(map(str, arguments))} ended with {done.returncode}: {done.stderr}")
        return done.stdout

    def finish(self):
        # unshare waits for its child, and for no signal.
        if self.mounted:
            os.kill(self.first, signal.SIGKILL)
        stop_process(self.process)
        self.process.stdout.close()
        self.log_file.close()
        if self.group:
            wait_for(lambda: not any(path.read_text()
                                     for path in self.group.rglob("cgroup.procs")),
                     "the machine to end")
            remove_control_group(self.group)
        self.directory.rmdir()
