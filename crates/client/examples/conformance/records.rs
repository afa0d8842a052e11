//! Records as they come back: keys, values, headers and times, in every codec.

use crate::Outcome;
use crate::lab::{Lab, deliver, noise, start};
use bytes::Bytes;
use ottla_client::{Codec, ConsumerConfig, Header, Isolation, ProducerConfig, ProducerRecord, Start};
use std::sync::Arc;

const COUNT: u64 = 600;

fn header(key: &str, value: Option<&str>) -> Header {
    Header { key: key.to_owned().into(), value: value.map(|value| value.to_owned().into()) }
}

/// Every mixture of what a record may have or lack.
fn record(topic: &Arc<str>, number: u64, time: i64) -> ProducerRecord {
    let key = match number % 4 {
        0 => None,
        1 => Some(Bytes::new()),
        _ => Some(Bytes::from(format!("key {}", number % 10))),
    };
    let value = match number % 5 {
        0 => None,
        1 => Some(Bytes::new()),
        2 => Some(Bytes::from(noise(number, 300))),
        _ => Some(Bytes::from(format!("value {number} ").repeat(1 + number as usize % 40))),
    };
    let headers = match number % 3 {
        0 => Vec::new(),
        1 => vec![header("trace", Some("a")), header("trace", Some("b")), header("none", None)],
        _ => vec![header("", Some("")), header("number", Some(&number.to_string()))],
    };
    ProducerRecord {
        topic: Arc::clone(topic),
        partition: Some(0),
        timestamp: Some(time),
        key,
        value,
        headers,
    }
}

pub async fn round_trip(lab: &Lab, codec: Codec) -> Outcome {
    let topic = lab.topic(&format!("codec-{codec:?}"), 1, &[]).await?;
    let producer = lab.producer(ProducerConfig { codec, batch_size: 16 << 10, ..Default::default() })?;
    // Neither the present nor in order.
    let time = |number: u64| 1_700_000_000_000 + (number as i64 * 7) % 1000;
    let sent: Vec<_> = (0..COUNT).map(|number| record(&topic, number, time(number))).collect();
    let delivered = deliver(&producer, sent.clone()).await?;
    for (delivered, offset) in delivered.iter().zip(0..) {
        ensure!(delivered.partition == 0 && delivered.offset == Some(offset), "{delivered:?} at {offset}");
        ensure!(delivered.log_append_time.is_none(), "a time of the broker was told");
    }
    let config = ConsumerConfig { isolation: Isolation::ReadCommitted, ..Default::default() };
    let read = lab.read(config, &[start(&topic, 0, Start::Beginning)]).await?.remove(&0).unwrap_or_default();
    ensure!(read.len() == sent.len(), "{} records of {}", read.len(), sent.len());
    for (sent, read) in sent.iter().zip(&read) {
        let same = (&sent.key, &sent.value, &sent.headers, sent.timestamp)
            == (&read.key, &read.value, &read.headers, Some(read.timestamp));
        ensure!(same, "offset {} differs: {sent:?} became {read:?}", read.offset);
    }
    Ok(format!("{COUNT} records equal"))
}

pub async fn log_append_time(lab: &Lab) -> Outcome {
    let topic = lab.topic("append-time", 1, &[("message.timestamp.type", "LogAppendTime")]).await?;
    let producer = lab.producer(ProducerConfig { codec: Codec::Lz4, ..Default::default() })?;
    let sent: Vec<_> = (0..50).map(|number| record(&topic, number, 1_700_000_000_000)).collect();
    let delivered = deliver(&producer, sent).await?;
    let read = lab.read_all(&topic, 1).await?.remove(&0).unwrap_or_default();
    ensure!(read.len() == delivered.len(), "{} records of {}", read.len(), delivered.len());
    for (delivered, read) in delivered.iter().zip(&read) {
        let time = delivered.log_append_time.ok_or("the producer was not told the broker's time")?;
        ensure!(time == read.timestamp, "offset {}: {} instead of {time}", read.offset, read.timestamp);
        ensure!(time > 1_700_000_000_000, "the sender's time was kept");
    }
    Ok("the broker's own, told and kept".to_owned())
}
