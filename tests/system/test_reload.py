"""SIGHUP: what changes, what stays, and what a refused file does."""

import harness
from harness import CLIMATE_FILTER, T0, config, equal, expect, reading

TOPIC = "plant/north/hall-1/climate"
BATCHES = "weir/v1/plant-7/batch"
ROOT = "weir/v1/plant-7"
STATES = 70


def hot(limit, name="hot"):
    return (f'{{ name = "{name}"; stream = "climate"; field = "temperature"; '
            f'above = {limit:.1f}; }}')


def is_event(name, rule="hot"):
    return lambda message: (message.topic.startswith(f"{ROOT}/alert/{rule}/")
                            and message.topic.endswith("/event")
                            and message.json["event"] == name)


def test_threshold(bench):
    """The last value is held against a changed limit at once; windows of an unchanged stream go on."""
    broker, uplink = bench.broker(), bench.broker()
    batches = uplink.subscribe(BATCHES)
    alerts = broker.subscribe(f"{ROOT}/#")
    weir = bench.weir(config(broker, uplink, alerts=hot(30)))
    weir.start_online(broker, CLIMATE_FILTER)
    broker.publish_all(TOPIC, [reading(second, 25) for second in range(5)])
    broker.wait_delivered(5)
    weir.reload(config(broker, uplink, alerts=hot(24)))
    raised = alerts.wait(is_event("raised"), "raised")[0].json
    equal((raised["value"], raised["limit"]), (25, 24), "the value and the limit")
    broker.publish_all(TOPIC, [reading(second, 25) for second in range(5, 8)])
    broker.wait_delivered(8)
    rows = bench.summaries(weir.drain(batches))
    equal([(row["start"], row["count"]) for row in rows], [(T0, 8)], "the rows")


def test_refused(bench):
    """A refused file leaves everything as it was, and the log says why."""
    broker, uplink = bench.broker(), bench.broker()
    batches = uplink.subscribe(BATCHES)
    alerts = broker.subscribe(f"{ROOT}/#")
    good = config(broker, uplink, alerts=hot(30))
    weir = bench.weir(good).start_online(broker, CLIMATE_FILTER)
    before = alerts.wait_topic(f"{ROOT}/info")[0].json["config_hash"]
    broker.publish_all(TOPIC, [reading(second, 25) for second in range(5)])
    broker.wait_delivered(5)
    weir.reload(good.replace("above = 30.0", "abvoe = 20.0"))
    weir.wait_log(r"weir\.conf:\d+:\d+: error: unknown setting 'abvoe'")
    weir.wait_log("is refused; nothing was changed")
    broker.publish(TOPIC, reading(5, 31))
    raised = alerts.wait(is_event("raised"), "raised")[0].json
    equal(raised["limit"], 30, "the limit")
    equal({message.json["config_hash"] for message in alerts.messages()
           if message.topic == f"{ROOT}/info"}, {before}, "the configuration's hash")
    rows = bench.summaries(weir.drain(batches))
    equal([(row["start"], row["count"]) for row in rows], [(T0, 6)], "the rows")


def test_refused_password_file(bench):
    """A password file that others may read refuses the whole file: not even an alert changes."""
    broker = bench.broker()
    alerts = broker.subscribe(f"{ROOT}/#")
    weir = bench.weir(config(broker, alerts=hot(30))).start_online(broker, CLIMATE_FILTER)
    secret = bench.directory / "secret"
    secret.write_text("right\n")
    secret.chmod(0o644)
    begin = len(broker.log())
    weir.reload(config(broker, alerts=hot(20)).replace(
        "keepalive", f'username = "u"; password_file = "{secret}"; keepalive'))
    weir.wait_log(rf"weir\.conf:2:\d+: error: password_file '{secret}' has mode 644")
    equal(weir.count_log("is refused; nothing was changed"), 1, "refusals")
    broker.publish(TOPIC, reading(0, 25))
    broker.publish(TOPIC, reading(1, 31))
    raised = alerts.wait(is_event("raised"), "raised")
    equal([(event.json["value"], event.json["limit"]) for event in raised], [(31, 30)], "raised")
    expect(" as weir-plant-7" not in broker.log()[begin:], "it connected anew")


def test_removed_rule(bench):
    """A rule that is gone says removed, its retained states are deleted, others stay."""
    broker = bench.broker()
    alerts = broker.subscribe(f"{ROOT}/alert/#")
    weir = bench.weir(config(broker, alerts=f"{hot(30)}, {hot(29, 'warm')}"))
    weir.start_online(broker, CLIMATE_FILTER)
    broker.publish(TOPIC, reading(0, 31))
    raised = alerts.wait(is_event("raised"), "raised")[0].json
    alerts.wait(is_event("raised", "warm"), "raised")
    weir.reload(config(broker, alerts=hot(29, "warm")))
    removed = alerts.wait(is_event("removed"), "removed")[0].json
    equal((removed["id"], removed["seq"], removed["schema"]),
          (raised["id"], raised["seq"] + 1, "weir.alert/1"), "the removed event")
    alerts.wait(lambda message: message.topic == f"{ROOT}/alert/hot/north.hall-1/state"
                and message.payload == "", "an empty state")
    retained = broker.retained(f"{ROOT}/alert/#")
    equal(list(retained), [f"{ROOT}/alert/warm/north.hall-1/state"], "the retained topics")


def test_lost_after_reload(bench):
    """States that a reload has sent, lost with the connection, are sent again, and no others."""
    broker = bench.broker()
    alerts = broker.subscribe(f"{ROOT}/alert/#")
    weir = bench.weir(config(broker, alerts=f"{hot(30)}, {hot(29, 'warm')}"))
    weir.start_online(broker, CLIMATE_FILTER)
    places = ("hall-1", "hall-2", "hall-3")
    for number, place in enumerate(places):
        broker.publish(f"plant/north/{place}/climate", reading(number, 31))
    alerts.wait(is_event("raised", "warm"), "raised", count=len(places))
    broker.wait_delivered(len(places))
    # Frozen, the broker takes what the reload sends and answers nothing.
    broker.freeze()
    weir.reload(config(broker, alerts=hot(29, "warm")))
    broker.kill()
    weir.wait_log("broker, publishing: lost the connection")
    before = len(broker.log())
    broker.start()
    again = broker.subscribe(f"{ROOT}/alert/#")
    broker.wait_subscribed(CLIMATE_FILTER, before)
    wanted = {f"{ROOT}/alert/warm/north.{place}/state" for place in places}
    harness.wait_for(lambda: set(broker.retained(f"{ROOT}/alert/#")) == wanted, "the states")
    states = broker.retained(f"{ROOT}/alert/#").values()
    equal({(state.json["level"], state.json["value"], state.json["limit"]) for state in states},
          {("warning", 31, 29)}, "what they say")
    again.wait(is_event("removed"), "removed", count=len(places))


def test_kept_alert(bench):
    """A raised alert stays raised over a reload, under the same name and number."""
    broker = bench.broker()
    alerts = broker.subscribe(f"{ROOT}/#")
    weir = bench.weir(config(broker, alerts=hot(30))).start_online(broker, CLIMATE_FILTER)
    broker.publish(TOPIC, reading(0, 31))
    raised = alerts.wait(is_event("raised"), "raised")[0].json
    weir.reload(config(broker, alerts=f"{hot(29, 'warm')}, {hot(30)}"))
    broker.publish(TOPIC, reading(1, 20))
    cleared = alerts.wait(is_event("cleared"), "cleared")[0].json
    equal((cleared["id"], cleared["seq"]), (raised["id"], raised["seq"] + 1), "name and number")
    equal(len(alerts.messages(is_event("raised"))), 1, "raised, all told")


def test_changed_stream(bench):
    """A changed stream has its windows closed and sent, and begins anew; others go on."""
    broker, uplink = bench.broker(), bench.broker()
    batches = uplink.subscribe(BATCHES)
    other = harness.CLIMATE.replace("climate", "cellar")
    weir = bench.weir(config(broker, uplink, f"{harness.CLIMATE}, {other}"))
    weir.start_online(broker, CLIMATE_FILTER, "plant/+/+/cellar")
    for topic in (TOPIC, "plant/north/hall-1/cellar"):
        broker.publish_all(topic, [reading(second, second) for second in range(4)])
    broker.wait_delivered(8)
    changed = harness.CLIMATE.replace('size = "10s"', 'size = "20s"')
    weir.reload(config(broker, uplink, f"{changed}, {other}"))
    for topic in (TOPIC, "plant/north/hall-1/cellar"):
        broker.publish_all(topic, [reading(second, second) for second in range(4, 6)])
    broker.wait_delivered(12)
    rows = bench.summaries(weir.drain(batches))
    found = sorted((row["stream"], row["end"] - row["start"], row["count"]) for row in rows)
    equal(found, [("cellar", 10_000, 6), ("climate", 10_000, 4), ("climate", 20_000, 2)],
          "the rows")
    ledger = batches.messages()[-1].json["ledger"]
    expect(harness.is_balanced(ledger), f"not balanced: {ledger}")
    equal((ledger["received"], ledger["summarised"]), (12, 12), "the ledger, across the reload")
    numbers = [batch.json["seq"] for batch in batches.messages()]
    equal(numbers, list(range(1, len(numbers) + 1)), "the numbers")
    equal(len({batch.json["epoch"] for batch in batches.messages()}), 1, "the number of epochs")


def test_subscriptions(bench):
    """A new stream is subscribed to, one that is gone no longer."""
    broker = bench.broker()
    info = broker.subscribe(f"{ROOT}/info")
    weir = bench.weir(config(broker)).start_online(broker, CLIMATE_FILTER)
    before = info.wait()[0].json["config_hash"]
    begin = len(broker.log())
    weir.reload(config(broker, streams=harness.CLIMATE.replace("climate", "cellar")))
    broker.wait_subscribed("plant/+/+/cellar", begin)
    harness.wait_for(lambda: "Received UNSUBSCRIBE" in broker.log()[begin:], "an unsubscribe")
    info.wait(lambda message: message.json["config_hash"] != before, "another hash")


def test_broker_moved(bench):
    """Another broker: offline at the old one, online at the new, alerts and windows kept."""
    old, new, uplink = bench.broker(), bench.broker(), bench.broker()
    batches = uplink.subscribe(BATCHES)
    weir = bench.weir(config(old, uplink, alerts=hot(30))).start_online(old, CLIMATE_FILTER)
    old.publish(TOPIC, reading(0, 31))
    old.wait_delivered(1)
    weir.reload(config(new, uplink, alerts=hot(30)))
    new.wait_subscribed(CLIMATE_FILTER)
    states = new.subscribe(f"{ROOT}/#")
    state = states.wait_topic(f"{ROOT}/alert/hot/north.hall-1/state")[0].json
    equal(state["level"], "warning", "the state at the new broker")
    states.wait(lambda message: message.payload == "online", "online")
    harness.wait_for(lambda: old.retained(f"{ROOT}/status")[f"{ROOT}/status"].payload
                     == "offline", "offline at the old broker")
    new.publish(TOPIC, reading(1, 20))
    states.wait(is_event("cleared"), "cleared")
    rows = bench.summaries(weir.drain(batches))
    equal([(row["start"], row["count"]) for row in rows], [(T0, 2)], "the rows")


def test_removed_with_broker(bench):
    """A rule that goes with its broker says removed at the new one, leaves no state at the old."""
    old, new = bench.broker(), bench.broker()
    before = old.subscribe(f"{ROOT}/alert/#")
    after = new.subscribe(f"{ROOT}/alert/#")
    streams = harness.CLIMATE.replace("max_series = 20", f"max_series = {STATES}")
    weir = bench.weir(config(old, streams=streams, alerts=f"{hot(30)}, {hot(29, 'warm')}"))
    weir.start_online(old, CLIMATE_FILTER)
    # More states than a connection has publishes in flight.
    topics = [f"plant/north/hall-{i}/climate" for i in range(STATES)]
    for topic in topics:
        old.publish(topic, reading(0, 31))
    raised = before.wait(is_event("raised"), "raised", count=STATES)
    before.wait(lambda message: message.topic.startswith(f"{ROOT}/alert/warm/")
                and message.topic.endswith("/state"), "a state", count=STATES)
    weir.reload(config(new, streams=streams, alerts=hot(29, "warm")))
    removed = after.wait(is_event("removed"), "removed", count=STATES)
    equal({message.json["id"] for message in removed},
          {message.json["id"] for message in raised}, "the ids")
    equal({topic.split("/")[4] for topic in old.retained(f"{ROOT}/alert/#")}, {"warm"},
          "the rules with states at the old broker")
    equal(len(before.messages(is_event("removed"))), 0, "removed at the old broker")
    after.wait(lambda message: message.topic.endswith("/state") and message.payload, "a state",
               count=STATES)
    equal({topic.split("/")[4] for topic in new.retained(f"{ROOT}/alert/#")}, {"warm"},
          "the rules with states at the new broker")


def test_removed_with_gateway(bench):
    """A rule that goes with the gateway's name is removed under the name that it had, once."""
    broker = bench.broker()
    alerts = broker.subscribe(f"{ROOT}/alert/#")
    weir = bench.weir(config(broker, alerts=hot(30))).start_online(broker, CLIMATE_FILTER)
    broker.publish(TOPIC, reading(0, 31))
    alerts.wait(is_event("raised"), "raised")
    alerts.wait_topic(f"{ROOT}/alert/hot/north.hall-1/state")
    weir.reload(config(broker, gateway="plant-8"))
    alerts.wait(is_event("removed"), "removed")
    harness.wait_for(lambda: not broker.retained(f"{ROOT}/alert/#"), "the state to be deleted")
    weir.drain()
    equal(len(alerts.settle().messages(is_event("removed"))), 1, "removed, all told")


def test_removed_while_away(bench):
    """What could not be said to be removed before the broker changed is said at the new one."""
    old, new = bench.broker(), bench.broker()
    before = old.subscribe(f"{ROOT}/alert/#")
    after = new.subscribe(f"{ROOT}/alert/#")
    weir = bench.weir(config(old, alerts=hot(30))).start_online(old, CLIMATE_FILTER)
    old.publish(TOPIC, reading(0, 31))
    before.wait_topic(f"{ROOT}/alert/hot/north.hall-1/state")
    old.freeze()
    weir.reload(config(old))
    weir.reload(config(new))
    after.wait(is_event("removed"), "removed")
    old.thaw()


def test_uplink_moved(bench):
    """Another uplink gets what the old one never acknowledged."""
    broker, old, new = bench.broker(), bench.make_broker(), bench.broker()
    batches = new.subscribe(BATCHES)
    weir = bench.weir(config(broker, old)).start_online(broker, CLIMATE_FILTER)
    weir.wait_log("uplink: cannot connect to")
    broker.publish_all(TOPIC, [reading(0, 1), reading(30, 2)])
    broker.wait_delivered(2)
    weir.reload(config(broker, new))
    batches.wait()
    rows = bench.summaries(weir.drain(batches))
    equal([(row["seq"], row["start"]) for row in rows], [(1, T0), (2, T0 + 30_000)], "the rows")


def test_conf_d(bench):
    """Streams and alerts of conf.d are read anew as well."""
    broker = bench.broker()
    alerts = broker.subscribe(f"{ROOT}/#")
    weir = bench.weir(config(broker)).start_online(broker, CLIMATE_FILTER)
    parts = weir.directory / "conf.d"
    parts.mkdir()
    (parts / "10-alerts.conf").write_text(f"alerts: ( {hot(30)} );\n")
    weir.reload()
    broker.publish(TOPIC, reading(0, 31))
    alerts.wait(is_event("raised"), "raised")


harness.main(__name__)
