"""The outbox: what waits, in what order it goes, and what a loss looks like."""

import datetime
import socket
import struct
import threading

import harness
from harness import CLIMATE_FILTER, config, equal, expect, is_balanced, reading

TOPIC = "plant/north/hall-1/climate"
BATCHES = "weir/v1/plant-7/batch"


class Forgetful:
    """An MQTT 3.1.1 broker that hangs up on the first publishes, and acknowledges the others."""

    CONNECT, PUBLISH, PINGREQ = 1, 3, 12

    def __init__(self, forgets):
        self.forgets = forgets
        self.payloads = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"mqtt://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection, connection.makefile("rb") as stream:
                while self.take_packet(connection, stream):
                    pass

    def take_packet(self, connection, stream):
        """One packet and the answer to it; False to hang up."""
        head = stream.read(1)
        if not head:
            return False
        length, shift, byte = 0, 0, 0x80
        while byte & 0x80:
            byte = stream.read(1)[0]
            length |= (byte & 0x7F) << shift
            shift += 7
        body = stream.read(length)
        kind = head[0] >> 4
        if kind == self.CONNECT:
            connection.sendall(b"\x20\x02\x00\x00")
        elif kind == self.PINGREQ:
            connection.sendall(b"\xd0\x00")
        elif kind == self.PUBLISH:
            topic_length, = struct.unpack_from(">H", body)
            self.payloads.append(body[topic_length + 4:])
            if len(self.payloads) <= self.forgets:
                return False
            connection.sendall(b"\x40\x02" + body[topic_length + 2:topic_length + 4])
        return True

    def log(self):
        return ""

    def finish(self):
        self.listener.close()


# Rows of some size: so few of them fill a batch, or an outbox.
JSON = 'format = "json";'


def fill(broker, first, count):
    """Closes `count` windows of one sample each, from a number on, and opens one more."""
    broker.publish_all(TOPIC, [reading((first + index) * 10, index % 100)
                               for index in range(count)] +
                       [reading((first + count) * 10 + 9, 0)])


def windows(rows):
    """The numbers of the windows in rows, in their order."""
    return [(row["start"] - harness.T0) // 10_000 for row in rows]


def test_order(bench):
    """Batches wait for an uplink that is absent, and go oldest first when it comes."""
    broker, uplink = bench.broker(), bench.make_broker()
    weir = bench.weir(config(broker, uplink, outbox="256KiB", uplink_more=JSON))
    weir.start_online(broker, CLIMATE_FILTER)
    weir.wait_log("uplink: cannot connect to")
    fill(broker, 0, 800)
    broker.wait_delivered(801)
    uplink.start()
    batches = uplink.subscribe(BATCHES)
    batches.wait(lambda batch: f'"start":{harness.T0 + 7_990_000},' in batch.payload,
                 "the last window")
    found = batches.messages()
    expect(len(found) >= 2, "one batch is no order")
    equal([batch.json["seq"] for batch in found], list(range(1, len(found) + 1)), "the numbers")
    equal(windows(bench.summaries(found)), list(range(800)), "the windows")
    ledger = found[-1].json["ledger"]
    equal((ledger["batches_dropped"], ledger["outbox_dropped"]), (0, 0), "what was dropped")


def test_overflow(bench):
    """A full outbox drops the oldest batches; ledger and gap in the numbers tell the same."""
    broker, uplink = bench.broker(), bench.make_broker()
    weir = bench.weir(config(broker, uplink, outbox="64KiB", uplink_more=JSON))
    weir.start_online(broker, CLIMATE_FILTER)
    fill(broker, 0, 1000)
    broker.wait_delivered(1001)
    uplink.start()
    batches = uplink.subscribe(BATCHES)
    weir.wait_log("uplink: connected to")
    fill(broker, 1010, 3)
    batches.wait(lambda batch: f'"start":{harness.T0 + 10_120_000},' in batch.payload,
                 "the last window")
    found = weir.drain(batches)
    ledger = found[-1].json["ledger"]
    rows = bench.summaries(found)
    numbers = [batch.json["seq"] for batch in found]
    expect(is_balanced(ledger), f"not balanced: {ledger}")
    expect(ledger["batches_dropped"] > 0, "nothing was dropped")
    equal(numbers, list(range(ledger["batches_dropped"] + 1, numbers[-1] + 1)), "the numbers")
    equal(len(rows) + ledger["outbox_dropped"], ledger["summaries"], "summaries, sent or dropped")
    kept = windows(rows)
    equal(kept[:-5], list(range(ledger["outbox_dropped"], 1000)), "the windows that were kept")


def test_killed(bench):
    """After the uplink's death batches go on where they stood, none lost."""
    broker, uplink = bench.broker(), bench.broker()
    before = uplink.subscribe(BATCHES)
    weir = bench.weir(config(broker, uplink)).start_online(broker, CLIMATE_FILTER)
    fill(broker, 0, 5)
    before.wait(lambda batch: f'"start":{harness.T0 + 40_000},' in batch.payload, "five windows")
    uplink.kill()
    weir.wait_log("uplink: lost the connection to")
    fill(broker, 10, 5)
    broker.wait_delivered(12)
    uplink.start()
    after = uplink.subscribe(BATCHES)
    after.wait(lambda batch: f'"start":{harness.T0 + 140_000},' in batch.payload, "five more")
    unique = {batch.json["seq"]: batch for batch in before.messages() + after.messages()}
    equal(list(unique), list(range(1, len(unique) + 1)), "the numbers")
    equal(windows(bench.summaries(list(unique.values()))),
          [0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14], "the windows")


def test_same_bytes(bench):
    """A batch that was not acknowledged is sent again, the same bytes under the same number."""
    broker = bench.broker()
    uplink = bench.add(Forgetful(forgets=2))
    text = config(broker, uplink, uplink_more='version = "3.1.1";' + JSON)
    weir = bench.weir(text).start_online(broker, CLIMATE_FILTER)
    fill(broker, 0, 5)
    harness.wait_for(lambda: len(uplink.payloads) >= 3, "a batch to come three times", 20)
    weir.drain()
    first, second, third, last = uplink.payloads
    equal((second, third), (first, first), "the repeats")
    rows = [row for row in bench.decode(first.decode(), last.decode())
            if row["type"] == "summary"]
    equal([(row["seq"], row["count"]) for row in rows], [(1, 1)] * 5 + [(2, 1)], "the rows")


def hours(begin, end):
    """A window that begins and ends so many hours from now."""
    now = datetime.datetime.now(datetime.timezone.utc)
    return 'window = "{:%H:%M}-{:%H:%M}"; max_bytes = "1KiB";'.format(
        *(now + datetime.timedelta(hours=one) for one in (begin, end))) + JSON


def test_hours(bench):
    """Batches wait for their hours, which a reload may change, and then leave in order."""
    broker, uplink = bench.broker(), bench.broker()
    weir = bench.weir(config(broker, uplink, uplink_more=hours(2, 4)))
    weir.start_online(broker, CLIMATE_FILTER)
    weir.wait_log("uplink: connected to")
    batches = uplink.subscribe(BATCHES)
    fill(broker, 0, 50)
    broker.wait_delivered(51)
    equal(batches.messages(), [], "batches before their time")
    weir.reload(config(broker, uplink, uplink_more=hours(-2, 2)))
    batches.wait(lambda batch: f'"start":{harness.T0 + 490_000},' in batch.payload,
                 "the last window")
    found = batches.messages()
    expect(len(found) > 5, "early batches")
    equal(windows(bench.summaries(found)), list(range(50)), "the windows")
    weir.reload(config(broker, uplink, uplink_more=hours(2, 4)))
    count = len(batches.messages())
    fill(broker, 60, 50)
    broker.wait_delivered(102)
    equal(len(batches.messages()), count, "batches when the hours are over")


def test_hours_at_the_end(bench):
    """Without storage a stop sends what waits for its hours: it would be lost."""
    broker, uplink = bench.broker(), bench.broker()
    weir = bench.weir(config(broker, uplink, uplink_more=hours(2, 4)))
    weir.start_online(broker, CLIMATE_FILTER)
    weir.wait_log("uplink: connected to")
    batches = uplink.subscribe(BATCHES)
    fill(broker, 0, 50)
    broker.wait_delivered(51)
    found = weir.drain(batches)
    equal(windows(bench.summaries(found))[:50], list(range(50)), "the windows")


harness.main(__name__)
