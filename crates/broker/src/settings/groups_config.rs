//! What the settings mean for consumer groups and the topic that keeps them.

use super::resolve::Resolved;
use ottla_state::controller::InternalTopic;
use ottla_state::group;
use ottla_state::image::Configs;
use ottla_wire::compress::Codec;
use std::time::Duration;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupsConfig {
    /// What the machine decides by, but for the size of its records: that is a setting of the topic.
    pub machine: group::Config,
    /// `offsets.commit.timeout.ms`: how long an answer waits for its records to be durable.
    pub commit_timeout: Duration,
    /// `offsets.topic.compression.codec`.
    pub codec: Codec,
    /// How `__consumer_offsets` is made.
    pub topic: InternalTopic,
}

pub(super) fn build(resolved: &mut Resolved) -> GroupsConfig {
    const CODEC: &str = "offsets.topic.compression.codec";
    const MINUTE_MS: i64 = 60_000;
    let codec = resolved.number(CODEC).and_then(|id| u8::try_from(id).ok()).and_then(Codec::from_id);
    if codec.is_none() {
        resolved.problem(CODEC, "is not the number of a codec; 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd");
    }
    let long = |name: &str| resolved.number(name).unwrap_or_default();
    let int = |name: &str| i32::try_from(long(name)).unwrap_or_default();
    let configs = [
        ("cleanup.policy", "compact".to_owned()),
        ("compression.type", "producer".to_owned()),
        ("segment.bytes", int("offsets.topic.segment.bytes").to_string()),
    ];
    GroupsConfig {
        machine: group::Config {
            min_session_timeout_ms: int("group.min.session.timeout.ms"),
            max_session_timeout_ms: int("group.max.session.timeout.ms"),
            initial_rebalance_delay_ms: int("group.initial.rebalance.delay.ms"),
            max_size: int("group.max.size"),
            offset_metadata_max_bytes: int("offset.metadata.max.bytes"),
            offsets_retention_ms: long("offsets.retention.minutes").saturating_mul(MINUTE_MS),
            offsets_retention_check_interval_ms: long("offsets.retention.check.interval.ms"),
            ..group::Config::default()
        },
        commit_timeout: Duration::from_millis(long("offsets.commit.timeout.ms").unsigned_abs()),
        codec: codec.unwrap_or(Codec::None),
        topic: InternalTopic {
            partitions: int("offsets.topic.num.partitions"),
            configs: configs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Configs>(),
        },
    }
}
