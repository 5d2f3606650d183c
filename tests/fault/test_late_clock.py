"""A gateway that does not know the time until its outbox holds batches."""

import os
import sys
import time

import faults
from faults import BATCHES, Clock, Disk, Link
from harness import config, equal, expect, wait_for

STREAM = """{ name = "arrival"; topics = [ "arrival/{device}" ]; format = "number";
      fields = ( { name = "t"; } ); window = { size = "50ms"; };
      aggregates = [ "count", "sum", "first", "last", "min", "max", "mean" ]; max_series = 50; }"""
SERIES_COUNT = 40
WINDOW_MS = 50


class Site:
    """A daemon that believes to be in 1970, and its uplink, out of reach."""

    def __init__(self, bench):
        self.broker = faults.quiet_broker(bench).start()
        self.uplink = faults.quiet_broker(bench).start()
        self.link = bench.add(Link(self.uplink))
        self.link.close()
        self.batches = self.uplink.subscribe(BATCHES)
        self.status = self.broker.subscribe(f"weir/v1/{faults.GATEWAY}/status")
        self.clock = Clock(bench.directory)
        self.disk = Disk(bench.directory)
        self.weir = faults.kept_weir(bench)
        self.weir.variables = {"LD_PRELOAD": f"{faults.CLOCK_SHIM}:{faults.DISK_SHIM}",
                               **self.clock.variables(), **self.disk.variables(self.weir.state)}
        self.weir.configure(config(self.broker, self.link, streams=STREAM,
                                   more=self.weir.storage()))
        self.sender = faults.Sender(self.broker.port)
        self.sent = 0
        self.began_ms = self.ended_ms = 0

    def start(self):
        before = self.online_count()
        self.weir.start()
        wait_for(lambda: self.online_count() > before, "online")
        self.broker.wait_session()
        return self

    def online_count(self):
        return len(self.status.messages(lambda message: message.payload == "online"))

    def be_late(self):
        self.clock.set(3600 - int(time.time()), synchronised=False)

    def send(self, seconds):
        """Values of all series."""
        self.began_ms = self.began_ms or int(time.time() * 1000)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for number in range(SERIES_COUNT):
                self.sender.publish(f"arrival/d{number}", str(self.sent % 97))
                self.sent += 1
            time.sleep(0.02)
        self.sender.settle()
        self.ended_ms = int(time.time() * 1000)

    def outbox(self):
        return list((self.weir.state / "outbox").glob("*.batch"))

    def learn_time(self):
        """The clock is right from here on, and the log says so."""
        self.clock.set()
        self.send(0.1)

    def receive(self):
        self.link.reopen()

        def count():
            return sum(faults.count_rows(faults.read_batches(self.batches)[0]).values()) >= self.sent

        wait_for(count, "every value", 30)
        self.batches.settle()
        return faults.read_batches(self.batches)[0]


def expect_account(site, found):
    """Every value once, every number received or replaced. Returns the numbers of what says that its
    times are in doubt, and is right to."""
    rows = [row for batch in found.values() for row in batch["summaries"]]
    equal(sum(row["count"] for row in rows), site.sent, "values")
    equal(sum(row["sum"] for row in rows), sum(number % 97 for number in range(site.sent)),
          "their sum")
    equal(len({epoch for epoch, _ in found}), 1, "epochs")
    told = {number for _, number in found}
    for batch in found.values():
        for first, last in batch.get("replaces", []):
            told.update(range(first, last + 1))
    missing = set(range(1, max(told) + 1)) - told
    expect(not missing, f"numbers neither received nor replaced: {sorted(missing)[:10]}")
    doubted = [number for (_, number), batch in found.items()
               if batch.get("clock") == "unsynchronised" and batch["created"] < site.began_ms - 1000]
    early_ms, late_ms = site.began_ms - 1000 - WINDOW_MS, site.ended_ms + 1000
    for (_, number), batch in found.items():
        if number in doubted:
            continue
        expect(early_ms <= batch["created"], f"created at {batch['created']}")
        for row in batch["summaries"]:
            expect(early_ms <= row["start"] <= late_ms,
                   f"a row of {row['start']} among values of {early_ms} to {late_ms}: {row}")
    return doubted


def test_set(bench):
    """What waits in the outbox when the clock is set leaves with the times put right."""
    site = Site(bench)
    site.be_late()
    site.start()
    site.send(4)
    wait_for(lambda: len(site.outbox()) >= 2, "batches in the outbox")
    site.learn_time()
    time.sleep(1.5)
    site.send(0.5)
    found = site.receive()
    doubted = expect_account(site, found)
    equal(doubted, [], "batches still in doubt")
    corrected = [batch for batch in found.values() if batch.get("clock") == "corrected"]
    expect(len(corrected) >= 2, f"{len(corrected)} batches put right")
    expect(any("replaces" in batch for batch in corrected), "they say what they stand for")


def test_on_its_way(bench):
    """A batch that may have left keeps its bytes, and says what its clock was."""
    site = Site(bench)
    site.be_late()
    site.start()
    site.link.reopen()
    site.send(1.5)
    site.batches.wait(what="a batch")
    site.link.mute()
    site.send(4)
    wait_for(lambda: len(site.outbox()) >= 2, "batches in the outbox")
    site.learn_time()
    time.sleep(1.5)
    site.send(0.5)
    found = site.receive()
    doubted = expect_account(site, found)
    expect(doubted, "what left before is in doubt")
    expect(any(batch.get("clock") == "corrected" for batch in found.values()), "the rest is not")


def test_killed(bench):
    """kill -9 while times are put right: nothing is lost, counts twice or is left out."""
    random, rounds = faults.draw_seed(), faults.soak_rounds(4)
    site = Site(bench)
    site.be_late()
    site.start()
    site.send(5)
    wait_for(lambda: len(site.outbox()) >= 3, "batches in the outbox")
    site.disk.set(operations=faults.RENAME, delay_ms=30)
    site.learn_time()
    for _ in range(rounds):
        time.sleep(random.uniform(0, 0.3))
        site.weir.kill()
        site.start()
    site.disk.heal()
    time.sleep(1.5)
    site.send(0.5)
    doubted = expect_account(site, site.receive())
    # The first may have been on its way when the process ended.
    expect(len(doubted) <= 1, f"{len(doubted)} batches in doubt")


if __name__ == "__main__" and not os.access(faults.CLOCK_SHIM, os.R_OK):
    print(f"skipped: there is no {faults.CLOCK_SHIM}; WEIR_FAULT_CLOCK_SHIM names it")
    sys.exit(77)
faults.main(__name__)
