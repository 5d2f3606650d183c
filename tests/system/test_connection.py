"""Brokers that are not there, die, come back or stop answering."""

import re

import harness
from harness import CLIMATE_FILTER, config, equal, expect, reading

TOPIC = "plant/north/hall-1/climate"
STATUS = "weir/v1/plant-7/status"
STATE = "weir/v1/plant-7/alert/hot/north.hall-1/state"
HOT = '{ name = "hot"; stream = "climate"; field = "temperature"; above = 30.0; }'

LOST = r"^weir: \w+: broker: lost the connection to "
CONNECTED = r"^weir: \w+: broker: connected to "


def is_event(name):
    return lambda message: message.topic.endswith("/event") and message.json["event"] == name


def test_status(bench):
    """status is retained: online while it runs, offline after SIGTERM."""
    broker = bench.broker()
    weir = bench.weir(config(broker)).start_online(broker, CLIMATE_FILTER)
    status = broker.retained(STATUS)[STATUS]
    equal((status.payload, status.qos), ("online", 1), "the status of the running daemon")
    weir.stop()
    status = broker.retained(STATUS)[STATUS]
    equal((status.payload, status.qos), ("offline", 1), "the status after its end")


def test_will(bench):
    """After kill -9 the broker says offline on its behalf."""
    broker = bench.broker()
    weir = bench.weir(config(broker)).start_online(broker, CLIMATE_FILTER)
    statuses = broker.subscribe(STATUS)
    statuses.wait(lambda message: message.payload == "online", "online")
    weir.kill()
    statuses.wait(lambda message: message.payload == "offline", "offline")
    equal(broker.retained(STATUS)[STATUS].payload, "offline", "the retained status")


def test_late_broker(bench):
    """A broker that comes after the daemon is connected to and subscribed to."""
    broker = bench.make_broker()
    weir = bench.weir(config(broker, alerts=HOT)).start()
    weir.wait_log("broker: cannot connect to")
    broker.start()
    broker.wait_subscribed(CLIMATE_FILTER)
    events = broker.subscribe("weir/v1/plant-7/#")
    broker.publish(TOPIC, reading(0, 31))
    events.wait(is_event("raised"), "raised")
    equal(broker.retained(STATUS)[STATUS].payload, "online", "the status")
    weir.drain()


def test_absent_broker(bench):
    """A daemon whose broker never came ends with 0 within five seconds."""
    weir = bench.weir(config(bench.make_broker())).start()
    weir.wait_log("broker: cannot connect to")
    weir.drain()


def test_killed_broker(bench):
    """After the broker's death: subscribed again, states published again, each said once."""
    broker = bench.broker()
    weir = bench.weir(config(broker, alerts=HOT)).start_online(broker, CLIMATE_FILTER)
    events = broker.subscribe("weir/v1/plant-7/#")
    broker.publish(TOPIC, reading(0, 31))
    events.wait(is_event("raised"), "raised")
    connected = weir.count_log(CONNECTED)
    broker.kill()
    weir.wait_log(LOST)
    before = len(broker.log())
    broker.start()
    broker.wait_subscribed(CLIMATE_FILTER, before)
    again = broker.subscribe("weir/v1/plant-7/#")
    state = again.wait_topic(STATE)[0].json
    equal((state["level"], state["value"]), ("warning", 31), "the state, published again")
    again.wait(lambda message: message.topic == STATUS and message.payload == "online", "online")
    broker.publish(TOPIC, reading(1, 29))
    again.wait(is_event("cleared"), "cleared")
    equal(len(again.messages(is_event("raised"))), 0, "the acknowledged event, sent again")
    # Receiver and publisher are two connections, each of which says its piece.
    equal(weir.count_log(LOST), connected, "lines that say lost")
    equal(weir.count_log(CONNECTED), 2 * connected, "lines that say connected")


def test_persistent_broker(bench):
    """A broker that kept the session gives what came while the daemon was away."""
    broker = bench.broker(persistent=True)
    weir = bench.weir(config(broker, alerts=HOT)).start_online(broker, CLIMATE_FILTER)
    weir.kill()
    broker.publish(TOPIC, reading(0, 31))
    broker.stop()
    broker.start()
    events = broker.subscribe("weir/v1/plant-7/#")
    weir.start()
    events.wait(is_event("raised"), "raised")


def test_frozen_broker(bench):
    """A broker that stops answering is given up, and used again when it answers."""
    broker = bench.broker()
    weir = bench.weir(config(broker, alerts=HOT)).start_online(broker, CLIMATE_FILTER)
    broker.freeze()
    weir.wait_log(LOST, timeout_s=40)
    before = len(broker.log())
    broker.thaw()
    broker.wait_subscribed(CLIMATE_FILTER, before)
    events = broker.subscribe("weir/v1/plant-7/#")
    broker.publish(TOPIC, reading(0, 31))
    events.wait(is_event("raised"), "raised")
    events.wait(lambda message: message.topic == STATUS and message.payload == "online", "online")


def test_stop_with_frozen_broker(bench):
    """SIGTERM ends with 0 within five seconds if the gateway's broker has stopped answering."""
    broker = bench.broker()
    weir = bench.weir(config(broker)).start_online(broker, CLIMATE_FILTER)
    broker.freeze()
    weir.drain()
    broker.thaw()


def test_taken_over(bench):
    """Two daemons of one name take the session from each other, and each says what that may be."""
    broker = bench.broker()
    pair = [bench.weir(config(broker, alerts=HOT)) for _ in range(2)]
    for weir in pair:
        weir.start()
    for weir in pair:
        weir.wait_log("do not last; does another client have the name weir-plant-7[?]", timeout_s=60)


def test_old_version(bench):
    """It speaks MQTT 3.1.1 when told to."""
    broker = bench.broker()
    text = config(broker, alerts=HOT).replace("keepalive = 5;", 'version = "3.1.1";')
    bench.weir(text).start_online(broker, CLIMATE_FILTER)
    expect(re.search(r"as weir-plant-7 \(p2, c0", broker.log()), "no session of version 3.1.1")
    events = broker.subscribe("weir/v1/plant-7/#")
    broker.publish(TOPIC, reading(0, 31))
    events.wait(is_event("raised"), "raised")


harness.main(__name__)
