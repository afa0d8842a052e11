//! The product's own client as a member of a group: it reads what it is given from where the group is, and commits.
//!
//! It speaks with the coordinator by itself, and tries again by itself, so that less is known of each request; of what
//! was committed and of what is told the checker knows as much as of the other groups.

use super::{CLIENTS, REBALANCE_MS, SESSION_MS, Standing};
use crate::broker::host::Shared;
use crate::broker::workload::{connected, key_of, name_of, number_of, places};
use crate::checker::Place;
use crate::checker::groups::{Fate, GroupEvent, NONE, Offsets, Tries};
use ottla_client::{
    CommittedOffset, ConsumerConfig, GroupConfig, GroupConsumer, GroupEvent as Told, PartitionKey,
};
use ottla_env::rng::{Rng, SeededRng};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// How long it waits for a record before it looks whether it should go on.
const PATIENCE: Duration = Duration::from_millis(500);

fn place_of(key: &PartitionKey) -> Option<Place> {
    Some(Place { topic: number_of(&key.topic)?, partition: key.partition })
}

pub async fn consume(shared: Rc<Shared>, host: u32) {
    let seed = shared.plan.seed ^ 0xC11E ^ (u64::from(host) << 24);
    let client = connected(&shared, &format!("{CLIENTS}-{host}"), seed).await;
    let rng = SeededRng::new(!seed);
    while !shared.groups.settled.get() {
        let group = GroupConfig {
            assignors: vec![shared.plan.groups.assignor],
            session_timeout: Duration::from_millis(SESSION_MS as u64),
            heartbeat_interval: Duration::from_millis(700),
            max_poll_interval: Duration::from_millis(REBALANCE_MS as u64),
            auto_commit: None,
            ..GroupConfig::new(CLIENTS)
        };
        let config = ConsumerConfig { fetch_max_wait: PATIENCE, ..ConsumerConfig::default() };
        let topics: Vec<String> = (0..shared.plan.topics).map(name_of).collect();
        match client.group_consumer(config, group, &topics) {
            Ok(consumer) => session(&shared, consumer, host, &rng).await,
            Err(error) => return shared.violated("answers fit", error.to_string()),
        }
        shared.groups.stands(CLIENTS, host, None);
        let pause_ms = if shared.healed.get() { 100 } else { rng.below(2_000) };
        sleep(Duration::from_millis(pause_ms)).await;
    }
}

/// One membership: until it is given up, or the groups have come to rest.
async fn session(shared: &Shared, mut consumer: GroupConsumer, host: u32, rng: &SeededRng) {
    let until = shared.now_ms() + 8_000 + rng.below(40_000);
    let mut commit_at = shared.now_ms() + rng.below(2_000);
    loop {
        let (now, is_healed) = (shared.now_ms(), shared.healed.get());
        if shared.groups.settled.get() || (now >= until && !is_healed) {
            break;
        }
        stand(shared, &consumer, host);
        if now >= commit_at {
            commit_at = now + 300 + rng.below(2_000);
            commit(shared, &mut consumer).await;
            continue;
        }
        match timeout(PATIENCE, consumer.next()).await {
            Ok(Ok(Told::Batch(_))) | Err(_) => {}
            Ok(Ok(Told::Assigned(keys))) => {
                shared.note(&format!("{CLIENTS}-{host} has {keys:?}"));
                look(shared, &consumer).await;
            }
            Ok(Ok(Told::Revoked(keys) | Told::Lost(keys))) => {
                shared.note(&format!("{CLIENTS}-{host} gives back {keys:?}"));
                shared.groups.stands(CLIENTS, host, None);
            }
            Ok(Err(error)) => {
                shared.note(&format!("{CLIENTS}-{host}: {error}"));
                if !error.is_retriable() {
                    break;
                }
                sleep(Duration::from_millis(200)).await;
            }
        }
    }
    if rng.below(2) == 0 || shared.healed.get() {
        let _ = consumer.close().await;
    }
}

fn stand(shared: &Shared, consumer: &GroupConsumer, host: u32) {
    let standing = consumer.generation().map(|generation| {
        let mut places: Vec<Place> = consumer.assignment().filter_map(place_of).collect();
        places.sort_unstable();
        Standing { generation, places }
    });
    shared.groups.stands(CLIENTS, host, standing);
}

/// Everything that was read counts as processed.
async fn commit(shared: &Shared, consumer: &mut GroupConsumer) {
    let keys: Vec<PartitionKey> = consumer.assignment().cloned().collect();
    let mut offsets = Offsets::new();
    let mut committed = BTreeMap::new();
    for key in keys {
        let position = consumer.position(&key.topic, key.partition);
        if let (Some(place), Some(position)) = (place_of(&key), position) {
            offsets.push((place, position));
            committed.insert(key, CommittedOffset::new(position));
        }
    }
    if offsets.is_empty() {
        return;
    }
    let number = shared.groups.next_number();
    let (group, claim, tries) = (CLIENTS, None, Tries::Many);
    shared.record_group(&GroupEvent::CommitAsked { number, group, claim, offsets, tries });
    let fate = match consumer.commit_offsets(committed).await {
        Ok(()) => Fate::Acked,
        Err(error) => {
            shared.note(&format!("not committed: {error}"));
            Fate::Unknown
        }
    };
    shared.record_group(&GroupEvent::CommitDone { number, fate });
}

async fn look(shared: &Shared, consumer: &GroupConsumer) {
    let number = shared.groups.next_number();
    shared.record_group(&GroupEvent::LookAsked { number, group: CLIENTS });
    let all = places(shared);
    let keys: Vec<PartitionKey> = all.iter().map(|place| key_of(*place)).collect();
    let event = match consumer.committed(&keys).await {
        Ok(found) => {
            let told = |place: &Place| {
                let offset = found.get(&key_of(*place)).map_or(NONE, |committed| committed.offset);
                (*place, offset)
            };
            GroupEvent::LookTold { number, told: Ok(all.iter().map(told).collect()) }
        }
        Err(_) => GroupEvent::LookLost { number },
    };
    shared.record_group(&event);
}
