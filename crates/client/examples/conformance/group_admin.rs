//! Admin calls about groups.

use crate::group_lab::{Reader, config, divided, until};
use crate::lab::{Lab, key, refused};
use crate::{Outcome, Problem};
use ottla_client::{CommittedOffset, ErrorCode, MemberToRemove, PartitionKey};
use std::collections::BTreeMap;

fn offsets(topic: &str, pairs: &[(i32, i64)]) -> BTreeMap<PartitionKey, CommittedOffset> {
    pairs.iter().map(|(partition, offset)| (key(topic, *partition), CommittedOffset::new(*offset))).collect()
}

pub async fn offsets_without_members(lab: &Lab) -> Outcome {
    let topic = lab.topic("group-offsets", 3, &[]).await?;
    let group = lab.group("offsets");
    let admin = lab.client.admin();
    ensure!(admin.group_offsets(&group, None).await?.is_empty(), "a group that is not there has offsets");
    let wanted = offsets(&topic, &[(0, 5), (1, 6), (2, 7)]);
    for (key, result) in admin.alter_group_offsets(&group, &wanted).await? {
        result.map_err(|error| format!("{}: {error}", key.partition))?;
    }
    ensure!(admin.group_offsets(&group, None).await? == wanted, "what was written is not what is there");
    let one = admin.group_offsets(&group, Some(&[key(&topic, 1)])).await?;
    ensure!(one == offsets(&topic, &[(1, 6)]), "one partition: {one:?}");
    let described = admin.describe_groups(std::slice::from_ref(&group)).await?.remove(0)?;
    ensure!(described.state == "Empty" && described.members.is_empty(), "it is {}", described.state);
    let listed = admin.list_groups().await?;
    ensure!(listed.iter().any(|listed| listed.group_id == group), "it is not listed");
    for (key, result) in admin.delete_group_offsets(&group, &[key(&topic, 0)]).await? {
        result.map_err(|error| format!("{}: {error}", key.partition))?;
    }
    ensure!(admin.group_offsets(&group, None).await? == offsets(&topic, &[(1, 6), (2, 7)]), "not deleted");
    admin.delete_groups(std::slice::from_ref(&group)).await?.remove(0)?;
    let gone =
        refused("a deleted group", admin.describe_groups(std::slice::from_ref(&group)).await?.remove(0))?;
    ensure!(gone.code() == Some(ErrorCode::GroupIdNotFound), "described: {gone}");
    let gone =
        refused("a deleted group", admin.delete_groups(std::slice::from_ref(&group)).await?.remove(0))?;
    ensure!(gone.code() == Some(ErrorCode::GroupIdNotFound), "deleted: {gone}");
    ensure!(!admin.list_groups().await?.iter().any(|listed| listed.group_id == group), "it is still listed");
    Ok("written, read, deleted, and the group with them".to_owned())
}

pub async fn live_group(lab: &Lab) -> Outcome {
    let topic = lab.topic("group-live", 2, &[]).await?;
    let group = lab.group("live");
    let admin = lab.client.admin();
    let member = ottla_client::GroupConfig { instance_id: Some("one".to_owned()), ..config(&group) };
    let reader = Reader::start(&lab.client, member, &topic)?;
    divided(&[&reader], 2).await?;
    let code = |what: &str, error: ottla_client::ClientError, wanted: ErrorCode| {
        ensure!(error.code() == Some(wanted), "{what}: {error} instead of {wanted}");
        Ok::<(), Problem>(())
    };
    let deleted =
        refused("deleting a live group", admin.delete_groups(std::slice::from_ref(&group)).await?.remove(0))?;
    code("delete", deleted, ErrorCode::NonEmptyGroup)?;
    let altered = admin.alter_group_offsets(&group, &offsets(&topic, &[(0, 1)])).await;
    code("alter", refused("altering a live group", altered)?, ErrorCode::UnknownMemberId)?;
    let keys = [key(&topic, 0)];
    let mut results = admin.delete_group_offsets(&group, &keys).await?;
    let result = results.remove(&keys[0]).ok_or("no answer for the partition")?;
    code("delete offsets", refused("deleting offsets", result)?, ErrorCode::GroupSubscribedToTopic)?;
    let members = [MemberToRemove::Instance("nobody".to_owned()), MemberToRemove::Instance("one".to_owned())];
    let mut results = admin.remove_members(&group, &members).await?;
    results.pop().ok_or("no answer")??;
    code("remove", refused("removing nobody", results.remove(0))?, ErrorCode::UnknownMemberId)?;
    until("the removed member has joined again", &[], || async {
        let described = admin.describe_groups(std::slice::from_ref(&group)).await?.remove(0)?;
        let seen = reader.seen();
        let is_back = seen.lost.len() == 2 && seen.assigned.len() == 2;
        Ok(is_back && described.state == "Stable" && described.members.len() == 1)
    })
    .await?;
    reader.close().await?;
    admin.remove_members(&group, &[MemberToRemove::Instance("one".to_owned())]).await?.remove(0)?;
    admin.delete_groups(&[group]).await?.remove(0)?;
    Ok("a live group is left alone; a removed member is told and comes back".to_owned())
}
