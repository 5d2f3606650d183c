"""kill -9 under load, at random moments: nothing is lost, nothing counts twice."""

import time

import faults
from faults import BATCHES, EVENTS, HOT, LOAD, Link, Load
from harness import config, equal, expect


def expect_account(load, batches, alerts):
    """Both ends agree: every window, every batch, every event."""
    found, repeated = faults.read_batches(batches)
    epochs = faults.expect_no_gaps(found)
    faults.expect_counts(faults.count_rows(found), load.windows())
    faults.expect_events(faults.read_events(alerts), load.events())
    ledger = found[max(found, key=lambda key: found[key]["created"])]["ledger"]
    equal([ledger[name] for name in ("late_dropped", "queue_dropped", "journal_lost",
                                     "outbox_dropped", "events_dropped")], [0] * 5,
          "what the ledger says was lost")
    print(f"      {load.closed_count} samples, {len(found)} batches, {repeated} of them again, "
          f"{ledger['duplicates']} messages again, {len(epochs)} epoch(s)")
    return epochs


class Site:
    """A broker that keeps weir's session in memory, an uplink behind a link, and what both see."""

    def __init__(self, bench, settings="", rate=1000):
        self.broker = faults.quiet_broker(bench,).start()
        self.uplink = faults.quiet_broker(bench).start()
        self.link = bench.add(Link(self.uplink))
        self.batches = self.uplink.subscribe(BATCHES)
        self.alerts = self.broker.subscribe(EVENTS)
        self.weir = faults.kept_weir(bench)
        self.weir.configure(config(self.broker, self.link, streams=LOAD, alerts=HOT,
                                   more=self.weir.storage(settings)))
        self.status = self.broker.subscribe(f"weir/v1/{faults.GATEWAY}/status")
        self.start_first()
        self.load = Load(self.broker, rate)

    def start_first(self):
        self.weir.start()
        self.status.wait(lambda message: message.payload == "online", "online")
        self.broker.wait_session()

    def settle(self):
        count = self.load.finish()
        faults.wait_for_windows(self.batches, self.load.windows(), 60)
        wanted = len(self.load.events())
        self.alerts.wait(count=wanted, timeout_s=30)
        self.alerts.settle()
        return count


def test_kill(bench):
    """kill -9 at any moment loses nothing that was acknowledged and counts nothing twice."""
    random, rounds = faults.draw_seed(), faults.soak_rounds(20)
    site = Site(bench)
    site.load.start()
    for number in range(rounds):
        # Now and then within the start itself.
        time.sleep(random.uniform(0, 0.1) if random.random() < 0.25 else random.uniform(0.1, 3))
        event = random.random()
        if event < 0.15:
            site.link.cut()
            time.sleep(random.uniform(0, 0.02))
        elif event < 0.3:
            site.link.close()
        elif event < 0.5:
            site.link.mute()
            time.sleep(random.uniform(0.5, 1.5))
        site.weir.kill()
        if event > 0.7:
            time.sleep(random.uniform(0, 0.5))
        site.weir.start()
        if number % 3 == 2:
            site.link.reopen()
    site.link.reopen()
    site.settle()
    epochs = expect_account(site.load, site.batches, site.alerts)
    equal(len(epochs), 1, "epochs")


def test_backlog(bench):
    """What a broker delivers again counts once, also after a queue that it sent without waiting."""
    random = faults.draw_seed()
    site = Site(bench)
    for _ in range(5):
        site.weir.kill()
        site.load.send_some(10000)
        connected = site.weir.count_log("info: broker: connected")
        site.weir.start()
        site.weir.wait_log("info: broker: connected", connected + 1)
        time.sleep(random.uniform(0, 0.2))
        # The broker sees no more answers, while weir takes what is on its way.
        site.broker.freeze()
        time.sleep(0.5)
        site.weir.kill()
        site.broker.thaw()
        site.weir.start()
    site.settle()
    epochs = expect_account(site.load, site.batches, site.alerts)
    equal(len(epochs), 1, "epochs")


def test_power(bench):
    """With sync = "0", a power cut that takes the log's ring along loses nothing either."""
    random = faults.draw_seed()
    site = Site(bench, 'sync = "0";', rate=200)
    site.load.start()
    for _ in range(5):
        time.sleep(random.uniform(0.1, 2))
        site.weir.kill()
        site.weir.lose_ring()
        site.weir.start()
    site.settle()
    expect_account(site.load, site.batches, site.alerts)
    expect(site.weir.count_log("journal is damaged") == 0, "the journal was damaged")


faults.main(__name__)
