//! Groups: who reads what while members come, go and die, and what is committed on the way.

use crate::group_lab::{CutNet, REBALANCED, Reader, assigned, config, divided, next_matching, until};
use crate::lab::{Lab, deliver, key, numbered, refused, within};
use crate::{Outcome, Problem};
use ottla_client::{
    Assignor, ConsumerConfig, ErrorCode, GroupConfig, GroupConsumer, GroupEvent, OffsetReset, PartitionKey,
    ProducerConfig,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const PARTITIONS: i32 = 6;

async fn filled(lab: &Lab, word: &str, records: u64) -> Result<Arc<str>, Problem> {
    let topic = lab.topic(word, PARTITIONS, &[]).await?;
    fill(lab, &topic, records).await?;
    Ok(topic)
}

/// The same number for each partition.
async fn fill(lab: &Lab, topic: &Arc<str>, records: u64) -> Result<(), Problem> {
    let producer = lab.producer(ProducerConfig::default())?;
    let record = |number: u64| numbered(topic, (number % PARTITIONS as u64) as i32, number);
    deliver(&producer, (0..records).map(record)).await?;
    Ok(())
}

async fn committed(lab: &Lab, group: &str) -> Result<BTreeMap<PartitionKey, i64>, Problem> {
    let offsets = lab.client.admin().group_offsets(group, None).await?;
    Ok(offsets.into_iter().map(|(key, committed)| (key, committed.offset)).collect())
}

fn count(readers: &[&Reader]) -> usize {
    readers.iter().map(|reader| reader.seen().count()).sum()
}

pub async fn three_members(lab: &Lab) -> Outcome {
    let topic = filled(lab, "three", 600).await?;
    let group = lab.group("three");
    let start = || Reader::start(&lab.client, config(&group), &topic);
    let (a, b, c) = (start()?, start()?, start()?);
    let all = [&a, &b, &c];
    let shares = divided(&all, PARTITIONS as usize).await?;
    until("600 records are read", &all, || async { Ok(count(&all) >= 600) }).await?;
    let described = lab.client.admin().describe_groups(std::slice::from_ref(&group)).await?.remove(0)?;
    ensure!(described.state == "Stable", "the group is {}", described.state);
    ensure!(described.members.len() == 3, "{} members are described", described.members.len());
    let told: BTreeSet<_> = described.members.iter().flat_map(|member| &member.assignment).collect();
    ensure!(told.len() == PARTITIONS as usize, "{} partitions are described", told.len());
    ensure!(described.assignor == "cooperative-sticky", "it uses {}", described.assignor);
    let left = c.close().await?;
    divided(&[&a, &b], PARTITIONS as usize).await?;
    fill(lab, &topic, 60).await?;
    let before = left.count();
    until("60 more are read", &[&a, &b], || async { Ok(count(&[&a, &b]) + before >= 660) }).await?;
    let mut seen = vec![left, a.close().await?, b.close().await?];
    let mut offsets: BTreeMap<PartitionKey, Vec<i64>> = BTreeMap::new();
    for seen in &mut seen {
        ensure!(seen.lost.is_empty(), "partitions were lost: {:?}", seen.lost);
        for (key, read) in &seen.offsets {
            offsets.entry(key.clone()).or_default().extend(read);
        }
    }
    for (key, mut read) in offsets {
        read.sort_unstable();
        ensure!(read == (0..110).collect::<Vec<_>>(), "{}: a record was missed or read twice", key.partition);
    }
    let committed = committed(lab, &group).await?;
    ensure!(committed.len() == PARTITIONS as usize, "{} offsets are committed", committed.len());
    ensure!(committed.values().all(|offset| *offset == 110), "committed: {committed:?}");
    let described = lab.client.admin().describe_groups(&[group]).await?.remove(0)?;
    ensure!(described.state == "Empty", "after all have left the group is {}", described.state);
    Ok(format!("shares {shares:?}, then 3 and 3; 660 records once each"))
}

pub async fn killed_member(lab: &Lab) -> Outcome {
    let topic = filled(lab, "killed", 60).await?;
    let group = lab.group("killed");
    let (net, doomed) = CutNet::client(lab).await?;
    let survivor = Reader::start(&lab.client, config(&group), &topic)?;
    let victim = Reader::start(&doomed, config(&group), &topic)?;
    divided(&[&survivor, &victim], PARTITIONS as usize).await?;
    net.cut().await;
    let victim = victim.kill();
    divided(&[&survivor], PARTITIONS as usize).await?;
    fill(lab, &topic, 60).await?;
    let all_read = || async {
        let seen = survivor.seen();
        let ends = (0..PARTITIONS).map(|p| seen.offsets.get(&key(&topic, p)).and_then(|read| read.last()));
        Ok(ends.into_iter().all(|last| last == Some(&19)))
    };
    until("the survivor reads what was written later", &[&survivor], all_read).await?;
    let survivor = survivor.close().await?;
    for partition in 0..PARTITIONS {
        let key = key(&topic, partition);
        let mut read: BTreeSet<i64> = survivor.offsets[&key].iter().copied().collect();
        read.extend(victim.offsets.get(&key).into_iter().flatten());
        ensure!(read.into_iter().eq(0..20), "partition {partition} was not read whole");
    }
    Ok(format!("{} partitions moved when the session had ended", victim.assigned.len()))
}

async fn batch_of(consumer: &mut GroupConsumer) -> Result<(PartitionKey, i64, i64), Problem> {
    next_matching(consumer, "a batch", |event| match event {
        GroupEvent::Batch(batch) => {
            let first = batch.records.first()?.offset;
            Some((key(&batch.topic, batch.partition), first, batch.next_offset))
        }
        _ => None,
    })
    .await
}

fn by_hand(group: &str) -> GroupConfig {
    GroupConfig { auto_commit: None, ..config(group) }
}

pub async fn commits_resume(lab: &Lab) -> Outcome {
    let topic = lab.topic("resume", 1, &[]).await?;
    let producer = lab.producer(ProducerConfig { batch_size: 200, ..Default::default() })?;
    deliver(&producer, (0..100).map(|number| numbered(&topic, 0, number))).await?;
    let group = lab.group("resume");
    let topics = [topic.to_string()];
    let start = || lab.client.group_consumer(ConsumerConfig::default(), by_hand(&group), &topics);
    let mut first = start()?;
    let (_, offset, next) = batch_of(&mut first).await?;
    ensure!(offset == 0 && next < 100, "the first batch is {offset} to {next}");
    first.commit().await?;
    let (_, again, _) = batch_of(&mut first).await?;
    ensure!(again == next, "the second batch begins at {again}");
    first.close().await?;
    let mut second = start()?;
    let (place, resumed, later) = batch_of(&mut second).await?;
    ensure!(resumed == next, "{next} was committed, and reading went on at {resumed}");
    let found = second.committed(std::slice::from_ref(&place)).await?;
    ensure!(found.get(&place).is_some_and(|committed| committed.offset == next), "committed: {found:?}");
    second.commit_later(BTreeMap::from([(place.clone(), ottla_client::CommittedOffset::new(later))]));
    let text = ottla_client::CommittedOffset {
        metadata: "by hand".to_owned(),
        ..ottla_client::CommittedOffset::new(42)
    };
    second.commit_offsets(BTreeMap::from([(place.clone(), text.clone())])).await?;
    ensure!(
        second.committed(std::slice::from_ref(&place)).await?[&place] == text,
        "the newest commit is not in force"
    );
    second.close().await?;
    let mut third = start()?;
    let (_, resumed, _) = batch_of(&mut third).await?;
    ensure!(resumed == 42, "42 was committed, and reading went on at {resumed}");
    third.close().await?;
    Ok(format!("went on at {next} and at 42"))
}

pub async fn static_member(lab: &Lab) -> Outcome {
    let topic = filled(lab, "static", 0).await?;
    let group = lab.group("static");
    let fixed = |id: &str| GroupConfig { instance_id: Some(id.to_owned()), ..config(&group) };
    let a = Reader::start(&lab.client, fixed("a"), &topic)?;
    let b = Reader::start(&lab.client, fixed("b"), &topic)?;
    divided(&[&a, &b], PARTITIONS as usize).await?;
    let had = a.assigned();
    let rounds = b.seen().rounds;
    a.close().await?;
    let again = Reader::start(&lab.client, fixed("a"), &topic)?;
    until("the static member is back", &[&again, &b], || async { Ok(again.assigned() == had) }).await?;
    ensure!(b.seen().rounds == rounds, "the other member had to rebalance");
    let described = lab.client.admin().describe_groups(std::slice::from_ref(&group)).await?.remove(0)?;
    let mut ids: Vec<_> = described.members.iter().map(|member| member.instance_id.as_deref()).collect();
    ids.sort_unstable();
    ensure!(ids == [Some("a"), Some("b")], "instance ids are {ids:?}");
    // The same id from somebody else ends the first one's membership for good.
    let third = Reader::start(&lab.client, fixed("a"), &topic)?;
    until("the older one is fenced", &[&b], || async {
        Ok(again.seen().problem.as_deref().is_some_and(|problem| problem.contains("FENCED_INSTANCE_ID")))
    })
    .await?;
    third.close().await?;
    b.close().await?;
    Ok(format!("{} partitions kept over a restart, no rebalance for the other", had.len()))
}

pub async fn cooperative_moves(lab: &Lab) -> Outcome {
    let topic = filled(lab, "moves", 60).await?;
    let group = lab.group("moves");
    let start = || Reader::start(&lab.client, config(&group), &topic);
    let (a, b) = (start()?, start()?);
    divided(&[&a, &b], PARTITIONS as usize).await?;
    let before = [a.assigned(), b.assigned()];
    let given_back = || a.seen().revoked.len() + b.seen().revoked.len();
    let first = given_back();
    let c = start()?;
    divided(&[&a, &b, &c], PARTITIONS as usize).await?;
    let moved = given_back() - first;
    ensure!(moved == 2, "{moved} partitions were given back for a third member");
    ensure!(a.assigned().is_subset(&before[0]), "the first member has other partitions now");
    ensure!(b.assigned().is_subset(&before[1]), "the second member has other partitions now");
    for reader in [a, b, c] {
        let seen = reader.close().await?;
        ensure!(seen.lost.is_empty(), "partitions were lost: {:?}", seen.lost);
    }
    Ok("2 of 6 partitions moved for a third member".to_owned())
}

pub async fn eager_assignors(lab: &Lab) -> Outcome {
    let topic = filled(lab, "eager", 0).await?;
    let mut told = Vec::new();
    for assignor in [Assignor::Range, Assignor::RoundRobin, Assignor::Sticky] {
        let group = lab.group(assignor.name());
        let with = || GroupConfig { assignors: vec![assignor], ..config(&group) };
        let a = Reader::start(&lab.client, with(), &topic)?;
        divided(&[&a], PARTITIONS as usize).await?;
        let b = Reader::start(&lab.client, with(), &topic)?;
        divided(&[&a, &b], PARTITIONS as usize).await?;
        ensure!(a.seen().revoked.len() == PARTITIONS as usize, "an eager member gives everything back");
        let mine: Vec<i32> = a.assigned().iter().map(|key| key.partition).collect();
        told.push(format!("{} {mine:?}", assignor.name()));
        a.close().await?;
        b.close().await?;
    }
    Ok(told.join(", "))
}

pub async fn mixed_assignors(lab: &Lab) -> Outcome {
    let topic = filled(lab, "mixed", 0).await?;
    let group = lab.group("mixed");
    let with = |assignors: &[Assignor]| GroupConfig { assignors: assignors.to_vec(), ..config(&group) };
    let a = Reader::start(&lab.client, with(&[Assignor::Range, Assignor::RoundRobin]), &topic)?;
    divided(&[&a], PARTITIONS as usize).await?;
    let b = Reader::start(&lab.client, with(&[Assignor::Sticky, Assignor::RoundRobin]), &topic)?;
    divided(&[&a, &b], PARTITIONS as usize).await?;
    let described = lab.client.admin().describe_groups(std::slice::from_ref(&group)).await?.remove(0)?;
    ensure!(described.assignor == "roundrobin", "the group uses {}", described.assignor);
    let odd = with(&[Assignor::CooperativeSticky]);
    let mut odd = lab.client.group_consumer(ConsumerConfig::default(), odd, &[topic.to_string()])?;
    let error =
        refused("a member without a common assignor", within(REBALANCED, "the refusal", odd.next()).await?)?;
    ensure!(error.code() == Some(ErrorCode::InconsistentGroupProtocol), "the refusal is {error}");
    let again = refused("the same again", odd.next().await)?;
    ensure!(again == error, "told again it is {again}");
    a.close().await?;
    b.close().await?;
    Ok("roundrobin is what both have; a third without it is refused".to_owned())
}

pub async fn seek_and_pause(lab: &Lab) -> Outcome {
    let topic = filled(lab, "seek", 60).await?;
    let group = lab.group("seek");
    let consumer = ConsumerConfig { offset_reset: OffsetReset::Fail, ..Default::default() };
    let mut member = lab.client.group_consumer(consumer, by_hand(&group), &[topic.to_string()])?;
    let keys = assigned(&mut member).await?;
    ensure!(keys.len() == PARTITIONS as usize, "{} partitions", keys.len());
    let error = refused("a group without offsets", within(REBALANCED, "the error", member.next()).await?)?;
    let is_told = matches!(error, ottla_client::ClientError::NoCommittedOffset { .. });
    ensure!(is_told, "without any committed offset: {error}");
    keys.iter().try_for_each(|key| member.seek(&key.topic, key.partition, 4))?;
    member.pause(&topic, 0)?;
    let mut left: BTreeSet<i32> = (1..PARTITIONS).collect();
    while !left.is_empty() {
        let (key, first, _) = batch_of(&mut member).await?;
        ensure!(key.partition != 0, "the paused partition is read");
        ensure!(first == 4, "partition {} begins at {first}", key.partition);
        left.remove(&key.partition);
    }
    member.seek(&topic, 0, 7)?;
    member.resume(&topic, 0)?;
    let (key, first, next) = batch_of(&mut member).await?;
    ensure!((key.partition, first, next) == (0, 7, 10), "{}: {first} to {next}", key.partition);
    ensure!(member.position(&topic, 0) == Some(10), "position {:?}", member.position(&topic, 0));
    member.close().await?;
    ensure!(committed(lab, &group).await?.is_empty(), "something was committed");
    Ok("told that there is no offset; went on where it was sent".to_owned())
}

pub async fn absent_application(lab: &Lab) -> Outcome {
    let topic = filled(lab, "absent", 60).await?;
    let group = lab.group("absent");
    let limits = GroupConfig { max_poll_interval: std::time::Duration::from_secs(2), ..config(&group) };
    let mut member = lab.client.group_consumer(ConsumerConfig::default(), limits, &[topic.to_string()])?;
    let keys = assigned(&mut member).await?;
    let id = member.member_id();
    let admin = lab.client.admin();
    until("the absent member has left", &[], || async {
        Ok(admin.describe_groups(std::slice::from_ref(&group)).await?.remove(0)?.state == "Empty")
    })
    .await?;
    let lost = next_matching(&mut member, "the loss", |event| match event {
        GroupEvent::Lost(keys) => Some(keys),
        _ => None,
    })
    .await?;
    ensure!(lost == keys, "{} partitions were lost", lost.len());
    ensure!(assigned(&mut member).await? == keys, "it did not get them back");
    ensure!(member.member_id() != id, "it came back as who it was");
    member.close().await?;
    Ok("left, told of it, and joined again".to_owned())
}
