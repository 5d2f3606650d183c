"""The log on disk: what it holds, whether it is whole, and that it replays as it was."""

import contextlib
import datetime
import hashlib
import json
import os
import pathlib
import random
import re
import struct
import subprocess
import time

import harness
from harness import CLIMATE_FILTER, T0, config, equal, expect, reading, wait_for

TOPIC = "plant/north/hall-1/climate"
BLANK = """{ name = "raw"; topics = [ "raw/#" ]; format = "number";
      fields = ( { name = "value"; } ); window = { size = "10s"; }; }"""


# An independent reader, written from docs/journal-format.md.

KINDS = ["segment", "end", "message", "tick", "config", "epoch", "losses", "events", "batches",
         "reserve", "step", "pause", "settle", "link", "command"]
LOSSES = ["queue_dropped", "outbox_dropped", "batches_dropped", "events_dropped", "coarsened",
          "journal_lost"]


def make_table():
    table = []
    for number in range(256):
        for _ in range(8):
            number = number >> 1 ^ (0x82F63B78 if number & 1 else 0)
        table.append(number)
    return table


CRC_TABLE = make_table()


def crc32c(seed, data):
    crc = seed ^ 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ CRC_TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def seed_of(store, position):
    mixed = store ^ position * 0x9E3779B97F4A7C15 & (2**64 - 1)
    return (mixed * 0xFF51AFD7ED558CCD & (2**64 - 1)) >> 32


class Body:
    def __init__(self, data):
        self.data, self.at = data, 0

    def byte(self):
        self.at += 1
        return self.data[self.at - 1]

    def number(self):
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    def signed(self):
        value = self.number()
        return value >> 1 ^ -(value & 1)

    def fixed(self):
        self.at += 8
        return int.from_bytes(self.data[self.at - 8:self.at], "little")

    def bytes(self, count):
        self.at += count
        return self.data[self.at - count:self.at]

    def rest(self):
        return self.bytes(len(self.data) - self.at)


def read_message(body, time_ms):
    flags = body.byte()
    found = {"at": time_ms}
    for bit, name in ((1, "retain"), (2, "dup"), (16, "unsynchronised")):
        if flags & bit:
            found[name] = True
    if flags & 8:
        found["mid"] = body.number()
    topic_length = body.number()
    if flags & 4:
        found.update(payload=None, payloadlen=body.number(), topiclen=topic_length)
    found["topic"] = body.bytes(min(topic_length, 512)).decode(
        errors="ignore" if flags & 4 else "strict")
    if not flags & 4:
        payload = body.rest()
        try:
            found["payload"] = payload.decode()
        except UnicodeDecodeError:
            found["payload_hex"] = payload.hex()
    return found


def read_command(body, found):
    name = ["ack", "shelve", "unshelve", "restore"][body.byte()]
    found["command"] = name
    if name == "ack":
        found["id"] = f"{body.fixed():016x}"
    if name == "shelve":
        found["for"] = body.signed()
    if name == "restore":
        found["level"] = ["ok", "info", "warning", "critical"][body.byte()]
        found["acked"] = body.byte() == 1
        found["ts"], found["since"] = body.signed(), body.signed()
        found["value"] = struct.unpack("<d", body.bytes(8))[0]
        found["id"] = f"{body.fixed():016x}"
        found["seq"], found["n"] = body.number(), body.number()
    found["rule"], found["series"], _ = body.rest().decode().split("\0")


def read_body(kind, body, before_ms):
    """The record as `weir journal cat --all` prints it, and its time."""
    if kind == "segment":
        equal(body.byte(), 1, "the version")
        found = {"store": body.fixed()}
        time_ms = body.fixed()
        return {**found, "sequence": body.number()}, time_ms
    time_ms = before_ms
    if kind in ("message", "tick", "step", "pause", "link", "command"):
        time_ms += body.signed()
    if kind == "message":
        return read_message(body, time_ms), time_ms
    found = {"record": kind, "at": time_ms}
    if kind == "config":
        found["image"] = f"{body.fixed():016x}"
    if kind in ("config", "epoch", "batches"):
        found["epoch"] = f"{body.fixed():016x}"
    if kind == "losses":
        found.update((name, body.number()) for name in LOSSES)
    if kind in ("events", "batches", "reserve", "settle"):
        found["number"] = body.number()
    if kind in ("step", "pause"):
        found["step"] = body.signed()
    if kind == "link":
        found["up"] = body.byte() == 1
    if kind == "command":
        read_command(body, found)
    return found, time_ms


def read_segment(data, number):
    """The records of a segment's file, heads and ends left out; and its length."""
    found, offset, store, time_ms, sequence = [], 0, None, 0, 0
    while len(data) - offset >= 7:
        body = Body(data[offset + 4:])
        length = body.number()
        end = offset + 4 + body.at + length
        if length == 0 or end > len(data):
            break
        kind = KINDS[data[offset + 4 + body.at] - 1]
        if store is None:
            equal(kind, "segment", "the first record")
            (store,) = struct.unpack_from("<Q", data, offset + 4 + body.at + 3)
        checksum = crc32c(seed_of(store, number * len(data) + offset), data[offset + 4:end])
        if checksum != int.from_bytes(data[offset:offset + 4], "little"):
            break
        body = Body(data[offset + 4 + body.at + 1:end])
        low = body.byte()
        record, time_ms = read_body(kind, body, time_ms)
        equal(body.at, len(body.data), "bytes of the record that were read")
        if kind == "segment":
            sequence = record["sequence"]
        equal(low, sequence & 0xFF, "the sequence")
        offset = end
        if kind == "end":
            break
        if kind != "segment":
            found.append(record)
            sequence += 1
    return found


def read_journal(state):
    return [record for path in sorted((state / "journal").glob("*.seg"))
            for record in read_segment(path.read_bytes(), int(path.stem, 16))]


# What the tests share.

def storage(state, more=""):
    return f'storage: {{ path = "{state}"; journal = "1MiB"; outbox = "1MiB"; {more} }};'


def lines(text):
    return [json.loads(line) for line in text.splitlines()]


def cat(bench, state, *options):
    done = bench.run("journal", "cat", "--path", state, *options)
    equal((done.returncode, done.stderr), (0, ""), "cat's exit status and stderr")
    return done.stdout


def payloads(text):
    return [line["payload"] for line in lines(text) if "payload" in line]


def remove_ring(state):
    """A power cut: what lay in memory is gone."""
    (store,) = struct.unpack_from("<8xQ", (state / "store").read_bytes())
    places = [os.environ.get("RUNTIME_DIRECTORY", "/run/weir"), "/run/weir", "/dev/shm", state]
    for place in places:
        with contextlib.suppress(FileNotFoundError):
            (pathlib.Path(place) / f"weir-{store:016x}.ring").unlink()


def digest(state):
    """Names and bytes of everything in a state directory."""
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(state.rglob("*")) if path.is_file()}


def start(bench, broker, uplink=None, more='sync = "100ms";', **options):
    state = bench.directory / "state"
    text = config(broker, uplink, more=storage(state, more), **options)
    weir = bench.weir(text)
    return state, weir.start_online(broker, CLIMATE_FILTER)


def fill(broker):
    """9,000 messages, in parts: what outruns the disk by the whole ring leaves a hole in the log."""
    for part in range(0, 9000, 1500):
        broker.publish_all(TOPIC, [reading(second / 10, second % 90)
                                   for second in range(part, part + 1500)])
        broker.wait_delivered(part + 1500)
        time.sleep(0.3)


def verify(bench, state):
    done = bench.run("journal", "verify", "--path", state)
    equal(done.stderr, "", "stderr")
    return done.returncode, done.stdout


@contextlib.contextmanager
def ring_removed(state):
    try:
        yield
    finally:
        remove_ring(state)


def test_killed(bench):
    """After kill -9 the journal has every message, on disk or not, and replays to the same bytes."""
    broker = bench.broker()
    state, weir = start(bench, broker, streams=f"{harness.CLIMATE}, {BLANK}")
    with ring_removed(state):
        sent = [json.dumps(reading(second / 10, second % 90)) for second in range(3000)]
        broker.publish_all(TOPIC, sent)
        broker.publish("raw/a", b"\xff\x00\x80")
        broker.publish("raw/b", 'quote " backslash \\ tab \t and é')
        broker.publish("raw/c", "x" * 70000)
        broker.publish("raw/" + "d" * 600, "1")
        broker.run_publisher("raw/e", "-n", "", 1, False)
        broker.wait_delivered(3005)
        weir.kill()
        before = digest(state)
        text = cat(bench, state)
        found = lines(text)
        equal([line["payload"] for line in found if line["topic"] == TOPIC], sent, "messages")
        equal([line.get("payload_hex") for line in found if line["topic"] == "raw/a"], ["ff0080"],
              "bytes that are no text")
        equal([line["payload"] for line in found if line["topic"] == "raw/b"],
              ['quote " backslash \\ tab \t and é'], "text that is escaped")
        equal([(line["payloadlen"], line["topiclen"]) for line in found if "topiclen" in line],
              [(70000, 5), (1, 604)], "messages that are too long")
        equal([line["payload"] for line in found if line["topic"] == "raw/e"], [""], "an empty one")
        expect(all(0 < line["mid"] < 65536 for line in found), "packet ids")
        equal([line["at"] for line in found], sorted(line["at"] for line in found), "times")

        piped = bench.run("replay", "-c", weir.config_path, text=text)
        direct = bench.run("replay", "-c", weir.config_path, "--journal", state)
        everything = bench.run("replay", "-c", weir.config_path, text=cat(bench, state, "--all"))
        equal((piped.returncode, piped.stderr), (0, ""), "the pipe")
        equal((direct.returncode, direct.stderr), (0, ""), "replay --journal")
        equal(direct.stdout, piped.stdout, "replay --journal and the pipe")
        equal(everything.stdout, piped.stdout, "with all records and with messages alone")
        rows = lines(piped.stdout)
        ledger = rows[-1]
        equal((ledger["received"], ledger["accepted"], ledger["oversize"], ledger["malformed"]),
              (3005, 3002, 2, 1), "the ledger")
        equal(sum(row["count"] for row in rows if row.get("stream") == "climate"), 3000, "values")
        equal(verify(bench, state)[0], 0, "verify's exit status")
        equal(digest(state), before, "the state directory")

        remove_ring(state)
        left = cat(bench, state)
        expect(text.startswith(left), "without the ring the journal has the beginning")
        equal(verify(bench, state)[0], 0, "verify's exit status without the ring")


def test_in_use(bench):
    """A second weir on the same storage says so and ends, but when the first one ends before."""
    broker = bench.broker()
    state, weir = start(bench, broker)
    other = bench.weir(config(broker, more=storage(state), gateway="plant-8"))
    equal(other.start().wait(), harness.EXIT_FAILED, "the second one's exit status")
    other.wait_log(f"error: storage: {state} is in use by another weir")
    equal(broker.log().count("weir-plant-8"), 0, "lines of the broker about the second one")
    other.start().wait_log("waiting for it to end", 2)
    weir.drain()
    broker.subscribe("weir/v1/plant-8/status").wait(lambda message: message.payload == "online",
                                                    "the second one, in its place")
    other.drain()
    equal(verify(bench, state)[0], 0, "verify's exit status")


def test_format(bench):
    """A reader written from docs/journal-format.md reads what `weir journal cat --all` prints."""
    broker, uplink = bench.broker(), bench.broker()
    state, weir = start(bench, broker, uplink, alerts="""{ name = "hot"; stream = "climate";
        field = "temperature"; above = 50.0; }""", streams=f"{harness.CLIMATE}, {BLANK}")
    batches = uplink.subscribe("weir/v1/plant-7/batch")
    for turn in range(6):
        broker.publish_all(TOPIC, [reading(turn * 100 + second / 10, second % 90)
                                   for second in range(1000)])
    broker.publish("raw/a", b"\xff\x00\x80", retain=True)
    broker.publish("raw/c", "x" * 70000)
    broker.publish("raw/" + "é" * 300, "1")
    broker.publish("raw/f", "y" * 60000, qos=0)
    batches.wait()
    weir.reload(weir.config_path.read_text().replace("above = 50.0", "above = 60.0"))
    broker.wait_delivered(6003)
    weir.drain()
    found = read_journal(state)
    expect(len(list((state / "journal").glob("*.seg"))) >= 3, "several segments")
    kinds = {record.get("record") for record in found}
    expect({None, "tick", "config", "events", "batches"} <= kinds, f"kinds of records: {kinds}")
    equal(lines(cat(bench, state, "--all")), found, "the records")
    equal(lines(cat(bench, state)), [one for one in found if "topic" in one], "the messages")


def test_while_running(bench):
    """A running weir's journal can be read up to its newest message, and weir does not notice."""
    broker = bench.broker()
    state, weir = start(bench, broker, more='sync = "1h";')
    with ring_removed(state):
        for turn in range(20):
            broker.publish_all(TOPIC, [f'{{"ts":{T0},"t":{turn},"pad":"{"x" * 1000}"}}'
                                       for _ in range(5 * turn)])
            broker.wait_delivered(5 * turn * (turn + 1) // 2)
            text = cat(bench, state)
            equal([json.loads(line)["t"] for line in payloads(text)][-5 * turn:],
                  [turn] * 5 * turn, "the newest messages")
        equal(verify(bench, state)[0], 0, "verify's exit status")

        def is_in_ring():
            broker.publish(TOPIC, reading(0, 99))
            listing = bench.run("journal", "ls", "--path", state).stdout
            return int(re.search(r"^ring .*  (\d+) records", listing, re.MULTILINE)[1]) > 0

        wait_for(is_in_ring, "records that are not on disk")
        before = payloads(cat(bench, state))
        weir.drain()
        after = payloads(cat(bench, state))
        equal(after[:len(before)], before, "the messages after the stop")
        expect(len(after) - len(before) <= 1, "no more than was on its way")


def test_ls(bench):
    """ls tells segments with positions and times, snapshots, the outbox, and what was set aside."""
    broker, uplink = bench.broker(), bench.make_broker()
    state, weir = start(bench, broker, uplink)
    fill(broker)
    wait_for(lambda: list((state / "outbox").glob("*.batch")), "a batch in the outbox")
    weir.drain()
    (state / "journal" / "00000000000000aa.seg.bad").write_bytes(b"x" * 77)
    done = bench.run("journal", "ls", "-c", weir.config_path)
    equal((done.returncode, done.stderr), (0, ""), "the exit status and stderr")
    found = [re.split(r"\s{2,}", line) for line in done.stdout.splitlines()]
    segments = [words for words in found if words[0].startswith("segment ")]
    equal([words[0].split()[1] for words in segments],
          [f"{number:016x}" for number in range(len(segments))], "numbers")
    equal({words[5] for words in segments}, {"131072 bytes"}, "sizes")
    equal({words[6] for words in segments}, {"good"}, "states")
    equal(sum(int(words[2].split()[0]) for words in segments),
          len(lines(cat(bench, state, "--all"))), "records")
    messages = lines(cat(bench, state))
    first = datetime.datetime.fromisoformat(segments[0][3].replace("Z", "+00:00"))
    last = datetime.datetime.fromisoformat(segments[-1][4].replace("Z", "+00:00"))
    expect(0 < first.timestamp() * 1000 <= messages[0]["at"] + 1, "the first time")
    expect(last.timestamp() * 1000 >= messages[-1]["at"] - 1, "the last time")
    expect(any(words[0].startswith("snapshot ") for words in found), "a snapshot")
    outbox = next(words for words in found if words[0] == "outbox")
    equal(int(outbox[1].split()[0]), len(list((state / "outbox").glob("*.batch"))), "batches")
    equal(found[-1], ["set aside journal/00000000000000aa.seg.bad", "77 bytes"], "the last line")


def test_times(bench):
    """cat --from and --to take milliseconds or ISO 8601, the first inside and the second not."""
    broker = bench.broker()
    state, weir = start(bench, broker)
    for second in range(5):
        broker.publish(TOPIC, reading(second, second))
    broker.wait_delivered(5)
    weir.drain()
    found = lines(cat(bench, state))
    begin, end = found[1]["at"], found[3]["at"]
    wanted = [line for line in found if begin <= line["at"] < end]
    equal(lines(cat(bench, state, "--from", begin, "--to", end)), wanted, "by milliseconds")
    iso = [datetime.datetime.fromtimestamp(ms / 1000, datetime.timezone.utc).isoformat()
           for ms in (begin, end)]
    equal(lines(cat(bench, state, "--from", iso[0], "--to", iso[1])), wanted, "by ISO 8601")
    equal(bench.run("journal", "cat", "--path", state, "--from", "noon").returncode,
          harness.EXIT_USAGE, "a time that is none")


def test_damage(bench):
    """verify finds every kind of damage, cat goes on behind it, and neither writes anything."""
    broker, uplink = bench.broker(), bench.make_broker()
    state, weir = start(bench, broker, uplink)
    fill(broker)
    wait_for(lambda: list((state / "outbox").glob("*.batch")), "a batch in the outbox")
    weir.drain()
    segments = sorted((state / "journal").glob("*.seg"))
    expect(len(segments) >= 4, "several segments")
    status, good = verify(bench, state)
    equal((status, good.count("\n")), (0, 1), f"verify of a good store: {good}")
    count = len(lines(cat(bench, state, "--all")))

    def damaged(path, change, wanted, lost):
        kept = path.read_bytes()
        change(path, kept)
        before = digest(state)
        try:
            status, text = verify(bench, state)
            equal(status, 1, f"verify of a damaged {path.name}: {text}")
            expect(re.search(wanted, text), f"{wanted} in {text}")
            done = bench.run("journal", "cat", "--all", "--path", state)
            if lost is None:
                return
            equal(done.returncode, 1 if path in segments else 0, "cat's exit status")
            found = int(re.search(r"(\d+) records lost$", text)[1])
            equal(len(lines(done.stdout)) + found, count, f"records of {text}")
            expect(lost(found), f"{found} records lost")
            equal(digest(state), before, "the state directory")
        finally:
            path.write_bytes(kept)

    def flip(offset):
        def change(path, data):
            changed = bytearray(data)
            changed[offset] ^= 0x40
            path.write_bytes(changed)
        return change

    def zero(path, data):
        path.write_bytes(bytes(len(data)))

    def wipe_middle(path, data):
        path.write_bytes(data[:20000] + random.Random(7).randbytes(60000) + data[80000:])

    second = f"segment {1:016x}: damaged"
    # A gap at the head may begin in the last bytes of the segment before, where no end fits.
    head = r"segment 000000000000000[01]: damaged"
    damaged(segments[1], flip(5000), second, lambda lost: lost == 1)
    damaged(segments[1], flip(6), head, lambda lost: lost == 0)
    damaged(segments[1], wipe_middle, second, lambda lost: lost > 256)
    damaged(segments[1], zero, head, lambda lost: lost > 256)
    damaged(segments[1], lambda path, data: path.unlink(), head, lambda lost: lost > 256)
    damaged(segments[-1], zero, "before the newest snapshot", None)
    snapshot = sorted((state / "snapshots").iterdir())[-1]
    damaged(snapshot, flip(300), f"{snapshot.name}: damaged", lambda lost: lost == 0)
    batch = sorted((state / "outbox").iterdir())[0]
    damaged(batch, flip(100), f"{batch.name}: damaged", lambda lost: lost == 0)
    image = sorted((state / "configs").iterdir())[0]
    damaged(image, flip(100), f"{image.name}: needed, and damaged", lambda lost: lost == 0)
    damaged(image, lambda path, data: path.unlink(), f"{image.name}: missing", None)
    damaged(state / "store", flip(9), "store: ", lambda lost: lost == 0)
    equal(verify(bench, state), (0, good), "verify of the store made good")

    listing = bench.run("journal", "ls", "--path", state).stdout
    expect("damaged" not in listing, "nothing damaged in ls")
    flip(5000)(segments[1], segments[1].read_bytes())
    found = bench.run("journal", "ls", "--path", state).stdout.splitlines()
    equal([line.split()[1] for line in found if line.endswith("damaged")], [f"{1:016x}"],
          "damaged segments in ls")


def test_usage(bench):
    """Wrong usage, no storage, no store: each says so and has its exit status."""
    broker = bench.make_broker()
    plain = bench.directory / "plain.conf"
    plain.write_text(config(broker))
    for arguments, status, word in (([], 2, "usage"), (["dump"], 2, "dump"),
                                    (["ls", "cat"], 2, "cat"), (["ls", "--path"], 2, "usage"),
                                    (["ls", "-c", plain], 1, "no storage"),
                                    (["ls", "-c", "/nowhere.conf"], 78, "nowhere"),
                                    (["cat", "--path", "/nowhere"], 1, "/nowhere"),
                                    (["verify", "--path", bench.directory], 1, "no store")):
        done = bench.run("journal", *arguments)
        equal((done.returncode, done.stdout), (status, ""), f"journal {arguments}: exit, stdout")
        expect(word in done.stderr, f"{word} in {done.stderr}")
    done = bench.run("replay", "-c", plain, "--journal", bench.directory)
    equal(done.returncode, 1, "replay --journal without a store")
    done = bench.run("replay", "-c", plain, "--journal", "x", "--input", "y")
    equal(done.returncode, 2, "replay with two inputs")


harness.main(__name__)
