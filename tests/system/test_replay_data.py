#!/usr/bin/python3
"""Published sensor data through replay, against the reference.

WEIR_SHARED_DATA names the folder that holds the data sets nab, room-climate and skab; what is not
there is skipped, and with none of it the exit status is 77.
"""

import csv
import gzip
import json
import os
import pathlib
import sys
import tempfile
import traceback
from datetime import datetime, timezone

from reference import AGGREGATES, field, stream
from test_replay import BINARY, Bench, check_replay, expect

DATA = pathlib.Path(os.environ.get("WEIR_SHARED_DATA", "/nonexistent"))

# Every so many files are read: all of them take the reference minutes.
FILE_STEP = 8

MINUTE = 60_000

ALL = AGGREGATES + ["p1", "p10", "p50", "p95", "p99", "p99.9"]


def utc_ms(text):
    moment = datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=timezone.utc)
    return int(moment.timestamp()) * 1000


def message(topic, at, body):
    return json.dumps({"topic": topic, "at": at, "payload": json.dumps(body)}) + "\n"


def nab(folder):
    """One value every five minutes, some readings missing, hours at a time."""
    path = folder / "realKnownCause" / "machine_temperature_system_failure.csv"
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    lines = []
    for row in rows:
        time_ms = utc_ms(row["timestamp"])
        lines.append(message("machines/press/temperature", time_ms + 150,
                             {"time": row["timestamp"].replace(" ", "T") + "Z",
                              "value": float(row["value"])}))
    machines = stream("machines", ["machines/{machine}/temperature"],
                      [field("value", unit="Fah", min=-50.0, max=300.0)], 60 * MINUTE,
                      time=("time", "iso8601"), lateness=10 * MINUTE, idle=120 * MINUTE,
                      aggregates=ALL)
    return [machines], "".join(lines)


def room_climate(folder):
    """Four nodes whose readings arrive mixed, every four seconds each."""
    lines = []
    for path in sorted(folder.glob("*.csv.gz"))[::FILE_STEP]:
        with gzip.open(path, "rt", newline="") as file:
            for row in csv.reader(file, skipinitialspace=True):
                time_ms = int(row[1])
                body = {"t": time_ms, "temp": float(row[4]), "env": {"rh": float(row[5])},
                        "light": [float(row[6]), row[7]]}
                lines.append(message(f"room/a/node{int(row[3])}", time_ms + int(row[0]) % 700, body))
    rooms = stream("rooms", ["room/{room}/{node}"],
                   [field("temp", unit="Cel"), field("humidity", "env.rh", unit="%RH"),
                    field("light", "light.0"), field("light2", "light.1")],
                   MINUTE, time=("t", "ms"), lateness=2000, idle=2 * MINUTE, revise=True, held=2,
                   aggregates=ALL)
    arrived = stream("arrived", ["room/+/{node}"], [field("temp"), field("light", "light.1")],
                     10 * MINUTE, aggregates=ALL)
    return [rooms, arrived], "".join(lines)


def skab(folder):
    """Eight channels of a pump, every second; each file is a series."""
    lines = []
    for path in sorted(folder.glob("valve1-*.csv.gz"))[::2]:
        with gzip.open(path, "rt", newline="") as file:
            for row in csv.DictReader(file, delimiter=";"):
                time_ms = utc_ms(row.pop("datetime"))
                body = {"at": time_ms // 1000, "channels": {key: float(value)
                                                            for key, value in row.items()}}
                lines.append((time_ms, message(f"pump/{path.name.split('.')[0]}/raw", time_ms, body)))
    names = ["Accelerometer1RMS", "Accelerometer2RMS", "Current", "Pressure", "Temperature",
             "Thermocouple", "Voltage", "Volume Flow RateRMS"]
    pump = stream("pump", ["pump/{bench}/raw"],
                  [field(f"c{i}", f'channels."{name}"') for i, name in enumerate(names)],
                  100_000, time=("at", "s"), lateness=0, idle=30_000, aggregates=ALL)
    return [pump], "".join(text for _, text in sorted(lines, key=lambda one: one[0]))


def check_set(name, make):
    streams, text = make(DATA / name)
    with tempfile.TemporaryDirectory(prefix="weir-replay-") as folder:
        objects, stderr = check_replay(Bench(folder), streams, text)
    ledger = objects[-1]
    expect(stderr == "" and ledger["malformed"] == 0 and ledger["unmatched"] == 0,
           f"every line is a message: {ledger}, {stderr[:500]}")
    expect(ledger["summaries"] > 100, "there is something to compare")
    print(f"ok      {name}: {ledger['received']:.0f} messages, {ledger['samples']:.0f} values, "
          f"{ledger['summaries']:.0f} summaries")


def main():
    if not os.access(BINARY, os.X_OK):
        print(f"{BINARY} is not there")
        sys.exit(77)
    sets = {"nab": nab, "room-climate": room_climate, "skab": skab}
    failures = 0
    skipped = 0
    for name, make in sets.items():
        if not (DATA / name).is_dir():
            print(f"skipped {name}: not in {DATA}")
            skipped += 1
            continue
        try:
            check_set(name, make)
        except Exception:  # the other sets are still looked at
            failures += 1
            print(f"FAILED  {name}")
            traceback.print_exc(file=sys.stdout)
    if failures:
        sys.exit(1)
    sys.exit(77 if skipped == len(sets) else 0)


if __name__ == "__main__":
    main()
