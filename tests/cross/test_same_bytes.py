"""Other architectures come to the same bytes as this one: rows, alerts, and batches in both forms.

WEIR_BIN is the program of the other one, WEIR_NATIVE_BIN that of this machine; 77: there is none.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

LINES = 20_000
SERIES = 7
T0 = 1_700_000_000_000

CONFIG = """
gateway = "plant-7";
broker: { url = "mqtt://127.0.0.1:1883"; };
streams: (
  { name = "climate"; topics = [ "plant/{device}/climate" ]; format = "json";
    time = { field = "ts"; unit = "ms"; };
    fields = ( { name = "steps"; path = "steps"; }, { name = "noise"; path = "noise"; },
               { name = "wide"; path = "wide"; } );
    window = { kind = "tumbling"; size = "10s"; lateness = "3s"; late = "revise"; };
    aggregates = [ "count", "sum", "min", "max", "mean", "stddev", "first", "last", "delta", "rate",
                   "p5", "p50", "p95", "p99.9" ];
    max_series = 10; },
  { name = "power"; topics = [ "plant/{device}/power" ]; format = "number";
    fields = ( { name = "power"; } );
    window = { kind = "tumbling"; size = "1m"; };
    aggregates = [ "mean", "stddev", "rate" ]; max_series = 10; } );
alerts: (
  { name = "high"; stream = "climate"; field = "steps"; above = 24.0; deadband = 1.0; hold = "2s"; },
  { name = "steep"; stream = "climate"; field = "noise"; rate = "0.1/s"; window = "8s"; },
  { name = "spread"; stream = "climate"; field = "noise"; on = "window"; of = "stddev";
    above = 0.3; },
  { name = "apart"; stream = "climate"; field = "steps"; minus = { series = "d0"; };
    outside = [ -1.5, 1.5 ]; },
  { name = "still"; stream = "power"; silent = "30s"; } );
uplink: { url = "mqtt://127.0.0.1:1884"; every = "60s"; format = "%s"; };
"""


class Draw:
    """Knuth's MMIX generator: whole numbers, and doubles that are exact anywhere."""

    def __init__(self):
        self.state = 1

    def bits(self, count):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
        return self.state >> (64 - count)

    def fraction(self):
        return self.bits(53) / 2**53


def make_input():
    """Lines of replay's: values on a grid, of all their bits, and of any size; some of them late."""
    draw = Draw()
    steps = [2000] * SERIES
    lines = []
    for number in range(LINES):
        at = T0 + 100 * number
        device = draw.bits(16) % SERIES
        steps[device] += draw.bits(5) - 15
        if number % 5 == 0:
            topic, payload = f"plant/d{device}/power", repr(1500 * draw.fraction())
        else:
            topic = f"plant/d{device}/climate"
            payload = json.dumps({
                "ts": at - draw.bits(13) * (draw.bits(4) == 0),
                "steps": steps[device] / 100,
                "noise": 20 + draw.fraction(),
                "wide": (draw.fraction() - 0.5) * 10.0 ** (draw.bits(6) - 32)})
        lines.append(json.dumps({"topic": topic, "at": at, "payload": payload}))
    return "\n".join(lines) + "\n"


def replay(binary, config, directory):
    batches = directory / "batches"
    done = subprocess.run([binary, "replay", "-c", config, "--input", directory / "input",
                           "--batches", batches], capture_output=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{binary} ended with {done.returncode}: {done.stderr.decode()}")
    return done.stdout, batches.read_bytes()


def compare(form, here, there):
    """What is told of the first line that is not the same; None: all are."""
    for what, found, wanted in zip(("lines", "batches"), there, here):
        if found == wanted:
            continue
        for number, pair in enumerate(zip(found.splitlines(), wanted.splitlines())):
            if pair[0] != pair[1]:
                return f"{form}: {what} differ from line {number + 1} on: {pair}"
        return f"{form}: {what} differ in length: {len(found)} and {len(wanted)} bytes"
    raised = {json.loads(line).get("rule") for line in here[0].splitlines()}
    asleep = {"high", "steep", "spread", "apart", "still"} - raised
    return f"{form}: the input does not raise {asleep}" if asleep else None


def main():
    native = os.environ.get("WEIR_NATIVE_BIN")
    if not native:
        print("skipped: WEIR_NATIVE_BIN names no program of this machine; ./dev cross builds one")
        sys.exit(77)
    with tempfile.TemporaryDirectory() as name:
        directory = pathlib.Path(name)
        (directory / "input").write_text(make_input())
        for form in ("json", "compact"):
            config = directory / f"{form}.conf"
            config.write_text(CONFIG % form)
            problem = compare(form, replay(native, config, directory),
                              replay(os.environ["WEIR_BIN"], config, directory))
            if problem:
                sys.exit(problem)
            print(f"ok: {form}")


main()
