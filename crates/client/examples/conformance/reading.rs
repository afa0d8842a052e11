//! The consumer: where it starts, how it goes on, and how it waits.

use crate::lab::{Lab, SOON, deliver, noise, numbered, numbers_of, refused, start, within};
use crate::{Outcome, Problem};
use ottla_client::{ClientError, Codec, ConsumerConfig, OffsetReset, ProducerConfig, ProducerRecord, Start};
use std::sync::Arc;
use std::time::Duration;

const COUNT: u64 = 1_000;
/// Of record 0; each has its own millisecond.
const FIRST_TIME: i64 = 1_700_000_000_000;

/// Records of consecutive numbers and times, in several compressed batches.
async fn filled(lab: &Lab, word: &str) -> Result<Arc<str>, Problem> {
    let topic = lab.topic(word, 1, &[]).await?;
    let config = ProducerConfig { codec: Codec::Zstd, batch_size: 2 << 10, ..Default::default() };
    let producer = lab.producer(config)?;
    let record = |number: u64| ProducerRecord {
        timestamp: Some(FIRST_TIME + number as i64),
        ..numbered(&topic, 0, number)
    };
    deliver(&producer, (0..COUNT).map(record)).await?;
    Ok(topic)
}

pub async fn starts(lab: &Lab) -> Outcome {
    let topic = filled(lab, "starts").await?;
    let cases = [
        (Start::Beginning, 0),
        (Start::End, COUNT),
        (Start::Offset(0), 0),
        (Start::Offset(421), 421),
        (Start::Offset(COUNT as i64), COUNT),
        (Start::BeforeEnd(10), COUNT - 10),
        (Start::BeforeEnd(COUNT + 1), 0),
        (Start::BeforeEnd(0), COUNT),
        (Start::Timestamp(0), 0),
        (Start::Timestamp(FIRST_TIME + 333), 333),
        (Start::Timestamp(FIRST_TIME + COUNT as i64), COUNT),
    ];
    for (place, first) in cases {
        let read = lab.read(ConsumerConfig::default(), &[start(&topic, 0, place)]).await?;
        let numbers = numbers_of(read.get(&0).map_or(&[], Vec::as_slice))?;
        ensure!(numbers.into_iter().eq(first..COUNT), "{place:?} does not read {first} to {COUNT}");
    }
    Ok(format!("{} starts", cases.len()))
}

pub async fn small_fetches(lab: &Lab) -> Outcome {
    const PARTITIONS: i32 = 3;
    let topic = lab.topic("small-fetches", PARTITIONS, &[]).await?;
    let producer = lab.producer(ProducerConfig { batch_size: 32 << 10, ..Default::default() })?;
    let record = |number: u64| ProducerRecord {
        partition: Some((number % 3) as i32),
        ..ProducerRecord::new(Arc::clone(&topic), None, Some(noise(number, 2_000).into()))
    };
    deliver(&producer, (0..300).map(record)).await?;
    // Less than a batch: a broker sends the first one all the same, or nobody would ever get on.
    let config = ConsumerConfig { partition_max_bytes: 1_000, fetch_max_bytes: 3_000, ..Default::default() };
    let starts: Vec<_> =
        (0..PARTITIONS).map(|partition| start(&topic, partition, Start::Beginning)).collect();
    let read = lab.read(config, &starts).await?;
    for (partition, records) in read {
        let due = (0..300).filter(|number| (number % 3) as i32 == partition);
        let due = due.map(|number| Some(noise(number, 2_000)));
        let values = records.into_iter().map(|record| record.value.map(|value| value.to_vec()));
        ensure!(values.eq(due), "partition {partition} was not read as it was written");
    }
    Ok("300 records, 3 partitions in turn".to_owned())
}

pub async fn waits_at_the_end(lab: &Lab) -> Outcome {
    let topic = filled(lab, "waits").await?;
    let mut consumer = lab.client.consumer(ConsumerConfig::default());
    consumer.assign(&[start(&topic, 0, Start::End)]).await?;
    let end = consumer.position(&topic, 0);
    ensure!(end == Some(COUNT as i64), "the end is {end:?}");
    // Longer than the broker holds a fetch: it has to be asked again.
    let early = tokio::time::timeout(Duration::from_millis(1_200), consumer.next()).await;
    ensure!(early.is_err(), "{early:?} came while nothing was written");
    ensure!(consumer.high_watermark(&topic, 0).is_none_or(|hw| hw == COUNT as i64), "another high watermark");
    let producer = lab.producer(ProducerConfig::default())?;
    for number in [COUNT, COUNT + 1] {
        let (batch, written) = tokio::join!(
            within(SOON, "the record written later", consumer.next()),
            deliver(&producer, [numbered(&topic, 0, number)])
        );
        let (batch, written) = (batch??, written?);
        ensure!(numbers_of(&batch.records)? == [number], "{:?} instead of {number}", batch.records);
        ensure!(written[0].offset == Some(number as i64), "it was written at {:?}", written[0].offset);
        ensure!(batch.next_offset == number as i64 + 1, "the next offset is {}", batch.next_offset);
        ensure!(consumer.position(&topic, 0) == Some(batch.next_offset), "the position did not move");
    }
    Ok("2 records came as they were written".to_owned())
}

pub async fn out_of_range(lab: &Lab) -> Outcome {
    let topic = filled(lab, "out-of-range").await?;
    let beyond = [start(&topic, 0, Start::Offset(COUNT as i64 + 5_000))];
    let reset = |offset_reset| ConsumerConfig { offset_reset, ..Default::default() };

    let mut consumer = lab.client.consumer(reset(OffsetReset::Fail));
    consumer.assign(&beyond).await?;
    let error = refused("an offset beyond the end", within(SOON, "the error", consumer.next()).await?)?;
    let due = ClientError::OffsetOutOfRange {
        topic: topic.to_string(),
        partition: 0,
        offset: COUNT as i64 + 5_000,
        log_start: 0,
        high_watermark: COUNT as i64,
    };
    ensure!(error == due, "{error:?} instead of {due:?}");

    let mut consumer = lab.client.consumer(reset(OffsetReset::Earliest));
    consumer.assign(&beyond).await?;
    let batch = within(SOON, "the first batch", consumer.next()).await??;
    ensure!(batch.records.first().is_some_and(|record| record.offset == 0), "it did not start anew at 0");

    let mut consumer = lab.client.consumer(reset(OffsetReset::Latest));
    consumer.assign(&beyond).await?;
    let early = tokio::time::timeout(Duration::from_millis(1_500), consumer.next()).await;
    ensure!(early.is_err(), "{early:?} came while nothing was written");
    let producer = lab.producer(ProducerConfig::default())?;
    deliver(&producer, [numbered(&topic, 0, COUNT)]).await?;
    let batch = within(SOON, "the record at the end", consumer.next()).await??;
    ensure!(numbers_of(&batch.records)? == [COUNT], "{:?} came at the end", batch.records);
    Ok("told, from the beginning, from the end".to_owned())
}
