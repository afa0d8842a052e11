//! The producer: order, once each, the right partition, and what it refuses.

use crate::lab::{Lab, deliver, eventually, noise, numbered, numbers_of, refused};
use crate::{Outcome, Problem};
use bytes::Bytes;
use ottla_client::{Acks, ClientError, Delivered, ErrorClass, ErrorCode, ProducerConfig, ProducerRecord};
use std::collections::BTreeSet;
use std::sync::Arc;

const PARTITIONS: i32 = 4;

/// Small batches, so that many are under way at a time.
fn small_batches() -> ProducerConfig {
    ProducerConfig { batch_size: 4 << 10, ..Default::default() }
}

pub async fn many(lab: &Lab) -> Outcome {
    const COUNT: u64 = 20_000;
    let topic = lab.topic("many", PARTITIONS, &[]).await?;
    let producer = lab.producer(small_batches())?;
    let partition_of = |number: u64| (number % PARTITIONS as u64) as i32;
    let records = (0..COUNT).map(|number| numbered(&topic, partition_of(number), number));
    let delivered = deliver(&producer, records).await?;
    for (delivered, number) in delivered.iter().zip(0..) {
        let due = Some(number as i64 / i64::from(PARTITIONS));
        ensure!(delivered.partition == partition_of(number), "record {number} went to {delivered:?}");
        ensure!(delivered.offset == due, "record {number} is at {:?} instead of {due:?}", delivered.offset);
    }
    let read = lab.read_all(&topic, PARTITIONS).await?;
    for (partition, records) in &read {
        let due: Vec<u64> = (0..COUNT).filter(|number| partition_of(*number) == *partition).collect();
        ensure!(numbers_of(records)? == due, "partition {partition} does not hold its records in order");
    }
    Ok(format!("{COUNT} read in order, none twice"))
}

pub async fn side_by_side(lab: &Lab) -> Outcome {
    const COUNT: u64 = 3_000;
    const PRODUCERS: u64 = 3;
    let topic = lab.topic("side-by-side", 2, &[]).await?;
    let producers: Vec<_> =
        (0..PRODUCERS).map(|_| lab.producer(small_batches())).collect::<Result<_, ClientError>>()?;
    let numbers = |producer: u64| (0..COUNT).map(move |number| producer * COUNT + number);
    let write = |producer: u64| {
        let records: Vec<_> =
            numbers(producer).map(|number| numbered(&topic, (number % 2) as i32, number)).collect();
        deliver(&producers[producer as usize], records)
    };
    tokio::try_join!(write(0), write(1), write(2))?;
    for (partition, records) in lab.read_all(&topic, 2).await? {
        let read = numbers_of(&records)?;
        for producer in 0..PRODUCERS {
            let due = numbers(producer).filter(|number| (number % 2) as i32 == partition);
            let own = read.iter().copied().filter(|number| number / COUNT == producer);
            ensure!(own.eq(due), "partition {partition}: records of producer {producer} are not in order");
        }
    }
    Ok(format!("{PRODUCERS} producers, {} records each in its order", COUNT))
}

/// Keys as hex, with the partition of 7 that the Java client picks for them.
const KAFKAS_CHOICE: &[(&str, i32)] = &[
    ("", 2),
    ("2c", 4),
    ("da78", 4),
    ("21f41b", 2),
    ("736389", 0),
    ("e70526", 4),
    ("ebb3c1bf", 4),
    ("e4159f1907", 3),
    ("a0d63a1f298e", 3),
    ("153dac36aa7ffd", 5),
    ("642841dae4e0ca23", 4),
    ("b9290d0c965aa08c", 0),
    ("efab1b18f9c68af237", 4),
    ("1f1aafcf1b2cb28324b0", 3),
    ("efbe51480127c08d343bc4", 5),
    ("b9839c8705e30110d8d986f8", 6),
    ("7612d631491ac89368f1d05161", 6),
    ("5284c2d0288ff576e51a6f00f4", 4),
    ("99311ed429ceabf71e383761", 0),
    ("57d7b3d4b8ab9cba0b88b83aa7", 1),
    ("b4f5076f4cb24c378f83acf346e2", 4),
    ("f7250febdebadc28fe9266", 4),
];

fn bytes_of(hex: &str) -> Result<Bytes, Problem> {
    let digits = hex.as_bytes().chunks(2).map(std::str::from_utf8).collect::<Result<Vec<_>, _>>()?;
    let bytes = digits.into_iter().map(|digits| u8::from_str_radix(digits, 16));
    Ok(bytes.collect::<Result<Vec<u8>, _>>()?.into())
}

pub async fn keys(lab: &Lab) -> Outcome {
    let topic = lab.topic("keys", 7, &[]).await?;
    let producer = lab.producer(ProducerConfig::default())?;
    let mut records = Vec::new();
    for (key, _) in KAFKAS_CHOICE {
        records.push(ProducerRecord::new(Arc::clone(&topic), Some(bytes_of(key)?), Some(Bytes::new())));
    }
    let delivered = deliver(&producer, records).await?;
    let read = lab.read_all(&topic, 7).await?;
    for ((key, due), delivered) in KAFKAS_CHOICE.iter().zip(&delivered) {
        ensure!(delivered.partition == *due, "key {key} went to {} instead of {due}", delivered.partition);
        let key = Some(bytes_of(key)?);
        let there = read.get(due).is_some_and(|records| records.iter().any(|record| record.key == key));
        ensure!(there, "key {key:?} is not in partition {due}");
    }
    Ok(format!("{} keys", KAFKAS_CHOICE.len()))
}

pub async fn without_keys(lab: &Lab) -> Outcome {
    const COUNT: u64 = 400;
    let topic = lab.topic("without-keys", PARTITIONS, &[]).await?;
    let producer = lab.producer(ProducerConfig { batch_size: 16 << 10, ..Default::default() })?;
    let records = (0..COUNT)
        .map(|number| ProducerRecord::new(Arc::clone(&topic), None, Some(noise(number, 1000).into())));
    let delivered = deliver(&producer, records).await?;
    let used: BTreeSet<i32> = delivered.iter().map(|delivered| delivered.partition).collect();
    ensure!(used.len() == PARTITIONS as usize, "only partitions {used:?} were used");
    let moves = delivered.windows(2).filter(|pair| pair[0].partition != pair[1].partition).count() as u64;
    ensure!(moves < COUNT / 2, "{moves} moves: every record went elsewhere");
    let read: usize = lab.read_all(&topic, PARTITIONS).await?.values().map(Vec::len).sum();
    ensure!(read as u64 == COUNT, "{read} of {COUNT} were read");
    Ok(format!("{COUNT} records in {} runs", moves + 1))
}

pub async fn acks(lab: &Lab) -> Outcome {
    const COUNT: u64 = 1_000;
    let topic = lab.topic("acks", 1, &[]).await?;
    for (acks, round) in [(Acks::None, 0), (Acks::Leader, 1), (Acks::All, 2)] {
        let producer = lab.producer(ProducerConfig { acks, idempotence: false, ..small_batches() })?;
        let records = (round * COUNT..(round + 1) * COUNT).map(|number| numbered(&topic, 0, number));
        let delivered: Vec<Delivered> = deliver(&producer, records).await?;
        let is_told = |d: &Delivered| d.offset.is_some();
        if acks == Acks::None {
            ensure!(!delivered.iter().any(is_told), "acks=0 told an offset");
        } else {
            ensure!(delivered.iter().all(is_told), "{acks:?} told no offset");
        }
        let due = ((round + 1) * COUNT) as i64;
        // Nobody says when the records of acks=0 are in the log.
        eventually("the records are in the log", || async { Ok(lab.latest(&topic, 0).await? == due) })
            .await?;
    }
    let read = lab.read_all(&topic, 1).await?.remove(&0).unwrap_or_default();
    ensure!(numbers_of(&read)?.into_iter().eq(0..3 * COUNT), "the records are not there in order");
    Ok(format!("{COUNT} records each, all read in order"))
}

pub async fn too_large(lab: &Lab) -> Outcome {
    const SMALL: u64 = 120;
    let topic = lab.topic("too-large", 1, &[("max.message.bytes", "16384")]).await?;
    // Batches grow beyond what the topic takes, so that the producer has to make smaller ones.
    let producer = lab.producer(ProducerConfig::default())?;
    let record = |number: u64, len| ProducerRecord {
        partition: Some(0),
        ..ProducerRecord::new(Arc::clone(&topic), None, Some(noise(number, len).into()))
    };
    let mut deliveries = Vec::new();
    for number in 0..SMALL {
        deliveries.push((number, producer.send(record(number, 1000)).await?));
        if number == SMALL / 2 {
            deliveries.push((SMALL, producer.send(record(SMALL, 40_000)).await?));
        }
    }
    let huge = refused("a record beyond max_request_size", producer.send(record(0, 2 << 20)).await)?;
    ensure!(matches!(huge, ClientError::RecordTooLarge { .. }), "a record beyond max_request_size: {huge}");
    for (number, delivery) in deliveries {
        let outcome = delivery.await;
        if number < SMALL {
            outcome.map_err(|error| format!("small record {number}: {error}"))?;
            continue;
        }
        let error = refused("the large record", outcome)?;
        ensure!(error.code() == Some(ErrorCode::MessageTooLarge), "the large record: {error}");
        ensure!(error.class() == ErrorClass::Fatal, "{error} would be tried again");
    }
    deliver(&producer, [record(SMALL, 1000)]).await?;
    let read = lab.read_all(&topic, 1).await?.remove(&0).unwrap_or_default();
    let due = (0..=SMALL).map(|number| Some(Bytes::from(noise(number, 1000))));
    ensure!(
        read.into_iter().map(|record| record.value).eq(due),
        "the others are not there once and in order"
    );
    Ok(format!("1 refused, {} around it written in order", SMALL + 1))
}

pub async fn auto_creation(lab: &Lab) -> Outcome {
    let name: Arc<str> = lab.name("auto-created").into();
    let producer = lab.producer(ProducerConfig::default())?;
    let record = ProducerRecord::new(Arc::clone(&name), None, Some(Bytes::from_static(b"first")));
    let delivered = deliver(&producer, [record]).await?;
    ensure!(delivered[0].offset == Some(0), "the first record is at {:?}", delivered[0].offset);
    let partitions = producer.partitions(&name).await?;
    Ok(format!("with {partitions} partitions"))
}

pub async fn refusals(lab: &Lab) -> Outcome {
    let topic = lab.topic("refusals", 2, &[]).await?;
    let producer = lab.producer(ProducerConfig::default())?;
    let partition = refused("partition 2 of 2", producer.send(numbered(&topic, 2, 0)).await)?;
    ensure!(
        matches!(partition, ClientError::NoPartition { partition: 2, .. }),
        "partition 2 of 2: {partition}"
    );
    let bad: Arc<str> = "no/topic".into();
    let name = refused("a bad name", producer.send(numbered(&bad, 0, 0)).await)?;
    ensure!(name.code() == Some(ErrorCode::InvalidTopicException), "a bad name: {name}");
    let both = ProducerConfig { acks: Acks::Leader, ..Default::default() };
    refused("idempotence with acks=1", lab.producer(both))?;
    producer.close().await;
    let closed = refused("a record after close", producer.send(numbered(&topic, 0, 0)).await)?;
    ensure!(closed == ClientError::Closed, "a record after close: {closed}");
    Ok("each with its own error".to_owned())
}
