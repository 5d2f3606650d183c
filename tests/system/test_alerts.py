"""Alerts as a subscriber on the gateway's broker sees them."""

import subprocess
import time

import harness
from harness import CLIMATE_FILTER, T0, config, equal, expect, reading, wait_for

TOPIC = "plant/north/hall-1/climate"
ROOT = "weir/v1/plant-7/alert"


def rule(name, settings):
    return f'{{ name = "{name}"; stream = "climate"; field = "temperature"; {settings} }}'


def start(bench, *rules):
    """A daemon under these rules and a subscriber to all it says of them."""
    broker = bench.broker()
    alerts = broker.subscribe(f"{ROOT}/#")
    bench.weir(config(broker, alerts=", ".join(rules))).start_online(broker, CLIMATE_FILTER)
    return broker, alerts


def events(alerts, name="hot"):
    """What the events of a rule say: event, seconds after T0, value, limit."""
    return [(body["event"], (body["ts"] - T0) / 1000, body["value"], body["limit"])
            for body in (message.json for message in alerts.messages(
                lambda message: message.topic.startswith(f"{ROOT}/{name}/")
                and message.topic.endswith("/event")))]


def play(broker, alerts, values):
    """Sends (seconds, value) and waits until all that comes of them is here.

    A rule named end, raised by 100 and above, tells when the daemon is through.
    """
    broker.publish_all(TOPIC, [reading(*pair) for pair in values] + [reading(3600, 101)])
    alerts.wait(lambda message: message.topic.startswith(f"{ROOT}/end/")
                and message.topic.endswith("/event"), "the end of the play")
    alerts.settle()


END = rule("end", "above = 100.0;")


def test_fields(bench):
    """raised and cleared carry every field of the schema, one id, and a number that rises."""
    broker, alerts = start(bench, rule(
        "hot", 'above = 30.0; deadband = 2.0; level = "critical"; message = "Too hot";'))
    broker.publish_all(TOPIC, [reading(0, 20), reading(1, 31), reading(2, 29), reading(3, 28)])
    found = alerts.wait(lambda message: message.topic.endswith("/event"), "an event", count=2)
    raised, cleared = (message.json for message in found)
    number = raised["id"]
    expect(isinstance(number, str) and number, "the occurrence has no name")
    common = {"schema": "weir.alert/1", "gateway": "plant-7", "rule": "hot", "stream": "climate",
              "series": "north/hall-1", "field": "temperature", "id": number, "quality": "good",
              "unit": "Cel", "limit": 30, "op": "above", "message": "Too hot", "acked": False,
              "latched": False, "flapping": False, "restored": False, "shelved_until": None,
              "late": 0}
    equal(raised, {**common, "event": "raised", "level": "critical", "state": "active",
                   "seq": raised["seq"], "since": T0 + 1000, "ts": T0 + 1000, "value": 31},
          "raised")
    equal(cleared, {**common, "event": "cleared", "level": "ok", "state": "ok",
                    "seq": raised["seq"] + 1, "since": T0 + 3000, "ts": T0 + 3000, "value": 28},
          "cleared")
    equal({message.qos for message in found}, {1}, "the QoS")
    broker.publish(TOPIC, reading(4, 40))
    again = alerts.wait(lambda message: message.topic.endswith("/event"), "an event", count=3)
    equal(again[2].json["seq"], raised["seq"] + 2, "the number of the third event")
    expect(again[2].json["id"] != number, "a second occurrence has the name of the first")


def test_properties(bench):
    """MQTT 5 properties repeat what the payload says; an event expires, a state does not."""
    broker, alerts = start(bench, rule("hot", "above = 30.0;"))
    root = f"{ROOT}/hot/north.hall-1"
    command = ["mosquitto_sub", "-h", "127.0.0.1", "-p", str(broker.port), "-V", "5", "-q", "1",
               "-C", "2", "-W", "20", "-F", "%t %C %F %E %P", "-t", f"{root}/+"]
    before = len(broker.log())
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as listener:
        broker.wait_subscribed(f"{root}/+", before)
        broker.publish(TOPIC, reading(0, 31))
        lines = dict(line.split(" ", 1) for line in listener.communicate()[0].splitlines())
    raised = alerts.wait_topic(f"{root}/event")[0].json
    pairs = {"schema:weir.alert/1", "rule:hot", "level:warning", f"seq:{raised['seq']}"}
    for kind in ("event", "state"):
        content_type, format_indicator, rest = lines[f"{root}/{kind}"].split(" ", 2)
        equal((content_type, format_indicator), ("application/json", "1"), f"what a {kind} is")
        expiry, _, rest = rest.partition(" ")
        equal(set(rest.split()), pairs, f"the user properties of a {kind}")
        expect(86_000 < int(expiry) <= 86_400 if kind == "event" else not expiry,
               f"{expiry!r} as the expiry of a {kind}")


def test_retained(bench):
    """The state is retained for who comes late, ok when clear; an event is not."""
    broker, alerts = start(bench, rule("hot", "above = 30.0;"))
    state = f"{ROOT}/hot/north.hall-1/state"
    broker.publish(TOPIC, reading(0, 31))
    alerts.wait(lambda message: message.topic == state and message.json["level"] == "warning",
                "the state of a raised alert")
    alerts.settle()
    retained = broker.retained(f"{ROOT}/#")
    equal(list(retained), [state], "the retained topics")
    body = retained[state].json
    equal((retained[state].qos, body["level"], body["state"], body["value"], body["since"]),
          (1, "warning", "active", 31, T0), "the retained state")
    broker.publish(TOPIC, reading(1, 30))
    alerts.wait(lambda message: message.topic == state and message.json["level"] == "ok",
                "the state of a cleared alert")
    retained = broker.retained(f"{ROOT}/#")
    body = retained[state].json
    equal((list(retained), body["level"], body["state"], body["value"]),
          ([state], "ok", "ok", 30), "the retained state after clearing")
    equal(body["schema"], "weir.alert/1", "the schema of a state")


def test_encoding(bench):
    """A series in a topic: labels joined by a dot, dots and percents in them encoded."""
    broker, alerts = start(bench, rule("hot", "above = 30.0;"))
    for device, level in (("hall.2", "hall%2E2"), ("100%", "100%25"), ("a b", "a b"),
                          ("ö", "ö"), ("%2E", "%252E")):
        broker.publish(f"plant/north/{device}/climate", reading(0, 31))
        for topic in ("state", "event"):
            found = alerts.wait_topic(f"{ROOT}/hot/north.{level}/{topic}")[0]
            equal(found.json["series"], f"north/{device}", "the series in the payload")


def test_limit(bench):
    """above means above: the limit itself raises nothing, and clears."""
    broker, alerts = start(bench, rule("hot", "above = 30.0;"), END)
    play(broker, alerts, [(0, 30), (1, 30.000001), (2, 30)])
    equal(events(alerts), [("raised", 1, 30.000001, 30), ("cleared", 2, 30, 30),
                           ("raised", 3600, 101, 30)], "the events")


def test_below(bench):
    """below mirrors above."""
    broker, alerts = start(bench, rule("cold", "below = 4.0; deadband = 1.0;"), END)
    play(broker, alerts, [(0, 4), (1, 3.9), (2, 4.9), (3, 5)])
    equal(events(alerts, "cold"), [("raised", 1, 3.9, 4), ("cleared", 3, 5, 4)], "the events")


def test_deadband(bench):
    """A value that dances on the limit within the deadband raises once."""
    broker, alerts = start(bench, rule("hot", "above = 30.0; deadband = 3.0;"), END)
    play(broker, alerts, [(second, 31 if second % 2 else 28) for second in range(20)] + [(20, 27)])
    equal(events(alerts)[:2], [("raised", 1, 31, 30), ("cleared", 20, 27, 30)], "the events")


def test_hold(bench):
    """hold goes by the time of measurement, begins anew after a dip, and is ended by a sample."""
    broker, alerts = start(bench, rule("hot", 'above = 30.0; hold = "5s";'), END)
    play(broker, alerts, [(0, 31), (4.999, 31), (5, 29), (6, 31), (10.999, 32), (11, 33),
                          (12, 20)])
    equal(events(alerts)[:2], [("raised", 11, 33, 30), ("cleared", 12, 20, 30)], "the events")
    since = alerts.messages(lambda message: message.topic.endswith("hall-1/event")
                            and message.json["rule"] == "hot")[0].json["since"]
    equal(since, T0 + 6000, "since when it was above")


def test_clear_delay(bench):
    """clear_delay: over only when it stayed inside; state says clearing until then."""
    broker, alerts = start(bench, rule("hot", 'above = 30.0; clear_delay = "10s";'), END)
    play(broker, alerts, [(0, 31), (1, 20), (10.9, 31), (12, 20), (21.999, 21), (22, 22)])
    equal(events(alerts)[:2], [("raised", 0, 31, 30), ("cleared", 22, 22, 30)], "the events")


def test_clearing_state(bench):
    """While it is clearing the retained state says so, at the level it had."""
    broker, alerts = start(bench, rule("hot", 'above = 30.0; clear_delay = "10s";'))
    broker.publish_all(TOPIC, [reading(0, 31), reading(1, 20)])
    found = alerts.wait(lambda message: message.topic.endswith("/state")
                        and message.json["state"] == "clearing", "clearing")[0]
    equal(found.json["level"], "warning", "the level")


def test_outside(bench):
    """outside has two limits, and the payload names the one that was crossed."""
    broker, alerts = start(bench, rule("range", "outside = [ 10.0, 30.0 ]; deadband = 1.0;"), END)
    play(broker, alerts, [(0, 20), (1, 9), (2, 10.5), (3, 11), (4, 31), (5, 29)])
    equal(events(alerts, "range")[:4], [("raised", 1, 9, 10), ("cleared", 3, 11, 10),
                                        ("raised", 4, 31, 30), ("cleared", 5, 29, 30)],
          "the events")


def test_lost_data(bench):
    """Values that are invalid, and messages that are malformed, clear nothing."""
    broker, alerts = start(bench, rule("hot", "above = 30.0;"), END)
    play(broker, alerts, [(0, 31), (1, 999.0), (2, None), (3, -41), (4, "n/a"), (5, 20)])
    equal(events(alerts)[:2], [("raised", 0, 31, 30), ("cleared", 5, 20, 30)], "the events")


def test_late_sample(bench):
    """A sample older than the one judged last moves no alert."""
    broker, alerts = start(bench, rule("hot", "above = 30.0;"), END)
    play(broker, alerts, [(10, 20), (9, 31), (11, 21)])
    equal(events(alerts), [("raised", 3600, 101, 30)], "the events")


def test_retained_sample(bench):
    """A sample that the broker retained from before is no news and raises nothing."""
    broker = bench.broker()
    broker.publish(TOPIC, reading(0, 50), retain=True)
    alerts = broker.subscribe(f"{ROOT}/#")
    bench.weir(config(broker, alerts=f"{rule('hot', 'above = 30.0;')}, {END}")).start_online(
        broker, CLIMATE_FILTER)
    play(broker, alerts, [(10, 20)])
    equal(events(alerts), [("raised", 3600, 101, 30)], "the events")


def test_broker_away(bench):
    """While the broker is away nobody is silent; who stays silent afterwards is told of."""
    broker = bench.broker()
    weir = bench.weir(config(broker, alerts=rule("hot", 'above = 30.0; silent = "3s";')))
    weir.start_online(broker, CLIMATE_FILTER)
    broker.publish(TOPIC, reading(0, 20))
    state = f"{ROOT}/hot/north.hall-1/state"
    wait_for(lambda: broker.retained(state), "a state")
    before = len(broker.log())
    broker.stop()
    weir.wait_log("lost the connection", 2)
    time.sleep(5)
    alerts = broker.start().subscribe(f"{ROOT}/#")
    broker.wait_subscribed(CLIMATE_FILTER, before)
    broker.publish(TOPIC, reading(1, 20))
    stale = alerts.wait_topic(f"{ROOT}/hot/north.hall-1/event", timeout_s=30)[0].json
    equal((stale["event"], stale["quality"]), ("stale", "stale"), "the event")
    equal([message.json["quality"] for message in alerts.messages()
           if message.topic.endswith("/state")][0], "good", "the first state after the absence")


def test_series_apart(bench):
    """Each series has a state of its own."""
    broker, alerts = start(bench, rule("hot", "above = 30.0;"))
    broker.publish("plant/north/hall-1/climate", reading(0, 20))
    broker.publish("plant/north/hall-2/climate", reading(0, 31))
    alerts.wait_topic(f"{ROOT}/hot/north.hall-2/event")
    alerts.wait(lambda message: message.topic.endswith("/state"), "a state", count=2)
    alerts.settle()
    levels = {topic.split("/")[5]: message.json["level"]
              for topic, message in broker.retained(f"{ROOT}/+/+/state").items()}
    equal(levels, {"north.hall-1": "ok", "north.hall-2": "warning"}, "the levels")


harness.main(__name__)
