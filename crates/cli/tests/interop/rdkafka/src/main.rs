//! The part of the rdkafka crate in the interop run; README.md beside this folder describes the lines.

use rdkafka::Offset;
use rdkafka::TopicPartitionList;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Header, Headers, Message, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, ProducerContext};
use std::io::{BufRead, BufWriter, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

#[derive(Clone, Default)]
struct Acks {
    acked: Arc<AtomicU64>,
    failed: Arc<AtomicU64>,
}

impl rdkafka::ClientContext for Acks {}

impl ProducerContext for Acks {
    type DeliveryOpaque = ();
    fn delivery(&self, result: &DeliveryResult<'_>, _: ()) {
        let counter = if result.is_ok() { &self.acked } else { &self.failed };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let args: Vec<String> = std::env::args().collect();
    match args[1].as_str() {
        "write" => write(&args[2], &args[3], &args[4]).await,
        "read" => read(&args[2], &args[3], args[4].parse().expect("a count")),
        "member" => member(&args[2], &args[3], &args[4]),
        other => panic!("write, read or member, not {other}"),
    }
}

async fn write(bootstrap: &str, topic: &str, codec: &str) {
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", bootstrap).create().expect("an admin client");
    let new = NewTopic::new(topic, 1, TopicReplication::Fixed(1));
    for result in admin.create_topics([&new], &AdminOptions::new()).await.expect("an answer") {
        result.expect("a created topic");
    }
    let acks = Acks::default();
    let producer: BaseProducer<Acks> = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("compression.type", codec)
        .set("enable.idempotence", "true")
        .set("linger.ms", "5")
        .create_with_context(acks.clone())
        .expect("a producer");
    let mut sent = 0;
    for line in std::io::stdin().lock().lines() {
        let line = line.expect("a line");
        let mut parts = line.split('\t');
        let (key, value) = (unhex(parts.next().expect("key")), unhex(parts.next().expect("value")));
        let mut headers = OwnedHeaders::new();
        for header in parts.next().expect("headers").split(',').filter(|h| !h.is_empty()) {
            let (name, value) = header.split_once(':').expect("name and value");
            let name = String::from_utf8(unhex(name).expect("a name")).expect("UTF-8");
            headers = headers.insert(Header { key: &name, value: unhex(value).as_ref() });
        }
        let mut record = BaseRecord::<[u8], [u8]>::to(topic).partition(0).headers(headers);
        record.key = key.as_deref();
        record.payload = value.as_deref();
        loop {
            match producer.send(record) {
                Ok(()) => break,
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                    record = back;
                    producer.poll(Duration::from_millis(20));
                }
                Err((error, _)) => panic!("{error}"),
            }
        }
        sent += 1;
        producer.poll(Duration::ZERO);
    }
    producer.flush(Duration::from_secs(60)).expect("all records leave");
    let (acked, failed) = (acks.acked.load(Ordering::Relaxed), acks.failed.load(Ordering::Relaxed));
    assert_eq!((acked, failed), (sent, 0), "acknowledged and failed of {sent}");
    println!("written {sent}");
}

fn read(bootstrap: &str, topic: &str, count: u64) {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("group.id", "unused")
        .set("enable.auto.commit", "false")
        .create()
        .expect("a consumer");
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, 0, Offset::Beginning).expect("a partition");
    consumer.assign(&list).expect("an assignment");
    let mut out = BufWriter::new(std::io::stdout().lock());
    let start = Instant::now();
    let mut seen = 0;
    while seen < count {
        assert!(start.elapsed() < Duration::from_secs(60), "only {seen} of {count} records after 60 s");
        let Some(message) = consumer.poll(Duration::from_millis(200)) else { continue };
        let message = message.expect("a record");
        let headers: Vec<String> = message
            .headers()
            .map(|headers| {
                headers.iter().map(|h| format!("{}:{}", text(Some(h.key.as_bytes())), text(h.value))).collect()
            })
            .unwrap_or_default();
        let (key, value) = (text(message.key()), text(message.payload()));
        writeln!(out, "{}\t{key}\t{value}\t{}", message.offset(), headers.join(",")).expect("a written line");
        seen += 1;
    }
    out.flush().expect("written lines");
}

/// A member of a group that leaves at the end of standard input.
fn member(bootstrap: &str, group: &str, topic: &str) {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("group.id", group)
        .set("enable.auto.commit", "false")
        .set("auto.offset.reset", "earliest")
        .set("partition.assignment.strategy", "cooperative-sticky")
        .set("session.timeout.ms", "6000")
        .set("heartbeat.interval.ms", "500")
        .set("fetch.wait.max.ms", "100")
        .set("topic.metadata.refresh.interval.ms", "1000")
        .create()
        .expect("a consumer");
    consumer.subscribe(&[topic]).expect("a subscription");
    let leaves = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&leaves);
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        told.store(true, Ordering::Relaxed);
    });
    while !leaves.load(Ordering::Relaxed) {
        let mut wait = Duration::from_millis(100);
        let mut seen = false;
        while let Some(message) = consumer.poll(wait) {
            // An error is news of the connection or of the group; the client goes on by itself.
            let Ok(message) = message else { continue };
            let value = std::str::from_utf8(message.payload().expect("a value")).expect("UTF-8");
            println!("{} {} {value}", message.partition(), message.offset());
            (wait, seen) = (Duration::ZERO, true);
        }
        // A commit of a generation that is gone fails, and the records come again elsewhere.
        if seen && let Err(error) = consumer.commit_consumer_state(CommitMode::Sync) {
            eprintln!("{error}");
        }
    }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if text == "-" {
        return None;
    }
    let digit = |i: usize| u8::from_str_radix(&text[i..i + 2], 16).expect("hex digits");
    Some((0..text.len()).step_by(2).map(digit).collect())
}

fn text(bytes: Option<&[u8]>) -> String {
    bytes.map_or_else(|| "-".to_owned(), |bytes| bytes.iter().map(|b| format!("{b:02x}")).collect())
}
