"""Reads batches in compact form: written from docs/batch-format.md alone, so that what is written
there is enough. The table of chances is read out of that page, too."""

import math
import pathlib
import struct

import sketch

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "batch-format.md"
MAGIC = b"\xb7w\x03"
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
CHANCES = [round(65536 / (1 + math.exp((32 - i) / 5.5))) for i in range(64)]

(HEAD, LEDGER, DECLARE, FLAG, TRACK, TIME, REVISION, COUNT, RANGE, LOW, EDGE, TOTAL, SQUARES, DOUBLE,
 SPAN, TEXT, SAMPLE, BIN) = range(18)
(MORE, UNSYNCHRONISED, NEXT, STREAM_NAMED, SERIES_NAMED, KIN, REGULAR, RAW, RAW_AGAIN,
 FIRST_HIGH) = range(10)
LAST_HIGH = FIRST_HIGH + 6
CORRECTED = 21
ON_GRID, ANYWHERE, PLAIN, NO_SKETCH = range(4)
AGGREGATES = ["count", "sum", "min", "max", "mean", "stddev", "first", "last", "delta", "rate"]
TINY = 2.0 ** -900


class Damaged(Exception):
    pass


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff


def signed64(value):
    value &= 2 ** 64 - 1
    return value - 2 ** 64 if value >> 63 else value


def div(a, b):
    """Division towards zero."""
    return abs(a) // b * (1 if a >= 0 else -1)


def within(value, most):
    """An integer from 0 to most."""
    return most if value >= float(most) else round(max(value, 0.0))


def half_level(value):
    level = value.bit_length()
    return 2 * level if level < 2 else 2 * level + (value >> (level - 2) & 1)


def read_prior():
    text = PAGE.read_text(encoding="utf-8").split("```prior\n")[1].split("```")[0]
    return [CHANCES[ALPHABET.index(character)] for character in "".join(text.split())]


PRIOR = []


class Coder:
    def __init__(self, data):
        self.data, self.at, self.range, self.code = data, 0, 2 ** 32 - 1, 0
        if not PRIOR:
            PRIOR.extend(read_prior())
        self.chance, self.seen = list(PRIOR), [0] * len(PRIOR)
        for _ in range(4):
            self.shift()

    def shift(self):
        byte = self.data[self.at] if self.at < len(self.data) else 0
        self.code = (self.code << 8 | byte) & 0xffffffff
        self.at += 1
        if self.at > len(self.data) + 8:
            raise Damaged

    def bit(self, index):
        chance, share = self.chance[index], 65536 // (self.seen[index] + 10)
        split = (self.range >> 16) * chance
        bit = self.code >= split
        if bit:
            self.range -= split
            self.code -= split
            chance -= chance * share >> 16
        else:
            self.range = split
            chance += (65535 - chance) * share >> 16
        self.chance[index] = chance
        self.seen[index] = min(self.seen[index] + 1, 50)
        while self.range < 1 << 24:
            self.range <<= 8
            self.shift()
        return int(bit)

    def raw(self, count):
        result = 0
        while count:
            step = min(count, 16)
            count -= step
            self.range >>= step
            part = self.code // self.range
            self.code -= part * self.range
            result = result << step | part
            while self.range < 1 << 24:
                self.range <<= 8
                self.shift()
        return result

    # A kind: 24 walks of 17 bits, then 3 times 24 times 3, 24 times 4, 24 signs.
    NEXT = 24 * 17
    THIRD = NEXT + 3 * 24 * 3
    SIGN = THIRD + 24 * 4
    KIND = SIGN + 24

    def number(self, kind, context, expected=0):
        base = kind * self.KIND
        walk, at, step = base + context * 17, expected, 0
        if expected and self.bit(walk):
            at -= 1
            while at > 0 and self.bit(walk + 9 + step):
                at, step = at - 1, min(step + 1, 7)
        else:
            while at < 63 and self.bit(walk + 1 + step):
                at, step = at + 1, min(step + 1, 7)
        side = 0 if at < expected else 1 if at == expected else 2
        following = base + self.NEXT + (side * 24 + min(at, 23)) * 3
        value = 1
        if at:
            value = 2 | self.bit(following)
        if at > 1:
            value = value << 1 | self.bit(following + 1 + (value & 1))
        if at > 2:
            value = value << 1 | self.bit(base + self.THIRD + min(at, 23) * 4 + (value & 3))
            value = value << (at - 3) | self.raw(at - 3)
        return value - 1

    def signed(self, kind, context, expected=0):
        value = self.number(kind, context, expected)
        return -value if value and self.bit(kind * self.KIND + self.SIGN + context) else value

    def flag(self, which):
        return bool(self.bit(FLAG * self.KIND + self.SIGN + which))

    def text(self, count):
        out = bytearray()
        for _ in range(count):
            node = 1
            while node < 256:
                node = node << 1 | self.bit(18 * self.KIND + node)
            out.append(node & 255)
        return bytes(out)


def read_ledger(coder):
    ledger, context = {}, iter(range(24))

    def take(*names):
        for name in names:
            ledger[name] = coder.number(LEDGER, next(context))

    take("received", "unmatched", "oversize", "malformed")
    ledger["accepted"] = (ledger["received"] - ledger["unmatched"] - ledger["oversize"]
                          - ledger["malformed"] + coder.signed(LEDGER, next(context))) % 2 ** 64
    take("samples", "open", "late_dropped", "invalid", "over_budget")
    ledger["summarised"] = (ledger["samples"] - ledger["open"] - ledger["late_dropped"]
                            - ledger["invalid"] - ledger["over_budget"]
                            + coder.signed(LEDGER, next(context))) % 2 ** 64
    take("late", "clock_ahead", "time_unreadable", "summaries", "historical", "events_held_back",
         "queue_dropped", "outbox_dropped", "batches_dropped", "events_dropped", "coarsened",
         "journal_lost", "duplicates")
    return ledger


def read_head(coder):
    head = {"gateway": coder.text(coder.number(HEAD, 0)).decode(), "epoch": f"{coder.raw(64):016x}"}
    head["seq"] = coder.number(HEAD, 1)
    head["table"] = head["seq"] - coder.number(HEAD, 2)
    head["created"] = coder.signed(HEAD, 3)
    if coder.flag(UNSYNCHRONISED):
        head["clock"] = "corrected" if coder.flag(CORRECTED) else "unsynchronised"
    ranges, at = [], 0
    for _ in range(coder.number(HEAD, 4)):
        first = at + coder.number(HEAD, 5)
        at = first + coder.number(HEAD, 6)
        ranges.append([first, at])
    if ranges:
        head["replaces"] = ranges
    head["ledger"] = read_ledger(coder)
    return head


def columns_of(aggregates, quantiles):
    shown = {name for bit, name in enumerate(AGGREGATES) if aggregates >> bit & 1}
    columns = shown & {"sum", "min", "max", "mean", "stddev", "first", "last"}
    if "stddev" in shown:
        columns |= {"min", "max"}
    if shown & {"delta", "rate"}:
        columns |= {"first", "last"}
    if "rate" in shown:
        columns.add("span")
    if quantiles:
        columns |= {"min", "max"}
    return shown, columns


def place_of(value):
    bits = struct.unpack("<Q", struct.pack("<d", value))[0]
    return ~bits & 2 ** 64 - 1 if bits >> 63 else bits | 1 << 63


def value_at(place):
    place &= 2 ** 64 - 1
    bits = place & 2 ** 63 - 1 if place >> 63 else ~place & 2 ** 64 - 1
    return struct.unpack("<d", struct.pack("<Q", bits))[0]


class Batch:
    def __init__(self, data, names):
        self.coder, self.names = Coder(data), names
        self.head = read_head(self.coder)
        self.streams, self.tracks, self.kin = [], [], {}
        self.track, self.count, self.name = None, 1, b""

    def key(self, stream, series=None):
        head = self.head
        return head["gateway"], head["epoch"], head["table"], stream, series

    def read_stream(self):
        coder = self.coder
        slot = len(self.streams) - coder.number(DECLARE, 0)
        if slot < len(self.streams):
            return slot
        number, aggregates = coder.number(DECLARE, 1), coder.number(DECLARE, 2)
        length, created = coder.number(DECLARE, 3), self.head["created"]
        quantiles = []
        for _ in range(coder.number(DECLARE, 10)):
            quantiles.append((quantiles[-1] if quantiles else 0) + 1 + coder.number(DECLARE, 11))
        shown, columns = columns_of(aggregates, quantiles)
        self.streams.append({"stream": number, "shown": shown, "columns": columns, "length": length,
                             "series": 0, "quantiles": quantiles,
                             "start": created - int(math.fmod(created, length)) - length})
        if coder.flag(STREAM_NAMED):
            text = coder.text(coder.number(TEXT, 0)).decode().split("\0")
            self.names[self.key(number)] = text
        return slot

    def read_grid(self, kin):
        coder = self.coder
        if kin and coder.flag(KIN):
            grid = {name: kin[name] for name in ("scale", "step", "parts")}
        else:
            grid = {"scale": coder.number(DECLARE, 7), "step": coder.number(DECLARE, 8) + 1,
                    "parts": coder.number(DECLARE, 12)}
        grid["offset"] = coder.number(DECLARE, 9) if grid["step"] > 1 else 0
        return grid

    def declare(self):
        coder, slot = self.coder, self.read_stream()
        stream = self.streams[slot]
        step = coder.signed(DECLARE, 4)
        field = coder.number(DECLARE, 6 if step else 5)
        stream["series"] += step
        if coder.flag(SERIES_NAMED):
            shared = coder.number(TEXT, 1)
            self.name = self.name[:shared] + coder.text(coder.number(TEXT, 2))
            self.names[self.key(stream["stream"], stream["series"])] = self.name.decode()
        place = (slot * 13 + field) % 64
        kin = self.tracks[self.kin[place]] if place in self.kin else None
        if kin and (kin["slot"], kin["field"]) != (slot, field):
            kin = None
        self.kin[place] = len(self.tracks)
        grid = self.read_grid(kin)
        if kin and all(kin[name] == grid[name] for name in ("scale", "step", "parts")):
            track = dict(kin, miss=list(kin["miss"]))
        else:
            track = {"count": kin["count"] if kin else 1, "turn": 0, "raw": False, "known": False,
                     "span": 0, "low": 0, "range": 0, "last": 0, "mean": 0, "miss": [0, 0, 0, 0], "level": 0,
                     "value": 0.0}
        track.update(slot=slot, series=stream["series"], field=field, next=None,
                     start=stream["start"] - stream["length"], **grid)
        self.tracks.append(track)

    def read_track(self):
        coder = self.coder
        before = self.tracks[self.track] if self.track is not None else None
        if before and before["next"] is not None and coder.flag(NEXT):
            self.track = before["next"]
        else:
            back = coder.number(TRACK, 0)
            self.track = len(self.tracks) - back
            if back == 0:
                self.declare()
        if before:
            before["next"] = self.track
        return self.tracks[self.track]

    def read_window(self, track, row):
        coder, stream = self.coder, self.streams[track["slot"]]
        base = track["start"] + stream["length"]
        ahead = signed64(stream["start"] - base)
        length = stream["length"]
        if coder.flag(REGULAR):
            row["start"] = base + length * coder.signed(TIME, 0 if ahead == 0 else
                                                        1 if ahead > 0 else 2)
        else:
            row["start"] = base + coder.signed(TIME, 3)
            length = coder.number(TIME, 4)
        row["start"] = signed64(row["start"])
        row["end"] = signed64(row["start"] + length)
        track["start"] = max(track["start"], row["start"])
        stream["start"] = row["start"]
        row["revision"] = coder.number(REVISION, 0)
        against = 0 if track["count"] == self.count else 1 if track["count"] > self.count else 2
        more = coder.signed(COUNT, against + 3 * track["turn"])
        track["turn"] = 0 if more == 0 else 1 if more < 0 else 2
        row["count"] = track["count"] = self.count = (track["count"] + more) % 2 ** 64

    def double(self, context, expected):
        return value_at(place_of(expected) + self.coder.signed(DOUBLE, context))

    def near(self, context, expected):
        if abs(expected) < TINY:
            return self.double(context, expected)
        return value_at(place_of(expected) + self.coder.signed(DOUBLE, context) * 4096)

    @staticmethod
    def divisor(track):
        scale = track["scale"]
        return 10.0 ** scale if scale <= 12 else 2.0 ** (scale - 12)

    @staticmethod
    def ticks(track, place):
        return track["offset"] + track["step"] * place >> track["parts"]

    def value(self, track, place):
        return float(self.ticks(track, place)) / self.divisor(track)

    def units(self, track, low, span):
        """How far it is from low to low + span, as moments count it."""
        return self.ticks(track, low + span) - self.ticks(track, low) if track["parts"] else span

    @staticmethod
    def mean_place(track, total, count):
        mean = div(total, count)
        return div(mean << track["parts"], track["step"]) if track["parts"] else mean

    def edge(self, flag, span):
        level = span.bit_length()
        high = self.coder.flag(flag)
        away = self.coder.number(EDGE, min(level, 23), max(level - 2, 0))
        return span - away if high else away

    def read_low(self, track, span):
        miss = track["miss"]
        guesses = [track["low"], track["last"] - span // 2, track["mean"] - span // 2,
                   track["low"] + div(track["range"] - span, 2)]
        best = miss.index(min(miss))
        level = half_level(miss[best] // 4)
        low = guesses[best] + self.coder.signed(LOW, min(level, 15), level // 2)
        if track["known"]:
            for i, guess in enumerate(guesses):
                off = min(abs(low - guess), 1 << 20) * 4
                miss[i] += div(off - miss[i], 3)
        return low

    def read_moments(self, track, columns, count, row):
        """Sum of distances from the least, and of their squares."""
        placed = dict(row)
        self.read_places(columns, count, placed)
        if not track["parts"]:
            row.update(total=placed["total"], squares=placed["squares"])
            return
        # What rounding to ticks has added.
        coder, whole = self.coder, 1 << track["parts"]
        step, total, n = track["step"] / whole, float(placed["total"]), float(count)
        units = self.units(track, row["low"], row["range"])
        shift = ((track["offset"] + track["step"] * row["low"]) % whole / whole - 0.5) * n
        row["total"] = (within(step * total + shift, count * units)
                        + coder.signed(SPAN, min(max(count.bit_length(), 1), 11)))
        if "stddev" not in columns:
            return
        squares = float(placed["squares"])
        lean = 2 * (float(row["total"]) - step * total) * total / n
        base = within((step * squares + lean) * step, count * units * units)
        spread = step * step * (squares - total * total / n)
        level = within(spread, 2 ** 62 - 1).bit_length()
        row["squares"] = (base + ((base ^ row["total"]) & 1)
                          + 2 * coder.signed(SPAN, min(12 + level // 4, 23), max(level // 2 - 2, 0)))

    def read_places(self, columns, count, row):
        coder, span = self.coder, row["range"]
        known = [0, span]
        if "last" in columns and row["last"] not in (0, span):
            known.append(row["last"])
        if "first" in columns and row["first"] not in (0, span) \
                and ("last" not in columns or count > 3):
            known.append(row["first"])
        free, total, low = count - len(known), sum(known), sum(k * k for k in known)
        spread = free * span
        level = spread.bit_length()
        middle = total + spread // 2
        row["total"] = middle + coder.signed(TOTAL, min(level, 23), max(level - 3, 0))
        if "stddev" not in columns:
            return
        high, rest = low, row["total"] - total
        if free:
            high = low + rest // span * span * span + (rest % span) ** 2
            low += (free - rest % free) * (rest // free) ** 2 + rest % free * (rest // free + 1) ** 2
        low += (low ^ row["total"]) & 1
        most = div(high - low, 2)
        row["squares"] = low
        if most > 0 and free == 2:
            level = (min(rest, 2 * span - rest) // 2).bit_length()
            half = coder.number(SQUARES, min(12 + level, 23), max(level - 2, 0))
            row["squares"] += 2 * half * (half + rest % 2)
        elif most > 0:
            level = most.bit_length()
            row["squares"] += 2 * coder.number(SQUARES, min(level // 2, 11), max(level - 3, 0))

    def fits(self, track, count, low, span):
        units, step = self.units(track, low, span), 1 if track["parts"] else track["step"]
        farthest = (abs(float(self.ticks(track, low) if track["parts"] else low))
                    + float(units) + 1) * float(step)
        return float(count) * float(units) < 2.0 ** 31 and float(count) * farthest < 2.0 ** 61

    def read_ranged(self, track, columns, row, out):
        coder, count = self.coder, out["count"]
        if count > 1:
            row["range"] = coder.number(RANGE, min(track["level"] // 16, 23), track["level"] // 32)
            track["level"] = (track["level"] * 2 + 16 * half_level(row["range"])) // 3
        low, span = self.read_low(track, row["range"]), row["range"]
        row["low"] = low
        entry = track["last"] - low
        entry = 0 if entry < 0 else 5 if entry > span else 1 + entry * 4 // (span + 1)
        if span and "last" in columns:
            row["last"] = self.edge(LAST_HIGH + entry, span)
        if span and "first" in columns:
            row["first"] = self.edge(FIRST_HIGH + entry, span)
        fits = self.fits(track, count, low, span)
        if row["samples"] is not None:
            row["samples"] = self.read_samples(count, span)
            distances = [self.units(track, low, place) for place in row["samples"]]
            row["total"] = sum(distances)
            row["squares"] = sum(distance * distance for distance in distances)
        elif span and fits and columns & {"sum", "mean", "stddev"}:
            self.read_moments(track, columns, count, row)
        out.update(min=self.value(track, low), max=self.value(track, low + span),
                   first=self.value(track, low + row["first"]),
                   last=self.value(track, low + row["last"]))
        track.update(low=low, range=span,
                     last=low + (row["last"] if "last" in columns else span // 2),
                     mean=low + (self.mean_place(track, row["total"], count) if fits
                                 else span // 2))
        return fits

    def read_samples(self, count, span):
        """Rising, as steps from the least."""
        places = [0]
        for left in range(count - 2, 0, -1):
            rest, step = span - places[-1], 0
            if rest:
                level = half_level(4 * rest // (left + 1))
                step = self.coder.number(SAMPLE, 2 + min(level, 21),
                                         (rest // (left + 1) + 1).bit_length() - 1)
            places.append(places[-1] + step)
        return places + [span] if count > 1 else places

    def read_pointed(self, track, columns, row, out):
        coder, miss, place = self.coder, track["miss"], track["low"]
        begun, level = False, half_level(track["miss"][0] // 4)
        for name in ("last", "first", "min", "max"):
            if name not in columns:
                continue
            off = coder.signed(LOW, 16 if begun else min(level, 15))
            place += off
            out[name] = self.value(track, place)
            if not begun:
                miss[0] += div(min(abs(off), 1 << 20) * 4 - miss[0], 3)
                track["low"] = place
            begun = True
        row["low"] = track["low"]
        fits = self.fits(track, out["count"], track["low"], 0)
        if fits and columns & {"sum", "mean", "stddev"}:
            context = min((miss[1] // 4).bit_length() // 2, 6)
            row["total"] = coder.signed(LOW, 17 + context)
            miss[1] += div(min(abs(row["total"]), 1 << 20) * 4 - miss[1], 3)
        if fits and not begun:
            track["low"] += self.mean_place(track, row["total"], out["count"])
        return fits

    def read_on_grid(self, track, columns, out, sampled):
        row = {"low": 0, "range": 0, "first": 0, "last": 0, "total": 0, "squares": 0,
               "samples": [] if sampled else None}
        ranged = {"min", "max"} <= columns
        fits = (self.read_ranged if ranged else self.read_pointed)(track, columns, row, out)
        count, step = out["count"], 1 if track["parts"] else track["step"]
        divisor = self.divisor(track)
        if fits:
            ticks = count * self.ticks(track, row["low"]) + step * row["total"]
            total, mean = float(ticks) / divisor, float(ticks) / (float(count) * divisor)
            variance = count * row["squares"] - row["total"] ** 2
            deviation = math.sqrt(float(max(variance, 0))) * float(step) / (float(count) * divisor)
        else:
            mean = self.value(track, row["low"] + row["range"] // 2)
            total = mean * float(count)
            units = self.units(track, row["low"], row["range"])
            deviation = float(units) / divisor * float(step) / 4
        if "sum" in columns:
            out["sum"] = self.double(0, total)
            if math.isfinite(out["sum"]):
                mean = out["sum"] / float(count)
        if "mean" in columns:
            out["mean"] = self.near(3, mean)
        if "stddev" in columns:
            out["stddev"] = self.near(4, deviation)
        track["known"] = True
        return [self.value(track, row["low"] + place) for place in row["samples"] or []]

    def read_raw(self, track, columns, out):
        value, begun = track["value"], False
        contexts = {"sum": 8, "min": 9, "max": 10, "mean": 11, "stddev": 12, "first": 13, "last": 14}
        for name in ("last", "first", "min", "max", "mean", "sum", "stddev"):
            if name not in columns:
                continue
            expected = value
            if name == "sum":
                expected = value * float(out["count"])
            if name == "stddev":
                expected = (out["max"] - out["min"]) / 4
            out[name] = self.double(contexts[name], expected)
            if name != "sum":
                value = out[name]
            if not begun:
                track["value"] = value
            begun = True

    def read_row(self):
        track = self.read_track()
        stream = self.streams[track["slot"]]
        out = {}
        self.read_window(track, out)
        track["raw"] = self.coder.flag(RAW_AGAIN if track["raw"] else RAW)
        form, samples = NO_SKETCH, []
        if stream["quantiles"]:
            form = self.coder.number(SAMPLE, 0)
        if track["raw"]:
            self.read_raw(track, stream["columns"], out)
        else:
            samples = self.read_on_grid(track, stream["columns"], out,
                                        form == ON_GRID and out["count"] <= 64)
        if "span" in stream["columns"]:
            track["span"] += self.coder.signed(SPAN, 0)
        row = self.show(track, stream, out)
        if form != NO_SKETCH:
            if form == PLAIN:
                drawn = sketch.read(bytes(self.coder.raw(8)
                                          for _ in range(self.coder.number(SAMPLE, 1))))
            elif samples:
                drawn = sketch.Sketch(samples=samples)
            else:
                drawn = self.read_bins(track, out, form == ANYWHERE)
            for quantile in stream["quantiles"]:
                row[f"p{quantile / 10:g}"] = drawn.quantile(quantile, out["min"], out["max"])
            row["sketch"] = drawn.write().hex()
        return row

    def read_bins(self, track, out, anywhere):
        exponent, first, last = sketch.bins_of(out["min"], out["max"])
        told = list(range(first, last + 1))
        if not anywhere and not track["raw"] and track["range"] < 256:
            told = sorted({sketch.bin_of(self.value(track, track["low"] + place), exponent)
                           for place in range(track["range"] + 1)})
        left, counts, before = out["count"], {}, out["count"] // len(told)
        for at, number in enumerate(told[:-1]):
            guess = (2 * before + left // (len(told) - at)) // 3
            before = self.coder.number(BIN, min(half_level(guess), 23),
                                       (guess + 1).bit_length() - 1) + (at == 0)
            counts[number] = before
            left -= before
        counts[told[-1]] = left
        return sketch.Sketch(bins=counts, exponent=exponent)

    def show(self, track, stream, out):
        names = self.names.get(self.key(stream["stream"]))
        field = track["field"]
        row = {"stream": names[0] if names else f"#{stream['stream']}",
               "series": self.names.get(self.key(stream["stream"], track["series"]),
                                        f"#{track['series']}"),
               "field": names[1 + 2 * field] if names else f"#{field}"}
        if names and names[2 + 2 * field]:
            row["unit"] = names[2 + 2 * field]
        row.update((name, out[name]) for name in ("start", "end", "revision"))
        if "delta" in stream["shown"] or "rate" in stream["shown"]:
            out["delta"] = out["last"] - out["first"]
        if "rate" in stream["shown"] and track["span"]:
            out["rate"] = out["delta"] / (float(track["span"]) / 1000)
        row.update((name, out[name]) for name in AGGREGATES
                   if name in stream["shown"] and name in out and math.isfinite(out[name]))
        return row


def length_of(data):
    """Bytes of the batch that begins here."""
    if data[:3] != MAGIC or len(data) < 6:
        raise Damaged
    return 6 + int.from_bytes(data[3:6], "little") + 4


def read(data, names, sketches=False):
    """A batch as its JSON form says it, and `table`. names: a dict that lasts, empty at first.
    sketches: each row's in its plain form, in hexadecimal."""
    if length_of(data) != len(data) or crc32c(data[:-4]) != int.from_bytes(data[-4:], "little"):
        raise Damaged
    batch = Batch(data[6:-4], names)
    rows = []
    while batch.coder.flag(MORE):
        rows.append(batch.read_row())
        if not sketches:
            rows[-1].pop("sketch", None)
    return dict(batch.head, schema="weir.batch/1", summaries=rows)
