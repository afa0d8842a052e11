//! Requests that are large for good reason are within the memory that decoding a frame may take, and what is beyond the
//! caps of Kafka 4.4 is not.
#![allow(clippy::unwrap_used)]

use bytes::Bytes;
use ottla_wire::frame::{LENGTH_BYTES, encode_request};
use ottla_wire::messages::create_topics::{CreatableReplicaAssignment, CreatableTopic, CreateTopicsRequest};
use ottla_wire::messages::describe_producers::{DescribeProducersRequest, TopicRequest};
use ottla_wire::messages::fetch::{FetchPartition, FetchRequest, FetchTopic};
use ottla_wire::messages::headers::RequestHeader;
use ottla_wire::messages::list_offsets::{ListOffsetsPartition, ListOffsetsRequest, ListOffsetsTopic};
use ottla_wire::messages::metadata::{MetadataRequest, MetadataRequestTopic};
use ottla_wire::messages::produce::{PartitionProduceData, ProduceRequest, TopicProduceData};
use ottla_wire::record::{BatchBuilder, BuildOptions};
use ottla_wire::{DecodeBudget, DecodeError, Decoder, Encoder, Message, Records, Request, Uuid, apis};

const COUNT: i32 = 10_000;

/// Partitions of one topic, or topics of one partition with the shortest names that tell so many apart.
#[derive(Debug, Clone, Copy)]
enum Shape {
    Partitions,
    Topics,
}

impl Shape {
    fn of<T>(self, topic: impl Fn(String, std::ops::Range<i32>) -> T) -> Vec<T> {
        match self {
            Self::Partitions => vec![topic("t".to_owned(), 0..COUNT)],
            Self::Topics => (0..COUNT).map(|number| topic(format!("{number:x}"), 0..1)).collect(),
        }
    }
}

/// Decodes what a client sends, as a broker does it, in every served version.
fn passes<R: Request>(what: Shape, request: impl Fn(i16) -> R) {
    let api = apis::find(R::KEY).unwrap();
    for version in api.min..=api.max {
        let request = request(version);
        let frame = encode_request(1, "client", version, &request).unwrap().to_bytes().slice(LENGTH_BYTES..);
        let budget = DecodeBudget::for_frame(frame.len());
        let mut decoder = Decoder::with_budget(frame, budget);
        let header_version = if version >= R::FLEXIBLE_FROM { 2 } else { 1 };
        RequestHeader::read(&mut decoder, header_version).unwrap();
        let read = R::read(&mut decoder, version);
        let read = read.unwrap_or_else(|error| panic!("{} {version}, {what:?}: {error}", R::NAME));
        assert_eq!(decoder.remaining(), 0);
        let mut again = Encoder::new();
        read.write(&mut again, version);
        let mut sent = Encoder::new();
        request.write(&mut sent, version);
        assert!(
            again.finish().unwrap().to_bytes() == sent.finish().unwrap().to_bytes(),
            "{} {version}",
            R::NAME
        );
    }
}

#[test]
fn a_request_of_ten_thousand_partitions_passes_in_every_version() {
    let mut builder = BatchBuilder::new();
    builder.push(0, None, None, &[]);
    let batch = builder.build(BuildOptions::default()).unwrap();
    for shape in [Shape::Partitions, Shape::Topics] {
        passes(shape, |version| FetchRequest {
            // Sent by followers up to version 14, as a tagged field behind it.
            replica_id: -1,
            topics: shape.of(|topic, partitions| FetchTopic {
                topic: if version < 13 { topic.as_str().into() } else { "".into() },
                topic_id: if version < 13 { Uuid::ZERO } else { Uuid([7; 16]) },
                partitions: partitions
                    .map(|partition| FetchPartition { partition, ..Default::default() })
                    .collect(),
            }),
            ..Default::default()
        });
        passes(shape, |_| ListOffsetsRequest {
            topics: shape.of(|name, partitions| ListOffsetsTopic {
                name: name.as_str().into(),
                partitions: partitions
                    .map(|partition_index| ListOffsetsPartition { partition_index, ..Default::default() })
                    .collect(),
            }),
            ..Default::default()
        });
        passes(shape, |version| ProduceRequest {
            topic_data: shape.of(|name, partitions| TopicProduceData {
                name: if version < 13 { name.as_str().into() } else { "".into() },
                topic_id: if version < 13 { Uuid::ZERO } else { Uuid([7; 16]) },
                partition_data: partitions
                    .map(|index| PartitionProduceData {
                        index,
                        records: Some(Records::from_slices([batch.clone()])),
                    })
                    .collect(),
            }),
            ..Default::default()
        });
        passes(shape, |_| CreateTopicsRequest {
            topics: shape.of(|name, partitions| CreatableTopic {
                name: name.as_str().into(),
                num_partitions: -1,
                replication_factor: -1,
                assignments: partitions
                    .map(|partition_index| CreatableReplicaAssignment {
                        partition_index,
                        broker_ids: vec![1],
                    })
                    .collect(),
                ..Default::default()
            }),
            ..Default::default()
        });
    }
    passes(Shape::Topics, |_| MetadataRequest {
        topics: Some(
            Shape::Topics.of(|name, _| MetadataRequestTopic {
                name: Some(name.as_str().into()),
                ..Default::default()
            }),
        ),
        ..Default::default()
    });
}

#[test]
fn q11_arrays_and_tagged_fields_are_capped_as_in_kafka() {
    let producers_of = |count: i32| {
        let topics = vec![TopicRequest { name: "t".into(), partition_indexes: (0..count).collect() }];
        let mut encoder = Encoder::new();
        DescribeProducersRequest { topics }.write(&mut encoder, 0);
        let mut decoder = Decoder::new(encoder.finish().unwrap().to_bytes());
        DescribeProducersRequest::read(&mut decoder, 0).map(|read| read.topics[0].partition_indexes.len())
    };
    assert_eq!(producers_of(1_000_000), Ok(1_000_000));
    assert!(matches!(producers_of(1_000_001), Err(DecodeError::ArrayTooLong { claimed: 1_000_001, .. })));

    // An empty list of topics, and unknown tagged fields of no bytes behind it.
    let tagged = |count: u32| {
        let mut bytes =
            vec![1, (count & 0x7f) as u8 | 0x80, (count >> 7 & 0x7f) as u8 | 0x80, (count >> 14) as u8];
        for tag in 0..count {
            bytes.extend([(tag & 0x7f) as u8 | 0x80, (tag >> 7) as u8, 0]);
        }
        let mut decoder = Decoder::new(Bytes::from(bytes));
        DescribeProducersRequest::read(&mut decoder, 0).map(|_| decoder.remaining())
    };
    assert_eq!(tagged(10_000), Ok(0));
    assert_eq!(tagged(10_001), Err(DecodeError::TooManyTags));
}
