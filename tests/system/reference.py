"""What a replay has to print, worked out anew: no line of the engine's ways is used here.

A configuration is a list of streams, each a dict (see `stream`); `config_text` writes it for weir,
`Reference` runs messages through it. Windows keep their samples, and what a summary says is
computed from all of them at once, with sums that are exact before they are rounded.
"""

import json
import math
import re
from datetime import datetime, timezone
from decimal import Decimal

AGGREGATES = ["count", "sum", "min", "max", "mean", "stddev", "first", "last", "delta", "rate"]
QUANTILES = [f"p{i}" for i in range(1, 100)] + ["p99.9"]
COUNTERS = ["received", "accepted", "unmatched", "oversize", "malformed", "samples", "summarised",
            "open", "late_dropped", "invalid", "over_budget", "late", "clock_ahead",
            "time_unreadable", "summaries"]
TIME_MAX = 253402300799999
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
NUMBER = re.compile(r"[ \t\r\n]*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?[ \t\r\n]*", re.ASCII)
WORDS = {"true": 1.0, "on": 1.0, "false": 0.0, "off": 0.0}
UNITS = {"s": Decimal(1000), "ms": Decimal(1), "us": Decimal("1e-3"), "ns": Decimal("1e-6")}


def field(name, path=None, **settings):
    return {"name": name, "path": path or name, **settings}


def stream(name, topics, fields, size, **settings):
    """Settings: format, time (path, unit), max_future, lateness, idle, revise, held, aggregates,
    max_series. Durations in milliseconds; time None is arrival time."""
    made = {"name": name, "topics": topics, "fields": fields, "size": size, "format": "json",
            "time": None, "max_future": 300000, "lateness": 0, "idle": 30000, "revise": False,
            "held": 4, "aggregates": AGGREGATES, "max_series": 1000}
    assert set(settings) <= set(made)
    made.update(settings)
    if made["time"] is None:
        made["lateness"] = 0
    return made


def _quoted(text):
    return json.dumps(text, ensure_ascii=False)


def _field_text(one, is_number):
    parts = [f"name = {_quoted(one['name'])};"]
    if not is_number:
        parts.append(f"path = {_quoted(one['path'])};")
    if "unit" in one:
        parts.append(f"unit = {_quoted(one['unit'])};")
    for bound in ("min", "max"):
        if bound in one:
            parts.append(f"{bound} = {one[bound]!r};")
    if "invalid" in one:
        parts.append(f"invalid = [ {', '.join(repr(float(x)) for x in one['invalid'])} ];")
    return "{ " + " ".join(parts) + " }"


def _stream_text(one):
    window = f'kind = "tumbling"; size = "{one["size"]}ms";'
    lines = [f"  {{ name = {_quoted(one['name'])};",
             f"    topics = [ {', '.join(_quoted(topic) for topic in one['topics'])} ];",
             f"    format = {_quoted(one['format'])};"]
    if one["time"]:
        path, unit = one["time"]
        lines.append(f"    time = {{ field = {_quoted(path)}; unit = {_quoted(unit)};"
                     f" max_future = \"{one['max_future']}ms\"; }};")
        window += f' lateness = "{one["lateness"]}ms"; idle = "{one["idle"]}ms";'
    if one["revise"]:
        window += f' late = "revise"; held = {one["held"]};'
    fields = ",\n               ".join(_field_text(each, one["format"] == "number")
                                       for each in one["fields"])
    lines += [f"    fields = ( {fields} );",
              f"    window = {{ {window} }};",
              f"    aggregates = [ {', '.join(_quoted(name) for name in one['aggregates'])} ];",
              f"    max_series = {one['max_series']}; }}"]
    return "\n".join(lines)


def config_text(streams, extra=""):
    body = ",\n".join(_stream_text(one) for one in streams)
    return f'gateway = "test-gate";\nstreams: (\n{body} );\n{extra}'


def _refuse_constant(text):
    raise ValueError(text)


def parse_json(text):
    """Numbers stay as exact as they are written."""
    return json.loads(text, parse_float=Decimal, parse_int=Decimal,
                      parse_constant=_refuse_constant)


MISSING = object()


def _walk(value, path):
    for key in re.findall(r'"(?:[^"\\]|\\.)*"|[^.]+', path):
        key = key[1:-1].replace('\\"', '"') if key.startswith('"') else key
        if isinstance(value, dict):
            value = value.get(key, MISSING)
        elif isinstance(value, list):
            value = value[int(key)] if key.isdigit() and int(key) < len(value) else MISSING
        else:
            return MISSING
        if value is MISSING:
            return MISSING
    return value


def _number_of_text(text):
    if text.strip(" \t\r\n").lower() in WORDS:
        return WORDS[text.strip(" \t\r\n").lower()]
    if not NUMBER.fullmatch(text):
        return None
    value = float(text)
    return value if math.isfinite(value) else None


def _number(value):
    """The double that a JSON value says, None if it is not readable as one."""
    if isinstance(value, bool):
        return float(value)
    if isinstance(value, str):
        return _number_of_text(value)
    if isinstance(value, Decimal):
        number = float(value)
        return number if math.isfinite(number) else None
    return None


def iso_ms(text):
    """ISO 8601 with a zone, to milliseconds; None if it is none."""
    match = re.fullmatch(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:[.,](\d+))?"
                         r"(?:[Zz]?([+-]\d\d)(?::?(\d\d))?|[Zz])", text)
    if not match:
        return None
    date, clock, fraction, hours, minutes = match.groups()
    moment = datetime.fromisoformat(f"{date}T{clock}+00:00") - EPOCH
    ms = (moment.days * 86400 + moment.seconds) * 1000 + int(((fraction or "") + "000")[:3])
    if hours:
        offset = int(hours[1:]) * 60 + int(minutes or 0)
        ms -= offset * 60000 * (-1 if hours[0] == "-" else 1)
    return ms if 0 <= ms <= TIME_MAX else None


def _event_time(value, unit):
    if unit == "iso8601":
        return iso_ms(value) if isinstance(value, str) else None
    if isinstance(value, str):
        if not NUMBER.fullmatch(value):
            return None
        value = Decimal(value.strip(" \t\r\n"))
    if isinstance(value, bool) or not isinstance(value, Decimal):
        return None
    ms = int(value * UNITS[unit])
    return ms if value >= 0 and ms <= TIME_MAX else None


def _matcher(topic_filter):
    levels = []
    for level in topic_filter.split("/"):
        if level == "#":
            levels.append(None)
        elif level == "+":
            levels.append("[^/]*")
        elif level.startswith("{"):
            levels.append("([^/]*)")
        else:
            levels.append(re.escape(level))
    if levels[-1] is None:
        tail = "(?:/.*)?" if len(levels) > 1 else ".*"
        return re.compile("/".join(levels[:-1]) + tail, re.DOTALL)
    return re.compile("/".join(levels), re.DOTALL)


def summarise(samples):
    """All aggregates of [(time, value), ...], in the order in which they arrived."""
    values = [value for _, value in samples]
    total = math.fsum(values)
    mean = total / len(values)
    apart = [value - mean for value in values]
    # The mean is rounded; the second term takes out what that adds.
    variance = (math.fsum(x * x for x in apart) / len(values)
                - (math.fsum(apart) / len(values)) ** 2)
    first = min(range(len(samples)), key=lambda i: (samples[i][0], i))
    last = max(range(len(samples)), key=lambda i: (samples[i][0], i))
    row = {"count": len(values), "sum": total, "min": min(values), "max": max(values),
           "mean": mean, "stddev": math.sqrt(max(variance, 0)), "first": values[first],
           "last": values[last], "delta": values[last] - values[first]}
    span = samples[last][0] - samples[first][0]
    if span:
        row["rate"] = row["delta"] / (span / 1000)
    return row


def nearest_rank(samples, name):
    """A quantile by its definition: the sample of rank ceil(q * n)."""
    return sorted(samples)[math.ceil(Decimal(name[1:]) * len(samples) / 100) - 1]


class _Series:
    def __init__(self, panes):
        self.panes = panes
        self.watermark = -math.inf
        self.newest = -math.inf
        self.touched = None
        self.open = {}   # window number -> field -> samples
        self.held = {}   # the same, closed
        self.said = {}   # (window number, field) -> rows given out


class Reference:
    def __init__(self, streams):
        self.streams = streams
        self.matchers = [[_matcher(text) for text in one["topics"]] for one in streams]
        self.series = [{} for _ in streams]
        self.clock = -math.inf
        self.rows = []
        self.ledger = dict.fromkeys(COUNTERS, 0)

    def _row(self, number, name, window, field_index, samples, series):
        one = self.streams[number]
        said = series.said.get((window, field_index), 0)
        series.said[window, field_index] = said + 1
        row = {"stream": one["name"], "series": name, "field": one["fields"][field_index]["name"],
               "start": window * one["size"], "end": (window + 1) * one["size"], "revision": said}
        if "unit" in one["fields"][field_index]:
            row["unit"] = one["fields"][field_index]["unit"]
        values = summarise(samples)
        row.update((key, values[key]) for key in one["aggregates"] if key in values)
        readings = [value for _, value in samples]
        row.update((name, nearest_rank(readings, name)) for name in QUANTILES
                   if name in one["aggregates"])
        # Exact up to 64 samples, then within 1 % of the span.
        row["_slack"] = 0 if len(readings) <= 64 else 0.01 * (max(readings) - min(readings))
        row["_scale"] = max(abs(value) for _, value in samples)
        self.rows.append(row)
        self.ledger["summaries"] += 1

    def _close(self, number, name, series):
        one = self.streams[number]
        for window in sorted(series.open):
            if (window + 1) * one["size"] > series.watermark:
                continue
            fields = series.open.pop(window)
            for index in sorted(fields):
                self.ledger["open"] -= len(fields[index])
                self.ledger["summarised"] += len(fields[index])
                self._row(number, name, window, index, fields[index], series)
            if one["revise"]:
                series.held[window] = fields

    def advance(self, now):
        self.clock = max(self.clock, now)
        for number, one in enumerate(self.streams):
            for name, series in self.series[number].items():
                if not series.open:
                    continue
                if one["time"] is None:
                    series.watermark = max(series.watermark, self.clock)
                elif self.clock >= series.touched + one["idle"]:
                    self._expire(one, series)
                self._close(number, name, series)

    @staticmethod
    def _expire(one, series):
        series.watermark = max(series.watermark, (max(series.open) + 1) * one["size"])

    def drain(self):
        for number, one in enumerate(self.streams):
            for name, series in self.series[number].items():
                if series.open:
                    self._expire(one, series)
                    self._close(number, name, series)

    def _read(self, one, payload, arrived):
        """(time, [(field, value), ...]), or None when it is not in the stream's format."""
        if one["format"] == "number":
            try:
                text = payload.decode()
            except UnicodeDecodeError:
                text = "?"
            if not text.strip(" \t\r\n"):
                return None
            return arrived, self._door(one, [(0, _number_of_text(text))])
        try:
            value = parse_json(payload.decode())
        except ValueError:
            return None
        time = arrived
        if one["time"]:
            time = _event_time(_walk(value, one["time"][0]), one["time"][1])
            if time is None:
                self.ledger["time_unreadable"] += 1
                time = arrived
            elif time > arrived + one["max_future"]:
                self.ledger["clock_ahead"] += 1
                time = arrived
        found = []
        for index, each in enumerate(one["fields"]):
            inner = _walk(value, each["path"])
            if inner is not MISSING:
                found.append((index, _number(inner)))
        return time, self._door(one, found)

    def _door(self, one, found):
        passed = []
        for index, value in found:
            each = one["fields"][index]
            self.ledger["samples"] += 1
            if (value is None or value in each.get("invalid", ())
                    or not each.get("min", -math.inf) <= value <= each.get("max", math.inf)):
                self.ledger["invalid"] += 1
            else:
                passed.append((index, value))
        return passed

    def _sample(self, number, name, series, index, time, value):
        one = self.streams[number]
        window = time // one["size"]
        if (window + 1) * one["size"] > series.watermark:
            if window not in series.open:
                for held in [held for held in series.held if (held - window) % series.panes == 0]:
                    del series.held[held]
                series.open[window] = {}
            series.open[window].setdefault(index, []).append((time, value))
            self.ledger["open"] += 1
            return
        self.ledger["late"] += 1
        if window not in series.held:
            self.ledger["late_dropped"] += 1
            return
        samples = series.held[window].setdefault(index, [])
        samples.append((time, value))
        self.ledger["summarised"] += 1
        self._row(number, name, window, index, samples, series)

    def _offer(self, number, labels, payload, arrived):
        one = self.streams[number]
        read = self._read(one, payload, arrived)
        if read is None:
            return False
        time, values = read
        if not values:
            return True
        name = "/".join(labels)
        series = self.series[number].get(name)
        if series is None:
            if len(self.series[number]) == one["max_series"]:
                self.ledger["over_budget"] += len(values)
                return True
            panes = -(-one["lateness"] // one["size"]) + 1
            series = _Series(panes + (one["held"] if one["revise"] else 0))
            self.series[number][name] = series
        if one["time"] is None:
            series.watermark = max(series.watermark, self.clock)
        elif time > series.newest:
            series.newest = time
            series.watermark = max(series.watermark, time - one["lateness"])
        self._close(number, name, series)
        for index, value in values:
            self._sample(number, name, series, index, time, value)
        series.touched = self.clock
        return True

    def accept(self, topic, payload, arrived):
        self.advance(arrived)
        self.ledger["received"] += 1
        if len(topic.encode()) > 512:
            self.ledger["oversize"] += 1
            return
        found = []
        for number, matchers in enumerate(self.matchers):
            match = next(filter(None, (each.fullmatch(topic) for each in matchers)), None)
            if match:
                found.append((number, match.groups()))
        if not found:
            self.ledger["unmatched"] += 1
        elif len(payload) > 65536:
            self.ledger["oversize"] += 1
        elif any([self._offer(number, labels, payload, arrived) for number, labels in found]):
            self.ledger["accepted"] += 1
        else:
            self.ledger["malformed"] += 1

    def malformed(self):
        self.ledger["received"] += 1
        self.ledger["malformed"] += 1


def _key(row):
    return row["stream"], row["series"], row["field"], row["start"], row["revision"]


def _differs(name, wanted, found, scale, slack):
    if name in QUANTILES:
        return abs(found - wanted) > slack
    if name in ("sum", "mean"):
        return abs(found - wanted) > 1e-12 * abs(wanted) + 1e-25 * scale
    if name == "stddev":
        return abs(found - wanted) > 1e-9 * wanted + 1e-12 * scale
    return found != wanted


def compare_rows(wanted, found):
    """A list of what differs between the reference's rows and the summaries that weir printed."""
    problems = []
    expected = {_key(row): row for row in wanted}
    seen = set()
    for row in found:
        key = _key(row)
        other = expected.get(key)
        if other is None or key in seen:
            problems.append(f"not expected{' twice' if other else ''}: {row}")
            continue
        seen.add(key)
        order = ["stream", "series", "field", *(["unit"] if "unit" in other else []), "start",
                 "end", "revision", *(name for name in AGGREGATES + QUANTILES if name in other)]
        if [name for name in row if name != "type"] != order:
            problems.append(f"members of {key}: {list(row)}, expected {order}")
            continue
        for name in order:
            if name in AGGREGATES or name in QUANTILES:
                different = _differs(name, other[name], row[name], other["_scale"],
                                     other["_slack"])
            else:
                different = row[name] != other[name]
            if different:
                problems.append(f"{key}: {name} is {row[name]!r}, expected {other[name]!r}")
    problems += [f"missing: {key}" for key in expected if key not in seen]
    return problems


def compare_ledger(wanted, found):
    problems = [f"ledger: {name} is {found.get(name)}, expected {wanted[name]}"
                for name in COUNTERS if found.get(name) != wanted[name]]
    messages = sum(found[name] for name in ("accepted", "unmatched", "oversize", "malformed"))
    values = sum(found[name] for name in
                 ("summarised", "open", "late_dropped", "invalid", "over_budget"))
    if found["received"] != messages or found["samples"] != values:
        problems.append(f"the ledger does not balance: {found}")
    return problems
