"""What lies retained on the gateway's broker is the truth: after every restart of either side."""

import json

import harness
from harness import CLIMATE, CLIMATE_FILTER, SLOW, config, equal, expect, reading, wait_for
from sender import Sender

TOPIC = "plant/north/hall-1/climate"
ROOT = "weir/v1/plant-7"
STATE = f"{ROOT}/alert/hot/north.hall-1/state"
HOT = '{ name = "hot"; stream = "climate"; field = "temperature"; above = 30.0; }'
COLD = '{ name = "cold"; stream = "climate"; field = "temperature"; below = 4.0; }'
LIVE = CLIMATE.replace("max_series", "live = true; max_series")

# How soon the retained states have to be right, in seconds.
SOON = 2


def storage(bench):
    return f'storage: {{ path = "{bench.directory}/state"; journal = "4MiB"; outbox = "1MiB"; }};'


def states(broker):
    return {topic: message.json
            for topic, message in broker.retained(f"{ROOT}/alert/+/+/state").items()}


def await_states(broker, condition, what):
    """The retained states, once they are as they should be: soon after the daemon is online."""
    return wait_for(lambda: condition(found := states(broker)) and found, what, SOON)


def raise_hot(broker, value=31):
    broker.publish(TOPIC, reading(0, value))
    return wait_for(lambda: (found := states(broker)).get(STATE, {}).get("level") == "warning"
                    and found[STATE], "a raised alert")


def check_restart(bench, text_of):
    broker = bench.broker()
    weir = bench.weir(text_of(broker)).start_online(broker, CLIMATE_FILTER)
    before = raise_hot(broker)
    events = broker.subscribe(f"{ROOT}/alert/+/+/event")
    weir.kill()
    weir.start_online(broker, CLIMATE_FILTER)
    after = await_states(broker, lambda found: found.get(STATE, {}).get("restored"),
                         "a restored state")[STATE]
    equal((after["id"], after["level"], after["since"], after["quality"], after["value"]),
          (before["id"], "warning", before["since"], "stale", 31), "the restored state")
    broker.publish(TOPIC, reading(1, 29))
    cleared = events.wait(what="an event")[0].json
    equal((cleared["event"], cleared["id"], cleared["restored"]), ("cleared", before["id"], False),
          "what the first sample brought")
    expect(cleared["seq"] > before["seq"], "the number went back")
    equal(len(events.settle().messages()), 1, "the events in all")


def test_restart_without_storage(bench):
    """Without storage a restart goes on from the retained state: same id, restored, then confirmed."""
    check_restart(bench, lambda broker: config(broker, alerts=HOT))


def test_restart_with_old_mqtt(bench):
    """The same with MQTT 3.1.1, where retained messages cannot be chosen."""
    check_restart(bench, lambda broker: config(broker, alerts=HOT).replace(
        "keepalive = 5;", 'keepalive = 5; version = "3.1.1";'))


def test_restart_with_storage(bench):
    """With storage the state is there again, and it is told to be from before."""
    broker = bench.broker()
    weir = bench.weir(config(broker, alerts=HOT, more=storage(bench))).start_online(
        broker, CLIMATE_FILTER)
    before = raise_hot(broker)
    weir.kill()
    weir.start_online(broker, CLIMATE_FILTER)
    after = await_states(broker, lambda found: found.get(STATE, {}).get("restored"),
                         "a restored state")[STATE]
    equal((after["id"], after["seq"], after["level"]), (before["id"], before["seq"], "warning"),
          "the restored state")


def test_restart_of_an_expected_series(bench):
    """A series that was only expected while the broker was away goes on from the retained state."""
    gone = ('{ name = "gone"; stream = "climate"; silent = "1s"; grace = "1h"; '
            'expect = [ "north/hall-1" ]; }')
    topic = f"{ROOT}/alert/gone/north.hall-1/state"
    broker = bench.broker(persistent=True)
    weir = bench.weir(config(broker, alerts=gone)).start_online(broker, CLIMATE_FILTER)
    broker.publish(TOPIC, reading(0, 20))
    before = await_states(broker, lambda found: found.get(topic, {}).get("level") == "warning",
                          "a series found silent")[topic]
    weir.kill()
    broker.stop()
    weir.start()
    wait_for(lambda: bench.run("explain", "--socket", weir.socket_path(), "gone",
                               "north/hall-1").returncode == 0, "the series to be expected")
    broker.start()
    after = wait_for(lambda: (found := states(broker).get(topic, {})).get("restored") and found,
                     "a restored state")
    equal((after["id"], after["seq"], after["level"]), (before["id"], before["seq"], "warning"),
          "the restored state")


def check_broker_restart(bench, persistent):
    broker = bench.broker(persistent)
    bench.weir(config(broker, alerts=HOT)).start_online(broker, CLIMATE_FILTER)
    before = raise_hot(broker)
    status = f"{ROOT}/status"
    broker.stop()
    broker.start()
    wait_for(lambda: broker.retained(status).get(status), "the daemon to be back")
    after = await_states(broker, lambda found: STATE in found, "the state")[STATE]
    equal((after["id"], after["level"]), (before["id"], "warning"), "the state")


def test_broker_restart(bench):
    """A broker that forgot everything has every state again."""
    check_broker_restart(bench, False)


def test_persistent_broker_restart(bench):
    """So has one that kept what it had."""
    check_broker_restart(bench, True)


def check_removed(bench, more):
    broker = bench.broker()
    text = config(broker, streams=LIVE, alerts=f"{HOT}, {COLD}", more=more)
    weir = bench.weir(text).start_online(broker, CLIMATE_FILTER)
    raise_hot(broker)
    broker.publish_all(TOPIC, [reading(second, 31) for second in (11, 24)])
    live = f"{ROOT}/live/climate/north.hall-1"
    wait_for(lambda: broker.retained(live), "a live summary")
    wait_for(lambda: len(states(broker)) == 2, "two states")
    weir.drain()
    weir.configure(config(broker, alerts=HOT, more=more))
    weir.start_online(broker, CLIMATE_FILTER)
    await_states(broker, lambda found: list(found) == [STATE], "the other rule's state alone")
    wait_for(lambda: not broker.retained(live), "no live summary", SOON)


def test_rule_removed_while_down(bench):
    """A rule and live topics taken out while weir was down leave nothing retained, without storage."""
    check_removed(bench, "")


def test_rule_removed_while_down_with_storage(bench):
    """And with storage."""
    check_removed(bench, storage(bench))


def test_foreign(bench):
    """What is no state of ours is deleted and named once; other gateways' topics are left alone."""
    broker = bench.broker()
    foreign = [f"{ROOT}/alert/hot/a.b/state", f"{ROOT}/alert/hot/a%2/state",
               f"{ROOT}/alert/hot/c.d/state"]
    kept = ["weir/v1/plant-70/alert/hot/a.b/state", "plant/settings"]
    for topic in foreign + kept:
        broker.publish(topic, '{"schema":"weir.alert/1","rule":"cold"}', retain=True)
    weir = bench.weir(config(broker, alerts=HOT)).start_online(broker, CLIMATE_FILTER)
    wait_for(lambda: not states(broker), "no state", SOON)
    equal(sorted(broker.retained("#").keys() & set(foreign + kept)), sorted(kept), "what is left")
    equal(weir.count_log("retains what is no state of ours"), 1, "the lines of the log")


def test_short_queue(bench):
    """A broker that hands over no more than it queues is asked again until nothing is left."""
    broker = bench.broker(queue=20)
    sender = Sender(broker.port)
    for number in range(300):
        sender.publish(f"{ROOT}/alert/gone/d{number}/state", "{}", retain=True)
    sender.settle()
    sender.close()
    status = f"{ROOT}/status"
    weir = bench.weir(config(broker, alerts=HOT)).start()
    wait_for(lambda: broker.retained(status).get(status), "the daemon to be there")
    wait_for(lambda: not states(broker), "all that is left over to be deleted", 60)
    equal(weir.process.poll(), None, "the daemon's end")


def burst(sender, values, second):
    for number, value in enumerate(values):
        sender.publish(f"plant/north/d{number}/climate", json.dumps(reading(second, value)))
    sender.settle()


def levels_of(found, count):
    return [found.get(f"{ROOT}/alert/hot/north.d{number}/state", {}).get("level")
            for number in range(count)]


def test_storm(bench):
    """5,000 series at once: every state is retained and right, events are few, memory stays flat."""
    count = 5000
    broker = bench.broker()
    streams = CLIMATE.replace("max_series = 20", f"max_series = {count}")
    weir = bench.weir(config(broker, streams=streams,
                             alerts=HOT.replace("}", "storm = { }; }"))).start_online(
        broker, CLIMATE_FILTER)
    events = broker.subscribe(f"{ROOT}/alert/+/+/event")
    sender = Sender(broker.port)
    burst(sender, [20] * count, 0)
    wait_for(lambda: levels_of(states(broker), count) == ["ok"] * count, "all to be ok", 30)
    before_kib = weir.resident_kib()
    mixed = [31 if number % 2 else 20 for number in range(count)]
    expected = ["warning" if value == 31 else "ok" for value in mixed]
    burst(sender, mixed, 1)
    wait_for(lambda: levels_of(states(broker), count) == expected, "every state to be right", 5)
    told = [message.json for message in events.settle().messages()]
    expect(any(body["event"] == "storm" and body["series"] == "*" for body in told),
           "nobody said that it was a storm")
    expect(len(told) < 500, f"{len(told)} events of a storm")
    broker.stop()
    broker.start()
    wait_for(lambda: broker.retained(f"{ROOT}/status"), "the daemon to be back")
    wait_for(lambda: levels_of(states(broker), count) == expected, "every state after reconnecting",
             5)
    weir.kill()
    weir.start_online(broker, CLIMATE_FILTER)
    restored = wait_for(lambda: levels_of(found := states(broker), count) == expected
                        and all(body["restored"] for body in found.values()) and found,
                        "every state to be restored", 5)
    equal(len(restored), count, "the states in all")
    grown_kib = weir.resident_kib() - before_kib
    # A sanitizer keeps what was freed.
    expect(grown_kib < 8192 or SLOW > 1, f"{grown_kib} KiB more than before the storm")
    sender.close()


harness.main(__name__)
