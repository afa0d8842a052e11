//! Offsets by end and by time, before and beyond what there is.

use crate::lab::{Lab, deliver, key, numbered, refused};
use crate::{Outcome, Problem};
use ottla_client::{ClientError, ErrorCode, Isolation, OffsetSpec, ProducerConfig, ProducerRecord};

/// Milliseconds after the first record; the newest is neither the first nor the last of its batch.
const TIMES: [i64; 6] = [0, 10, 30, 20, 90, 40];

pub async fn ends_and_times(lab: &Lab) -> Outcome {
    let topic = lab.topic("offsets", 2, &[]).await?;
    let first = Lab::now_ms() - 60_000;
    let producer = lab.producer(ProducerConfig::default())?;
    for half in TIMES.chunks(3) {
        let records = half.iter().map(|time| ProducerRecord {
            timestamp: Some(first + time),
            ..numbered(&topic, 0, time.unsigned_abs())
        });
        deliver(&producer, records).await?;
    }
    use OffsetSpec as S;
    let expected = [
        (0, S::Earliest, Some(0), -1),
        (0, S::Latest, Some(6), -1),
        (0, S::MaxTimestamp, Some(4), first + 90),
        (0, S::AtOrAfter(0), Some(0), first),
        (0, S::AtOrAfter(first + 10), Some(1), first + 10),
        (0, S::AtOrAfter(first + 15), Some(2), first + 30),
        (0, S::AtOrAfter(first + 31), Some(4), first + 90),
        (0, S::AtOrAfter(first + 91), None, -1),
        (1, S::Earliest, Some(0), -1),
        (1, S::Latest, Some(0), -1),
        (1, S::MaxTimestamp, None, -1),
        (1, S::AtOrAfter(0), None, -1),
    ];
    for (partition, spec, offset, timestamp) in expected {
        let listed = lab.offset(&topic, partition, spec).await?;
        ensure!(
            (listed.offset, listed.timestamp) == (offset, timestamp),
            "partition {partition}, {spec:?}: {listed:?} instead of {offset:?} at {timestamp}"
        );
    }
    Ok(format!("{} answers", expected.len()))
}

pub async fn missing(lab: &Lab) -> Outcome {
    let topic = lab.topic("offsets-missing", 1, &[]).await?;
    let none = lab.name("offsets-of-none");
    let wanted = [(key(&topic, 7), OffsetSpec::Latest), (key(&none, 0), OffsetSpec::Earliest)];
    let admin = lab.client.admin();
    let mut answers = admin.list_offsets(&wanted, Isolation::ReadCommitted).await?.into_iter();
    let mut next =
        |what| -> Result<ClientError, Problem> { refused(what, answers.next().ok_or("no answer")?) };
    let partition = next("a partition that is not there")?;
    ensure!(matches!(partition, ClientError::NoPartition { partition: 7, .. }), "partition 7: {partition}");
    let topic = next("a topic that is not there")?;
    ensure!(topic.code() == Some(ErrorCode::UnknownTopicOrPartition), "a topic that is not there: {topic}");
    Ok("refused with the right error".to_owned())
}
