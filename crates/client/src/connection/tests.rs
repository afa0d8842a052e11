//! One connection: versions, order, bounds, and every way in which it ends.

use super::*;
use crate::errors::ErrorClass;
use crate::testing::{FakeCluster, Fault};
use ottla_wire::messages::fetch::FetchRequest;
use ottla_wire::messages::list_offsets::ListOffsetsRequest;
use ottla_wire::messages::metadata::MetadataRequest;

fn target(cluster: &FakeCluster) -> Target {
    Target { host: "fake".to_owned(), port: cluster.ports[0], identity: None }
}

fn call() -> Call {
    Call { timeout: Duration::from_secs(5), version_max: i16::MAX }
}

async fn open(cluster: &FakeCluster) -> Connection {
    Connection::open(&target(cluster), &cluster.config()).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_broker_of_any_age_tells_its_versions() {
    for (range, sent) in [((0, 5), vec![5]), ((0, 2), vec![5, 2]), ((0, 0), vec![5, 0])] {
        let cluster = FakeCluster::start().await;
        cluster.state().versions.insert(apis::API_VERSIONS, Some(range));
        let connection = open(&cluster).await;
        assert!(connection.version::<MetadataRequest>(i16::MAX).is_ok());
        let versions: Vec<i16> = cluster.state().requests.iter().map(|(_, version)| *version).collect();
        assert_eq!(versions, sent);
    }
}

#[tokio::test(start_paused = true)]
async fn the_highest_common_version_is_used_and_none_in_common_is_an_error() {
    let cluster = FakeCluster::start().await;
    cluster.state().versions.insert(apis::METADATA, Some((0, 4)));
    cluster.state().versions.insert(apis::LIST_OFFSETS, None);
    cluster.state().versions.insert(apis::FETCH, Some((90, 91)));
    let connection = open(&cluster).await;
    assert_eq!(connection.version::<MetadataRequest>(i16::MAX), Ok(4));
    assert_eq!(connection.version::<MetadataRequest>(2), Ok(2));
    for error in [
        connection.version::<ListOffsetsRequest>(i16::MAX).unwrap_err(),
        connection.version::<FetchRequest>(i16::MAX).unwrap_err(),
    ] {
        assert!(matches!(error, ClientError::Unsupported { .. }) && error.class() == ErrorClass::Fatal);
    }
}

#[tokio::test(start_paused = true)]
async fn requests_are_answered_in_order_and_room_is_bounded() {
    let cluster = FakeCluster::with_topic(1).await;
    let config = ClientConfig { in_flight_max: 3, ..cluster.config() };
    let connection = Connection::open(&target(&cluster), &config).await.unwrap();
    let ask = || connection.try_submit(&MetadataRequest { topics: None, ..Default::default() }, call());
    let replies: Vec<_> = (0..3).map(|_| ask().unwrap().unwrap()).collect();
    assert!(ask().unwrap().is_none() && !connection.has_room());
    for reply in replies {
        assert_eq!(reply.answer().await.unwrap().topics.len(), 1);
    }
    assert!(connection.has_room());
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_does_not_come_ends_the_connection_for_all() {
    let cluster = FakeCluster::start().await;
    let connection = open(&cluster).await;
    cluster.fault(apis::METADATA, Fault::Silence);
    cluster.fault(apis::METADATA, Fault::Silence);
    let request = MetadataRequest::default();
    let first = connection.submit(&request, call()).await.unwrap();
    let second = connection.submit(&request, call()).await.unwrap();
    assert!(matches!(first.answer().await, Err(ClientError::TimedOut { .. })));
    assert!(matches!(second.answer().await, Err(ClientError::Disconnected { .. })));
    assert!(!connection.is_open());
    let late = connection.call(&request, call()).await.unwrap_err();
    assert!(late.is_retriable(), "{late}");
}

#[tokio::test(start_paused = true)]
async fn a_lost_connection_answers_everybody_who_waits() {
    let cluster = FakeCluster::start().await;
    let connection = open(&cluster).await;
    cluster.fault(apis::METADATA, Fault::CloseBefore);
    let request = MetadataRequest::default();
    let (first, second) = tokio::join!(connection.call(&request, call()), connection.call(&request, call()));
    for result in [first, second] {
        assert!(matches!(result, Err(ClientError::Disconnected { .. })));
    }
}

#[tokio::test(start_paused = true)]
async fn bytes_that_no_broker_sends_end_the_connection() {
    let frame = |bytes: &[u8]| [&(bytes.len() as i32).to_be_bytes()[..], bytes].concat();
    let cases = [
        ("another correlation id", frame(&[0x7f; 20])),
        ("a length beyond the limit", i32::MAX.to_be_bytes().to_vec()),
        ("a negative length", (-5_i32).to_be_bytes().to_vec()),
        ("a length too short for a header", frame(&[1])),
    ];
    for (what, bytes) in cases {
        let cluster = FakeCluster::start().await;
        let connection = open(&cluster).await;
        cluster.fault(apis::METADATA, Fault::Bytes(bytes.into()));
        let error = connection.call(&MetadataRequest::default(), call()).await.unwrap_err();
        assert!(matches!(error, ClientError::Malformed { .. }), "{what}: {error}");
        assert!(!connection.is_open(), "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_gives_up_does_not_disturb_the_next() {
    let cluster = FakeCluster::with_topic(1).await;
    let connection = open(&cluster).await;
    let request = MetadataRequest { topics: None, ..Default::default() };
    drop(connection.submit(&request, call()).await.unwrap());
    assert_eq!(connection.call(&request, call()).await.unwrap().topics.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_port_without_a_broker_is_unreachable() {
    let cluster = FakeCluster::start().await;
    let nowhere = Target { port: 1, ..target(&cluster) };
    let error = Connection::open(&nowhere, &cluster.config()).await.unwrap_err();
    assert!(error.is_unreachable());
    // Somebody listens and never answers.
    cluster.fault(apis::API_VERSIONS, Fault::Silence);
    assert!(Connection::open(&target(&cluster), &cluster.config()).await.unwrap_err().is_unreachable());
}
