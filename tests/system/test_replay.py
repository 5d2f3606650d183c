#!/usr/bin/python3
"""replay, decode, check and version as a user runs them, against a reference of its own.

Runs alone; WEIR_BIN names the binary, WEIR_SEED repeats the random part. Exit status 77: no binary.
"""

import csv
import io
import json
import os
import pathlib
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
import traceback

import compact
import reference
import sketch
from reference import field, stream

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.environ.get("WEIR_BIN", str(ROOT / "build" / "dev" / "weir"))
CAPTURES = ROOT / "tests" / "data" / "captures"
SEED = int(os.environ.get("WEIR_SEED", time.time_ns() % 10**9))
T0 = 1_700_000_000_000

CLIMATE = stream(
    "climate", ["sensors/{site}/{device}/telemetry"],
    [field("temperature", unit="Cel", min=-40.0, max=125.0, invalid=[999.0]),
     field("humidity", "env.rh")],
    10_000, time=("ts", "ms"), lateness=2000)
BOILER = stream("boiler", ["boiler/{number}/temp"], [field("temp", unit="Cel")], 10_000,
                format="number")


class Failure(Exception):
    """An expectation that did not hold."""


def expect(condition, what):
    if not condition:
        raise Failure(what)


def equal(found, wanted, what):
    expect(found == wanted, f"{what}: found {found!r}, expected {wanted!r}")


class Bench:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)

    def write(self, name, text):
        path = self.folder / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return str(path)

    def config(self, streams, extra=""):
        return self.write("weir.conf", reference.config_text(streams, extra))

    def run(self, *arguments, data=None, status=0):
        done = subprocess.run([BINARY, *arguments], input=data, capture_output=True, timeout=100,
                              check=False)
        equal(done.returncode, status, f"{arguments}: exit status, stderr {done.stderr[-2000:]}")
        return done


def line(topic, at, payload, **more):
    return json.dumps({"topic": topic, "at": at, "payload": payload, **more},
                      separators=(",", ":")) + "\n"


def refer(streams, text, drain=True):
    """The reference's rows and ledger for a capture."""
    checked = reference.Reference(streams)
    for one in text.splitlines():
        if not one.strip():
            continue
        try:
            message = reference.parse_json(one)
            topic, payload = message["topic"], message.get("payload")
            at = int(message["at"]) if "at" in message else reference.iso_ms(message["tst"])
            if "payload_hex" in message:
                payload = bytes.fromhex(message["payload_hex"])
            elif isinstance(payload, str):
                payload = payload.encode()
            elif payload is None and message.get("payloadlen") == 0:
                payload = b""
            elif "payload" in message:
                payload = json.dumps(json.loads(one)["payload"]).encode()
            else:
                raise ValueError("no payload")
            if at is None or at < 0 or topic == "":
                raise ValueError("no time or topic")
            topic.encode()
        except (ValueError, KeyError, TypeError, AttributeError, ArithmeticError):
            checked.malformed()
            continue
        checked.accept(topic, payload, at)
    if drain:
        checked.drain()
    return checked


def check_replay(bench, streams, text, *options):
    """Replays and compares with the reference. Returns stdout's objects and stderr."""
    config = bench.config(streams)
    capture = bench.write("capture.ndjson", text)
    done = bench.run("replay", "-c", config, "--input", capture, *options)
    # Whole numbers are doubles too, and beyond 2^53 not what their digits say.
    objects = [json.loads(one, parse_int=float) for one in done.stdout.splitlines()]
    checked = refer(streams, text, "--no-drain" not in options)
    equal([one["type"] for one in objects], ["summary"] * (len(objects) - 1) + ["ledger"], "types")
    problems = reference.compare_rows(checked.rows, objects[:-1])
    problems += reference.compare_ledger(checked.ledger, objects[-1])
    expect(not problems, "\n".join(problems[:20]))
    return objects, done.stderr.decode()


def test_what_the_journal_knows_of_a_message_counts(bench):
    twice = line("boiler/1/temp", T0 + 1, "1", mid=7)
    text = (line("boiler/1/temp", T0, "1", mid=7, dup=True) + twice
            + line("boiler/1/temp", T0 + 2, "1", mid=7, dup=True, unsynchronised=True)
            + line("boiler/1/temp", T0 + 3, "1", mid=7) + line("boiler/1/temp", T0 + 4, "1", dup=1)
            + '{"record":"tick","at":1}\n{"record":null}\n{"at":1}\n'
            + line("boiler/1/temp", T0 + 5, None, payloadlen=70000, topiclen=13)
            + line("x" * 512, T0 + 5, None, payloadlen=0, topiclen=600)
            + line("boiler/1/temp", T0 + 6, None, payloadlen=65536, topiclen=512))
    done = bench.run("replay", "-c", bench.config([BOILER]), data=text.encode())
    ledger = json.loads(done.stdout.splitlines()[-1])
    equal(done.stderr.decode(), 'stdin:8: no "topic"\n', "stderr")
    # The last one is text that is no number.
    equal([ledger[key] for key in ("received", "accepted", "duplicates", "oversize", "malformed",
                                   "invalid")], [8, 5, 1, 2, 1, 1], "the ledger")


def test_a_capture_of_json_gives_the_summaries_of_the_contract(bench):
    objects, _ = check_replay(bench, [CLIMATE], (CAPTURES / "climate.ndjson").read_text())
    ledger = objects[-1]
    equal((ledger["malformed"], ledger["unmatched"], ledger["late"], ledger["late_dropped"]),
          (1, 1, 2, 2), "malformed, unmatched, late, late_dropped")
    equal((ledger["clock_ahead"], ledger["time_unreadable"], ledger["invalid"]), (1, 1, 3),
          "clock_ahead, time_unreadable, invalid")


def test_what_mosquitto_sub_writes_replays_as_it_is(bench):
    objects, stderr = check_replay(bench, [BOILER], (CAPTURES / "mosquitto.ndjson").read_text())
    equal(stderr, "", "stderr")
    equal(objects[0]["start"], 1740896040000, "start of the first window")
    equal((objects[-1]["malformed"], objects[-1]["unmatched"]), (1, 1), "malformed, unmatched")


def test_a_bad_line_is_named_and_counted_and_the_run_goes_on(bench):
    text = (CAPTURES / "bad-lines.ndjson").read_text()
    objects, stderr = check_replay(bench, [BOILER], text)
    named = [int(one.split(":")[1]) for one in stderr.splitlines()]
    equal(named, [*range(2, 15), 17], "lines named")
    equal(objects[-1]["malformed"], 14, "malformed")
    equal(objects[-1]["accepted"], 2, "accepted")


def test_a_line_that_is_too_long_is_passed_over(bench):
    long = line("boiler/1/temp", T0 + 500, "x" * (1 << 21))
    text = line("boiler/1/temp", T0, "1") + long + line("boiler/1/temp", T0 + 1000, "2")
    done = bench.run("replay", "-c", bench.config([BOILER]), data=text.encode())
    equal(done.stderr.decode(), "stdin:2: the line is longer than 1 MiB\n", "stderr")
    row, ledger = map(json.loads, done.stdout.splitlines())
    equal((row["count"], ledger["received"], ledger["malformed"]), (2, 3, 1), "counts")
    done = bench.run("replay", "-c", bench.config([BOILER]), data=long.encode()[:-1])
    equal(json.loads(done.stdout)["malformed"], 1, "malformed without a newline at the end")


def test_lengths_around_the_largest_line_are_read_or_refused(bench):
    head = len(line("boiler/1/temp", T0, "")) - 1
    for length, malformed in ((1 << 20, 0), ((1 << 20) + 1, 1)):
        text = line("boiler/1/temp", T0, "x" * (length - head))
        done = bench.run("replay", "-c", bench.config([BOILER]), data=text.encode())
        equal(json.loads(done.stdout)["malformed"], malformed, f"a line of {length} bytes")


def test_oversize_topics_and_payloads_are_counted(bench):
    largest = json.dumps({"ts": T0, "temperature": 1}).rjust(65536)
    text = (line("sensors/a/" + "x" * 500 + "/telemetry", T0, largest)
            + line("sensors/a/b/telemetry", T0, largest)
            + line("sensors/a/b/telemetry", T0, largest + " "))
    objects, _ = check_replay(bench, [CLIMATE], text)
    equal(objects[-1]["oversize"], 2, "oversize")


def test_no_drain_leaves_open_windows_open(bench):
    text = (CAPTURES / "climate.ndjson").read_text()
    objects, _ = check_replay(bench, [CLIMATE], text, "--no-drain")
    expect(objects[-1]["open"] > 0, "something is open")
    text = "".join(line("boiler/1/temp", T0 + 1000 * i, str(i)) for i in range(95))
    objects, _ = check_replay(bench, [BOILER], text, "--no-drain")
    equal(objects[-1]["open"], 5, "open")


def test_late_samples_revise_what_is_held(bench):
    revising = {**CLIMATE, "revise": True, "held": 2, "lateness": 0}
    times = [0, 3000, 11_000, 5000, 21_000, 6000, 12_000, 31_000, 7000, 13_000, 41_000, 25_000]
    text = "".join(line("sensors/a/b/telemetry", T0 + 60_000,
                        {"ts": T0 + time_ms, "temperature": index})
                   for index, time_ms in enumerate(times))
    objects, _ = check_replay(bench, [revising], text)
    equal(max(one.get("revision", 0) for one in objects), 2, "newest revision")
    expect(objects[-1]["late_dropped"] > 0, "something was too late for what is held")


def test_series_beyond_the_budget_are_counted(bench):
    few = {**CLIMATE, "max_series": 3}
    text = "".join(line(f"sensors/a/{i % 5}/telemetry", T0 + i * 100,
                        {"ts": T0 + i * 100, "temperature": i, "env": {"rh": "nan"}})
                   for i in range(50))
    objects, _ = check_replay(bench, [few], text)
    equal((objects[-1]["over_budget"], objects[-1]["invalid"]), (20, 50), "over_budget, invalid")


def random_payload(dice, time_ms, unit):
    values = [dice.uniform(-50, 130), dice.randint(-10, 10), 999, 1e100, 5e-324, 0.1 + 0.2, "12.5",
              " 7 ", "+3", "ON", "off", True, False, None, "x", "", [], {}, "1e999", 2**70]
    body = {}
    if dice.random() < 0.95:
        scale = {"s": 0.001, "ms": 1, "us": 1000, "ns": 1_000_000}.get(unit, 1)
        if unit == "iso8601":
            body["ts"] = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time_ms // 1000))
            body["ts"] += f".{time_ms % 1000:03}Z"
        else:
            body["ts"] = time_ms * scale if unit == "s" else int(time_ms * scale)
    if dice.random() < 0.03:
        body["ts"] = dice.choice([None, "soon", -5, 1e40, True, [1]])
    for name in ("temperature", "extra"):
        if dice.random() < 0.8:
            body[name] = values[0] if dice.random() < 0.8 else dice.choice(values)
    if dice.random() < 0.8:
        body["env"] = {"rh": dice.gauss(1e6, 1e-3)} if dice.random() < 0.9 else dice.choice(values)
    if dice.random() < 0.02:
        return dice.choice(["", "{", "null", "[1,2]", "\x00", "17"])
    return json.dumps(body) if dice.random() < 0.5 else body


def random_capture(dice, unit, count):
    """Messages whose times run ahead and behind, with gaps, and an arrival clock that jumps at times."""
    at = T0 + dice.randint(0, 10**9)
    lines = []
    for _ in range(count):
        at += dice.choice([0, 1, 50, 200, 1000, 1000, 3000])
        if dice.random() < 0.01:
            at += dice.randint(-5000, 200_000)
        event = at - dice.choice([0, 0, 1, 100, 1500, 2500, 7000, 30_000])
        if dice.random() < 0.02:
            event = at + dice.choice([1000, 60_000, 300_000, 300_001, 10**9])
        number = dice.randint(0, 6)
        topic = dice.choice([f"sensors/p/{number}/telemetry"] * 12 +
                            [f"sensors/q/{number}/telemetry", f"other/{number}", "x/1/temp",
                             "sensors/p/telemetry", "sensors//a b/telemetry"])
        lines.append(line(topic, at, random_payload(dice, event, unit)))
        if dice.random() < 0.005:
            lines.append(dice.choice(["{\n", "nonsense\n", "\n", '{"topic":"a"}\n']))
    return "".join(lines)


def test_random_messages_agree_with_the_reference(bench):
    dice = random.Random(SEED)
    print(f"  WEIR_SEED={SEED}")
    for turn in range(24):
        unit = dice.choice(["s", "ms", "us", "ns", "iso8601", None])
        size = dice.choice([500, 1000, 10_000, 60_000])
        one = stream(
            "one", ["sensors/{site}/{device}/telemetry", "{kind}/{device}/temp"],
            [field("temperature", min=-40.0, max=125.0, invalid=[999.0]), field("rh", "env.rh"),
             field("extra", unit="m3/h")],
            size, time=unit and ("ts", unit), lateness=dice.choice([0, 2000, 2 * size, 15 * size]),
            idle=dice.choice([5000, 30_000, 200_000]), revise=dice.random() < 0.5,
            held=dice.randint(1, 8), max_series=dice.choice([4, 100]),
            aggregates=[name for name in reference.AGGREGATES if dice.random() < 0.8] + ["p50"]
            + dice.sample(reference.QUANTILES, dice.randint(0, 15)))
        if unit is None:
            one["revise"] = False
        other = stream("two", ["sensors/+/{device}/#"], [field("temperature")], 7000,
                       max_series=50)
        check_replay(bench, [one, other], random_capture(dice, unit, 400 if turn else 3000),
                     *(["--no-drain"] if dice.random() < 0.2 else []))


def test_quantiles_are_exact_and_then_within_the_bound(bench):
    """Windows of one sample to thousands, early and late ones, of everyday and outlandish values."""
    dice = random.Random(SEED)
    revising = stream("one", ["sensors/{device}"], [field("v")], 60_000, time=("ts", "ms"),
                      revise=True, held=3, aggregates=["count", "p1", "p25", "p50", "p99", "p99.9"])
    makers = [lambda: round(dice.gauss(20, 2), 1), lambda: dice.lognormvariate(0, 20),
              lambda: dice.uniform(-1e308, 8e307), lambda: dice.randint(0, 3) * 5e-324,
              lambda: dice.choice([-0.0, 0.0, 1e-300]), lambda: 1e16 + 2 * dice.randint(0, 300)]
    lines = []
    for device, make in enumerate(makers):
        for window, count in enumerate([1, 2, 63, 64, 65, 66, 128, 1500, 0, 0, 0, 1]):
            for _ in range(count):
                late = window - 2 if window >= 2 and dice.random() < 0.05 else window
                at = T0 // 60_000 * 60_000 + late * 60_000 + dice.randrange(60_000)
                lines.append((window, line(f"sensors/{device}", T0 + window * 60_000,
                                           {"ts": at, "v": make()})))
    lines.sort(key=lambda one: one[0])
    objects, _ = check_replay(bench, [revising], "".join(text for _, text in lines))
    expect(objects[-1]["late"] > objects[-1]["late_dropped"], "some late samples revise")
    expect(max(one["count"] for one in objects[:-1]) > 1000, "some windows are large")


def test_two_runs_give_the_same_bytes(bench):
    text = random_capture(random.Random(5), "ms", 2000)
    capture = bench.write("capture.ndjson", text)
    config = bench.config([CLIMATE])
    runs = []
    for name in ("a", "b"):
        batches = str(bench.folder / name)
        done = bench.run("replay", "-c", config, f"--input={capture}", "--batches", batches)
        runs.append((done.stdout, done.stderr, pathlib.Path(batches).read_bytes()))
    expect(runs[0] == runs[1], "the second run differs")
    done = bench.run("replay", "-c", config, data=text.encode())
    expect(done.stdout == runs[0][0], "stdout differs from a pipe and without batches")


def without_batch(one):
    return {key: value for key, value in one.items() if key not in ("gateway", "epoch", "seq")}


def test_batches_decode_to_the_summaries_on_stdout(bench):
    text = random_capture(random.Random(6), "ms", 6000)
    uplink = 'uplink: { url = "mqtt://127.0.0.1:1883"; every = "20s"; outbox = "64KiB"; format = "json"; };'
    config = bench.config([CLIMATE], uplink)
    batches = str(bench.folder / "batches")
    done = bench.run("replay", "-c", config, "--input", "-", "--batches", batches,
                     data=text.encode())
    printed = [json.loads(one) for one in done.stdout.splitlines()]
    decoded = [json.loads(one) for one in bench.run("decode", batches).stdout.splitlines()]
    expect([without_batch(one) for one in decoded if one["type"] == "summary"] ==
           [one for one in printed if one["type"] == "summary"], "the summaries differ")
    ledgers = [one for one in decoded if one["type"] == "ledger"]
    equal([one["seq"] for one in ledgers], list(range(1, len(ledgers) + 1)), "numbers of batches")
    equal(without_batch(ledgers[-1]), printed[-1], "the newest batch's ledger")
    for one in ledgers:
        equal(reference.compare_ledger(one, one), [], "balance")
    written = [json.loads(one) for one in pathlib.Path(batches).read_text().splitlines()]
    equal(len(written), len(ledgers), "batches")
    equal(list(written[0]), ["schema", "gateway", "epoch", "seq", "created", "ledger", "summaries"],
          "members of a batch")
    scheduled = [one["created"] % 20_000 == 0 for one in written]
    expect(sum(scheduled) > 5, "most batches stand on the schedule")
    expect(all(len(one) <= 16384 + 2048 for one in pathlib.Path(batches).read_bytes().split(b"\n")),
           "a batch is at most a quarter of the outbox")


def read_compact(data, **options):
    """Batches in compact form, back to back, by the reader that knows only their page."""
    names = {}
    while data:
        length = compact.length_of(data)
        yield compact.read(data[:length], names, **options)
        data = data[length:]


def equal_rows(found, printed):
    """What comes back is what was printed: mean and stddev to 1e-12, all else to the bit."""
    equal(len(found), len(printed), "rows")
    for one, other in zip(found, printed):
        for key in {"mean", "stddev"} & set(other):
            expect(abs(one[key] - other[key]) <= 1e-12 * abs(other[key]), f"{key} of {other}")
        equal({**one, "mean": other.get("mean"), "stddev": other.get("stddev")},
              {"mean": None, "stddev": None, **other}, "a row")


def test_compact_batches_hold_the_summaries_on_stdout(bench):
    text = random_capture(random.Random(7), "ms", 6000)
    uplink = 'uplink: { url = "mqtt://127.0.0.1:1883"; every = "20s"; };'
    config = bench.config([CLIMATE], uplink)
    batches = bench.folder / "batches"
    done = bench.run("replay", "-c", config, "--input", "-", "--batches", str(batches),
                     data=text.encode())
    printed = [json.loads(one) for one in done.stdout.splitlines()]
    summaries = [{key: one[key] for key in one if key != "type"}
                 for one in printed if one["type"] == "summary"]
    read = list(read_compact(batches.read_bytes()))
    equal_rows([row for one in read for row in one["summaries"]], summaries)
    equal([one["seq"] for one in read], list(range(1, len(read) + 1)), "numbers of batches")
    equal({one["table"] for one in read}, {1}, "tables")
    equal(read[-1]["ledger"], {key: printed[-1][key] for key in read[-1]["ledger"]}, "the ledger")
    decoded = [json.loads(one) for one in bench.run("decode", str(batches)).stdout.splitlines()]
    expect([{key: one[key] for key in without_batch(one) if key != "type"}
            for one in decoded if one["type"] == "summary"] ==
           [row for one in read for row in one["summaries"]], "weir decode reads something else")
    hexadecimal = bench.write("hex", "".join(
        batches.read_bytes()[at:at + length].hex() + "\n" for at, length in places(batches)))
    equal(bench.run("decode", hexadecimal).stdout, bench.run("decode", str(batches)).stdout,
          "the same as lines of hexadecimal digits")


def test_what_a_converter_counts_comes_back_from_fewer_bytes(bench):
    """Decimals whose step is none: of 40.5 thousandths, of so many and a third with one value that is
    none of them, and the first once more with what breaks the step."""
    uplink = 'uplink: { url = "mqtt://127.0.0.1:1883"; every = "5m"; };'
    for aggregates in (["count", "min", "max", "mean", "stddev", "last"],
                       ["count", "sum", "min", "max", "first", "last", "p50"], ["mean", "last"]):
        boiler = dict(BOILER, size=1000, aggregates=aggregates)
        sizes = {}
        for name, step, parts in (("halves", 81, 2), ("thirds", 10001, 3), ("broken", 81, 2)):
            draw, place, text = random.Random(23), 1000, ""
            for i in range(4000):
                place += draw.randrange(-2, 3)
                ticks = (step * place + parts // 2) // parts + (i % 3 if name == "broken" else 0)
                ticks += 17 if name == "thirds" and i == 600 else 0
                text += line(f"boiler/{i % 2}/temp", T0 + 100 * i, f"{ticks / 1000:.3f}")
            batches = bench.folder / "batches"
            done = bench.run("replay", "-c", bench.config([boiler], uplink), "--batches",
                             str(batches), data=text.encode())
            printed = [json.loads(one) for one in done.stdout.splitlines()]
            equal_rows([row for one in read_compact(batches.read_bytes())
                        for row in one["summaries"]],
                       [{key: one[key] for key in one if key != "type"}
                        for one in printed if one["type"] == "summary"])
            sizes[name] = batches.stat().st_size
        expect(sizes["halves"] < 0.9 * sizes["broken"], f"bytes: {sizes}")


def sketched_rows(bench, text, window_ms):
    """The summaries of boilers, decoded with their sketches, which a reader of our own finds, too."""
    boiler = dict(BOILER, size=window_ms, aggregates=["count", "min", "max", "p50", "p95"])
    batches = bench.folder / "batches"
    bench.run("replay", "-c", bench.config([boiler]), "--batches", str(batches),
              data=text.encode())
    decoded = [json.loads(one) for one in
               bench.run("decode", "--sketches", str(batches)).stdout.splitlines()]
    rows = [one for one in decoded if one["type"] == "summary"]
    plain = [json.loads(one) for one in bench.run("decode", str(batches)).stdout.splitlines()]
    equal([{key: row[key] for key in row if key != "sketch"} for row in rows],
          [one for one in plain if one["type"] == "summary"], "rows without their sketches")
    equal([row["sketch"] for row in rows],
          [row["sketch"] for batch in read_compact(batches.read_bytes(), sketches=True)
           for row in batch["summaries"]], "sketches of two readers")
    return rows


def test_sketches_of_compact_batches_merge_and_answer(bench):
    draw = random.Random(11)
    values = {"0": [], "1": []}
    text = ""
    for i in range(4800):
        value = round(20 + draw.gauss(0, 3), draw.choice((1, 2)))
        values[str(i % 2)].append(value)
        text += line(f"boiler/{i % 2}/temp", T0 + 50 * i, str(value))
    # Windows with few samples, with bins, and all in one: the parts make the whole.
    whole = {row["series"]: sketch.read(bytes.fromhex(row["sketch"])).write()
             for row in sketched_rows(bench, text, 3_600_000)}
    for window_ms in (1000, 60_000):
        rows = sketched_rows(bench, text, window_ms)
        for series, drawn in values.items():
            mine = [row for row in rows if row["series"] == series]
            parts = [sketch.read(bytes.fromhex(row["sketch"])) for row in mine]
            equal([part.count for part in parts], [row["count"] for row in mine], "counts")
            merged = parts[0]
            for part in parts[1:]:
                merged = merged.merge(part)
            equal(merged.write(), whole[series], "what the parts make")
            ordered = sorted(drawn)
            for thousandths in (1, 250, 777, 990, 999):
                off = merged.quantile(thousandths, ordered[0], ordered[-1]) \
                    - ordered[-(-len(ordered) * thousandths // 1000) - 1]
                expect(abs(off) <= 0.01 * (ordered[-1] - ordered[0]), f"p{thousandths / 10:g}")
    bench.run("decode", "--sketches", "--to", "csv", "-", data=b"", status=2)


def places(path):
    """Where each batch of a file begins, and how long it is."""
    data, at = path.read_bytes(), 0
    while at < len(data):
        length = compact.length_of(data[at:])
        yield at, length
        at += length


def test_decode_passes_over_a_compact_batch_that_is_damaged(bench):
    text = random_capture(random.Random(8), "ms", 3000)
    config = bench.config([CLIMATE], 'uplink: { url = "mqtt://h"; every = "20s"; };')
    batches = bench.folder / "batches"
    bench.run("replay", "-c", config, "--batches", str(batches), data=text.encode())
    data, third = bytearray(batches.read_bytes()), list(places(batches))[2]
    whole = [json.loads(one) for one in bench.run("decode", str(batches)).stdout.splitlines()]
    left = [one["seq"] for one in whole if one["type"] == "ledger" and one["seq"] != 3]
    for at in (0, 1, 2, 3, 5, 20, third[1] - 1):
        damaged = bytearray(data)
        damaged[third[0] + at] ^= 0x40
        path = bench.folder / "damaged"
        path.write_bytes(damaged)
        done = bench.run("decode", str(path), status=1)
        expect(f"byte {third[0]}:".encode() in done.stderr,
               f"the damaged batch is not named: {done.stderr!r}")
        equal([json.loads(one)["seq"] for one in done.stdout.splitlines()
               if '"ledger"' in str(one)], left, "the batches that are left")


def test_a_reader_that_missed_the_names_numbers_the_series(bench):
    text = random_capture(random.Random(9), "ms", 3000)
    config = bench.config([CLIMATE], 'uplink: { url = "mqtt://h"; every = "20s"; };')
    batches = bench.folder / "batches"
    bench.run("replay", "-c", config, "--batches", str(batches), data=text.encode())
    last = list(places(batches))[-1]
    path = bench.folder / "last"
    path.write_bytes(batches.read_bytes()[last[0]:])
    rows = [json.loads(one) for one in bench.run("decode", str(path)).stdout.splitlines()]
    expect(all(one["series"].startswith("#") for one in rows if one["type"] == "summary"),
           "a name from nowhere")


def test_batches_need_no_uplink_and_no_drain_leaves_the_last_one_out(bench):
    text = "".join(line("boiler/1/temp", T0 + 1000 * i, str(i)) for i in range(200))
    config = bench.config([BOILER])
    seen = []
    for options in ([], ["--no-drain"]):
        batches = str(bench.folder / "batches")
        bench.run("replay", "-c", config, "--batches", batches, *options, data=text.encode())
        seen.append(list(read_compact(pathlib.Path(batches).read_bytes())))
    equal(seen[1], seen[0][:-1], "batches without the drain")
    equal([one["created"] for one in seen[1]], [T0 + 40_000, T0 + 100_000, T0 + 160_000],
          "times of the schedule")


def test_batches_are_not_written_over_the_input(bench):
    text = line("boiler/1/temp", T0, "1")
    config = bench.config([BOILER])
    capture = bench.write("capture", text)
    os.symlink(capture, bench.folder / "link")
    os.link(capture, bench.folder / "other-name")
    for path in (capture, str(bench.folder / "link"), str(bench.folder / "other-name")):
        done = bench.run("replay", "-c", config, "--input", capture, "--batches", path, status=1)
        expect(f"{path} is the input" in done.stderr.decode(), f"what it says: {done.stderr}")
        with open(capture, "rb") as stdin:
            done = subprocess.run([BINARY, "replay", "-c", config, "--batches", path], stdin=stdin,
                                  capture_output=True, timeout=100, check=False)
        equal(done.returncode, 1, f"the exit status with the input on stdin ({done.stderr})")
        equal(pathlib.Path(capture).read_text(), text, "the input")


def test_an_alert_is_raised_and_cleared_in_the_output(bench):
    rule = ('alerts: ( { name = "overheat"; stream = "boiler"; field = "temp"; above = 85.0;'
            ' deadband = 3.0; hold = "5s"; clear_delay = "5s"; level = "critical"; } );')
    text = "".join(line("boiler/1/temp", T0 + 1000 * i, "88.5" if 10 <= i < 30 else "60")
                   for i in range(60))
    done = bench.run("replay", "-c", bench.config([BOILER], rule), data=text.encode())
    alerts = [one for one in done.stdout.decode().splitlines() if '"type":"alert"' in one]
    raised = (f'{{"type":"alert","rule":"overheat","stream":"boiler","series":"1","event":"raised",'
              f'"level":"critical","ts":{T0 + 15_000},"value":88.5,"limit":85}}')
    equal(alerts[0], raised, "the first alert line")
    equal([json.loads(one)["event"] for one in alerts], ["raised", "cleared"], "events")


def alert_lines(bench, rule, lines):
    """What a rule on BOILER makes of the lines, as (event, level, ts, value)."""
    done = bench.run("replay", "-c", bench.config([BOILER], f"alerts: ( {{ {rule} }} );"),
                     data="".join(lines).encode())
    found = [json.loads(one) for one in done.stdout.decode().splitlines()]
    return [(one["event"], one["level"], one["ts"] - T0, one["value"])
            for one in found if one["type"] == "alert"]


def samples(*pairs):
    return [line("boiler/1/temp", T0 + at, str(value)) for at, value in pairs]


def test_levels_go_up_and_down(bench):
    found = alert_lines(
        bench, """name = "heat"; stream = "boiler"; field = "temp";
        above = { info = 60.0; critical = 85.0; }; deadband = 2.0;""",
        samples((0, 50), (1000, 61), (2000, 90), (3000, 84), (4000, 83), (5000, 58)))
    equal(found, [("raised", "info", 1000, 61), ("escalated", "critical", 2000, 90),
                  ("deescalated", "info", 4000, 83), ("cleared", "ok", 5000, 58)], "levels")


def test_silence_strikes_on_time_however_long_the_gap_in_the_input(bench):
    found = alert_lines(bench, 'name = "gone"; stream = "boiler"; flap = "off";'
                               ' silent = { warning = "10s"; critical = "1m"; };',
                        samples((0, 1), (9999, 1), (200_000, 1), (215_000, 1)))
    equal(found, [("raised", "warning", 19_999, 10), ("escalated", "critical", 69_999, 60),
                  ("cleared", "ok", 200_000, 0), ("raised", "warning", 210_000, 10),
                  ("cleared", "ok", 215_000, 0)], "silence")


def test_a_rate_is_judged_in_its_unit(bench):
    steady = [(i * 10_000, 20 + i * 0.1) for i in range(20)]
    rising = [(200_000 + i * 10_000, 22 + i * 0.5) for i in range(20)]
    rule = 'name = "rise"; stream = "boiler"; field = "temp"; rate = "2.0/min"; window = "2m";'
    found = alert_lines(bench, rule, samples(*steady, *rising))
    equal([one[:2] for one in found], [("raised", "warning")], "the slope passes the limit once")
    expect(2 < found[0][3] < 3, f"its value is a slope a minute: {found[0][3]}")
    equal(alert_lines(bench, rule, samples(*steady)), [], "a slope of 0.6 a minute")


def test_a_window_is_judged_when_it_closes(bench):
    found = alert_lines(bench, 'name = "warm"; stream = "boiler"; field = "temp"; of = "mean";'
                               ' above = 50.0;',
                        samples((0, 90), (5000, 20), (12_000, 10), (25_000, 10)))
    equal(found, [("raised", "warning", 10_000, 55), ("cleared", "ok", 20_000, 10)], "windows")


def test_a_quantile_of_a_window_is_judged(bench):
    shown = stream("boiler", ["boiler/{number}/temp"], [field("temp", unit="Cel")], 10_000,
                   aggregates=["count", "p95"], format="number")
    rule = 'name = "most"; stream = "boiler"; field = "temp"; of = "p95"; above = 50.0;'
    config = bench.config([shown], f"alerts: ( {{ {rule} }} );")
    randomness = random.Random(11)
    values = [(i * 25, randomness.uniform(0, 40 + 20 * (i // 400 % 2))) for i in range(2000)]
    done = bench.run("replay", "-c", config, data="".join(samples(*values)).encode())
    found = [json.loads(one) for one in done.stdout.decode().splitlines()]
    p95 = {one["end"]: one["p95"] for one in found if one["type"] == "summary"}
    alerts = [one for one in found if one["type"] == "alert"]
    equal([one["event"] for one in alerts], ["raised", "cleared", "raised", "cleared"], "events")
    equal([one["value"] for one in alerts], [p95[one["ts"]] for one in alerts],
          "what was judged is what the windows show")
    text = bench.run("check", "-c", config).stdout.decode()
    expect("p95 of each window of temp" in text, f"what the alert was read as: {text}")
    refused = bench.run("check", "-c", bench.config([BOILER], f"alerts: ( {{ {rule} }} );"),
                        status=78)
    expect(b"keeps none" in refused.stderr, f"why it is refused: {refused.stderr}")


def test_flapping_holds_back_and_ends(bench):
    swings = [(i * 1000, 90 if i % 2 else 10) for i in range(20)]
    found = alert_lines(bench, 'name = "hot"; stream = "boiler"; field = "temp"; above = 85.0;'
                               ' flap = { count = 3; within = "1m"; };',
                        samples(*swings, (100_000, 90)))
    equal([one[0] for one in found], ["raised", "cleared", "raised", "flapping", "flap_end"],
          "events")
    equal(found[-1][:3], ("flap_end", "warning", 78_000), "the end, with the level that it left")


def test_a_retained_message_raises_no_alert(bench):
    rule = ('alerts: ( { name = "hot"; stream = "boiler"; field = "temp"; above = 85.0; } );')
    config = bench.config([BOILER], rule)
    for retain, alerts in ((1, 0), (True, 0), (0, 1), (False, 1)):
        text = line("boiler/1/temp", T0, "90", retain=retain)
        done = bench.run("replay", "-c", config, data=text.encode())
        equal(done.stdout.count(b'"alert"'), alerts, f"alerts with retain {retain}")


def test_what_holds_no_message_is_told(bench):
    config = bench.config([BOILER])
    for capture in ("boiler/1/temp 21.5\nboiler/1/temp 22\n", "21.5\n", '{"temp":1}\n'):
        done = bench.run("replay", "-c", config, "--alerts", data=capture.encode())
        expect(done.stderr.splitlines()[-1].startswith(b"weir: no line of stdin could be read")
               and b"`mosquitto_sub -t '#' -F %j`" in done.stderr, done.stderr)
        expect(b"1970" not in done.stdout, "a time of no message")
    mixed = line("boiler/1/temp", T0, "90") + "nonsense\n"
    expect(b"no line of" not in bench.run("replay", "-c", config, data=mixed.encode()).stderr,
           "one line was good")


def test_exit_statuses(bench):
    config = bench.config([BOILER])
    for arguments in ([], ["nonsense"], ["--nonsense"], ["replay", "--nonsense"],
                      ["replay", "extra"], ["replay", "--input"], ["decode", "a", "b"],
                      ["decode", "--to", "xml"], ["check", "extra"], ["version", "extra"],
                      ["check", "--frob"]):
        done = bench.run(*arguments, status=2)
        expect(done.stderr and not done.stdout, f"{arguments}: usage goes to stderr")
    for option in ("-c", "--nonsense"):
        done = bench.run(option, config, status=2)
        expect(f"no verb in front of '{option}'".encode() in done.stderr, done.stderr)
    expect(b"did you mean 'replay'" in bench.run("reply", status=2).stderr, "the nearest verb")
    bad = bench.write("bad.conf", 'gateway = "g"; strems: ();')
    for verb in ("check", "replay"):
        done = bench.run(verb, "-c", bad, status=78)
        expect(b"strems" in done.stderr and not done.stdout, f"{verb} says what is wrong")
        bench.run(verb, "-c", str(bench.folder / "none.conf"), status=78)
    bench.run("replay", "-c", config, "--input", str(bench.folder / "none"), status=1)
    bench.run("replay", "-c", config, "--input", str(bench.folder), status=1)
    bench.run("replay", "-c", config, "--batches", str(bench.folder / "no" / "b"), status=1)
    bench.run("decode", str(bench.folder / "none"), status=1)
    for arguments in (["--help"], ["-h"], ["run", "--help"], ["check", "--help"],
                      ["replay", "--help"], ["decode", "--help"], ["version", "--help"]):
        done = bench.run(*arguments)
        expect(done.stdout.startswith(b"usage: weir") and not done.stderr, f"{arguments}: help")
    for arguments in (["version"], ["--version"]):
        expect(bench.run(*arguments).stdout.startswith(b"weir 0."), "the version")


def read_plan(text):
    """The lines of check's plan that end in a number."""
    lines = (one.rsplit(None, 1) for one in text.splitlines())
    return {words[0].strip(): int(words[1]) for words in lines if words[-1].isdigit()}


def test_check_prints_the_plan_and_writes_nothing(bench):
    storage = ('uplink: { url = "mqtt://h"; }; storage: { path = "/nowhere/weir"; };')
    config = bench.config([CLIMATE, BOILER], storage)
    before = sorted(os.listdir(bench.folder))
    text = bench.run("check", "-c", config).stdout.decode()
    equal(text.splitlines()[-1], f"{config}: ok", "the last line")
    for word in ('"climate"', '"boiler"', "1000 series of", "batch", "queue", "outbox", "total",
                 "/nowhere/weir", "summaries an hour", "10 messages a window"):
        expect(word in text, f"{word} is in the plan:\n{text}")
    rows = next(one for one in text.splitlines() if "summaries an hour" in one)
    equal(int(rows.split()[-1]), 1000 * 3 * 360, "summaries an hour")
    plan = read_plan(text)
    equal(plan["total"], sum(plan[part] for part in (
        "engine in all", "publisher in all", "ring of the journal, the queue's place",
        "storage's indices and buffers", "snapshot on its way to disk",
        "batches being made coarser", "outbox")), "the total")
    equal((plan["journal on flash"], plan["outbox on flash"]), (64 << 20, 256 << 20), "on flash")
    equal(plan["two snapshots"], 2 * plan["snapshot on its way to disk"], "snapshots")
    equal(plan["flash in all"], (320 << 20) + 3 * plan["snapshot on its way to disk"], "flash")
    equal(plan["messages a day"], 2 * 1000 * 10 * 8640, "messages a day")
    # Beside topic and payload a record has 12 to 20 bytes.
    expect(144 <= plan["journal a day"] / plan["messages a day"] <= 152, f"the journal in {plan}")
    equal(plan["its last page, again at every sync"], 86400 * 4096, "a sync every second")
    equal(plan["a day in all"], sum(plan[part] for part in (
        "journal a day", "its last page, again at every sync", "snapshots a day",
        "batches a day")), "a day in all")
    equal(plan["besides, for the moment of a reload"],
          plan["engine in all"] + plan["publisher in all"], "a reload")
    expect(plan["publisher in all"] > plan["alert events to send"] > 0, f"the events in {plan}")
    equal((plan["alert states to send"], plan["live topics"]), (1, 0), "states and live topics")
    equal(sorted(os.listdir(bench.folder)), before, "files")


def test_check_counts_what_quantiles_take(bench):
    """800 bytes a field, pane and series; the window of 10 s with 2 s of lateness has two panes."""
    uplink = 'uplink: { url = "mqtt://h"; }; storage: { path = "/nowhere/weir"; };'
    plans = []
    for more in ([], ["p50"], ["p1", "p50", "p99.9"]):
        asking = {**CLIMATE, "aggregates": reference.AGGREGATES + more}
        plans.append(read_plan(bench.run("check", "-c", bench.config([asking, BOILER], uplink))
                               .stdout.decode()))
    sketches = "of it sketches, 4 times 800 bytes"
    equal([plan.get(sketches) for plan in plans], [None, 3_200_000, 3_200_000], "sketches")
    expect(plans[1]["engine in all"] - plans[0]["engine in all"] >= 3_200_000, "the engine")
    equal(plans[2]["engine in all"], plans[1]["engine in all"], "the engine with more quantiles")
    expect(plans[1]["batches a day"] > plans[0]["batches a day"], "what is written")


def test_check_prints_when_batches_are_made_and_sent(bench):
    """Half a day of waiting is half a day of batches."""
    plans = []
    for more in ("", 'jitter = "30s"; window = "18:00-06:00";'):
        uplink = f'uplink: {{ url = "mqtt://h"; every = "60s"; outbox = "1MiB"; {more} }};'
        text = bench.run("check", "-c", bench.config([BOILER], uplink)).stdout.decode()
        plans.append(read_plan(text))
        equal("  sent from 18:00 to 06:00 UTC\n" in text, bool(more), "the hours")
        equal("warning: at full load the outbox does not hold" in text, bool(more), "a warning")
    equal(plans[0]["milliseconds after the full interval"], 0, "no jitter")
    expect(0 < plans[1]["milliseconds after the full interval"] < 30_000, f"jitter in {plans[1]}")
    expect(plans[1]["bytes waiting for that, about"] >= 720 * plans[1]["bytes each time, about"],
           f"what waits in {plans[1]}")


def test_jitter_moves_the_schedule_of_a_gateway(bench):
    text = "".join(line("boiler/1/temp", T0 + 1000 * i, str(i)) for i in range(200))
    uplink = 'uplink: { url = "mqtt://h"; every = "20s"; jitter = "20s"; };'
    config = bench.config([BOILER], uplink)
    plan = read_plan(bench.run("check", "-c", config).stdout.decode())
    offset = plan["milliseconds after the full interval"]
    batches = bench.folder / "batches"
    bench.run("replay", "-c", config, "--no-drain", "--batches", str(batches), data=text.encode())
    found = [one["created"] for one in read_compact(batches.read_bytes())]
    expect(len(found) > 5 and 0 < offset < 20_000, f"batches at {found}, with {offset}")
    equal({created % 20_000 for created in found}, {offset}, "times of the schedule")


def test_check_without_storage_plans_no_flash(bench):
    text = bench.run("check", "-c", bench.config([CLIMATE])).stdout.decode()
    plan = read_plan(text)
    expect("no storage is configured" in text, text)
    equal(plan["total"], plan["engine in all"] + plan["publisher in all"] + plan["queue"]
          + plan["outbox"], "the total")


def test_check_counts_a_page_for_each_sync(bench):
    pages = {}
    for sync in ("0", "10s", "off"):
        path = bench.config([CLIMATE], f'storage: {{ path = "/x"; sync = "{sync}"; }};')
        plan = read_plan(bench.run("check", "-c", path).stdout.decode())
        pages[sync] = plan["its last page, again at every sync"] // 4096
    equal(pages, {"0": plan["messages a day"], "10s": 8640, "off": 2880}, "pages a day")


def test_check_counts_what_alerts_and_live_topics_take(bench):
    alerts = """alerts: (
      { name = "hot"; stream = "climate"; field = "temperature"; above = 30.0; },
      { name = "cold"; stream = "climate"; field = "temperature"; below = 3.0; } );"""
    path = bench.config([CLIMATE], alerts)
    before = read_plan(bench.run("check", "-c", path).stdout.decode())
    text = pathlib.Path(path).read_text()
    pathlib.Path(path).write_text(text.replace('name = "climate";',
                                               'name = "climate"; live = true;'))
    after = read_plan(bench.run("check", "-c", path).stdout.decode())
    equal(before["alert states to send"], 2 * 1000 + 1, "the states of two rules")
    equal(before["live topics"], 0, "live topics without one")
    # Two fields of 1000 series, with start, end, first, last, count and seven numbers at least.
    expect(after["live topics"] >= 2 * 1000 * 12 * 8, f"live topics: {after['live topics']}")
    equal(after["total"] - before["total"], after["live topics"], "what that adds")


def test_a_full_disk_is_told(bench):
    text = "".join(line("boiler/1/temp", T0 + 1000 * i, str(i)) for i in range(100))
    capture = bench.write("capture.ndjson", text)
    config = bench.config([BOILER])
    batches = str(bench.folder / "batches")
    bench.run("replay", "-c", config, "--input", capture, "--batches", batches)
    commands = (["check", "-c", config], ["replay", "-c", config, "--input", capture],
                ["decode", batches], ["decode", "--to", "csv", batches], ["version"], ["--help"])
    for command in commands:
        with open("/dev/full", "wb") as full:
            done = subprocess.run([BINARY, *command], stdout=full, stderr=subprocess.PIPE,
                                  timeout=30, check=False)
        equal(done.returncode, 1, f"{command}: exit status with a full disk")
        expect(b"No space left" in done.stderr, f"{command}: {done.stderr}")
    bench.run("replay", "-c", config, "--input", capture, "--batches", "/dev/full", status=1)


def test_a_reader_that_leaves_ends_a_replay(bench):
    text = "".join(line("boiler/1/temp", T0 + 10_000 * i, str(i)) for i in range(20_000))
    capture = bench.write("capture.ndjson", text)
    child = subprocess.Popen([BINARY, "replay", "-c", bench.config([BOILER]), "--input", capture],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                             preexec_fn=lambda: signal.signal(signal.SIGPIPE, signal.SIG_DFL))
    child.stdout.read(10)
    child.stdout.close()
    stderr = child.stderr.read()
    expect(child.wait(timeout=30) in (1, -signal.SIGPIPE), "a status that tells of the failure")
    expect(b"Sanitizer" not in stderr, stderr)


def make_batch(seq=1, rows=2, **more):
    return {"schema": "weir.batch/1", "gateway": "plant-7", "epoch": "00ff", "seq": seq,
            "created": T0, "ledger": {"received": seq}, **more,
            "summaries": [{"stream": "s", "series": f"a/{i}", "field": "f", "start": T0 + i,
                           "end": T0 + 10, "revision": 0, "count": i + 1, "mean": 1.5e-7}
                          for i in range(rows)]}


def decoded(bench, data, status=0, form="ndjson"):
    return bench.run("decode", "--to", form, "-", data=data, status=status)


def test_decode_reads_batches_however_they_are_laid_out(bench):
    batches = [make_batch(1), make_batch(2, 0), make_batch(3, 3, replaces=[[1, 2]], note={"a": []})]
    texts = [json.dumps(one, separators=(",", ":")) for one in batches]
    wanted = decoded(bench, "\n".join(texts).encode()).stdout
    equal(wanted.count(b'"type":"summary"'), 5, "summaries")
    equal(wanted.count(b'"type":"ledger"'), 3, "ledgers")
    first = json.loads(wanted.splitlines()[0])
    equal((first["gateway"], first["epoch"], first["seq"]), ("plant-7", "00ff", 1), "the batch")
    equal(decoded(bench, "".join(texts).encode()).stdout, wanted, "back to back")
    equal(decoded(bench, " \r\n ".join(texts).encode()).stdout, wanted, "with blanks between")
    equal(decoded(bench, "\n".join(one.encode().hex() for one in texts).encode()).stdout, wanted,
          "in hexadecimal")
    spread = decoded(bench, "\n".join(json.dumps(one, indent=2) for one in batches).encode())
    equal([json.loads(one) for one in spread.stdout.splitlines()],
          [json.loads(one) for one in wanted.splitlines()], "over many lines")
    equal(decoded(bench, b"").stdout, b"", "nothing")


def test_decode_passes_over_what_is_no_batch(bench):
    good = json.dumps(make_batch(7), separators=(",", ":")).encode()
    wanted = decoded(bench, good).stdout
    cut = good[:len(good) // 2]
    broken = [cut + b"\n", cut, good[:60] + b"\n", b'{"a":1}\n', b"{]}\n", b"garbage ", b"beef\n",
              b"abc\n", b'{"schema":"weir.batch/2","seq":1}\n', b"[1,2]\n", b'"text"\n', b"}}}\n",
              good.replace(b'"seq":7', b'"seq":-7'), good.replace(b'"ledger"', b'"other"'),
              good.replace(b'{"stream"', b'1,{"stream"', 1), b"\x00\xff\n",
              b'{"schema":"weir.batch/1",' + b'"x":"' + b"y" * (5 << 20) + b'"}\n']
    for one in broken:
        done = decoded(bench, good + b"\n" + one + good, status=1)
        equal(done.stdout, wanted + wanted, f"around {one[:40]!r}")
        expect(b"stdin: byte %d: " % (len(good) + 1) in done.stderr, done.stderr)
    done = decoded(bench, good + cut, status=1)
    equal(done.stdout, wanted, "before a batch that is cut off")


def test_decode_takes_time_and_memory_in_proportion(bench):
    size = 6 << 20

    def limit():
        resource.setrlimit(resource.RLIMIT_CPU, (60, 60))

    for piece in (b'{"schema":"weir.batch/1",', b'{"schema"', b'{"a":\n', b"[", b'{"', b"a", b"{}",
                  b'"', b"{\n", b'{"schema":"weir.batch/1","x":"\n', b"x{"):
        done = subprocess.run([BINARY, "decode"], input=piece * (size // len(piece)),
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=100,
                              preexec_fn=limit, check=False)
        equal((done.returncode, done.stdout), (1, b""), f"{piece!r} again and again")


def test_decode_writes_csv_that_reads_back(bench):
    odd = make_batch(4, 1)
    odd["summaries"][0].update(series='a,"b"\n\u00e9/', unit="%", rate=-0.5, p5=1.5, other=[{"p6": 1}],
                               **{"p99.9": -2e-7, "p100": 3, "x\"p50": "p7"})
    done = decoded(bench, json.dumps(odd).encode() + json.dumps(make_batch(5)).encode(), form="csv")
    rows = list(csv.DictReader(io.StringIO(done.stdout.decode(), newline="")))
    equal(list(rows[0]), ["gateway", "epoch", "seq", "stream", "series", "field", "unit", "start",
                          "end", "revision", *reference.AGGREGATES, "quantiles"], "the head")
    equal(rows[0]["series"], 'a,"b"\n\u00e9/', "a series")
    equal((rows[0]["unit"], rows[0]["rate"], rows[0]["sum"], rows[0]["mean"]),
          ("%", "-0.5", "", "1.5e-07"), "values")
    equal([row["quantiles"] for row in rows], ["p5=1.5;p99.9=-2e-07", "", ""], "quantiles")
    equal([row["seq"] for row in rows], ["4", "5", "5"], "numbers of batches")


def test_decode_writes_line_protocol(bench):
    odd = make_batch(4, 1)
    odd["summaries"][0].update(stream="my stream,x", series="a b,c=d\\/\u00e9\n\\", unit="",
                               rate=-0.5, p50=7)
    done = decoded(bench, json.dumps(odd).encode(), form="line")
    equal(done.stdout.decode(),
          "my\\ stream\\,x,field=f,gateway=plant-7,series=a\\ b\\,c\\=d\\/\u00e9%0A%5C,window=10 "
          f"revision=0i,count=1i,mean=1.5e-07,rate=-0.5,p50=7 {T0}000000\n", "a line")
    for wrong in ({"p50": "7"}, {f"p{i}": i for i in range(1, 18)}, {"start": "soon"}):
        worse = {**odd, "summaries": [{**odd["summaries"][0], **wrong}]}
        for form in ("line", "csv"):
            decoded(bench, json.dumps(worse).encode(), form=form, status=1)


def main():
    if not os.access(BINARY, os.X_OK):
        print(f"{BINARY} is not there")
        sys.exit(77)
    failures = 0
    tests = [(name, test) for name, test in globals().items() if name.startswith("test_")]
    for name, test in tests:
        with tempfile.TemporaryDirectory(prefix="weir-replay-") as folder:
            try:
                test(Bench(folder))
                print(f"ok      {name}")
            except Exception:  # a test may fail in any way; the next one still runs
                failures += 1
                print(f"FAILED  {name}")
                traceback.print_exc(file=sys.stdout)
    print(f"{len(tests)} tests, {failures} failed")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
