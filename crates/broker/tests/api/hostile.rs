//! Bytes that no client should send: the connection ends, nothing else does.

use crate::harness::{ok, start};
use crate::topics::creation;
use ottla_env::rng::{Rng, SeededRng};
use ottla_wire::apis;
use ottla_wire::messages::metadata::{MetadataRequest, MetadataRequestTopic as MetadataTopic};
use std::time::Duration;

#[tokio::test]
async fn frames_that_cannot_be_read_end_their_connection_and_hurt_no_neighbour() {
    let running = start(&[]).await;
    let mut neighbour = running.connect().await;
    let frames: [&[u8]; 10] = [
        &[0xff, 0xff, 0xff, 0xff],
        &[0, 0, 0, 0],
        &[0, 0, 0, 1, 7],
        &[0x7f, 0xff, 0xff, 0xff],
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        &[0x16, 3, 1, 2, 0, 1, 0, 1],
        // An unknown key, an unknown version of Metadata, Produce 2.
        &[0, 0, 0, 10, 3, 0xe7, 0, 0, 0, 0, 0, 1, 0xff, 0xff],
        &[0, 0, 0, 10, 0, 3, 0, 99, 0, 0, 0, 1, 0xff, 0xff],
        &[0, 0, 0, 10, 0, 0, 0, 2, 0, 0, 0, 1, 0xff, 0xff],
        // Metadata 1 with an array that claims 2^31-1 elements.
        &[0, 0, 0, 14, 0, 3, 0, 1, 0, 0, 0, 1, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff],
    ];
    for frame in frames {
        let mut connection = running.connect().await;
        connection.send_raw(frame).await;
        assert!(connection.is_closed().await, "{frame:x?}");
    }
    ok(neighbour.call(7, &creation("t", 1)).await.topics[0].error_code);
}

#[tokio::test]
async fn random_bodies_of_every_api_never_hurt_a_neighbour() {
    let running = start(&[]).await;
    let rng = SeededRng::new(7);
    for api in apis::TABLE {
        for version in api.min..=api.max {
            let mut body = vec![0; rng.below(60) as usize];
            rng.fill(&mut body);
            let mut frame = Vec::new();
            frame.extend_from_slice(&(10 + body.len() as i32).to_be_bytes());
            frame.extend_from_slice(&api.key.to_be_bytes());
            frame.extend_from_slice(&version.to_be_bytes());
            frame.extend_from_slice(&[0, 0, 0, 1, 0xff, 0xff]);
            frame.extend_from_slice(&body);
            let mut connection = running.connect().await;
            connection.send_raw(&frame).await;
        }
    }
    let mut neighbour = running.connect().await;
    ok(neighbour.call(7, &creation("t", 1)).await.topics[0].error_code);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_was_silent_is_answered_and_one_that_stays_silent_is_closed() {
    let running = start(&[("connections.max.idle.ms", "20000")]).await;
    let mut connection = running.connect().await;
    for name_bytes in [0, 3, 40, 60, 5_000, 30_000] {
        // The first bytes of a request may be all of it, a part of its length, or a part of its body.
        let topics = vec![MetadataTopic { name: Some("x".repeat(name_bytes).into()), ..Default::default() }];
        // Nothing may wait for a thread: the clock, which stands still, would be moved on meanwhile.
        let allow_auto_topic_creation = false;
        let request =
            MetadataRequest { topics: Some(topics), allow_auto_topic_creation, ..Default::default() };
        for pause_ms in [0, 999, 1_001, 19_000] {
            tokio::time::sleep(Duration::from_millis(pause_ms)).await;
            let answer = connection.call(8, &request).await;
            assert_eq!(answer.topics.len(), 1, "{name_bytes} bytes after {pause_ms} ms");
        }
    }
    let frame = [0, 0, 0, 14, 0, 3, 0, 1, 0, 0, 0, 9, 0xff, 0xff, 0, 0, 0, 0];
    for cut in [1, 3, 10] {
        tokio::time::sleep(Duration::from_secs(5)).await;
        connection.send_raw(&frame[..cut]).await;
        tokio::time::sleep(Duration::from_secs(5)).await;
        connection.send_raw(&frame[cut..]).await;
        let answer = connection.receive_raw().await.expect("an answer");
        assert_eq!(answer[..4], frame[8..12]);
    }
    let silent_from = tokio::time::Instant::now();
    assert!(connection.is_closed().await);
    assert_eq!(silent_from.elapsed().as_secs(), 20);
}
