"""What Home Assistant is told, held against the fields that its documentation of MQTT discovery has."""

import types

import harness
from harness import CLIMATE, CLIMATE_FILTER, config, equal, expect, reading, wait_for

TOPIC = "plant/north/hall-1/climate"
ROOT = "weir/v1/plant-7"
HOT = '{ name = "hot"; stream = "climate"; field = "temperature"; above = 30.0; }'
LIVE = CLIMATE.replace("max_series", "live = true; max_series")
ON = 'homeassistant: { prefix = "ha"; };'

# From the published documentation: what every entity may have, what each component adds, and the
# members of device and origin.
COMMON = {"availability", "availability_mode", "availability_template", "availability_topic",
          "default_entity_id", "device", "device_class", "enabled_by_default", "encoding",
          "entity_category", "entity_picture", "expire_after", "force_update", "icon",
          "json_attributes_template", "json_attributes_topic", "name", "object_id", "origin",
          "payload_available", "payload_not_available", "platform", "qos", "state_topic",
          "unique_id", "value_template"}
FIELDS = {"binary_sensor": COMMON | {"off_delay", "payload_off", "payload_on"},
          "sensor": COMMON | {"last_reset_value_template", "options", "state_class",
                              "suggested_display_precision", "unit_of_measurement"}}
REQUIRED = {"name", "state_topic", "unique_id", "device", "origin", "availability_topic",
            "value_template"}
DEVICE = {"configuration_url", "connections", "hw_version", "identifiers", "manufacturer", "model",
          "model_id", "name", "serial_number", "suggested_area", "sw_version", "via_device"}
ORIGIN = {"name", "sw_version", "support_url"}


def start(bench, streams=LIVE, more=ON, alerts=HOT):
    broker = bench.broker()
    weir = bench.weir(config(broker, streams=streams, alerts=alerts, more=more)).start_online(
        broker, CLIMATE_FILTER)
    broker.publish_all(TOPIC, [reading(second, 31) for second in (0, 11, 24)])
    return broker, weir


def descriptions(broker, prefix="ha"):
    return broker.retained(f"{prefix}/+/+/+/config")


def await_descriptions(broker, count):
    return wait_for(lambda: len(found := descriptions(broker)) == count and found,
                    f"{count} descriptions")


def check(topic, body):
    _, component, node, object_id, _ = topic.split("/")
    equal(body.keys() - FIELDS[component], set(), f"fields that {component} does not have")
    equal(REQUIRED - body.keys(), set(), "fields that are missing")
    equal(body["device"].keys() - DEVICE, set(), "fields that device does not have")
    equal(body["origin"].keys() - ORIGIN, set(), "fields that origin does not have")
    expect(body["device"]["identifiers"], "a device without an identifier")
    expect("expire_after" not in body, "it expires")
    for part in (node, object_id):
        expect(part and all(c.isascii() and (c.isalnum() or c in "-_") for c in part),
               f"{part!r} in a topic")


def test_fields(bench):
    """An alert is a binary_sensor, a field of a live series a sensor, in documented fields only."""
    broker, _ = start(bench)
    found = await_descriptions(broker, 2)
    for topic, message in found.items():
        check(topic, message.json)
        equal(message.qos, 1, "the QoS")
    alert, sensor = (next(message.json for topic, message in found.items() if f"/{name}/" in topic)
                     for name in ("binary_sensor", "sensor"))
    state = f"{ROOT}/alert/hot/north.hall-1/state"
    equal((alert["device_class"], alert["state_topic"], alert["json_attributes_topic"],
           alert["availability_topic"]), ("problem", state, state, f"{ROOT}/status"), "the alert")
    for word in ("'unknown'", "'stale'", "None", "'OFF'", "'ON'"):
        expect(word in alert["value_template"], f"no {word} in {alert['value_template']}")
    equal((sensor["device_class"], sensor["unit_of_measurement"], sensor["state_topic"],
           sensor["state_class"]),
          ("temperature", "°C", f"{ROOT}/live/climate/north.hall-1", "measurement"), "the sensor")
    expect("'temperature'" in sensor["value_template"] and "'mean'" in sensor["value_template"],
           f"the template {sensor['value_template']}")
    equal(alert["device"], sensor["device"], "the devices")
    expect(alert["unique_id"] != sensor["unique_id"], "two of one name")


def shown(broker, rule):
    """What Home Assistant makes of a rule's state: the templates are expressions of Python as well."""
    topic = f"{ROOT}/alert/{rule}/north.hall-1/state"
    template = next(message.json["value_template"] for message in descriptions(broker).values()
                    if message.json["state_topic"] == topic)
    state = types.SimpleNamespace(**broker.retained(topic)[topic].json)
    return eval(template.strip("{} "), {"value_json": state})


def test_silence(bench):
    """A series that fell silent turns its silence rule on, and what a limit says of it unknown."""
    quiet = HOT.replace("above", 'silent = "3s"; above')
    gone = '{ name = "gone"; stream = "climate"; silent = "3s"; level = "critical"; }'
    broker, _ = start(bench, streams=CLIMATE, alerts=f"{quiet}, {gone}")
    await_descriptions(broker, 2)
    wait_for(lambda: (shown(broker, "gone"), shown(broker, "hot")) == ("ON", None),
             "a silence rule that is on, and a limit that is unknown")
    broker.publish(TOPIC, reading(30, 20))
    wait_for(lambda: (shown(broker, "gone"), shown(broker, "hot")) == ("OFF", "OFF"), "both off")


def test_off(bench):
    """Unless it is asked for nothing is announced."""
    broker, weir = start(bench, more="")
    wait_for(lambda: broker.retained(f"{ROOT}/alert/+/+/state"), "a state")
    weir.drain()
    equal(descriptions(broker, "+"), {}, "the descriptions")


def test_announced_again(bench):
    """When Home Assistant says that it has started, everything is announced again."""
    broker, _ = start(bench)
    found = await_descriptions(broker, 2)
    seen = broker.subscribe("ha/+/+/+/config")
    before = len(seen.settle().messages())
    broker.publish("ha/status", "offline")
    broker.publish("ha/status", "online")
    seen.wait(what="a description", count=before + len(found))


def test_names_apart(bench):
    """Series whose names differ only in what a topic cannot hold have identifiers of their own."""
    broker, _ = start(bench, streams=CLIMATE)
    for device in ("a b", "a_b", "a.b", "a-b", "ä"):
        broker.publish(f"plant/north/{device}/climate", reading(0, 31))
    found = await_descriptions(broker, 6)
    equal(len({message.json["unique_id"] for message in found.values()}), 6, "the identifiers")
    for topic, message in found.items():
        check(topic, message.json)


def test_reload(bench):
    """What a reload takes out is deleted: a rule, live topics, another prefix, all of it."""
    broker, weir = start(bench)
    await_descriptions(broker, 2)
    weir.reload(config(broker, streams=CLIMATE, alerts=HOT, more=ON))
    wait_for(lambda: [topic.split("/")[1] for topic in descriptions(broker)] == ["binary_sensor"],
             "the alert alone")
    weir.reload(config(broker, alerts=HOT, more=ON.replace('"ha"', '"other"')))
    wait_for(lambda: not descriptions(broker) and len(descriptions(broker, "other")) == 1,
             "the description at the other prefix")
    weir.reload(config(broker, alerts=HOT))
    wait_for(lambda: not descriptions(broker, "other"), "no description")


def test_removed_while_down(bench):
    """What is gone when weir comes back is deleted; the descriptions of others stay."""
    broker, weir = start(bench)
    await_descriptions(broker, 2)
    other = "ha/binary_sensor/plant-7/door/config"
    broker.publish(other, '{"name":"door","state_topic":"hall/door"}', retain=True)
    weir.drain()
    weir.configure(config(broker, streams=CLIMATE, more=ON))
    weir.start_online(broker, CLIMATE_FILTER)
    wait_for(lambda: list(descriptions(broker)) == [other], "the other's description alone")


def test_turned_off_while_down(bench):
    """With storage, what was announced under a prefix that is configured no more is deleted."""
    store = f'storage: {{ path = "{bench.directory}/state"; journal = "4MiB"; outbox = "1MiB"; }};'
    broker, weir = start(bench, more=ON + store)
    await_descriptions(broker, 2)
    weir.drain()
    weir.configure(config(broker, alerts=HOT, more=store))
    weir.start_online(broker, CLIMATE_FILTER)
    wait_for(lambda: not descriptions(broker), "no description")


harness.main(__name__)
