"""Commands to alerts: over MQTT, and by the local socket through ack, shelve, unshelve, explain."""

import json
import socket
import stat
import subprocess
import time

import harness
from harness import CLIMATE_FILTER, SLOW, config, equal, expect, reading, wait_for

TOPIC = "plant/north/hall-1/climate"
ALERT = "weir/v1/plant-7/alert/hot/north.hall-1"
COMMANDS = 'alerting: { commands = true; shelve_max = "4h"; };'


def rule(more=""):
    return ('{ name = "hot"; stream = "climate"; field = "temperature"; above = 30.0; '
            f'deadband = 2.0; {more} }}')


def start(bench, more=COMMANDS, rule_more=""):
    """A daemon with an alert that is raised: broker, daemon, events, the raised event."""
    broker = bench.broker()
    weir = bench.weir(config(broker, alerts=rule(rule_more), more=more)).start_online(
        broker, CLIMATE_FILTER)
    events = broker.subscribe(f"{ALERT}/event")
    broker.publish(TOPIC, reading(0, 31))
    return broker, weir, events, events.wait(what="an event")[0].json


def state(broker):
    return broker.retained(f"{ALERT}/state")[f"{ALERT}/state"].json


def await_state(broker, **expected):
    return wait_for(lambda: expected.items() <= state(broker).items(), f"a state with {expected}")


class Asker:
    """Sends commands with a response topic, and takes the answers."""

    def __init__(self, broker):
        self.broker = broker
        self.answers = broker.subscribe("operator/answers")
        self.count = 0

    def ask(self, payload, answered=True, topic=f"{ALERT}/cmd", response="operator/answers"):
        self.count += answered
        payload = payload if isinstance(payload, str) else json.dumps(payload)
        subprocess.run(["mosquitto_pub", "-h", "127.0.0.1", "-p", str(self.broker.port), "-V", "5",
                        "-q", "1", "-t", topic, "-m", payload,
                        "-D", "publish", "response-topic", response,
                        "-D", "publish", "correlation-data", f"c{self.count}"],
                       check=True, timeout=30 * SLOW)
        if not answered:
            return None
        return self.answers.wait(what="an answer", count=self.count)[self.count - 1].json


def test_commands_over_mqtt(bench):
    """ack, shelve and unshelve are obeyed, told in the state, and answered with correlation data."""
    broker, _, _, raised = start(bench)
    asker = Asker(broker)
    equal(asker.ask({"command": "ack", "id": raised["id"], "by": "ann"}), {"ok": True}, "ack")
    await_state(broker, acked=True, id=raised["id"])
    equal(asker.ask({"command": "shelve", "for": "2h"}), {"ok": True}, "shelve")
    until = wait_for(lambda: state(broker)["shelved_until"], "a shelved state")
    expect(abs(until - time.time() * 1000 - 2 * 3600_000) < 600_000, "until when it is shelved")
    equal(asker.ask("unshelve"), {"ok": True}, "unshelve")
    await_state(broker, shelved_until=None)


def test_correlation(bench):
    """An answer carries the correlation data and says that it is JSON."""
    broker, _, _, _ = start(bench)
    command = ["mosquitto_rr", "-h", "127.0.0.1", "-p", str(broker.port), "-V", "5", "-q", "1",
               "-t", f"{ALERT}/cmd", "-e", "operator/rr", "-m", "ack", "-W", "10",
               "-D", "publish", "correlation-data", "seventeen", "-F", "%p|%D|%C|%F"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30 * SLOW)
    equal(done.stdout.strip().split("|")[:3], ['{"ok":true}', "seventeen", "application/json"],
          f"the answer ({done.stderr})")


def test_without_answer(bench):
    """A command from MQTT 3.1.1, or without a response topic, is obeyed all the same."""
    broker, weir, _, _ = start(bench)
    broker.publish(f"{ALERT}/cmd", "ack")
    await_state(broker, acked=True)
    equal(weir.count_log("refused"), 0, "what was refused")


def test_refused(bench):
    """What cannot be done is answered with the reason, counted, and logged but not each time."""
    broker, weir, _, raised = start(bench)
    asker = Asker(broker)
    for payload, reason in (
            ("", "JSON object"), ("dance", "JSON object"), ({"command": "dance"}, "ack, shelve"),
            ({"command": "ack", "id": "12"}, "16 hexadecimal"),
            ({"command": "ack", "id": "f" * 16}, raised["id"]),
            ({"command": "shelve"}, "duration"), ({"command": "shelve", "for": "-2h"}, "duration"),
            ({"command": "shelve", "for": "5h"}, "at most 4h"), ({"command": "explain"}, "socket"),
            ({"command": 7}, "text"), ("{" * 100, "JSON object")):
        answer = asker.ask(payload)
        equal(answer["ok"], False, f"ok for {payload!r}")
        expect(reason in answer["error"], f"{payload!r}: {answer['error']}")
    for topic in ("hot/nowhere/cmd", "cold/north.hall-1/cmd"):
        answer = asker.ask("ack", topic=f"weir/v1/plant-7/alert/{topic}")
        expect("nowhere" in answer["error"] or "cold" in answer["error"], answer["error"])
    equal(weir.count_log("command by MQTT refused"), 1, "the lines of the log")
    info = broker.subscribe("weir/v1/plant-7/info")
    info.wait(lambda message: message.json["commands"] == {"done": 0, "refused": asker.count},
              "the count of what was refused")


def test_answer_topics(bench):
    """No answer goes to weir's own topics or to the broker's."""
    broker, weir, _, _ = start(bench)
    asker = Asker(broker)
    seen = broker.subscribe("weir/v1/plant-7/status", "weir/forged")
    for topic in ("weir/v1/plant-7/status", "weir/forged"):
        asker.ask("ack", answered=False, response=topic)
    equal(asker.ask("dance")["ok"], False, "the answer to the last")
    expect(all("ok" not in message.payload for message in seen.settle().messages()),
           "an answer at a topic of ours")
    equal(weir.process.poll(), None, "the daemon's end")


def test_off_by_default(bench):
    """Unless the configuration allows commands nobody listens to them."""
    broker, _, _, _ = start(bench, more="")
    expect("/cmd" not in broker.log(), "a subscription to commands")
    broker.publish(f"{ALERT}/cmd", "ack")
    broker.publish(TOPIC, reading(1, 32))
    equal(state(broker)["acked"], False, "acked")


def test_retained_command(bench):
    """A retained command is not obeyed: not one that was there before, and not one that comes live."""
    broker = bench.broker()
    broker.publish(f"{ALERT}/cmd", "ack", retain=True)
    bench.weir(config(broker, alerts=rule(), more=COMMANDS)).start_online(broker, CLIMATE_FILTER)
    broker.publish(TOPIC, reading(0, 31))
    wait_for(lambda: broker.retained(f"{ALERT}/state"), "a state")
    broker.subscribe(f"{ALERT}/state").settle()
    equal(state(broker)["acked"], False, "acked")
    broker.publish(f"{ALERT}/cmd", "ack", retain=True)
    broker.subscribe("weir/v1/plant-7/info").wait(
        lambda message: message.json["commands"] == {"done": 0, "refused": 1}, "a refusal")
    equal(state(broker)["acked"], False, "acked")


def test_restart(bench):
    """With storage a restart knows what operators did."""
    store = f'storage: {{ path = "{bench.directory}/state"; journal = "4MiB"; outbox = "1MiB"; }};'
    broker, weir, _, _ = start(bench, more=COMMANDS + store)
    asker = Asker(broker)
    equal(asker.ask("ack"), {"ok": True}, "ack")
    equal(asker.ask({"command": "shelve", "for": "2h"}), {"ok": True}, "shelve")
    await_state(broker, acked=True)
    until = wait_for(lambda: state(broker)["shelved_until"], "a shelved state")
    weir.kill()
    weir.start_online(broker, CLIMATE_FILTER)
    after = wait_for(lambda: (found := state(broker))["restored"] and found, "a restored state")
    equal(after["acked"], True, "acked")
    expect(abs(after["shelved_until"] - until) < 60_000 * SLOW, "until when it is shelved")


def verb(bench, weir, name, *arguments):
    return bench.run(name, "--socket", weir.socket_path(), *arguments)


def test_socket(bench):
    """ack, shelve and unshelve reach the daemon by its socket, whether MQTT may command or not."""
    broker, weir, _, raised = start(bench, more="")
    equal(stat.S_IMODE(weir.socket_path().stat().st_mode), 0o660, "the socket's mode")
    for arguments in (("ack", "hot", "north/hall-1", "--id", raised["id"], "--by", "ann"),
                      ("shelve", "hot", "north/hall-1", "2h"),
                      ("unshelve", "hot", "north/hall-1")):
        done = verb(bench, weir, *arguments)
        equal((done.returncode, done.stdout, done.stderr), (0, "", ""), arguments[0])
    await_state(broker, acked=True, shelved_until=None)
    equal(weir.count_log("alert hot on north/hall-1: acknowledged by ann"), 1, "the log")
    for arguments, reason in ((("ack", "cold", "north/hall-1"), "no rule 'cold'"),
                              (("ack", "hot", "nowhere"), "series 'nowhere'"),
                              (("ack", "hot", "north.hall-1"), "did you mean 'north/hall-1'?"),
                              (("shelve", "hot", "north/hall-1", "2d"), "at most")):
        done = verb(bench, weir, *arguments)
        equal(done.returncode, 1, f"the exit status of {arguments}")
        expect(reason in done.stderr, done.stderr)
    for arguments in (("ack",), ("shelve", "hot", "x"), ("shelve", "hot", "x", "soon")):
        equal(verb(bench, weir, *arguments).returncode, 2, f"the exit status of {arguments}")
    expect("'soon'" in verb(bench, weir, "shelve", "hot", "x", "soon").stderr, "no word of 'soon'")
    weir.drain()
    expect(not weir.socket_path().exists(), "the socket is still there")
    done = verb(bench, weir, "ack", "hot", "x")
    equal(done.returncode, 1, "the exit status without a daemon")
    expect("cannot reach" in done.stderr, done.stderr)


def test_explain(bench):
    """explain tells value, limits, what comes next and where the rule is written."""
    broker, weir, _, raised = start(bench, more="", rule_more='clear_delay = "30s";')
    broker.publish(TOPIC, reading(10, 20))
    await_state(broker, state="clearing")
    done = verb(bench, weir, "explain", "hot", "north/hall-1")
    equal((done.returncode, done.stderr), (0, ""), "the exit status")
    for text in (f"{weir.config_path}:", "above 30", "20 at ", "clearing", raised["id"],
                 "cleared", "or later"):
        expect(text in done.stdout, f"no {text!r} in\n{done.stdout}")
    body = json.loads(verb(bench, weir, "explain", "hot", "north/hall-1", "--json").stdout)
    equal((body["schema"], body["judged"], body["file"], body["alert"]["id"]),
          ("weir.explanation/1", 20, str(weir.config_path), raised["id"]), "the explanation")
    equal((body["next"]["event"], body["next"]["by"], body["next"]["at"]),
          ("cleared", "sample", raised["ts"] + 40_000), "what comes next")
    equal([level["beyond"] for level in body["levels"]], [False], "the levels")
    equal(verb(bench, weir, "explain", "hot", "nowhere").returncode, 1, "an unknown series")


def test_explain_journal(bench):
    """A journal is explained without a daemon, operators' commands included."""
    store = f'storage: {{ path = "{bench.directory}/state"; journal = "4MiB"; outbox = "1MiB"; }};'
    broker, weir, _, raised = start(bench, more=store)
    equal(verb(bench, weir, "ack", "hot", "north/hall-1").returncode, 0, "ack")
    await_state(broker, acked=True)
    weir.drain()
    done = bench.run("explain", "-c", weir.config_path, "--journal", bench.directory / "state",
                     "hot", "north/hall-1", "--json")
    equal((done.returncode, done.stderr), (0, ""), "the exit status")
    alert = json.loads(done.stdout)["alert"]
    equal((alert["level"], alert["acked"], alert["value"]), ("warning", True, 31), "the alert")


def connect(weir):
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(20 * SLOW)
    client.connect(str(weir.socket_path()))
    return client


def ask(client, text):
    client.sendall(text)
    with client.makefile("rb") as lines:
        return json.loads(lines.readline())


def test_hostile_socket(bench):
    """Clients that are silent, endless, deaf or many do not hold the daemon up."""
    broker, weir, events, _ = start(bench, more="")
    crowd = [connect(weir) for _ in range(4)]
    crowd[0].sendall(b'{"command":')
    wait_for(lambda: b"too many" in connect(weir).recv(200), "a client to be turned away")
    broker.publish(TOPIC, reading(1, 20))
    events.wait(lambda message: message.json["event"] == "cleared", "an event beside the crowd")
    equal(crowd[0].recv(10), b"", "what a silent client gets in the end")
    wait_for(lambda: all(client.recv(10) == b"" for client in crowd[1:]), "all to be let go of")
    endless = connect(weir)
    with_room = True
    while with_room:
        try:
            endless.sendall(b"x" * 4096)
        except OSError:
            with_room = False
    deaf = connect(weir)
    deaf.settimeout(5 * SLOW)
    line = b'{"command":"explain","rule":"hot","series":"north/hall-1"}\n'
    for _ in range(20000):
        try:
            deaf.sendall(line)
        except OSError:
            break
    else:
        raise harness.Failure("a deaf client was never let go of")
    answer = ask(connect(weir), b"dance\n")
    equal(answer["ok"], False, "the answer to nonsense")
    equal(weir.process.poll(), None, "the daemon's end")


def test_missing_words(bench):
    """Without a series the verbs say what is missing."""
    for arguments, reason in ((("explain", "hot"), "weir explain: no series is given"),
                              (("explain",), "weir explain: no rule and no series is given"),
                              (("ack", "hot"), "weir ack: something is missing; expected RULE S"),
                              (("shelve", "hot", "x"), "expected RULE SERIES DURATION")):
        done = bench.run(*arguments)
        equal(done.returncode, harness.EXIT_USAGE, f"the exit status of {arguments}")
        expect(reason in done.stderr, done.stderr)


def test_two_of_a_gateway(bench):
    """A second weir of a gateway waits for the first to end; when it does not, it gives up."""
    broker, weir, _, _ = start(bench, more="")
    second = bench.weir(weir.config_path.read_text())
    second.environment = {"RUNTIME_DIRECTORY": str(weir.directory)}
    equal(second.start().wait(), harness.EXIT_FAILED, "the second one's exit status")
    expect("error: another weir of gateway plant-7 is running" in second.log(), second.log())
    equal(weir.count_log("lost the connection"), 0, "losses of the first one")
    second.start().wait_log("waiting for it to end", 2)
    before = len(broker.log())
    weir.drain()
    broker.wait_subscribed(CLIMATE_FILTER, before)
    wait_for(lambda: verb(bench, weir, "ack", "hot", "nowhere").stderr.count("series 'nowhere'"),
             "the second one at the socket")
    second.drain()


def test_stale_socket(bench):
    """A socket that a killed daemon left is taken over; one that is alive is not."""
    broker, weir, _, _ = start(bench, more="")
    weir.kill()
    expect(weir.socket_path().exists(), "nothing was left")
    weir.start_online(broker, CLIMATE_FILTER)
    broker.publish(TOPIC, reading(1, 31))
    wait_for(lambda: verb(bench, weir, "explain", "hot", "north/hall-1").returncode == 0,
             "the socket to be served")


harness.main(__name__)
