//! A broker, and connections that speak raw frames to it.

use bytes::{Bytes, BytesMut};
use ottla_broker::settings::{Input, load};
use ottla_broker::{Broker, BrokerStart, StartError, partitions_max};
use ottla_env::clock::{Clock, ManualClock, OsClock};
use ottla_env::disk::MemoryDisk;
use ottla_env::lanes::Lanes;
use ottla_env::net::{MemoryNet, Net, ReadHalf, WriteHalf};
use ottla_env::rng::SeededRng;
use ottla_env::task::{Threads, Workers};
use ottla_wire::codec::{Records, Request};
use ottla_wire::frame::{decode_response, encode_request};
use ottla_wire::messages::api_versions::ApiVersionsRequest;
use ottla_wire::messages::fetch::{FetchPartition, FetchRequest, FetchTopic};
use ottla_wire::messages::produce::{
    PartitionProduceData, PartitionProduceResponse, ProduceRequest, TopicProduceData,
};
use ottla_wire::record::{BatchBuilder, BuildOptions};
use ottla_wire::{ErrorCode, apis};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

pub struct Running {
    pub broker: Broker,
    net: MemoryNet,
}

pub async fn start(settings: &[(&str, &str)]) -> Running {
    let disk = MemoryDisk::new();
    start_on(&disk, settings).await
}

pub async fn start_on(disk: &MemoryDisk, settings: &[(&str, &str)]) -> Running {
    try_start_on(disk, settings).await.unwrap()
}

pub async fn try_start_on(disk: &MemoryDisk, settings: &[(&str, &str)]) -> Result<Running, String> {
    try_start_with(Machine::default(), disk, settings).await
}

/// What a broker has of its machine beside disk and network.
pub struct Machine {
    pub clock: Arc<dyn Clock>,
    pub workers: Arc<dyn Workers>,
    pub partitions_max: u64,
}

impl Default for Machine {
    fn default() -> Self {
        Self {
            clock: Arc::new(OsClock::new()),
            workers: Arc::new(Threads),
            partitions_max: partitions_max(None),
        }
    }
}

impl Machine {
    /// One whose clock moves only when told to.
    pub fn with_clock(clock: &Arc<ManualClock>) -> Self {
        Self { clock: Arc::clone(clock) as Arc<dyn Clock>, ..Self::default() }
    }
}

pub async fn start_with(machine: Machine, disk: &MemoryDisk, settings: &[(&str, &str)]) -> Running {
    try_start_with(machine, disk, settings).await.unwrap()
}

async fn try_start_with(
    machine: Machine,
    disk: &MemoryDisk,
    settings: &[(&str, &str)],
) -> Result<Running, String> {
    let net = MemoryNet::new();
    let settings = [&[("listeners", "PLAINTEXT://127.0.0.1:9092")], settings].concat();
    let broker = broker_with(machine, disk, &net, &settings).await.map_err(|error| error.to_string())?;
    broker.recover().await.map_err(|error| error.to_string())?;
    Ok(Running { broker, net })
}

/// A broker with its own listeners, before it recovers.
pub async fn broker_on(
    disk: &MemoryDisk,
    net: &MemoryNet,
    settings: &[(&str, &str)],
) -> Result<Broker, StartError> {
    broker_with(Machine::default(), disk, net, settings).await
}

async fn broker_with(
    Machine { clock, workers, partitions_max }: Machine,
    disk: &MemoryDisk,
    net: &MemoryNet,
    settings: &[(&str, &str)],
) -> Result<Broker, StartError> {
    let mut flags = vec![("log.dirs".to_owned(), "data".to_owned())];
    flags.extend(settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    Broker::start(BrokerStart {
        settings: load(&Input { flags, ..Input::default() }).unwrap(),
        disk: Arc::new(disk.clone()),
        net: Arc::new(net.clone()),
        clock,
        rng: Arc::new(SeededRng::new(1)),
        workers,
        lanes: Lanes::default(),
        partitions_max,
    })
    .await
}

/// Waits for what comes by itself, and fails when it does not.
pub async fn patient<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), what).await.expect("it comes by itself")
}

impl Running {
    /// What `/metrics` says of a name, with its labels if it has some.
    pub async fn metric(&self, name: &str) -> u64 {
        self.shown(name).await.parse().unwrap()
    }

    /// The same of a time.
    pub async fn seconds(&self, name: &str) -> f64 {
        self.shown(name).await.parse().unwrap()
    }

    async fn shown(&self, name: &str) -> String {
        let text = self.broker.metrics().await.unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("{name} is not shown")).to_owned()
    }

    pub async fn connect(&self) -> Connection {
        self.connect_to(9092).await
    }

    pub async fn connect_to(&self, port: u16) -> Connection {
        let (reader, writer) = self.net.connect("127.0.0.1", port).await.unwrap().into_split();
        Connection { reader, writer, correlation: 0 }
    }
}

pub struct Connection {
    reader: ReadHalf,
    writer: WriteHalf,
    correlation: i32,
}

impl Connection {
    pub async fn send<R: Request>(&mut self, version: i16, body: &R) {
        self.correlation += 1;
        let frame = encode_request(self.correlation, "test", version, body).unwrap();
        self.send_raw(&frame.to_bytes()).await;
    }

    pub async fn send_raw(&mut self, bytes: &[u8]) {
        self.writer.write_all(bytes).await.unwrap();
    }

    /// The next frame without its length; `None` when the broker closed the connection.
    pub async fn receive_raw(&mut self) -> Option<Bytes> {
        let len = usize::try_from(self.reader.read_i32().await.ok()?).unwrap();
        let mut frame = BytesMut::zeroed(len);
        self.reader.read_exact(&mut frame).await.ok()?;
        Some(frame.freeze())
    }

    /// So many bytes of an answer; `None` when the broker closed the connection before.
    pub async fn receive_bytes(&mut self, len: usize) -> Option<Bytes> {
        let mut bytes = BytesMut::zeroed(len);
        self.reader.read_exact(&mut bytes).await.ok()?;
        Some(bytes.freeze())
    }

    /// The next answer, and the request it answers.
    pub async fn receive<R: Request>(&mut self, version: i16) -> (i32, R::Response) {
        let frame = self.receive_raw().await.expect("an answer");
        decode_response(version, frame).unwrap()
    }

    pub async fn call<R: Request>(&mut self, version: i16, body: &R) -> R::Response {
        self.send(version, body).await;
        let (correlation, answer) = self.receive::<R>(version).await;
        assert_eq!(correlation, self.correlation);
        answer
    }

    /// Sends nothing any more, and still reads.
    pub async fn leave(&mut self) {
        self.writer.shutdown().await.unwrap();
    }

    /// No byte of an answer has come yet.
    pub async fn is_silent(&mut self) -> bool {
        tokio::select! {
            biased;
            _ = self.receive_raw() => false,
            () = std::future::ready(()) => true,
        }
    }

    /// The broker answers here, and did not close.
    pub async fn is_served(&mut self) -> bool {
        let frame = encode_request(0, "test", 2, &ApiVersionsRequest::default()).unwrap();
        let is_sent = self.writer.write_all(&frame.to_bytes()).await.is_ok();
        is_sent && self.receive_raw().await.is_some()
    }

    pub async fn is_closed(&mut self) -> bool {
        self.receive_raw().await.is_none()
    }

    pub async fn produce(&mut self, topic: &str, partition: i32, batch: Bytes) -> PartitionProduceResponse {
        let answer = self.call(9, &produce_request(topic, partition, batch, -1)).await;
        answer.responses[0].partition_responses[0].clone()
    }
}

pub fn produce_request(topic: &str, index: i32, batch: Bytes, acks: i16) -> ProduceRequest {
    let records = Some(Records::from_slices([batch]));
    ProduceRequest {
        acks,
        timeout_ms: 5_000,
        topic_data: vec![TopicProduceData {
            name: topic.into(),
            partition_data: vec![PartitionProduceData { index, records }],
            ..Default::default()
        }],
        ..Default::default()
    }
}

/// From the beginning of partition 0.
pub fn fetch_request(topic: &str, max_bytes: i32, max_wait_ms: i32) -> FetchRequest {
    let partition = FetchPartition { partition_max_bytes: max_bytes, ..Default::default() };
    let topics = vec![FetchTopic { topic: topic.into(), partitions: vec![partition], ..Default::default() }];
    FetchRequest { max_wait_ms, min_bytes: 1, max_bytes, session_epoch: -1, topics, ..Default::default() }
}

pub fn batch(values: &[&str]) -> Bytes {
    batch_with(values, 1_000, BuildOptions::default())
}

pub fn batch_with(values: &[&str], timestamp: i64, options: BuildOptions) -> Bytes {
    let mut builder = BatchBuilder::new();
    for (i, value) in values.iter().enumerate() {
        builder.push(timestamp + i as i64, None, Some(value.as_bytes()), &[]);
    }
    builder.build(options).unwrap()
}

/// What every version of an API is called with; fails when one is answered by the end of the connection.
pub fn versions(key: i16) -> std::ops::RangeInclusive<i16> {
    let api = apis::find(key).unwrap();
    api.min..=api.max
}

pub fn ok(code: i16) {
    assert_eq!(ErrorCode::from_code(code), ErrorCode::None);
}
