"""confluent-kafka's part of the interop run; README.md beside this folder describes the lines it reads and writes."""
import sys
import threading
import time

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic


def unhex(text):
    return None if text == "-" else bytes.fromhex(text)


def text(value):
    if value is None:
        return "-"
    return (value.encode() if isinstance(value, str) else value).hex()


def write(bootstrap, topic, codec):
    admin = AdminClient({"bootstrap.servers": bootstrap})
    for created in admin.create_topics([NewTopic(topic, 1, 1)]).values():
        created.result(30)
    producer = Producer({
        "bootstrap.servers": bootstrap, "compression.type": codec, "enable.idempotence": True, "linger.ms": 5,
        "queue.buffering.max.messages": 200000,
    })
    acked, failed = [0], []

    def done(error, _message):
        if error is None:
            acked[0] += 1
        else:
            failed.append(str(error))

    sent = 0
    for line in sys.stdin:
        key, value, headers = line.rstrip("\n").split("\t")
        pairs = [h.split(":") for h in headers.split(",")] if headers else []
        pairs = [(unhex(name).decode(), unhex(value)) for name, value in pairs]
        producer.produce(topic, key=unhex(key), value=unhex(value), headers=pairs, partition=0, on_delivery=done)
        sent += 1
        producer.poll(0)
    producer.flush(60)
    if failed or acked[0] != sent:
        sys.exit(f"{sent} sent, {acked[0]} acknowledged, errors: {sorted(set(failed))[:3]}")
    print("written", sent)


def read(bootstrap, topic, count):
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "unused", "enable.auto.commit": False})
    consumer.assign([TopicPartition(topic, 0, 0)])
    seen, deadline = 0, time.monotonic() + 60
    while seen < count:
        if time.monotonic() > deadline:
            sys.exit(f"only {seen} of {count} records after 60 s")
        for m in consumer.consume(10000, 0.2):
            if m.error():
                sys.exit(str(m.error()))
            headers = ",".join(f"{text(name)}:{text(value)}" for name, value in m.headers() or [])
            sys.stdout.write(f"{m.offset()}\t{text(m.key())}\t{text(m.value())}\t{headers}\n")
            seen += 1
    consumer.close()


def member(bootstrap, group, topic):
    """A member of a group that leaves at the end of standard input."""
    consumer = Consumer({
        "bootstrap.servers": bootstrap, "group.id": group, "enable.auto.commit": False, "auto.offset.reset": "earliest",
        "session.timeout.ms": 6000, "heartbeat.interval.ms": 500, "fetch.wait.max.ms": 100,
        "topic.metadata.refresh.interval.ms": 1000,
    })
    consumer.subscribe([topic])
    left = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), left.set()), daemon=True).start()
    while not left.is_set():
        messages = [m for m in consumer.consume(500, 0.1) if not m.error()]
        for m in messages:
            print(m.partition(), m.offset(), m.value().decode(), flush=True)
        try:
            if messages:
                consumer.commit(asynchronous=False)
        except KafkaException as error:
            # A commit of a generation that is gone fails, and the records come again elsewhere.
            print(error, file=sys.stderr)
    consumer.close()


if sys.argv[1] == "write":
    write(*sys.argv[2:5])
elif sys.argv[1] == "read":
    read(sys.argv[2], sys.argv[3], int(sys.argv[4]))
elif sys.argv[1] == "member":
    member(*sys.argv[2:5])
else:
    sys.exit(f"write, read or member, not {sys.argv[1]}")
