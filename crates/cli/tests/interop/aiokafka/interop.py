"""aiokafka's part of the interop run; README.md beside this folder describes the lines it reads and writes."""
import asyncio
import sys

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError


def unhex(text):
    return None if text == "-" else bytes.fromhex(text)


def text(value):
    return "-" if value is None else value.hex()


async def write(bootstrap, topic, codec):
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    created = await admin.create_topics([NewTopic(topic, 1, 1)])
    await admin.close()
    for name, code, *message in created.topic_errors:
        if code != 0:
            sys.exit(f"{name}: error {code} {message}")
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap, compression_type=None if codec == "none" else codec, linger_ms=5,
        max_batch_size=65536, enable_idempotence=True)
    await producer.start()
    futures = []
    for line in sys.stdin:
        key, value, headers = line.rstrip("\n").split("\t")
        pairs = [h.split(":") for h in headers.split(",")] if headers else []
        pairs = [(unhex(name).decode(), unhex(value)) for name, value in pairs]
        futures.append(await producer.send(topic, key=unhex(key), value=unhex(value), headers=pairs, partition=0))
    await producer.flush()
    await asyncio.gather(*futures)
    await producer.stop()
    print("written", len(futures))


async def read(bootstrap, topic, count):
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    await consumer.start()
    partition = TopicPartition(topic, 0)
    consumer.assign([partition])
    await consumer.seek_to_beginning(partition)
    seen = 0
    while seen < count:
        for records in (await consumer.getmany(timeout_ms=200, max_records=10000)).values():
            for r in records:
                headers = ",".join(f"{text(name.encode())}:{text(value)}" for name, value in r.headers)
                sys.stdout.write(f"{r.offset}\t{text(r.key)}\t{text(r.value)}\t{headers}\n")
            seen += len(records)
    await consumer.stop()


async def member(bootstrap, group, topic):
    """A member of a group that leaves at the end of standard input."""
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=bootstrap, group_id=group, enable_auto_commit=False, auto_offset_reset="earliest",
        session_timeout_ms=6000, heartbeat_interval_ms=500, rebalance_timeout_ms=6000, fetch_max_wait_ms=100)
    await consumer.start()
    left = asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    while not left.done():
        batches = (await consumer.getmany(timeout_ms=100)).values()
        for records in batches:
            for r in records:
                print(r.partition, r.offset, r.value.decode(), flush=True)
        try:
            if batches:
                await consumer.commit()
        except KafkaError as error:
            # A commit of a generation that is gone fails, and the records come again elsewhere.
            print(error, file=sys.stderr)
    await consumer.stop()


if sys.argv[1] == "member":
    asyncio.run(member(*sys.argv[2:5]))
    sys.exit()
if sys.argv[1] == "write":
    task = write(*sys.argv[2:5])
elif sys.argv[1] == "read":
    task = read(sys.argv[2], sys.argv[3], int(sys.argv[4]))
else:
    sys.exit(f"write, read or member, not {sys.argv[1]}")
asyncio.run(asyncio.wait_for(task, 60))
