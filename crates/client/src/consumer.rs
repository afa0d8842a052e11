//! The consumer without a group: partitions are assigned by hand, with the place to start from.
//!
//! [`Consumer::assign`] turns places ("the end", "ten before the end", "from this time on") into offsets; a task
//! (`fetcher`) reads ahead of the caller within a bound, and [`Consumer::next`] decodes one batch at a time, so that
//! decoding runs beside fetching. Records of a partition come in the order of their offsets; partitions are interleaved.
//! Each time a partition is started, moved or resumed it gets a new *turn*; what was read ahead in an older turn is
//! dropped, so that nothing of before a [`Consumer::seek`] comes after it.

mod aborted;
mod assignment;
mod decode;
mod fetcher;
mod request;

pub use assignment::{Assignment, Start};

use crate::admin::PartitionKey;
use crate::cluster::Cluster;
use crate::errors::ClientError;
use decode::Undecoded;
use fetcher::{Fetched, Fetcher, Wanted};
use ottla_wire::batch::TimestampType;
use ottla_wire::record::Record;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

/// Which records of transactions are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Isolation {
    #[default]
    ReadUncommitted,
    /// Neither open nor aborted ones.
    ReadCommitted,
}

impl Isolation {
    pub(crate) fn to_wire(self) -> i8 {
        match self {
            Self::ReadUncommitted => 0,
            Self::ReadCommitted => 1,
        }
    }
}

/// Where to go on when the log no longer (or not yet) has the offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OffsetReset {
    #[default]
    Earliest,
    Latest,
    /// [`ClientError::OffsetOutOfRange`].
    Fail,
}

#[derive(Debug, Clone)]
pub struct ConsumerConfig {
    pub isolation: Isolation,
    /// `auto.offset.reset`
    pub offset_reset: OffsetReset,
    /// `fetch.min.bytes`
    pub fetch_min_bytes: i32,
    /// `fetch.max.bytes`: of one answer. At most three answers per broker are held at a time.
    pub fetch_max_bytes: i32,
    /// `max.partition.fetch.bytes`
    pub partition_max_bytes: i32,
    /// `fetch.max.wait.ms`: how long a broker waits for new records before it answers with none.
    pub fetch_max_wait: Duration,
    /// How long a partition may fail before the error is told. Kafka's `default.api.timeout.ms`.
    pub failing_max: Duration,
    /// `check.crcs`
    pub check_crcs: bool,
    /// Bytes that one compressed batch may grow to.
    pub decompressed_bytes_max: usize,
}

impl Default for ConsumerConfig {
    fn default() -> Self {
        Self {
            isolation: Isolation::default(),
            offset_reset: OffsetReset::default(),
            fetch_min_bytes: 1,
            fetch_max_bytes: 16 << 20,
            partition_max_bytes: 1 << 20,
            fetch_max_wait: Duration::from_millis(500),
            failing_max: Duration::from_secs(60),
            check_crcs: true,
            decompressed_bytes_max: 256 << 20,
        }
    }
}

/// The records of one batch as it stood in the log, those before the position left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchedBatch {
    pub topic: Arc<str>,
    pub partition: i32,
    /// Node id of the broker that answered.
    pub broker: i32,
    pub timestamp_type: TimestampType,
    /// Of the leader that took the batch.
    pub leader_epoch: i32,
    /// May be empty: a control batch, or an aborted one, only moves the position.
    pub records: Vec<Record>,
    /// The offset behind the batch.
    pub next_offset: i64,
    /// End of the partition when it was read.
    pub high_watermark: i64,
}

/// Dropping it ends its task and closes its connections.
#[derive(Debug)]
pub struct Consumer {
    cluster: Arc<Cluster>,
    config: Arc<ConsumerConfig>,
    positions: BTreeMap<PartitionKey, Position>,
    turns: u64,
    running: Option<Running>,
    /// What was fetched and not yet decoded.
    undecoded: Option<Undecoded>,
    /// Of each partition when it was last read.
    high_watermarks: BTreeMap<PartitionKey, i64>,
}

#[derive(Debug)]
struct Position {
    /// Of the next record.
    offset: i64,
    is_paused: bool,
    turn: u64,
}

#[derive(Debug)]
struct Running {
    wanted: watch::Sender<Wanted>,
    fetched: mpsc::Receiver<Result<Fetched, ClientError>>,
    task: JoinHandle<()>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Answers that wait to be decoded.
const FETCHED_AHEAD: usize = 1;

impl Consumer {
    pub(crate) fn new(cluster: Arc<Cluster>, config: ConsumerConfig) -> Self {
        Self {
            cluster,
            config: Arc::new(config),
            positions: BTreeMap::new(),
            turns: 0,
            running: None,
            undecoded: None,
            high_watermarks: BTreeMap::new(),
        }
    }

    /// Reads these partitions from now on and no others. Resolves each start to an offset first.
    pub async fn assign(&mut self, assignments: &[Assignment]) -> Result<(), ClientError> {
        self.running = None;
        self.undecoded = None;
        let offsets = assignment::resolve(&self.cluster, assignments, self.config.isolation).await?;
        self.positions.clear();
        self.high_watermarks.clear();
        self.add(offsets);
        Ok(())
    }

    /// Reads these partitions too, each from its offset on.
    pub(crate) fn add(&mut self, offsets: impl IntoIterator<Item = (PartitionKey, i64)>) {
        for (key, offset) in offsets {
            self.turns += 1;
            self.positions.insert(key, Position { offset, is_paused: false, turn: self.turns });
        }
        self.want();
    }

    /// Reads these partitions no more; nothing of them comes any more.
    pub(crate) fn remove<'a>(&mut self, keys: impl IntoIterator<Item = &'a PartitionKey>) {
        for key in keys {
            self.positions.remove(key);
            self.high_watermarks.remove(key);
        }
        self.want();
    }

    /// Goes on at this offset. Whether the log has it is found out by reading.
    pub fn seek(&mut self, topic: &str, partition: i32, offset: i64) -> Result<(), ClientError> {
        self.turns += 1;
        let turn = self.turns;
        let position = self.position_mut(topic, partition)?;
        (position.offset, position.turn) = (offset, turn);
        self.want();
        Ok(())
    }

    /// Keeps the partition and its position, and reads nothing of it until [`Consumer::resume`].
    pub fn pause(&mut self, topic: &str, partition: i32) -> Result<(), ClientError> {
        self.position_mut(topic, partition)?.is_paused = true;
        self.want();
        Ok(())
    }

    pub fn resume(&mut self, topic: &str, partition: i32) -> Result<(), ClientError> {
        self.turns += 1;
        let turn = self.turns;
        let position = self.position_mut(topic, partition)?;
        if position.is_paused {
            (position.is_paused, position.turn) = (false, turn);
            self.want();
        }
        Ok(())
    }

    pub fn is_paused(&self, topic: &str, partition: i32) -> bool {
        let key = PartitionKey { topic: topic.to_owned(), partition };
        self.positions.get(&key).is_some_and(|position| position.is_paused)
    }

    fn position_mut(&mut self, topic: &str, partition: i32) -> Result<&mut Position, ClientError> {
        let key = PartitionKey { topic: topic.to_owned(), partition };
        self.positions.get_mut(&key).ok_or(ClientError::NotAssigned { topic: key.topic, partition })
    }

    /// Tells the task what is to be read now, and drops what is being decoded if it is not part of that.
    fn want(&mut self) {
        if let Some(undecoded) = &self.undecoded
            && !self.is_current(undecoded.key(), undecoded.turn())
        {
            self.undecoded = None;
        }
        if let Some(running) = &self.running {
            running.wanted.send_replace(self.wanted());
        }
    }

    fn wanted(&self) -> Wanted {
        let read = self.positions.iter().filter(|(_, position)| !position.is_paused);
        read.map(|(key, position)| (key.clone(), (position.offset, position.turn))).collect()
    }

    fn is_current(&self, key: &PartitionKey, turn: u64) -> bool {
        self.positions.get(key).is_some_and(|position| position.turn == turn && !position.is_paused)
    }

    /// The next batch, as soon as there is one. Waits for ever when nothing is written and fails when a partition cannot be
    /// read for `failing_max`, or never will. Cancel-safe.
    pub async fn next(&mut self) -> Result<FetchedBatch, ClientError> {
        loop {
            if let Some(mut undecoded) = self.undecoded.take() {
                match undecoded.next(&self.config) {
                    None => {}
                    Some(Ok(batch)) => {
                        self.undecoded = Some(undecoded);
                        self.moved(&batch);
                        return Ok(batch);
                    }
                    Some(Err(error)) => {
                        // The task has read on: it starts again at the position, so that nothing is skipped in silence.
                        self.running = None;
                        return Err(error);
                    }
                }
            }
            let fetched = match self.running().fetched.recv().await {
                Some(Ok(fetched)) => fetched,
                Some(Err(error)) => {
                    self.running = None;
                    return Err(error);
                }
                None => {
                    self.running = None;
                    return Err(ClientError::Closed);
                }
            };
            if !self.is_current(&fetched.key, fetched.turn) {
                continue;
            }
            self.high_watermarks.insert(fetched.key.clone(), fetched.high_watermark);
            self.undecoded = Some(Undecoded::new(fetched));
        }
    }

    fn moved(&mut self, batch: &FetchedBatch) {
        let key = PartitionKey { topic: batch.topic.to_string(), partition: batch.partition };
        if let Some(position) = self.positions.get_mut(&key) {
            position.offset = batch.next_offset;
        }
    }

    /// Starts the task where none runs. Without any partition it only waits.
    fn running(&mut self) -> &mut Running {
        let wanted = self.wanted();
        self.running.get_or_insert_with(|| {
            let (sender, fetched) = mpsc::channel(FETCHED_AHEAD);
            let (wanted, to_read) = watch::channel(wanted);
            let cluster = Arc::clone(&self.cluster);
            let fetcher = Fetcher::new(cluster, Arc::clone(&self.config), to_read, sender);
            Running { wanted, fetched, task: tokio::spawn(fetcher.run()) }
        })
    }

    /// The offset of the next record that [`Consumer::next`] will give.
    pub fn position(&self, topic: &str, partition: i32) -> Option<i64> {
        let key = PartitionKey { topic: topic.to_owned(), partition };
        self.positions.get(&key).map(|position| position.offset)
    }

    /// The end of the partition when it was last read.
    pub fn high_watermark(&self, topic: &str, partition: i32) -> Option<i64> {
        self.high_watermarks.get(&PartitionKey { topic: topic.to_owned(), partition }).copied()
    }

    /// What is assigned, in order of topic and partition, each with its position.
    pub fn assignment(&self) -> impl Iterator<Item = (&PartitionKey, i64)> {
        self.positions.iter().map(|(key, position)| (key, position.offset))
    }
}

#[cfg(test)]
mod tests;
