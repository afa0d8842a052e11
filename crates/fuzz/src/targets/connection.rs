//! A whole broker in this process, on a disk and a network in memory: a connection may bring any bytes. No thread or task
//! of the broker panics, from its start to the end of its stop, which is a clean one; and every so often a neighbour's
//! record is written and read as it was written.
//!
//! What the connection itself is answered is not judged, nor whether it is: it may ask for what takes its time.

use crate::frames;
use bytes::Bytes;
use ottla_broker::settings::{Input, load};
use ottla_broker::{Broker, BrokerStart, partitions_max};
use ottla_env::clock::OsClock;
use ottla_env::disk::MemoryDisk;
use ottla_env::lanes::Lanes;
use ottla_env::net::{MemoryNet, Net};
use ottla_env::rng::SeededRng;
use ottla_env::task::Threads;
use ottla_wire::codec::{Records, Request};
use ottla_wire::frame::{decode_response, encode_request};
use ottla_wire::messages::create_topics::{CreatableTopic, CreateTopicsRequest};
use ottla_wire::messages::fetch::{FetchPartition, FetchRequest, FetchTopic};
use ottla_wire::messages::produce::{PartitionProduceData, ProduceRequest, TopicProduceData};
use ottla_wire::record::{self, BatchBuilder, BuildOptions};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Once, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::Runtime;

const PORT: u16 = 9092;
/// Inputs that one broker lives through: what they create stays in its memory.
const INPUTS: usize = 1_000;
/// Every so many inputs the neighbour writes and reads.
const NEIGHBOUR_EVERY: usize = 16;
/// Answers to one input are read up to here; a fetch may ask for much.
const ANSWERS: u64 = 1 << 20;
/// A long poll is not waited for.
const PATIENCE: Duration = Duration::from_millis(50);
/// Names of topics that a mutation hardly hits.
const TOPIC: &str = "the-neighbour-s-own-topic";

static PANICS: AtomicUsize = AtomicUsize::new(0);

/// Panics of the broker's own threads and tasks, which end nothing but their connection.
fn count_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            PANICS.fetch_add(1, Ordering::SeqCst);
            before(panic);
        }));
    });
}

struct Running {
    runtime: Runtime,
    net: MemoryNet,
    broker: Option<Broker>,
    inputs: usize,
    written: i64,
    /// Panics that there were before it was started.
    panics: usize,
}

static RUNNING: Mutex<Option<Running>> = Mutex::new(None);

impl Running {
    fn start() -> Self {
        let panics = PANICS.load(Ordering::SeqCst);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.expect("a runtime can be started");
        let net = MemoryNet::new();
        let flags = [
            ("log.dirs", "data"),
            ("listeners", "PLAINTEXT://127.0.0.1:9092"),
            ("num.partitions", "1"),
            ("offsets.topic.num.partitions", "2"),
            ("group.initial.rebalance.delay.ms", "0"),
        ];
        let flags = flags.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        let settings = load(&Input { flags, ..Input::default() }).expect("these settings are good");
        let started = runtime.block_on(Broker::start(BrokerStart {
            settings,
            disk: Arc::new(MemoryDisk::new()),
            net: Arc::new(net.clone()),
            clock: Arc::new(OsClock::new()),
            rng: Arc::new(SeededRng::new(1)),
            workers: Arc::new(Threads),
            lanes: Lanes::default(),
            partitions_max: partitions_max(None),
        }));
        let broker = started.expect("a broker on an empty disk starts");
        let running = Self { runtime, net, broker: Some(broker), inputs: 0, written: 0, panics };
        let topic = CreatableTopic {
            name: TOPIC.into(),
            num_partitions: 1,
            replication_factor: 1,
            ..Default::default()
        };
        let request = CreateTopicsRequest { topics: vec![topic], timeout_ms: 10_000, ..Default::default() };
        let answer = running.call(7, &request);
        assert_eq!(answer.topics[0].error_code, 0, "a topic can be made");
        running
    }

    /// Whether anything was answered.
    fn throw(&self, input: &[u8]) -> bool {
        self.runtime.block_on(async {
            let stream = self.net.connect("127.0.0.1", PORT).await.expect("the broker listens");
            let (reader, mut writer) = stream.into_split();
            // It may be closed in the middle.
            let _ = writer.write_all(input).await;
            let _ = writer.shutdown().await;
            let mut answers = Vec::new();
            let mut reader = reader.take(ANSWERS);
            let answered = reader.read_to_end(&mut answers);
            let _ = tokio::time::timeout(PATIENCE, answered).await;
            !answers.is_empty()
        })
    }

    fn call<R: Request>(&self, version: i16, body: &R) -> R::Response {
        self.runtime.block_on(async {
            let stream = self.net.connect("127.0.0.1", PORT).await.expect("the broker listens");
            let (mut reader, mut writer) = stream.into_split();
            let frame =
                encode_request(1, "neighbour", version, body).expect("a small request can be written");
            writer.write_all(&frame.to_bytes()).await.expect("a request can be sent");
            let len = reader.read_i32().await.expect("the neighbour is answered");
            let mut answer = vec![0; usize::try_from(len).expect("an answer has a length")];
            reader.read_exact(&mut answer).await.expect("the neighbour is answered");
            decode_response(version, answer.into()).expect("an answer is read").1
        })
    }

    /// The neighbour's next record is written behind its last one.
    fn write(&self) {
        let mut builder = BatchBuilder::new();
        builder.push(1_000, None, Some(self.value().as_bytes()), &[]);
        let batch = builder.build(BuildOptions::default()).expect("a small batch can be built");
        let request = ProduceRequest {
            acks: -1,
            timeout_ms: 10_000,
            topic_data: vec![TopicProduceData {
                name: TOPIC.into(),
                partition_data: vec![PartitionProduceData {
                    index: 0,
                    records: Some(Records::from_slices([batch])),
                }],
                ..Default::default()
            }],
            ..Default::default()
        };
        let answer = self.call(9, &request).responses[0].partition_responses[0].clone();
        assert_eq!((answer.error_code, answer.base_offset), (0, self.written), "the neighbour's record");
    }

    /// No two records of the neighbour are the same.
    fn value(&self) -> String {
        format!("record {} of the neighbour", self.written)
    }

    /// The record that was written last is read, and nothing else is.
    fn read(&self) {
        let partition = FetchPartition {
            fetch_offset: self.written,
            partition_max_bytes: 1 << 20,
            ..FetchPartition::default()
        };
        let topic = FetchTopic { topic: TOPIC.into(), partitions: vec![partition], ..FetchTopic::default() };
        let request = FetchRequest {
            max_bytes: 1 << 20,
            session_epoch: -1,
            topics: vec![topic],
            ..FetchRequest::default()
        };
        let answer = self.call(12, &request).responses[0].partitions[0].clone();
        assert_eq!(answer.error_code, 0, "the neighbour's record is not read");
        let batch = answer.records.map(|records| records.to_bytes()).unwrap_or_default();
        let records = record::iterate(&batch, 1 << 20).expect("the neighbour's batch is read");
        let found: Vec<_> = records.map(|record| record.map(|r| (r.offset, r.value))).collect();
        assert_eq!(found, [Ok((self.written, Some(Bytes::from(self.value()))))], "the neighbour's record");
    }

    fn judge(panics: usize) {
        assert_eq!(PANICS.load(Ordering::SeqCst), panics, "a task of the broker panicked");
    }

    fn stop(mut self) {
        if let Some(broker) = self.broker.take() {
            self.runtime.block_on(broker.stop()).expect("a broker that was thrown at stops cleanly");
        }
        let panics = self.panics;
        // Waits for what its threads are still doing.
        drop(self);
        Self::judge(panics);
    }
}

pub fn connection(input: &[u8]) -> bool {
    count_panics();
    let mut slot = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
    let mut running = slot.take().unwrap_or_else(Running::start);
    let answered = running.throw(input);
    running.inputs += 1;
    if running.inputs.is_multiple_of(NEIGHBOUR_EVERY) {
        running.write();
        running.read();
        running.written += 1;
    }
    Running::judge(running.panics);
    if running.inputs < INPUTS {
        *slot = Some(running);
    } else {
        running.stop();
    }
    answered
}

pub fn connection_corpus() -> Vec<Vec<u8>> {
    let requests = frames::requests();
    // Of each API one, and several on one connection.
    let mut known = std::collections::BTreeSet::new();
    let mut all: Vec<Vec<u8>> =
        requests.iter().filter(|frame| known.insert(frame[4..8].to_vec())).cloned().collect();
    all.extend(requests.chunks(9).step_by(20).map(<[Vec<u8>]>::concat));
    all.extend([b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(), vec![0x7f, 0xff, 0xff, 0xff], vec![0; 64]]);
    all
}
