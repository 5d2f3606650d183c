"""Stopping and starting again: what is sent, what waits, and how long it takes."""

import signal

import harness
from harness import CLIMATE_FILTER, T0, config, equal, reading

TOPIC = "plant/north/hall-1/climate"
BATCHES = "weir/v1/plant-7/batch"


def test_stop_drains(bench):
    """SIGTERM sends what was open, says offline, and ends with 0 within five seconds."""
    broker, uplink = bench.broker(), bench.broker()
    batches = uplink.subscribe(BATCHES)
    weir = bench.weir(config(broker, uplink, every="1h")).start_online(broker, CLIMATE_FILTER)
    broker.publish_all(TOPIC, [reading(second, second) for second in range(8)])
    broker.wait_delivered(8)
    rows = bench.summaries(weir.drain(batches))
    equal([(row["start"], row["count"], row["last"]) for row in rows], [(T0, 8, 7)], "the rows")
    retained = broker.retained("weir/v1/plant-7/#")
    equal(retained["weir/v1/plant-7/status"].payload, "offline", "the status")
    ledger = retained["weir/v1/plant-7/info"].json["ledger"]
    equal((ledger["samples"], ledger["summarised"], ledger["open"]), (8, 8, 0), "the last ledger")


def test_stop_without_uplink(bench):
    """SIGTERM ends with 0 within five seconds, and says what stays behind, if nobody is there."""
    broker, uplink = bench.broker(), bench.make_broker()
    weir = bench.weir(config(broker, uplink)).start_online(broker, CLIMATE_FILTER)
    broker.publish(TOPIC, reading(0, 20))
    broker.wait_delivered(1)
    weir.drain()
    weir.wait_log("stopped with 1 batches, 1 summaries, not sent")


def test_stop_with_frozen_uplink(bench):
    """SIGTERM ends with 0 within five seconds if the uplink's broker has stopped answering."""
    broker, uplink = bench.broker(), bench.broker()
    weir = bench.weir(config(broker, uplink)).start_online(broker, CLIMATE_FILTER)
    weir.wait_log("uplink: connected")
    uplink.freeze()
    broker.publish(TOPIC, reading(0, 20))
    broker.wait_delivered(1)
    weir.drain()
    uplink.thaw()


def test_reload_while_stopping(bench):
    """SIGHUP right behind SIGTERM, or during the stop, neither keeps it nor spoils its end."""
    broker, uplink = bench.broker(), bench.broker()
    batches = uplink.subscribe(BATCHES)
    text = config(broker, uplink, every="1h")
    for number in range(5):
        weir = bench.weir(text).start_online(broker, CLIMATE_FILTER)
        broker.publish(TOPIC, reading(number, number))
        broker.wait_delivered(number + 1)
        weir.signal(signal.SIGTERM)
        weir.signal(signal.SIGHUP)
        equal(weir.wait(5), harness.EXIT_DONE, "the exit status")
        weir.wait_log("stopped$")
    equal(len(bench.summaries(batches.wait(count=5))), 5, "the rows")

    weir = bench.weir(text).start_online(broker, CLIMATE_FILTER)
    weir.wait_log("uplink: connected")
    uplink.freeze()
    broker.publish(TOPIC, reading(5, 5))
    broker.wait_delivered(6)
    begin = len(broker.log())
    weir.signal(signal.SIGTERM)
    # The input goes first; then it waits for the uplink.
    harness.wait_for(lambda: "Received DISCONNECT from weir-plant-7" in broker.log()[begin:],
                     "the stop to begin")
    weir.configure(text.replace("plant-7", "plant-8"))
    for _ in range(3):
        weir.signal(signal.SIGHUP)
    equal(weir.wait(5), harness.EXIT_DONE, "the exit status")
    uplink.thaw()
    equal(weir.count_log("is read anew"), 0, "reloads")


def test_session(bench):
    """QoS 1 messages sent while the daemon was down are summarised after its next start."""
    broker, uplink = bench.broker(), bench.broker()
    batches = uplink.subscribe(BATCHES)
    weir = bench.weir(config(broker, uplink)).start_online(broker, CLIMATE_FILTER)
    weir.stop()
    broker.publish_all(TOPIC, [reading(second, second) for second in range(10)])
    weir.start_online(broker, CLIMATE_FILTER)
    broker.wait_delivered(10)
    rows = bench.summaries(weir.drain(batches))
    equal([(row["start"], row["count"]) for row in rows], [(T0, 10)], "the rows")


def test_killed_session(bench):
    """After kill -9 the broker gives what it had not been thanked for to the next start."""
    broker, uplink = bench.broker(), bench.broker()
    batches = uplink.subscribe(BATCHES)
    weir = bench.weir(config(broker, uplink)).start_online(broker, CLIMATE_FILTER)
    weir.kill()
    broker.publish_all(TOPIC, [reading(second, second) for second in range(10)])
    weir.start_online(broker, CLIMATE_FILTER)
    broker.wait_delivered(10)
    rows = bench.summaries(weir.drain(batches))
    equal([(row["start"], row["count"]) for row in rows], [(T0, 10)], "the rows")


harness.main(__name__)
