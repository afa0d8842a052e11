"""kafka-python's part of the interop run; README.md beside this folder describes the lines it reads and writes."""
import sys
import threading
import time

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient, NewTopic
from kafka.errors import KafkaError


def unhex(text):
    return None if text == "-" else bytes.fromhex(text)


def text(value):
    return "-" if value is None else value.hex()


def write(bootstrap, topic, codec):
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    admin.create_topics([NewTopic(topic, 1, 1)])
    admin.close()
    producer = KafkaProducer(
        bootstrap_servers=bootstrap, compression_type=None if codec == "none" else codec, linger_ms=5,
        batch_size=65536)
    futures = []
    for line in sys.stdin:
        key, value, headers = line.rstrip("\n").split("\t")
        pairs = [h.split(":") for h in headers.split(",")] if headers else []
        pairs = [(unhex(name).decode(), unhex(value)) for name, value in pairs]
        futures.append(producer.send(topic, key=unhex(key), value=unhex(value), headers=pairs, partition=0))
    producer.flush(60)
    for future in futures:
        future.get(0)
    producer.close()
    print("written", len(futures))


def read(bootstrap, topic, count):
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    partition = TopicPartition(topic, 0)
    consumer.assign([partition])
    consumer.seek_to_beginning(partition)
    seen, deadline = 0, time.monotonic() + 60
    while seen < count:
        if time.monotonic() > deadline:
            sys.exit(f"only {seen} of {count} records after 60 s")
        for records in consumer.poll(timeout_ms=200, max_records=10000).values():
            for r in records:
                headers = ",".join(f"{text(name.encode())}:{text(value)}" for name, value in r.headers)
                sys.stdout.write(f"{r.offset}\t{text(r.key)}\t{text(r.value)}\t{headers}\n")
            seen += len(records)
    consumer.close()


def member(bootstrap, group, topic):
    """A member of a group that leaves at the end of standard input."""
    consumer = KafkaConsumer(
        topic, bootstrap_servers=bootstrap, group_id=group, enable_auto_commit=False, auto_offset_reset="earliest",
        session_timeout_ms=6000, heartbeat_interval_ms=500, max_poll_interval_ms=6000, fetch_max_wait_ms=100)
    left = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), left.set()), daemon=True).start()
    while not left.is_set():
        batches = consumer.poll(timeout_ms=100).values()
        for records in batches:
            for r in records:
                print(r.partition, r.offset, r.value.decode(), flush=True)
        try:
            if batches:
                consumer.commit()
        except KafkaError as error:
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
