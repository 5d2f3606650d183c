"""The receiving end: every summary once, whatever is killed, and what is missing is said."""

import contextlib
import json
import os
import pathlib
import random
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request

import harness
from harness import (CLIMATE_FILTER, T0, SLOW, Failure, config, equal, expect, free_port,
                     reading, stop_process, wait_for)
from manager import Manager

TOPIC = "plant/north/hall-1/climate"
COLLECTOR = pathlib.Path(harness.BINARY).with_name("weir-collect")
JSON = 'format = "json";'
EPOCH = "00000000000000aa"


class Collector(harness.Weir):
    """`weir collect` to a target below a directory of its own."""

    def __init__(self, bench, broker, target, *more, directory=None, name="one"):
        bench.weir_count += 1
        super().__init__(bench.directory, "", f"collect-{bench.weir_count}")
        kind, _, rest = target.partition(":")
        self.where = pathlib.Path(directory or self.directory)
        path = self.where / rest
        self.target = target if kind.startswith("http") else f"{kind}:{path}"
        self.path = path
        self.broker = broker
        self.name = name
        self.arguments = ["--broker", broker.url, "--to", self.target, "--name", name, *more]
        bench.add(self)

    def start(self, preexec=None):
        # A stop in front of a full disk ends the process with all its threads.
        options = os.environ.get("TSAN_OPTIONS", "") + ":report_thread_leaks=0"
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([harness.BINARY, "collect", *self.arguments],
                                            stdout=subprocess.DEVNULL, stderr=log,
                                            env={**os.environ, "TSAN_OPTIONS": options,
                                                 **self.environment},
                                            preexec_fn=preexec)
        return self

    def start_subscribed(self, text="weir/v1/+/batch", preexec=None):
        before = len(self.broker.log())
        self.start(preexec)
        self.broker.wait_subscribed(text, before)
        return self

    def wait_acknowledged(self, count):
        self.broker.wait_delivered(count, f"weir-collect-{self.name}")

    def query(self, sql, *values, path=None):
        with contextlib.closing(sqlite3.connect(path or self.path, timeout=20)) as database:
            return database.execute(sql, values).fetchall()

    def wait_query(self, sql, expected, what, timeout_s=20):
        try:
            wait_for(lambda: self.query(sql) == expected, what, timeout_s)
        except Failure as failure:
            raise Failure(f"{failure}; there is {self.query(sql)[:20]}") from None

    def report(self):
        done = subprocess.run([harness.BINARY, "collect", "--report", *self.arguments[2:]],
                              capture_output=True, text=True, timeout=30 * SLOW, check=False)
        equal(done.returncode, 0, f"the report's exit status ({done.stderr})")
        return [json.loads(line) for line in done.stdout.splitlines()]


def row(number, series="north/hall-1", value=1.5, **more):
    found = {"stream": "climate", "series": series, "field": "temperature", "unit": "Cel",
             "start": T0 + number * 10_000, "end": T0 + (number + 1) * 10_000, "revision": 0,
             "count": 3, "min": 1, "max": value, "mean": 1.25}
    found.update(more)
    return found


def batch(seq, rows=None, gateway="plant-7", epoch=EPOCH, **more):
    found = {"schema": "weir.batch/1", "gateway": gateway, "epoch": epoch, "seq": seq,
             "created": T0 + seq, **more, "ledger": {"received": seq},
             "summaries": [row(seq)] if rows is None else rows}
    return json.dumps(found)


def send(broker, *batches, gateway="plant-7"):
    broker.publish_all(f"weir/v1/{gateway}/batch", batches)


def draw_seed():
    seed = int(os.environ.get("WEIR_SEED") or random.SystemRandom().randrange(1 << 32))
    print(f"      WEIR_SEED={seed}", flush=True)
    return random.Random(seed)


GAPS = "SELECT gateway, first, last FROM gap ORDER BY gateway, first"
STARTS = f"SELECT (start_ms - {T0}) / 10000 FROM summaries ORDER BY gateway, start_ms, part"


def numbers(*values):
    return [(value,) for value in values]


STREAM = harness.CLIMATE.replace('"last"', '"stddev", "first", "last", "rate", "p50"')


def start_gateways(bench, broker, uplink):
    """Two that send what they measure alike, one in compact form, one as JSON."""
    return [bench.weir(config(broker, uplink, gateway=gateway, uplink_more=form, streams=STREAM))
            .start_online(broker, CLIMATE_FILTER)
            for gateway, form in (("plant-7", ""), ("plant-8", JSON))]


def expect_rows(bench, collector, batches):
    """What was sent is what is stored."""
    expected = {(r["gateway"], r["series"], r["field"], r["start"]):
                (r["end"], r["unit"], r["revision"], r["count"], r["min"], r["max"], r["mean"],
                 r["stddev"], r["first"], r["last"], r.get("rate"), r["p50"])
                for r in bench.summaries(batches.settle().messages())}
    collector.wait_query("SELECT count(*) FROM summary", numbers(len(expected)), "all rows")
    found = {tuple(r[:4]): tuple(r[4:]) for r in collector.query(
        "SELECT gateway, series, field, start_ms, end_ms, unit, revision, count, min, max, mean,"
        " stddev, first, last, rate, quantiles ->> 'p50' FROM summaries")}
    equal(found, expected, "the rows")
    equal(collector.query(GAPS), [], "gaps")
    return len(expected)


def test_gateways(bench):
    """What two gateways send, compact and JSON, is in SQLite as `weir decode` shows it."""
    broker, uplink = bench.broker(), bench.broker()
    collector = Collector(bench, uplink, "sqlite:fleet.db").start_subscribed()
    batches = uplink.subscribe("weir/v1/+/batch")
    gateways = start_gateways(bench, broker, uplink)
    broker.publish_all(TOPIC, [reading(second, second % 37 / 7) for second in range(400)])
    for gateway in gateways:
        gateway.drain()
    equal(expect_rows(bench, collector, batches), 80, "rows that were sent")
    (ledger,), = collector.query("SELECT ledger FROM gateway WHERE gateway = 'plant-8'")
    equal(json.loads(ledger)["received"], 400, "messages in the ledger")


def test_killed_among_gateways(bench):
    """The same, while the collector is killed again and again."""
    randomness = draw_seed()
    broker, uplink = bench.broker(), bench.broker()
    collector = Collector(bench, uplink, "sqlite:fleet.db").start_subscribed()
    batches = uplink.subscribe("weir/v1/+/batch")
    gateways = start_gateways(bench, broker, uplink)
    for part in range(6):
        for site in range(5):
            broker.publish_all(f"plant/north/hall-{site}/climate",
                               [reading(second, second % 37 / 7 + site)
                                for second in range(part * 50, part * 50 + 50)])
        time.sleep(randomness.uniform(0, 0.5))
        collector.kill()
        collector.start()
    for gateway in gateways:
        gateway.drain()
    equal(expect_rows(bench, collector, batches), 300, "rows that were sent")


def test_service_manager(bench):
    """A service manager hears that the start is over with the subscription, and of the stop."""
    broker = bench.make_broker()
    manager = Manager(bench)
    collector = Collector(bench, broker, "sqlite:fleet.db")
    collector.environment = manager.environment
    collector.start().wait_log("broker: ")
    equal(manager.count("READY=1"), 0, "READY=1 without a broker")
    broker.start()
    manager.wait("READY=1")
    broker.wait_subscribed("weir/v1/+/batch")
    collector.drain()
    equal((manager.count("READY=1"), manager.count("STOPPING=1")), (1, 1), "what was heard")


def test_repeated(bench):
    """A batch that comes again, to the same collector or the next, is stored once."""
    broker = bench.broker()
    collector = Collector(bench, broker, "sqlite:fleet.db").start_subscribed()
    send(broker, batch(1), batch(2), batch(1), batch(2))
    collector.wait_query(STARTS, numbers(1, 2), "two rows")
    collector.stop()
    collector.start_subscribed()
    send(broker, batch(2), batch(3))
    collector.wait_query(STARTS, numbers(1, 2, 3), "a third row")
    send(broker, batch(1, epoch="00000000000000bb"))
    collector.wait_query(STARTS, numbers(1, 1, 2, 3), "a row of another epoch")
    collector.stop()
    collector.wait_log("2 batches, 2 rows, 0 alerts, 2 repeated")
    collector.wait_log("2 batches, 2 rows, 0 alerts, 1 repeated")


def test_gaps(bench):
    """Missing batches are reported; those that a coarser batch stands for are not missing."""
    broker = bench.broker()
    collector = Collector(bench, broker, "sqlite:fleet.db").start_subscribed()
    send(broker, batch(3), batch(4), batch(9), batch(20, replaces=[[5, 6], [11, 12]]))
    collector.wait_query(GAPS, [("plant-7", 7, 8), ("plant-7", 10, 10), ("plant-7", 13, 19)],
                         "three gaps")
    equal([line for line in collector.report() if line["type"] == "gap"],
          [{"type": "gap", "gateway": "plant-7", "epoch": EPOCH, "first": first, "last": last}
           for first, last in ((7, 8), (10, 10), (13, 19))], "the report")
    send(broker, batch(8), batch(7), batch(10), *(batch(seq) for seq in range(13, 20)))
    collector.wait_query(GAPS, [], "no gaps")
    send(broker, batch(6))
    send(broker, batch(21))
    collector.wait_query("SELECT first, last FROM span", [(3, 21)], "one span")
    equal(collector.query(STARTS), numbers(3, 4, 7, 8, 9, 10, *range(13, 22)), "the rows")


def test_revisions(bench):
    """A revision takes the place of a lower one; a part of a window stands beside the other."""
    broker = bench.broker()
    collector = Collector(bench, broker, "sqlite:fleet.db").start_subscribed()
    send(broker, batch(1, [row(1, revision=0, count=1), row(2, revision=5, count=2)]),
         batch(2, [row(1, revision=1, count=7), row(2, revision=4, count=8)]),
         batch(3, [row(3, count=3)]), batch(4, [row(3, count=4)]))
    collector.wait_query("SELECT count(*) FROM gateway WHERE seq = 4", numbers(1), "four batches")
    equal(collector.query("SELECT (start_ms - ?) / 10000, part, revision, count FROM summaries"
                          " ORDER BY 1, 2", T0),
          [(1, 0, 1, 7), (2, 0, 5, 2), (3, 0, 0, 3), (3, 1, 0, 4)], "the rows")


def test_coarser(bench):
    """Rows of a coarser batch stand beside those received, and replace none."""
    broker = bench.broker()
    collector = Collector(bench, broker, "sqlite:fleet.db").start_subscribed()
    wide = row(0, end=T0 + 60_000, count=18)
    send(broker, batch(1, [row(0)]), batch(5, [wide], replaces=[[2, 4]]))
    collector.wait_query("SELECT end_ms - start_ms, count FROM summaries ORDER BY 1",
                         [(10_000, 3), (60_000, 18)], "both rows")
    equal(collector.query(GAPS), [], "gaps")


def test_damaged(bench):
    """What is no batch is acknowledged, put aside with the reason, and reported."""
    broker = bench.broker()
    collector = Collector(bench, broker, "sqlite:fleet.db").start_subscribed()
    bad = [b"no batch", b"\xb7w\x01\x05\x00\x00nonsense", batch(1, gateway="plant-9").encode(),
           batch(2, [{"stream": "climate"}]).encode(), batch(2 ** 63).encode()]
    for payload in bad:
        broker.publish("weir/v1/plant-7/batch", payload)
    send(broker, batch(7))
    collector.wait_query(STARTS, numbers(7), "the good row")
    equal([bytes(payload) for payload, in collector.query("SELECT payload FROM damaged")], bad,
          "what was put aside")
    found = [line for line in collector.report() if line["type"] == "damaged"]
    equal(len(found), len(bad), "lines of the report")
    expect(all(line["problem"] for line in found), "a reason is missing")


def capture(bench, count):
    """Compact batches as a gateway sends them: names come with the first."""
    broker, uplink = bench.broker(), bench.broker()
    batches = uplink.subscribe("weir/v1/+/batch")
    weir = bench.weir(config(broker, uplink)).start_online(broker, CLIMATE_FILTER)
    for number in range(count):
        broker.publish_all(TOPIC, [reading(number * 10, number), reading(number * 10 + 12, 0)])
        batches.wait(lambda message: True, "a batch", number + 1)
    weir.drain()
    found = [message.bytes for message in batches.settle().messages()]
    return found, bench.summaries(batches.messages())


def test_names(bench):
    """Rows wait for names that have not come; names that have come survive a kill."""
    found, expected = capture(bench, 4)
    broker = bench.broker()
    collector = Collector(bench, broker, "sqlite:fleet.db").start_subscribed()
    for payload in found[1:3]:
        broker.publish("weir/v1/plant-7/batch", payload)
    collector.wait_query("SELECT count(*) FROM held", numbers(2), "two batches held back")
    equal(collector.query("SELECT count(*) FROM summary"), numbers(0), "rows without names")
    equal([line["batches"] for line in collector.report() if line["type"] == "held"], [2],
          "held back, in the report")
    collector.kill()
    collector.start_subscribed()
    broker.publish("weir/v1/plant-7/batch", found[0])
    collector.wait_query("SELECT count(*) FROM held", numbers(0), "nothing held back")
    collector.kill()
    collector.start_subscribed()
    for payload in found[3:]:
        broker.publish("weir/v1/plant-7/batch", payload)
    collector.wait_query("SELECT series, start_ms FROM summaries ORDER BY start_ms",
                         sorted({(r["series"], r["start"]) for r in expected},
                                key=lambda each: each[1]), "all rows under their names")


def load(broker, gateway, count, rows=20):
    send(broker, *(batch(seq, [row(seq * rows + index) for index in range(rows)], gateway=gateway)
                   for seq in range(1, count + 1)), gateway=gateway)


def load_with_kills(broker, collectors, count, randomness):
    """Publishes from several gateways at once, while collectors are killed and started again."""
    threads = [threading.Thread(target=load, args=(broker, f"plant-{number}", count))
               for number in range(3)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        victim = randomness.choice(collectors)
        threads[0].join(randomness.uniform(0.02, 0.4))
        victim.kill()
        victim.start()
    for thread in threads:
        thread.join()


def test_killed(bench):
    """A collector that is killed again and again has every row once, and no gap."""
    broker = bench.broker()
    collector = Collector(bench, broker, "sqlite:fleet.db").start_subscribed()
    load_with_kills(broker, [collector], 400, draw_seed())
    collector.wait_query("SELECT count(*), count(DISTINCT gateway || start_ms), max(part)"
                         " FROM summaries", [(24_000, 24_000, 0)], "every row once", 60)
    equal(collector.query(GAPS), [], "gaps")


def test_killed_file(bench):
    """The same, for lines in a file."""
    broker = bench.broker()
    collector = Collector(bench, broker, "ndjson:rows").start_subscribed()
    load_with_kills(broker, [collector], 150, draw_seed())
    state = f"{collector.path}.state"
    wait_for(lambda: collector.query("SELECT count(*) FROM gateway WHERE seq = 150",
                                     path=state) == numbers(3), "all batches", 60)
    collector.stop()
    lines = [json.loads(line) for line in collector.path.read_text().splitlines()]
    found = [(line["gateway"], line["start"]) for line in lines if line["type"] == "summary"]
    equal((len(found), len(set(found))), (9_000, 9_000), "rows, and different ones")
    equal(sum(line["type"] == "ledger" for line in lines), 450, "ledgers")


def test_group(bench):
    """Two collectors of a group divide a fleet's batches, and share what they know."""
    broker = bench.broker()
    shared = bench.directory / "shared"
    shared.mkdir()
    pair = [Collector(bench, broker, "sqlite:fleet.db", "--group", "pool", directory=shared,
                      name=name).start_subscribed("$share/pool/weir/v1/+/batch")
            for name in ("one", "two")]
    threads = [threading.Thread(target=load, args=(broker, f"plant-{number}", 100))
               for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    pair[0].wait_query("SELECT count(*), count(DISTINCT gateway || start_ms), max(part)"
                       " FROM summaries", [(6_000, 6_000, 0)], "every row once", 60)
    equal(pair[0].query(GAPS), [], "gaps")
    for collector in pair:
        collector.stop()
        collector.wait_log("stopped; [1-9][0-9]* batches, [1-9][0-9]* rows, 0 alerts, 0 repeated")


def test_parts(bench):
    """Collectors that share nothing divide the gateways, with the names of each and no gaps."""
    broker, uplink = bench.broker(), bench.broker()
    whole = Collector(bench, uplink, "sqlite:fleet.db", name="whole").start_subscribed()
    parts = [Collector(bench, uplink, "sqlite:fleet.db", "--part", f"{number}/2", name=f"p{number}")
             .start_subscribed() for number in (1, 2)]
    batches = uplink.subscribe("weir/v1/+/batch")
    gateways = start_gateways(bench, broker, uplink)
    broker.publish_all(TOPIC, [reading(second, second % 37 / 7) for second in range(400)])
    for gateway in gateways:
        gateway.drain()
    for number in range(10):
        send(uplink, batch(1), gateway=f"press-{number}")
        send(uplink, *(batch(seq, gateway=f"pump-{number}") for seq in (1, 2)),
             gateway=f"pump-{number}")
    batches.settle()
    everything = ("SELECT gateway, series, start_ms, count, max FROM summaries"
                  " ORDER BY gateway, series, start_ms")
    damaged = "SELECT topic FROM damaged ORDER BY topic"
    whole.wait_query("SELECT count(*) FROM summary", numbers(80 + 20), "all rows")
    wait_for(lambda: sorted(parts[0].query(everything) + parts[1].query(everything))
             == whole.query(everything), "the rows of both parts to be all")
    equal(sorted(parts[0].query(damaged) + parts[1].query(damaged)), whole.query(damaged),
          "what is no batch is put aside by one")
    for part in parts:
        expect(part.query("SELECT count(DISTINCT gateway) FROM summaries")[0][0] > 2,
               "a part has hardly any gateways")
        equal(part.query(GAPS), [], "gaps")
        equal(part.query("SELECT count(*) FROM held"), numbers(0), "batches held back")


def test_one_name(bench):
    """Two collectors of one name on one state, or at one broker, are refused."""
    broker, other = bench.broker(), bench.broker()
    first = Collector(bench, broker, "sqlite:fleet.db").start_subscribed()
    second = Collector(bench, broker, "sqlite:fleet.db", directory=first.where).start()
    equal(second.wait(), 1, "the exit status")
    second.wait_log("belongs to another collector")
    third = Collector(bench, broker, "ndjson:rows").start()
    equal(third.wait(), 1, "the exit status")
    third.wait_log("another collector is one at")
    Collector(bench, other, "ndjson:rows").start_subscribed()


def test_broker_restart(bench):
    """What a broker has when it dies comes when it is there again."""
    broker = bench.broker(persistent=True)
    collector = Collector(bench, broker, "sqlite:fleet.db").start_subscribed()
    send(broker, batch(1))
    collector.wait_query(STARTS, numbers(1), "a row")
    collector.signal(signal.SIGSTOP)
    send(broker, batch(2), batch(3))
    broker.stop()
    collector.signal(signal.SIGCONT)
    collector.wait_log("broker: lost the connection")
    broker.start()
    collector.wait_query(STARTS, numbers(1, 2, 3), "two more rows", 60)
    equal(collector.query(GAPS), [], "gaps")


def limit_files(collector, size):
    """No file of the process grows beyond this: as a disk without room."""
    resource.prlimit(collector.process.pid, resource.RLIMIT_FSIZE,
                     (size, resource.RLIM_INFINITY))


def test_full_disk(bench):
    """A full disk is said, nothing is acknowledged meanwhile, and nothing is lost."""
    broker = bench.broker()
    collector = Collector(bench, broker, "sqlite:fleet.db")

    def ignore():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    collector.start_subscribed(preexec=ignore)
    send(broker, batch(1))
    collector.wait_query(STARTS, numbers(1), "a row")
    collector.wait_acknowledged(1)
    limit_files(collector, 1024)
    send(broker, batch(2), batch(3))
    collector.wait_log("takes nothing more, and nothing is acknowledged")
    equal(broker.log().count("Received PUBACK from weir-collect-one"), 1, "acknowledgements")
    limit_files(collector, resource.RLIM_INFINITY)
    collector.wait_log("takes messages again")
    collector.wait_query(STARTS, numbers(1, 2, 3), "all rows")
    collector.stop()
    collector.start_subscribed(preexec=ignore)
    limit_files(collector, 1024)
    send(broker, batch(4))
    collector.wait_log("takes nothing more, and nothing is acknowledged", 2)
    collector.signal(signal.SIGTERM)
    equal(collector.wait(), 1, "the exit status")
    collector.start()
    collector.wait_query(STARTS, numbers(1, 2, 3, 4), "all rows")


def test_alerts(bench):
    """With --alerts events are kept, each once, and states as they are now."""
    broker = bench.broker()
    collector = Collector(bench, broker, "sqlite:fleet.db", "--alerts").start_subscribed()
    broker.wait_subscribed("weir/v1/+/alert/+/+/event")
    broker.wait_subscribed("weir/v1/+/alert/+/+/state")
    hot = ('{ name = "hot"; stream = "climate"; field = "temperature"; above = 30.0; '
           'deadband = 2.0; }')
    events = broker.subscribe("weir/v1/+/alert/+/+/event")
    bench.weir(config(broker, alerts=hot)).start_online(broker, CLIMATE_FILTER)
    for second, value in ((1, 20), (2, 40), (3, 20), (4, 41)):
        broker.publish(TOPIC, reading(second, value))
    messages = events.wait(what="an event", count=3)
    broker.publish(messages[0].topic, messages[0].bytes)
    broker.publish(messages[0].topic, "no event")
    collector.wait_query("SELECT gateway, rule, series, seq, event, value FROM alert ORDER BY seq",
                         [("plant-7", "hot", "north/hall-1", 1, "raised", 40.0),
                          ("plant-7", "hot", "north/hall-1", 2, "cleared", 20.0),
                          ("plant-7", "hot", "north/hall-1", 3, "raised", 41.0)], "three events")
    collector.wait_query("SELECT count(*), min(text ->> 'value') FROM alert_state", [(1, 41)],
                         "the state")
    collector.wait_query("SELECT problem FROM damaged", [("it is no alert event",)],
                         "what is no event")


def test_line(bench):
    """Line protocol in a file is what `weir decode --to line` makes."""
    broker = bench.broker()
    collector = Collector(bench, broker, "line:rows").start_subscribed()
    payloads = [batch(seq, [row(seq, series=f"a b/{seq}", p50=1.25, delta=0.1)])
                for seq in range(1, 4)]
    send(broker, *payloads)
    expected = bench.run("decode", "--to", "line", text="\n".join(payloads)).stdout
    wait_for(lambda: collector.path.exists() and collector.path.read_text() == expected,
             "the lines")
    collector.stop()
    with open(collector.path, "a", encoding="utf-8") as file:
        file.write("half a li")
    collector.start_subscribed()
    equal(collector.path.read_text(), expected, "after what was not finished was cut off")


def test_alert_of_silence(bench):
    """An event and a state of a rule that has no field are kept as others are."""
    broker = bench.broker()
    collector = Collector(bench, broker, "sqlite:fleet.db", "--alerts").start_subscribed()
    broker.wait_subscribed("weir/v1/+/alert/+/+/state")
    gone = '{ name = "gone"; stream = "climate"; silent = "1s"; level = "critical"; }'
    bench.weir(config(broker, alerts=gone)).start_online(broker, CLIMATE_FILTER)
    broker.publish(TOPIC, reading(1, 20))
    collector.wait_query("SELECT rule, field, event FROM alert", [("gone", "", "raised")], "an event")
    collector.wait_query("SELECT text ->> 'rule' FROM alert_state", [("gone",)], "a state")
    equal(collector.query("SELECT problem FROM damaged"), [], "what was put aside")


def stored_lines(path):
    """The numbers of the rows in a file of lines; of no file, none."""
    if not path.exists():
        return []
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return [(line["start"] - T0) // 10_000 for line in lines if line["type"] == "summary"]


def test_rotated(bench):
    """A file that is moved away, removed or cut is begun anew, and no row is lost with it."""
    broker = bench.broker()
    collector = Collector(bench, broker, "ndjson:rows").start_subscribed()
    moved = collector.path.with_name("rows.1")
    path = collector.path
    send(broker, batch(1))
    wait_for(lambda: stored_lines(path) == [1], "a row")
    path.rename(moved)
    send(broker, batch(2))
    wait_for(lambda: stored_lines(path) == [2], "a row in a new file")
    moved.unlink()
    path.unlink()
    send(broker, batch(3))
    wait_for(lambda: stored_lines(path) == [3], "a row in the next file")
    path.write_text("")
    send(broker, batch(4))
    wait_for(lambda: path.read_text() and stored_lines(path) == [4], "a row behind the cut")
    collector.kill()
    with open(path, "a", encoding="utf-8") as file:
        file.write("half a li")
    collector.start_subscribed()
    send(broker, batch(5))
    wait_for(lambda: path.read_text().count("\n") >= 4 and stored_lines(path) == [4, 5],
             "a row behind what was not finished")


def test_locked(bench):
    """While somebody holds the database, messages wait in the spool, and a stop is not held up."""
    broker = bench.broker()
    collector = Collector(bench, broker, "sqlite:fleet.db").start_subscribed()
    send(broker, batch(1))
    collector.wait_query(STARTS, numbers(1), "a row")
    with contextlib.closing(sqlite3.connect(collector.path, isolation_level=None)) as database:
        database.execute("BEGIN IMMEDIATE")
        send(broker, batch(2))
        collector.wait_acknowledged(2)
        collector.signal(signal.SIGTERM)
        equal(collector.wait(), 0, "the exit status")
        database.execute("ROLLBACK")
    collector.start_subscribed()
    collector.wait_query(STARTS, numbers(1, 2), "both rows")


def test_usage(bench):
    """Wrong usage is told and ends with 2; a missing part is named."""
    for arguments in ([], ["--broker", "mqtt://127.0.0.1:1"], ["--to", "sqlite:x"],
                      ["--to", "nowhere:x", "--broker", "mqtt://127.0.0.1:1"],
                      ["--to", "http://127.0.0.1:1", "--broker", "mqtt://127.0.0.1:1"],
                      ["--to", "ndjson:x", "--broker", "mqtt://127.0.0.1:1", "--state", "x"],
                      ["--to", "ndjson:x", "--broker", "mqtt://127.0.0.1:1", "--part", "3/2"],
                      ["--to", "ndjson:x", "--broker", "mqtt://127.0.0.1:1", "--part", "0/2"],
                      ["--to", "ndjson:x", "--broker", "mqtt://127.0.0.1:1", "--part", "1/2x"],
                      ["--to", "ndjson:x", "--broker", "mqtt://127.0.0.1:1", "--part", "1/2",
                       "--group", "pool"],
                      ["--nonsense"], ["more"]):
        done = bench.run("collect", *arguments)
        equal((done.returncode, bool(done.stderr)), (2, True), f"collect {arguments}")
    equal(bench.run("collect", "--help").returncode, 0, "help")
    alone = bench.directory / "alone" / "weir"
    alone.parent.mkdir()
    shutil.copy(harness.BINARY, alone)
    done = subprocess.run([alone, "collect", "--help"], capture_output=True, text=True, timeout=60)
    equal(done.returncode, 1, "the exit status without weir-collect")
    expect("the package weir-collect brings it" in done.stderr, done.stderr)


class Server:
    """A server of a package, on a port of its own."""

    def __init__(self, bench, path, port, make_command):
        self.directory = bench.directory / path
        self.directory.mkdir()
        self.log_path = self.directory / "log"
        self.log_path.touch()
        self.port = port
        self.command = make_command(self)
        self.process = None
        bench.add(self)

    def start(self):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log)
        wait_for(lambda: harness.answers(self.port), f"{self.command[0]} to answer", 60)
        return self

    def log(self):
        return self.log_path.read_text(errors="replace")

    def get(self, path, **values):
        url = f"http://127.0.0.1:{self.port}{path}?{urllib.parse.urlencode(values)}"
        with urllib.request.urlopen(url, timeout=20) as answer:
            return answer.read().decode()

    def post(self, path, text):
        url = f"http://127.0.0.1:{self.port}{path}"
        urllib.request.urlopen(url, text.encode(), timeout=20).close()

    def finish(self):
        if self.process:
            stop_process(self.process)


def find_server(name):
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/bin")
    if not found:
        print(f"skipped: {name} is not installed")
    return found


def send_to_server(bench, server, path, count_points):
    """A collector posts, across an outage of the server, and what is there is each point once."""
    broker = bench.broker()
    url = f"http://127.0.0.1:{server.port}{path}"
    collector = Collector(bench, broker, url, "--state",
                          str(bench.directory / "http.state")).start_subscribed()
    send(broker, batch(1), batch(2))
    collector.wait_log("cannot store, and will try again")
    collector.kill()
    collector.start_subscribed()
    server.start()
    collector.wait_log("cannot store, and will try again")
    send(broker, batch(3))
    wait_for(lambda: count_points() == 3, "three points", 60)
    return broker, collector


def has_database(server):
    """Asks for one until it is there: the server answers before it can make any."""
    try:
        server.post("/query", "q=CREATE DATABASE weir")
        return '"weir"' in server.get("/query", q="SHOW DATABASES")
    except OSError:
        return False


def test_influxdb(bench):
    """InfluxDB takes what is posted, and what it refuses is put aside."""
    program = find_server("influxd")
    if not program:
        return
    rpc = free_port()

    def make_command(server):
        path = server.directory / "conf"
        path.write_text(f"""reporting-disabled = true
bind-address = "127.0.0.1:{rpc}"
[meta]
  dir = "{server.directory}/meta"
[data]
  dir = "{server.directory}/data"
  wal-dir = "{server.directory}/wal"
[http]
  bind-address = "127.0.0.1:{server.port}"
""")
        return [program, "-config", str(path)]

    server = Server(bench, "influxdb", free_port(), make_command)
    server.start()
    wait_for(lambda: has_database(server), "a database", 30)
    server.post("/write?db=weir", f'other mean="a text" {T0}000000')
    server.finish()

    def ask(query):
        answer = json.loads(server.get("/query", db="weir", q=query))["results"][0]
        return answer["series"][0]["values"] if "series" in answer else []

    def count_points():
        return sum(values[1] for values in ask('SELECT count("mean") FROM climate'))

    broker, collector = send_to_server(bench, server, "/write?db=weir", count_points)
    send(broker, batch(4, [row(4, stream="other")]), batch(5))
    wait_for(lambda: count_points() == 4, "a point behind what is refused", 30)
    equal(ask('SELECT "mean", "series" FROM climate')[0][1:], [1.25, "north/hall-1"], "a point")
    found = [line for line in collector.report() if line["type"] != "gateway"]
    equal([line["type"] for line in found], ["damaged"], "what was put aside")
    expect("type conflict" in found[0]["problem"], f"the reason is {found[0]['problem']}")


def test_victoria_metrics(bench):
    """VictoriaMetrics takes what is posted."""
    program = find_server("victoria-metrics")
    if not program:
        return
    server = Server(bench, "victoria", free_port(), lambda server: [
        program, f"-httpListenAddr=127.0.0.1:{server.port}",
        f"-storageDataPath={server.directory}/data", "-retentionPeriod=100y",
        "-search.latencyOffset=0s"])

    def count_points():
        server.get("/internal/force_flush")
        lines = server.get("/api/v1/export", **{"match[]": "climate_mean"}).splitlines()
        return sum(len(json.loads(line)["values"]) for line in lines)

    send_to_server(bench, server, "/write", count_points)


if __name__ == "__main__" and not COLLECTOR.exists():
    print("skipped: weir-collect is not built")
    sys.exit(77)
harness.main(__name__)
