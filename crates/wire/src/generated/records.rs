//! Generated from `schema/records.schema` by `cargo xtask codegen`; change that file instead.

#![allow(clippy::all)]

use crate::codec::*;

#[derive(Debug, Clone, PartialEq, Default)]
pub struct ConsumerGroupCurrentMemberAssignmentKey {
    pub group_id: WireStr,
    pub member_id: WireStr,
}

impl Codec for ConsumerGroupCurrentMemberAssignmentKey {
    const MIN_BYTES: usize = 2;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.group_id = Codec::decode(d, v)?;
        m.member_id = Codec::decode(d, v)?;
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.group_id.encode(e, v);
        self.member_id.encode(e, v);
    }
}

impl Message for ConsumerGroupCurrentMemberAssignmentKey {
    const NAME: &'static str = "ConsumerGroupCurrentMemberAssignmentKey";
    const KEY: i16 = 8;
    const VERSIONS: (i16, i16) = (0, 0);
    const FLEXIBLE_FROM: i16 = 32767;
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct ConsumerGroupCurrentMemberAssignmentValue {
    pub member_epoch: i32,
    pub previous_member_epoch: i32,
    pub state: i8,
    pub assigned_partitions: Vec<TopicPartitionsConsumerGroupCurrentMemberAssignmentValue>,
    pub partitions_pending_revocation: Vec<TopicPartitionsConsumerGroupCurrentMemberAssignmentValue>,
}

impl Codec for ConsumerGroupCurrentMemberAssignmentValue {
    const MIN_BYTES: usize = 11;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.member_epoch = Codec::decode(d, v)?;
        m.previous_member_epoch = Codec::decode(d, v)?;
        m.state = Codec::decode(d, v)?;
        m.assigned_partitions = Codec::decode(d, v)?;
        m.partitions_pending_revocation = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.member_epoch.encode(e, v);
        self.previous_member_epoch.encode(e, v);
        self.state.encode(e, v);
        self.assigned_partitions.encode(e, v);
        self.partitions_pending_revocation.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct TopicPartitionsConsumerGroupCurrentMemberAssignmentValue {
    pub topic_id: Uuid,
    pub partitions: Vec<i32>,
    pub assignment_epochs: Option<Vec<i32>>,
}

impl Default for TopicPartitionsConsumerGroupCurrentMemberAssignmentValue {
    fn default() -> Self {
        Self {
            topic_id: Default::default(),
            partitions: Default::default(),
            assignment_epochs: Some(Default::default()),
        }
    }
}

impl Codec for TopicPartitionsConsumerGroupCurrentMemberAssignmentValue {
    const MIN_BYTES: usize = 17;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.topic_id = Codec::decode(d, v)?;
        m.partitions = Codec::decode(d, v)?;
        if v.flexible {
            d.tags(|d, tag| {
                match tag {
                    0 => m.assignment_epochs = Nullable::decode_nullable(d, v)?,
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.topic_id.encode(e, v);
        self.partitions.encode(e, v);
        if v.flexible {
            let mut tags = Tags::default();
            if self.assignment_epochs != Some(Default::default()) {
                tags.add(0, |e| {
                    Nullable::encode_nullable(self.assignment_epochs.as_ref(), e, v);
                });
            }
            e.tags(tags);
        }
    }
}

impl Message for ConsumerGroupCurrentMemberAssignmentValue {
    const NAME: &'static str = "ConsumerGroupCurrentMemberAssignmentValue";
    const KEY: i16 = 8;
    const VERSIONS: (i16, i16) = (0, 0);
    const FLEXIBLE_FROM: i16 = 0;
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct ConsumerGroupMemberMetadataKey {
    pub group_id: WireStr,
    pub member_id: WireStr,
}

impl Codec for ConsumerGroupMemberMetadataKey {
    const MIN_BYTES: usize = 2;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.group_id = Codec::decode(d, v)?;
        m.member_id = Codec::decode(d, v)?;
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.group_id.encode(e, v);
        self.member_id.encode(e, v);
    }
}

impl Message for ConsumerGroupMemberMetadataKey {
    const NAME: &'static str = "ConsumerGroupMemberMetadataKey";
    const KEY: i16 = 5;
    const VERSIONS: (i16, i16) = (0, 0);
    const FLEXIBLE_FROM: i16 = 32767;
}

#[derive(Debug, Clone, PartialEq)]
pub struct ConsumerGroupMemberMetadataValue {
    pub instance_id: Option<WireStr>,
    pub rack_id: Option<WireStr>,
    pub client_id: WireStr,
    pub client_host: WireStr,
    pub subscribed_topic_names: Vec<WireStr>,
    pub subscribed_topic_regex: Option<WireStr>,
    pub rebalance_timeout_ms: i32,
    pub server_assignor: Option<WireStr>,
    pub classic_member_metadata: Option<ClassicMemberMetadata>,
}

impl Default for ConsumerGroupMemberMetadataValue {
    fn default() -> Self {
        Self {
            instance_id: Some(Default::default()),
            rack_id: Some(Default::default()),
            client_id: Default::default(),
            client_host: Default::default(),
            subscribed_topic_names: Default::default(),
            subscribed_topic_regex: Some(Default::default()),
            rebalance_timeout_ms: -1,
            server_assignor: Some(Default::default()),
            classic_member_metadata: Some(Default::default()),
        }
    }
}

impl Codec for ConsumerGroupMemberMetadataValue {
    const MIN_BYTES: usize = 11;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.instance_id = Nullable::decode_nullable(d, v)?;
        m.rack_id = Nullable::decode_nullable(d, v)?;
        m.client_id = Codec::decode(d, v)?;
        m.client_host = Codec::decode(d, v)?;
        m.subscribed_topic_names = Codec::decode(d, v)?;
        m.subscribed_topic_regex = Nullable::decode_nullable(d, v)?;
        m.rebalance_timeout_ms = Codec::decode(d, v)?;
        m.server_assignor = Nullable::decode_nullable(d, v)?;
        if v.flexible {
            d.tags(|d, tag| {
                match tag {
                    0 => m.classic_member_metadata = Nullable::decode_nullable(d, v)?,
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        Nullable::encode_nullable(self.instance_id.as_ref(), e, v);
        Nullable::encode_nullable(self.rack_id.as_ref(), e, v);
        self.client_id.encode(e, v);
        self.client_host.encode(e, v);
        self.subscribed_topic_names.encode(e, v);
        Nullable::encode_nullable(self.subscribed_topic_regex.as_ref(), e, v);
        self.rebalance_timeout_ms.encode(e, v);
        Nullable::encode_nullable(self.server_assignor.as_ref(), e, v);
        if v.flexible {
            let mut tags = Tags::default();
            if self.classic_member_metadata != Some(Default::default()) {
                tags.add(0, |e| {
                    Nullable::encode_nullable(self.classic_member_metadata.as_ref(), e, v);
                });
            }
            e.tags(tags);
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct ClassicMemberMetadata {
    pub session_timeout_ms: i32,
    pub supported_protocols: Vec<ClassicProtocol>,
}

impl Codec for ClassicMemberMetadata {
    const MIN_BYTES: usize = 5;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.session_timeout_ms = Codec::decode(d, v)?;
        m.supported_protocols = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.session_timeout_ms.encode(e, v);
        self.supported_protocols.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

nullable_struct!(ClassicMemberMetadata);

#[derive(Debug, Clone, PartialEq, Default)]
pub struct ClassicProtocol {
    pub name: WireStr,
    pub metadata: Bytes,
}

impl Codec for ClassicProtocol {
    const MIN_BYTES: usize = 2;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.name = Codec::decode(d, v)?;
        m.metadata = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.name.encode(e, v);
        self.metadata.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

impl Message for ConsumerGroupMemberMetadataValue {
    const NAME: &'static str = "ConsumerGroupMemberMetadataValue";
    const KEY: i16 = 5;
    const VERSIONS: (i16, i16) = (0, 0);
    const FLEXIBLE_FROM: i16 = 0;
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct ConsumerGroupMetadataKey {
    pub group_id: WireStr,
}

impl Codec for ConsumerGroupMetadataKey {
    const MIN_BYTES: usize = 1;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.group_id = Codec::decode(d, v)?;
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.group_id.encode(e, v);
    }
}

impl Message for ConsumerGroupMetadataKey {
    const NAME: &'static str = "ConsumerGroupMetadataKey";
    const KEY: i16 = 3;
    const VERSIONS: (i16, i16) = (0, 0);
    const FLEXIBLE_FROM: i16 = 32767;
}

#[derive(Debug, Clone, PartialEq)]
pub struct ConsumerGroupMetadataValue {
    pub epoch: i32,
    pub metadata_hash: i64,
}

impl Default for ConsumerGroupMetadataValue {
    fn default() -> Self {
        Self { epoch: Default::default(), metadata_hash: 0 }
    }
}

impl Codec for ConsumerGroupMetadataValue {
    const MIN_BYTES: usize = 4;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.epoch = Codec::decode(d, v)?;
        if v.flexible {
            d.tags(|d, tag| {
                match tag {
                    0 => m.metadata_hash = Codec::decode(d, v)?,
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.epoch.encode(e, v);
        if v.flexible {
            let mut tags = Tags::default();
            if self.metadata_hash != 0 {
                tags.add(0, |e| {
                    self.metadata_hash.encode(e, v);
                });
            }
            e.tags(tags);
        }
    }
}

impl Message for ConsumerGroupMetadataValue {
    const NAME: &'static str = "ConsumerGroupMetadataValue";
    const KEY: i16 = 3;
    const VERSIONS: (i16, i16) = (0, 0);
    const FLEXIBLE_FROM: i16 = 0;
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct ConsumerGroupPartitionMetadataKey {
    pub group_id: WireStr,
}

impl Codec for ConsumerGroupPartitionMetadataKey {
    const MIN_BYTES: usize = 1;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.group_id = Codec::decode(d, v)?;
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.group_id.encode(e, v);
    }
}

impl Message for ConsumerGroupPartitionMetadataKey {
    const NAME: &'static str = "ConsumerGroupPartitionMetadataKey";
    const KEY: i16 = 4;
    const VERSIONS: (i16, i16) = (0, 0);
    const FLEXIBLE_FROM: i16 = 32767;
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct ConsumerGroupPartitionMetadataValue {
    pub topics: Vec<TopicMetadata>,
}

impl Codec for ConsumerGroupPartitionMetadataValue {
    const MIN_BYTES: usize = 1;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.topics = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.topics.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct TopicMetadata {
    pub topic_id: Uuid,
    pub topic_name: WireStr,
    pub num_partitions: i32,
    pub partition_metadata: Vec<PartitionMetadata>,
}

impl Codec for TopicMetadata {
    const MIN_BYTES: usize = 22;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.topic_id = Codec::decode(d, v)?;
        m.topic_name = Codec::decode(d, v)?;
        m.num_partitions = Codec::decode(d, v)?;
        m.partition_metadata = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.topic_id.encode(e, v);
        self.topic_name.encode(e, v);
        self.num_partitions.encode(e, v);
        self.partition_metadata.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct PartitionMetadata {
    pub partition: i32,
    pub racks: Vec<WireStr>,
}

impl Codec for PartitionMetadata {
    const MIN_BYTES: usize = 5;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.partition = Codec::decode(d, v)?;
        m.racks = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.partition.encode(e, v);
        self.racks.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

impl Message for ConsumerGroupPartitionMetadataValue {
    const NAME: &'static str = "ConsumerGroupPartitionMetadataValue";
    const KEY: i16 = 4;
    const VERSIONS: (i16, i16) = (0, 0);
    const FLEXIBLE_FROM: i16 = 0;
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct ConsumerGroupRegularExpressionKey {
    pub group_id: WireStr,
    pub regular_expression: WireStr,
}

impl Codec for ConsumerGroupRegularExpressionKey {
    const MIN_BYTES: usize = 2;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.group_id = Codec::decode(d, v)?;
        m.regular_expression = Codec::decode(d, v)?;
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.group_id.encode(e, v);
        self.regular_expression.encode(e, v);
    }
}

impl Message for ConsumerGroupRegularExpressionKey {
    const NAME: &'static str = "ConsumerGroupRegularExpressionKey";
    const KEY: i16 = 16;
    const VERSIONS: (i16, i16) = (0, 0);
    const FLEXIBLE_FROM: i16 = 32767;
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct ConsumerGroupRegularExpressionValue {
    pub topics: Vec<WireStr>,
    pub version: i64,
    pub timestamp: i64,
}

impl Codec for ConsumerGroupRegularExpressionValue {
    const MIN_BYTES: usize = 17;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.topics = Codec::decode(d, v)?;
        m.version = Codec::decode(d, v)?;
        m.timestamp = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.topics.encode(e, v);
        self.version.encode(e, v);
        self.timestamp.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

impl Message for ConsumerGroupRegularExpressionValue {
    const NAME: &'static str = "ConsumerGroupRegularExpressionValue";
    const KEY: i16 = 16;
    const VERSIONS: (i16, i16) = (0, 0);
    const FLEXIBLE_FROM: i16 = 0;
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct ConsumerGroupTargetAssignmentMemberKey {
    pub group_id: WireStr,
    pub member_id: WireStr,
}

impl Codec for ConsumerGroupTargetAssignmentMemberKey {
    const MIN_BYTES: usize = 2;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.group_id = Codec::decode(d, v)?;
        m.member_id = Codec::decode(d, v)?;
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.group_id.encode(e, v);
        self.member_id.encode(e, v);
    }
}

impl Message for ConsumerGroupTargetAssignmentMemberKey {
    const NAME: &'static str = "ConsumerGroupTargetAssignmentMemberKey";
    const KEY: i16 = 7;
    const VERSIONS: (i16, i16) = (0, 0);
    const FLEXIBLE_FROM: i16 = 32767;
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct ConsumerGroupTargetAssignmentMemberValue {
    pub topic_partitions: Vec<TopicPartitionConsumerGroupTargetAssignmentMemberValue>,
}

impl Codec for ConsumerGroupTargetAssignmentMemberValue {
    const MIN_BYTES: usize = 1;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.topic_partitions = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.topic_partitions.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct TopicPartitionConsumerGroupTargetAssignmentMemberValue {
    pub topic_id: Uuid,
    pub partitions: Vec<i32>,
}

impl Codec for TopicPartitionConsumerGroupTargetAssignmentMemberValue {
    const MIN_BYTES: usize = 17;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.topic_id = Codec::decode(d, v)?;
        m.partitions = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.topic_id.encode(e, v);
        self.partitions.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

impl Message for ConsumerGroupTargetAssignmentMemberValue {
    const NAME: &'static str = "ConsumerGroupTargetAssignmentMemberValue";
    const KEY: i16 = 7;
    const VERSIONS: (i16, i16) = (0, 0);
    const FLEXIBLE_FROM: i16 = 0;
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct ConsumerGroupTargetAssignmentMetadataKey {
    pub group_id: WireStr,
}

impl Codec for ConsumerGroupTargetAssignmentMetadataKey {
    const MIN_BYTES: usize = 1;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.group_id = Codec::decode(d, v)?;
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.group_id.encode(e, v);
    }
}

impl Message for ConsumerGroupTargetAssignmentMetadataKey {
    const NAME: &'static str = "ConsumerGroupTargetAssignmentMetadataKey";
    const KEY: i16 = 6;
    const VERSIONS: (i16, i16) = (0, 0);
    const FLEXIBLE_FROM: i16 = 32767;
}

#[derive(Debug, Clone, PartialEq)]
pub struct ConsumerGroupTargetAssignmentMetadataValue {
    pub assignment_epoch: i32,
    pub assignment_timestamp: i64,
}

impl Default for ConsumerGroupTargetAssignmentMetadataValue {
    fn default() -> Self {
        Self { assignment_epoch: Default::default(), assignment_timestamp: 0 }
    }
}

impl Codec for ConsumerGroupTargetAssignmentMetadataValue {
    const MIN_BYTES: usize = 4;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.assignment_epoch = Codec::decode(d, v)?;
        if v.flexible {
            d.tags(|d, tag| {
                match tag {
                    0 => m.assignment_timestamp = Codec::decode(d, v)?,
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.assignment_epoch.encode(e, v);
        if v.flexible {
            let mut tags = Tags::default();
            if self.assignment_timestamp != 0 {
                tags.add(0, |e| {
                    self.assignment_timestamp.encode(e, v);
                });
            }
            e.tags(tags);
        }
    }
}

impl Message for ConsumerGroupTargetAssignmentMetadataValue {
    const NAME: &'static str = "ConsumerGroupTargetAssignmentMetadataValue";
    const KEY: i16 = 6;
    const VERSIONS: (i16, i16) = (0, 0);
    const FLEXIBLE_FROM: i16 = 0;
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct GroupMetadataKey {
    pub group: WireStr,
}

impl Codec for GroupMetadataKey {
    const MIN_BYTES: usize = 1;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.group = Codec::decode(d, v)?;
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.group.encode(e, v);
    }
}

impl Message for GroupMetadataKey {
    const NAME: &'static str = "GroupMetadataKey";
    const KEY: i16 = 2;
    const VERSIONS: (i16, i16) = (0, 0);
    const FLEXIBLE_FROM: i16 = 32767;
}

#[derive(Debug, Clone, PartialEq)]
pub struct GroupMetadataValue {
    pub protocol_type: WireStr,
    pub generation: i32,
    pub protocol: Option<WireStr>,
    pub leader: Option<WireStr>,
    pub current_state_timestamp: i64,
    pub members: Vec<MemberMetadata>,
}

impl Default for GroupMetadataValue {
    fn default() -> Self {
        Self {
            protocol_type: Default::default(),
            generation: Default::default(),
            protocol: Some(Default::default()),
            leader: Some(Default::default()),
            current_state_timestamp: -1,
            members: Default::default(),
        }
    }
}

impl Codec for GroupMetadataValue {
    const MIN_BYTES: usize = 8;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.protocol_type = Codec::decode(d, v)?;
        m.generation = Codec::decode(d, v)?;
        m.protocol = Nullable::decode_nullable(d, v)?;
        m.leader = Nullable::decode_nullable(d, v)?;
        if v.number >= 2 {
            m.current_state_timestamp = Codec::decode(d, v)?;
        }
        m.members = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.protocol_type.encode(e, v);
        self.generation.encode(e, v);
        Nullable::encode_nullable(self.protocol.as_ref(), e, v);
        Nullable::encode_nullable(self.leader.as_ref(), e, v);
        if v.number >= 2 {
            self.current_state_timestamp.encode(e, v);
        }
        self.members.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct MemberMetadata {
    pub member_id: WireStr,
    pub group_instance_id: Option<WireStr>,
    pub client_id: WireStr,
    pub client_host: WireStr,
    pub rebalance_timeout: i32,
    pub session_timeout: i32,
    pub subscription: Bytes,
    pub assignment: Bytes,
}

impl Default for MemberMetadata {
    fn default() -> Self {
        Self {
            member_id: Default::default(),
            group_instance_id: None,
            client_id: Default::default(),
            client_host: Default::default(),
            rebalance_timeout: -1,
            session_timeout: Default::default(),
            subscription: Default::default(),
            assignment: Default::default(),
        }
    }
}

impl Codec for MemberMetadata {
    const MIN_BYTES: usize = 9;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.member_id = Codec::decode(d, v)?;
        if v.number >= 3 {
            m.group_instance_id = Nullable::decode_nullable(d, v)?;
        }
        m.client_id = Codec::decode(d, v)?;
        m.client_host = Codec::decode(d, v)?;
        if v.number >= 1 {
            m.rebalance_timeout = Codec::decode(d, v)?;
        }
        m.session_timeout = Codec::decode(d, v)?;
        m.subscription = Codec::decode(d, v)?;
        m.assignment = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.member_id.encode(e, v);
        if v.number >= 3 {
            Nullable::encode_nullable(self.group_instance_id.as_ref(), e, v);
        }
        self.client_id.encode(e, v);
        self.client_host.encode(e, v);
        if v.number >= 1 {
            self.rebalance_timeout.encode(e, v);
        }
        self.session_timeout.encode(e, v);
        self.subscription.encode(e, v);
        self.assignment.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

impl Message for GroupMetadataValue {
    const NAME: &'static str = "GroupMetadataValue";
    const KEY: i16 = 2;
    const VERSIONS: (i16, i16) = (0, 4);
    const FLEXIBLE_FROM: i16 = 4;
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct OffsetCommitKey {
    pub group: WireStr,
    pub topic: WireStr,
    pub partition: i32,
}

impl Codec for OffsetCommitKey {
    const MIN_BYTES: usize = 6;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.group = Codec::decode(d, v)?;
        m.topic = Codec::decode(d, v)?;
        m.partition = Codec::decode(d, v)?;
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.group.encode(e, v);
        self.topic.encode(e, v);
        self.partition.encode(e, v);
    }
}

impl Message for OffsetCommitKey {
    const NAME: &'static str = "OffsetCommitKey";
    const KEY: i16 = 1;
    const VERSIONS: (i16, i16) = (0, 0);
    const FLEXIBLE_FROM: i16 = 32767;
}

#[derive(Debug, Clone, PartialEq)]
pub struct OffsetCommitValue {
    pub offset: i64,
    pub leader_epoch: i32,
    pub metadata: WireStr,
    pub commit_timestamp: i64,
    pub expire_timestamp: i64,
    pub topic_id: Uuid,
}

impl Default for OffsetCommitValue {
    fn default() -> Self {
        Self {
            offset: Default::default(),
            leader_epoch: -1,
            metadata: Default::default(),
            commit_timestamp: Default::default(),
            expire_timestamp: -1,
            topic_id: Default::default(),
        }
    }
}

impl Codec for OffsetCommitValue {
    const MIN_BYTES: usize = 17;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.offset = Codec::decode(d, v)?;
        if v.number >= 3 {
            m.leader_epoch = Codec::decode(d, v)?;
        }
        m.metadata = Codec::decode(d, v)?;
        m.commit_timestamp = Codec::decode(d, v)?;
        if v.number >= 1 && v.number <= 1 {
            m.expire_timestamp = Codec::decode(d, v)?;
        }
        if v.flexible {
            d.tags(|d, tag| {
                match tag {
                    0 if v.number >= 4 => m.topic_id = Codec::decode(d, v)?,
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.offset.encode(e, v);
        if v.number >= 3 {
            self.leader_epoch.encode(e, v);
        }
        self.metadata.encode(e, v);
        self.commit_timestamp.encode(e, v);
        if v.number >= 1 && v.number <= 1 {
            self.expire_timestamp.encode(e, v);
        }
        if v.flexible {
            let mut tags = Tags::default();
            if v.number >= 4 && self.topic_id != Default::default() {
                tags.add(0, |e| {
                    self.topic_id.encode(e, v);
                });
            }
            e.tags(tags);
        }
    }
}

impl Message for OffsetCommitValue {
    const NAME: &'static str = "OffsetCommitValue";
    const KEY: i16 = 1;
    const VERSIONS: (i16, i16) = (0, 4);
    const FLEXIBLE_FROM: i16 = 4;
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct ShareGroupCurrentMemberAssignmentKey {
    pub group_id: WireStr,
    pub member_id: WireStr,
}

impl Codec for ShareGroupCurrentMemberAssignmentKey {
    const MIN_BYTES: usize = 2;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.group_id = Codec::decode(d, v)?;
        m.member_id = Codec::decode(d, v)?;
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.group_id.encode(e, v);
        self.member_id.encode(e, v);
    }
}

impl Message for ShareGroupCurrentMemberAssignmentKey {
    const NAME: &'static str = "ShareGroupCurrentMemberAssignmentKey";
    const KEY: i16 = 14;
    const VERSIONS: (i16, i16) = (0, 0);
    const FLEXIBLE_FROM: i16 = 32767;
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct ShareGroupCurrentMemberAssignmentValue {
    pub member_epoch: i32,
    pub previous_member_epoch: i32,
    pub state: i8,
    pub assigned_partitions: Vec<TopicPartitionsShareGroupCurrentMemberAssignmentValue>,
}

impl Codec for ShareGroupCurrentMemberAssignmentValue {
    const MIN_BYTES: usize = 10;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.member_epoch = Codec::decode(d, v)?;
        m.previous_member_epoch = Codec::decode(d, v)?;
        m.state = Codec::decode(d, v)?;
        m.assigned_partitions = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.member_epoch.encode(e, v);
        self.previous_member_epoch.encode(e, v);
        self.state.encode(e, v);
        self.assigned_partitions.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct TopicPartitionsShareGroupCurrentMemberAssignmentValue {
    pub topic_id: Uuid,
    pub partitions: Vec<i32>,
}

impl Codec for TopicPartitionsShareGroupCurrentMemberAssignmentValue {
    const MIN_BYTES: usize = 17;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.topic_id = Codec::decode(d, v)?;
        m.partitions = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.topic_id.encode(e, v);
        self.partitions.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

impl Message for ShareGroupCurrentMemberAssignmentValue {
    const NAME: &'static str = "ShareGroupCurrentMemberAssignmentValue";
    const KEY: i16 = 14;
    const VERSIONS: (i16, i16) = (0, 0);
    const FLEXIBLE_FROM: i16 = 0;
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct ShareGroupMemberMetadataKey {
    pub group_id: WireStr,
    pub member_id: WireStr,
}

impl Codec for ShareGroupMemberMetadataKey {
    const MIN_BYTES: usize = 2;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.group_id = Codec::decode(d, v)?;
        m.member_id = Codec::decode(d, v)?;
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.group_id.encode(e, v);
        self.member_id.encode(e, v);
    }
}

impl Message for ShareGroupMemberMetadataKey {
    const NAME: &'static str = "ShareGroupMemberMetadataKey";
    const KEY: i16 = 10;
    const VERSIONS: (i16, i16) = (0, 0);
    const FLEXIBLE_FROM: i16 = 32767;
}

#[derive(Debug, Clone, PartialEq)]
pub struct ShareGroupMemberMetadataValue {
    pub rack_id: Option<WireStr>,
    pub client_id: WireStr,
    pub client_host: WireStr,
    pub subscribed_topic_names: Vec<WireStr>,
}

impl Default for ShareGroupMemberMetadataValue {
    fn default() -> Self {
        Self {
            rack_id: Some(Default::default()),
            client_id: Default::default(),
            client_host: Default::default(),
            subscribed_topic_names: Default::default(),
        }
    }
}

impl Codec for ShareGroupMemberMetadataValue {
    const MIN_BYTES: usize = 4;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.rack_id = Nullable::decode_nullable(d, v)?;
        m.client_id = Codec::decode(d, v)?;
        m.client_host = Codec::decode(d, v)?;
        m.subscribed_topic_names = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        Nullable::encode_nullable(self.rack_id.as_ref(), e, v);
        self.client_id.encode(e, v);
        self.client_host.encode(e, v);
        self.subscribed_topic_names.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

impl Message for ShareGroupMemberMetadataValue {
    const NAME: &'static str = "ShareGroupMemberMetadataValue";
    const KEY: i16 = 10;
    const VERSIONS: (i16, i16) = (0, 0);
    const FLEXIBLE_FROM: i16 = 0;
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct ShareGroupMetadataKey {
    pub group_id: WireStr,
}

impl Codec for ShareGroupMetadataKey {
    const MIN_BYTES: usize = 1;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.group_id = Codec::decode(d, v)?;
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.group_id.encode(e, v);
    }
}

impl Message for ShareGroupMetadataKey {
    const NAME: &'static str = "ShareGroupMetadataKey";
    const KEY: i16 = 11;
    const VERSIONS: (i16, i16) = (0, 0);
    const FLEXIBLE_FROM: i16 = 32767;
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct ShareGroupMetadataValue {
    pub epoch: i32,
    pub metadata_hash: i64,
}

impl Codec for ShareGroupMetadataValue {
    const MIN_BYTES: usize = 12;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.epoch = Codec::decode(d, v)?;
        m.metadata_hash = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.epoch.encode(e, v);
        self.metadata_hash.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

impl Message for ShareGroupMetadataValue {
    const NAME: &'static str = "ShareGroupMetadataValue";
    const KEY: i16 = 11;
    const VERSIONS: (i16, i16) = (0, 0);
    const FLEXIBLE_FROM: i16 = 0;
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct ShareGroupStatePartitionMetadataKey {
    pub group_id: WireStr,
}

impl Codec for ShareGroupStatePartitionMetadataKey {
    const MIN_BYTES: usize = 1;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.group_id = Codec::decode(d, v)?;
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.group_id.encode(e, v);
    }
}

impl Message for ShareGroupStatePartitionMetadataKey {
    const NAME: &'static str = "ShareGroupStatePartitionMetadataKey";
    const KEY: i16 = 15;
    const VERSIONS: (i16, i16) = (0, 0);
    const FLEXIBLE_FROM: i16 = 32767;
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct ShareGroupStatePartitionMetadataValue {
    pub initializing_topics: Vec<TopicPartitionsInfo>,
    pub initialized_topics: Vec<TopicPartitionsInfo>,
    pub deleting_topics: Vec<TopicInfo>,
}

impl Codec for ShareGroupStatePartitionMetadataValue {
    const MIN_BYTES: usize = 3;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.initializing_topics = Codec::decode(d, v)?;
        m.initialized_topics = Codec::decode(d, v)?;
        m.deleting_topics = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.initializing_topics.encode(e, v);
        self.initialized_topics.encode(e, v);
        self.deleting_topics.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct TopicPartitionsInfo {
    pub topic_id: Uuid,
    pub topic_name: WireStr,
    pub partitions: Vec<i32>,
}

impl Codec for TopicPartitionsInfo {
    const MIN_BYTES: usize = 18;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.topic_id = Codec::decode(d, v)?;
        m.topic_name = Codec::decode(d, v)?;
        m.partitions = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.topic_id.encode(e, v);
        self.topic_name.encode(e, v);
        self.partitions.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct TopicInfo {
    pub topic_id: Uuid,
    pub topic_name: WireStr,
}

impl Codec for TopicInfo {
    const MIN_BYTES: usize = 17;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.topic_id = Codec::decode(d, v)?;
        m.topic_name = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.topic_id.encode(e, v);
        self.topic_name.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

impl Message for ShareGroupStatePartitionMetadataValue {
    const NAME: &'static str = "ShareGroupStatePartitionMetadataValue";
    const KEY: i16 = 15;
    const VERSIONS: (i16, i16) = (0, 0);
    const FLEXIBLE_FROM: i16 = 0;
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct ShareGroupTargetAssignmentMemberKey {
    pub group_id: WireStr,
    pub member_id: WireStr,
}

impl Codec for ShareGroupTargetAssignmentMemberKey {
    const MIN_BYTES: usize = 2;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.group_id = Codec::decode(d, v)?;
        m.member_id = Codec::decode(d, v)?;
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.group_id.encode(e, v);
        self.member_id.encode(e, v);
    }
}

impl Message for ShareGroupTargetAssignmentMemberKey {
    const NAME: &'static str = "ShareGroupTargetAssignmentMemberKey";
    const KEY: i16 = 13;
    const VERSIONS: (i16, i16) = (0, 0);
    const FLEXIBLE_FROM: i16 = 32767;
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct ShareGroupTargetAssignmentMemberValue {
    pub topic_partitions: Vec<TopicPartitionShareGroupTargetAssignmentMemberValue>,
}

impl Codec for ShareGroupTargetAssignmentMemberValue {
    const MIN_BYTES: usize = 1;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.topic_partitions = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.topic_partitions.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct TopicPartitionShareGroupTargetAssignmentMemberValue {
    pub topic_id: Uuid,
    pub partitions: Vec<i32>,
}

impl Codec for TopicPartitionShareGroupTargetAssignmentMemberValue {
    const MIN_BYTES: usize = 17;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.topic_id = Codec::decode(d, v)?;
        m.partitions = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.topic_id.encode(e, v);
        self.partitions.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

impl Message for ShareGroupTargetAssignmentMemberValue {
    const NAME: &'static str = "ShareGroupTargetAssignmentMemberValue";
    const KEY: i16 = 13;
    const VERSIONS: (i16, i16) = (0, 0);
    const FLEXIBLE_FROM: i16 = 0;
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct ShareGroupTargetAssignmentMetadataKey {
    pub group_id: WireStr,
}

impl Codec for ShareGroupTargetAssignmentMetadataKey {
    const MIN_BYTES: usize = 1;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.group_id = Codec::decode(d, v)?;
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.group_id.encode(e, v);
    }
}

impl Message for ShareGroupTargetAssignmentMetadataKey {
    const NAME: &'static str = "ShareGroupTargetAssignmentMetadataKey";
    const KEY: i16 = 12;
    const VERSIONS: (i16, i16) = (0, 0);
    const FLEXIBLE_FROM: i16 = 32767;
}

#[derive(Debug, Clone, PartialEq)]
pub struct ShareGroupTargetAssignmentMetadataValue {
    pub assignment_epoch: i32,
    pub assignment_timestamp: i64,
}

impl Default for ShareGroupTargetAssignmentMetadataValue {
    fn default() -> Self {
        Self { assignment_epoch: Default::default(), assignment_timestamp: 0 }
    }
}

impl Codec for ShareGroupTargetAssignmentMetadataValue {
    const MIN_BYTES: usize = 4;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.assignment_epoch = Codec::decode(d, v)?;
        if v.flexible {
            d.tags(|d, tag| {
                match tag {
                    0 => m.assignment_timestamp = Codec::decode(d, v)?,
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.assignment_epoch.encode(e, v);
        if v.flexible {
            let mut tags = Tags::default();
            if self.assignment_timestamp != 0 {
                tags.add(0, |e| {
                    self.assignment_timestamp.encode(e, v);
                });
            }
            e.tags(tags);
        }
    }
}

impl Message for ShareGroupTargetAssignmentMetadataValue {
    const NAME: &'static str = "ShareGroupTargetAssignmentMetadataValue";
    const KEY: i16 = 12;
    const VERSIONS: (i16, i16) = (0, 0);
    const FLEXIBLE_FROM: i16 = 0;
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct ShareSnapshotKey {
    pub group_id: WireStr,
    pub topic_id: Uuid,
    pub partition: i32,
}

impl Codec for ShareSnapshotKey {
    const MIN_BYTES: usize = 21;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.group_id = Codec::decode(d, v)?;
        m.topic_id = Codec::decode(d, v)?;
        m.partition = Codec::decode(d, v)?;
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.group_id.encode(e, v);
        self.topic_id.encode(e, v);
        self.partition.encode(e, v);
    }
}

impl Message for ShareSnapshotKey {
    const NAME: &'static str = "ShareSnapshotKey";
    const KEY: i16 = 0;
    const VERSIONS: (i16, i16) = (0, 0);
    const FLEXIBLE_FROM: i16 = 32767;
}

#[derive(Debug, Clone, PartialEq)]
pub struct ShareSnapshotValue {
    pub snapshot_epoch: i32,
    pub state_epoch: i32,
    pub leader_epoch: i32,
    pub start_offset: i64,
    pub delivery_complete_count: i32,
    pub create_timestamp: i64,
    pub write_timestamp: i64,
    pub state_batches: Vec<StateBatchShareSnapshotValue>,
}

impl Default for ShareSnapshotValue {
    fn default() -> Self {
        Self {
            snapshot_epoch: Default::default(),
            state_epoch: Default::default(),
            leader_epoch: Default::default(),
            start_offset: Default::default(),
            delivery_complete_count: -1,
            create_timestamp: Default::default(),
            write_timestamp: Default::default(),
            state_batches: Default::default(),
        }
    }
}

impl Codec for ShareSnapshotValue {
    const MIN_BYTES: usize = 37;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.snapshot_epoch = Codec::decode(d, v)?;
        m.state_epoch = Codec::decode(d, v)?;
        m.leader_epoch = Codec::decode(d, v)?;
        m.start_offset = Codec::decode(d, v)?;
        m.create_timestamp = Codec::decode(d, v)?;
        m.write_timestamp = Codec::decode(d, v)?;
        m.state_batches = Codec::decode(d, v)?;
        if v.flexible {
            d.tags(|d, tag| {
                match tag {
                    0 => m.delivery_complete_count = Codec::decode(d, v)?,
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.snapshot_epoch.encode(e, v);
        self.state_epoch.encode(e, v);
        self.leader_epoch.encode(e, v);
        self.start_offset.encode(e, v);
        self.create_timestamp.encode(e, v);
        self.write_timestamp.encode(e, v);
        self.state_batches.encode(e, v);
        if v.flexible {
            let mut tags = Tags::default();
            if self.delivery_complete_count != -1 {
                tags.add(0, |e| {
                    self.delivery_complete_count.encode(e, v);
                });
            }
            e.tags(tags);
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct StateBatchShareSnapshotValue {
    pub first_offset: i64,
    pub last_offset: i64,
    pub delivery_state: i8,
    pub delivery_count: i16,
}

impl Codec for StateBatchShareSnapshotValue {
    const MIN_BYTES: usize = 19;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.first_offset = Codec::decode(d, v)?;
        m.last_offset = Codec::decode(d, v)?;
        m.delivery_state = Codec::decode(d, v)?;
        m.delivery_count = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.first_offset.encode(e, v);
        self.last_offset.encode(e, v);
        self.delivery_state.encode(e, v);
        self.delivery_count.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

impl Message for ShareSnapshotValue {
    const NAME: &'static str = "ShareSnapshotValue";
    const KEY: i16 = 0;
    const VERSIONS: (i16, i16) = (0, 0);
    const FLEXIBLE_FROM: i16 = 0;
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct ShareUpdateKey {
    pub group_id: WireStr,
    pub topic_id: Uuid,
    pub partition: i32,
}

impl Codec for ShareUpdateKey {
    const MIN_BYTES: usize = 21;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.group_id = Codec::decode(d, v)?;
        m.topic_id = Codec::decode(d, v)?;
        m.partition = Codec::decode(d, v)?;
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.group_id.encode(e, v);
        self.topic_id.encode(e, v);
        self.partition.encode(e, v);
    }
}

impl Message for ShareUpdateKey {
    const NAME: &'static str = "ShareUpdateKey";
    const KEY: i16 = 1;
    const VERSIONS: (i16, i16) = (0, 0);
    const FLEXIBLE_FROM: i16 = 32767;
}

#[derive(Debug, Clone, PartialEq)]
pub struct ShareUpdateValue {
    pub snapshot_epoch: i32,
    pub leader_epoch: i32,
    pub start_offset: i64,
    pub delivery_complete_count: i32,
    pub state_batches: Vec<StateBatchShareUpdateValue>,
}

impl Default for ShareUpdateValue {
    fn default() -> Self {
        Self {
            snapshot_epoch: Default::default(),
            leader_epoch: Default::default(),
            start_offset: Default::default(),
            delivery_complete_count: -1,
            state_batches: Default::default(),
        }
    }
}

impl Codec for ShareUpdateValue {
    const MIN_BYTES: usize = 17;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.snapshot_epoch = Codec::decode(d, v)?;
        m.leader_epoch = Codec::decode(d, v)?;
        m.start_offset = Codec::decode(d, v)?;
        m.state_batches = Codec::decode(d, v)?;
        if v.flexible {
            d.tags(|d, tag| {
                match tag {
                    0 => m.delivery_complete_count = Codec::decode(d, v)?,
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.snapshot_epoch.encode(e, v);
        self.leader_epoch.encode(e, v);
        self.start_offset.encode(e, v);
        self.state_batches.encode(e, v);
        if v.flexible {
            let mut tags = Tags::default();
            if self.delivery_complete_count != -1 {
                tags.add(0, |e| {
                    self.delivery_complete_count.encode(e, v);
                });
            }
            e.tags(tags);
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct StateBatchShareUpdateValue {
    pub first_offset: i64,
    pub last_offset: i64,
    pub delivery_state: i8,
    pub delivery_count: i16,
}

impl Codec for StateBatchShareUpdateValue {
    const MIN_BYTES: usize = 19;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.first_offset = Codec::decode(d, v)?;
        m.last_offset = Codec::decode(d, v)?;
        m.delivery_state = Codec::decode(d, v)?;
        m.delivery_count = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.first_offset.encode(e, v);
        self.last_offset.encode(e, v);
        self.delivery_state.encode(e, v);
        self.delivery_count.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

impl Message for ShareUpdateValue {
    const NAME: &'static str = "ShareUpdateValue";
    const KEY: i16 = 1;
    const VERSIONS: (i16, i16) = (0, 0);
    const FLEXIBLE_FROM: i16 = 0;
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct TransactionLogKey {
    pub transactional_id: WireStr,
}

impl Codec for TransactionLogKey {
    const MIN_BYTES: usize = 1;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.transactional_id = Codec::decode(d, v)?;
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.transactional_id.encode(e, v);
    }
}

impl Message for TransactionLogKey {
    const NAME: &'static str = "TransactionLogKey";
    const KEY: i16 = 0;
    const VERSIONS: (i16, i16) = (0, 0);
    const FLEXIBLE_FROM: i16 = 32767;
}

#[derive(Debug, Clone, PartialEq)]
pub struct TransactionLogValue {
    pub producer_id: i64,
    pub previous_producer_id: i64,
    pub next_producer_id: i64,
    pub producer_epoch: i16,
    pub next_producer_epoch: i16,
    pub transaction_timeout_ms: i32,
    pub transaction_status: i8,
    pub transaction_partitions: Option<Vec<PartitionsSchema>>,
    pub transaction_last_update_timestamp_ms: i64,
    pub transaction_start_timestamp_ms: i64,
    pub client_transaction_version: i16,
}

impl Default for TransactionLogValue {
    fn default() -> Self {
        Self {
            producer_id: Default::default(),
            previous_producer_id: -1,
            next_producer_id: -1,
            producer_epoch: Default::default(),
            next_producer_epoch: -1,
            transaction_timeout_ms: Default::default(),
            transaction_status: Default::default(),
            transaction_partitions: Some(Default::default()),
            transaction_last_update_timestamp_ms: Default::default(),
            transaction_start_timestamp_ms: Default::default(),
            client_transaction_version: 0,
        }
    }
}

impl Codec for TransactionLogValue {
    const MIN_BYTES: usize = 32;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.producer_id = Codec::decode(d, v)?;
        m.producer_epoch = Codec::decode(d, v)?;
        m.transaction_timeout_ms = Codec::decode(d, v)?;
        m.transaction_status = Codec::decode(d, v)?;
        m.transaction_partitions = Nullable::decode_nullable(d, v)?;
        m.transaction_last_update_timestamp_ms = Codec::decode(d, v)?;
        m.transaction_start_timestamp_ms = Codec::decode(d, v)?;
        if v.flexible {
            d.tags(|d, tag| {
                match tag {
                    0 if v.number >= 1 => m.previous_producer_id = Codec::decode(d, v)?,
                    1 if v.number >= 1 => m.next_producer_id = Codec::decode(d, v)?,
                    3 if v.number >= 1 => m.next_producer_epoch = Codec::decode(d, v)?,
                    2 if v.number >= 1 => m.client_transaction_version = Codec::decode(d, v)?,
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.producer_id.encode(e, v);
        self.producer_epoch.encode(e, v);
        self.transaction_timeout_ms.encode(e, v);
        self.transaction_status.encode(e, v);
        Nullable::encode_nullable(self.transaction_partitions.as_ref(), e, v);
        self.transaction_last_update_timestamp_ms.encode(e, v);
        self.transaction_start_timestamp_ms.encode(e, v);
        if v.flexible {
            let mut tags = Tags::default();
            if v.number >= 1 && self.previous_producer_id != -1 {
                tags.add(0, |e| {
                    self.previous_producer_id.encode(e, v);
                });
            }
            if v.number >= 1 && self.next_producer_id != -1 {
                tags.add(1, |e| {
                    self.next_producer_id.encode(e, v);
                });
            }
            if v.number >= 1 && self.client_transaction_version != 0 {
                tags.add(2, |e| {
                    self.client_transaction_version.encode(e, v);
                });
            }
            if v.number >= 1 && self.next_producer_epoch != -1 {
                tags.add(3, |e| {
                    self.next_producer_epoch.encode(e, v);
                });
            }
            e.tags(tags);
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct PartitionsSchema {
    pub topic: WireStr,
    pub partition_ids: Vec<i32>,
}

impl Codec for PartitionsSchema {
    const MIN_BYTES: usize = 2;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.topic = Codec::decode(d, v)?;
        m.partition_ids = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.topic.encode(e, v);
        self.partition_ids.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

impl Message for TransactionLogValue {
    const NAME: &'static str = "TransactionLogValue";
    const KEY: i16 = 0;
    const VERSIONS: (i16, i16) = (0, 1);
    const FLEXIBLE_FROM: i16 = 1;
}
