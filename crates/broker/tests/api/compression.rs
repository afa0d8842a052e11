//! What the broker compresses itself, and how large a batch may be when it is opened.

use crate::harness::{Connection, batch, batch_with, ok, produce_request, start};
use crate::topics::creation;
use bytes::Bytes;
use ottla_wire::ErrorCode;
use ottla_wire::batch::{batches, validate};
use ottla_wire::compress::Codec;
use ottla_wire::messages::create_topics::CreatableTopicConfig;
use ottla_wire::messages::fetch::{FetchPartition, FetchRequest, FetchTopic, PartitionData};
use ottla_wire::messages::produce::PartitionProduceResponse;
use ottla_wire::record::{self, BuildOptions};

async fn topic(connection: &mut Connection, name: &str, settings: &[(&str, &str)]) {
    let mut request = creation(name, 1);
    let config = |(name, value): &(&str, &str)| CreatableTopicConfig {
        name: (*name).into(),
        value: Some((*value).into()),
    };
    request.topics[0].configs = settings.iter().map(config).collect();
    ok(connection.call(7, &request).await.topics[0].error_code);
}

async fn fetch(connection: &mut Connection, name: &str, version: i16) -> PartitionData {
    let partition = FetchPartition { partition_max_bytes: 1 << 20, ..Default::default() };
    let topics = vec![FetchTopic { topic: name.into(), partitions: vec![partition], ..Default::default() }];
    let request = FetchRequest { max_bytes: 1 << 20, session_epoch: -1, topics, ..Default::default() };
    connection.call(version, &request).await.responses[0].partitions[0].clone()
}

async fn kept(connection: &mut Connection, name: &str) -> Vec<Bytes> {
    let partition = fetch(connection, name, 12).await;
    ok(partition.error_code);
    batches(partition.records.unwrap().to_bytes()).map(|(_, batch)| batch).collect()
}

/// Two records, 10,000 bytes that compress well.
fn large(codec: Codec, sequence: i32) -> Bytes {
    let producer = if sequence < 0 { -1 } else { 7 };
    let options = BuildOptions {
        codec,
        producer_id: producer,
        producer_epoch: if sequence < 0 { -1 } else { 0 },
        base_sequence: sequence,
        ..Default::default()
    };
    batch_with(&["x".repeat(5_000).as_str(), "y".repeat(5_000).as_str()], 1_000, options)
}

async fn produce(connection: &mut Connection, name: &str, batch: Bytes) -> PartitionProduceResponse {
    connection.produce(name, 0, batch).await
}

#[tokio::test]
async fn batches_are_kept_in_the_codec_of_their_topic() {
    let running = start(&[]).await;
    let mut connection = running.connect().await;
    let c = &mut connection;
    for (name, expected) in [
        ("uncompressed", Some(Codec::None)),
        ("gzip", Some(Codec::Gzip)),
        ("snappy", Some(Codec::Snappy)),
        ("lz4", Some(Codec::Lz4)),
        ("zstd", Some(Codec::Zstd)),
        ("producer", None),
    ] {
        topic(c, name, &[("compression.type", name)]).await;
        for (at, sent) in Codec::ALL.into_iter().enumerate() {
            let offset = 2 * at as i64;
            let answer = produce(c, name, large(sent, offset as i32)).await;
            assert_eq!((answer.error_code, answer.base_offset), (0, offset), "{name} {sent:?}");
            // A batch that is sent twice is still known.
            let again = produce(c, name, large(sent, offset as i32)).await;
            assert_eq!((again.error_code, again.base_offset), (0, offset), "{name} {sent:?}");
        }
        let kept = kept(c, name).await;
        assert_eq!(kept.len(), Codec::ALL.len());
        for (batch, sent) in kept.iter().zip(Codec::ALL) {
            let header = validate(batch).unwrap();
            assert_eq!(header.codec(), Ok(expected.unwrap_or(sent)), "{name} {sent:?}");
            assert_eq!((header.producer_id, header.base_sequence), (7, header.base_offset as i32));
            let records: Vec<_> = record::iterate(batch, 20_000).unwrap().map(Result::unwrap).collect();
            let times: Vec<_> = records.iter().map(|record| record.timestamp).collect();
            assert_eq!((times, records[1].value.as_ref().map(Bytes::len)), (vec![1_000, 1_001], Some(5_000)));
        }
    }
    // The default of the broker holds for topics without one.
    let running = start(&[("compression.type", "lz4")]).await;
    let mut connection = running.connect().await;
    topic(&mut connection, "t", &[]).await;
    ok(produce(&mut connection, "t", large(Codec::None, -1)).await.error_code);
    assert_eq!(validate(&kept(&mut connection, "t").await[0]).unwrap().codec(), Ok(Codec::Lz4));
}

#[tokio::test]
async fn a_higher_level_keeps_fewer_bytes() {
    let running = start(&[]).await;
    let mut connection = running.connect().await;
    let words = (0..20_000_u32).map(|i| format!("{} ", i.wrapping_mul(2_654_435_761) % 997));
    let words = words.collect::<String>();
    for (codec, low, high) in [("gzip", "1", "9"), ("zstd", "-50", "19")] {
        let mut sizes = Vec::new();
        for level in [low, high] {
            let name = format!("{codec}{level}");
            let setting = format!("compression.{codec}.level");
            topic(&mut connection, &name, &[("compression.type", codec), (setting.as_str(), level)]).await;
            ok(produce(&mut connection, &name, batch(&[&words])).await.error_code);
            sizes.push(kept(&mut connection, &name).await[0].len());
        }
        assert!(sizes[1] < sizes[0], "{codec}: {sizes:?}");
    }
}

#[tokio::test]
async fn a_batch_that_is_too_large_in_the_codec_of_its_topic_is_refused() {
    let running = start(&[]).await;
    let mut connection = running.connect().await;
    topic(&mut connection, "t", &[("compression.type", "uncompressed"), ("max.message.bytes", "9000")]).await;
    let answer = produce(&mut connection, "t", large(Codec::Gzip, -1)).await;
    assert_eq!((answer.error_code, answer.log_start_offset), (ErrorCode::MessageTooLarge.code(), -1));
    assert!(kept(&mut connection, "t").await.is_empty());
}

#[tokio::test]
async fn bytes_that_are_not_of_their_codec_are_refused_where_the_broker_opens_them() {
    let running = start(&[]).await;
    let mut connection = running.connect().await;
    topic(&mut connection, "t", &[("compression.type", "zstd")]).await;
    // Gzip, by its header; what is behind that is changed, and the checksum fits.
    let good = large(Codec::Gzip, -1);
    let damaged = changed(&good, |bytes| bytes[61..71].fill(0));
    let answer = produce(&mut connection, "t", damaged).await;
    assert_eq!((answer.error_code, answer.log_start_offset), (ErrorCode::InvalidRecord.code(), 0));
    ok(produce(&mut connection, "t", good).await.error_code);
}

/// A batch in whose bytes something was changed, with a checksum that fits.
fn changed(batch: &Bytes, change: impl FnOnce(&mut [u8])) -> Bytes {
    let mut bytes = batch.to_vec();
    change(&mut bytes);
    let crc = ottla_wire::batch::crc32c(&bytes[21..]);
    bytes[17..21].copy_from_slice(&crc.to_be_bytes());
    bytes.into()
}

/// The same records, of which the header counts this many.
fn counted(batch: &Bytes, count: i32) -> Bytes {
    changed(batch, |bytes| {
        bytes[23..27].copy_from_slice(&(count - 1).to_be_bytes());
        bytes[57..61].copy_from_slice(&count.to_be_bytes());
    })
}

#[tokio::test]
async fn what_is_wrong_inside_of_a_batch_is_seen_by_strict_validation_alone() {
    let running = start(&[("record.validation", "strict")]).await;
    let mut connection = running.connect().await;
    let c = &mut connection;
    topic(c, "strict", &[]).await;
    topic(c, "structural", &[("record.validation", "structural")]).await;
    for codec in [Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd] {
        let good = large(codec, -1);
        let damaged = changed(&good, |bytes| bytes[61..71].fill(0));
        for (what, batch) in [("damaged", damaged), ("fewer", counted(&good, 1)), ("more", counted(&good, 3))]
        {
            let refused = produce(c, "strict", batch.clone()).await;
            assert_eq!(refused.error_code, ErrorCode::InvalidRecord.code(), "{what} {codec:?}");
            ok(produce(c, "structural", batch).await.error_code);
        }
        ok(produce(c, "strict", good).await.error_code);
    }
    // Without a codec the lengths are walked anyway.
    let miscounted = counted(&large(Codec::None, -1), 1);
    for name in ["strict", "structural"] {
        let refused = produce(c, name, miscounted.clone()).await;
        assert_eq!(refused.error_code, ErrorCode::InvalidRecord.code(), "{name}");
    }
}

#[tokio::test]
async fn a_client_that_knows_no_zstd_is_told_so() {
    let running = start(&[]).await;
    let mut connection = running.connect().await;
    topic(&mut connection, "t", &[("compression.type", "zstd")]).await;
    ok(produce(&mut connection, "t", large(Codec::None, -1)).await.error_code);
    for (version, expected) in [(9, ErrorCode::UnsupportedCompressionType), (10, ErrorCode::None)] {
        assert_eq!(ErrorCode::from_code(fetch(&mut connection, "t", version).await.error_code), expected);
    }
}

#[tokio::test]
async fn a_compressed_batch_may_not_grow_beyond_its_limit() {
    let running = start(&[]).await;
    let mut connection = running.connect().await;
    let c = &mut connection;
    topic(c, "small", &[("max.decompressed.message.bytes", "1000")]).await;
    topic(c, "enough", &[("max.decompressed.message.bytes", "10030")]).await;
    // What is not compressed does not grow.
    ok(produce(c, "small", large(Codec::None, -1)).await.error_code);
    for codec in [Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd] {
        let answer = produce(c, "small", large(codec, -1)).await;
        assert_eq!((answer.error_code, answer.log_start_offset), (ErrorCode::InvalidRecord.code(), 0));
        ok(produce(c, "enough", large(codec, -1)).await.error_code);
    }
}

#[tokio::test]
async fn one_node_has_as_many_replicas_in_sync_as_there_are() {
    let running = start(&[]).await;
    let mut connection = running.connect().await;
    topic(&mut connection, "t", &[("min.insync.replicas", "2")]).await;
    // As Apache Kafka 4.4.0 answers it.
    let answer = connection.call(9, &produce_request("t", 0, batch(&["a"]), -1)).await;
    ok(answer.responses[0].partition_responses[0].error_code);
}
