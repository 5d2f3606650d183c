"""`weir test`: what passes, what fails and how that reads, and what is refused."""

import itertools
import json
import os
import pathlib
import re
import subprocess

import harness
from harness import BINARY, equal, expect

ROOT = pathlib.Path(__file__).resolve().parents[2]
DATA = pathlib.Path(os.environ.get("WEIR_TEST_DATA", str(ROOT / "tests" / "data")))

CONFIG = """gateway = "gate";
streams: (
  { name = "oven"; topics = [ "ovens/{site}/{device}/telemetry" ];
    time = { field = "env.ts"; unit = "%s"; };
    fields = ( { name = "temperature"; path = "env.t"; unit = "Cel"; invalid = [ 999.0 ]; },
               { name = "humidity"; path = "env.\\"r.h\\""; } );
    window = { size = "10s"; }; },
  { name = "power"; topics = [ "power" ]; format = "number"; fields = ( { name = "watt"; } );
    window = { size = "10s"; }; } );
alerts: (
  { name = "overheat"; stream = "oven"; field = "temperature"; above = 85.0; deadband = 3.0;
    hold = "5s"; clear_delay = "10s"; level = "critical"; },
  { name = "damp"; stream = "oven"; field = "humidity"; above = 80.0; level = "info"; },
  { name = "overload"; stream = "power"; field = "watt"; above = 1000.0; } );
"""

HOT = """{ name = "hot"; series: ( { stream = "oven"; series = "plant/dev42"; field = "temperature";
      values = "20x3 86x6 90-2x5 81x20"; } );
    expect = [ "8s overheat plant/dev42 raised critical", "23s overheat plant/dev42 cleared" ]; }"""


def run(*arguments, status=0):
    done = subprocess.run([BINARY, "test", *arguments], capture_output=True, text=True, timeout=100,
                          check=False)
    equal(done.returncode, status, f"{arguments}: exit status; {done.stdout}{done.stderr}")
    return done


def write(bench, tests, unit="ms", config=CONFIG):
    folder = pathlib.Path(bench.directory)
    (folder / "weir.conf").write_text(config % unit)
    path = folder / "weir.test"
    path.write_text(f'config = "weir.conf";\ntests: ( {tests} );\n')
    return str(path)


def test_what_is_as_expected_passes(bench):
    done = run(write(bench, HOT))
    equal(done.stdout, "ok      hot\n1 passed, 0 failed\n", "what is told")
    equal(done.stderr, "", "standard error")


def test_every_unit_of_time_says_the_same(bench):
    for unit in ("s", "ms", "us", "ns", "iso8601"):
        run(write(bench, HOT, unit))


def test_arrival_time_says_the_same(bench):
    config = re.sub(r"time = .*;\n", "", CONFIG).replace("%s", "")
    run(write(bench, HOT, "", config + "%s"))


def test_a_difference_is_shown_with_the_values_around_it(bench):
    late = HOT.replace("23s overheat", "30s overheat")
    done = run(write(bench, late), status=1)
    lines = done.stdout.splitlines()
    expect(re.fullmatch(r"FAILED  hot \(.*/weir\.test:2\)", lines[0]), f"the head: {lines[0]}")
    equal(lines[1:5], ["      8s overheat plant/dev42 raised critical",
                       "    + 23s overheat plant/dev42 cleared ok value=81",
                       "    - 30s overheat plant/dev42 cleared",
                       "    (- was expected and did not come, + came and was not expected)"],
          "the difference")
    equal(lines[5:], ['    values of "plant/dev42" in stream "oven":',
                      *(f"      {second}s temperature=81" for second in range(20, 28)),
                      "0 passed, 1 failed"], "the values")
    equal(run(write(bench, late), status=1).stdout, done.stdout, "a second run")


def test_nothing_more_and_nothing_less(bench):
    more = HOT.replace('"8s overheat plant/dev42 raised critical", ', "")
    expect("    + 8s overheat plant/dev42 raised critical value=92" not in
           run(write(bench, HOT)).stdout, "no difference")
    expect("    + 8s overheat plant/dev42 raised critical value=86\n" in
           run(write(bench, more), status=1).stdout, "one too many")
    less = HOT.replace("expect = [", 'expect = [ "2s damp plant/dev42 raised",')
    expect("    - 2s damp plant/dev42 raised\n" in run(write(bench, less), status=1).stdout,
           "one too few")
    other = HOT.replace("raised critical", "raised warning value=7")
    expect("    - 8s overheat plant/dev42 raised warning value=7\n"
           "    + 8s overheat plant/dev42 raised critical value=86\n" in
           run(write(bench, other), status=1).stdout, "another level")


def test_only_the_rules_that_are_named_count(bench):
    both = """{ name = "both"; %s
      series: ( { stream = "oven"; series = "a/b"; field = "temperature"; values = "90x7"; },
                { stream = "oven"; series = "a/b"; field = "humidity"; values = "90x7"; } );
      expect = [ "5s overheat a/b raised" ]; }"""
    run(write(bench, both % ""), status=1)
    run(write(bench, both % 'rules = [ "overheat" ];'))


def test_two_fields_travel_in_one_message(bench):
    both = """{ name = "both";
      series: ( { stream = "oven"; series = "a/b"; field = "temperature"; values = "20+1x2"; },
                { stream = "oven"; series = "a/b"; field = "humidity";
                  values = "50 null@-1s 90"; } );
      expect = [ ]; }"""
    lines = run(write(bench, both), status=1).stdout.splitlines()
    equal(lines[4:8], ["      0s temperature=20 humidity=50", "      1s temperature=21",
                       "      1s humidity=null @-1s", "      2s humidity=90"], "the messages")


def test_late_and_invalid_values_do_not_raise(bench):
    run(write(bench, """
      { name = "late"; series: ( { stream = "oven"; series = "a/b"; field = "humidity";
          values = "50x10 90@-5s 50"; } ); expect = [ ]; },
      { name = "null"; series: ( { stream = "oven"; series = "a/b"; field = "temperature";
          values = "86x5 null 999 86"; } ); expect = [ "7s overheat a/b raised value=86" ]; },
      { name = "gap"; series: ( { stream = "oven"; series = "a/b"; field = "temperature";
          values = "86 _x9 86 _x3"; } ); expect = [ "10s overheat a/b raised value=86" ]; }"""))


def test_a_stream_of_bare_numbers_without_labels(bench):
    run(write(bench, """
      { name = "power"; interval = "10s"; series: ( { stream = "power"; series = "";
          values = "999.5+0.25x5"; } ); until = "1h";
        expect = [ "30s overload '' raised warning value=1000.25" ]; }"""))


def test_json_says_it_for_programs(bench):
    path = write(bench, HOT + "," + HOT.replace("8s", "9s").replace('"hot"', '"wrong"'))
    lines = [json.loads(line) for line in run("--json", path, status=1).stdout.splitlines()]
    equal([line["type"] for line in lines], ["test", "test", "total"], "the lines")
    equal(lines[0], {"type": "test", "file": path, "line": 2, "name": "hot", "passed": True,
                     "events": 2, "differences": []}, "what passed")
    equal(lines[1]["differences"],
          [{"kind": "unexpected", "at": 8000, "rule": "overheat", "series": "plant/dev42",
            "event": "raised", "level": "critical", "value": 86},
           {"kind": "missing", "at": 9000, "rule": "overheat", "series": "plant/dev42",
            "event": "raised", "level": "critical"}], "what did not")
    equal(lines[2], {"type": "total", "passed": 1, "failed": 1}, "the total")


def test_several_files_and_another_configuration(bench):
    path = write(bench, HOT)
    other = pathlib.Path(bench.directory) / "other.conf"
    other.write_text((CONFIG % "ms").replace('hold = "5s"', 'hold = "6s"'))
    equal(run(path, path).stdout, "ok      hot\nok      hot\n2 passed, 0 failed\n", "two files")
    expect("+ 9s overheat" in run("-c", str(other), path, status=1).stdout, "a longer hold")


def test_everything_that_is_wrong_is_told_at_once(bench):
    cases = sorted((DATA / "tests").glob("*.test"))
    expect(cases, "there are files to refuse")
    for case in cases:
        done = run("-c", str(DATA / "tests" / "weir.conf"), str(case), status=78)
        told = done.stderr.replace(str(DATA / "tests") + "/", "")
        equal(told, case.with_suffix(".expected").read_text(), f"{case.name}: what is told")
        equal(done.stdout, "", f"{case.name}: standard output")


def test_nothing_runs_when_a_file_is_refused(bench):
    path = write(bench, HOT)
    missing = run(path, "/nowhere/weir.test", status=78)
    equal(missing.stdout, "", "standard output")
    expect("/nowhere/weir.test: error: cannot open" in missing.stderr, missing.stderr)
    pathlib.Path(path).write_text('config = "none.conf"; tests: ( { name = "a"; expect = [ ]; } );')
    expect("none.conf: error: cannot open" in run(path, status=78).stderr, "no configuration")


def test_wrong_usage(bench):
    run(status=2)
    run("--jsn", write(bench, HOT), status=2)
    expect("usage: weir test" in run("--help").stdout, "the usage")


def test_every_form_of_alert_and_every_action(bench):
    run(str(DATA / "alerts" / "weir.test"))


def test_an_action_that_is_refused_fails(bench):
    action = 'do = [ "2s ack overheat plant/dev42" ]; expect ='
    done = run(write(bench, HOT.replace("expect =", action)), status=1)
    expect("    refused: 2s ack overheat plant/dev42\n" in done.stdout, done.stdout)


def test_the_shipped_configuration(bench):
    for path in sorted((ROOT / "firmware").glob("*.test")):
        run(str(path))


def test_it_says_what_replay_says(bench):
    """The same values as a capture: the same events at the same times."""
    values = [20, 86, 90, 95, 87, 88, 86, 83, 82, 81, 84, 86, 80, 79, *[70] * 20]
    run(write(bench, f"""{{ name = "same"; start = "2023-11-14T22:13:20Z";
        series: ( {{ stream = "oven"; series = "a/b"; field = "temperature";
                    values = "{' '.join(map(str, values))}"; }} ); expect = [ ]; }}"""), status=1)
    path = str(pathlib.Path(bench.directory) / "weir.test")
    ours = json.loads(run("--json", path, status=1).stdout.splitlines()[0])["differences"]
    capture = "".join(json.dumps({"topic": "ovens/a/b/telemetry", "at": at, "payload": {
        "env": {"t": value, "ts": at}}}) + "\n"
        for at, value in zip(itertools.count(1_700_000_000_000, 1000), values))
    done = bench.run("replay", "-c", bench.directory / "weir.conf", text=capture)
    theirs = [line for line in map(json.loads, done.stdout.splitlines()) if line["type"] == "alert"]
    equal([(event["at"], event["event"], event["level"], event["value"]) for event in ours],
          [(event["ts"] - 1_700_000_000_000, event["event"], event["level"], event["value"])
           for event in theirs], "the events")
    expect(ours, "there are events")


harness.main(__name__)
