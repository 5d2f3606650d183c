"""The daemon from sensor to uplink: what comes out, and what it says of what did not."""

import json
import re
import socket

import harness
from harness import CLIMATE_FILTER, T0, config, equal, expect, is_balanced, reading

TOPIC = "plant/north/hall-1/climate"
BATCHES = "weir/v1/plant-7/batch"

POWER = """{ name = "power"; topics = [ "plant/{site}/{device}/power" ]; format = "number"; qos = 0;
      fields = ( { name = "power"; unit = "W"; } ); window = { size = "1s"; };
      aggregates = [ "count", "sum", "min", "max" ]; }"""


def last_ledger(batches):
    """The ledger of the newest batch."""
    return max((batch.json for batch in batches), key=lambda batch: batch["seq"])["ledger"]


def test_values(bench):
    """Samples in JSON and as numbers, at QoS 0 and 1, become summaries with the right values."""
    broker, uplink = bench.broker(), bench.broker()
    batches = uplink.subscribe(BATCHES, qos=2)
    weir = bench.weir(config(broker, uplink, f"{harness.CLIMATE}, {POWER}"))
    weir.start_online(broker, CLIMATE_FILTER, "plant/+/+/power")
    broker.publish_all(TOPIC, [reading(second, 20 + second) for second in range(5)], qos=1)
    broker.publish_all(TOPIC, [reading(second, 20 + second) for second in range(5, 10)], qos=0)
    broker.publish(TOPIC, {"ts": T0 + 10_000, "t": "30.5"})
    broker.publish(TOPIC, reading(12, 31.5))
    broker.publish_all("plant/north/meter-1/power", ["1200.5", "800", "ON"], qos=0)
    first = batches.wait(lambda batch: '"climate"' in batch.payload, "a batch with climate")
    climate = [row for row in bench.summaries(first) if row["stream"] == "climate"][0]
    equal({key: climate[key] for key in climate if key not in ("epoch", "seq")},
          {"type": "summary", "gateway": "plant-7", "stream": "climate",
           "series": "north/hall-1", "field": "temperature", "unit": "Cel", "start": T0,
           "end": T0 + 10_000, "revision": 0, "count": 10, "min": 20, "max": 29, "mean": 24.5,
           "last": 29}, "the summary of the first window")
    batches.wait(lambda batch: '"power"' in batch.payload, "a batch with power")
    rows = bench.summaries(weir.drain(batches))
    power = [row for row in rows if row["stream"] == "power"]
    equal(sum(row["count"] for row in power), 3, "the readings of power")
    equal(sum(row["sum"] for row in power), 2001.5, "their sum")
    equal(min(row["min"] for row in power), 1, "the smallest, ON")
    tail = [row for row in rows if row["start"] == T0 + 10_000]
    equal([(row["count"], row["mean"], row["last"]) for row in tail], [(2, 31, 31.5)],
          "the window that was open at the end")


def test_batches(bench):
    """Batches go out at QoS 1 under one epoch, numbered from 1 without gaps, ledgers balanced."""
    broker, uplink = bench.broker(), bench.broker()
    batches = uplink.subscribe("#", qos=2)
    weir = bench.weir(config(broker, uplink)).start_online(broker, CLIMATE_FILTER)
    for count in range(1, 4):
        broker.publish(TOPIC, reading(count * 10, count))
        broker.publish(TOPIC, reading(count * 10 + 13, count))
        batches.wait(count=count, what="a batch")
    found = weir.drain(batches)
    equal({batch.topic for batch in found}, {BATCHES}, "the topics")
    equal({batch.qos for batch in found}, {1}, "the QoS")
    bodies = [batch.json for batch in found]
    equal([body["seq"] for body in bodies], list(range(1, len(bodies) + 1)), "the numbers")
    equal(len({body["epoch"] for body in bodies}), 1, "the number of epochs")
    equal({body["schema"] for body in bodies}, {"weir.batch/1"}, "the schema")
    equal({body["gateway"] for body in bodies}, {"plant-7"}, "the gateway")
    for body in bodies:
        expect(is_balanced(body["ledger"]), f"not balanced: {body['ledger']}")
    summarised = sum(row["count"] for row in bench.summaries(found))
    equal(summarised, bodies[-1]["ledger"]["summarised"], "samples in summaries, by the ledger")


def test_decode(bench):
    """`weir decode` gives the batch's own summaries, each with gateway, epoch and seq."""
    broker, uplink = bench.broker(), bench.broker()
    batches = uplink.subscribe(BATCHES)
    weir = bench.weir(config(broker, uplink)).start_online(broker, CLIMATE_FILTER)
    broker.publish_all(TOPIC, [reading(second, 20 + second / 7) for second in range(0, 95)])
    broker.wait_delivered(95)
    for batch in weir.drain(batches):
        body = batch.json
        rows = bench.summaries([batch])
        origin = {key: body[key] for key in ("gateway", "epoch", "seq")}
        equal([{key: row[key] for key in row if key != "type"} for row in rows],
              [{**summary, **origin} for summary in body["summaries"]], "the decoded rows")


def test_ledger(bench):
    """Every message and every value that is not in a summary is in the ledger under its reason."""
    broker, uplink = bench.broker(), bench.broker()
    batches = uplink.subscribe(BATCHES)
    streams = harness.CLIMATE.replace("max_series = 20", "max_series = 2")
    weir = bench.weir(config(broker, uplink, streams)).start_online(broker, CLIMATE_FILTER)
    ahead = 4_000_000_000_000
    messages = [
        (TOPIC, reading(0, 20)),
        (TOPIC, reading(30, 21)),                           # closes the first window
        (TOPIC, reading(1, 22)),                            # late
        (TOPIC, "not json"), (TOPIC, '{"ts": 1, "t": 20'),  # malformed
        (TOPIC, '{"ts": 1, "t": "' + "x" * 70_000 + '"}'),  # oversize
        (TOPIC, reading(31, 999.0)), (TOPIC, reading(31, 125.5)), (TOPIC, reading(31, None)),
        (TOPIC, reading(31, "warm")),                       # four invalid
        (TOPIC, {"ts": T0 + 32_000}),                       # no sample at all
        ("plant/north/hall-2/climate", {"ts": ahead, "t": 20}),
        ("plant/north/hall-2/climate", {"ts": "yesterday", "t": 20}),
        ("plant/north/hall-3/climate", reading(0, 20)),     # a third series
    ]
    for topic, payload in messages:
        broker.publish(topic, payload)
    broker.wait_delivered(len(messages))
    ledger = last_ledger(weir.drain(batches))
    expect(is_balanced(ledger), f"not balanced: {ledger}")
    expected = {"received": 14, "accepted": 11, "unmatched": 0, "oversize": 1, "malformed": 2,
                "samples": 10, "summarised": 4, "open": 0, "late": 1, "late_dropped": 1,
                "invalid": 4, "over_budget": 1, "clock_ahead": 1, "time_unreadable": 1,
                "queue_dropped": 0, "outbox_dropped": 0, "batches_dropped": 0,
                "events_dropped": 0}
    equal({key: ledger[key] for key in expected}, expected, "the ledger")


def test_unmatched(bench):
    """What the broker held for a subscription of an earlier configuration is counted unmatched."""
    broker, uplink = bench.broker(), bench.broker()
    batches = uplink.subscribe(BATCHES)
    weir = bench.weir(config(broker, uplink)).start_online(broker, CLIMATE_FILTER)
    weir.stop()
    broker.publish(TOPIC, reading(0, 20))
    weir.configure(config(broker, uplink, harness.CLIMATE.replace("plant/", "works/")))
    weir.start_online(broker, "works/+/+/climate")
    broker.publish("works/north/hall-1/climate", reading(0, 20))
    broker.wait_delivered(2)
    ledger = last_ledger(weir.drain(batches))
    equal((ledger["received"], ledger["unmatched"], ledger["accepted"]), (2, 1, 1), "the ledger")


def test_live(bench):
    """With live = true the newest summary of each field is retained for each series, else not."""
    broker = bench.broker()
    streams = harness.CLIMATE.replace("max_series", "live = true; max_series").replace(
        '"last"', '"last", "p50"')
    quiet = harness.CLIMATE.replace("climate", "quiet")
    messages = broker.subscribe("weir/v1/plant-7/live/#")
    bench.weir(config(broker, streams=f"{streams}, {quiet}")).start_online(
        broker, CLIMATE_FILTER, "plant/+/+/quiet")
    topic = "weir/v1/plant-7/live/climate/north.hall-1"
    broker.publish_all("plant/north/hall-1/quiet", [reading(0, 1), reading(30, 2)])
    broker.publish_all(TOPIC, [reading(0, 1), reading(30, 2)])
    messages.wait_topic(topic)
    broker.publish(TOPIC, reading(60, 3))
    messages.wait(lambda message: message.json["summaries"][0]["start"] == T0 + 30_000,
                  "the second window")
    retained = broker.retained("weir/v1/plant-7/live/#")
    equal(list(retained), [topic], "the retained topics")
    body = retained[topic].json
    equal((body["schema"], body["gateway"]), ("weir.live/1", "plant-7"), "schema and gateway")
    equal([(row["field"], row["start"], row["count"], row["mean"], row["p50"])
           for row in body["summaries"]],
          [("temperature", T0 + 30_000, 1, 2, 2)], "the newest summary")


def test_refused(bench):
    """A configuration with mistakes is refused with 78, and all of them are named at once."""
    broker = bench.broker()
    text = config(broker, alerts="""
      { name = "hot"; stream = "climate"; field = "temprature"; above = 30.0; },
      { name = "cold"; stream = "climat"; field = "temperature"; treshold = 3.0; }""")
    weir = bench.weir(text).start()
    equal(weir.wait(), harness.EXIT_REFUSED, "the exit status")
    for offset, word in ((1, '"temprature"'), (2, '"climat"'), (2, "'treshold'")):
        line = text[:text.index("alerts:")].count("\n") + 1 + offset
        expect(any(f"weir.conf:{line}:" in complaint and word in complaint
                   for complaint in weir.log().splitlines()),
               f"line {line}, {word} is not named in: {weir.log()}")
    expect("plant-7" not in broker.log(), "the broker heard of it")
    missing = bench.run("run", "-c", bench.directory / "nowhere.conf")
    equal(missing.returncode, harness.EXIT_REFUSED, "the exit status without a file")
    expect("nowhere.conf" in missing.stderr, f"the file is not named: {missing.stderr}")


def test_password_file(bench):
    """A password file that is missing or that others may read is refused with 78, by check too."""
    broker = bench.broker()
    secret = bench.directory / "secret"
    path = bench.directory / "weir.conf"
    text = config(broker).replace("keepalive", f'username = "u"; password_file = "{secret}";\n'
                                               "keepalive")
    path.write_text(text)

    def refuse(reason):
        for verb in ("check", "run"):
            done = bench.run(verb, "-c", path)
            equal(done.returncode, harness.EXIT_REFUSED, f"{verb}'s exit status")
            expect(re.search(rf"weir\.conf:2:\d+: error: .*password_file '{secret}'.*{reason}",
                             done.stderr), f"{verb} does not say {reason}: {done.stderr}")

    refuse("No such file")
    secret.write_text("right\n")
    secret.chmod(0o644)
    refuse("mode 644")
    secret.chmod(0o640)
    refuse("mode 640")
    equal(bench.run("replay", "-c", path, text="").returncode, harness.EXIT_DONE,
          "the exit status of replay, which needs no password")
    expect("plant-7" not in broker.log(), "the broker heard of it")
    secret.chmod(0o600)
    equal(bench.run("check", "-c", path).returncode, harness.EXIT_DONE, "check's exit status")


def test_usage(bench):
    """Wrong usage of run ends with 2, --help with 0."""
    equal(bench.run("run", "--no-such-option").returncode, harness.EXIT_USAGE, "an option")
    equal(bench.run("run", "surplus").returncode, harness.EXIT_USAGE, "an argument")
    helped = bench.run("run", "--help")
    equal((helped.returncode, helped.stderr), (harness.EXIT_DONE, ""), "--help")
    expect("weir run" in helped.stdout, "--help says nothing of run")


def test_storage_that_cannot_be(bench):
    """A state directory that cannot be used does not keep weir from running; it says so."""
    broker = bench.broker()
    path = bench.directory / "no" / "such" / "place"
    weir = bench.weir(config(broker, more=f'storage: {{ path = "{path}"; }};'))
    weir.start_online(broker, CLIMATE_FILTER)
    weir.wait_log("cannot be made: No such file or directory")
    weir.drain()
    expect(not path.exists(), "it made the directory all the same")


def test_check(bench):
    """`weir check` prints a plan and opens no connection."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.setblocking(False)
        port = listener.getsockname()[1]
        path = bench.directory / "weir.conf"
        path.write_text(f"""gateway = "plant-7"; broker: {{ url = "mqtt://127.0.0.1:{port}"; }};
            streams: ( {harness.CLIMATE} ); uplink: {{ url = "mqtt://127.0.0.1:{port}"; }};""")
        done = bench.run("check", "-c", path)
        equal(done.returncode, harness.EXIT_DONE, f"the exit status ({done.stderr})")
        expect("climate" in done.stdout, "the plan does not name the stream")
        try:
            listener.accept()
        except BlockingIOError:
            return
    raise harness.Failure("somebody connected")


def test_board(bench):
    """`weir check --board` refuses what is beyond the board's memory or flash, and names it."""
    path = bench.directory / "weir.conf"

    def check(series=20, journal="4MiB", board="qemu-arm64"):
        stream = harness.CLIMATE.replace("max_series = 20", f"max_series = {series}")
        path.write_text(f"""gateway = "plant-7"; streams: ( {stream} );
            storage: {{ path = "{bench.directory}"; journal = "{journal}"; outbox = "4MiB"; }};""")
        return bench.run("check", "-c", path, "--board", board)

    equal(check().returncode, harness.EXIT_DONE, "what fits")
    for what, done in (("flash", check(journal="64MiB")), ("memory", check(series=100_000))):
        equal(done.returncode, harness.EXIT_REFUSED, f"too much {what}")
        expect(f"bytes of {what}" in done.stderr, f"{what} is not named: {done.stderr}")
    done = check(board="qemu-arm65")
    equal(done.returncode, harness.EXIT_USAGE, "an unknown board")
    expect("qemu-arm64" in done.stderr, f"the boards are not named: {done.stderr}")


def test_info(bench):
    """info is retained: version, configuration hash, clock, and a ledger that is balanced."""
    broker = bench.broker()
    bench.weir(config(broker)).start_online(broker, CLIMATE_FILTER)
    info = broker.subscribe("weir/v1/plant-7/info").wait()[0]
    body = json.loads(info.payload)
    equal((body["schema"], body["gateway"]), ("weir.info/1", "plant-7"), "schema and gateway")
    equal(body["version"],
          re.search(r"\d+\.\d+\.\d+", bench.run("version").stdout)[0], "the version")
    expect(re.fullmatch("[0-9a-f]{16}", body["config_hash"]), "the configuration's hash")
    expect(body["clock"] in ("synchronised", "unsynchronised"), "the state of the clock")
    expect(is_balanced(body["ledger"]), f"not balanced: {body['ledger']}")
    expect("weir/v1/plant-7/info" in broker.retained("weir/v1/plant-7/#"), "info is not retained")


harness.main(__name__)
