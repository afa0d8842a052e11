//! The queue of one partition: order, retries and splitting, without a broker.

use super::super::batch::{Body, Progress};
use super::*;
use ottla_env::rng::SeededRng;
use ottla_wire::ErrorCode;
use ottla_wire::record::BatchBuilder;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

const ID: ProducerId = ProducerId { id: 7, epoch: 0 };

/// Of a producer that the log knows.
fn queue(batches: u64) -> PartitionQueue {
    let mut queue = fresh_queue(batches);
    queue.is_known = true;
    queue
}

fn fresh_queue(batches: u64) -> PartitionQueue {
    let mut queue = PartitionQueue::new(Backoff::new(Arc::new(SeededRng::new(1))));
    queue.adopt(ID);
    (0..batches).for_each(|id| queue.push(batch(id)));
    queue
}

/// Ten records each, so sequences are easy to read.
fn batch(id: u64) -> Batch {
    let mut builder = BatchBuilder::new();
    (0..10).for_each(|_| builder.push(0, None, Some(b"v"), &[]));
    Batch {
        id,
        topic: "t".into(),
        partition: 0,
        body: Body::Records(builder),
        first_index: 0,
        count: 10,
        created: Instant::now(),
        progress: Arc::new(watch::Sender::new(Progress::default())),
        memory: None,
        identity: None,
        fate: Fate::NotWritten,
        last_error: None,
    }
}

fn error(code: ErrorCode) -> ClientError {
    ClientError::refused("produce", code, None)
}

fn acked() -> Verdict {
    Verdict::Acked(Ack { base_offset: Some(0), log_append_time: None })
}

fn again(fate: Fate) -> Verdict {
    Verdict::Again { error: error(ErrorCode::NotLeaderOrFollower), fate }
}

fn out_of_order() -> Verdict {
    Verdict::OutOfOrder(error(ErrorCode::OutOfOrderSequenceNumber))
}

fn take(queue: &mut PartitionQueue) -> Option<Batch> {
    queue.ready(Instant::now() + Duration::from_secs(10), 5)?;
    let mut batch = queue.take()?;
    batch.bytes(ottla_wire::compress::Codec::None).unwrap();
    Some(batch)
}

fn take_all(queue: &mut PartitionQueue) -> Vec<Batch> {
    std::iter::from_fn(|| take(queue)).collect()
}

/// Epoch and first sequence of each.
fn numbers(batches: &[Batch]) -> Vec<(u64, i16, i32)> {
    batches.iter().map(|b| (b.id, b.identity.unwrap().epoch, b.identity.unwrap().base_sequence)).collect()
}

#[tokio::test(start_paused = true)]
async fn five_leave_in_order_and_the_sixth_waits() {
    let mut queue = queue(7);
    let mut sent = take_all(&mut queue);
    assert_eq!(numbers(&sent), [(0, 0, 0), (1, 0, 10), (2, 0, 20), (3, 0, 30), (4, 0, 40)]);
    let outcome = queue.answered(sent.remove(0), acked());
    assert!(outcome.finished.unwrap().result.is_ok());
    assert_eq!(numbers(&take_all(&mut queue)), [(5, 0, 50)]);
}

#[tokio::test(start_paused = true)]
async fn the_first_batch_goes_alone_until_the_log_has_one() {
    let mut queue = fresh_queue(3);
    for fate in [Fate::NotWritten, Fate::Unknown] {
        let mut sent = take_all(&mut queue);
        assert_eq!(numbers(&sent), [(0, 0, 0)]);
        queue.answered(sent.remove(0), again(fate));
    }
    let first = take(&mut queue).unwrap();
    queue.answered(first, acked());
    assert_eq!(numbers(&take_all(&mut queue)), [(1, 0, 10), (2, 0, 20)]);
    // Another producer id is another stranger.
    let mut queue = fresh_queue(2);
    let first = take(&mut queue).unwrap();
    queue.answered(first, acked());
    queue.adopt(ProducerId { id: 8, epoch: 0 });
    queue.push(batch(2));
    assert_eq!(numbers(&take_all(&mut queue)), [(1, 0, 0)]);
}

#[tokio::test(start_paused = true)]
async fn without_numbers_the_first_batches_leave_together() {
    let mut queue = PartitionQueue::new(Backoff::new(Arc::new(SeededRng::new(1))));
    (0..3).for_each(|id| queue.push(batch(id)));
    assert_eq!(take_all(&mut queue).len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_retry_waits_for_all_answers_and_keeps_every_number() {
    let mut queue = queue(4);
    let mut sent = take_all(&mut queue);
    queue.push(batch(4));
    let rest = sent.split_off(1);
    queue.answered(sent.remove(0), again(Fate::NotWritten));
    for (index, late) in rest.into_iter().enumerate() {
        assert!(take(&mut queue).is_none(), "{index} not answered yet");
        assert!(queue.answered(late, out_of_order()).finished.is_none());
    }
    assert_eq!(numbers(&take_all(&mut queue)), [(0, 0, 0), (1, 0, 10), (2, 0, 20), (3, 0, 30), (4, 0, 40)]);
}

#[tokio::test(start_paused = true)]
async fn a_refused_batch_leaves_a_gap_that_the_next_epoch_closes() {
    let mut queue = queue(3);
    let mut sent = take_all(&mut queue);
    let last = sent.pop().unwrap();
    let second = sent.pop().unwrap();
    let failed = Verdict::Failed { error: error(ErrorCode::InvalidRecord), fate: Fate::NotWritten };
    let outcome = queue.answered(sent.pop().unwrap(), failed);
    assert!(outcome.finished.unwrap().result.is_err());
    queue.answered(second, out_of_order());
    queue.answered(last, out_of_order());
    assert_eq!(numbers(&take_all(&mut queue)), [(1, 1, 0), (2, 1, 10)]);
}

#[tokio::test(start_paused = true)]
async fn what_may_be_written_keeps_its_identity_across_a_gap() {
    let mut queue = queue(3);
    let mut sent = take_all(&mut queue);
    let last = sent.pop().unwrap();
    let second = sent.pop().unwrap();
    let failed = Verdict::Failed { error: error(ErrorCode::InvalidRecord), fate: Fate::NotWritten };
    queue.answered(sent.pop().unwrap(), failed);
    queue.answered(second, out_of_order());
    queue.answered(last, again(Fate::Unknown));
    // The doubtful one goes alone under its old name, before anything is renumbered.
    let alone = take_all(&mut queue);
    assert_eq!(numbers(&alone), [(2, 0, 20)]);
    assert!(take(&mut queue).is_none());
    queue.answered(alone.into_iter().next().unwrap(), out_of_order());
    assert_eq!(numbers(&take_all(&mut queue)), [(1, 1, 0), (2, 1, 10)]);
}

#[tokio::test(start_paused = true)]
async fn an_unexplained_gap_fails_its_batch_alone() {
    let mut queue = queue(2);
    let mut sent = take_all(&mut queue);
    let second = sent.pop().unwrap();
    let outcome = queue.answered(sent.pop().unwrap(), out_of_order());
    let finished = outcome.finished.unwrap();
    assert_eq!(finished.batch.id, 0);
    assert_eq!(finished.result.unwrap_err().code(), Some(ErrorCode::OutOfOrderSequenceNumber));
    queue.answered(second, out_of_order());
    assert_eq!(numbers(&take_all(&mut queue)), [(1, 1, 0)]);
}

#[tokio::test(start_paused = true)]
async fn a_lost_identity_is_replaced_unless_the_batch_may_be_written() {
    let mut queue = queue(2);
    let mut sent = take_all(&mut queue);
    let mut second = sent.pop().unwrap();
    second.fate = Fate::Unknown;
    let lost = || Verdict::IdentityLost(error(ErrorCode::InvalidProducerEpoch));
    let outcome = queue.answered(sent.pop().unwrap(), lost());
    assert!(outcome.finished.is_none() && outcome.lost_id == Some(7));
    assert!(queue.answered(second, lost()).finished.is_some());
    assert!(!queue.has_identity());
    queue.adopt(ProducerId { id: 8, epoch: 0 });
    let sent = take_all(&mut queue);
    assert_eq!(numbers(&sent), [(0, 0, 0)]);
    assert_eq!(sent[0].identity.unwrap().producer_id, 8);
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_is_too_large_goes_in_halves() {
    let mut queue = queue(2);
    let mut sent = take_all(&mut queue);
    let second = sent.pop().unwrap();
    let too_large = Verdict::TooLarge(error(ErrorCode::MessageTooLarge));
    assert_eq!(queue.answered(sent.pop().unwrap(), too_large).split, Some(0));
    queue.answered(second, out_of_order());
    let sent = take_all(&mut queue);
    assert_eq!(numbers(&sent), [(0, 1, 0), (0, 1, 5), (1, 1, 10)]);
    assert_eq!(sent.iter().map(|b| b.count).collect::<Vec<_>>(), [5, 5, 10]);
}

#[tokio::test(start_paused = true)]
async fn what_is_too_old_leaves_a_gap_only_if_it_had_a_number() {
    let mut queue = queue(2);
    let sent = take(&mut queue).unwrap();
    queue.answered(sent, again(Fate::NotWritten));
    tokio::time::advance(Duration::from_secs(5)).await;
    queue.push(batch(2));
    let expired = queue.take_created_before(Instant::now() - Duration::from_secs(1));
    assert_eq!(expired.iter().map(|b| b.id).collect::<Vec<_>>(), [0, 1]);
    assert_eq!(numbers(&take_all(&mut queue)), [(2, 1, 0)]);
}

#[tokio::test(start_paused = true)]
async fn sequences_wrap_and_epochs_run_out() {
    let mut queue = queue(2);
    queue.next_sequence = i32::MAX - 4;
    assert_eq!(numbers(&take_all(&mut queue)), [(0, 0, i32::MAX - 4), (1, 0, 5)]);
    queue.identity = Some(ProducerId { id: 7, epoch: i16::MAX - 1 });
    queue.next_epoch();
    assert!(!queue.has_identity());
}
