"""A disk that fails, fills, hangs or lies: alerts and summaries go on, and it is said."""

import errno
import os
import sys
import time

import faults
import harness
from faults import ALL, ALLOCATE, BATCHES, EVENTS, HOT, INFO, LOAD, OPEN, RENAME, SYNC, WRITE
from faults import Disk, Load
from harness import config, equal, expect, wait_for


class Site:
    """A daemon over a disk that does what it is told, and what comes out of it."""

    def __init__(self, bench, settings=""):
        self.broker = faults.quiet_broker(bench).start()
        self.uplink = faults.quiet_broker(bench).start()
        self.batches = self.uplink.subscribe(BATCHES)
        self.alerts = self.broker.subscribe(EVENTS)
        self.infos = self.broker.subscribe(INFO)
        self.status = self.broker.subscribe(f"weir/v1/{faults.GATEWAY}/status")
        self.disk = Disk(bench.directory)
        self.weir = faults.kept_weir(bench)
        self.weir.variables = {"LD_PRELOAD": faults.DISK_SHIM,
                               **self.disk.variables(self.weir.state)}
        self.weir.configure(config(self.broker, self.uplink, streams=LOAD, alerts=HOT,
                                   more=self.weir.storage(settings)))
        self.load = None

    def start(self, timeout_s=15):
        before = len(self.status.messages(lambda message: message.payload == "online"))
        self.weir.start()
        self.status.wait(lambda message: message.payload == "online", "online", before + 1,
                         timeout_s)
        self.broker.wait_session()
        if not self.load:
            self.load = Load(self.broker)
        return self

    def storage(self):
        infos = self.infos.messages()
        return infos[-1].json["storage"] if infos else None

    def wait_storage(self, good, timeout_s):
        wait_for(lambda: (self.storage() == "good") == good,
                 f"storage to be {'good' if good else 'said to be bad'}; it is {self.storage()!r}",
                 timeout_s)

    def expect_alive(self, seconds=3.0):
        """Every event is here within two seconds, and batches keep coming."""
        batches, end = len(self.batches.messages()), time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(0.5)
            seen, lag = len(self.alerts.messages()), time.monotonic()
            wait_for(lambda: len(self.alerts.messages()) > seen,
                     "an event while the disk is bad", 2)
            expect(time.monotonic() - lag < 2 * harness.SLOW, "an event took two seconds")
        wait_for(lambda: len(self.batches.messages()) > batches, "a batch while the disk is bad",
                 5)

    def settle(self):
        """Ends the load; both ends have to agree, epochs apart."""
        self.load.finish()
        faults.wait_for_windows(self.batches, self.load.windows())
        self.alerts.wait(count=len(self.load.events()), timeout_s=30)
        found, repeated = faults.read_batches(self.batches)
        epochs = faults.expect_no_gaps(found)
        faults.expect_counts(faults.count_rows(found), self.load.windows())
        faults.expect_events(faults.read_events(self.alerts), self.load.events())
        print(f"      {self.load.closed_count} samples, {len(found)} batches, {repeated} again, "
              f"{len(epochs)} epoch(s)")


def go_through(bench, cases, settings=""):
    """Each fault in turn while running, and a kill behind each."""
    site = Site(bench, settings).start()
    site.load.start()
    for name, fault in cases:
        site.disk.set(**fault)
        site.wait_storage(False, 5)
        # What follows tells which fault it was if this fails.
        site.expect_alive()
        site.disk.heal()
        site.wait_storage(True, 10)
        expect(site.weir.count_log(r"error: storage: ") > 0, f"{name}: the log says nothing")
        time.sleep(0.5)
        site.weir.kill()
        site.start()
    site.settle()


def test_write_errors(bench):
    """EIO, ENOSPC and EROFS while running are said, gone through, and over when they are."""
    go_through(bench, [
        ("EIO on write", {"operations": WRITE, "error": errno.EIO}),
        ("EIO on sync", {"operations": SYNC, "error": errno.EIO}),
        ("ENOSPC", {"operations": WRITE | ALLOCATE | OPEN, "error": errno.ENOSPC}),
        ("EROFS", {"operations": ALL, "error": errno.EROFS}),
        ("EIO on rename", {"operations": RENAME, "error": errno.EIO}),
    ])


def test_hang(bench):
    """A disk that takes five seconds a call holds up neither alerts nor batches."""
    go_through(bench, [("five seconds", {"operations": WRITE | SYNC, "delay_ms": 5000})])


def test_hang_synced(bench):
    """Nor does it with sync = "0", where messages wait for the disk."""
    go_through(bench, [("five seconds", {"operations": WRITE | SYNC, "delay_ms": 5000})],
               'sync = "0";')


def test_short_writes(bench):
    """Writes that take a third of what they are given are gone on with."""
    site = Site(bench).start()
    site.disk.set(short_writes=1)
    site.load.start()
    for _ in range(3):
        time.sleep(1.5)
        site.weir.kill()
        site.start()
    equal(site.storage(), "good", "the storage")
    site.settle()


def test_kill_during_fault(bench):
    """A kill while the disk fails loses nothing of what the ring still holds."""
    site = Site(bench).start()
    site.load.start()
    for fault in ({"operations": WRITE, "error": errno.EIO},
                  {"operations": ALL, "error": errno.EROFS}):
        time.sleep(1)
        site.disk.set(**fault)
        site.wait_storage(False, 5)
        time.sleep(1.5)
        site.weir.kill()
        site.disk.heal()
        site.start()
        site.wait_storage(True, 10)
    site.settle()


def test_fault_without_uplink(bench):
    """Batches made while the disk fails and the uplink is away outlive a kill once it works."""
    site = Site(bench).start()
    site.load.start()
    time.sleep(1)
    site.uplink.freeze()
    site.disk.set(operations=ALL, error=errno.EIO)
    site.wait_storage(False, 5)
    time.sleep(3)
    site.disk.heal()
    site.wait_storage(True, 10)
    time.sleep(3)
    site.weir.kill()
    site.uplink.thaw()
    site.start()
    site.settle()


def test_bad_start(bench):
    """A disk that fails or hangs at the start keeps nobody up; it is taken up when it works."""
    site = Site(bench)
    for name, fault in (("EIO", {"operations": ALL, "error": errno.EIO}),
                        ("ENOSPC", {"operations": WRITE | ALLOCATE, "error": errno.ENOSPC}),
                        ("EROFS", {"operations": ALL, "error": errno.EROFS}),
                        ("hangs", {"operations": ALL, "delay_ms": 2000})):
        site.disk.set(**fault)
        # A start waits ten seconds for its disk by itself.
        site.start(timeout_s=40)
        site.wait_storage(False, 5)
        expect(site.weir.count_log(r"error: storage: ") > 0, f"{name}: the log says nothing")
        site.load.start()
        site.expect_alive(1)
        site.load.pause()
        site.disk.heal()
        site.wait_storage(True, 20)
        site.load.send_some(100)
        time.sleep(1.5)
        verified = bench.run("journal", "verify", "--path", str(site.weir.state))
        equal(verified.returncode, 0, f"{name}: verify says {verified.stdout}")
        site.weir.kill()
        before = len(site.infos.messages())
        site.start()
        site.infos.wait(count=before + 1)
        site.wait_storage(True, 5)
        site.weir.kill()


def damage(path, random):
    """Cuts a file short or flips a byte of what is in it."""
    data = bytearray(path.read_bytes())
    used = len(data.rstrip(b"\0")) or len(data)
    if random.random() < 0.5:
        path.write_bytes(data[:random.randrange(used)])
    else:
        data[random.randrange(used)] ^= 1 << random.randrange(8)
        path.write_bytes(data)


def test_damage(bench):
    """What was damaged while stopped is set aside as .bad, never deleted, and weir starts."""
    random = faults.draw_seed()
    site = Site(bench).start()
    state = site.weir.state
    for folder in ("journal", "snapshots", "outbox", "."):
        site.load.start()
        time.sleep(1.2)
        site.load.pause()
        site.uplink.freeze()
        site.load.send_some(2000)
        wait_for(lambda: any(state.glob("outbox/*.batch")), "a batch in the outbox")
        # Only a stop leaves a snapshot of a log that is this short.
        site.weir.kill() if folder == "journal" else site.weir.stop()
        files = [path for path in sorted((state / folder).iterdir())
                 if path.is_file() and path.suffix not in (".bad", ".new")
                 and path.name not in ("lock", "store.copy", "closed")]
        expect(files, f"no file to damage in {folder}")
        # The older snapshot is looked at only when the newer one is damaged.
        chosen = files[-1] if folder == "snapshots" else random.choice(files)
        damage(chosen, random)
        bytes_before = chosen.read_bytes()
        site.weir.lose_ring()
        site.uplink.thaw()
        site.start()
        site.load.start()
        site.expect_alive(1)
        site.load.pause()
        site.wait_storage(True, 10)
        if folder in ("snapshots", "outbox"):
            aside = chosen.with_name(chosen.name + ".bad")
            wait_for(aside.exists, f"{aside.name} to be set aside")
            equal(aside.read_bytes(), bytes_before, "what was set aside")
    faults.read_batches(site.batches)


if __name__ == "__main__" and not os.access(faults.DISK_SHIM, os.R_OK):
    print(f"skipped: there is no {faults.DISK_SHIM}; WEIR_FAULT_SHIM names it")
    sys.exit(77)
faults.main(__name__)
