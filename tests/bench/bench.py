#!/usr/bin/python3
"""Measures weir against the figures it is held to, on this machine, against brokers of its own.

    bench.py --build DIR [--fast DIR] [--qos 0|1] [--rounds N] [--seconds N] [NAME ...]

Names: engine, alert, batch, sketch, collect, cpu, peer, journal, memory, latency; without one, all of
them.

engine   the engine alone, no broker
alert    what a rule costs a sample, 10,000 rules on series, over the same engine without rules
batch    bytes of a summary in compact form, over JSON with zstd, over the samples' messages; its time
sketch   a sample into a sketch for quantiles, over one into the moments; its largest error
collect  CPU to receive a row of a compact batch of 1,000 and store it in SQLite, both on disk
cpu      CPU a message of `weir run` over that of a subscriber on the same paho that discards
peer     the same, weir on the fast paho over a libmosquitto subscriber that discards
journal  the log: CPU in memory and on disk, bytes written, the speed of a restart
memory   resident memory with 1,000 devices of two fields, an uplink attached
latency  from a sample beyond the limit to the alert event, beside the bare round trip

What is compared runs in turn, A B A B, and the median counts: machines drift, ratios hold. Exit
status 1 when a row misses what is required or could not be measured.
"""

import argparse
import csv
import gzip
import math
import json
import os
import pathlib
import select
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

import series

# name: (unit, required, goal); lower is better.
FIGURES = {
    "engine": ("ns a message", 333, 125),
    "engine series": ("x at 100 series", 3.0, 3.0),
    "engine batches": ("ns a message", math.inf, math.inf),
    **{f"batch {name}": ("bytes a row", required, goal)
       for name, (_, _, required, goal) in series.SETS.items()},
    **{f"batch {name} sketch": ("bytes a row", math.inf, math.inf) for name in series.SETS},
    "batch over zstd": ("x JSON, zstd -19", 0.45, 0.45),
    "batch to messages": ("bytes/KB of MQTT", 1000 / 150, 1000 / 150),
    "batch time": ("ns a value", 100, 100),
    "sketch": ("ns a sample", 10, 10),
    "sketch ratio": ("x moments", math.inf, math.inf),
    "sketch error": ("% of the span", 1.0, 1.0),
    "alert": ("ns a rule", 15, 8),
    "collect": ("ns a row", 1e9 / 300_000, 2500),
    "cpu 5000/s": ("x bare paho", 1.25, 1.10),
    "cpu 20000/s": ("x bare paho", 1.25, 1.10),
    "peer 5000/s": ("x libmosquitto", 1.3, 1.1),
    "peer 20000/s": ("x libmosquitto", 1.3, 1.1),
    "journal memory": ("x without", 1.05, 1.05),
    "journal disk": ("x in memory", 1.15, 1.15),
    "journal bytes": ("KB/1000 messages", 150, 150),
    "recovery": ("ns a message", 1000, 1000),
    "memory storage": ("KiB beside ring", 9216, 6144),
    "memory VmRSS": ("KiB", 8192, 5120),
    "memory VmHWM": ("KiB", 8192, 5120),
    "latency median": ("x round trip", 2.5, 2.5),
    "latency p99": ("x round trip", 2.5, 2.5),
}

# Published series: not ours, used where they are.
SHARED_DATA = pathlib.Path(os.environ.get(
    "WEIR_SHARED_DATA", pathlib.Path(__file__).resolve().parents[2] / ".." / "shared" / "data"))

RATES = (5000, 20000)
DEVICES = 1000

WARM_UP_S = 3

# Long enough for the first snapshots of the default journal.
WRITE_S = 60

# Longer than the schedule of batches, 60 s.
MEMORY_S = 70

# weir publishes its ledger every ten seconds.
INFO_WAIT_S = 12

# Nagle's algorithm would hold back small packets to a receiver that has nothing to send, and
# measure the tools instead of what is between them; no queue limit, so that what is sent arrives.
BROKER_CONFIG = """
listener {port} 127.0.0.1
allow_anonymous true
persistence false
set_tcp_nodelay true
max_queued_messages 0
max_inflight_messages 1000
log_type error
"""

WEIR_CONFIG = """
gateway = "bench";
broker: {{ url = "mqtt://127.0.0.1:{port}"; }};
streams: (
  {{ name = "climate";
    topics = [ "sensors/{{device}}/telemetry" ];
    qos = {qos};
    format = "json";
    time = {{ field = "ts"; unit = "ms"; }};
    fields = ( {{ name = "temperature"; path = "temperature"; }},
               {{ name = "humidity"; path = "humidity"; }} );
    window = {{ kind = "tumbling"; size = "10s"; lateness = "2s"; }};
    aggregates = [ "count", "min", "max", "mean", "stddev" ];
    max_series = {series}; }} );
alerts: (
  {{ name = "overheat"; stream = "climate"; field = "temperature"; above = 85.0;
    level = "critical"; }} );
{uplink}
"""

UPLINK_CONFIG = 'uplink: {{ url = "mqtt://127.0.0.1:{port}"; every = "60s"; }};'


class Unmeasured(Exception):
    """A row that could not be had, and why."""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_port(port, process):
    for _ in range(100):
        if process.poll() is not None:
            break
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise Unmeasured(f"nothing listens on port {port}")


def parse_pairs(line):
    """name=number pairs of a tool's last line."""
    return {name: float(value) for name, value in
            (pair.split("=", 1) for pair in line.split() if "=" in pair)}


def cpu_ns(pid):
    """CPU time of a process so far, summed over its threads."""
    total = 0
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        total += int((task / "schedstat").read_text().split()[0])
    return total


def resident_kib(pid):
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    values = dict(line.split(":", 1) for line in lines if ":" in line)
    return {name: int(values[name].split()[0]) for name in ("VmRSS", "VmHWM")}


class Bench:
    """The processes of one run; whatever happens, finish ends those it started."""

    def __init__(self, options, directory):
        self.options = options
        self.directory = pathlib.Path(directory)
        self.processes = []
        self.port = self.start_broker()

    def start(self, command, **more):
        process = subprocess.Popen(command, text=True, **more)
        self.processes.append(process)
        return process

    def stop(self, process, wait_s=10):
        process.send_signal(signal.SIGTERM)
        try:
            output = process.communicate(timeout=wait_s)[0]
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise Unmeasured(f"{process.args[0]} did not end within {wait_s} s") from None
        finally:
            self.processes.remove(process)
        return output or ""

    def finish(self):
        for process in self.processes:
            process.kill()
            process.wait()

    def start_broker(self):
        port = free_port()
        path = self.directory / f"mosquitto-{port}.conf"
        path.write_text(BROKER_CONFIG.format(port=port))
        mosquitto = "/usr/sbin/mosquitto"
        if not os.access(mosquitto, os.X_OK):
            sys.exit("bench: mosquitto is not installed")
        wait_port(port, self.start([mosquitto, "-c", str(path)]))
        return port

    def tool(self, name, build=None):
        path = pathlib.Path(build or self.options.build) / "tests" / "bench" / name
        if not path.exists():
            raise Unmeasured(f"{path} is not built")
        return str(path)

    def start_baseline(self, name):
        process = self.start([self.tool(name), "--port", str(self.port), "--qos",
                              str(self.options.qos)], stdout=subprocess.PIPE)
        if process.stdout.readline().strip() != "ready":
            raise Unmeasured(f"{name} did not get ready")
        return process

    def start_weir(self, build, uplink=""):
        binary = pathlib.Path(build) / "weir"
        if not binary.exists():
            raise Unmeasured(f"{binary} is not built")
        config = self.directory / "weir.conf"
        config.write_text(WEIR_CONFIG.format(port=self.port, qos=self.options.qos,
                                             series=DEVICES + 1, uplink=uplink))
        self.clear_status()
        process = self.start([str(binary), "run", "-c", str(config)], stderr=subprocess.DEVNULL)
        self.wait_online()
        return process

    def clear_status(self):
        """Takes the retained status of an earlier run away, so that online means this one."""
        subprocess.run(["mosquitto_pub", "-p", str(self.port), "-t", "weir/v1/bench/status", "-r",
                        "-n"], check=True)

    def wait_online(self):
        run = subprocess.run(["mosquitto_sub", "-p", str(self.port), "-t", "weir/v1/bench/status",
                              "-C", "1", "-W", "10"], capture_output=True, text=True, check=False)
        if run.stdout.strip() != "online":
            raise Unmeasured("weir did not come online within 10 s")
        # The status goes out beside the subscriptions, not after them.
        time.sleep(1)

    def load(self, rate, seconds, *more):
        run = subprocess.run([self.tool("bench_load"), "--port", str(self.port), "--rate",
                              str(rate), "--seconds", str(seconds), "--devices", str(DEVICES),
                              "--qos", str(self.options.qos), *more],
                             capture_output=True, text=True, check=False)
        if run.returncode != 0:
            raise Unmeasured(f"bench_load: {run.stderr.strip() or run.stdout.strip()}")
        return parse_pairs(run.stdout)

    def cost(self, process, rate):
        """Microseconds of CPU a message that a running subscriber takes under the load, once every
        device has been heard: with its first samples weir publishes the state of its alerts."""
        warm = self.load(rate, WARM_UP_S)["sent"]
        time.sleep(1)
        before = cpu_ns(process.pid)
        sent = self.load(rate, self.options.seconds)["sent"]
        time.sleep(0.3)
        return (cpu_ns(process.pid) - before) / 1e3 / sent, warm + sent

    def baseline_cost(self, name, rate):
        process = self.start_baseline(name)
        cost, sent = self.cost(process, rate)
        count = parse_pairs(self.stop(process))["count"]
        if count != sent:
            raise Unmeasured(f"{name} received {count:.0f} of {sent:.0f} messages")
        return cost

    def weir_cost(self, build, rate, more=""):
        process = self.start_weir(build, more)
        infos = self.start(["mosquitto_sub", "-p", str(self.port), "-t", "weir/v1/bench/info"],
                           stdout=subprocess.PIPE)
        cost, sent = self.cost(process, rate)
        received = wait_received(infos, sent)
        self.stop(infos)
        self.stop(process)
        if received < sent:
            raise Unmeasured(f"weir's ledger names {received} of {sent:.0f} messages")
        return cost


def wait_received(infos, sent):
    """What weir's ledger says it received; waits as long as an info may take to tell of it all."""
    received = -1
    text = b""
    deadline = time.monotonic() + INFO_WAIT_S
    while received < sent and time.monotonic() < deadline:
        if not select.select([infos.stdout], [], [], 0.5)[0]:
            continue
        text += os.read(infos.stdout.fileno(), 65536)
        *lines, text = text.split(b"\n")
        for line in lines:
            received = json.loads(line)["ledger"]["received"]
    return received


def cost(bench, tool, *arguments):
    run = subprocess.run([bench.tool(tool), *map(str, arguments)], capture_output=True,
                         text=True, check=False)
    if run.returncode != 0:
        raise Unmeasured(f"{tool}: {run.stderr.strip()}")
    return float(run.stdout.split()[-1])


def run_engine(bench):
    """The median of rounds that go through all the variants, so that drift meets them alike."""
    variants = {"plain": (DEVICES,), "few": (100,), "many": (100000,), "batches": (DEVICES,)}
    costs = {name: [] for name in variants}
    for _ in range(bench.options.rounds):
        for name, arguments in variants.items():
            batches = ("batches",) if name == "batches" else ()
            costs[name].append(cost(bench, "bench_engine", *arguments, 3000000, *batches))
    plain, few, many, batches = (statistics.median(costs[name]) for name in variants)
    yield "engine", plain, f"{1000 / plain:.1f} million messages/s, {DEVICES} series"
    yield "engine series", many / few, f"{many:.0f} ns at 100,000 series over {few:.0f} ns at 100"
    yield "engine batches", batches, "the same with every summary encoded into JSON batches"


def room_climate(folder):
    """Temperature, humidity and two lights of four nodes, a series behind the other."""
    series = {}
    for path in sorted(folder.glob("*.csv.gz")):
        with gzip.open(path, "rt", newline="") as file:
            for row in csv.reader(file, skipinitialspace=True):
                for column in (4, 5, 6, 7):
                    series.setdefault((row[3], column), []).append(row[column])
    return [value for name in sorted(series) for value in series[name]]


def skab(folder):
    series = {}
    for path in sorted(folder.glob("*.csv.gz")):
        with gzip.open(path, "rt", newline="") as file:
            for row in csv.DictReader(file, delimiter=";"):
                row.pop("datetime")
                for name, value in row.items():
                    series.setdefault(name, []).append(value)
    return [value for name in sorted(series) for value in series[name]]


def run_sketch(bench):
    """The generated series, and published ones where they are."""
    made = {"generated": None}
    for read in (room_climate, skab):
        folder = SHARED_DATA / read.__name__.replace("_", "-")
        if folder.is_dir():
            path = bench.directory / read.__name__
            path.write_text("\n".join(read(folder)))
            made[folder.name] = str(path)
        else:
            print(f"    skipped {folder.name}: it is not there")
    worst = ("", -1.0)
    for name, path in made.items():
        run = subprocess.run([bench.tool("bench_sketch"), *([path] if path else [])],
                             capture_output=True, text=True, check=False)
        if run.returncode != 0:
            raise Unmeasured(f"bench_sketch: {run.stderr.strip()}")
        took = parse_pairs(run.stdout)
        yield "sketch", took["sketch_ns"], f"{name}, {took['values']:.0f} values in windows of 3,600"
        yield ("sketch ratio", took["sketch_ns"] / took["moments_ns"],
               f"{name}, over {took['moments_ns']:.1f} ns")
        worst = max(worst, (name, took["error"]), key=lambda one: one[1])
    yield "sketch error", worst[1], f"the largest of p1 to p99.9 of all windows, in {worst[0]}"


def run_bench_batch(bench, text, window_ms, *options):
    run = subprocess.run([bench.tool("bench_batch"), *options, str(window_ms), "1000"], input=text,
                         capture_output=True, text=True, check=False)
    if run.returncode != 0:
        raise Unmeasured(f"bench_batch: {run.stderr.strip()}")
    return run.stdout


def zstd_bytes(json_rows):
    """What JSON rows weigh behind zstd -19, a thousand at a time."""
    lines = json_rows.splitlines(keepends=True)
    return sum(len(subprocess.run(["zstd", "-19", "-q", "-c"], check=True, capture_output=True,
                                  input="".join(lines[at:at + 1000]).encode()).stdout)
               for at in range(0, len(lines), 1000))


def run_batch(bench):
    """A thousand rows a batch of count, min, max, mean, stddev, last; names not counted."""
    over_zstd, to_messages, times = [], [], []
    for name, (_, window_ms, _, _) in series.SETS.items():
        text = series.lines(name)
        if not text:
            print(f"    batch {name}: skipped, the set is not there")
            continue
        found = [json.loads(run_bench_batch(bench, text, window_ms))
                 for _ in range(bench.options.rounds)]
        times.append(1e9 / statistics.median(one["values_per_second"] for one in found))
        found = found[0]
        yield f"batch {name}", found["bytes_per_row"], f"{window_ms // 1000} s windows"
        sketched = json.loads(run_bench_batch(bench, text, window_ms, "--sketches"))
        yield (f"batch {name} sketch", sketched["bytes_per_row"],
               f"the same with quantiles, {sketched['samples'] / sketched['rows']:.0f} samples a row")
        if window_ms == 60000:
            to_messages.append(1000 * found["bytes"] / found["message_bytes"])
        if shutil.which("zstd"):
            over_zstd.append(found["bytes"] / zstd_bytes(
                run_bench_batch(bench, text, window_ms, "--json")))
    if over_zstd:
        yield "batch over zstd", max(over_zstd), f"of {len(over_zstd)} sets the worst"
    else:
        print("    batch over zstd: skipped, there is no zstd")
    yield ("batch to messages", statistics.geometric_mean(to_messages),
           "60 s windows, the mean of " + ", ".join(f"1 : {1000 / one:.0f}" for one in to_messages))
    yield "batch time", max(times), f"of {len(times)} sets the slowest, one core"


def run_alert(bench):
    costs = [cost(bench, "bench_alert", 32, 313, 300000) for _ in range(bench.options.rounds)]
    yield "alert", statistics.median(costs), "32 rules on 313 series, nothing raised"


def run_collect(bench):
    """Spool and SQLite on disk, a commit a message and one for many: CPU is what one core has to do."""
    found = []
    for index in range(bench.options.rounds):
        directory = pathlib.Path(bench.directory) / f"collect-{index}"
        directory.mkdir()
        run = subprocess.run([bench.tool("bench_collect"), directory, "1000", "100", "1000"],
                             capture_output=True, text=True, check=False)
        if run.returncode != 0:
            raise Unmeasured(f"bench_collect: {run.stderr.strip()}")
        found.append(json.loads(run.stdout))
        shutil.rmtree(directory)
    median = {key: statistics.median(one[key] for one in found) for key in found[0]}
    yield ("collect", median["cpu_ns"],
           f"1,000 gateways of 100 series; {median['wall_ns']:.0f} ns by the clock, the disk's "
           f"{median['put_us']:.0f} us a batch included")


def compare(bench, name, build, baseline):
    for rate in RATES:
        floors, costs = [], []
        for index in range(bench.options.rounds):
            floors.append(bench.baseline_cost(baseline, rate))
            costs.append(bench.weir_cost(build, rate))
            print(f"    {name} {rate}/s round {index + 1}: {baseline} {floors[-1]:.2f} us, "
                  f"weir {costs[-1]:.2f} us a message", flush=True)
        floor, cost = statistics.median(floors), statistics.median(costs)
        yield f"{name} {rate}/s", cost / floor, f"{cost:.2f} us over {floor:.2f} us"


def run_cpu(bench):
    yield from compare(bench, "cpu", bench.options.build, "bench_baseline_paho")


def run_peer(bench):
    if not bench.options.fast:
        raise Unmeasured("there is no build over the fast paho")
    yield from compare(bench, "peer", bench.options.fast, "bench_baseline_mosquitto")


def storage_config(bench, name):
    return f'storage: {{ path = "{bench.directory}/{name}"; sync = "1s"; }};'


def run_journal(bench):
    """The log by itself, then weir with storage over weir without, at 5,000/s and 1,000/s."""
    directory = bench.directory / "log"
    directory.mkdir()
    run = subprocess.run([bench.tool("bench_journal"), "1000000", str(directory)],
                         capture_output=True, text=True, check=False)
    if run.returncode != 0:
        raise Unmeasured(f"bench_journal: {run.stderr.strip()}")
    took = parse_pairs(run.stdout)
    without, with_storage = [], []
    for index in range(bench.options.rounds):
        without.append(bench.weir_cost(bench.options.build, RATES[0]))
        with_storage.append(bench.weir_cost(bench.options.build, RATES[0],
                                            storage_config(bench, f"state{index}")))
        print(f"    journal round {index + 1}: {without[-1]:.2f} us without storage, "
              f"{with_storage[-1]:.2f} us with, a message", flush=True)
    plain, stored = statistics.median(without), statistics.median(with_storage)
    floor = plain - took["pass_ns"] / 1000
    yield "journal memory", plain / floor, f"{took['pass_ns']:.0f} ns of {plain:.2f} us"
    yield "journal disk", stored / plain, f"{stored:.2f} us over {plain:.2f} us, sync 1 s"
    yield "recovery", took["recover_ns"], (f"{1000 / took['recover_ns']:.1f} million messages/s "
                                           "from disk through the engine")
    yield from measure_writing(bench)


def written_bytes(pid):
    text = pathlib.Path(f"/proc/{pid}/io").read_text()
    return int(next(line.split()[1] for line in text.splitlines()
                    if line.startswith("write_bytes")))


def ring_kib(pid):
    """Resident part of the log's mapped ring."""
    inside, found = False, 0
    for line in pathlib.Path(f"/proc/{pid}/smaps").read_text().splitlines():
        if "-" in line.split()[0]:
            inside = line.endswith(".ring")
        elif inside and line.startswith("Rss:"):
            found += int(line.split()[1])
    return found


def measure_writing(bench):
    process = bench.start_weir(bench.options.build, storage_config(bench, "written"))
    bench.load(1000, WARM_UP_S, "--pad", "20")
    before = written_bytes(process.pid)
    sent = bench.load(1000, WRITE_S, "--pad", "20")["sent"]
    time.sleep(2)
    written = written_bytes(process.pid) - before
    resident = resident_kib(process.pid)["VmRSS"] - ring_kib(process.pid)
    bench.stop(process)
    yield "journal bytes", written / sent, f"of 100 bytes each, {WRITE_S} s at 1,000/s, sync 1 s"
    yield "memory storage", resident, f"{DEVICES} devices x 2 fields, the log's ring not counted"


def run_memory(bench):
    uplink = UPLINK_CONFIG.format(port=bench.start_broker())
    process = bench.start_weir(bench.options.build, uplink)
    bench.load(1000, MEMORY_S)
    found = resident_kib(process.pid)
    bench.stop(process)
    for name, value in found.items():
        yield f"memory {name}", value, f"{DEVICES} devices x 2 fields, {MEMORY_S} s at 1,000/s"


def run_latency(bench):
    process = bench.start_weir(bench.options.build)
    run = subprocess.run([bench.tool("bench_rtt"), "--port", str(bench.port), "--sample-topic",
                          "sensors/alarm/telemetry", "--event-filter",
                          "weir/v1/bench/alert/+/+/event", "--rounds", "800"],
                         capture_output=True, text=True, check=False)
    bench.stop(process)
    if run.returncode != 0:
        raise Unmeasured(f"bench_rtt: {run.stderr.strip()}")
    took = parse_pairs(run.stdout)
    if took["lost"] > 0:
        raise Unmeasured(f"{took['lost']:.0f} of {took['rounds']:.0f} answers were lost")
    for name in ("median", "p99"):
        bare, alert = took[f"bare_{name}_us"], took[f"alert_{name}_us"]
        yield f"latency {name}", alert / bare, f"{alert:.0f} us over {bare:.0f} us"


RUNS = {"engine": run_engine, "alert": run_alert, "batch": run_batch, "sketch": run_sketch,
        "collect": run_collect, "cpu": run_cpu, "peer": run_peer, "journal": run_journal,
        "memory": run_memory, "latency": run_latency}


def verdict(name, value):
    _, required, goal = FIGURES[name]
    if value <= goal:
        return "goal"
    return "met" if value <= required else "MISSED"


def shown(value):
    return f"{value:.0f}" if value >= 100 else f"{value:.2f}"


def report(rows, missing):
    """The table; true when every row is there and met."""
    print(f"\n{'what':<16}{'value':>10}  {'unit':<16}{'required':>9}{'goal':>8}  {'':<7} detail")
    for name, value, detail in rows:
        unit, required, goal = FIGURES[name]
        print(f"{name:<16}{shown(value):>10}  {unit:<16}{required:>9.4g}{goal:>8.4g}  "
              f"{verdict(name, value):<7} {detail}")
    for name, reason in missing:
        print(f"{name:<16}{'-':>10}  not measured: {reason}")
    return not missing and all(verdict(name, value) != "MISSED" for name, value, _ in rows)


def main():
    parser = argparse.ArgumentParser(description="Measures weir; see the head of this file.")
    parser.add_argument("--build", required=True, help="the release build")
    parser.add_argument("--fast", help="the build over the fast paho")
    parser.add_argument("--qos", type=int, choices=(0, 1), default=0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(RUNS))
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in RUNS]
    if unknown:
        parser.error(f"unknown measurement {', '.join(unknown)}; there are {', '.join(RUNS)}")

    rows, missing = [], []
    with tempfile.TemporaryDirectory(prefix="weir-bench-") as directory:
        for name in options.names or RUNS:
            print(f"{name}:", flush=True)
            bench = Bench(options, directory)
            try:
                rows += RUNS[name](bench)
            except Unmeasured as reason:
                print(f"    not measured: {reason}")
                missing.append((name, str(reason)))
            finally:
                bench.finish()
    sys.exit(0 if report(rows, missing) else 1)


main()
