"""What weir says and takes, held against the schemas that `weir schema` prints."""

import json
import pathlib
import subprocess
import sys

import harness
from harness import CLIMATE, CLIMATE_FILTER, T0, config, equal, expect, reading, wait_for

try:
    import jsonschema
except ImportError:
    print("skipped: python3-jsonschema is not installed")
    sys.exit(77)

PAGES = pathlib.Path(__file__).resolve().parents[2] / "docs" / "schema"
NAMES = ["alert", "alert-event", "alert-state", "answer", "batch", "command", "explanation", "info",
         "ledger", "live", "status", "summary"]
TOPIC = "plant/north/hall-1/climate"
ROOT = "weir/v1/plant-7"
HOT = ('{ name = "hot"; stream = "climate"; field = "temperature"; deadband = 1.0; '
       'above = { info = 25.0; warning = 30.0; critical = 40.0; }; message = "{value}"; '
       'remind = "1s"; flap = "off"; }')
GONE = '{ name = "gone"; stream = "climate"; silent = "5m"; expect = [ "north/hall-9" ]; }'
MORE = 'alerting: { commands = true; };'


def load(bench, name):
    done = bench.run("schema", name)
    equal((done.returncode, done.stderr), (0, ""), f"weir schema {name}")
    return json.loads(done.stdout)


class Checker:
    """Validates, and refuses members that a schema does not name."""

    def __init__(self, bench, name):
        self.name = name
        self.schema = load(bench, name)
        self.validator = jsonschema.Draft202012Validator(self.schema)
        self.count = 0

    def check(self, body):
        self.count += 1
        errors = [error.message for error in self.validator.iter_errors(body)]
        equal(errors, [], f"{self.name}: {json.dumps(body)[:300]}")
        self.check_members(self.schema, body, self.name)

    def check_members(self, schema, body, where):
        if isinstance(body, list):
            for item in body:
                self.check_members(schema.get("items", {}), item, where)
        if not isinstance(body, dict) or "properties" not in schema:
            return
        quantiles = {key for key in body if schema.get("patternProperties") and key[0] == "p"}
        equal(body.keys() - schema["properties"].keys() - quantiles, set(),
              f"members of {where} without a word")
        for key, value in body.items():
            self.check_members(schema["properties"].get(key, {}), value, f"{where}.{key}")


def test_schemas(bench):
    """Every schema is one, of draft 2020-12, with a word on every member."""
    everything = json.loads(bench.run("schema").stdout)
    equal(sorted(everything), NAMES, "the names")
    for name, schema in everything.items():
        jsonschema.Draft202012Validator.check_schema(schema)
        equal(schema["$schema"], "https://json-schema.org/draft/2020-12/schema", f"draft of {name}")
        equal(schema, load(bench, name), f"the schema by its name, {name}")
        equal(bench.run("schema", name).stdout, (PAGES / f"{name}.json").read_text("utf-8"),
              f"the schema as it is documented, {name}")
    equal(bench.run("schema", "nonsense").returncode, 2, "the exit status of a name that is none")


def test_published(bench):
    """All that is published on both brokers is valid, and has no member without a word."""
    broker, uplink = bench.broker(), bench.broker()
    everything = broker.subscribe(f"{ROOT}/#")
    batches = uplink.subscribe(f"{ROOT}/#")
    streams = CLIMATE.replace("max_series", "live = true; max_series")
    weir = bench.weir(config(broker, uplink, streams=streams, alerts=f"{HOT}, {GONE}", more=MORE,
                             uplink_more='format = "json";'))
    weir.start_online(broker, CLIMATE_FILTER)
    broker.publish_all(TOPIC, [reading(*pair) for pair in (
        (0, 20), (1, 31), (2, 41), (3, 35), (4, 999.0), (5, 41), (24, 41), (26, 20))])
    broker.publish(TOPIC, reading(27, 31))
    everything.wait(lambda message: message.topic.endswith("hall-1/event")
                    and message.json["event"] == "reminder", "a reminder")
    weir.drain()
    checkers = {name: Checker(bench, name) for name in NAMES}
    kinds = (("/status", "status"), ("/info", "info"), ("/state", "alert-state"),
             ("/event", "alert-event"))
    for message in everything.settle().messages():
        name = next((name for end, name in kinds if message.topic.endswith(end)), "live")
        checkers[name].check(message.payload if name == "status" else message.json)
    for message in batches.settle().messages():
        if message.topic.endswith("/batch"):
            checkers["batch"].check(message.json)
    for name in ("status", "info", "alert-state", "alert-event", "live", "batch"):
        expect(checkers[name].count > 0, f"nothing was held against {name}")


def test_replayed(bench):
    """The lines of replay are valid: summaries, alerts, the ledger."""
    path = bench.directory / "weir.conf"
    path.write_text(config(bench.make_broker(), alerts=HOT))
    text = "".join(json.dumps({"topic": TOPIC, "at": T0 + 1000 * second,
                               "payload": reading(second, value)}) + "\n"
                   for second, value in ((0, 20), (1, 31), (12, 20), (30, 45)))
    done = bench.run("replay", "-c", path, text=text)
    equal(done.returncode, 0, f"replay's exit status ({done.stderr})")
    checkers = {name: Checker(bench, name) for name in ("summary", "alert", "ledger")}
    for line in map(json.loads, done.stdout.splitlines()):
        checkers[line["type"]].check(line)
    for name, checker in checkers.items():
        expect(checker.count > 0, f"nothing was held against {name}")


def test_operator(bench):
    """Commands that are obeyed are valid, and so are answers and explanations."""
    broker = bench.broker()
    weir = bench.weir(config(broker, alerts=HOT, more=MORE)).start_online(broker, CLIMATE_FILTER)
    broker.publish(TOPIC, reading(0, 31))
    wait_for(lambda: broker.retained(f"{ROOT}/alert/+/+/state"), "a state")
    commands, answers = Checker(bench, "command"), Checker(bench, "answer")
    for command in ({"command": "ack"}, {"command": "shelve", "for": "2h", "by": "ann"}, "unshelve",
                    {"command": "ack", "id": "0" * 16}):
        commands.check(command)
        payload = command if isinstance(command, str) else json.dumps(command)
        done = request(broker, payload)
        answers.check(json.loads(done))
    explained = bench.run("explain", "--socket", weir.socket_path(), "--json", "hot",
                          "north/hall-1")
    body = json.loads(explained.stdout)
    Checker(bench, "explanation").check(body)
    Checker(bench, "alert-state").check(body["alert"])
    for wrong in ({"command": "shelve"}, {"command": "dance"}, "dance", {}):
        expect(not commands.validator.is_valid(wrong), f"{wrong!r} is valid")


def request(broker, payload):
    """The answer to a command over MQTT 5."""
    return subprocess.run(
        ["mosquitto_rr", "-h", "127.0.0.1", "-p", str(broker.port), "-V", "5", "-q", "1", "-W",
         "10", "-t", f"{ROOT}/alert/hot/north.hall-1/cmd", "-e", "operator/rr", "-m", payload],
        capture_output=True, text=True, check=True, timeout=30 * harness.SLOW).stdout


harness.main(__name__)
