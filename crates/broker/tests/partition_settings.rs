//! Settings of a topic that change while its partitions are open.

#![allow(clippy::unwrap_used)]

#[allow(dead_code)]
mod partition_suite;

use bytes::Bytes;
use ottla_broker::partition::{Partition, Produced};
use ottla_env::disk::{Disk, Lost, MemoryDisk};
use ottla_state::image::{Configs, Topic};
use ottla_state::{Change, Image};
use ottla_wire::batch::BatchHeader;
use ottla_wire::record::{BatchBuilder, BuildOptions};
use partition_suite::{fresh, start, topic};
use std::path::Path;
use std::sync::Arc;

fn with(configs: &[(&str, &str)]) -> Topic {
    let configs: Configs =
        configs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Topic { configs: Arc::new(configs), ..topic() }
}

fn image(topic: Topic) -> Arc<Image> {
    let name = Change::TopicName { name: topic.name.clone(), id: Some(topic.id) };
    Arc::new(Image::from_state([name, Change::Topic(Arc::new(topic))]))
}

fn batch() -> Bytes {
    let mut builder = BatchBuilder::new();
    builder.push(1_000, None, Some(b"value"), &[]);
    builder.build(BuildOptions::default()).unwrap()
}

async fn append(partition: &Partition) -> i64 {
    let batch = batch();
    let header = BatchHeader::parse(&batch).unwrap();
    let produced = Produced { header, frame_bytes: batch.len(), batch, leader_epoch: 0 };
    partition.log.append(produced).await.unwrap().unwrap().base_offset
}

/// Records that a power cut would leave.
async fn durable(disk: &MemoryDisk) -> i64 {
    let registry = start(&disk.crash(Lost::AllUnsynced));
    let partition = registry.partition(&topic(), 0).unwrap();
    partition.log.ready().await.unwrap();
    let end = partition.log.offsets().unwrap().log_end;
    registry.stop().await.unwrap();
    end
}

#[tokio::test]
async fn a_topic_that_turns_from_os_to_fsync_is_synced_to_its_end() {
    let disk = fresh();
    let registry = start(&disk);
    let lazy = with(&[("durability", "os")]);
    registry.on_image(&image(lazy.clone()));
    let partition = registry.partition(&lazy, 0).unwrap();
    for _ in 0..3 {
        append(&partition).await;
    }
    assert_eq!((partition.high_watermark(), durable(&disk).await), (3, 0));
    registry.on_image(&image(with(&[("durability", "fsync")])));
    // Nobody appends any more, and it becomes durable.
    while durable(&disk).await < 3 {
        tokio::task::yield_now().await;
    }
    let checkpoint = disk.entry(Path::new("data/checkpoint")).unwrap();
    assert_eq!(checkpoint, None, "a checkpoint would have synced it too");
    append(&partition).await;
    assert_eq!(durable(&disk).await, 4, "an answer is a promise again");
    registry.on_image(&image(lazy));
    append(&partition).await;
    assert_eq!((partition.high_watermark(), durable(&disk).await), (5, 4));
    registry.stop().await.unwrap();
}

#[tokio::test]
async fn open_partitions_have_the_settings_of_the_newest_image() {
    let registry = start(&fresh());
    let old = with(&[("max.message.bytes", "1000")]);
    let open = registry.partition(&old, 0).unwrap();
    assert_eq!(open.config().max_message_bytes, 1_000);
    registry.on_image(&image(with(&[("max.message.bytes", "2000")])));
    assert_eq!(open.config().max_message_bytes, 2_000);
    // Somebody comes late with an image from before.
    let late = registry.partition(&old, 1).unwrap();
    assert_eq!(late.config().max_message_bytes, 2_000);
    registry.on_image(&image(with(&[])));
    assert_eq!((open.config(), late.config()), (open.config(), open.config()));
    assert_eq!(late.config().max_message_bytes, 1_048_588);
    registry.stop().await.unwrap();
}
