"""A boiler house, a gateway and a cloud on this machine, in one terminal, in half a minute.

    demo.py [--keep]

Two real brokers, the real weir under the configuration it ships with, and twenty simulated devices.
Exits 0 when everything that is claimed on the screen was seen to be so, 1 when not.
"""

import argparse
import json
import os
import pathlib
import pwd
import re
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import time

import plant

ROOT = pathlib.Path(__file__).resolve().parents[2]
CONFIG = ROOT / "firmware" / "weir.conf"
WEIR = os.environ.get("WEIR_BIN", str(ROOT / "build" / "release" / "weir"))
MOSQUITTO = shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin")

SECONDS = 30
COLUMNS = 100
ROWS_SHOWN = 6

# Everything that takes its time in the shipped configuration takes a tenth of it here, and the
# devices speak ten times as often, so that half a minute has the proportions of five.
FASTER = 10
SHORTENED = re.compile(r'\b(size|lateness|idle|every|jitter|hold|clear_delay)(\s*=\s*)"(\d+)(ms|s|m|h|d)"')
UNITS_MS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}

PICTURE = """
  {weir}: a boiler house, its gateway and its cloud, all on this machine

    the plant                        the gateway                          the cloud
  ┌────────────┐      ┌────────────┐  messages  ┌────────┐  summaries  ┌────────────┐
  │ {count} devices │      │            │ ─────────► │        │ in batches  │            │
  │ climate    │ ───► │   broker   │            │  {weir}  │ ──────────► │   broker   │
  │ boiler     │      │            │ ◄───────── │        │             │            │
  │ power      │      └─────┬──────┘   alerts   └────────┘             └─────┬──────┘
  └────────────┘            ▼                                               ▼
                    alert subscriber                                batch subscriber
"""

# What happens in the plant, told when it does.
STORY = [
    (2, f"{plant.GARBLED} sends garbage now and then, and 999 for a broken probe"),
    (5, f"{plant.WRONG_CLOCK} has a clock that is twelve years ahead; time of arrival counts"),
    (plant.FAULT_S, f"the pump of {plant.FAULTY} stops, its water gets hotter"),
    (plant.SILENT_S, f"{plant.SILENT} falls silent; its last window is closed all the same"),
    (plant.REPAIR_S, f"the pump of {plant.FAULTY} runs again"),
    (plant.SENT_S, f"a reading of {plant.LATE} arrives {plant.SENT_S - plant.KEPT_BACK_S} s late: "
                   "its summary is sent again, revised"),
]

# Which series tell most, for a table that has no room for all of them.
INTERESTING = [(plant.FAULTY, "water_temp"), (plant.WRONG_CLOCK, "temperature"),
               (plant.SILENT, "temperature"), ("south/pump-1", "power"),
               (plant.LATE, "water_temp"), ("north/hall-1", "humidity"),
               ("north/boiler-2", "burner"), ("north/hall-1", "temperature")]

COLOURS = {"bold": "1", "dim": "2", "critical": "1;31", "warning": "33", "info": "36",
           "ok": "32", "batch": "1;36", "plant": "35"}


class Problem(Exception):
    """The demonstration cannot go on."""


class Screen:
    """A terminal of 100 columns; colours only where somebody is watching."""

    def __init__(self):
        self.coloured = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        self.began = time.monotonic()
        self.empty = False
        sys.stdout.reconfigure(errors="replace")

    def paint(self, colour, text):
        return f"\x1b[{COLOURS[colour]}m{text}\x1b[0m" if self.coloured else text

    def line(self, text=""):
        """One line; never two empty ones in a row."""
        if text or not self.empty:
            print(text, flush=True)
        self.empty = not text

    def text(self, text, indent=2):
        for line in textwrap.wrap(text, COLUMNS - indent):
            self.line(" " * indent + line)

    def clock(self):
        return time.monotonic() - self.began

    def tell(self, colour, label, text):
        """A line of what happens: when, what kind, and what."""
        lines = textwrap.wrap(text, COLUMNS - 19) or [""]
        self.line(f"{self.clock():6.1f} s  {self.paint(colour, f'{label:<8}')} {lines[0]}")
        for line in lines[1:]:
            self.line(" " * 19 + line)


class Processes:
    """What we start, and what we therefore stop."""

    def __init__(self):
        self.running = []

    def start(self, command, **more):
        # A Ctrl-C at the terminal is for us alone; we end the others in good order.
        process = subprocess.Popen(command, start_new_session=True, stdin=subprocess.DEVNULL,
                                   **more)
        self.running.append(process)
        return process

    def stop(self, process, wait_s=8):
        """The exit status."""
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(wait_s)
            except subprocess.TimeoutExpired:
                process.kill()
        self.running.remove(process)
        return process.wait()

    def finish(self):
        for process in reversed(list(self.running)):
            self.stop(process)


def wait_for(condition, what, timeout_s=15):
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise Problem(f"{what} does not come")
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


def start_broker(processes, directory, name):
    """A broker of our own: its port."""
    port = free_port()
    path = directory / f"{name}.conf"
    lines = [f"listener {port} 127.0.0.1", "allow_anonymous true", "max_queued_messages 100000",
             "log_dest none"]
    if os.getuid() == 0:
        lines.append(f"user {pwd.getpwuid(0).pw_name}")
    path.write_text("\n".join(lines) + "\n")
    processes.start([MOSQUITTO, "-c", str(path)], stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL)
    wait_for(lambda: answers(port), f"the {name}'s broker")
    return port


def print_duration(milliseconds):
    for unit in ("d", "h", "m", "s"):
        if milliseconds >= UNITS_MS[unit] and milliseconds % UNITS_MS[unit] == 0:
            return f"{milliseconds // UNITS_MS[unit]}{unit}"
    return f"{milliseconds}ms"


def split_comment(line):
    """The part of a line before its comment, and the comment."""
    for index, character in enumerate(line):
        if character == "#" and line.count('"', 0, index) % 2 == 0:
            return line[:index], line[index:]
    return line, ""


def adapt_config(text, gateway_port, cloud_port):
    """The shipped configuration with our addresses and shorter times, and what was shortened."""
    shortened = {}

    def shorten(match):
        name, equals, number, unit = match.groups()
        shorter = print_duration(int(number) * UNITS_MS[unit] // FASTER)
        changes = shortened.setdefault(name, [])
        if (change := f"{number}{unit} → {shorter}") not in changes:
            changes.append(change)
        return f'{name}{equals}"{shorter}"'

    lines = []
    for line in text.splitlines():
        code, comment = split_comment(line)
        code = code.replace("127.0.0.1:1883", f"127.0.0.1:{gateway_port}")
        code = code.replace("127.0.0.1:1884", f"127.0.0.1:{cloud_port}")
        lines.append(SHORTENED.sub(shorten, code) + comment)
    adapted = "\n".join(lines) + "\n"
    for port in (gateway_port, cloud_port):
        if f"127.0.0.1:{port}" not in adapted:
            raise Problem(f"{CONFIG.name} does not name the brokers that it used to name")
    return adapted, shortened


def packet_bytes(topic, payload):
    """What an MQTT 5 publish at QoS 1 weighs on the wire, without properties."""
    body = 2 + len(topic.encode()) + 2 + 1 + len(payload)
    digits = 1
    while body >> 7 * digits:
        digits += 1
    return 1 + digits + body


def number(value):
    return f"{value:.4g}" if abs(value) < 1000 else f"{value:,.0f}"


class Demo:
    def __init__(self, screen, processes, directory):
        self.screen = screen
        self.processes = processes
        self.directory = directory
        self.selector = selectors.DefaultSelector()
        self.rest = {}
        self.plant = None
        self.weir = None
        self.alerts = []
        self.batches = []
        self.payloads = []
        self.counts = {}     # samples, by window of a field of a series
        self.bytes_up = 0
        self.story = list(STORY)
        self.lasted_s = 0

    def start(self):
        self.gateway_port = start_broker(self.processes, self.directory, "gateway")
        self.cloud_port = start_broker(self.processes, self.directory, "cloud")
        text, self.shortened = adapt_config(CONFIG.read_text(), self.gateway_port,
                                            self.cloud_port)
        self.config_path = self.directory / "weir.conf"
        self.config_path.write_text(text)
        self.introduce()
        self.subscribe(self.gateway_port, "weir/v1/+/alert/+/+/event", self.take_alert)
        self.subscribe(self.cloud_port, "weir/v1/+/batch", self.take_batch)
        self.start_weir()
        self.plant = plant.Plant(self.gateway_port)
        self.screen.began = time.monotonic()
        self.plant.start()

    def subscribe(self, port, topic, take):
        command = ["mosquitto_sub", "-h", "127.0.0.1", "-p", str(port), "-q", "1", "-V", "5",
                   "-t", "$SYS/broker/version", "-t", topic, "-F", "%t\t%x"]
        process = self.processes.start(command, stdout=subprocess.PIPE,
                                       stderr=subprocess.DEVNULL)
        # The broker retains its version, so that its coming says that we are subscribed.
        if not process.stdout.readline():
            raise Problem(f"no subscription to {topic}")
        os.set_blocking(process.stdout.fileno(), False)
        self.rest[process.stdout] = b""
        self.selector.register(process.stdout, selectors.EVENT_READ, take)

    def start_weir(self):
        self.log_path = self.directory / "weir.log"
        with open(self.log_path, "wb") as log:
            self.weir = self.processes.start([WEIR, "run", "-c", str(self.config_path)],
                                             stderr=log)
        wait_for(lambda: self.weir.poll() is not None or self.log().count("connected to") >= 3,
                 "weir")
        self.check_weir()

    def log(self):
        return self.log_path.read_text(errors="replace")

    def check_weir(self):
        if self.weir.poll() is not None:
            raise Problem(f"weir ended with {self.weir.returncode}; it said:\n{self.log()}")

    def introduce(self):
        line = self.screen.line
        line(PICTURE.format(weir=self.screen.paint("bold", "weir"), count=plant.DEVICE_COUNT))
        line(f"  The brokers: mqtt://127.0.0.1:{self.gateway_port} and "
             f"mqtt://127.0.0.1:{self.cloud_port}.")
        self.screen.text(f"The configuration: {CONFIG.relative_to(ROOT)} as shipped, but for the "
                         f"addresses, and {FASTER} times as fast:")
        for name, changes in self.shortened.items():
            for index, text in enumerate(textwrap.wrap(", ".join(changes), COLUMNS - 20)):
                line(self.screen.paint("dim", f"    {'' if index else name:<13} {text}"))
        self.screen.text(f"To keep the proportions, each device speaks every "
                         f"{plant.PERIOD_S * 1000:.0f} ms instead of every second.")
        line()

    def poll(self, timeout_s):
        """Takes what the subscribers got, and tells what is due of the story."""
        for key, _ in self.selector.select(timeout_s):
            data = key.fileobj.read() or b""
            *lines, self.rest[key.fileobj] = (self.rest[key.fileobj] + data).split(b"\n")
            for line in lines:
                topic, payload = line.decode().split("\t", 1)
                key.data(topic, bytes.fromhex(payload))
            if not data:
                raise Problem("a subscriber has lost its broker")
        while self.story and self.screen.clock() >= self.story[0][0]:
            at, text = self.story.pop(0)
            self.screen.tell("plant", "plant", text)
            if at % plant.CYCLE_S in (plant.FAULT_S, plant.REPAIR_S):
                self.story.append((at + plant.CYCLE_S, text))

    def take_alert(self, _, payload):
        alert = json.loads(payload)
        self.alerts.append(alert)
        colour = "ok" if alert["event"] == "cleared" else alert["level"]
        value = f"{number(alert['value'])} {alert.get('unit', '')}".rstrip()
        self.screen.tell(colour, "ALERT",
                         f"{alert['event']:<8} {alert['rule']}, {alert['series']}: "
                         f"{alert['field']} {value}, limit {number(alert['limit'])}")
        if alert["event"] == "raised":
            text = f"{alert['level']}: {alert.get('message', '')}".rstrip(": ")
            self.screen.line(" " * 28 + self.screen.paint("dim", text))

    def decode(self, payload):
        """A batch through `weir decode`: its ledger and its summaries. Names come with the first
        batches, so all are read again."""
        self.payloads.append(payload)
        done = subprocess.run([WEIR, "decode"], input=b"".join(self.payloads), capture_output=True,
                              check=False, timeout=20)
        if done.returncode != 0:
            raise Problem(f"weir decode ended with {done.returncode}: {done.stderr.decode()}")
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        ledger = lines[-1]
        return ledger, [line for line in lines
                        if line["type"] == "summary" and line["seq"] == ledger["seq"]]

    def take_batch(self, topic, payload):
        batch, rows = self.decode(payload)
        self.batches.append(batch)
        for row in rows:
            # A revision stands for the summary that it revises.
            self.counts[row["stream"], row["series"], row["field"], row["start"]] = row["count"]
        up = packet_bytes(topic, payload)
        self.bytes_up += up
        self.screen.line()
        self.screen.tell("batch", f"BATCH {batch['seq']}",
                         f"{len(rows)} summaries in {up:,} bytes; up to now "
                         f"{self.plant.client.byte_count:,} bytes came in and "
                         f"{self.bytes_up:,} went up")
        self.show_rows(rows)

    def show_rows(self, rows):
        def interest(row):
            name = (row["series"], row["field"])
            rank = INTERESTING.index(name) if name in INTERESTING else len(INTERESTING)
            return (-row["revision"], rank, row["stream"], row["series"], row["field"],
                    row["start"])

        shown = sorted(rows, key=interest)[:ROWS_SHOWN]
        head = (f"    {'stream':<9}{'series':<16}{'field':<12}{'window':<16}{'count':>5}"
                f"{'min':>8}{'mean':>8}{'max':>8}{'last':>8}  unit")
        self.screen.line(self.screen.paint("dim", head))
        for row in shown:
            start = time.strftime("%H:%M:%S", time.localtime(row["start"] / 1000))
            window = f"{start} + {print_duration(row['end'] - row['start'])}"
            values = "".join(f"{number(row[key]):>8}" for key in ("min", "mean", "max", "last"))
            mark = "*" if row["revision"] else " "
            self.screen.line(f"  {mark} {row['stream']:<9}{row['series']:<16}{row['field']:<12}"
                             f"{window:<16}{row['count']:>5}{values}  {row.get('unit', '')}"
                             .rstrip())
        notes = [f"... and {len(rows) - len(shown)} more"] if len(rows) > len(shown) else []
        if any(row["revision"] for row in shown):
            notes.append("* sent before, and revised")
        self.screen.line(self.screen.paint("dim", f"    {'; '.join(notes)}"))
        self.screen.line()

    def watch(self, seconds):
        """Shows what happens, for so long."""
        while self.screen.clock() < seconds:
            self.poll(0.1)
            self.check_weir()
            if self.plant.broken:
                raise Problem(f"the plant has lost its broker: {self.plant.broken}")

    def explain_keep(self):
        self.screen.line()
        self.screen.text("It stays up until Ctrl-C. To look for yourself, in another terminal:")
        for port, topic, what in (
                (self.gateway_port, "plant/#", "what the devices say"),
                (self.gateway_port, "weir/v1/#", "alerts, live values, status"),
                (self.cloud_port, "weir/v1/+/batch", "what goes up")):
            command = f"mosquitto_sub -p {port} -v -t '{topic}'"
            self.screen.line(f"    {command:<52} {self.screen.paint('dim', '# ' + what)}")
        self.screen.line(f"    mosquitto_sub -p {self.cloud_port} -t 'weir/v1/+/batch' | "
                         f"{min(os.path.relpath(WEIR), WEIR, key=len)} decode --to csv")
        self.screen.line()

    def stop(self):
        """Ends plant and weir in good order, and sees to the last batch."""
        self.lasted_s = self.screen.clock()
        self.screen.tell("plant", "plant", "everything is switched off; weir sends what it has")
        self.plant.stop()
        # What the broker took last may still be on its way from there to weir.
        self.watch(self.screen.clock() + 1.5)
        status = self.processes.stop(self.weir)
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline and (
                not self.batches or self.batches[-1]["open"] > 0):
            self.poll(0.1)
        if status != 0:
            raise Problem(f"weir ended with {status}; it said:\n{self.log()}")

    def check(self):
        """Each claim, and whether it held."""
        ledger = self.batches[-1] if self.batches else None
        overheat = [alert["event"] for alert in self.alerts
                    if alert["rule"] == "boiler-overheat" and alert["series"] == plant.FAULTY]
        # With --keep the curtain may fall before the story is told.
        told = self.lasted_s >= SECONDS
        if told:
            yield "the fault raised an alert", "raised" in overheat
            yield "its repair cleared it", "cleared" in overheat
        yield f"{len(self.batches)} batches arrived, numbered without a gap", bool(
            self.batches and [batch["seq"] for batch in self.batches]
            == list(range(1, len(self.batches) + 1)))
        if not ledger:
            return
        client = self.plant.client
        yield f"the plant sent {client.message_count:,} messages: none is missing", (
            ledger["received"] == client.message_count)
        yield f"{self.plant.garbled_count} of them were garbage: each was noticed", (
            ledger["malformed"] == self.plant.garbled_count)
        summarised = sum(self.counts.values())
        yield (f"the summaries in the cloud stand for {summarised:,} values: all that weir "
               "summarised"), summarised == ledger["summarised"]
        if told:
            yield (f"{ledger['clock_ahead']:,} messages of a wrong clock and {ledger['late']} late "
                   "values were put right"), ledger["clock_ahead"] > 0 and ledger["late"] > 0

    def show_equation(self, name, total, parts, ledger):
        """total = the sum of its parts, in words and numbers. True when it holds."""
        widths = [max(len(part.replace("_", " ")), len(f"{ledger[part]:,}")) for part in parts]
        words = " + ".join(f"{part.replace('_', ' '):>{width}}"
                           for part, width in zip(parts, widths))
        numbers = " + ".join(f"{ledger[part]:>{width},}" for part, width in zip(parts, widths))
        holds = ledger[total] == sum(ledger[part] for part in parts)
        verdict = self.screen.paint("ok", "balanced") if holds else \
            self.screen.paint("critical", "NOT BALANCED")
        self.screen.line(self.screen.paint("dim", f"    {name:<9}{total:>9} = {words}"))
        self.screen.line(f"    {'':<9}{ledger[total]:>9,} = {numbers}   {verdict}")
        return holds

    def conclude(self):
        """The ledger and the claims. True when all is as it should be."""
        good = True
        self.screen.line()
        if self.batches:
            ledger = self.batches[-1]
            self.screen.line(f"  {self.screen.paint('bold', 'The ledger')} that came with batch "
                             f"{self.batches[-1]['seq']}: where everything went")
            self.screen.line()
            good &= self.show_equation("messages", "received",
                                       ("accepted", "unmatched", "oversize", "malformed"), ledger)
            good &= self.show_equation("values", "samples",
                                       ("summarised", "open", "late_dropped", "invalid",
                                        "over_budget"), ledger)
            self.screen.line()
            came = self.plant.client.byte_count
            self.screen.line(f"    {came:,} bytes of MQTT came in, {self.bytes_up:,} went up: "
                             f"{100 * self.bytes_up / came:.1f} %")
            self.screen.line()
        for claim, held in self.check():
            mark = self.screen.paint("ok", "yes") if held else self.screen.paint("critical", "NO ")
            self.screen.line(f"    {mark}  {claim}")
            good &= held
        self.screen.line()
        return good


def interrupt(number, frame):
    raise KeyboardInterrupt


def show(demo, keep):
    """The whole demonstration. True when all went well."""
    demo.start()
    if keep:
        demo.explain_keep()
        try:
            demo.watch(float("inf"))
        except KeyboardInterrupt:
            demo.screen.line()
    else:
        demo.watch(SECONDS)
    demo.stop()
    return demo.conclude()


def main():
    parser = argparse.ArgumentParser(description="Shows weir at work; see the head of this file.")
    parser.add_argument("--keep", action="store_true", help="stay up until Ctrl-C")
    options = parser.parse_args()
    missing = [name for name, path in (
        ("mosquitto", MOSQUITTO), ("mosquitto_sub", shutil.which("mosquitto_sub")),
        (WEIR, shutil.which(WEIR))) if not path]
    if missing:
        sys.exit(f"demo: there is no {' and no '.join(missing)}")
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, interrupt)
    processes = Processes()
    status = 1
    with tempfile.TemporaryDirectory(prefix="weir-demo-") as directory:
        try:
            demo = Demo(Screen(), processes, pathlib.Path(directory))
            status = 0 if show(demo, options.keep) else 1
        except Problem as problem:
            print(f"\ndemo: {problem}", file=sys.stderr)
        except KeyboardInterrupt:
            print("\ndemo: interrupted", file=sys.stderr)
            status = 130
        finally:
            for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(name, signal.SIG_IGN)
            processes.finish()
    sys.exit(status)


main()
