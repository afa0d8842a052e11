//! Groups: list, describe, delete, remove members, and their committed offsets.
//!
//! Each group is asked for at its own coordinator; what a coordinator says of the whole call (it is another one by now)
//! is tried again. Groups of both protocols are described alike, with the topics and partitions of each member.

use super::{Admin, PartitionKey};
use crate::cluster::ANY_VERSION;
use crate::connection::check;
use crate::connections::Lane;
use crate::errors::ClientError;
use crate::group::offsets::{self, CommittedOffset, OnlyStable};
use crate::group::protocol::{self, PROTOCOL_TYPE};
use crate::group::{Coordinator, Identity};
use ottla_wire::messages::consumer_group_describe as modern;
use ottla_wire::messages::delete_groups::{DeleteGroupsRequest, DeleteGroupsResponse};
use ottla_wire::messages::describe_groups as classic;
use ottla_wire::messages::leave_group::{LeaveGroupRequest, LeaveGroupResponse, MemberIdentity};
use ottla_wire::messages::list_groups::{ListGroupsRequest, ListGroupsResponse};
use ottla_wire::messages::offset_delete as delete;
use ottla_wire::{ErrorCode, WireStr};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedGroup {
    pub group_id: String,
    /// `consumer` of groups that consume; empty of one that only has offsets.
    pub protocol_type: String,
    /// `None` where the broker is too old to say.
    pub state: Option<String>,
    /// `Classic` or `Consumer`; `None` where the broker is too old to say.
    pub group_type: Option<String>,
    /// The node that answered for it.
    pub coordinator: i32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupDescription {
    pub group_id: String,
    /// `Stable`, `PreparingRebalance`, `CompletingRebalance`, `Empty`, ...
    pub state: String,
    pub group_type: &'static str,
    pub protocol_type: String,
    /// The assignor in use.
    pub assignor: String,
    pub coordinator: i32,
    /// By member id.
    pub members: Vec<GroupMember>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupMember {
    pub member_id: String,
    pub instance_id: Option<String>,
    pub client_id: String,
    pub host: String,
    pub topics: BTreeSet<String>,
    pub assignment: BTreeSet<PartitionKey>,
}

/// Who is to leave a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MemberToRemove {
    /// A static member.
    Instance(String),
    Member(String),
}

type Described = Result<GroupDescription, ClientError>;

impl Admin {
    /// Every group that any broker coordinates, by id. Empty filters let everything through; brokers that are too old for
    /// a filter refuse the call.
    pub async fn list_groups(&self) -> Result<Vec<ListedGroup>, ClientError> {
        let mut groups = BTreeMap::new();
        for broker in self.describe_cluster().await?.brokers {
            let node_id = broker.node_id;
            let mut attempts = self.cluster.attempts(self.cluster.call_deadline());
            let answer = loop {
                let ask = async {
                    let connection = self.cluster.node(node_id, Lane::Calls).await?;
                    let answer: ListGroupsResponse = connection
                        .call(&ListGroupsRequest::default(), self.cluster.call(ANY_VERSION))
                        .await?;
                    check("list groups", answer.error_code)?;
                    Ok(answer)
                };
                match ask.await {
                    Ok(answer) => break answer,
                    Err(error) => attempts.after(error).await?,
                }
            };
            for group in &answer.groups {
                let some = |text: &WireStr| (!text.is_empty()).then(|| text.to_string());
                let listed = ListedGroup {
                    group_id: group.group_id.to_string(),
                    protocol_type: group.protocol_type.to_string(),
                    state: some(&group.group_state),
                    group_type: some(&group.group_type),
                    coordinator: node_id,
                };
                groups.insert(listed.group_id.clone(), listed);
            }
        }
        Ok(groups.into_values().collect())
    }

    /// In the order of `group_ids`. A group that is not there is GROUP_ID_NOT_FOUND.
    pub async fn describe_groups(&self, group_ids: &[String]) -> Result<Vec<Described>, ClientError> {
        let mut described = Vec::new();
        for group_id in group_ids {
            let coordinator = self.coordinator(group_id);
            let result = match describe_classic(&coordinator).await {
                Err(error) if error.code() == Some(ErrorCode::GroupIdNotFound) => {
                    match describe_modern(&coordinator).await {
                        // No such API: then the first answer is the whole truth.
                        Err(ClientError::Unsupported { .. }) => Err(error),
                        result => result,
                    }
                }
                result => result,
            };
            described.push(told(result)?);
        }
        Ok(described)
    }

    /// What the group has committed, of all partitions or of these.
    pub async fn group_offsets(
        &self,
        group_id: &str,
        partitions: Option<&[PartitionKey]>,
    ) -> Result<BTreeMap<PartitionKey, CommittedOffset>, ClientError> {
        let found = offsets::committed(&self.coordinator(group_id), partitions, OnlyStable::No).await?;
        found.into_iter().map(|(key, result)| Ok((key, result?))).collect()
    }

    /// Commits in the place of the group's members, of which there must be none. A group that is not there comes into
    /// being.
    pub async fn alter_group_offsets(
        &self,
        group_id: &str,
        offsets: &BTreeMap<PartitionKey, CommittedOffset>,
    ) -> Result<BTreeMap<PartitionKey, Result<(), ClientError>>, ClientError> {
        offsets::commit(&self.coordinator(group_id), &Identity::nobody(), offsets).await
    }

    /// Forgets what the group has committed of these partitions, which nobody in the group may be reading.
    pub async fn delete_group_offsets(
        &self,
        group_id: &str,
        partitions: &[PartitionKey],
    ) -> Result<BTreeMap<PartitionKey, Result<(), ClientError>>, ClientError> {
        let mut topics: BTreeMap<&str, Vec<delete::OffsetDeleteRequestPartition>> = BTreeMap::new();
        for key in partitions {
            let partition = delete::OffsetDeleteRequestPartition { partition_index: key.partition };
            topics.entry(&key.topic).or_default().push(partition);
        }
        let topics = topics
            .into_iter()
            .map(|(name, partitions)| delete::OffsetDeleteRequestTopic { name: name.into(), partitions });
        let request = delete::OffsetDeleteRequest { group_id: group_id.into(), topics: topics.collect() };
        let what = format!("delete offsets of group {group_id}");
        let accept = |answer: delete::OffsetDeleteResponse| {
            check(&what, answer.error_code)?;
            let mut results = BTreeMap::new();
            for topic in &answer.topics {
                for partition in &topic.partitions {
                    let index = partition.partition_index;
                    let result = check(&format!("{what}, {}/{index}", topic.name), partition.error_code);
                    results.insert(PartitionKey { topic: topic.name.to_string(), partition: index }, result);
                }
            }
            Ok(results)
        };
        self.coordinator(group_id).call(&request, ANY_VERSION, accept).await
    }

    /// In the order of `group_ids`. A group with members is NON_EMPTY_GROUP.
    pub async fn delete_groups(
        &self,
        group_ids: &[String],
    ) -> Result<Vec<Result<(), ClientError>>, ClientError> {
        let mut results = Vec::new();
        for group_id in group_ids {
            let request = DeleteGroupsRequest { groups_names: vec![group_id.as_str().into()] };
            let accept = |answer: DeleteGroupsResponse| {
                let what = format!("delete group {group_id}");
                let one = answer.results.first();
                let one = one.ok_or_else(|| {
                    ClientError::refused(&what, ErrorCode::UnknownServerError, Some("no answer"))
                })?;
                super::item(&what, one.error_code, one.error_message.as_deref(), ())
            };
            results.push(told(self.coordinator(group_id).call(&request, ANY_VERSION, accept).await)?);
        }
        Ok(results)
    }

    /// Makes members leave, in the order of `members`; dynamic ones that are alive will join again.
    pub async fn remove_members(
        &self,
        group_id: &str,
        members: &[MemberToRemove],
    ) -> Result<Vec<Result<(), ClientError>>, ClientError> {
        let identity = |member: &MemberToRemove| match member {
            MemberToRemove::Instance(id) => {
                MemberIdentity { group_instance_id: Some(id.as_str().into()), ..Default::default() }
            }
            MemberToRemove::Member(id) => {
                MemberIdentity { member_id: id.as_str().into(), ..Default::default() }
            }
        };
        let request = LeaveGroupRequest {
            group_id: group_id.into(),
            members: members.iter().map(identity).collect(),
            ..Default::default()
        };
        let what = format!("remove members of group {group_id}");
        let accept = |answer: LeaveGroupResponse| {
            check(&what, answer.error_code)?;
            let one = |member: &MemberToRemove| {
                let found = answer.members.iter().find(|answer| match member {
                    MemberToRemove::Instance(id) => answer.group_instance_id.as_deref() == Some(id.as_str()),
                    MemberToRemove::Member(id) => answer.member_id == id.as_str(),
                });
                let code = found.map_or(ErrorCode::UnknownMemberId.code(), |answer| answer.error_code);
                check(&what, code)
            };
            Ok(members.iter().map(one).collect())
        };
        self.coordinator(group_id).call(&request, ANY_VERSION, accept).await
    }

    fn coordinator(&self, group_id: &str) -> Coordinator {
        Coordinator::new(Arc::clone(&self.cluster), group_id)
    }
}

/// One item's own error; the outer one ends the call, because nobody answers at all.
fn told<T>(result: Result<T, ClientError>) -> Result<Result<T, ClientError>, ClientError> {
    match result {
        Err(error) if error.is_unreachable() => Err(error),
        result => Ok(result),
    }
}

async fn describe_classic(coordinator: &Coordinator) -> Described {
    let group_id = &coordinator.group_id;
    let request =
        classic::DescribeGroupsRequest { groups: vec![group_id.as_str().into()], ..Default::default() };
    let node_id = coordinator.node_id().await?;
    let accept = |answer: classic::DescribeGroupsResponse| {
        let what = format!("describe group {group_id}");
        let missing = || ClientError::refused(&what, ErrorCode::GroupIdNotFound, None);
        let group = answer.groups.first().ok_or_else(missing)?;
        super::item(&what, group.error_code, group.error_message.as_deref(), ())?;
        // How brokers before version 6 say that there is none.
        if group.group_state == "Dead" {
            return Err(missing());
        }
        let is_consumer = group.protocol_type == PROTOCOL_TYPE;
        let member = |member: &classic::DescribedGroupMember| {
            // While the group rebalances there is no assignment yet; other protocols have bytes of their own.
            let subscription = is_consumer.then(|| protocol::decode_subscription(&member.member_metadata));
            let assignment = is_consumer.then(|| protocol::decode_assignment(&member.member_assignment));
            GroupMember {
                member_id: member.member_id.to_string(),
                instance_id: member.group_instance_id.as_deref().map(str::to_owned),
                client_id: member.client_id.to_string(),
                host: member.client_host.to_string(),
                topics: subscription.and_then(Result::ok).unwrap_or_default().topics,
                assignment: assignment.and_then(Result::ok).unwrap_or_default(),
            }
        };
        let mut members: Vec<_> = group.members.iter().map(member).collect();
        members.sort_by(|a, b| a.member_id.cmp(&b.member_id));
        Ok(GroupDescription {
            group_id: group_id.clone(),
            state: group.group_state.to_string(),
            group_type: "Classic",
            protocol_type: group.protocol_type.to_string(),
            assignor: group.protocol_data.to_string(),
            coordinator: node_id,
            members,
        })
    };
    coordinator.call(&request, ANY_VERSION, accept).await
}

/// Of the protocol of KIP-848.
async fn describe_modern(coordinator: &Coordinator) -> Described {
    let group_id = &coordinator.group_id;
    let request = modern::ConsumerGroupDescribeRequest {
        group_ids: vec![group_id.as_str().into()],
        ..Default::default()
    };
    let node_id = coordinator.node_id().await?;
    let accept = |answer: modern::ConsumerGroupDescribeResponse| {
        let what = format!("describe group {group_id}");
        let missing = || ClientError::refused(&what, ErrorCode::GroupIdNotFound, None);
        let group = answer.groups.first().ok_or_else(missing)?;
        super::item(&what, group.error_code, group.error_message.as_deref(), ())?;
        let member = |member: &modern::Member| {
            let keys = member.assignment.topic_partitions.iter().flat_map(|topic| {
                let key = |partition: &i32| PartitionKey {
                    topic: topic.topic_name.to_string(),
                    partition: *partition,
                };
                topic.partitions.iter().map(key).collect::<Vec<_>>()
            });
            GroupMember {
                member_id: member.member_id.to_string(),
                instance_id: member.instance_id.as_deref().map(str::to_owned),
                client_id: member.client_id.to_string(),
                host: member.client_host.to_string(),
                topics: member.subscribed_topic_names.iter().map(ToString::to_string).collect(),
                assignment: keys.collect(),
            }
        };
        let mut members: Vec<_> = group.members.iter().map(member).collect();
        members.sort_by(|a, b| a.member_id.cmp(&b.member_id));
        Ok(GroupDescription {
            group_id: group_id.clone(),
            state: group.group_state.to_string(),
            group_type: "Consumer",
            protocol_type: PROTOCOL_TYPE.to_owned(),
            assignor: group.assignor_name.to_string(),
            coordinator: node_id,
            members,
        })
    };
    coordinator.call(&request, ANY_VERSION, accept).await
}
