"""`weir replay --alerts`: what rules would have done, against the lines of a replay."""

import collections
import json
import os
import random
import re
import time

import harness
from harness import CLIMATE_FILTER, T0, config, equal, expect, reading

SEED = int(os.environ.get("WEIR_SEED", time.time_ns() % 10**9))
LEVELS = ("info", "warning", "critical")
COUNTED = {"raised": "raised", "escalated": "escalated", "deescalated": "deescalated",
           "cleared": "cleared", "stale": "stale", "reminder": "reminders",
           "flapping": "flapping", "storm": "storms"}

CALM = 'flap = "off"; storm = "off";'
RULES = f"""{{ name = "hot"; stream = "climate"; field = "temperature"; above = 60.0;
    deadband = 5.0; hold = "3s"; clear_delay = "4s"; level = "critical"; {CALM} }},
  {{ name = "warm"; stream = "climate"; field = "temperature"; {CALM}
    above = {{ info = 40.0; warning = 70.0; }}; }},
  {{ name = "never"; stream = "climate"; field = "temperature"; above = 120.0; {CALM} }}"""


class NoBroker:
    url = "mqtt://127.0.0.1:1883"


def write(bench, rules=RULES):
    path = bench.directory / "weir.conf"
    path.write_text(config(NoBroker, alerts=rules))
    return path


def line(seconds, value, series="a/b"):
    return json.dumps({"topic": f"plant/{series}/climate", "at": T0 + round(seconds * 1000),
                       "payload": reading(seconds, value)}) + "\n"


def walk(count):
    """A recording of a few series on a random walk."""
    generator = random.Random(SEED)
    values = collections.defaultdict(lambda: 50)
    text, seconds = "", 0
    for _ in range(count):
        seconds += generator.choice((0, 0.25, 1, 1, 7))
        series = f"north/hall {generator.randrange(5)}"
        values[series] = min(110, max(-20, values[series] + generator.randrange(-9, 10)))
        text += line(seconds, values[series], series)
    return text, T0 + round(seconds * 1000)


def replay(bench, path, text, *options):
    done = bench.run("replay", "-c", path, *options, text=text)
    equal((done.returncode, done.stderr), (0, ""), f"{options}: exit status and stderr")
    return done.stdout


def parse(text):
    return [json.loads(one) for one in text.splitlines()]


def refer(lines, end):
    """The rows that the alert lines of a replay come to."""
    rows = {}
    open_since = {}
    level_since = {}
    for event in (one for one in lines if one["type"] == "alert"):
        key = event["rule"], event["series"]
        row = rows.setdefault(key, {**dict.fromkeys(COUNTED.values(), 0), "longest_ms": 0,
                                    **{f"{level}_ms": 0 for level in LEVELS}})
        if event["event"] in COUNTED:
            row[COUNTED[event["event"]]] += 1
        if event["event"] == "raised":
            row.setdefault("first", event["ts"])
            row["last"] = event["ts"]
            open_since[key] = event["ts"]
        if key in level_since:
            level, since = level_since.pop(key)
            row[f"{level}_ms"] += event["ts"] - since
        if event["level"] != "ok":
            level_since[key] = event["level"], event["ts"]
        elif key in open_since:
            row["longest_ms"] = max(row["longest_ms"], event["ts"] - open_since.pop(key))
    for key, (level, since) in level_since.items():
        rows[key][f"{level}_ms"] += end - since
        rows[key]["longest_ms"] = max(rows[key]["longest_ms"], end - open_since[key])
    return rows


def test_the_rows_are_what_the_lines_come_to(bench):
    path = write(bench)
    text, end = walk(20000)
    print(f"seed: WEIR_SEED={SEED}")
    wanted = refer(parse(replay(bench, path, text)), end)
    found = parse(replay(bench, path, text, "--alerts", "--json"))
    rows = [row for row in found if row["type"] == "backtest"]
    equal([row["type"] for row in found[len(rows):]], ["total", "ledger"], "what comes last")
    equal([(row["rule"], row.get("series")) for row in rows],
          [(rule, series) for rule in ("hot", "warm")
           for series in sorted(key[1] for key in wanted if key[0] == rule)] + [("never", None)],
          "the rows and their order")
    for row in rows[:-1]:
        equal({key: value for key, value in row.items() if key not in ("type", "rule", "series")},
              wanted[row["rule"], row["series"]], f"the row of {row['rule']} {row['series']}")
    total = found[-2]
    for key in (*COUNTED.values(), *(f"{level}_ms" for level in LEVELS)):
        equal(total[key], sum(row[key] for row in rows), f"the total of {key}")
    equal(total["longest_ms"], max(row["longest_ms"] for row in rows), "the longest of all")
    expect(total["raised"] > 100, "there is something to count")


def test_the_table_is_aligned_and_the_same_twice(bench):
    path = write(bench)
    text, _ = walk(2000)
    table = replay(bench, path, text, "--alerts")
    equal(replay(bench, path, text, "--alerts"), table, "a second run")
    lines = table.splitlines()
    edges = [found.start() for found in re.finditer(r"(?<=  )\S", lines[0])]
    expect(all(one[edge - 1] == " " for one in lines[1:-2] for edge in edges[:1]), "series in line")
    equal(lines[0].split(), ["rule", "series", "raised", "escalated", "info", "warning", "critical",
                             "longest", "flapping", "storms", "first", "raised", "last", "raised"],
          "the head")
    equal(len({one.rindex("Z") for one in lines[1:-2] if "Z" in one}), 1, "times end in one column")
    expect(lines[-1].startswith("2000 messages from 2023-11-14T22:20:0"), f"the end: {lines[-1]}")


def test_time_counts_to_the_end_of_the_input(bench):
    path = write(bench)
    text = line(0, 20) + line(10, 70) + line(13, 70) + line(20, 50) + line(24, 50) + \
        line(30, 70) + line(40, 70) + line(41, 20, "c/d") + line(100, 20, "c/d")
    hot = parse(replay(bench, path, text, "--alerts", "--json"))[0]
    equal((hot["rule"], hot["series"], hot["raised"], hot["cleared"]), ("hot", "a/b", 2, 1),
          "counts")
    equal((hot["critical_ms"], hot["longest_ms"]), (11000 + 60000, 60000), "13 to 24, 40 to 100")
    equal((hot["first"] - T0, hot["last"] - T0), (13000, 40000), "first and last")
    table = replay(bench, path, text, "--alerts")
    expect(re.search(r"^hot +a/b +2 +0 +- +- +1m11s +1m +0 +0 +2023-11-14T22:20:13.000Z +"
                     r"2023-11-14T22:20:40.000Z$", table, re.MULTILINE), table)


def test_flapping_storms_and_silence_have_their_columns(bench):
    path = write(bench, """{ name = "flaps"; stream = "climate"; field = "temperature";
        above = 60.0; flap = { count = 2; within = "1m"; }; },
      { name = "storms"; stream = "climate"; field = "temperature"; above = 60.0;
        storm = { count = 2; within = "1m"; }; },
      { name = "stales"; stream = "climate"; field = "temperature"; above = 60.0; silent = "30s"; },
      { name = "gone"; stream = "climate"; silent = "1m"; level = "critical"; }""")
    text = "".join(line(second, 90 if second % 2 else 20) for second in range(10))
    rows = {(row["rule"], row.get("series")): row for row in
            parse(replay(bench, path, text + line(130, 20, "c/d"), "--alerts", "--json"))
            if row["type"] == "backtest"}
    equal((rows["flaps", "a/b"]["raised"], rows["flaps", "a/b"]["flapping"]), (1, 1), "flapping")
    equal((rows["storms", "a/b"]["raised"], rows["storms", "*"]["storms"]), (1, 1), "a storm")
    equal(rows["stales", "a/b"]["stale"], 1, "stale")
    gone = rows["gone", "a/b"]
    equal((gone["raised"], gone["first"] - T0, gone["critical_ms"]), (1, 69000, 61000), "silence")


def test_what_is_no_message_is_counted(bench):
    path = write(bench)
    done = bench.run("replay", "-c", path, "--alerts", text="{\n" + line(0, 999) +
                     line(1, 20).replace("plant", "other"))
    equal(done.returncode, 0, "the exit status")
    expect("stdin:1: not valid JSON" in done.stderr, done.stderr)
    equal(done.stdout.splitlines()[-1],
          "3 messages from 2023-11-14T22:20:00.000Z to 2023-11-14T22:20:01.000Z: 1 accepted, "
          "1 unmatched, 0 oversize, 1 malformed; 1 values, 1 of them invalid", "the end")
    equal(replay(bench, path, "", "--alerts").splitlines()[-1],
          "0 messages: 0 accepted, 0 unmatched, 0 oversize, 0 malformed; 0 values, "
          "0 of them invalid", "no input")


def test_json_alone_is_wrong_usage(bench):
    done = bench.run("replay", "-c", write(bench), "--json", text="")
    equal((done.returncode, done.stdout), (2, ""), "the exit status")


def test_a_journal_says_the_same(bench):
    broker = bench.broker()
    state = bench.directory / "state"
    text = config(broker, alerts=RULES, more=f'storage: {{ path = "{state}"; }};')
    weir = bench.weir(text).start_online(broker, CLIMATE_FILTER)
    broker.publish_all("plant/a/b/climate",
                       [json.dumps(reading(second, second % 90)) for second in range(500)])
    broker.wait_delivered(500)
    weir.drain()
    piped = replay(bench, weir.config_path, bench.run("journal", "cat", "--path", state).stdout,
                   "--alerts", "--json")
    equal(replay(bench, weir.config_path, None, "--alerts", "--json", "--journal", state), piped,
          "replay --journal and the pipe")
    equal([(row["rule"], row["raised"]) for row in parse(piped)[:3]],
          [("hot", 5), ("warm", 6), ("never", 0)], "the rows")


harness.main(__name__)
