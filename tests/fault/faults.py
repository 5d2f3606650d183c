"""What the fault tests add to the system tests' harness: a steady load that knows what the broker
acknowledged, a link to the uplink that can be cut, and the account of both ends.

WEIR_SEED repeats a run; every test prints the seed it drew.
"""

import collections
import contextlib
import json
import mmap
import os
import pathlib
import random
import re
import shutil
import socket
import struct
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "system"))

import harness  # noqa: E402  (found through the line above)
from harness import Broker, Failure, T0, Weir, equal, expect, wait_for  # noqa: E402
from sender import Sender  # noqa: E402

GATEWAY = "plant-7"
BATCHES = f"weir/v1/{GATEWAY}/batch"
EVENTS = f"weir/v1/{GATEWAY}/alert/+/+/event"
INFO = f"weir/v1/{GATEWAY}/info"
SERIES_COUNT = 10
WINDOW_MS = 1000

# One window a second of 100 samples a series, and an event every 25 samples.
LOAD = """{ name = "load"; topics = [ "load/{device}" ]; format = "json";
      time = { field = "ts"; unit = "ms"; };
      fields = ( { name = "t"; path = "t"; } );
      window = { size = "1s"; lateness = "1s"; idle = "1h"; };
      aggregates = [ "count", "sum", "first", "last", "p50", "p99.9" ]; max_series = 20; }"""
# Every event counts: none is to be held back.
HOT = ('{ name = "hot"; stream = "load"; field = "t"; above = 30.0; deadband = 2.0;'
       ' flap = "off"; storm = "off"; }')


def draw_seed():
    seed = int(os.environ.get("WEIR_SEED") or random.SystemRandom().randrange(1 << 32))
    print(f"      WEIR_SEED={seed}", flush=True)
    return random.Random(seed)


def soak_rounds(usual):
    return int(os.environ.get("WEIR_SOAK_ROUNDS") or usual)


class QuietBroker(Broker):
    """A broker that does not log every message: a soak would fill the disk with them."""

    def __init__(self, directory, name, persistent=False, more=""):
        super().__init__(directory, name, persistent)
        path = self.directory / "conf"
        text = path.read_text().replace(
            "log_type all", "log_type warning\nlog_type error\nlog_type subscribe")
        path.write_text(text + more)

    def wait_session(self):
        """Waits for the daemon's first subscription: its session begins with it, and what is
        published before is nobody's."""
        wait_for(lambda: re.search(rf" weir-{GATEWAY} \d ", self.log()), "a subscription")


def quiet_broker(bench, persistent=False, more=""):
    bench.broker_count += 1
    return bench.add(QuietBroker(bench.directory, f"broker-{bench.broker_count}", persistent,
                                 more))


class KeptWeir(Weir):
    """A daemon with a state directory, and its log's ring on a tmpfs directory of its own."""

    def __init__(self, directory, name, variables=None):
        super().__init__(directory, "", name)
        self.state = self.directory / "state"
        self.state.mkdir()
        self.rings = pathlib.Path(tempfile.mkdtemp(prefix="weir-test-", dir="/dev/shm"))
        self.variables = variables or {}

    def start(self):
        before = dict(os.environ)
        os.environ.update(self.variables, RUNTIME_DIRECTORY=str(self.rings))
        try:
            return super().start()
        finally:
            os.environ.clear()
            os.environ.update(before)

    def lose_ring(self):
        """What a power cut does beside ending the process."""
        for ring in self.rings.iterdir():
            ring.unlink()

    def storage(self, settings=""):
        return f'storage: {{ path = "{self.state}"; {settings} }};'

    def finish(self):
        super().finish()
        shutil.rmtree(self.rings, ignore_errors=True)


def kept_weir(bench, variables=None):
    bench.weir_count += 1
    return bench.add(KeptWeir(bench.directory, f"weir-{bench.weir_count}", variables))


def shim(name, variable):
    return os.environ.get(variable,
                          str(harness.ROOT / "build" / "dev" / "tests" / f"libfault_{name}.so"))


DISK_SHIM = shim("disk", "WEIR_FAULT_SHIM")
CLOCK_SHIM = shim("clock", "WEIR_FAULT_CLOCK_SHIM")
WRITE, SYNC, OPEN, RENAME, ALLOCATE = (1 << bit for bit in range(5))
ALL = WRITE | SYNC | OPEN | RENAME | ALLOCATE


class Control:
    """A file of memory that a shim looks at with every call."""

    def __init__(self, directory, name):
        self.path = pathlib.Path(directory) / name
        self.path.write_bytes(bytes(4096))
        with open(self.path, "r+b") as file:
            self.memory = mmap.mmap(file.fileno(), 4096)


class Disk(Control):
    """What the shim of the disk does from now on."""

    def __init__(self, directory):
        super().__init__(directory, "disk-control")

    def variables(self, state):
        return {"WEIR_FAULT_CONTROL": str(self.path), "WEIR_FAULT_STATE": str(state)}

    def set(self, operations=0, error=0, delay_ms=0, short_writes=0):
        self.memory[:16] = struct.pack("<IIII", 0, error, delay_ms, short_writes)
        self.memory[:4] = struct.pack("<I", operations)

    def heal(self):
        self.set()

    def hits(self):
        return struct.unpack_from("<I", self.memory, 16)[0]


class Clock(Control):
    """What the shim of the clock says from now on."""

    def __init__(self, directory):
        super().__init__(directory, "clock-control")

    def variables(self):
        return {"WEIR_FAULT_CLOCK": str(self.path)}

    def set(self, ahead_s=0, synchronised=True):
        self.memory[:12] = struct.pack("<qI", ahead_s, not synchronised)


class Load:
    """Samples of ten series at a steady rate, each with a time and a value that follow from its
    number alone. Broker time runs as fast as the samples say: a window is a second at 1,000/s."""

    def __init__(self, broker, rate=1000):
        self.sender = Sender(broker.port)
        self.rate = rate
        self.count = 0
        self.stopping = False
        self.error = None
        self.thread = None
        self.closed_count = 0  # samples before the closing ones, once they are sent
        self.gap_end = 0       # the number of the first closing one

    @staticmethod
    def value(number):
        step = number // SERIES_COUNT
        return (35 if step // 25 % 2 else 20) + (step % 7) / 8

    def send(self, number):
        self.sender.publish(f"load/d{number % SERIES_COUNT}",
                            f'{{"ts":{T0 + number},"t":{self.value(number)}}}')

    def run(self):
        begin, first = time.monotonic(), self.count
        try:
            while not self.stopping:
                due = first + int((time.monotonic() - begin) * self.rate)
                while self.count < due and not self.stopping:
                    self.send(self.count)
                    self.count += 1
                time.sleep(0.005)
        except Exception as error:  # handed over to the test by pause()
            self.error = error

    def start(self):
        self.stopping = False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()
        return self

    def pause(self):
        """Everything sent is acknowledged on return."""
        self.stopping = True
        self.thread.join()
        if self.error:
            raise self.error
        self.sender.settle()

    def send_some(self, count):
        for _ in range(count):
            self.send(self.count)
            self.count += 1
        self.sender.settle()

    def close_windows(self):
        """A sample of each series far ahead, which closes everything before it."""
        self.gap_end = self.count = (self.count // 20000 + 2) * 20000
        self.send_some(SERIES_COUNT)

    def numbers(self):
        """Of all samples but the closing ones."""
        return range(self.closed_count)

    def finish(self):
        """Ends the load; returns how many samples it had, the closing ones not counted."""
        if self.thread and self.thread.is_alive():
            self.pause()
        self.closed_count = self.count
        self.close_windows()
        self.sender.close()
        return self.closed_count

    def windows(self):
        """(series, start): count, of what is closed at the end."""
        found = collections.Counter()
        for number in self.numbers():
            found[f"d{number % SERIES_COUNT}", T0 + number // WINDOW_MS * WINDOW_MS] += 1
        return found

    def events(self):
        """(series, sequence): (event, time), of what is sent until the end."""
        found, active, sequence = {}, [False] * SERIES_COUNT, [0] * SERIES_COUNT
        for number in [*self.numbers(), *range(self.gap_end, self.count)]:
            series, value = number % SERIES_COUNT, self.value(number)
            if value > 30 if not active[series] else value <= 28:
                active[series] = not active[series]
                sequence[series] += 1
                found[f"d{series}", sequence[series]] = (
                    "raised" if active[series] else "cleared", T0 + number)
        return found


class Link:
    """A way to a broker that can be cut and closed: what was on its way is lost, as it is with a
    real one, while the broker keeps what it has acknowledged."""

    def __init__(self, broker):
        self.broker = broker
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"mqtt://127.0.0.1:{self.listener.getsockname()[1]}"
        self.pairs = set()
        self.open = True
        self.muted = False
        self.broken = False
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                near, _ = self.listener.accept()
                if not self.open:
                    near.close()
                    continue
                far = socket.create_connection(("127.0.0.1", self.broker.port))
            except OSError:
                if self.broken:
                    return
                continue
            self.pairs.add((near, far))
            for ends in ((near, far, False), (far, near, True)):
                threading.Thread(target=self.pass_on, args=ends, daemon=True).start()

    def pass_on(self, source, sink, back):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if back and self.muted:
                    continue
                sink.sendall(data)
        self.end(source)
        self.end(sink)

    @staticmethod
    def end(connection):
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)

    def cut(self):
        for pair in list(self.pairs):
            self.pairs.discard(pair)
            for connection in pair:
                self.end(connection)

    def close(self):
        self.open = False
        self.cut()

    def mute(self):
        """From now on the broker's answers do not arrive."""
        self.muted = True

    def reopen(self):
        if self.muted:
            self.cut()
        self.muted = False
        self.open = True

    def log(self):
        return ""

    def finish(self):
        self.broken = True
        self.close()
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


def read_batches(subscriber):
    """The distinct batches by (epoch, seq), and how often one came again. Equal bytes or failure."""
    found, batches, repeated = {}, {}, 0
    for message in subscriber.messages():
        batch = message.json
        key = batch["epoch"], batch["seq"]
        if key in found:
            repeated += 1
            equal(message.bytes, found[key], f"batch {key} the second time")
        else:
            batches[key] = batch
        found[key] = message.bytes
    return batches, repeated


def count_rows(batches):
    """(series, start): count, over all rows of a stream of ours."""
    found = collections.Counter()
    for batch in batches.values():
        for row in batch["summaries"]:
            found[row["series"], row["start"]] += row["count"]
    return found


def expect_no_gaps(batches):
    """The numbers of every epoch run from 1."""
    epochs = collections.defaultdict(list)
    for epoch, number in batches:
        epochs[epoch].append(number)
    for epoch, numbers in epochs.items():
        missing = set(range(1, max(numbers) + 1)) - set(numbers)
        expect(not missing, f"epoch {epoch} lacks {sorted(missing)[:10]} of {max(numbers)}")
    return epochs


def expect_counts(found, expected):
    """Every window's count, with the first ones that are wrong."""
    wrong = [(key, found.get(key, 0), expected.get(key, 0))
             for key in sorted(set(found) | set(expected))
             if found.get(key, 0) != expected.get(key, 0)]
    lost = sum(max(right - left, 0) for _, left, right in wrong)
    twice = sum(max(left - right, 0) for _, left, right in wrong)
    expect(not wrong, f"{lost} lost, {twice} too many in {len(wrong)} windows "
                      f"(series, start): found, published: {wrong[:5]}")


def read_events(subscriber):
    """(rule, series, seq): contents; equal every time, or failure."""
    found = {}
    for message in subscriber.messages(lambda message: message.topic.endswith("/event")):
        event = message.json
        key = event["rule"], event["series"], event["seq"]
        if key in found:
            equal(message.payload, found[key], f"event {key} the second time")
        found[key] = message.payload
    return {key: json.loads(payload) for key, payload in found.items()}


def expect_events(found, expected):
    """Every event of rule hot, once, with its time."""
    seen = {(series, number): (event["event"], event["ts"])
            for (rule, series, number), event in found.items() if rule == "hot"}
    wrong = [(key, seen.get(key), expected.get(key)) for key in sorted(set(seen) | set(expected))
             if seen.get(key) != expected.get(key)]
    expect(not wrong, f"{len(wrong)} of {len(expected)} events differ "
                      f"(series, seq): found, expected: {wrong[:5]}")


def wait_for_windows(subscriber, expected, timeout_s=30):
    """Waits until the last window of every series is here."""
    last = max(start for _, start in expected)
    wanted = [key for key in expected if key[1] == last]
    state = {"at": 0, "seen": set()}

    def all_here():
        lines = subscriber.lines
        while state["at"] < len(lines):
            line = lines[state["at"]]
            state["at"] += 1
            if line.startswith("weir/v1/") and "/batch\t" in line:
                state["seen"] |= {(row["series"], row["start"])
                                  for row in harness.Message(line).json["summaries"]
                                  if row["start"] == last}
        return all(key in state["seen"] for key in wanted)

    wait_for(all_here, "the last windows", timeout_s)


def last_info(broker):
    return broker.retained(INFO)[INFO].json


def main(name):
    harness.main(name)
