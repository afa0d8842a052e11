//! The records of `__consumer_offsets`, in Kafka's own layouts.
//!
//! ```text
//! key    type i16 | fields of the key        type: 0, 1 an offset | 2 a group | 3 and up the newer group protocols
//! value  version i16 | fields of the value   none: the key is gone
//! ```
//!
//! Written as Kafka 4.4 writes them: a group in version 3, an offset in version 4, or 1 where the commit named its own
//! expiry. Every older version is read. Types that are not classic are not this crate's yet: they are stepped over.

use crate::effects::{ApplyError, StateRecord};
use bytes::Bytes;
use ottla_wire::codec::{EncodeError, Encoder};
use ottla_wire::messages::records::{
    GroupMetadataKey, GroupMetadataValue, OffsetCommitKey, OffsetCommitValue,
};
use ottla_wire::{DecodeError, Decoder, Message, WireStr};

const OFFSET: i16 = OffsetCommitKey::KEY;
/// The type of an offset in the layout before leader epochs; the fields are the same.
const OLD_OFFSET: i16 = 0;
const GROUP: i16 = GroupMetadataKey::KEY;

const GROUP_VERSION: i16 = 3;
const OFFSET_VERSION: i16 = 4;
/// The last version with a place for the expiry of one commit.
const EXPIRING_OFFSET_VERSION: i16 = 1;

/// What a record says.
#[derive(Debug, Clone, PartialEq)]
pub enum Record {
    Offset {
        group: WireStr,
        topic: WireStr,
        partition: i32,
        value: Option<OffsetCommitValue>,
    },
    Group {
        group: WireStr,
        value: Option<GroupMetadataValue>,
    },
    /// Of a protocol that is not served.
    Other {
        kind: i16,
    },
}

pub fn decode(record: &StateRecord) -> Result<Record, ApplyError> {
    let mut key = Decoder::new(record.key.clone());
    let kind = number(&mut key).map_err(ApplyError::Key)?;
    match kind {
        OLD_OFFSET | OFFSET => {
            let key = OffsetCommitKey::read(&mut key, 0).map_err(ApplyError::Key)?;
            let value = value(kind, record.value.as_ref())?;
            Ok(Record::Offset { group: key.group, topic: key.topic, partition: key.partition, value })
        }
        GROUP => {
            let key = GroupMetadataKey::read(&mut key, 0).map_err(ApplyError::Key)?;
            Ok(Record::Group { group: key.group, value: value(kind, record.value.as_ref())? })
        }
        kind => Ok(Record::Other { kind }),
    }
}

fn value<M: Message>(kind: i16, bytes: Option<&Bytes>) -> Result<Option<M>, ApplyError> {
    let Some(bytes) = bytes else { return Ok(None) };
    let mut value = Decoder::new(bytes.clone());
    let damaged = |cause| ApplyError::Value { kind, cause };
    let version = number(&mut value).map_err(damaged)?;
    match M::read(&mut value, version) {
        Ok(value) => Ok(Some(value)),
        Err(DecodeError::UnknownVersion(version)) => Err(ApplyError::ValueVersion { kind, version }),
        Err(cause) => Err(damaged(cause)),
    }
}

fn number(d: &mut Decoder) -> Result<i16, DecodeError> {
    let bytes = d.take(size_of::<i16>())?;
    Ok(i16::from_be_bytes([bytes[0], bytes[1]]))
}

pub fn group(group: &WireStr, value: &GroupMetadataValue) -> Result<StateRecord, EncodeError> {
    Ok(StateRecord { key: group_key(group)?, value: Some(numbered(GROUP_VERSION, value, GROUP_VERSION)?) })
}

pub fn group_gone(group: &WireStr) -> Result<StateRecord, EncodeError> {
    Ok(StateRecord { key: group_key(group)?, value: None })
}

pub fn offset(key: OffsetCommitKey, value: &OffsetCommitValue) -> Result<StateRecord, EncodeError> {
    let version = if value.expire_timestamp >= 0 { EXPIRING_OFFSET_VERSION } else { OFFSET_VERSION };
    Ok(StateRecord { key: numbered(OFFSET, &key, 0)?, value: Some(numbered(version, value, version)?) })
}

pub fn offset_gone(key: OffsetCommitKey) -> Result<StateRecord, EncodeError> {
    Ok(StateRecord { key: numbered(OFFSET, &key, 0)?, value: None })
}

fn group_key(group: &WireStr) -> Result<Bytes, EncodeError> {
    numbered(GROUP, &GroupMetadataKey { group: group.clone() }, 0)
}

fn numbered<M: Message>(number: i16, message: &M, version: i16) -> Result<Bytes, EncodeError> {
    let mut e = Encoder::new();
    e.put(&number.to_be_bytes());
    message.write(&mut e, version);
    Ok(e.finish()?.to_bytes())
}
