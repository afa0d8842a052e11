"""librdkafka's part of the kill -9 rounds; README.md beside this folder describes records and lines."""
import os
import sys
import threading
import time
import zlib

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

LETTERS = b"abcdefghijklmnopqrstuvwxyz" * 44
OUT = sys.stdout
COMMON = {"reconnect.backoff.ms": 20, "reconnect.backoff.max.ms": 100, "retry.backoff.ms": 20, "socket.timeout.ms": 5000}
# What the client says while the broker is away; it carries on by itself.
AWAY = {KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN, KafkaError._TIMED_OUT, KafkaError._RESOLVE}


def value(seq):
    first = seq % 26
    return b"librdkafka:%d:" % seq + LETTERS[first:first + 100 + seq * 7919 % 1000]


def stop_on_input():
    stop = threading.Event()

    def wait():
        if not sys.stdin.readline():
            os._exit(3)
        stop.set()
        while sys.stdin.readline():
            pass

    threading.Thread(target=wait, daemon=True).start()
    return stop


def write(bootstrap, rate):
    seq, due = 0, time.monotonic()

    def failed(error):
        # Without this, `poll` raises what an idempotent producer cannot recover from.
        if error.fatal():
            OUT.write(f"fail librdkafka {seq} {error}\n")

    producer = Producer({
        **COMMON, "bootstrap.servers": bootstrap, "enable.idempotence": True, "acks": "all", "linger.ms": 5,
        "message.timeout.ms": 0, "queue.buffering.max.messages": 20000, "error_cb": failed,
    }, logger=None)

    def done(error, message):
        if error is None:
            OUT.write(f"ack {message.topic()} {message.partition()} {message.offset()} librdkafka {message.key().decode()}\n")
        else:
            OUT.write(f"fail librdkafka {message.key().decode()} {error}\n")

    stop = stop_on_input()
    while not stop.is_set():
        for _ in range(rate // 100):
            while True:
                try:
                    producer.produce(f"kill9-{seq // 16 % 8}", key=b"%d" % seq, value=value(seq), partition=seq // 128 % 4, on_delivery=done)
                    break
                except BufferError:
                    producer.poll(0.02)
                    OUT.flush()
                except KafkaException as error:
                    # An idempotent producer that met a fatal error takes no more records.
                    OUT.write(f"fail librdkafka {seq} {error}\n")
                    break
            seq += 1
        due = max(due + 0.01, time.monotonic() - 0.05)
        while True:
            left = due - time.monotonic()
            producer.poll(max(left, 0))
            OUT.flush()
            if left <= 0:
                break
    while producer.flush(0.1):
        OUT.flush()
    OUT.write(f"done librdkafka {seq}\n")
    OUT.flush()


def read(bootstrap):
    consumer = Consumer({
        **COMMON, "bootstrap.servers": bootstrap, "group.id": "unused", "enable.auto.commit": False,
        "auto.offset.reset": "error", "fetch.wait.max.ms": 50, "fetch.error.backoff.ms": 20,
    })
    consumer.assign([TopicPartition(f"kill9-{topic}", partition, 0) for topic in range(8) for partition in range(4)])
    stop = stop_on_input()
    while not stop.is_set():
        for m in consumer.consume(5000, 0.02):
            if m.error():
                if m.error().code() not in AWAY:
                    OUT.write(f"error {m.topic()} {m.partition()} {m.error()}\n")
                continue
            body = m.value() or b""
            part = body[:40].split(b":", 2)
            writer, seq = (part[0].decode("ascii", "replace"), part[1].decode("ascii", "replace")) if len(part) == 3 else ("?", "0")
            crc = zlib.crc32(body, zlib.crc32(m.key() or b""))
            OUT.write(f"read {m.topic()} {m.partition()} {m.offset()} {writer} {seq} {crc} {m.timestamp()[1]}\n")
        OUT.flush()
    consumer.close()


if sys.argv[1] == "write":
    write(sys.argv[2], int(sys.argv[3]))
elif sys.argv[1] == "read":
    read(sys.argv[2])
else:
    sys.exit(f"write or read, not {sys.argv[1]}")
