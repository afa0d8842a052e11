//! Fetch sessions (KIP-227) over a connection: full at first, then only what changed.

use crate::harness::{Connection, batch, ok, start, versions};
use crate::topics::creation;
use ottla_wire::messages::fetch::{FetchPartition, FetchRequest, FetchResponse, FetchTopic};
use ottla_wire::{ErrorCode, Uuid, apis};

fn request(topic: Uuid, session_id: i32, session_epoch: i32, partitions: &[(i32, i64)]) -> FetchRequest {
    let partitions: Vec<FetchPartition> = partitions
        .iter()
        .map(|(partition, fetch_offset)| FetchPartition {
            partition: *partition,
            fetch_offset: *fetch_offset,
            partition_max_bytes: 1 << 20,
            ..Default::default()
        })
        .collect();
    let topics = if partitions.is_empty() {
        Vec::new()
    } else {
        vec![FetchTopic { topic: "t".into(), topic_id: topic, partitions }]
    };
    FetchRequest { max_bytes: 1 << 20, session_id, session_epoch, topics, ..Default::default() }
}

/// Partitions in an answer, with the bytes of their records.
fn told(answer: &FetchResponse) -> Vec<(i32, bool)> {
    ok(answer.error_code);
    let partitions = answer.responses.iter().flat_map(|topic| &topic.partitions);
    partitions.map(|p| (p.partition_index, !p.records.clone().unwrap().to_bytes().is_empty())).collect()
}

async fn topic(connection: &mut Connection) -> Uuid {
    let answer = connection.call(7, &creation("t", 2)).await;
    ok(answer.topics[0].error_code);
    answer.topics[0].topic_id
}

#[tokio::test]
async fn a_session_tells_what_changed_in_every_version_that_has_them() {
    let running = start(&[]).await;
    let mut connection = running.connect().await;
    let id = topic(&mut connection).await;
    let mut end = 0;
    for version in versions(apis::FETCH).filter(|version| *version >= 7) {
        let both = request(id, 0, 0, &[(0, end), (1, 0)]);
        let opened = connection.call(version, &both).await;
        assert_eq!(told(&opened), [(0, false), (1, false)], "version {version}");
        let session = opened.session_id;
        assert!(session > 0);
        let nothing = connection.call(version, &request(id, session, 1, &[])).await;
        assert_eq!((nothing.session_id, told(&nothing)), (session, vec![]));
        ok(connection.produce("t", 0, batch(&["a", "b"])).await.error_code);
        let news = connection.call(version, &request(id, session, 2, &[])).await;
        assert_eq!(told(&news), [(0, true)]);
        end += 2;
        let read = connection.call(version, &request(id, session, 3, &[(0, end)])).await;
        assert_eq!(told(&read), [(0, false); 0]);
        let closed = connection.call(version, &request(id, session, -1, &[])).await;
        assert_eq!((closed.session_id, told(&closed)), (0, vec![]));
    }
}

#[tokio::test]
async fn a_wait_in_a_session_is_woken_by_any_of_its_partitions() {
    let running = start(&[]).await;
    let (mut reader, mut writer) = (running.connect().await, running.connect().await);
    let id = topic(&mut writer).await;
    let session = reader.call(16, &request(id, 0, 0, &[(0, 0), (1, 0)])).await.session_id;
    let waiting = FetchRequest { max_wait_ms: 60_000, min_bytes: 1, ..request(id, session, 1, &[]) };
    reader.send(16, &waiting).await;
    ok(writer.produce("t", 1, batch(&["a"])).await.error_code);
    let (_, answer) = reader.receive::<FetchRequest>(16).await;
    assert_eq!(told(&answer), [(1, true)]);
}

#[tokio::test]
async fn the_setting_bounds_the_sessions_and_none_is_pretended() {
    let running = start(&[("max.incremental.fetch.session.cache.slots", "1")]).await;
    let mut connection = running.connect().await;
    let id = topic(&mut connection).await;
    let first = connection.call(12, &request(id, 0, 0, &[(0, 0)])).await.session_id;
    let declined = connection.call(12, &request(id, 0, 0, &[(0, 0)])).await;
    assert!(first > 0);
    assert_eq!((declined.session_id, told(&declined)), (0, vec![(0, false)]));
    let unknown = connection.call(12, &request(id, 77, 1, &[])).await;
    assert_eq!(unknown.error_code, ErrorCode::FetchSessionIdNotFound.code());
}
