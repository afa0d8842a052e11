//! Batches that are encoded before the clock starts, and the produce requests around them.
//!
//! Records have no key and a value as services write them: JSON events whose names repeat and whose numbers do not. A
//! handful of different batches is sent again and again: a broker that stores what it gets cannot tell, and the
//! generator's memory stays small. They name no producer, because sequence numbers stand under the CRC and would have to
//! be signed anew.

use crate::connection::CLIENT_ID;
use bytes::{Bytes, BytesMut};
use ottla_client::{ClientError, Codec};
use ottla_env::rng::Rng;
use ottla_wire::frame::encode_request;
use ottla_wire::messages::produce::{PartitionProduceData, ProduceRequest, TopicProduceData};
use ottla_wire::record::{BatchBuilder, BuildOptions, record_size_max};
use std::fmt::Write as _;

/// Different batches of a load.
const BATCHES: usize = 8;
/// Where the correlation id stands in a frame: behind its length, the API's key and the version.
const CORRELATION_AT: usize = 8;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Batch {
    pub bytes: Bytes,
    pub records: u64,
}

/// As many batches as a run needs, each of at most `batch_bytes` before compression, and of one record at least.
pub(crate) fn batches(
    record_bytes: usize,
    batch_bytes: usize,
    codec: Codec,
    now_ms: i64,
    rng: &dyn Rng,
) -> Result<Vec<Batch>, ClientError> {
    (0..BATCHES).map(|_| batch(record_bytes, batch_bytes, codec, now_ms, rng)).collect()
}

fn batch(
    record_bytes: usize,
    batch_bytes: usize,
    codec: Codec,
    now_ms: i64,
    rng: &dyn Rng,
) -> Result<Batch, ClientError> {
    let mut builder = BatchBuilder::new();
    loop {
        let value = value(record_bytes, now_ms, rng);
        builder.push(now_ms, None, Some(&value), &[]);
        if builder.size() + record_size_max(None, Some(&value), &[]) > batch_bytes {
            break;
        }
    }
    let records = u64::from(builder.count().unsigned_abs());
    let bytes = builder
        .build(BuildOptions { codec, ..BuildOptions::default() })
        .map_err(|error| ClientError::Invalid(format!("a batch of {records} records: {error}")))?;
    Ok(Batch { bytes, records })
}

/// Events until the length is reached; the last one is cut off.
fn value(len: usize, now_ms: i64, rng: &dyn Rng) -> Vec<u8> {
    const EVENTS: [&str; 8] = [
        "cart.opened",
        "order.placed",
        "order.paid",
        "order.sent",
        "page.viewed",
        "search.done",
        "user.left",
        "user.came",
    ];
    let mut text = String::with_capacity(len + 128);
    while text.len() < len {
        let random = rng.next_u64();
        let (event, user, cents) =
            (EVENTS[(random & 7) as usize], random >> 3 & 0xf_ffff, random >> 23 & 0xffff);
        let (id, at) = (random >> 39, now_ms + (random >> 39 & 0x3ff).cast_signed());
        let _ = writeln!(
            text,
            r#"{{"id":{id},"at":{at},"event":"{event}","user":{user},"amount":{}.{:02}}}"#,
            cents / 100,
            cents % 100
        );
    }
    text.truncate(len);
    text.into_bytes()
}

/// A produce request, ready but for its correlation id.
#[derive(Debug, Clone)]
pub(crate) struct Prepared {
    head: Bytes,
    rest: Vec<Bytes>,
    pub records: u64,
    /// Of the batch.
    pub bytes: u64,
}

/// Where a request goes and how it is to be acknowledged.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Destination<'a> {
    pub topic: &'a str,
    pub partition: i32,
    /// On the wire: -1 all, 1 the leader, 0 none.
    pub acks: i16,
    pub timeout_ms: i32,
    pub version: i16,
}

impl Prepared {
    pub fn new(batch: &Batch, to: Destination<'_>) -> Result<Self, ClientError> {
        let request = produce_request(batch.bytes.clone(), to);
        let frame = encode_request(0, CLIENT_ID, to.version, &request)
            .map_err(|error| ClientError::Invalid(format!("produce request: {error}")))?;
        let mut chunks = frame.list.into_iter();
        let head = chunks.next().unwrap_or_default();
        let bytes = batch.bytes.len() as u64;
        Ok(Self { head, rest: chunks.collect(), records: batch.records, bytes })
    }

    /// The head of this sending; what follows it is [`Prepared::rest`].
    pub fn head(&self, correlation_id: i32) -> Bytes {
        let mut head = BytesMut::from(&self.head[..]);
        head[CORRELATION_AT..CORRELATION_AT + 4].copy_from_slice(&correlation_id.to_be_bytes());
        head.freeze()
    }

    pub fn rest(&self) -> &[Bytes] {
        &self.rest
    }
}

pub(crate) fn produce_request(batch: Bytes, to: Destination<'_>) -> ProduceRequest {
    let partition = PartitionProduceData { index: to.partition, records: Some(batch.into()) };
    let topic = TopicProduceData {
        name: to.topic.into(),
        partition_data: vec![partition],
        ..TopicProduceData::default()
    };
    ProduceRequest {
        transactional_id: None,
        acks: to.acks,
        timeout_ms: to.timeout_ms,
        topic_data: vec![topic],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ottla_env::rng::SeededRng;
    use ottla_wire::Decoder;
    use ottla_wire::batch::BatchHeader;
    use ottla_wire::codec::Message;
    use ottla_wire::record::iterate;
    use ottla_wire::request::decode_head;

    fn one(record_bytes: usize, batch_bytes: usize, codec: Codec) -> Batch {
        batch(record_bytes, batch_bytes, codec, 1_000, &SeededRng::new(7)).unwrap()
    }

    #[test]
    fn batches_are_full_and_hold_what_was_asked_for() {
        let full = one(1_000, 100_000, Codec::None);
        assert!(full.bytes.len() <= 100_000 && full.bytes.len() > 98_000, "{}", full.bytes.len());
        let records: Vec<_> = iterate(&full.bytes, 1 << 20).unwrap().collect::<Result<_, _>>().unwrap();
        assert_eq!(records.len() as u64, full.records);
        assert!(records.iter().all(|record| record.value.as_ref().is_some_and(|v| v.len() == 1_000)));
        assert_eq!(one(1_000, 1, Codec::None).records, 1);
    }

    #[test]
    fn a_codec_packs_the_same_records_into_fewer_bytes() {
        for codec in Codec::ALL.into_iter().filter(|codec| *codec != Codec::None) {
            let packed = one(1_000, 100_000, codec);
            assert_eq!(packed.records, one(1_000, 100_000, Codec::None).records);
            assert_eq!(BatchHeader::parse(&packed.bytes).unwrap().codec().unwrap(), codec);
            assert!(packed.bytes.len() < 60_000, "{codec:?}: {}", packed.bytes.len());
        }
    }

    #[test]
    fn a_prepared_request_differs_in_its_correlation_id_only() {
        for batch_bytes in [1, 100_000] {
            let batch = one(100, batch_bytes, Codec::None);
            let to = Destination { topic: "t", partition: 3, acks: -1, timeout_ms: 1_000, version: 12 };
            let prepared = Prepared::new(&batch, to).unwrap();
            let frame = [&prepared.head(77)[..], &prepared.rest().concat()].concat();
            let (length, frame) = frame.split_first_chunk::<4>().unwrap();
            assert_eq!(i32::from_be_bytes(*length) as usize, frame.len());
            let mut decoder = Decoder::new(Bytes::copy_from_slice(frame));
            assert_eq!(decode_head(&mut decoder).unwrap().correlation_id, 77);
            let request = ProduceRequest::read(&mut decoder, 12).unwrap();
            assert_eq!(request, produce_request(batch.bytes.clone(), to));
        }
    }
}
