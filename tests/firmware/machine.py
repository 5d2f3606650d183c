"""A gateway in QEMU: an image on a disk of its own, a console that is kept, a broker to talk to.

emulator.py says how it is started, and which image of which board.
"""

import shlex
import shutil
import subprocess
import sys
import threading
import time

import emulator
from emulator import IMAGE, LISTENER, MEMORY_MIB, MIB, ROOT, board

sys.path.insert(0, str(ROOT / "tests" / "system"))

import harness  # noqa: E402

HOST = "10.0.2.2"  # this machine's loopback, as the guest sees it
SECTOR = 512
JUNK = b"\xa5"
STATE_AT = MIB
SLOT_AT = {"A": 52 * MIB, "B": 104 * MIB}
SLOT_BYTES = 52 * MIB
DATA_AT = 156 * MIB
KERNEL_AT = 12 * MIB

# Emulation is slow, and slower when the machine has other work.
PATIENCE_S = 120

HOT = """{ name = "hot"; stream = "climate"; field = "temperature"; above = 85.0;
           level = "critical"; }"""

STORAGE = """storage: { path = "/data/weir"; journal = "16MiB"; outbox = "8MiB"; sync = "1s"; };"""


class Disk:
    """A card with the image, and with the files an operator would put onto it."""

    def __init__(self, directory, uplink, options=""):
        self.path = directory / "disk"
        emulator.copy_image(self.path)
        files = directory / "config"
        (files / "mosquitto.d").mkdir(parents=True)
        (files / "weir.conf").write_text(harness.config(
            Address("127.0.0.1", 1883), Address(HOST, uplink.port), alerts=HOT, more=STORAGE,
            uplink_more='format = "json";'))
        (files / "mosquitto.d" / "test.conf").write_text(LISTENER)
        self.put(files / "weir.conf", "::config/")
        self.put(files / "mosquitto.d", "::config/")
        self.directory = directory
        self.set_options(options)

    def set_options(self, options):
        """What the loader adds to the kernel's parameters, from the next start on."""
        self.add("options.txt", f"weir_options={options}\n")

    def add(self, name, text):
        """A file of an operator's, by its path on the first partition; its directory is there."""
        (self.directory / name).write_text(text)
        self.put(self.directory / name, f"::{name}")

    def put(self, source, target):
        emulator.put(self.path, source, target)

    def write(self, offset, data):
        with self.path.open("r+b") as disk:
            disk.seek(offset)
            disk.write(data)

    def read(self, offset, length):
        with self.path.open("rb") as disk:
            disk.seek(offset)
            return disk.read(length)

    def overwrite(self, offset, length):
        self.write(offset, JUNK * length)

    def state(self):
        """What the card says of its slots."""
        return self.read(STATE_AT, SECTOR).rstrip(b"\0").decode()


class Address:
    """A broker somewhere."""

    def __init__(self, host, port):
        self.url = f"mqtt://{host}:{port}"


class Machine:
    """One power-on of a gateway; an emulated Pi has all the memory of the board."""

    def __init__(self, bench, disk, memory_mib=MEMORY_MIB, pi_start=emulator.pi_kernel):
        self.bench = bench
        self.port = harness.free_port()
        self.log_path = bench.directory / "console"
        self.console = b""
        self.subscribers = []
        self.began = time.monotonic()
        self.process = subprocess.Popen(
            emulator.command(disk.path, bench.directory, self.port, memory_mib, pi_start),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()
        bench.add(self)

    def read(self):
        for line in self.process.stdout:
            self.console += b"%6.2f %s" % (time.monotonic() - self.began, line)
        self.log_path.write_bytes(self.console)

    def log(self):
        return self.console.decode("utf-8", "replace")

    def wait_console(self, text, count=1):
        harness.wait_for(lambda: self.log().count(text) >= count or self.process.poll() is not None,
                         f"'{text}' on the console", PATIENCE_S)
        if self.process.poll() is not None:
            raise harness.Failure(f"the machine ended without '{text}'\n{self.log()[-2000:]}")

    def wait_online(self):
        """Until weir, in the guest, says that it is there."""
        def is_online():
            done = subprocess.run(
                ["mosquitto_sub", "-h", "127.0.0.1", "-p", str(self.port), "-C", "1", "-W", "1",
                 "-t", "weir/v1/plant-7/status"], capture_output=True, text=True, check=False)
            return done.stdout.strip() == "online"
        try:
            harness.wait_for(is_online, "the gateway", PATIENCE_S)
        except harness.Failure as failure:
            raise harness.Failure(f"{failure}\n{self.log()[-3000:]}") from failure
        return self

    def subscribe(self, *filters):
        self.subscribers.append(harness.Subscriber(self, *filters))
        return self.subscribers[-1]

    def publish(self, payload, topic="plant/north/hall-2/climate"):
        """Acknowledged by the guest's broker when this returns."""
        self.publish_text(topic, harness.json.dumps(payload))

    def publish_text(self, topic, text):
        subprocess.run(["mosquitto_pub", "-h", "127.0.0.1", "-p", str(self.port), "-q", "1",
                        "-t", topic, "-m", text], check=True, timeout=30)

    def state(self):
        """What the gateway says of itself, the first time from now on."""
        return self.subscribe("firmware/state").wait(
            matches=lambda message: not message.retained, timeout_s=60)[0].json

    def cut_power(self):
        self.process.kill()
        self.process.wait()
        self.thread.join()

    def finish(self):
        for subscriber in self.subscribers:
            subscriber.stop()
        self.cut_power()


def main(name):
    """Runs the tests of a file, or says that they are skipped."""
    if not (IMAGE / "image").exists():
        print("skipped: WEIR_IMAGE names no image; ./dev boot-test makes one")
        sys.exit(77)
    if not emulator.is_known():
        print("skipped: the emulator knows no such board")
        sys.exit(77)
    for tool in (shlex.split(board()["EMULATOR"])[0], "mkenvimage", "mcopy", "mosquitto_sub"):
        if not shutil.which(tool):
            print(f"skipped: there is no {tool}")
            sys.exit(77)
    harness.main(name)
