//! A partition's log on this broker's disk, as everybody but its writer sees it.

use super::error::{AppendError, DeleteError, ReadError};
use super::partition_log::{
    ActiveProducer, DeleteBefore, EpochEnd, Offsets, PartitionLog, Produced, ReadLimits, Slices,
    TimestampedOffset, Written,
};
use super::pool::{Class, Pool};
use super::purgatory::Watchers;
use super::tail_cache::Tail;
use super::writer::Message;
use crate::metrics::StorageMetrics;
use crate::settings::TopicConfig;
use arc_swap::ArcSwap;
use crossbeam_channel::Sender;
use ottla_env::net::BoxFuture;
use ottla_log::checkpoint::LogKey;
use ottla_log::{LogPlace, LogReader};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use tokio::sync::{oneshot, watch};

/// How far the opening of the log is.
#[derive(Debug, Clone)]
pub(super) enum Openness {
    Unopened,
    Open(LogReader),
    /// It could not be opened; for the next one who asks that is tried again.
    NotOpened(String),
    /// It cannot be used until the broker starts again.
    Failed(String),
    Deleted,
    Stopping,
}

#[derive(Debug)]
pub(super) struct LocalLog {
    pub key: LogKey,
    pub place: LogPlace,
    config: ArcSwap<TopicConfig>,
    pub tail: Tail,
    pub openness: watch::Sender<Openness>,
    writer: Sender<Message>,
    readers: Pool,
    metrics: StorageMetrics,
    high_watermark: AtomicI64,
    watchers: Watchers,
}

impl LocalLog {
    pub fn new(
        key: LogKey,
        place: LogPlace,
        config: TopicConfig,
        tail: Tail,
        writer: Sender<Message>,
        readers: Pool,
        metrics: StorageMetrics,
    ) -> Self {
        Self {
            key,
            place,
            config: ArcSwap::from_pointee(config),
            tail,
            openness: watch::Sender::new(Openness::Unopened),
            writer,
            readers,
            metrics,
            high_watermark: AtomicI64::new(0),
            watchers: Watchers::default(),
        }
    }

    /// The settings in force.
    pub fn config(&self) -> Arc<TopicConfig> {
        self.config.load_full()
    }

    /// The settings are others from now on; the writer takes its part of them from here.
    pub fn configure(&self, config: TopicConfig) {
        self.config.store(Arc::new(config));
        let _ = self.writer.send(Message::Configure(self.key));
    }

    /// The high watermark only ever grows.
    pub fn advance(&self, high_watermark: i64) {
        if self.high_watermark.fetch_max(high_watermark, Ordering::AcqRel) < high_watermark {
            self.watchers.wake();
        }
    }

    pub fn high_watermark(&self) -> i64 {
        self.high_watermark.load(Ordering::Acquire)
    }

    /// Segments of a log that is open, and their bytes.
    pub fn extent(&self) -> Option<(usize, u64)> {
        self.reader().ok().map(|reader| (reader.segment_count(), reader.size()))
    }

    /// It failed, could not be opened the last time, or is damaged from somewhere on.
    pub fn is_offline(&self) -> bool {
        match &*self.openness.borrow() {
            Openness::Open(reader) => reader.is_damaged(),
            openness => matches!(openness, Openness::Failed(_) | Openness::NotOpened(_)),
        }
    }

    /// The log is open, failed or gone; everybody who waits looks again.
    pub fn set_openness(&self, openness: Openness) {
        self.openness.send_replace(openness);
        self.watchers.wake();
    }

    fn reader(&self) -> Result<LogReader, ReadError> {
        match &*self.openness.borrow() {
            Openness::Open(reader) => Ok(reader.clone()),
            Openness::Unopened => Err(ReadError::Storage("the log is not open yet".to_owned())),
            other => Err(closed(other)),
        }
    }

    /// Runs a read where it may wait for the disk.
    async fn hop<T: Send + 'static>(
        &self,
        read: impl FnOnce(&LogReader) -> Result<T, ottla_log::ReadError> + Send + 'static,
    ) -> Result<T, ReadError> {
        let reader = self.reader()?;
        let (reply, answer) = oneshot::channel();
        self.readers.submit(Class::Urgent, move || {
            let _ = reply.send(read(&reader));
        });
        answer.await.map_err(|_| ReadError::Stopping)?.map_err(read_error)
    }
}

fn closed(openness: &Openness) -> ReadError {
    match openness {
        Openness::Deleted => ReadError::Deleted,
        Openness::NotOpened(why) | Openness::Failed(why) => ReadError::Storage(why.clone()),
        _ => ReadError::Stopping,
    }
}

fn read_error(error: ottla_log::ReadError) -> ReadError {
    match error {
        ottla_log::ReadError::OutOfRange { offset, start, end } => {
            ReadError::OutOfRange { offset, start, end }
        }
        other => {
            tracing::error!(error = %other, "a read failed");
            ReadError::Storage(other.to_string())
        }
    }
}

/// A planted bug: every other batch is held back until the next one is in the queue.
#[cfg(feature = "controls")]
fn overtake(log: &LocalLog, message: Message) {
    static HELD: std::sync::Mutex<Option<Message>> = std::sync::Mutex::new(None);
    let mut held = HELD.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    match held.take() {
        None => *held = Some(message),
        Some(first) => {
            let _ = log.writer.send(message);
            let _ = log.writer.send(first);
        }
    }
}

impl PartitionLog for Arc<LocalLog> {
    fn append(&self, batch: Produced) -> oneshot::Receiver<Result<Written, AppendError>> {
        let (reply, answer) = oneshot::channel();
        let message = Message::Append { log: Arc::clone(self), batch, reply };
        #[cfg(feature = "controls")]
        if super::controls::active(super::controls::Control::Overtaken) {
            overtake(self, message);
            return answer;
        }
        // Without a loop to take it the reply is dropped, and the caller learns that the log is gone.
        let _ = self.writer.send(message);
        answer
    }

    fn delete_records(&self, before: DeleteBefore) -> oneshot::Receiver<Result<i64, DeleteError>> {
        let (reply, answer) = oneshot::channel();
        let _ = self.writer.send(Message::DeleteRecords { log: Arc::clone(self), before, reply });
        answer
    }

    fn ready(&self) -> BoxFuture<'_, Result<(), ReadError>> {
        Box::pin(async move {
            self.openness.send_if_modified(|openness| {
                let again = matches!(openness, Openness::NotOpened(_));
                if again {
                    *openness = Openness::Unopened;
                }
                again
            });
            let mut openness = self.openness.subscribe();
            if matches!(*openness.borrow_and_update(), Openness::Unopened) {
                let _ = self.writer.send(Message::Open(Arc::clone(self)));
            }
            let found = openness.wait_for(|state| !matches!(state, Openness::Unopened)).await;
            match found.as_deref() {
                Ok(Openness::Open(_)) => Ok(()),
                Ok(other) => Err(closed(other)),
                Err(_) => Err(ReadError::Stopping),
            }
        })
    }

    fn offsets(&self) -> Result<Offsets, ReadError> {
        let reader = self.reader()?;
        Ok(Offsets {
            log_start: reader.start_offset(),
            high_watermark: self.high_watermark(),
            log_end: reader.end_offset(),
        })
    }

    fn read(&self, offset: i64, limits: ReadLimits) -> BoxFuture<'_, Result<Slices, ReadError>> {
        Box::pin(async move {
            let Offsets { log_start, high_watermark, log_end } = self.offsets()?;
            if offset < log_start || offset > log_end {
                return Err(ReadError::OutOfRange { offset, start: log_start, end: log_end });
            }
            if offset >= high_watermark {
                return Ok(Slices::default());
            }
            if let Some(slices) = self.tail.read(offset, high_watermark, limits) {
                self.metrics.tail_cache_hits.inc();
                return Ok(slices);
            }
            self.metrics.tail_cache_misses.inc();
            let limits = ottla_log::ReadLimits {
                max_bytes: limits.max_bytes,
                first_max_bytes: limits.first_max_bytes,
                upto: high_watermark,
            };
            let read = move |reader: &LogReader| match reader.read(offset, limits) {
                Err(ottla_log::ReadError::OverLimit { batch_bytes }) => Ok(Slices::over_limit(batch_bytes)),
                other => other.map(Slices::from),
            };
            self.hop(read).await
        })
    }

    fn offset_for_timestamp(&self, ms: i64) -> BoxFuture<'_, Result<Option<TimestampedOffset>, ReadError>> {
        let upto = self.high_watermark();
        Box::pin(self.hop(move |reader| reader.offset_for_timestamp(ms, upto)))
    }

    fn max_timestamp(&self) -> BoxFuture<'_, Result<Option<TimestampedOffset>, ReadError>> {
        let upto = self.high_watermark();
        Box::pin(self.hop(move |reader| reader.max_timestamp(upto)))
    }

    fn epoch_of(&self, offset: i64) -> Option<i32> {
        self.reader().ok()?.epoch_of(offset)
    }

    fn end_of_epoch(&self, epoch: i32) -> Result<EpochEnd, ReadError> {
        let high_watermark = self.high_watermark();
        let end = self.reader()?.end_of_epoch(epoch, high_watermark);
        Ok(EpochEnd { end_offset: end.end_offset.min(high_watermark), ..end })
    }

    fn producers(&self) -> BoxFuture<'_, Result<Vec<ActiveProducer>, ReadError>> {
        Box::pin(async move {
            let (reply, answer) = oneshot::channel();
            let _ = self.writer.send(Message::Producers { key: self.key, reply });
            // Without an answer the log is not open any more, and says why.
            match answer.await {
                Ok(producers) => Ok(producers),
                Err(_) => Err(self.reader().err().unwrap_or(ReadError::Stopping)),
            }
        })
    }

    fn watchers(&self) -> &Watchers {
        &self.watchers
    }
}
