"""What the system tests stand on: real brokers, the real daemon, real clients, all on loopback.

A test is a function test_*(bench) whose first docstring line is the sentence it proves. A file ends
with `harness.main(__name__)`, runs alone, prints a line a test, and exits 0, 1, or 77 when
mosquitto is not there. WEIR_BIN names the binary; WEIR_TEST_SLOW multiplies every time-out.
"""

import contextlib
import json
import os
import pathlib
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback

import compact

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.environ.get("WEIR_BIN", str(ROOT / "build" / "dev" / "weir"))
MOSQUITTO = shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin")
SLOW = float(os.environ.get("WEIR_TEST_SLOW", "1"))

# A time of measurement, long past. A multiple of ten minutes: windows of all lengths begin here.
T0 = 1_700_000_400_000

EXIT_DONE = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_REFUSED = 78


class Failure(Exception):
    """An expectation that did not hold."""


def expect(condition, what):
    if not condition:
        raise Failure(what)


def equal(found, expected, what):
    if found != expected:
        raise Failure(f"{what}: found {found!r}, expected {expected!r}")


def wait_for(condition, what, timeout_s=15):
    """Polls until condition() gives something true, and returns that."""
    deadline = time.monotonic() + timeout_s * SLOW
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise Failure(f"waited {timeout_s * SLOW:g} s in vain for {what}")
        time.sleep(0.02)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def answers(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


# The names of series that came with batches, for all tests of a process: epochs are drawn. And the
# batches, as text.
NAMES, TEXTS = {}, {}


def text_of(data):
    """A payload as text, a batch in compact form as the JSON that says the same."""
    if not data.startswith(compact.MAGIC):
        return data.decode()
    if data not in TEXTS:
        TEXTS[data] = json.dumps(compact.read(data, NAMES), separators=(",", ":"))
    return TEXTS[data]


class Message:
    """One message as a subscriber got it. retained: it was there before the subscription."""

    def __init__(self, line):
        self.topic, retained, qos, payload = line.split("\t", 3)
        self.bytes = bytes.fromhex(payload)
        self.payload = text_of(self.bytes)
        self.retained = retained == "1"
        self.qos = int(qos)

    @property
    def json(self):
        return json.loads(self.payload)

    def __repr__(self):
        return f"{self.topic} r{self.retained:d} q{self.qos} {self.payload[:300]}"


class Subscriber:
    """A mosquitto_sub whose messages are collected as they come."""

    # The broker retains this of itself: once it is here, the subscriptions are made.
    READY = "$SYS/broker/version"
    count = 0

    def __init__(self, broker, *filters, qos=1):
        Subscriber.count += 1
        self.broker = broker
        self.marker = f"harness/{os.getpid()}/{Subscriber.count}"
        self.marked = 0
        self.lines = []
        command = ["mosquitto_sub", "-h", "127.0.0.1", "-p", str(broker.port), "-q", str(qos),
                   "-V", "5", "-F", "%t\t%r\t%q\t%x", "-t", self.READY, "-t", self.marker]
        for text in filters:
            command += ["-t", text]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()
        wait_for(lambda: any(line.startswith(self.READY) for line in list(self.lines)),
                 f"a subscription to {', '.join(filters)}")

    def read(self):
        for line in self.process.stdout:
            self.lines.append(line.decode("utf-8", "surrogateescape").rstrip("\n"))

    def messages(self, matches=lambda message: True):
        """Everything received that matches, without what the harness sends itself."""
        found = [Message(line) for line in list(self.lines)
                 if not line.startswith((self.READY, self.marker))]
        return [message for message in found if matches(message)]

    def wait(self, matches=lambda message: True, what="a message", count=1, timeout_s=15):
        """The messages that match, once there are `count` of them."""
        try:
            return wait_for(lambda: len(found := self.messages(matches)) >= count and found,
                            f"{count} x {what}", timeout_s)
        except Failure as failure:
            listing = "".join(f"\n    {message}" for message in self.messages()[-12:])
            raise Failure(f"{failure}; received were:{listing or ' none'}") from None

    def wait_topic(self, topic, count=1, timeout_s=15):
        return self.wait(lambda message: message.topic == topic, topic, count, timeout_s)

    def settle(self):
        """Returns once everything that the broker had so far for this subscriber is here."""
        self.marked += 1
        self.broker.publish(self.marker, "here")
        wait_for(lambda: sum(line.startswith(self.marker) for line in list(self.lines))
                 >= self.marked, "a marker to come back")
        return self

    def stop(self):
        stop_process(self.process)
        self.thread.join()
        self.process.stdout.close()


def stop_process(process, wait_s=5):
    """Ends what we started, whatever state it is in."""
    if process.poll() is None:
        process.send_signal(signal.SIGCONT)
        process.terminate()
        try:
            process.wait(wait_s)
        except subprocess.TimeoutExpired:
            process.kill()
    process.wait()


class Broker:
    """A mosquitto on a port of its own. It keeps the port from one start to the next."""

    def __init__(self, directory, name, persistent=False, queue=100000):
        self.directory = pathlib.Path(directory) / name
        self.directory.mkdir()
        self.log_path = self.directory / "log"
        self.log_path.touch()
        self.port = free_port()
        self.url = f"mqtt://127.0.0.1:{self.port}"
        self.process = None
        self.subscribers = []
        lines = [f"listener {self.port} 127.0.0.1", "allow_anonymous true",
                 f"max_queued_messages {queue}", f"log_dest file {self.log_path}", "log_type all",
                 f"persistence {str(persistent).lower()}"]
        if persistent:
            lines += [f"persistence_location {self.directory}/", "autosave_interval 1"]
        if os.getuid() == 0:
            lines += [f"user {pwd.getpwuid(0).pw_name}"]
        (self.directory / "conf").write_text("\n".join(lines) + "\n")

    def start(self):
        self.process = subprocess.Popen([MOSQUITTO, "-c", str(self.directory / "conf")],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(lambda: answers(self.port), f"the broker on port {self.port}")
        return self

    def stop(self):
        """Ends the broker as an administrator would."""
        stop_process(self.process)
        self.process = None

    def kill(self):
        """Ends the broker as a power cut would."""
        self.process.kill()
        self.process.wait()
        self.process = None

    def freeze(self):
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)

    def log(self):
        return self.log_path.read_text(errors="replace")

    def wait_subscribed(self, filter_text, after=0):
        """Waits until somebody has subscribed to a filter, in the log behind `after` bytes."""
        wait_for(lambda: re.search(rf"\s{re.escape(filter_text)} \(QoS \d\)", self.log()[after:]),
                 f"a subscription to {filter_text}")

    def wait_delivered(self, count, client="weir-plant-7"):
        """Waits until a client has acknowledged so many QoS 1 messages, ever."""
        pattern = re.compile(rf"Received PUBACK from {re.escape(client)} ")
        wait_for(lambda: len(pattern.findall(self.log())) >= count,
                 f"{client} to take {count} messages")

    def subscribe(self, *filters, qos=1):
        subscriber = Subscriber(self, *filters, qos=qos)
        self.subscribers.append(subscriber)
        return subscriber

    def publish(self, topic, payload, qos=1, retain=False):
        """One message through mosquitto_pub; the broker has acknowledged it on return (QoS 1)."""
        payload = payload if isinstance(payload, (str, bytes)) else json.dumps(payload)
        self.run_publisher(topic, "-s", payload, qos, retain)

    def publish_all(self, topic, payloads, qos=1):
        """Many messages on one topic over one connection, in their order."""
        lines = [payload if isinstance(payload, str) else json.dumps(payload)
                 for payload in payloads]
        self.run_publisher(topic, "-l", "".join(f"{line}\n" for line in lines), qos, False)

    def run_publisher(self, topic, source, text, qos, retain):
        command = ["mosquitto_pub", "-h", "127.0.0.1", "-p", str(self.port), "-t", topic, "-q",
                   str(qos), source]
        if retain:
            command.append("-r")
        data = text if isinstance(text, bytes) else text.encode("utf-8")
        subprocess.run(command, input=data, check=True, timeout=30 * SLOW,
                       stdout=subprocess.DEVNULL)

    def retained(self, filter_text):
        """What a subscriber who comes now gets at once, as topic: message."""
        subscriber = self.subscribe(filter_text)
        subscriber.settle()
        found = {message.topic: message for message in subscriber.messages()
                 if message.retained}
        self.subscribers.remove(subscriber)
        subscriber.stop()
        return found

    def finish(self):
        for subscriber in self.subscribers:
            subscriber.stop()
        if self.process:
            stop_process(self.process)


class Weir:
    """The daemon under a configuration."""

    def __init__(self, directory, config, name="weir"):
        self.directory = pathlib.Path(directory) / name
        self.directory.mkdir()
        self.config_path = self.directory / "weir.conf"
        self.log_path = self.directory / "log"
        self.log_path.touch()
        self.process = None
        self.environment = {}
        self.configure(config)

    def configure(self, config):
        self.config_path.write_text(config)

    def socket_path(self, gateway="plant-7"):
        """The local socket of the daemon."""
        return self.directory / f"weir-{gateway}.sock"

    def resident_kib(self):
        """The daemon's resident memory."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"^VmRSS:\s+(\d+)", status, re.MULTILINE)[1])

    def start(self):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([BINARY, "run", "-c", str(self.config_path)],
                                            stdout=subprocess.DEVNULL, stderr=log,
                                            env={"RUNTIME_DIRECTORY": str(self.directory),
                                                 **os.environ, **self.environment})
        return self

    def start_online(self, broker, *filters):
        """Starts and waits until it is subscribed and says that it is online."""
        before = len(broker.log())
        self.start()
        for text in filters:
            broker.wait_subscribed(text, before)
        broker.subscribe("weir/v1/+/status").wait(lambda message: message.payload == "online",
                                                  "online")
        return self

    def log(self):
        return self.log_path.read_text(errors="replace")

    def count_log(self, pattern):
        return len(re.findall(pattern, self.log(), re.MULTILINE))

    def wait_log(self, pattern, count=1, timeout_s=15):
        wait_for(lambda: self.count_log(pattern) >= count, f"{count} x /{pattern}/ in the log",
                 timeout_s)

    def signal(self, number):
        self.process.send_signal(number)

    def reload(self, config=None):
        """A new configuration, SIGHUP, and the line of the log that tells how it went."""
        pattern = r"is read anew|is refused; nothing was changed"
        before = self.count_log(pattern)
        if config is not None:
            self.configure(config)
        self.signal(signal.SIGHUP)
        self.wait_log(pattern, before + 1)

    def wait(self, timeout_s=20):
        """The exit status, once the process has ended by itself."""
        try:
            return self.process.wait(timeout_s * SLOW)
        except subprocess.TimeoutExpired:
            raise Failure(f"weir did not end within {timeout_s * SLOW:g} s") from None

    def stop(self):
        """SIGTERM. Returns the exit status and the seconds it took."""
        began = time.monotonic()
        self.signal(signal.SIGTERM)
        status = self.wait()
        return status, time.monotonic() - began

    def drain(self, subscriber=None):
        """Stops in good order and in time. Returns everything that the subscriber then has."""
        status, seconds = self.stop()
        equal(status, EXIT_DONE, "the exit status")
        expect(seconds < 5 * SLOW, f"the stop took {seconds:.1f} s")
        return subscriber.settle().messages() if subscriber else []

    def kill(self):
        self.process.kill()
        self.process.wait()

    def finish(self):
        if self.process:
            stop_process(self.process)


class Bench:
    """What one test uses; all of it is gone when the test is over."""

    def __init__(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="weir-test-"))
        self.things = []
        self.finished = []
        self.broker_count = 0
        self.weir_count = 0

    def add(self, thing):
        self.things.append(thing)
        return thing

    def make_broker(self, persistent=False, queue=100000):
        """A broker that is not started; it queues so many messages for a client."""
        self.broker_count += 1
        return self.add(Broker(self.directory, f"broker-{self.broker_count}", persistent, queue))

    def broker(self, persistent=False, queue=100000):
        return self.make_broker(persistent, queue).start()

    def weir(self, config):
        """A daemon that is not started."""
        self.weir_count += 1
        return self.add(Weir(self.directory, config, f"weir-{self.weir_count}"))

    def run(self, *arguments, text=None):
        """Any verb to its end: the completed process, with stdout and stderr as text."""
        return subprocess.run([BINARY, *map(str, arguments)], input=text, text=True,
                              capture_output=True, check=False, timeout=30 * SLOW)

    def decode(self, *payloads):
        """The lines that `weir decode` makes of batches, read."""
        done = self.run("decode", text="".join(f"{payload}\n" for payload in payloads))
        equal(done.returncode, EXIT_DONE, f"decode's exit status ({done.stderr.strip()})")
        return [json.loads(line) for line in done.stdout.splitlines()]

    def summaries(self, messages):
        """The summaries in batches, through `weir decode`."""
        lines = self.decode(*(message.payload for message in messages)) if messages else []
        return [line for line in lines if line["type"] == "summary"]

    def logs(self):
        for thing in self.finished + self.things:
            if isinstance(thing, (Weir, Broker)):
                tail = thing.log().splitlines()[-20:]
                yield f"{thing.log_path.parent.name}:", tail

    def stop(self):
        """Ends everything, last made first; what a sanitizer or an assertion says of it fails."""
        while self.things:
            self.finished.append(self.things.pop())
            self.finished[-1].finish()
        for thing in self.finished:
            found = re.search(r"^.*(Sanitizer|runtime error:|Assertion `).*$", thing.log(),
                              re.MULTILINE)
            if found:
                raise Failure(f"{thing.log_path}: {found[0]}\n{thing.log()[found.start():]}")

    def finish(self):
        try:
            self.stop()
        finally:
            shutil.rmtree(self.directory, ignore_errors=True)


CLIMATE = """{ name = "climate"; topics = [ "plant/{site}/{device}/climate" ]; format = "json";
      time = { field = "ts"; unit = "ms"; };
      fields = ( { name = "temperature"; path = "t"; unit = "Cel"; min = -40.0; max = 125.0;
                   invalid = [ 999.0 ]; } );
      window = { size = "10s"; lateness = "2s"; idle = "10m"; };
      aggregates = [ "count", "min", "max", "mean", "last" ]; max_series = 20; }"""
CLIMATE_FILTER = "plant/+/+/climate"


def reading(seconds, value):
    """A payload for CLIMATE: a value measured so many seconds after T0."""
    return {"ts": T0 + round(seconds * 1000), "t": value}


def config(broker, uplink=None, streams=CLIMATE, alerts="", every="1s", outbox="1MiB",
           gateway="plant-7", more="", uplink_more=""):
    """A whole configuration. streams and alerts are what stands between the ( )."""
    text = f"""gateway = "{gateway}";
broker: {{ url = "{broker.url}"; keepalive = 5; }};
streams: ( {streams} );
alerts: ( {alerts} );
{more}
"""
    if uplink:
        text += (f'uplink: {{ url = "{uplink.url}"; every = "{every}"; outbox = "{outbox}"; '
                 f'{uplink_more} }};\n')
    return text


def is_balanced(ledger):
    return (ledger["received"] == ledger["accepted"] + ledger["unmatched"] + ledger["oversize"]
            + ledger["malformed"]
            and ledger["samples"] == ledger["summarised"] + ledger["open"]
            + ledger["late_dropped"] + ledger["invalid"] + ledger["over_budget"])


def run_test(test):
    """Runs one test and prints its line. True when it passed."""
    sentence = (test.__doc__ or test.__name__).strip().splitlines()[0]
    bench = Bench()
    began = time.monotonic()
    try:
        test(bench)
        bench.stop()
        print(f"ok    {sentence} ({time.monotonic() - began:.1f} s)", flush=True)
        return True
    except Exception as error:
        print(f"FAIL  {sentence}", flush=True)
        if not isinstance(error, Failure):
            traceback.print_exc(file=sys.stdout)
        else:
            line = traceback.extract_tb(error.__traceback__)[1].lineno
            print(f"      {test.__name__}, line {line}: {error}")
        for name, tail in bench.logs():
            print(f"      {name}")
            print("".join(f"        {line}\n" for line in tail), end="", flush=True)
        return False
    finally:
        with contextlib.suppress(Failure):
            bench.finish()


def interrupt(number, frame):
    raise KeyboardInterrupt


def main(module_name):
    """Runs the tests of a module, or those that the command line names."""
    if module_name != "__main__":
        return
    if not MOSQUITTO or not shutil.which("mosquitto_pub") or not shutil.which("mosquitto_sub"):
        print("skipped: mosquitto and its clients are not installed")
        sys.exit(77)
    if not os.access(BINARY, os.X_OK):
        print(f"there is no {BINARY}; WEIR_BIN names the binary")
        sys.exit(1)
    signal.signal(signal.SIGTERM, interrupt)
    module = sys.modules[module_name]
    tests = [value for name, value in vars(module).items() if name.startswith("test_")]
    if sys.argv[1:]:
        tests = [test for test in tests if test.__name__ in sys.argv[1:]]
    results = [run_test(test) for test in tests]
    sys.exit(0 if results and all(results) else 1)
