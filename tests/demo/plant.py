"""A boiler house in software: twenty devices that talk MQTT as their like do, faults included."""

import json
import math
import random
import socket
import struct
import threading
import time

# How often a device says something.
PERIOD_S = 0.1

ROOMS = ["north/hall-1", "north/hall-2", "north/hall-3", "north/store", "north/office",
         "south/hall-1", "south/hall-2", "south/workshop", "south/cellar", "south/office"]
BOILERS = ["north/boiler-1", "north/boiler-2", "south/boiler-1", "south/boiler-2"]
METERS = ["north/meter-1", "north/meter-2", "north/pump-1", "south/meter-1", "south/meter-2",
          "south/pump-1"]
DEVICE_COUNT = len(ROOMS) + len(BOILERS) + len(METERS)

# Who does what, in seconds after the start. The pump fails, and is repaired, once in each cycle.
CYCLE_S = 40
FAULTY, FAULT_S, REPAIR_S = "north/boiler-1", 8, 15
SILENT, SILENT_S = "south/cellar", 10
WRONG_CLOCK, AHEAD_MS = "north/store", 12 * 365 * 86_400_000
GARBLED = "south/workshop"
LATE, KEPT_BACK_S, SENT_S = "south/boiler-2", 12, 21


class Client:
    """An MQTT 3.1.1 publisher over a plain socket, which counts what it sends."""

    def __init__(self, port, name):
        self.message_count = 0
        self.byte_count = 0
        self.answered = 0
        self.asked = 0
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        variable = b"\x00\x04MQTT\x04\x02" + struct.pack(">H", 60)
        self.send_packet(0x10, variable + self.text(name))
        if self.socket.recv(4) != b"\x20\x02\x00\x00":
            raise OSError("the broker does not accept us")
        threading.Thread(target=self.read_answers, daemon=True).start()

    @staticmethod
    def text(text):
        data = text.encode()
        return struct.pack(">H", len(data)) + data

    def send_packet(self, kind, body):
        """Returns the bytes that went out."""
        length, head = len(body), bytearray([kind])
        while True:
            head.append(length & 0x7F | (0x80 if length > 0x7F else 0))
            length >>= 7
            if not length:
                break
        self.socket.sendall(bytes(head) + body)
        return len(head) + len(body)

    def publish(self, topic, payload, qos):
        body = self.text(topic)
        if qos:
            self.asked += 1
            body += struct.pack(">H", self.asked % 65535 + 1)
        self.byte_count += self.send_packet(0x30 | qos << 1, body + payload.encode())
        self.message_count += 1

    def read_answers(self):
        """Every answer to a QoS 1 publish is four bytes long, and nothing else comes."""
        count = 0
        while True:
            try:
                data = self.socket.recv(4096)
            except TimeoutError:
                continue
            except OSError:
                return
            if not data:
                return
            count += len(data)
            self.answered = count // 4

    def close(self):
        """Waits for the last answers, and leaves."""
        deadline = time.monotonic() + 5
        while self.answered < self.asked and time.monotonic() < deadline:
            time.sleep(0.01)
        self.send_packet(0xE0, b"")
        self.socket.close()


class Plant:
    """All devices, on a thread of their own from start to stop."""

    def __init__(self, port, seed=7):
        self.client = Client(port, "plant")
        self.random = random.Random(seed)
        self.drift = {name: self.random.uniform(-1, 1) for name in ROOMS + BOILERS + METERS}
        self.level = {name: self.random.uniform(70, 74) for name in BOILERS}
        self.stopping = threading.Event()
        self.garbled_count = 0
        self.broken = None
        self.kept_back = None
        self.thread = threading.Thread(target=self.run, daemon=True)

    def start(self):
        self.thread.start()

    def stop(self):
        self.stopping.set()
        if self.thread.ident:
            self.thread.join()
        self.client.close()

    def run(self):
        """Keeps to the schedule, not to the pauses: a slow machine falls behind and catches up."""
        began = time.monotonic()
        step = 0
        try:
            while not self.stopping.wait(max(0, began + step * PERIOD_S - time.monotonic())):
                self.step(step * PERIOD_S)
                step += 1
        except OSError as error:
            self.broken = error

    def wander(self, name, seconds, pull=0.02, size=0.08):
        """A drift that stays around zero, and noise on top."""
        self.drift[name] += self.random.gauss(0, size) - pull * self.drift[name]
        return self.drift[name] + self.random.gauss(0, 0.05) + 0.4 * math.sin(seconds / 9)

    def step(self, seconds):
        now_ms = time.time_ns() // 1_000_000
        for name in ROOMS:
            if name != SILENT or seconds < SILENT_S:
                self.publish(name, "climate", self.room(name, seconds, now_ms), qos=0)
        for name in BOILERS:
            self.publish(name, "boiler", self.boiler(name, seconds, now_ms), qos=1)
        self.delay_reading(seconds, now_ms)
        for name in METERS:
            self.publish(name, "power", self.meter(name, seconds), qos=0)

    def publish(self, name, kind, payload, qos):
        self.client.publish(f"plant/{name}/{kind}", payload, qos)

    def delay_reading(self, seconds, now_ms):
        """One reading of one boiler gets stuck on its way, once."""
        if not self.kept_back and seconds >= KEPT_BACK_S:
            self.kept_back = [self.boiler(LATE, seconds, now_ms)]
        elif self.kept_back and len(self.kept_back) == 1 and seconds >= SENT_S:
            self.publish(LATE, "boiler", self.kept_back[0], qos=1)
            self.kept_back.append(None)

    def room(self, name, seconds, now_ms):
        base = 17 + 5 * (ROOMS.index(name) % 3)
        if name == GARBLED and self.random.random() < 0.03:
            self.garbled_count += 1
            return self.random.choice(["ERR: sensor", '{"ts": 17000', "\x00\x01\x7f"])
        if name == GARBLED and self.random.random() < 0.03:
            return json.dumps({"ts": now_ms, "temperature": 999.0, "humidity": 45.0})
        return json.dumps({
            "ts": now_ms + (AHEAD_MS if name == WRONG_CLOCK else 0),
            "temperature": round(base + self.wander(name, seconds), 2),
            "humidity": round(46 - 2 * self.drift[name] + self.random.gauss(0, 0.2), 1)})

    def boiler(self, name, seconds, now_ms):
        failed = name == FAULTY and FAULT_S <= seconds % CYCLE_S < REPAIR_S
        target = 93 if failed else 72
        self.level[name] += (target - self.level[name]) * (0.06 if failed else 0.04)
        return json.dumps({
            "ts": now_ms, "water": {"temp": round(self.level[name]
                                                  + self.wander(name, seconds) * 0.5, 2)},
            "pressure": round(1.7 + 0.04 * self.drift[name], 3),
            "burner": "ON" if math.sin(seconds / 3 + BOILERS.index(name)) > 0 else "OFF"})

    def meter(self, name, seconds):
        base = 900 if "pump" in name else 4200
        return f"{base * (1 + 0.03 * self.wander(name, seconds)):.1f}"
