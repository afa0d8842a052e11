//! Who may connect, how many and how fast: by settings that hold from the next connection on. And how much is taken of
//! what a client sends before it is answered.

use crate::configs::alter_broker;
use crate::harness::{Connection, Running, batch, fetch_request, ok, patient, start};
use crate::topics::creation;
use ottla_wire::messages::api_versions::ApiVersionsRequest;
use ottla_wire::messages::fetch::FetchRequest;

/// Another connection, if there is a place for it.
async fn another(running: &Running) -> Option<Connection> {
    let mut connection = running.connect().await;
    connection.is_served().await.then_some(connection)
}

#[tokio::test]
async fn new_connections_are_counted_over_all_listeners() {
    let running = start(&[
        ("listeners", "PLAINTEXT://127.0.0.1:9092,OTHER://127.0.0.1:9093"),
        ("listener.security.protocol.map", "PLAINTEXT:PLAINTEXT,OTHER:PLAINTEXT"),
        ("quota.window.num", "2"),
        ("quota.window.size.seconds", "100"),
    ])
    .await;
    let mut admin = running.connect().await;
    for _ in 0..200 {
        drop(running.connect().await);
    }
    // In their order: those before it were counted too.
    assert!(another(&running).await.is_some());
    assert!(running.connect_to(9093).await.is_served().await);
    alter_broker(&mut admin, "max.connection.creation.rate", "1").await;
    // Twice as many as the window has seconds: the next one waits for as long, whatever it connects to.
    let mut waits = running.connect_to(9093).await;
    waits.send(2, &ApiVersionsRequest::default()).await;
    for topic in ["a", "b", "c"] {
        ok(admin.call(7, &creation(topic, 1)).await.topics[0].error_code);
    }
    assert!(waits.is_silent().await);
}

#[tokio::test]
async fn an_address_may_have_another_limit_than_the_rest() {
    let running = start(&[("max.connections.per.ip", "2")]).await;
    let mut admin = another(&running).await.unwrap();
    let mut all = vec![another(&running).await.unwrap()];
    assert!(another(&running).await.is_none());
    let overrides = "max.connections.per.ip.overrides";
    for (value, more) in [("10.0.0.1:9,127.0.0.1:3", 1), ("[::ffff:127.0.0.1]:5", 2), ("10.0.0.1:9", 0)] {
        alter_broker(&mut admin, overrides, value).await;
        for _ in 0..more {
            all.push(another(&running).await.unwrap());
        }
        assert!(another(&running).await.is_none(), "{value}");
    }
    // Names are looked up while others connect.
    alter_broker(&mut admin, overrides, "no.such.host.invalid:1,localhost:6").await;
    let found = async {
        while all.len() < 5 {
            all.extend(another(&running).await);
        }
    };
    patient(found).await;
    assert!(another(&running).await.is_none());
}

#[tokio::test]
async fn a_connection_is_read_eight_requests_ahead_of_the_answer_that_is_due() {
    const SENT: i32 = 20;
    let running = start(&[]).await;
    let (mut reader, mut writer) = (running.connect().await, running.connect().await);
    ok(writer.call(7, &creation("t", 1)).await.topics[0].error_code);
    ok(writer.call(12, &fetch_request("t", 1 << 20, 0)).await.error_code);
    for _ in 0..SENT {
        reader.send(12, &fetch_request("t", 1 << 20, i32::MAX)).await;
    }
    let taken = async || running.metric("ottla_requests_total{api=\"Fetch\"}").await - 1;
    patient(async { while taken().await < 1 + 8 {} }).await;
    // Time for more.
    for topic in ["a", "b", "c"] {
        ok(writer.call(7, &creation(topic, 1)).await.topics[0].error_code);
    }
    assert_eq!(taken().await, 1 + 8);
    assert_eq!(running.metric("ottla_fetches_waiting").await, 1);
    ok(writer.produce("t", 0, batch(&["a"])).await.error_code);
    for number in 1..=SENT {
        let (correlation, answer) = reader.receive::<FetchRequest>(12).await;
        assert_eq!((correlation, answer.error_code), (number, 0));
    }
    assert_eq!(taken().await, 20);
}
