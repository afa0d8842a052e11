//! What `/metrics` says of a state: who acknowledges early, what is damaged, who keeps a session.

use crate::harness::{batch, fetch_request, ok, start_on};
use crate::settings::create;
use ottla_env::disk::{Disk, MemoryDisk, OpenMode};
use ottla_wire::messages::fetch::FetchRequest;
use ottla_wire::{ErrorCode, apis};
use std::path::{Path, PathBuf};

fn segments(disk: &MemoryDisk, dir: &Path) -> Vec<PathBuf> {
    let entries = disk.list(dir).unwrap().into_iter();
    let (dirs, files): (Vec<_>, Vec<_>) = entries.partition(|entry| entry.is_dir);
    let below = dirs.iter().flat_map(|entry| segments(disk, &dir.join(&entry.name)));
    let here = files.iter().filter(|file| file.name.ends_with(".log")).map(|file| dir.join(&file.name));
    here.chain(below).collect()
}

/// Opens a session that reads the topic.
fn fetch(topic: &str) -> FetchRequest {
    FetchRequest { session_epoch: 0, ..fetch_request(topic, 1 << 20, 0) }
}

#[tokio::test]
async fn logs_that_acknowledge_early_damaged_logs_and_sessions_are_counted() {
    const VERSION: i16 = 12;
    assert!(apis::find(apis::FETCH).unwrap().max >= VERSION);
    let disk = MemoryDisk::new();
    let running = start_on(&disk, &[]).await;
    let mut connection = running.connect().await;
    create(&mut connection, "t", &[]).await;
    ok(connection.produce("t", 0, batch(&["a record"])).await.error_code);
    assert_eq!(running.metric("ottla_os_logs").await, 0);
    let [segment] = &segments(&disk, Path::new("data/topics"))[..] else { panic!("one log") };
    create(&mut connection, "early", &[("durability", "os")]).await;
    ok(connection.produce("early", 0, batch(&["a record"])).await.error_code);
    assert_eq!(running.metric("ottla_os_logs").await, 1);
    assert_eq!(running.metric("ottla_fetch_sessions").await, 0);
    let read = connection.call(VERSION, &fetch("t")).await;
    ok(read.responses[0].partitions[0].error_code);
    assert_eq!(running.metric("ottla_fetch_sessions").await, 1);
    assert_eq!(running.metric("ottla_offline_logs").await, 0);
    assert_eq!(running.metric("ottla_open_listeners").await, 0);
    running.broker.stop().await.unwrap();

    let end = disk.len(segment).unwrap().unwrap();
    disk.open(segment, OpenMode::Write).unwrap().write_all_at(b"!", end - 2).unwrap();
    let running = start_on(&disk, &[]).await;
    let read = running.connect().await.call(VERSION, &fetch("t")).await;
    assert_eq!(
        ErrorCode::from_code(read.responses[0].partitions[0].error_code),
        ErrorCode::KafkaStorageError
    );
    assert_eq!(running.metric("ottla_offline_logs").await, 1);
}
