//! Generated from `schema/share_group_describe.schema` by `cargo xtask codegen`; change that file instead.

#![allow(clippy::all)]

use crate::codec::*;

#[derive(Debug, Clone, PartialEq, Default)]
pub struct ShareGroupDescribeRequest {
    pub group_ids: Vec<WireStr>,
    pub include_authorized_operations: bool,
}

impl Codec for ShareGroupDescribeRequest {
    const MIN_BYTES: usize = 2;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.group_ids = Codec::decode(d, v)?;
        m.include_authorized_operations = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.group_ids.encode(e, v);
        self.include_authorized_operations.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

impl Message for ShareGroupDescribeRequest {
    const NAME: &'static str = "ShareGroupDescribeRequest";
    const KEY: i16 = 77;
    const VERSIONS: (i16, i16) = (1, 1);
    const FLEXIBLE_FROM: i16 = 1;
}

impl Request for ShareGroupDescribeRequest {
    type Response = ShareGroupDescribeResponse;
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct ShareGroupDescribeResponse {
    pub throttle_time_ms: i32,
    pub groups: Vec<DescribedGroup>,
}

impl Codec for ShareGroupDescribeResponse {
    const MIN_BYTES: usize = 5;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.throttle_time_ms = Codec::decode(d, v)?;
        m.groups = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.throttle_time_ms.encode(e, v);
        self.groups.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct TopicPartitions {
    pub topic_id: Uuid,
    pub topic_name: WireStr,
    pub partitions: Vec<i32>,
}

impl Codec for TopicPartitions {
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
pub struct Assignment {
    pub topic_partitions: Vec<TopicPartitions>,
}

impl Codec for Assignment {
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

#[derive(Debug, Clone, PartialEq)]
pub struct DescribedGroup {
    pub error_code: i16,
    pub error_message: Option<WireStr>,
    pub group_id: WireStr,
    pub group_state: WireStr,
    pub group_epoch: i32,
    pub assignment_epoch: i32,
    pub assignor_name: WireStr,
    pub members: Vec<Member>,
    pub authorized_operations: i32,
}

impl Default for DescribedGroup {
    fn default() -> Self {
        Self {
            error_code: Default::default(),
            error_message: None,
            group_id: Default::default(),
            group_state: Default::default(),
            group_epoch: Default::default(),
            assignment_epoch: Default::default(),
            assignor_name: Default::default(),
            members: Default::default(),
            authorized_operations: -2147483648,
        }
    }
}

impl Codec for DescribedGroup {
    const MIN_BYTES: usize = 19;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.error_code = Codec::decode(d, v)?;
        m.error_message = Nullable::decode_nullable(d, v)?;
        m.group_id = Codec::decode(d, v)?;
        m.group_state = Codec::decode(d, v)?;
        m.group_epoch = Codec::decode(d, v)?;
        m.assignment_epoch = Codec::decode(d, v)?;
        m.assignor_name = Codec::decode(d, v)?;
        m.members = Codec::decode(d, v)?;
        m.authorized_operations = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        e.error_code(self.error_code);
        Nullable::encode_nullable(self.error_message.as_ref(), e, v);
        self.group_id.encode(e, v);
        self.group_state.encode(e, v);
        self.group_epoch.encode(e, v);
        self.assignment_epoch.encode(e, v);
        self.assignor_name.encode(e, v);
        self.members.encode(e, v);
        self.authorized_operations.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    pub member_id: WireStr,
    pub rack_id: Option<WireStr>,
    pub member_epoch: i32,
    pub client_id: WireStr,
    pub client_host: WireStr,
    pub subscribed_topic_names: Vec<WireStr>,
    pub assignment: Assignment,
}

impl Default for Member {
    fn default() -> Self {
        Self {
            member_id: Default::default(),
            rack_id: None,
            member_epoch: Default::default(),
            client_id: Default::default(),
            client_host: Default::default(),
            subscribed_topic_names: Default::default(),
            assignment: Default::default(),
        }
    }
}

impl Codec for Member {
    const MIN_BYTES: usize = 10;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.member_id = Codec::decode(d, v)?;
        m.rack_id = Nullable::decode_nullable(d, v)?;
        m.member_epoch = Codec::decode(d, v)?;
        m.client_id = Codec::decode(d, v)?;
        m.client_host = Codec::decode(d, v)?;
        m.subscribed_topic_names = Codec::decode(d, v)?;
        m.assignment = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.member_id.encode(e, v);
        Nullable::encode_nullable(self.rack_id.as_ref(), e, v);
        self.member_epoch.encode(e, v);
        self.client_id.encode(e, v);
        self.client_host.encode(e, v);
        self.subscribed_topic_names.encode(e, v);
        self.assignment.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

impl Message for ShareGroupDescribeResponse {
    const NAME: &'static str = "ShareGroupDescribeResponse";
    const KEY: i16 = 77;
    const VERSIONS: (i16, i16) = (1, 1);
    const FLEXIBLE_FROM: i16 = 1;
    fn set_throttle_time_ms(&mut self, ms: i32) {
        self.throttle_time_ms = ms;
    }
}
