//! Clients that leave while something waits for them.

use crate::harness::{Running, fetch_request, ok, start};
use crate::topics::creation;
use ottla_wire::messages::fetch::FetchRequest;

/// Waits for records that nobody writes, for as long as a request can.
fn long_poll() -> FetchRequest {
    fetch_request("t", 1 << 20, i32::MAX)
}

async fn with_topic(settings: &[(&str, &str)]) -> Running {
    let running = start(settings).await;
    let mut connection = running.connect().await;
    ok(connection.call(7, &creation("t", 1)).await.topics[0].error_code);
    running
}

#[tokio::test]
async fn a_long_poll_is_answered_when_its_client_sends_nothing_any_more() {
    let running = with_topic(&[]).await;
    // Also behind more requests than are read ahead.
    for count in [1, 2, 40] {
        let mut connection = running.connect().await;
        for _ in 0..count {
            connection.send(12, &long_poll()).await;
        }
        connection.leave().await;
        for at in 1..=count {
            let (correlation, answer) = connection.receive::<FetchRequest>(12).await;
            assert_eq!((correlation, answer.error_code), (at, 0));
            assert!(answer.responses[0].partitions[0].records.clone().unwrap().to_bytes().is_empty());
        }
        assert!(connection.is_closed().await);
    }
}

#[tokio::test]
async fn a_client_that_is_gone_makes_room_for_the_next() {
    let running = with_topic(&[("max.connections.per.ip", "1")]).await;
    for _ in 0..3 {
        // Those that come while the one before is still known are closed.
        loop {
            let mut next = running.connect().await;
            next.send(7, &creation("t", 1)).await;
            if next.receive_raw().await.is_some() {
                next.send(12, &long_poll()).await;
                break;
            }
        }
    }
}
