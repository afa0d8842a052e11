//! A small cluster in memory for the tests of this crate: two nodes on a network inside the process.
//!
//! It knows just enough of Kafka's rules to refuse what a real broker refuses (leaders, sequence numbers, offsets), and
//! breaks on demand: a test queues a [`Fault`] for the next request of an API. It is no broker and shares no code with
//! one; the real ones are asked by hand and by the interoperability tests.

mod admin;
mod groups;
mod handlers;
mod log;

use crate::client::Client;
use crate::config::{ClientConfig, Surroundings};
use bytes::{Bytes, BytesMut};
pub use groups::{FakeGroup, Phase};
use log::FakePartition;
use ottla_env::clock::ManualClock;
use ottla_env::net::{MemoryNet, Net, Stream};
use ottla_env::rng::SeededRng;
use ottla_wire::request::decode_head;
use ottla_wire::{Decoder, ErrorCode};
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

pub const NODES: [i32; 2] = [1, 2];
pub const NOW_MS: i64 = 1_700_000_000_000;

/// What happens to one request.
#[derive(Debug, Clone)]
pub enum Fault {
    /// Nothing is done and the connection ends.
    CloseBefore,
    /// It is done, and the connection ends without an answer.
    CloseAfter,
    /// It is done and never answered.
    Silence,
    /// Every item is answered with this error, and nothing is done.
    Refuse(ErrorCode),
    /// These bytes instead of a frame.
    Bytes(Bytes),
}

#[derive(Debug, Default)]
pub struct State {
    pub topics: BTreeMap<String, Vec<FakePartition>>,
    faults: VecDeque<(i16, Fault)>,
    /// Key and version of every request, in the order of their arrival.
    pub requests: Vec<(i16, i16)>,
    /// Versions that are announced instead of what the codec can read; `None` hides the API.
    pub versions: BTreeMap<i16, Option<(i16, i16)>>,
    pub auto_create: bool,
    pub controller: i32,
    /// A batch beyond it is MESSAGE_TOO_LARGE.
    pub batch_bytes_max: usize,
    pub producer_ids: i64,
    pub connections: usize,
    pub groups: BTreeMap<String, FakeGroup>,
    /// By type and name of the resource.
    pub configs: BTreeMap<(i8, String), BTreeMap<String, String>>,
    /// The node that coordinates all groups.
    pub coordinator: i32,
}

#[derive(Debug, Clone)]
pub struct FakeCluster {
    pub net: MemoryNet,
    pub ports: [u16; 2],
    state: Arc<Mutex<State>>,
    /// Moves with every change of a group.
    groups_changed: tokio::sync::watch::Sender<u64>,
}

impl FakeCluster {
    /// Both nodes listen; there are no topics.
    pub async fn start() -> Self {
        let net = MemoryNet::new();
        let state =
            State { controller: 1, coordinator: 1, batch_bytes_max: usize::MAX, ..Default::default() };
        let state = Arc::new(Mutex::new(state));
        let groups_changed = tokio::sync::watch::channel(0).0;
        let mut cluster = Self { net, ports: [0; 2], state, groups_changed };
        let mut listeners = Vec::new();
        for index in 0..NODES.len() {
            let listener = cluster.net.listen(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
            cluster.ports[index] = listener.local_addr().unwrap().port();
            listeners.push(listener);
        }
        for (listener, node_id) in listeners.into_iter().zip(NODES) {
            let cluster = cluster.clone();
            tokio::spawn(async move {
                while let Ok(stream) = listener.accept().await {
                    cluster.state().connections += 1;
                    tokio::spawn(cluster.clone().serve(node_id, stream));
                }
            });
        }
        cluster
    }

    /// A cluster with one topic `t`, led by the first node.
    pub async fn with_topic(partitions: usize) -> Self {
        let cluster = Self::start().await;
        cluster.create("t", partitions);
        cluster
    }

    pub fn create(&self, topic: &str, partitions: usize) {
        let partitions = (0..partitions).map(|_| FakePartition::led_by(1)).collect();
        self.state().topics.insert(topic.to_owned(), partitions);
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// What happens to the next request of this API that has no fault yet.
    pub fn fault(&self, api_key: i16, fault: Fault) {
        self.state().faults.push_back((api_key, fault));
    }

    pub fn faults_left(&self) -> usize {
        self.state().faults.len()
    }

    /// Values of all records of a partition of `t`, in order.
    pub fn values(&self, partition: usize) -> Vec<String> {
        self.state().topics["t"][partition].values()
    }

    pub fn count(&self, api_key: i16) -> usize {
        self.state().requests.iter().filter(|(key, _)| *key == api_key).count()
    }

    pub fn config(&self) -> ClientConfig {
        ClientConfig {
            bootstrap: vec![format!("fake:{}", self.ports[0])],
            surroundings: Surroundings {
                net: Arc::new(self.net.clone()),
                clock: Arc::new(ManualClock::at(NOW_MS)),
                rng: Arc::new(SeededRng::new(1)),
            },
            ..Default::default()
        }
    }

    pub async fn client(&self) -> Client {
        Client::connect(self.config()).await.unwrap()
    }

    async fn serve(self, node_id: i32, mut stream: Stream) {
        let mut buffer = BytesMut::new();
        loop {
            let Some(frame) = next_frame(&mut stream, &mut buffer).await else { return };
            let mut decoder = Decoder::new(frame.clone());
            let head = decode_head(&mut decoder);
            let fault = {
                let mut state = self.state();
                let key = frame.first_chunk().map_or(-1, |key| i16::from_be_bytes(*key));
                let version = i16::from_be_bytes(*frame[2..].first_chunk().unwrap());
                state.requests.push((key, version));
                let index = state.faults.iter().position(|(of, _)| *of == key);
                index.and_then(|index| state.faults.remove(index)).map(|(_, fault)| fault)
            };
            let refusal = match &fault {
                Some(Fault::CloseBefore) => return,
                Some(Fault::Bytes(bytes)) => {
                    stream.write_all(bytes).await.unwrap();
                    continue;
                }
                Some(Fault::Refuse(code)) => Some(*code),
                _ => None,
            };
            let Some(answer) = handlers::answer(&self, node_id, head, &mut decoder, refusal).await else {
                return;
            };
            match fault {
                Some(Fault::CloseAfter) => return,
                Some(Fault::Silence) => {}
                // A client that left hears nothing.
                _ if stream.write_all(&answer).await.is_err() => return,
                _ => {}
            }
        }
    }
}

async fn next_frame(stream: &mut Stream, buffer: &mut BytesMut) -> Option<Bytes> {
    loop {
        if let Some(length) = buffer.first_chunk() {
            let whole = 4 + i32::from_be_bytes(*length) as usize;
            if buffer.len() >= whole {
                return Some(buffer.split_to(whole).freeze().slice(4..));
            }
        }
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
}
