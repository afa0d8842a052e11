//! What a start does to logs and ports, and what it leaves alone.

use crate::harness::{Connection, batch, broker_on, ok, produce_request, start_on};
use crate::topics::creation;
use ottla_broker::{BindError, StartError};
use ottla_env::disk::{Disk, Lost, MemoryDisk, OperationKind};
use ottla_env::net::{MemoryNet, Net};
use ottla_wire::messages::produce::PartitionProduceData;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

/// A record for each of so many partitions of a new topic.
async fn fill(connection: &mut Connection, name: &str, partitions: i32) {
    ok(connection.call(7, &creation(name, partitions)).await.topics[0].error_code);
    let mut request = produce_request(name, 0, batch(&["v"]), -1);
    let first = request.topic_data[0].partition_data[0].clone();
    let of = |index| PartitionProduceData { index, ..first.clone() };
    request.topic_data[0].partition_data = (0..partitions).map(of).collect();
    let answer = connection.call(9, &request).await;
    answer.responses[0].partition_responses.iter().for_each(|partition| ok(partition.error_code));
}

#[tokio::test]
async fn r5_a_start_after_a_clean_stop_opens_no_log() {
    const PARTITIONS: i32 = 300;
    let disk = MemoryDisk::new();
    let running = start_on(&disk, &[]).await;
    fill(&mut running.connect().await, "t", PARTITIONS).await;
    running.broker.stop().await.unwrap();

    let before = disk.opened().len();
    let running = start_on(&disk, &[]).await;
    let opened = disk.opened();
    let logs = |from: usize| opened[from..].iter().filter(|path| path.starts_with("data/topics")).count();
    assert_eq!(logs(before), 0, "of {PARTITIONS}");
    assert!(logs(0) >= 300, "what was opened is seen");
    // They are there when somebody asks.
    let stored = running.connect().await.produce("t", 299, batch(&["w"])).await;
    assert_eq!((stored.error_code, stored.base_offset), (0, 1));
}

#[tokio::test]
async fn r2_from_16_dirty_logs_on_one_sync_of_the_file_system_stands_for_theirs() {
    for (dirty, syncs) in [(15, 0), (16, 1)] {
        let disk = MemoryDisk::new();
        let running = start_on(&disk, &[]).await;
        fill(&mut running.connect().await, "t", dirty).await;
        let killed = disk.crash(Lost::NothingUnsynced);
        let running = start_on(&killed, &[]).await;
        let done =
            killed.operations().iter().filter(|operation| operation.kind == OperationKind::SyncFs).count();
        assert_eq!(done, syncs, "{dirty} dirty logs");
        let stored = running.connect().await.produce("t", dirty - 1, batch(&["w"])).await;
        assert_eq!((stored.error_code, stored.base_offset), (0, 1));
    }
}

#[tokio::test]
async fn the_second_default_port_moves_when_it_is_taken_and_the_first_does_not() {
    let net = MemoryNet::new();
    let both = [IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv6Addr::LOCALHOST)];
    let mut held = Vec::new();
    for (port, ip) in [9093, 9644].into_iter().flat_map(|port| both.map(|ip| (port, ip))) {
        held.push(net.listen(SocketAddr::new(ip, port)).await.unwrap());
    }
    let broker = broker_on(&MemoryDisk::new(), &net, &[]).await.unwrap();
    let ports: Vec<u16> = broker.kafka.iter().map(SocketAddr::port).collect();
    assert_eq!(ports[..2], [9092, 9092]);
    assert!(ports.len() == 4 && ports[2..].iter().all(|port| *port != 9093 && *port != 0), "{ports:?}");
    for port in ports {
        net.connect("127.0.0.1", port).await.unwrap();
    }
    let taken = broker_on(&MemoryDisk::new(), &net, &[]).await.unwrap_err();
    assert!(matches!(taken, StartError::Bind(BindError::InUse { address, .. }) if address.port() == 9092));
}

#[tokio::test]
async fn a_clean_stop_stays_clean_when_a_port_is_taken() {
    let (disk, net) = (MemoryDisk::new(), MemoryNet::new());
    start_on(&disk, &[]).await.broker.stop().await.unwrap();
    let held = net.listen(SocketAddr::from(([127, 0, 0, 1], 9092))).await.unwrap();
    let listeners = [("listeners", "PLAINTEXT://127.0.0.1:9092")];
    assert!(broker_on(&disk, &net, &listeners).await.is_err());
    assert!(disk.entry(Path::new("data/clean-stop")).unwrap().is_some());
    drop(held);
    drop(broker_on(&disk, &net, &listeners).await.unwrap());
    assert!(disk.entry(Path::new("data/clean-stop")).unwrap().is_none());
}
