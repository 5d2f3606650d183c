"""The long versions: kill rounds for half the time, a steady load for the other half, whose memory
slope is printed. ./dev soak [SECONDS]; an hour by default.
"""

import os
import pathlib
import sys
import time

SECONDS = int(sys.argv.pop(1)) if len(sys.argv) > 1 and sys.argv[1].isdigit() else 3600
ROUND_S = 1.7  # what a round of test_kill takes on average
os.environ["WEIR_SOAK_ROUNDS"] = str(max(5, int(SECONDS / 2 / ROUND_S)))

import faults  # noqa: E402  (reads the rounds)
import test_kill as kill  # noqa: E402
from harness import equal  # noqa: E402

SAMPLE_S = 10


def resident_kib(process):
    for line in pathlib.Path(f"/proc/{process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0


def slope(points):
    """Least squares, in units of the second coordinate an hour."""
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    rise = sum((x - mean_x) * (y - mean_y) for x, y in points)
    return rise / spread * 3600 if spread else 0.0


def test_kill_rounds(bench):
    """kill -9 at any moment loses nothing that was acknowledged and counts nothing twice."""
    kill.test_kill(bench)


def test_steady(bench):
    """A steady 1,000 messages/s is accounted for to the last one; the memory slope is above."""
    site = kill.Site(bench)
    site.load.start()
    begin, points = time.monotonic(), []
    while (now := time.monotonic() - begin) < SECONDS / 2:
        points.append((now, resident_kib(site.weir.process)))
        time.sleep(min(SAMPLE_S, max(SECONDS / 2 - now, 0.1)))
    print(f"      VmRSS {points[0][1]} KiB at the start, {points[-1][1]} KiB at the end, "
          f"{slope(points[len(points) // 10:]):+.0f} KiB/hour over {len(points)} samples")
    site.settle()
    epochs = kill.expect_account(site.load, site.batches, site.alerts)
    equal(len(epochs), 1, "epochs")


faults.main(__name__)
