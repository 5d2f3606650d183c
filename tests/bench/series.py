"""Sensor readings as lines of series, time in milliseconds and value, for bench_batch: some that are
generated, and public sets where they are."""

import calendar
import gzip
import math
import os
import pathlib
import random
import time

DATA = pathlib.Path(os.environ.get(
    "WEIR_SHARED_DATA", pathlib.Path(__file__).resolve().parents[2].parent / "shared" / "data"))


def text_lines(path):
    opened = gzip.open(path, "rt", encoding="latin-1") if path.suffix == ".gz" \
        else open(path, encoding="latin-1")
    with opened as file:
        yield from file


def epoch_ms(text, form):
    return calendar.timegm(time.strptime(text, form)) * 1000


def room():
    for path in sorted(DATA.glob("room-climate/*location_A*")):
        for line in text_lines(path):
            cells = [cell.strip() for cell in line.split(",")]
            if len(cells) < 8:
                continue
            for column, kind in ((4, "temperature"), (5, "humidity"), (6, "light1"), (7, "light2")):
                yield f"site/A/node{cells[3]}/{kind}", int(cells[1]), cells[column]


def skab():
    for pattern in ("skab/anomaly-free*", "skab/valve1*"):
        for path in sorted(DATA.glob(pattern)):
            lines = text_lines(path)
            names = [name.replace(" ", "") for name in next(lines).strip().split(";")]
            for line in lines:
                cells = line.strip().split(";")
                for column in range(1, 9):
                    yield (f"plant/pump1/{names[column]}",
                           epoch_ms(cells[0], "%Y-%m-%d %H:%M:%S"), cells[column])


def wsn():
    for path in sorted(DATA.glob("wsn-singlehop/*.txt")):
        for number, line in enumerate(text_lines(path)):
            cells = line.split()
            if number == 0 or len(cells) < 5:
                continue
            time_ms = 1278720000000 + int(cells[0]) * 5000
            yield f"field/mote{cells[1]}/humidity", time_ms, cells[2]
            yield f"field/mote{cells[1]}/temperature", time_ms, cells[3]


def power():
    for path in sorted(DATA.glob("household-power/*.txt")):
        lines = text_lines(path)
        names = next(lines).strip().split(";")
        for line in lines:
            cells = line.strip().split(";")
            if "?" in line or len(cells) < 9:
                continue
            time_ms = epoch_ms(f"{cells[0]} {cells[1]}", "%d/%m/%Y %H:%M:%S")
            for column in range(2, 9):
                yield f"home/meter/{names[column]}", time_ms, cells[column]


def generated():
    """A plant of 20 sensors that read to a tenth or a hundredth, every two seconds."""
    draw = random.Random(20)
    for step in range(21600):
        for sensor in range(20):
            wave = math.sin(step / (300 + 40 * sensor)) * (1 + sensor % 5)
            value = 20 + sensor + wave + draw.gauss(0, 0.05 * (1 + sensor % 3))
            yield (f"plant/line-{sensor % 4}/sensor{sensor}", 1700000000000 + 2000 * step,
                   f"{value:.{1 + sensor % 2}f}")


# name: (the readings, window in milliseconds, bytes a row that are required, and the goal)
SETS = {
    "room": (room, 60000, 5.0, 3.7),
    "skab": (skab, 60000, 14.0, 12.0),
    "wsn": (wsn, 60000, 3.7, 3.1),
    "power": (power, 300000, 2.8, 2.2),
    "generated": (generated, 60000, math.inf, math.inf),
}


def lines(name):
    """A set's readings, in order of series and time; empty where the set is not there."""
    found = sorted(SETS[name][0](), key=lambda reading: (reading[0], reading[1]))
    return "".join(f"{series} {time_ms} {value}\n" for series, time_ms, value in found)
