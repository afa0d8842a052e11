//! A shard with a machine that is a map, on a log in memory that can be held up and made to fail.

use super::*;
use crate::partition::{
    ActiveProducer, DeleteBefore, DeleteError, EpochEnd, MemoryLog, Offsets, ReadLimits, Slices,
    TimestampedOffset, Watchers,
};
use bytes::Bytes;
use ottla_env::net::BoxFuture;
use ottla_state::effects::ApplyError;
use ottla_wire::batch::HEADER_LEN;
use std::collections::BTreeMap;
use std::sync::Mutex;

/// Time as tokio's tests have it.
#[derive(Debug)]
struct TestClock(Instant);

impl Clock for TestClock {
    fn now_ms(&self) -> i64 {
        1_000
    }

    fn monotonic(&self) -> Duration {
        self.0.elapsed()
    }
}

#[derive(Debug, Clone)]
enum Question {
    Put(&'static str, Vec<u8>),
    Get(&'static str),
    /// Answered when so much time has passed.
    Park(i64),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Told {
    Done,
    Value(Option<Vec<u8>>),
    Expired,
    Unloaded(ErrorCode),
}

#[derive(Debug, Default)]
struct Map {
    values: BTreeMap<Bytes, Bytes>,
    parked: BTreeMap<Ticket, i64>,
}

impl Machine for Map {
    type Request = Question;
    type Reply = Told;

    fn decide(&mut self, now: Now, ticket: Ticket, request: Question) -> Effects<Told> {
        match request {
            Question::Put(key, value) => {
                let record = StateRecord { key: key.into(), value: Some(value.into()) };
                Effects { records: vec![record], replies: vec![(ticket, Told::Done)] }
            }
            Question::Get(key) => {
                let value = self.values.get(key.as_bytes()).map(|value| value.to_vec());
                Effects::reply(ticket, Told::Value(value))
            }
            Question::Park(ms) => {
                self.parked.insert(ticket, now.monotonic_ms + ms);
                Effects::default()
            }
        }
    }

    fn expire(&mut self, now: Now) -> Effects<Told> {
        let due: Vec<Ticket> = self
            .parked
            .iter()
            .filter(|(_, at)| **at <= now.monotonic_ms)
            .map(|(ticket, _)| *ticket)
            .collect();
        for ticket in &due {
            self.parked.remove(ticket);
        }
        Effects { records: Vec::new(), replies: due.into_iter().map(|t| (t, Told::Expired)).collect() }
    }

    fn deadline_ms(&self) -> Option<i64> {
        self.parked.values().min().copied()
    }

    fn apply(&mut self, record: &StateRecord) -> Result<(), ApplyError> {
        self.values.insert(record.key.clone(), record.value.clone().unwrap_or_default());
        Ok(())
    }

    fn loaded(&mut self, _now: Now) -> Effects<Told> {
        Effects::default()
    }

    fn unload(&mut self, error: ErrorCode) -> Vec<(Ticket, Told)> {
        std::mem::take(&mut self.parked).into_keys().map(|ticket| (ticket, Told::Unloaded(error))).collect()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Pass,
    /// Appended, and not committed until it is let go.
    Hold,
    Fail,
}

type Answer = (oneshot::Sender<Result<Written, AppendError>>, Result<Written, AppendError>);

#[derive(Debug)]
struct TestLog {
    inner: MemoryLog,
    mode: Mutex<Mode>,
    held: Mutex<Vec<Answer>>,
    batches: Mutex<usize>,
    readable: watch::Sender<bool>,
}

impl TestLog {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            inner: MemoryLog::default(),
            mode: Mutex::new(Mode::Pass),
            held: Mutex::default(),
            batches: Mutex::default(),
            readable: watch::Sender::new(true),
        })
    }

    fn set(&self, mode: Mode) {
        *self.mode.lock().unwrap() = mode;
    }

    fn let_go(&self) {
        for (reply, result) in self.held.lock().unwrap().drain(..) {
            let _ = reply.send(result);
        }
    }

    fn batches(&self) -> usize {
        *self.batches.lock().unwrap()
    }
}

impl PartitionLog for TestLog {
    fn delete_records(&self, before: DeleteBefore) -> oneshot::Receiver<Result<i64, DeleteError>> {
        self.inner.delete_records(before)
    }

    fn append(&self, batch: Produced) -> oneshot::Receiver<Result<Written, AppendError>> {
        *self.batches.lock().unwrap() += 1;
        let (reply, answer) = oneshot::channel();
        match *self.mode.lock().unwrap() {
            Mode::Pass => return self.inner.append(batch),
            Mode::Hold => {
                // The log in memory answers at once.
                let written = self.inner.append(batch).try_recv().unwrap();
                self.held.lock().unwrap().push((reply, written));
            }
            Mode::Fail => {
                let _ = reply.send(Err(AppendError::DiskFull));
            }
        }
        answer
    }

    fn ready(&self) -> BoxFuture<'_, Result<(), ReadError>> {
        Box::pin(async {
            let mut readable = self.readable.subscribe();
            let _ = readable.wait_for(|readable| *readable).await;
            Ok(())
        })
    }

    fn offsets(&self) -> Result<Offsets, ReadError> {
        self.inner.offsets()
    }

    /// Heads and bodies of batches apart, as the newest ones come from memory.
    fn read(&self, offset: i64, limits: ReadLimits) -> BoxFuture<'_, Result<Slices, ReadError>> {
        Box::pin(async move {
            let mut apart = Slices::default();
            for mut slice in self.inner.read(offset, limits).await?.list {
                apart.push(slice.split_to(HEADER_LEN.min(slice.len())));
                apart.push(slice);
            }
            Ok(apart)
        })
    }

    fn offset_for_timestamp(&self, ms: i64) -> BoxFuture<'_, Result<Option<TimestampedOffset>, ReadError>> {
        self.inner.offset_for_timestamp(ms)
    }

    fn max_timestamp(&self) -> BoxFuture<'_, Result<Option<TimestampedOffset>, ReadError>> {
        self.inner.max_timestamp()
    }

    fn epoch_of(&self, offset: i64) -> Option<i32> {
        self.inner.epoch_of(offset)
    }

    fn end_of_epoch(&self, epoch: i32) -> Result<EpochEnd, ReadError> {
        self.inner.end_of_epoch(epoch)
    }

    fn producers(&self) -> BoxFuture<'_, Result<Vec<ActiveProducer>, ReadError>> {
        self.inner.producers()
    }

    fn watchers(&self) -> &Watchers {
        self.inner.watchers()
    }
}

struct Ignore;

impl<M> Observe<M> for Ignore {
    fn loaded(&self, _index: i32, _time: Duration, _replayed: Replayed) {}
    fn changed(&mut self, _machine: &M, _records: u64) {}
    fn unloaded(&mut self) {}
}

struct Running {
    client: ShardClient<Map>,
    stopping: watch::Sender<bool>,
    task: tokio::task::JoinHandle<()>,
}

fn start(log: &Arc<TestLog>, codec: Codec) -> Running {
    let stopping = watch::Sender::new(false);
    let (shard, client) = Shard::new(ShardStart {
        index: 0,
        log: Arc::clone(log) as Arc<dyn PartitionLog>,
        leader_epoch: 3,
        codec,
        commit_timeout: Duration::from_secs(5),
        clock: Arc::new(TestClock(Instant::now())),
        make: Box::new(Map::default),
        configure: Box::new(|_| {}),
        observe: Box::new(Ignore),
        stopping: stopping.subscribe(),
    });
    Running { client, stopping, task: tokio::spawn(shard.run()) }
}

impl Running {
    async fn put(&self, key: &'static str, value: &str) -> Result<Told, Refused> {
        self.client.ask(Question::Put(key, value.into())).await
    }

    async fn get(&self, key: &'static str) -> Result<Told, Refused> {
        self.client.ask(Question::Get(key)).await
    }

    fn later(&self, question: Question) -> tokio::task::JoinHandle<Result<Told, Refused>> {
        let client = self.client.clone();
        tokio::spawn(async move { client.ask(question).await })
    }
}

fn value(text: &str) -> Result<Told, Refused> {
    Ok(Told::Value(Some(text.into())))
}

/// Lets every other task run until it waits.
async fn settle() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn answers_leave_in_order_when_their_records_are_committed() {
    let log = TestLog::new();
    let shard = start(&log, Codec::None);
    assert!(shard.client.ready().await);
    log.set(Mode::Hold);
    let put = shard.later(Question::Put("a", b"1".to_vec()));
    settle().await;
    let get = shard.later(Question::Get("a"));
    settle().await;
    assert!(!put.is_finished() && !get.is_finished(), "what is not durable is not told");
    log.let_go();
    assert_eq!(put.await.unwrap(), Ok(Told::Done));
    assert_eq!(get.await.unwrap(), value("1"));
    assert_eq!(shard.get("b").await, Ok(Told::Value(None)));
}

#[tokio::test]
async fn nobody_is_answered_from_half_a_machine() {
    for codec in Codec::ALL {
        let log = TestLog::new();
        let shard = start(&log, codec);
        for number in 0..200 {
            shard.client.ready().await;
            assert_eq!(shard.put("a", &number.to_string()).await, Ok(Told::Done));
        }
        log.readable.send_replace(false);
        let next = start(&log, codec);
        settle().await;
        assert_eq!(next.get("a").await, Err(Refused::Loading));
        log.readable.send_replace(true);
        assert!(next.client.ready().await);
        assert_eq!(next.get("a").await, value("199"));
    }
}

#[tokio::test]
async fn a_failed_append_leaves_what_is_in_the_log() {
    let log = TestLog::new();
    let shard = start(&log, Codec::None);
    shard.client.ready().await;
    shard.put("a", "1").await.unwrap();
    let parked = shard.later(Question::Park(60_000));
    settle().await;
    log.set(Mode::Fail);
    assert_eq!(shard.put("a", "2").await, Err(Refused::NotHere));
    assert_eq!(parked.await.unwrap(), Ok(Told::Unloaded(ErrorCode::NotCoordinator)));
    log.set(Mode::Pass);
    while shard.get("a").await == Err(Refused::Loading) {}
    assert_eq!(shard.get("a").await, value("1"));
    assert_eq!(shard.put("a", "3").await, Ok(Told::Done));
    assert_eq!(shard.get("a").await, value("3"));
}

#[tokio::test]
async fn what_was_decided_behind_a_failed_append_is_not_acknowledged() {
    let log = TestLog::new();
    let shard = start(&log, Codec::None);
    shard.client.ready().await;
    log.set(Mode::Hold);
    let first = shard.later(Question::Put("a", b"1".to_vec()));
    settle().await;
    let second = shard.later(Question::Put("a", b"2".to_vec()));
    settle().await;
    let third = shard.later(Question::Get("a"));
    settle().await;
    {
        let mut held = log.held.lock().unwrap();
        assert_eq!(held.len(), 2);
        held[0].1 = Err(AppendError::Storage("gone".to_owned()));
    }
    log.let_go();
    for answer in [first, second, third] {
        assert_eq!(answer.await.unwrap(), Err(Refused::NotHere));
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_due_is_done_without_being_asked() {
    let log = TestLog::new();
    let shard = start(&log, Codec::None);
    shard.client.ready().await;
    let began = Instant::now();
    let (slow, fast) = (shard.later(Question::Park(3_000)), shard.later(Question::Park(1_000)));
    assert_eq!(fast.await.unwrap(), Ok(Told::Expired));
    assert!(!slow.is_finished());
    assert_eq!(slow.await.unwrap(), Ok(Told::Expired));
    assert_eq!(began.elapsed().as_secs(), 3);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_waits_too_long_is_given_up_and_its_record_stands() {
    let log = TestLog::new();
    let shard = start(&log, Codec::None);
    shard.client.ready().await;
    log.set(Mode::Hold);
    assert_eq!(shard.put("a", "1").await, Err(Refused::TimedOut));
    log.let_go();
    log.set(Mode::Pass);
    assert_eq!(shard.get("a").await, value("1"));
}

#[tokio::test]
async fn a_storm_of_requests_is_few_batches() {
    let log = TestLog::new();
    let shard = start(&log, Codec::None);
    shard.client.ready().await;
    let asked: Vec<_> = (0..500).map(|_| shard.later(Question::Put("a", vec![7; 100]))).collect();
    for answer in asked {
        assert_eq!(answer.await.unwrap(), Ok(Told::Done));
    }
    assert!(log.batches() <= 50, "{} batches", log.batches());
}

#[tokio::test]
async fn records_beyond_a_batch_are_split_and_a_decision_beyond_all_bounds_is_refused() {
    let log = TestLog::new();
    let shard = start(&log, Codec::None);
    shard.client.ready().await;
    let asked: Vec<_> = (0..5).map(|_| shard.later(Question::Put("big", vec![7; BATCH_BYTES]))).collect();
    for answer in asked {
        assert_eq!(answer.await.unwrap(), Ok(Told::Done));
    }
    assert_eq!(log.batches(), 5);
    let huge = Question::Put("huge", vec![7; DECISION_BYTES_MAX]);
    assert_eq!(shard.client.ask(huge).await, Err(Refused::TooLarge));
    while shard.get("huge").await == Err(Refused::Loading) {}
    assert_eq!(shard.get("huge").await, Ok(Told::Value(None)));
}

#[tokio::test]
async fn a_stop_answers_everybody_and_waits_for_what_is_on_its_way() {
    let log = TestLog::new();
    let shard = start(&log, Codec::None);
    shard.client.ready().await;
    let parked = shard.later(Question::Park(60_000));
    settle().await;
    log.set(Mode::Hold);
    let put = shard.later(Question::Put("a", b"1".to_vec()));
    settle().await;
    shard.stopping.send_replace(true);
    assert_eq!(parked.await.unwrap(), Ok(Told::Unloaded(ErrorCode::NotCoordinator)));
    assert!(!put.is_finished());
    log.let_go();
    assert_eq!(put.await.unwrap(), Ok(Told::Done));
    shard.task.await.unwrap();
    assert_eq!(shard.client.ask(Question::Get("a")).await, Err(Refused::NotHere));
}

#[tokio::test]
async fn a_shard_ends_with_its_last_client_and_forgets_who_asked_and_left() {
    let log = TestLog::new();
    let shard = start(&log, Codec::None);
    shard.client.ready().await;
    let parked = shard.later(Question::Park(60_000));
    settle().await;
    parked.abort();
    shard.put("a", "1").await.unwrap();
    drop(shard.client);
    let _ = parked.await;
    shard.task.await.unwrap();
}
