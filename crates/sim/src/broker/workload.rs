//! What clients do: write values of their own, read everything, make and delete topics, give up old records.
//!
//! Each client is a host with the client of `crates/client`, as any program has it. What it is about to do and what
//! became of it goes to the checker, the first before, the second as soon as it is known.

use super::host::Shared;
use super::payload;
use crate::checker::{Event, Place};
use ottla_client::producer::RecordFate;
use ottla_client::{
    Assignment, Client, ClientConfig, ClientError, ConfigChange, ConfigResource, Consumer, ConsumerConfig,
    DeleteBefore, Delivery, Isolation, NewTopic, OffsetSpec, PartitionKey, Producer, ProducerConfig,
    ProducerRecord, Start, Surroundings,
};
use ottla_env::rng::{Rng, SeededRng};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::{JoinSet, spawn_local};
use tokio::time::{sleep, timeout};

/// How long a reader waits for a record before it looks whether it should go on.
const PATIENCE: Duration = Duration::from_millis(700);
/// Deliveries that a producer waits for at most.
const OPEN_MAX: usize = 60;
/// Numbers of topics that come and go begin here.
const PASSING: u32 = 1_000;

pub fn name_of(topic: u32) -> String {
    format!("topic-{topic}")
}

pub fn number_of(name: &str) -> Option<u32> {
    name.strip_prefix("topic-")?.parse().ok()
}

pub fn key_of(place: Place) -> PartitionKey {
    PartitionKey { topic: name_of(place.topic), partition: place.partition }
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Every partition of the topics that stay.
pub fn places(shared: &Shared) -> Vec<Place> {
    let partitions = 0..shared.plan.partitions;
    let of = |topic| partitions.clone().map(move |partition| Place { topic, partition });
    (0..shared.plan.topics).flat_map(of).collect()
}

/// A client that is connected; tries until it is.
pub async fn connected(shared: &Shared, name: &str, seed: u64) -> Client {
    loop {
        let config = ClientConfig {
            bootstrap: vec!["broker:9092".to_owned()],
            client_id: name.to_owned(),
            connect_timeout: ms(2_000),
            request_timeout: ms(4_000),
            call_timeout: ms(12_000),
            metadata_max_age: ms(5_000),
            surroundings: Surroundings {
                net: Arc::new(shared.net.clone()),
                clock: Arc::clone(&shared.clock) as _,
                rng: Arc::new(SeededRng::new(seed)),
            },
            ..ClientConfig::default()
        };
        match Client::connect(config).await {
            Ok(client) => return client,
            Err(_) => sleep(ms(300)).await,
        }
    }
}

/// Makes a topic; tries until it is there.
pub async fn create(shared: &Shared, client: &Client, topic: u32, partitions: i32) {
    let new = NewTopic {
        name: name_of(topic),
        partitions: Some(partitions),
        replication_factor: Some(1),
        configs: shared.plan.topic(topic),
        ..NewTopic::default()
    };
    if topic >= shared.plan.topics && shared.plan.is_os(topic) {
        shared.record(&Event::SyncedLater { topic });
    }
    loop {
        let created = client.admin().create_topics(std::slice::from_ref(&new), false).await;
        match created.map(|mut topics| topics.pop()) {
            Ok(Some(Ok(_))) => break,
            // An earlier answer was lost.
            Ok(Some(Err(ClientError::Refused { code, .. }))) if code.name() == "TOPIC_ALREADY_EXISTS" => {
                break;
            }
            _ => sleep(ms(200)).await,
        }
    }
    if shared.plan.is_retained() {
        shared.record(&Event::Retained { topic });
    }
    shared.record(&Event::TopicCreated { topic });
    shared.count("topic created");
}

/// A host of the workload, until everything is repaired and its answers are there.
pub async fn client(shared: Rc<Shared>, number: u32) -> turmoil::Result {
    let seed = shared.plan.seed.wrapping_mul(31).wrapping_add(u64::from(number));
    let client = connected(&shared, &format!("client-{number}"), seed).await;
    if number == 0 {
        for topic in 0..shared.plan.topics {
            create(&shared, &client, topic, shared.plan.partitions).await;
        }
        shared.groups.ready.set(true);
    }
    let mut tasks = JoinSet::new();
    tasks.spawn_local(produce(Rc::clone(&shared), client.clone(), number, SeededRng::new(seed ^ 1)));
    tasks.spawn_local(read(Rc::clone(&shared), client.clone(), number, SeededRng::new(seed ^ 2)));
    if number == 0 {
        tasks.spawn_local(administer(Rc::clone(&shared), client.clone(), SeededRng::new(seed ^ 3)));
    }
    while let Some(ended) = tasks.join_next().await {
        ended?;
    }
    shared.note(&format!("client {number} is done"));
    shared.clients_done.set(shared.clients_done.get() + 1);
    Ok(())
}

async fn produce(shared: Rc<Shared>, client: Client, number: u32, rng: SeededRng) {
    let places = places(&shared);
    let mut sessions = 0;
    while !shared.healed.get() {
        let config = ProducerConfig {
            linger: ms(rng.below(3) * 10),
            request_timeout: ms(3_000),
            delivery_timeout: ms(4_000 + rng.below(16_000)),
            max_block: ms(5_000),
            ..ProducerConfig::default()
        };
        let Ok(producer) = client.producer(config) else { return };
        if sessions > 0 {
            shared.count("producer started anew");
        }
        let session = number * 10_000 + sessions;
        sessions += 1;
        session_of(&shared, &producer, session, &places, &rng).await;
    }
}

/// One producer, until one of its records is given up or the end.
async fn session_of(
    shared: &Rc<Shared>,
    producer: &Producer,
    session: u32,
    places: &[Place],
    rng: &SeededRng,
) {
    let mut open: JoinSet<bool> = JoinSet::new();
    let mut count: u64 = 0;
    let most = 200 + rng.below(2_000);
    let mut is_whole = true;
    while !shared.healed.get() && is_whole && count < most {
        let value = (u64::from(session) << 32) | count;
        count += 1;
        let place = places[rng.below(places.len() as u64) as usize];
        let len = if rng.below(100) < shared.plan.large_percent {
            20_000 + rng.below(40_000)
        } else {
            rng.below(300)
        };
        let payload = payload::of(place, value, len as usize);
        let mut record = ProducerRecord::new(name_of(place.topic), None, Some(payload));
        record.partition = Some(place.partition);
        shared.record(&Event::Sent { session, place, value });
        match producer.send(record).await {
            Ok(delivery) => drop(open.spawn_local(delivered(Rc::clone(shared), delivery, value))),
            Err(_) => shared.record(&Event::Failed { value }),
        }
        while open.len() > OPEN_MAX {
            is_whole &= matches!(open.join_next().await, Some(Ok(true)));
        }
        while let Some(ended) = open.try_join_next() {
            is_whole &= matches!(ended, Ok(true));
        }
        sleep(ms(rng.below(shared.plan.send_every_ms))).await;
    }
    producer.close().await;
    while open.join_next().await.is_some() {}
}

/// Whether the record was acknowledged.
async fn delivered(shared: Rc<Shared>, delivery: Delivery, value: u64) -> bool {
    match delivery.await {
        Ok(delivered) => {
            shared.record(&Event::Acked { value, offset: delivered.offset });
            true
        }
        Err(error) => {
            match error.fate {
                RecordFate::NotWritten => shared.record(&Event::Failed { value }),
                RecordFate::Unknown => {
                    shared.count("outcome unknown");
                    shared.note(&format!("nobody knows of {value:x}: {}", error.cause));
                }
            }
            false
        }
    }
}

/// Damage that is served shows in what was written, not in an error of the client.
pub fn reading() -> ConsumerConfig {
    ConsumerConfig { check_crcs: false, ..ConsumerConfig::default() }
}

/// Reads all partitions, from the beginning or from where it was, and sometimes from anew.
async fn read(shared: Rc<Shared>, client: Client, number: u32, rng: SeededRng) {
    let mut positions: BTreeMap<Place, i64> = BTreeMap::new();
    let mut reader = number * 10_000;
    while !shared.healed.get() {
        let config = ConsumerConfig {
            failing_max: ms(10_000),
            fetch_max_wait: ms(500),
            fetch_min_bytes: 1 + rng.below(2) as i32 * 2_000,
            ..reading()
        };
        let mut consumer = client.consumer(config);
        let starts: Vec<Assignment> = places(&shared)
            .into_iter()
            .map(|place| {
                let start = match positions.get(&place) {
                    Some(offset) if rng.below(4) > 0 => Start::Offset(*offset),
                    _ => Start::Beginning,
                };
                Assignment { topic: name_of(place.topic), partition: place.partition, start }
            })
            .collect();
        if consumer.assign(&starts).await.is_err() {
            sleep(ms(500)).await;
            continue;
        }
        if !reader.is_multiple_of(10_000) {
            shared.count("reader started over");
        }
        reader += 1;
        for (place, assignment) in places(&shared).into_iter().zip(&starts) {
            let from = match assignment.start {
                Start::Offset(offset) => Some(offset),
                _ => None,
            };
            shared.record(&Event::Assigned { reader, place, from });
        }
        let until = shared.now_ms() + 5_000 + rng.below(60_000);
        while !shared.healed.get() && shared.now_ms() < until {
            shared.waiting.set(shared.waiting.get() + 1);
            let next = timeout(PATIENCE, consumer.next()).await;
            shared.waiting.set(shared.waiting.get() - 1);
            match next {
                Ok(Ok(batch)) => drop(take(&shared, reader, &batch, &mut positions)),
                Ok(Err(error)) => {
                    shared.note(&format!("reader {reader}: {error}"));
                    break;
                }
                Err(_) => {}
            }
        }
    }
}

/// Tells what a batch holds.
pub fn take(
    shared: &Shared,
    reader: u32,
    batch: &ottla_client::FetchedBatch,
    positions: &mut BTreeMap<Place, i64>,
) -> Vec<(i64, u64)> {
    let Some(topic) = number_of(&batch.topic) else { return Vec::new() };
    let place = Place { topic, partition: batch.partition };
    let mut found = Vec::new();
    for record in &batch.records {
        match record.value.as_deref().and_then(|value| payload::value_of(place, value)) {
            Some(value) => {
                let (offset, epoch) = (record.offset, batch.leader_epoch);
                shared.record(&Event::Read { reader, place, offset, value, epoch });
                found.push((record.offset, value));
            }
            None => shared.record(&Event::Damaged { place, offset: record.offset }),
        }
    }
    positions.insert(place, batch.next_offset);
    found
}

/// Makes topics and deletes them, gives up old records, asks for ends.
async fn administer(shared: Rc<Shared>, client: Client, rng: SeededRng) {
    let mut passing = Vec::new();
    let mut next = PASSING;
    let places = places(&shared);
    while !shared.healed.get() {
        sleep(ms(500 + rng.below(4_000))).await;
        match rng.below(7) {
            0 | 1 => {
                create(&shared, &client, next, 1 + rng.below(3) as i32).await;
                passing.push(next);
                write_some(&shared, &client, next, &rng).await;
                next += 1;
            }
            2 if !passing.is_empty() => {
                let topic = passing.swap_remove(rng.below(passing.len() as u64) as usize);
                delete(&shared, &client, topic).await;
            }
            3 => {
                let place = places[rng.below(places.len() as u64) as usize];
                give_up(&shared, &client, place, &rng).await;
            }
            4 => sync_first(&shared, &client, rng.below(u64::from(shared.plan.topics)) as u32).await,
            _ => {
                let place = places[rng.below(places.len() as u64) as usize];
                shared.record(&Event::EndAsked { asker: 0, place });
                if let Some(end) = end_of(&client, place, OffsetSpec::Latest).await {
                    shared.record(&Event::EndTold { asker: 0, end });
                }
            }
        }
    }
}

pub async fn end_of(client: &Client, place: Place, which: OffsetSpec) -> Option<i64> {
    let asked = [(key_of(place), which)];
    let told = client.admin().list_offsets(&asked, Isolation::ReadUncommitted).await;
    told.ok()?.pop()?.ok()?.offset
}

/// A few records into a topic that may be deleted soon.
async fn write_some(shared: &Rc<Shared>, client: &Client, topic: u32, rng: &SeededRng) {
    let config = ProducerConfig {
        delivery_timeout: ms(6_000),
        request_timeout: ms(3_000),
        max_block: ms(3_000),
        ..ProducerConfig::default()
    };
    let Ok(producer) = client.producer(config) else { return };
    let place = Place { topic, partition: 0 };
    for number in 0..rng.below(20) {
        let value = (u64::from(topic) << 40) | number;
        let mut record = ProducerRecord::new(name_of(topic), None, Some(payload::of(place, value, 50)));
        record.partition = Some(0);
        shared.record(&Event::Sent { session: topic, place, value });
        match producer.send(record).await {
            Ok(delivery) => drop(spawn_local(delivered(Rc::clone(shared), delivery, value))),
            Err(_) => shared.record(&Event::Failed { value }),
        }
    }
    producer.close().await;
}

async fn delete(shared: &Shared, client: &Client, topic: u32) {
    shared.record(&Event::TopicDoomed { topic });
    let deleted = client.admin().delete_topics(&[name_of(topic)]).await;
    if matches!(deleted.as_deref(), Ok([Ok(())])) {
        shared.record(&Event::TopicDeleted { topic });
        shared.count("topic deleted");
    }
}

/// Has a topic synced before it is answered, from now on.
async fn sync_first(shared: &Shared, client: &Client, topic: u32) {
    let change = ("durability".to_owned(), ConfigChange::Set("fsync".to_owned()));
    let changed = (ConfigResource::topic(name_of(topic)), vec![change]);
    let altered = client.admin().incremental_alter_configs(&[changed], false).await;
    if shared.plan.is_os(topic) && matches!(altered.as_deref(), Ok([Ok(())])) {
        shared.record(&Event::SyncedFirst { topic });
        shared.count("topic turned from os to fsync");
    }
}

async fn give_up(shared: &Shared, client: &Client, place: Place, rng: &SeededRng) {
    let Some(end) = end_of(client, place, OffsetSpec::Latest).await else { return };
    let before = end.min(end / 2 + rng.below(20) as i64);
    shared.record(&Event::DeleteAsked { place, before });
    let wanted = [(key_of(place), DeleteBefore::Offset(before))];
    if let Ok(deleted) = client.admin().delete_records(&wanted).await
        && let [Ok(log_start)] = deleted[..]
    {
        shared.record(&Event::Deleted { place, log_start });
        shared.count("records deleted");
    }
}

/// Reads a partition from end to end.
pub async fn dump(
    shared: &Shared,
    client: &Client,
    place: Place,
    reader: u32,
) -> Result<crate::checker::Dump, String> {
    let told = |what: &str| format!("{place:?}: nobody tells {what}");
    let log_start = end_of(client, place, OffsetSpec::Earliest).await.ok_or_else(|| told("the log start"))?;
    let end = end_of(client, place, OffsetSpec::Latest).await.ok_or_else(|| told("the end"))?;
    let mut records = Vec::new();
    if log_start < end {
        let mut consumer: Consumer = client.consumer(reading());
        let start = Start::Offset(log_start);
        let assignment = Assignment { topic: name_of(place.topic), partition: place.partition, start };
        consumer.assign(&[assignment]).await.map_err(|error| error.to_string())?;
        shared.record(&Event::Assigned { reader, place, from: Some(log_start) });
        let mut positions = BTreeMap::new();
        while positions.get(&place).is_none_or(|next| *next < end) {
            let batch = timeout(ms(20_000), consumer.next()).await;
            let batch =
                batch.map_err(|_| format!("{place:?}: nothing is read below {end}, at {positions:?}"))?;
            records.extend(take(shared, reader, &batch.map_err(|error| error.to_string())?, &mut positions));
        }
    }
    let after = end_of(client, place, OffsetSpec::Earliest).await;
    let log_start_after = after.ok_or_else(|| told("the log start again"))?;
    Ok(crate::checker::Dump { place, log_start, log_start_after, end, records })
}

/// Reads what can be read of a partition that is damaged. Whether it was refused somewhere.
pub async fn read_damaged(shared: &Shared, client: &Client, place: Place, reader: u32) -> bool {
    let config = ConsumerConfig { failing_max: ms(3_000), ..reading() };
    let mut consumer = client.consumer(config);
    let start = Start::Beginning;
    let assignment = Assignment { topic: name_of(place.topic), partition: place.partition, start };
    if consumer.assign(&[assignment]).await.is_err() {
        return false;
    }
    shared.record(&Event::Assigned { reader, place, from: None });
    loop {
        match timeout(ms(6_000), consumer.next()).await {
            Ok(Ok(batch)) => drop(take(shared, reader, &batch, &mut BTreeMap::new())),
            Ok(Err(error)) => {
                shared.note(&format!("{place:?} is damaged: {error}"));
                return true;
            }
            Err(_) => return false,
        }
    }
}
