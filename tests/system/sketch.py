"""Sketches of distributions, written from docs/batch-format.md: read, written, asked and merged."""

import collections
import math
import struct
from fractions import Fraction


def exponent_of(value):
    """That of a double's last bit."""
    return max(math.frexp(value)[1] - 53, -1074) if value else -1074


def bin_of(value, exponent):
    return math.floor(Fraction(value) / Fraction(2) ** exponent)


def bins_of(smallest, largest):
    """Exponent, first and last bin."""
    exponent = max(exponent_of(smallest) - 8, exponent_of(largest) - 8, -1074)
    while bin_of(largest, exponent) - bin_of(smallest, exponent) >= 128:
        exponent += 1
    return exponent, bin_of(smallest, exponent), bin_of(largest, exponent)


def number(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7f | 0x80)
        value >>= 7
    return bytes(out + bytes([value]))


def zigzag(value):
    return number(2 * value if value >= 0 else -2 * value - 1)


class Sketch:
    def __init__(self, samples=None, bins=None, exponent=None):
        self.samples = sorted(samples) if samples else None
        self.bins, self.exponent = bins, exponent
        self.count = len(samples) if samples else sum(bins.values())

    def quantile(self, thousandths, smallest, largest):
        rank = -(-self.count * thousandths // 1000)
        if self.samples:
            return self.samples[rank - 1]
        if rank in (1, self.count):
            return smallest if rank == 1 else largest
        for place in sorted(self.bins):
            rank -= self.bins[place]
            if rank <= 0:
                break
        ends = self.exponent == -1074 or abs(place) >= 2 ** 52
        middle = math.ldexp(place if ends else place + 0.5, self.exponent)
        return min(max(middle, smallest), largest)

    def write(self):
        out = number(self.count)
        if self.samples:
            for value, times in sorted(collections.Counter(self.samples).items()):
                out += number(times) + struct.pack("<d", value)
            return out
        places = sorted(place for place, count in self.bins.items() if count)
        out += zigzag(self.exponent) + zigzag(places[0])
        for before, place in zip([places[0] - 1] + places, places):
            if place - before > 1:
                out += number(0) + number(place - before - 1)
            out += number(self.bins[place])
        return out

    def spread(self, exponent):
        """The samples by bins of this width, which is no less than that of those there are."""
        spread = collections.Counter()
        if self.samples:
            spread.update(bin_of(value, exponent) for value in self.samples)
        else:
            for place, count in self.bins.items():
                spread[place >> (exponent - self.exponent)] += count
        return spread

    def merge(self, other):
        if self.samples and other.samples and self.count + other.count <= 64:
            return Sketch(samples=self.samples + other.samples)
        exponent = max(bins_of(part.samples[0], part.samples[-1])[0] if part.samples
                       else part.exponent for part in (self, other))
        while True:
            bins = self.spread(exponent) + other.spread(exponent)
            if max(bins) - min(bins) < 128:
                return Sketch(bins=bins, exponent=exponent)
            exponent += 1


def read(data):
    at = 0

    def take():
        nonlocal at
        value, shift = 0, 0
        while True:
            value |= (data[at] & 0x7f) << shift
            shift, at = shift + 7, at + 1
            if not data[at - 1] & 0x80:
                return value

    def take_signed():
        value = take()
        return -(value + 1) // 2 if value & 1 else value // 2

    count = take()
    if count <= 64:
        samples = []
        while len(samples) < count:
            times = take()
            samples += times * [struct.unpack_from("<d", data, at)[0]]
            at += 8
        return Sketch(samples=samples)
    exponent, place = take_signed(), take_signed()
    bins = {}
    while sum(bins.values()) < count:
        told = take()
        if told == 0:
            place += take()
        else:
            bins[place] = told
            place += 1
    return Sketch(bins=bins, exponent=exponent)
