//! What one request costs its client.
//!
//! A charge goes along with its request: handlers say what it did, the connection how long it held a thread. The answer
//! asks once how long the client shall wait ([`Charge::settle`]); what happens afterwards is counted and not waited for.

use super::Quotas;
use ottla_state::controller::{Mutations, Refusal};
use ottla_state::quota::Key;
use ottla_wire::ErrorCode;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

/// What becomes of a client that changes more partitions than it may (KIP-599).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strictness {
    /// It is refused.
    Strict,
    /// It may, and waits afterwards: an older client would not understand the refusal.
    Permissive,
}

#[derive(Debug)]
pub struct Charge {
    quotas: Arc<Quotas>,
    client_id: Box<str>,
    account: Mutex<Account>,
}

#[derive(Debug)]
struct Account {
    /// How long it held a thread, up to when it was there last.
    spent: Duration,
    /// When it came to a thread; `None`: it is not on any.
    began: Option<Duration>,
    /// The longest wait so far, and what for.
    wait: Option<(Key, i64)>,
    time_is_counted: bool,
}

impl Charge {
    pub(super) fn new(quotas: Arc<Quotas>, client_id: &str) -> Self {
        let began = Some(quotas.clock.monotonic());
        let account = Account { spent: Duration::ZERO, began, wait: None, time_is_counted: false };
        Self { quotas, client_id: client_id.into(), account: Mutex::new(account) }
    }

    fn account(&self) -> MutexGuard<'_, Account> {
        self.account.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The request leaves its thread.
    pub fn pause(&self) {
        let now = self.quotas.clock.monotonic();
        let mut account = self.account();
        if let Some(began) = account.began.take() {
            account.spent += now.saturating_sub(began);
        }
    }

    /// Measures how long a future holds its thread, waiting apart.
    pub async fn timed<T>(&self, future: impl Future<Output = T>) -> T {
        let mut future = pin!(future);
        std::future::poll_fn(|task| {
            self.account().began = Some(self.quotas.clock.monotonic());
            let polled: Poll<T> = future.as_mut().poll(task);
            self.pause();
            polled
        })
        .await
    }

    /// A request to write was answered; its size is that of the frame.
    pub fn produced(&self, bytes: usize) {
        let wait_ms = self.quotas.spend(Key::ProducerByteRate, &self.client_id, bytes as f64).wait_ms;
        self.account().wait_for(Key::ProducerByteRate, wait_ms);
    }

    /// The most bytes of records that an answer may have.
    pub fn fetch_max(&self) -> usize {
        // A float that is too large becomes the largest.
        self.quotas.fetch_max(&self.client_id).map_or(usize::MAX, |bytes| bytes as usize)
    }

    /// Records were found. True: they are too many, or the client has to wait anyhow, and is sent none of them.
    ///
    /// A batch that is larger than the limit allows in a whole window would never be sent, as it never is by Kafka: it
    /// comes when nothing came before it, and is waited for afterwards.
    pub fn fetched(&self, bytes: usize) -> bool {
        self.count_time();
        let spent = self.quotas.spend(Key::ConsumerByteRate, &self.client_id, bytes as f64);
        let is_over = {
            let mut account = self.account();
            let waits_anyhow = account.wait.is_some();
            account.wait_for(Key::ConsumerByteRate, spent.wait_ms);
            waits_anyhow || spent.wait_ms > 0 && !spent.is_first
        };
        if is_over {
            self.quotas.correct(Key::ConsumerByteRate, &self.client_id, -(bytes as f64));
        }
        is_over
    }

    /// What the request may change of partitions.
    pub fn mutations(self: &Arc<Self>, strictness: Strictness) -> Arc<dyn Mutations> {
        Arc::new(Changes { charge: Arc::clone(self), strictness })
    }

    /// Ends what the client waits for, and tells how long, in milliseconds. Every time the same.
    pub fn settle(&self) -> i32 {
        self.count_time();
        self.wait_ms()
    }

    /// How long the client waits for what is settled.
    pub fn wait(&self) -> Duration {
        let ms = self.wait_ms();
        let longest = self.account().wait;
        if let Some((key, _)) = longest {
            self.quotas.metrics.throttled(key.name(), i64::from(ms));
        }
        Duration::from_millis(ms.unsigned_abs().into())
    }

    fn wait_ms(&self) -> i32 {
        let account = self.account();
        let wait_ms = match account.wait {
            None => 0,
            Some((_, wait_ms)) => wait_ms,
        };
        i32::try_from(wait_ms).unwrap_or(i32::MAX)
    }

    /// Counts the time of threads up to now, once; from then on nobody waits for it.
    fn count_time(&self) {
        let now = self.quotas.clock.monotonic();
        let spent = {
            let mut account = self.account();
            if std::mem::replace(&mut account.time_is_counted, true) {
                return;
            }
            let running = account.began.map_or(Duration::ZERO, |began| now.saturating_sub(began));
            // What follows is counted when the answer was sent.
            account.began = account.began.map(|_| now);
            std::mem::take(&mut account.spent) + running
        };
        let wait_ms = self.quotas.spend(Key::RequestPercentage, &self.client_id, percent(spent)).wait_ms;
        let longest = self.quotas.windows.clients.sample_ms;
        self.account().wait_for(Key::RequestPercentage, wait_ms.min(longest));
    }

    /// The answer was sent: what that took is counted, and nobody waits for it.
    pub fn sent(&self) {
        let spent = std::mem::take(&mut self.account().spent);
        self.quotas.correct(Key::RequestPercentage, &self.client_id, percent(spent));
    }
}

/// Of one thread, in a second.
fn percent(time: Duration) -> f64 {
    time.as_secs_f64() * 100.0
}

impl Account {
    fn wait_for(&mut self, key: Key, wait_ms: i64) {
        if wait_ms > 0 && self.wait.is_none_or(|(_, longest)| wait_ms > longest) {
            self.wait = Some((key, wait_ms));
        }
    }
}

#[derive(Debug)]
struct Changes {
    charge: Arc<Charge>,
    strictness: Strictness,
}

impl Mutations for Changes {
    fn take(&self, partitions: usize) -> Result<(), Refusal> {
        let Charge { quotas, client_id, .. } = self.charge.as_ref();
        let changed = quotas.change(client_id, partitions, self.strictness);
        let (Ok(wait_ms) | Err(wait_ms)) = changed;
        self.charge.account().wait_for(Key::ControllerMutationRate, wait_ms);
        changed.map(drop).map_err(|wait_ms| {
            let key = Key::ControllerMutationRate.name();
            let message =
                format!("the client changes more partitions than its quota {key} allows; wait {wait_ms} ms");
            Refusal::new(ErrorCode::ThrottlingQuotaExceeded, message)
        })
    }
}
