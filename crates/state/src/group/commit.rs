//! Commits, fetches and deletions of offsets.

use super::offsets::Offsets;
use super::request::committed;
use super::retention::forget_offsets;
use super::step::{Step, TooLarge};
use super::{Groups, OffsetCommit, OffsetFetch, Reply, key, records};
use crate::controls::{Control, active};
use crate::effects::{Effects, Now, Ticket};
use ottla_wire::messages::offset_commit::{OffsetCommitRequestPartition, OffsetCommitRequestTopic};
use ottla_wire::messages::offset_delete::{
    OffsetDeleteRequest, OffsetDeleteResponse, OffsetDeleteResponsePartition, OffsetDeleteResponseTopic,
};
use ottla_wire::messages::offset_fetch::OffsetFetchResponseGroup;
use ottla_wire::messages::records::OffsetCommitValue;
use ottla_wire::{ErrorCode, WireStr};
use std::collections::BTreeSet;

/// From this version on a commit says that its group is not there; before, that its generation is wrong.
const GROUP_MUST_EXIST_FROM: i16 = 9;

impl Groups {
    pub(super) fn commit(&mut self, now: Now, ticket: Ticket, commit: &OffsetCommit) -> Effects<Reply> {
        let request = &commit.request;
        let id = &request.group_id;
        let mut effects = Effects::default();
        let allowed = self
            .on_group(id, now, &mut effects, |group, at| group.classic.commit(at, request))
            .unwrap_or(match request.generation_id_or_member_epoch {
                // Whoever is in no group may commit to one that is not there.
                ..0 => Ok(()),
                _ if commit.version >= GROUP_MUST_EXIST_FROM => Err(ErrorCode::GroupIdNotFound),
                _ => Err(ErrorCode::IllegalGeneration),
            });
        let response = match allowed {
            Err(error) => committed(request, |_, _| error),
            Ok(()) => {
                let mut at =
                    Step { now, config: &self.config, group_id: id, effects: &mut effects, written: 0 };
                let expires_ms = match request.retention_time_ms {
                    ..0 => -1,
                    retention_ms => now.wall_ms.saturating_add(retention_ms),
                };
                let response = committed(request, |topic, partition| {
                    if at.is_full() {
                        return ErrorCode::InvalidCommitOffsetSize;
                    }
                    match commit_one(&mut at, topic, partition, expires_ms) {
                        Ok(()) => ErrorCode::None,
                        Err(TooLarge) => ErrorCode::OffsetMetadataTooLarge,
                    }
                });
                if at.is_full() {
                    // All or nothing, as in Kafka.
                    effects.records.clear();
                    committed(request, |_, _| ErrorCode::InvalidCommitOffsetSize)
                } else {
                    response
                }
            }
        };
        effects.replies.push((ticket, Reply::OffsetCommit(response)));
        effects
    }

    pub(super) fn fetch(&self, fetch: &OffsetFetch) -> OffsetFetchResponseGroup {
        let request = &fetch.request;
        let nothing = Offsets::default();
        let offsets = self.groups.get(&request.group_id).map_or(&nothing, |group| &group.offsets);
        OffsetFetchResponseGroup {
            group_id: request.group_id.clone(),
            topics: request
                .topics
                .as_ref()
                .map_or_else(|| offsets.fetch_all(), |topics| offsets.fetch(topics)),
            error_code: ErrorCode::None.code(),
        }
    }

    pub(super) fn delete_offsets(
        &mut self,
        now: Now,
        ticket: Ticket,
        request: &OffsetDeleteRequest,
    ) -> Effects<Reply> {
        let id = &request.group_id;
        let mut effects = Effects::default();
        let refused =
            |error: ErrorCode| OffsetDeleteResponse { error_code: error.code(), ..Default::default() };
        let response = if id.is_empty() {
            refused(ErrorCode::InvalidGroupId)
        } else {
            let deleted = self.on_group(id, now, &mut effects, |group, at| {
                group.classic.check_offset_deletion()?;
                let mut topics = Vec::with_capacity(request.topics.len());
                let mut places = BTreeSet::new();
                for topic in &request.topics {
                    let is_subscribed = group.classic.is_subscribed(&topic.name);
                    let mut partitions = Vec::with_capacity(topic.partitions.len());
                    for partition in &topic.partitions {
                        let index = partition.partition_index;
                        let error =
                            if is_subscribed { ErrorCode::GroupSubscribedToTopic } else { ErrorCode::None };
                        if !is_subscribed && group.offsets.get(&topic.name, index).is_some() {
                            places.insert((topic.name.clone(), index));
                        }
                        partitions.push(OffsetDeleteResponsePartition {
                            partition_index: index,
                            error_code: error.code(),
                        });
                    }
                    topics.push(OffsetDeleteResponseTopic { name: topic.name.clone(), partitions });
                }
                // More than one decision forgets are to be asked for again.
                let is_done = forget_offsets(at, places);
                if is_done { Ok(topics) } else { Err(ErrorCode::CoordinatorNotAvailable) }
            });
            match deleted.unwrap_or(Err(ErrorCode::GroupIdNotFound)) {
                Ok(topics) => OffsetDeleteResponse { topics, ..Default::default() },
                Err(error) => refused(error),
            }
        };
        effects.replies.push((ticket, Reply::OffsetDelete(response)));
        effects
    }
}

fn commit_one(
    at: &mut Step<'_>,
    topic: &OffsetCommitRequestTopic,
    partition: &OffsetCommitRequestPartition,
    expire_timestamp: i64,
) -> Result<(), TooLarge> {
    let metadata = partition.committed_metadata.clone().unwrap_or_default();
    if !is_short(&metadata, at.config.offset_metadata_max_bytes) {
        return Err(TooLarge);
    }
    let value = OffsetCommitValue {
        offset: partition.committed_offset,
        leader_epoch: partition.committed_leader_epoch,
        metadata,
        commit_timestamp: at.now.wall_ms,
        expire_timestamp,
        topic_id: topic.topic_id,
    };
    if active(Control::CommitNotWritten) {
        return Ok(());
    }
    at.record(records::offset(key(at.group_id, &topic.name, partition.partition_index), &value)?)
}

/// Kafka counts what it calls bytes as Java counts a string.
fn is_short(metadata: &WireStr, max: i32) -> bool {
    usize::try_from(max).is_ok_and(|max| metadata.len() <= max || metadata.encode_utf16().count() <= max)
}
