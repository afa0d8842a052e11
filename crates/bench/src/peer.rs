//! A broker in memory for the tests of the loads that keep a rate.
//!
//! It has one partition, takes batches of one record, gives them out again, and stands still once. Meanwhile it reads
//! nothing, so that the connection fills up and whatever is due behind that is written late.

use crate::connection::Address;
use crate::figures::Measured;
use crate::frames::FrameReader;
use crate::layout::{Layout, Leader};
use bytes::{Bytes, BytesMut};
use ottla_client::config::Surroundings;
use ottla_env::clock::Clock;
use ottla_env::net::{MemoryNet, Net, Stream};
use ottla_env::rng::SeededRng;
use ottla_wire::frame::encode_response;
use ottla_wire::messages::api_versions::{ApiVersion, ApiVersionsResponse};
use ottla_wire::messages::fetch::{FetchRequest, FetchResponse, FetchableTopicResponse, PartitionData};
use ottla_wire::messages::produce::{ProduceRequest, ProduceResponse};
use ottla_wire::request::decode_head;
use ottla_wire::{Decoder, Message, apis};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

/// A record every 10 ms.
pub(crate) const RATE: u32 = 100;
pub(crate) const TIME: Duration = Duration::from_secs(1);
/// Four of them are more than a connection in memory holds.
pub(crate) const RECORD_BYTES: usize = 20_000;

/// Records that come before the one at which it stands still.
const BEFORE_STALL: usize = 10;
const STALL: Duration = Duration::from_millis(200);
const REQUEST_BYTES_MAX: usize = 1 << 20;

#[derive(Debug, Clone)]
struct Peer {
    /// By offset, for one batch is one record.
    log: watch::Sender<Vec<Bytes>>,
}

/// Reads the time of the runtime, which a test pauses.
#[derive(Debug)]
struct RuntimeClock {
    began: Instant,
}

impl Clock for RuntimeClock {
    fn now_ms(&self) -> i64 {
        1_000
    }

    fn monotonic(&self) -> Duration {
        self.began.elapsed()
    }
}

/// Starts it on a network of its own.
pub(crate) async fn start() -> (Layout, Surroundings) {
    let net = MemoryNet::new();
    let listener = net.listen(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let peer = Peer { log: watch::channel(Vec::new()).0 };
    tokio::spawn(async move {
        while let Ok(stream) = listener.accept().await {
            tokio::spawn(peer.clone().serve(stream));
        }
    });
    let leader = Leader { address: Address { host: "peer".to_owned(), port }, partitions: vec![0] };
    let layout = Layout { topic: "t".to_owned(), brokers: vec![leader] };
    let surroundings = Surroundings {
        net: Arc::new(net),
        clock: Arc::new(RuntimeClock { began: Instant::now() }),
        rng: Arc::new(SeededRng::new(1)),
    };
    (layout, surroundings)
}

/// Twenty records were due while the peer stood still, and each has waited since then: 200 ms, 190, and so on. Counted
/// from when they were written, those for which the connection had no room would have waited for nothing.
pub(crate) fn check(measured: &Measured) {
    assert_eq!(measured.done.records, 100);
    let ms = |quantile| measured.latencies.quantile_ms(quantile).unwrap();
    assert!((199.0..202.0).contains(&ms(1.0)), "{}", ms(1.0));
    assert!((90.0..=111.0).contains(&ms(0.9)), "{}", ms(0.9));
    assert!(ms(0.79) < 1.0, "{}", ms(0.79));
}

impl Peer {
    async fn serve(self, stream: Stream) {
        let (read, mut write) = stream.into_split();
        let mut requests = FrameReader::new(read, REQUEST_BYTES_MAX);
        while let Ok(request) = requests.next().await {
            let mut decoder = Decoder::new(request);
            let head = decode_head(&mut decoder).unwrap();
            let (id, version) = (head.correlation_id, head.api_version);
            let answer = match head.api_key {
                apis::API_VERSIONS => encode_response(id, version, &versions()),
                apis::PRODUCE => {
                    let request = ProduceRequest::read(&mut decoder, version).unwrap();
                    self.append(&request).await;
                    encode_response(id, version, &ProduceResponse::default())
                }
                apis::FETCH => {
                    let request = FetchRequest::read(&mut decoder, version).unwrap();
                    encode_response(id, version, &self.fetch(&request).await)
                }
                key => panic!("API {key} is not asked for"),
            };
            if write.write_all(&answer.unwrap().to_bytes()).await.is_err() {
                return;
            }
        }
    }

    async fn append(&self, request: &ProduceRequest) {
        let offset = self.log.borrow().len();
        if offset == BEFORE_STALL {
            sleep(STALL).await;
        }
        let records = request.topic_data[0].partition_data[0].records.as_ref().unwrap();
        let mut batch = BytesMut::from(&records.to_bytes()[..]);
        batch[..8].copy_from_slice(&(offset as u64).to_be_bytes());
        self.log.send_modify(|log| log.push(batch.freeze()));
    }

    /// Waits for a record as long as it was asked to.
    async fn fetch(&self, request: &FetchRequest) -> FetchResponse {
        let topic = &request.topics[0];
        let offset = usize::try_from(topic.partitions[0].fetch_offset).unwrap();
        let patience = Duration::from_millis(u64::from(request.max_wait_ms.unsigned_abs()));
        let mut log = self.log.subscribe();
        let _ = timeout(patience, log.wait_for(|log| log.len() > offset)).await;
        let records: Bytes = log.borrow()[offset..].concat().into();
        let data = PartitionData { records: Some(records.into()), ..PartitionData::default() };
        let topic = FetchableTopicResponse {
            topic: topic.topic.clone(),
            partitions: vec![data],
            ..FetchableTopicResponse::default()
        };
        FetchResponse { responses: vec![topic], ..FetchResponse::default() }
    }
}

fn versions() -> ApiVersionsResponse {
    let own = [(apis::API_VERSIONS, 0, 0), (apis::PRODUCE, 3, 12), (apis::FETCH, 4, 12)];
    let version = |(api_key, min_version, max_version)| ApiVersion { api_key, min_version, max_version };
    ApiVersionsResponse { api_keys: own.map(version).to_vec(), ..ApiVersionsResponse::default() }
}
