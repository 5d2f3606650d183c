"""A connection that publishes many messages on many topics: mosquitto_pub has one topic a process."""

import contextlib
import os
import select
import socket
import struct

import harness
from harness import Failure, equal


def packet(kind, body):
    length, head = len(body), bytes([kind])
    while True:
        head += bytes([length % 128 | (0x80 if length > 127 else 0)])
        length //= 128
        if length == 0:
            return head + body


def text(value):
    data = value.encode()
    return struct.pack(">H", len(data)) + data


class Sender:
    """An MQTT 3.1.1 connection that publishes at QoS 1 and counts what was acknowledged."""

    count = 0

    def __init__(self, port):
        Sender.count += 1
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.sendall(packet(0x10, text("MQTT") + b"\x04\x02\x00\x00"
                                   + text(f"sender-{os.getpid()}-{Sender.count}")))
        equal(self.socket.recv(4), b"\x20\x02\x00\x00", "the broker's welcome")
        self.sent = 0
        self.acknowledged = 0
        self.rest = b""

    def publish(self, topic, payload, retain=False):
        number = self.sent % 65535 + 1
        self.sent += 1
        self.socket.sendall(packet(0x33 if retain else 0x32, text(topic) + struct.pack(">H", number)
                                   + payload.encode()))
        self.take_answers(0)

    def take_answers(self, wait_s):
        while self.acknowledged < self.sent and select.select([self.socket], [], [], wait_s)[0]:
            data = self.socket.recv(65536)
            if not data:
                raise Failure("the broker hung up on the sender")
            self.rest += data
            while len(self.rest) >= 4:
                equal(self.rest[:2], b"\x40\x02", "an acknowledgement")
                self.acknowledged += 1
                self.rest = self.rest[4:]

    def settle(self):
        """Returns once everything is acknowledged."""
        self.take_answers(30 * harness.SLOW)
        equal(self.acknowledged, self.sent, "what the broker acknowledged")

    def close(self):
        with contextlib.suppress(OSError):
            self.socket.sendall(b"\xe0\x00")
        self.socket.close()

