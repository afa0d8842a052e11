//! One connection to one broker, as bare as can be: frames out, frames in, no task behind it.
//!
//! The client's own connection encodes each request and hands answers to whoever waits; both would show in the figures.
//! Here the two halves are open to the loops that measure. Versions are asked for once, by ApiVersions 0, which every
//! broker answers.

use crate::frames::FrameReader;
use bytes::{Buf, Bytes};
use ottla_client::{ClientError, ErrorCode};
use ottla_env::net::{Net, ReadHalf, WriteHalf};
use ottla_wire::codec::Chunks;
use ottla_wire::frame::{decode_response, encode_request};
use ottla_wire::messages::api_versions::ApiVersionsRequest;
use ottla_wire::{Message, Request};
use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::AsyncWriteExt;

/// What brokers show in their logs.
pub(crate) const CLIENT_ID: &str = "ottla-bench";
/// For one answer; Kafka's `request.timeout.ms`.
pub(crate) const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
const ANSWER_BYTES_MAX: usize = 256 << 20;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    pub host: String,
    pub port: u16,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

#[derive(Debug)]
pub(crate) struct Connection {
    pub peer: String,
    /// Where the host name led to; `None` for a connection in memory.
    pub peer_address: Option<SocketAddr>,
    pub read: FrameReader<ReadHalf>,
    pub write: WriteHalf,
    versions: BTreeMap<i16, (i16, i16)>,
    correlation_id: i32,
}

impl Connection {
    pub async fn open(net: &dyn Net, address: &Address) -> Result<Self, ClientError> {
        let unreachable = |cause: String| ClientError::Unreachable { addresses: address.to_string(), cause };
        let connect = net.connect(&address.host, address.port);
        let stream = match tokio::time::timeout(ANSWER_TIMEOUT, connect).await {
            Ok(stream) => stream.map_err(|error| unreachable(error.to_string()))?,
            Err(_) => return Err(unreachable("no connection in time".to_owned())),
        };
        let peer_address = stream.peer_addr().ok();
        let (read, write) = stream.into_split();
        let mut connection = Self {
            peer: address.to_string(),
            peer_address,
            read: FrameReader::new(read, ANSWER_BYTES_MAX),
            write,
            versions: BTreeMap::new(),
            correlation_id: 0,
        };
        let answer = connection.exchange(&ApiVersionsRequest::default(), 0).await?;
        check("ApiVersions", answer.error_code)?;
        connection.versions =
            answer.api_keys.iter().map(|api| (api.api_key, (api.min_version, api.max_version))).collect();
        Ok(connection)
    }

    /// The highest version that both sides speak, at most `version_max`.
    pub fn version<R: Request>(&self, version_max: i16) -> Result<i16, ClientError> {
        let ours = (R::VERSIONS.0, R::VERSIONS.1.min(version_max));
        let theirs = self.versions.get(&R::KEY).copied();
        match theirs.map(|theirs| (ours.0.max(theirs.0), ours.1.min(theirs.1))) {
            Some((low, high)) if low <= high => Ok(high),
            _ => Err(ClientError::Unsupported { peer: self.peer.clone(), api: R::NAME, ours, theirs }),
        }
    }

    /// Sends one request and waits for its answer.
    pub async fn call<R: Request>(&mut self, body: &R, version_max: i16) -> Result<R::Response, ClientError> {
        let version = self.version::<R>(version_max)?;
        self.exchange(body, version).await
    }

    async fn exchange<R: Request>(&mut self, body: &R, version: i16) -> Result<R::Response, ClientError> {
        self.correlation_id = self.correlation_id.wrapping_add(1) & i32::MAX;
        let frame = encode_request(self.correlation_id, CLIENT_ID, version, body)
            .map_err(|error| ClientError::Invalid(format!("{}: {error}", R::NAME)))?;
        write_frame(&mut self.write, &self.peer, frame).await?;
        let answer = next_answer(&mut self.read, &self.peer, R::NAME).await?;
        decode(&self.peer, version, self.correlation_id, answer)
    }
}

async fn write_frame(write: &mut WriteHalf, peer: &str, frame: Chunks) -> Result<(), ClientError> {
    let head = frame.list.first().cloned().unwrap_or_default();
    let rest = frame.list.get(1..).unwrap_or_default();
    write_chunks(write, peer, head, rest).await
}

/// A gathered write of a head and what follows it.
pub(crate) async fn write_chunks(
    write: &mut WriteHalf,
    peer: &str,
    head: Bytes,
    rest: &[Bytes],
) -> Result<(), ClientError> {
    let mut rest = rest.iter().cloned();
    let mut first = head.chain(rest.next().unwrap_or_default()).chain(rest.next().unwrap_or_default());
    let mut result = write.write_all_buf(&mut first).await;
    for mut chunk in rest {
        if result.is_ok() {
            result = write.write_all_buf(&mut chunk).await;
        }
    }
    result.map_err(|error| disconnected(peer, &error))
}

pub(crate) async fn next_answer(
    read: &mut FrameReader<ReadHalf>,
    peer: &str,
    what: &str,
) -> Result<Bytes, ClientError> {
    match tokio::time::timeout(ANSWER_TIMEOUT, read.next()).await {
        Ok(answer) => answer.map_err(|error| disconnected(peer, &error)),
        Err(_) => Err(ClientError::TimedOut { what: what.to_owned(), after: ANSWER_TIMEOUT }),
    }
}

fn disconnected(peer: &str, error: &std::io::Error) -> ClientError {
    ClientError::Disconnected { peer: peer.to_owned(), cause: error.to_string() }
}

/// Answers come in the order of requests; another correlation id than the expected one is the broker's mistake.
pub(crate) fn decode<M: Message>(
    peer: &str,
    version: i16,
    correlation_id: i32,
    answer: Bytes,
) -> Result<M, ClientError> {
    let malformed = |problem: String| ClientError::Malformed { peer: peer.to_owned(), problem };
    match decode_response(version, answer) {
        Ok((answered, body)) if answered == correlation_id => Ok(body),
        Ok((answered, _)) => {
            Err(malformed(format!("the answer to request {answered} where that to {correlation_id} was due")))
        }
        Err(error) => Err(malformed(format!("{} version {version}: {error}", M::NAME))),
    }
}

pub(crate) fn check(what: &str, code: i16) -> Result<(), ClientError> {
    match ErrorCode::from_code(code) {
        ErrorCode::None => Ok(()),
        code => Err(ClientError::Refused { what: what.to_owned(), code, message: None }),
    }
}
