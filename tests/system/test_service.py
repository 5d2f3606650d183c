"""What a service manager hears of the daemon."""

import harness
from harness import CLIMATE_FILTER, config, equal, expect, reading, wait_for
from manager import Manager

TOPIC = "plant/north/hall-1/climate"


def test_start_and_stop(bench):
    """READY=1 comes once the subscriptions are made, STOPPING=1 as soon as the stop begins."""
    broker = bench.make_broker()
    manager = Manager(bench)
    weir = bench.weir(config(broker))
    weir.environment = manager.environment
    weir.start().wait_log("broker: ")
    equal(manager.count("READY=1"), 0, "READY=1 without a broker")
    broker.start()
    manager.wait("READY=1")
    broker.wait_subscribed(CLIMATE_FILTER)
    weir.drain()
    equal(manager.count("READY=1"), 1, "READY=1 in all")
    equal(manager.count("STOPPING=1"), 1, "STOPPING=1")


def test_without_broker(bench):
    """READY=1 comes after a while if no broker can be had."""
    broker = bench.make_broker()
    manager = Manager(bench)
    weir = bench.weir(config(broker))
    weir.environment = manager.environment
    weir.start()
    manager.wait("READY=1")
    expect("broker away" in manager.wait("STATUS="), "the status names no broker")


def test_reload(bench):
    """A reload is told of from its beginning to its end; a refused one stays in the status."""
    broker = bench.broker()
    manager = Manager(bench, watchdog_s=1)
    text = config(broker)
    weir = bench.weir(text)
    weir.environment = manager.environment
    weir.start()
    manager.wait("READY=1")
    weir.reload("gateway = 1;")
    manager.wait("READY=1", 2)
    expect(int(manager.wait("MONOTONIC_USEC=").split("=")[1]) > 0, "no time of the reload")
    wait_for(lambda: "refused" in manager.wait("STATUS="), "a status that says so")
    weir.reload(text)
    manager.wait("READY=1", 3)
    equal(manager.count("RELOADING=1"), 2, "RELOADING=1")
    wait_for(lambda: "refused" not in manager.wait("STATUS="), "a status that says no more of it")


def test_alerts(bench):
    """The status counts the alerts that are active, and forgets those that are cleared."""
    broker = bench.broker()
    manager = Manager(bench, watchdog_s=0.5)
    rule = '{ name = "hot"; stream = "climate"; field = "temperature"; above = 30.0; }'
    weir = bench.weir(config(broker, alerts=rule))
    weir.environment = manager.environment
    weir.start_online(broker, CLIMATE_FILTER)
    for room in ("hall-1", "hall-2"):
        broker.publish(f"plant/north/{room}/climate", reading(0, 31))
    wait_for(lambda: ", 2 alerts," in manager.wait("STATUS="), "a status with both")
    broker.publish(TOPIC, reading(1, 20))
    wait_for(lambda: ", 1 alerts," in manager.wait("STATUS="), "a status with one")


def test_watchdog(bench):
    """WATCHDOG=1 goes on through traffic and silence."""
    broker = bench.broker()
    manager = Manager(bench, watchdog_s=0.5)
    weir = bench.weir(config(broker))
    weir.environment = manager.environment
    weir.start_online(broker, CLIMATE_FILTER)
    broker.publish_all(TOPIC, [reading(second, second) for second in range(100)])
    manager.wait("WATCHDOG=1", 2)
    broker.wait_delivered(100)
    manager.wait("WATCHDOG=1", manager.count("WATCHDOG=1") + 3)
    expect("broker connected" in manager.wait("STATUS="), "the status names a broker that is away")
    expect(not any("stands still" in line for line in manager.heard), "the engine stood still")


harness.main(__name__)
