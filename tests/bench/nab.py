#!/usr/bin/python3
"""Rules that know nothing but the beginning, held against the anomalies that people marked.

    nab.py [--data DIR] [--markdown]

The data are 20 series of the Numenta Anomaly Benchmark, found through WEIR_SHARED_DATA; without
them the script says `skipped` and exits with 77. Each series becomes a recording that `weir replay` runs
under four rules, whose limits follow from the first 15 % of the series, which NAB too keeps for
learning, by one method that never looks at the labels:

range      a sample outside [min, max] of that part, widened on each side by a quarter of its span,
           or by 5 % of the value where it has none
mean       the mean of a window of 12 samples outside the same, found from such means
rise, fall the slope over 12 samples beyond twice the steepest one of that part, in either
           direction; left out where nothing moved in that part

All of them with a deadband of a twentieth of the span. An anomaly is found when any rule is raised
inside its window; what is raised elsewhere behind the first 15 % is false.
"""

import argparse
import csv
import datetime
import json
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.environ.get("WEIR_BIN", str(ROOT / "build" / "release" / "weir"))
SHARED = os.environ.get("WEIR_SHARED_DATA", str(ROOT.parent / "shared" / "data"))
DATA = pathlib.Path(SHARED) / "nab"

LEARNT = 0.15
SAMPLES = 12
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS

RULES = ("range", "mean", "rise", "fall")

CONFIG = """gateway = "nab";
streams: ( {{ name = "nab"; topics = [ "nab" ]; time = {{ field = "ts"; }};
    fields = ( {{ name = "value"; path = "v"; }} ); window = {{ size = "{window_ms}ms"; }}; }} );
alerts: ( {alerts} );
"""


def time_ms(text):
    return round(datetime.datetime.fromisoformat(text).replace(
        tzinfo=datetime.timezone.utc).timestamp() * 1000)


def read(path):
    with open(path, newline="", encoding="ascii") as file:
        return [(time_ms(row["timestamp"]), float(row["value"])) for row in csv.DictReader(file)]


def usual_interval(samples):
    gaps = sorted(later[0] - earlier[0] for earlier, later in zip(samples, samples[1:]))
    return max(gaps[len(gaps) // 2], 1)


def window_means(samples, window_ms):
    windows = {}
    for when, value in samples:
        windows.setdefault(when // window_ms, []).append(value)
    return [sum(values) / len(values) for values in windows.values()]


def slopes(samples, window_ms):
    """Least squares, an hour, over what lies in the window behind each sample."""
    for index, (end, _) in enumerate(samples):
        part = [one for one in samples[max(0, index - 4 * SAMPLES):index + 1]
                if end - window_ms < one[0] <= end]
        if len(part) < 3 or part[-1][0] - part[0][0] < window_ms / 2:
            continue
        middle = sum(when for when, _ in part) / len(part)
        mean = sum(value for _, value in part) / len(part)
        spread = sum((when - middle) ** 2 for when, _ in part)
        yield sum((when - middle) * (value - mean) for when, value in part) / spread * HOUR_MS


def widened(values):
    low, high = min(values), max(values)
    margin = (high - low) / 4 or abs(high) * 0.05 or 1
    return low - margin, high + margin


def make_config(learnt, window_ms):
    values = [value for _, value in learnt]
    deadband = (max(values) - min(values)) / 20
    steepest = 2 * max((abs(slope) for slope in slopes(learnt, window_ms)), default=0)
    common = 'stream = "nab"; field = "value"; level = "warning"; flap = "off"; storm = "off";'

    def outside(name, limits, more):
        return (f'{{ name = "{name}"; {common} outside = [ {limits[0]:.9f}, {limits[1]:.9f} ]; '
                f"deadband = {deadband:.9f}; {more} }}")

    alerts = [outside("range", widened(values), ""),
              outside("mean", widened(window_means(learnt, window_ms)), 'of = "mean";')]
    if steepest > 0:
        alerts += [f'{{ name = "{name}"; {common} rate = "{sign}{steepest:.9f}/h"; '
                   f'window = "{window_ms}ms"; deadband = {steepest / 20:.9f}; }}'
                   for name, sign in (("rise", ""), ("fall", "-"))]
    return CONFIG.format(window_ms=window_ms, alerts=", ".join(alerts))


def replay(folder, config, samples):
    """When each rule was raised."""
    path = pathlib.Path(folder) / "weir.conf"
    path.write_text(config)
    capture = "".join(json.dumps({"topic": "nab", "at": when, "payload": {"ts": when, "v": value}})
                      + "\n" for when, value in sorted(samples, key=lambda one: one[0]))
    done = subprocess.run([BINARY, "replay", "-c", str(path)], input=capture, text=True,
                          capture_output=True, check=False, timeout=600)
    if done.returncode != 0:
        raise SystemExit(f"replay: {done.stderr}\n{config}")
    lines = (json.loads(line) for line in done.stdout.splitlines() if '"type":"alert"' in line)
    return [(line["rule"], line["ts"]) for line in lines if line["event"] == "raised"]


def judge(path, labels, folder):
    """A row: days, anomalies, those found, false raises, and both of the latter by rule."""
    samples = read(path)
    learnt = samples[:int(len(samples) * LEARNT)]
    from_ms = learnt[-1][0]
    windows = [(time_ms(begin), time_ms(end)) for begin, end in labels if time_ms(end) > from_ms]
    raised = [one for one in replay(folder, make_config(learnt, SAMPLES * usual_interval(samples)),
                                    samples) if one[1] > from_ms]

    def count(rules):
        times = [when for rule, when in raised if rule in rules]
        found = sum(any(begin <= when <= end for when in times) for begin, end in windows)
        return found, sum(not any(begin <= when <= end for begin, end in windows)
                          for when in times)

    return {"name": path.stem, "days": (samples[-1][0] - from_ms) / DAY_MS,
            "anomalies": len(windows), "all": count(RULES),
            "rules": {rule: count((rule,)) for rule in RULES}}


def add(name, rows):
    def total(pairs):
        return tuple(map(sum, zip(*pairs)))

    return {"name": name, "days": sum(row["days"] for row in rows),
            "anomalies": sum(row["anomalies"] for row in rows),
            "all": total(row["all"] for row in rows),
            "rules": {rule: total(row["rules"][rule] for row in rows) for rule in RULES}}


def show(rows, markdown):
    head = ["series", "days", "anomalies", "found", "false raises a day",
            *(f"{rule}: found, false" for rule in RULES)]
    table = [head] + [[row["name"], f"{row['days']:.0f}", str(row["anomalies"]), str(row["all"][0]),
                       f"{row['all'][1] / row['days']:.2f}",
                       *("{}, {}".format(*row["rules"][rule]) for rule in RULES)] for row in rows]
    if markdown:
        table.insert(1, ["---"] * len(head))
        for line in table:
            print("| " + " | ".join(line) + " |")
        return
    widths = [max(map(len, column)) for column in zip(*table)]
    for line in table:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip())


def main():
    parser = argparse.ArgumentParser(description="NAB's series under rules that `weir` replays")
    parser.add_argument("--data", type=pathlib.Path, default=DATA)
    parser.add_argument("--markdown", action="store_true", help="the table as README has it")
    options = parser.parse_args()
    if not (options.data / "labels" / "combined_windows.json").exists():
        print(f"skipped: there is no {options.data}")
        sys.exit(77)
    labels = json.loads((options.data / "labels" / "combined_windows.json").read_text())
    rows = []
    with tempfile.TemporaryDirectory(prefix="weir-nab-") as folder:
        for group in ("realKnownCause", "artificialWithAnomaly", "artificialNoAnomaly"):
            part = [judge(path, labels[f"{group}/{path.name}"], folder)
                    for path in sorted((options.data / group).glob("*.csv"))]
            rows += part if group == "realKnownCause" else [add(f"{group}, {len(part)} series", part)]
    show([*rows, add("all", rows)], options.markdown)


main()
