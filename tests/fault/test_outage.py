"""Brokers that are absent, killed, frozen or forgetful, and starts that go on where one stopped."""

import struct
import time

import faults
import harness
from faults import BATCHES, EVENTS, HOT, LOAD, Link, Load
from harness import T0, config, equal, expect, wait_for

# A sample a window: rows by the thousand for an outbox that is soon full.
DENSE = """{ name = "dense"; topics = [ "dense/{device}" ]; format = "json";
      time = { field = "ts"; unit = "ms"; };
      fields = ( { name = "t"; path = "t"; } );
      window = { size = "10ms"; idle = "1h"; };
      aggregates = [ "count", "sum", "min", "max", "mean", "stddev", "first", "last",
                     "p50", "p99" ];
      max_series = 20; }"""


class Site:
    """Both brokers, a link to each, and a daemon with storage between them."""

    def __init__(self, bench, streams=LOAD, alerts=HOT, settings="", every="1s"):
        self.bench = bench
        self.broker = faults.quiet_broker(bench).start()
        self.uplink = faults.quiet_broker(bench).start()
        self.link = bench.add(Link(self.uplink))
        self.batches = self.uplink.subscribe(BATCHES)
        self.alerts = self.broker.subscribe(EVENTS)
        self.status = self.broker.subscribe(f"weir/v1/{faults.GATEWAY}/status")
        self.every = every
        self.settings = settings
        self.weir = faults.kept_weir(bench)
        self.write(streams, alerts)

    def write(self, streams, alerts):
        self.weir.configure(config(self.broker, self.link, streams=streams, alerts=alerts,
                                   every=self.every, more=self.weir.storage(self.settings)))

    def start(self):
        before = self.online_count()
        self.weir.start()
        wait_for(lambda: self.online_count() > before, "online")
        self.broker.wait_session()
        return self

    def online_count(self):
        return len(self.status.messages(lambda message: message.payload == "online"))

    def ledger(self):
        return faults.last_info(self.broker)["ledger"]


def check_quantiles(row, values):
    """Of the samples of a row, however many rows it was made of: exact, then within 1 % of the span."""
    slack = 0 if len(values) <= 64 else 0.01 * (max(values) - min(values))
    for percent in (50, 99):
        wanted = sorted(values)[-(-percent * len(values) // 100) - 1]
        expect(abs(row[f"p{percent}"] - wanted) <= slack, f"p{percent} of {row}: {wanted}")


def test_full_outbox(bench):
    """What an outbox cannot hold becomes coarser: every sample comes, every number is accounted for."""
    site = Site(bench, DENSE, "", 'outbox = "1MiB";').start()
    site.link.close()
    load = faults.Sender(site.broker.port)
    count = 9000
    for number in range(count):
        load.publish("dense/d0", f'{{"ts":{T0 + 10 * number},"t":{number % 100}}}')
    load.settle()
    wait_for(lambda: site.ledger()["coarsened"] > 0, "batches made coarser", 30)
    site.weir.kill()
    site.start()
    site.link.reopen()
    # The windows of these come last, with a ledger that has it all.
    for number in range(count + 100, count + 103):
        load.publish("dense/d0", f'{{"ts":{T0 + 10 * number},"t":0}}')
        load.settle()
        time.sleep(1.2)
    last = T0 + 10 * (count + 101)
    site.batches.wait(lambda batch: f'"start":{last},' in batch.payload, "the last window",
                      timeout_s=60)
    site.batches.settle()
    found, _ = faults.read_batches(site.batches)
    newest = found[max(found, key=lambda key: (found[key]["created"], key[1]))]
    ledger = newest["ledger"]
    rows = [row for batch in found.values() for row in batch["summaries"]]
    received = sum(row["count"] for row in rows)
    expect(harness.is_balanced(ledger), f"not balanced: {ledger}")
    equal(ledger["outbox_dropped"], 0, "dropped")
    equal(received, count + 2, "samples")
    equal(sum(row["sum"] for row in rows), sum(number % 100 for number in range(count)), "their sum")
    for row in rows:
        numbers = range((row["start"] - T0) // 10, min((row["end"] - T0) // 10, count))
        if len(numbers) == row["count"]:
            check_quantiles(row, [number % 100 for number in numbers])
        else:
            expect(row["start"] >= T0 + 10 * count, f"a row of other samples: {row}")
    expect(max(row["count"] for row in rows) > 64, "some rows are beyond what is exact")
    expect(len(rows) < count / 2, f"{len(rows)} rows for {count} samples")
    expect(all(row["end"] - row["start"] <= 3600_000 for row in rows), "no row above an hour")
    told = {number for _, number in found}
    for batch in found.values():
        for first, last in batch.get("replaces", []):
            told.update(range(first, last + 1))
    equal(told, set(range(1, max(told) + 1)), "numbers received or replaced")


def batch_files(state):
    """The payloads that the outbox holds, by epoch and sequence."""
    found = {}
    for path in (state / "outbox").glob("*.batch"):
        data = path.read_bytes()
        epoch, sequence = struct.unpack_from("<QQ", data, 8)
        (length,) = struct.unpack_from("<I", data, 48)
        found[epoch, sequence] = data[64:64 + length]
    return found


def test_made_again(bench):
    """Batches that a start makes again are the same to the byte, whatever they were made among."""
    site = Site(bench, DENSE, "", every="1h").start()
    site.link.close()
    load = faults.Sender(site.broker.port)
    for number in range(6000):
        load.publish("dense/d0", f'{{"ts":{T0 + 10 * number},"t":{number % 100}}}')
    load.settle()
    wait_for(lambda: site.ledger()["samples"] == 6000, "all samples", 30)
    wait_for(lambda: len(batch_files(site.weir.state)) >= 5, "batches in the outbox")
    time.sleep(1)
    before = batch_files(site.weir.state)
    site.weir.kill()
    for path in (site.weir.state / "outbox").glob("*.batch"):
        path.unlink()
    site.start()
    wait_for(lambda: before.keys() <= batch_files(site.weir.state).keys(), "the batches again")
    after = batch_files(site.weir.state)
    different = [key for key in before if before[key] != after[key]]
    expect(not different, f"{len(different)} of {len(before)} differ")


def test_low_rate(bench):
    """A rate below a thousand bytes a second still sends."""
    site = Site(bench, DENSE, "")
    site.weir.configure(site.weir.config_path.read_text().replace(
        'every = "1s";', 'every = "1s"; rate = "512B";'))
    site.start()
    load = faults.Sender(site.broker.port)
    for number in range(4):
        load.publish("dense/d0", f'{{"ts":{T0 + 10 * number},"t":{number}}}')
        load.settle()
        time.sleep(1.2)
    wait_for(lambda: len(site.batches.messages()) >= 3, "three batches", 20)


def test_password_moved(bench):
    """A start under other connections needs nothing that the old ones were made of."""
    site = Site(bench)
    password = bench.directory / "password"
    password.write_text("secret")
    password.chmod(0o600)
    text = site.weir.config_path.read_text()
    site.weir.configure(text.replace(
        "keepalive = 5;", f'keepalive = 5; username = "u"; password_file = "{password}";'))
    site.start()
    site.weir.kill()
    password.unlink()
    site.weir.configure(text)
    site.start()


def expect_all(site, load):
    load.finish()
    faults.wait_for_windows(site.batches, load.windows(), 60)
    found, _ = faults.read_batches(site.batches)
    epochs = faults.expect_no_gaps(found)
    faults.expect_counts(faults.count_rows(found), load.windows())
    equal(len(epochs), 1, "epochs")
    return found


def test_frozen_brokers(bench):
    """Neither broker is missed while it is frozen; what it held comes when it thaws."""
    site = Site(bench).start()
    load = Load(site.broker).start()
    time.sleep(1)
    site.uplink.freeze()
    time.sleep(2)
    site.uplink.thaw()
    load.pause()
    site.broker.freeze()
    time.sleep(8)  # beyond the keepalive
    site.broker.thaw()
    load.start()
    time.sleep(1)
    load.pause()
    expect_all(site, load)


def test_uplink_killed(bench):
    """An uplink that is killed and comes back gets what it has not acknowledged."""
    site = Site(bench).start()
    load = Load(site.broker).start()
    for _ in range(3):
        time.sleep(1.2)
        site.link.close()
        time.sleep(0.8)
        site.link.reopen()
    load.pause()
    expect_all(site, load)


def test_broker_forgets(bench):
    """A broker that is killed and forgets the session costs what it had not delivered alone."""
    site = Site(bench).start()
    load = Load(site.broker)
    load.send_some(3000)
    wait_for(lambda: site.ledger()["samples"] == 3000, "all samples")
    site.broker.kill()
    time.sleep(1)
    site.broker.start()
    load.sender = faults.Sender(site.broker.port)
    site.weir.wait_log("which has forgotten the session")
    site.status = site.broker.subscribe(f"weir/v1/{faults.GATEWAY}/status")
    time.sleep(0.5)
    load.send_some(3000)
    found = expect_all(site, load)
    equal(sum(faults.count_rows(found).values()), 6000, "the samples")


def test_broker_absent(bench):
    """A start without a broker waits for it, with everything that it had."""
    site = Site(bench).start()
    load = Load(site.broker)
    load.send_some(2500)
    wait_for(lambda: site.ledger()["samples"] == 2500, "all samples")
    site.weir.kill()
    site.broker.kill()
    site.weir.start()
    site.weir.wait_log("cannot connect to")
    time.sleep(1.5)
    site.weir.kill()
    site.broker.start()
    site.status = site.broker.subscribe(f"weir/v1/{faults.GATEWAY}/status")
    site.start()
    load.sender = faults.Sender(site.broker.port)
    load.send_some(500)
    expect_all(site, load)


HELD = """{ name = "held"; stream = "load"; field = "t"; above = 30.0; hold = "10s";
       flap = "off"; storm = "off"; }"""


def test_stop_keeps(bench):
    """SIGTERM keeps windows open, alerts in their hold, numbers and epoch; a start goes on."""
    site = Site(bench, alerts=f"{HOT}, {HELD}").start()
    load = Load(site.broker)
    load.send_some(1450)
    hand = faults.Sender(site.broker.port)
    hand.publish("load/held", f'{{"ts":{T0},"t":40}}')
    hand.publish("load/held", f'{{"ts":{T0 + 9999},"t":40}}')
    hand.settle()
    wait_for(lambda: site.ledger()["samples"] == 1452, "all samples")
    # The windows of `held`: one closed, one open; of the load: 450 samples are open.
    equal(site.ledger()["open"], 1451, "open samples before the stop")
    status, _ = site.weir.stop()
    equal(status, harness.EXIT_DONE, "the exit status")
    site.start()
    equal(site.ledger()["open"], 1451, "open samples after the start")
    equal(site.ledger()["samples"], 1452, "samples after the start")
    held = lambda message: message.topic.split("/")[4] == "held"
    equal(len(site.alerts.messages(held)), 0, "events of the held alert")
    # The time between the samples around the stop does not count.
    hand.publish("load/held", f'{{"ts":{T0 + 20000},"t":40}}')
    hand.publish("load/held", f'{{"ts":{T0 + 20001},"t":40}}')
    event = site.alerts.wait(held, "the held alert")[0].json
    equal((event["event"], event["since"], event["ts"], event["seq"]),
          ("raised", T0 + 10001, T0 + 20001, 1), "the held alert")
    hand.publish("load/held", f'{{"ts":{T0 + 60000},"t":40}}')
    hand.settle()
    load.send_some(550)
    load.finish()
    faults.wait_for_windows(site.batches, load.windows())
    found, _ = faults.read_batches(site.batches)
    equal(len(faults.expect_no_gaps(found)), 1, "epochs")
    counts = {key: count for key, count in faults.count_rows(found).items() if key[0] != "held"}
    faults.expect_counts(counts, load.windows())
    faults.expect_events(faults.read_events(site.alerts),
                         load.events() | {("held", 1): ("raised", T0)})


def test_other_config(bench):
    """A start under another configuration keeps the streams and alerts that did not change."""
    other = LOAD.replace('"load"', '"other"', 1).replace("load/", "other/")
    site = Site(bench, streams=f"{LOAD}, {other}", alerts=f"{HOT}, {HELD}").start()
    load = Load(site.broker)
    load.send_some(1450)
    hand = faults.Sender(site.broker.port)
    hand.publish("other/a", f'{{"ts":{T0 + 50},"t":1}}')
    hand.publish("load/held", f'{{"ts":{T0},"t":40}}')
    hand.settle()
    wait_for(lambda: site.ledger()["samples"] == 1452, "all samples")
    site.weir.kill()
    changed = other.replace('size = "1s"', 'size = "2s"')
    cold = HOT.replace("hot", "cold").replace("above = 30.0", "below = 1.0")
    site.write(f"{changed}, {LOAD}", f"{cold}, {HELD}, {HOT}")
    site.start()
    load.send_some(550)
    for second in (10, 20):
        hand.publish("load/held", f'{{"ts":{T0 + 1000 * second},"t":40}}')
    hand.settle()
    held = lambda message: message.topic.split("/")[4] == "held"
    event = site.alerts.wait(held, "the held alert")[0].json
    equal((event["since"], event["ts"]), (T0 + 10000, T0 + 20000), "the held alert")
    hand.publish("load/held", f'{{"ts":{T0 + 60000},"t":40}}')
    hand.settle()
    load.finish()
    faults.wait_for_windows(site.batches, load.windows())
    found, _ = faults.read_batches(site.batches)
    equal(len(faults.expect_no_gaps(found)), 1, "epochs")
    counts = faults.count_rows(found)
    equal(counts.pop(("a", T0)), 1, "the window of the changed stream, closed early")
    counts = {key: count for key, count in counts.items() if key[0] != "held"}
    faults.expect_counts(counts, load.windows())


def test_config_gone(bench):
    """A configuration that a start cannot read costs its epoch, and no sample and no number."""
    site = Site(bench).start()
    load = Load(site.broker)
    load.send_some(2500)
    wait_for(lambda: site.ledger()["samples"] == 2500, "all samples")
    before = set((site.weir.state / "configs").iterdir())
    other = LOAD.replace('"load"', '"other"', 1).replace("load/", "other/")
    site.write(f"{LOAD}, {other}", HOT)
    site.weir.reload()
    wait_for(lambda: set((site.weir.state / "configs").iterdir()) - before, "its image")
    load.send_some(2500)
    wait_for(lambda: site.ledger()["samples"] == 5000, "all samples")
    site.weir.kill()
    (gone,) = set((site.weir.state / "configs").iterdir()) - before
    gone.unlink()
    site.start()
    site.weir.wait_log("a configuration of the past cannot be read")
    load.send_some(500)
    load.finish()
    faults.wait_for_windows(site.batches, load.windows(), 60)
    found, _ = faults.read_batches(site.batches)
    equal(len(faults.expect_no_gaps(found)), 2, "epochs")
    faults.expect_counts(faults.count_rows(found), load.windows())


def test_two(bench):
    """A second weir on the same state says so and ends; the first one loses nothing by it."""
    site = Site(bench).start()
    second = faults.kept_weir(bench)
    second.configure(config(site.broker, site.link, streams=LOAD, gateway="plant-8",
                            more=site.weir.storage()))
    load = Load(site.broker)
    load.send_some(1000)
    equal(second.start().wait(), 1, "the second one's exit status")
    second.wait_log("error: storage: .* is in use by another weir")
    load.send_some(1000)
    expect_all(site, load)


faults.main(__name__)
