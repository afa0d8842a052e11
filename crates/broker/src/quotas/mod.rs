//! Quotas at work: what every client did, and how long it has to wait for it (KIP-13, KIP-124, KIP-219, KIP-599, KIP-612).
//!
//! While nobody is limited a request costs one relaxed load here. A request that may be limited has a [`Charge`], which
//! measures it; the answer says how long the client shall wait, and the connection takes nothing from it for that time.
//! The waits follow Kafka's: bytes are worth what they are worth, however long that is; a wait for the time of threads
//! ends with one sample of the window.
//!
//! There are no users yet: everybody is [`ANONYMOUS`].

mod addresses;
mod charge;
mod sensors;

pub use addresses::Addresses;
pub use charge::{Charge, Strictness};

use crate::metrics::Metrics;
use arc_swap::ArcSwap;
use ottla_env::clock::Clock;
use ottla_state::Image;
use ottla_state::quota::{Applied, ClientQuotas, Key};
use ottla_state::rate::Window;
use sensors::{Sensors, Who};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// Kafka's name for whoever did not say who it is.
pub const ANONYMOUS: &str = "ANONYMOUS";

/// What rates are measured over.
#[derive(Debug, Clone, Copy)]
pub struct Windows {
    /// `quota.window.*`.
    pub clients: Window,
    /// `controller.quota.window.*`.
    pub mutations: Window,
}

#[derive(Debug)]
pub struct Quotas {
    /// A bit for each key in which somebody is limited.
    limited: AtomicU8,
    table: ArcSwap<ClientQuotas>,
    changed: watch::Sender<()>,
    sensors: Mutex<Sensors>,
    windows: Windows,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
}

impl Quotas {
    pub fn new(windows: Windows, clock: Arc<dyn Clock>, metrics: Arc<Metrics>) -> Self {
        Self {
            limited: AtomicU8::new(0),
            table: ArcSwap::default(),
            changed: watch::Sender::new(()),
            sensors: Mutex::default(),
            windows,
            clock,
            metrics,
        }
    }

    /// Takes over what an image says.
    pub fn on_image(&self, image: &Image) {
        let quotas = image.quotas();
        if Arc::ptr_eq(&self.table.load(), quotas) {
            return;
        }
        let limited = Key::ALL.into_iter().filter(|key| quotas.limits_any(*key)).map(bit).sum();
        self.table.store(Arc::clone(quotas));
        self.limited.store(limited, Ordering::Relaxed);
        self.changed.send_replace(());
    }

    /// Marked whenever there is another table.
    pub fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// The charge of a request; `None` while no client is limited in anything.
    pub fn charge(self: &Arc<Self>, client_id: Option<&str>) -> Option<Arc<Charge>> {
        let limited = self.limited.load(Ordering::Relaxed) & !bit(Key::ConnectionCreationRate);
        (limited != 0).then(|| Arc::new(Charge::new(Arc::clone(self), client_id.unwrap_or_default())))
    }

    /// The table, where an address is limited.
    pub fn of_addresses(&self) -> Option<Arc<ClientQuotas>> {
        let limited = self.limited.load(Ordering::Relaxed) & bit(Key::ConnectionCreationRate);
        (limited != 0).then(|| self.table.load_full())
    }

    /// Counts a connection of an address; how long it has to wait before it is closed, or nothing.
    pub fn connected(&self, address: IpAddr, limit: f64) -> i64 {
        let (window, now_ms) = (self.windows.clients, self.clock.now_ms());
        let who = Who::new(Key::ConnectionCreationRate, "", &address.to_canonical().to_string());
        let wait_ms = {
            let mut sensors = self.sensors();
            let rate = sensors.rate(who, window, now_ms);
            rate.record(window, 1.0, now_ms);
            let wait_ms = rate.throttle_ms(window, limit, now_ms).min(window.sample_ms);
            if wait_ms > 0 {
                // It does not become one.
                rate.record(window, -1.0, now_ms);
            }
            wait_ms
        };
        if wait_ms > 0 {
            self.metrics.throttled(Key::ConnectionCreationRate.name(), wait_ms);
        }
        wait_ms
    }

    /// Counts what a client did.
    fn spend(&self, key: Key, client_id: &str, amount: f64) -> Spent {
        let table = self.table.load();
        let Some(applied) = self.applied(&table, key, client_id) else { return Spent::default() };
        let (window, now_ms) = (self.windows.clients, self.clock.now_ms());
        let mut sensors = self.sensors();
        let rate = sensors.rate(Who::of(key, &applied), window, now_ms);
        let is_first = rate.per_second(window, now_ms) == 0.0;
        rate.record(window, amount, now_ms);
        Spent { wait_ms: rate.throttle_ms(window, applied.limit.get(), now_ms), is_first }
    }

    /// Takes back what was counted and then did not happen, or counts what nobody has to wait for.
    fn correct(&self, key: Key, client_id: &str, amount: f64) {
        let table = self.table.load();
        let Some(applied) = self.applied(&table, key, client_id) else { return };
        let (window, now_ms) = (self.windows.clients, self.clock.now_ms());
        self.sensors().rate(Who::of(key, &applied), window, now_ms).record(window, amount, now_ms);
    }

    /// Counts partitions that a client changes: `Err` when it may not change them now, `Ok` otherwise, with how long to
    /// wait then.
    fn change(&self, client_id: &str, partitions: usize, strictness: Strictness) -> Result<i64, i64> {
        let table = self.table.load();
        let key = Key::ControllerMutationRate;
        let Some(applied) = self.applied(&table, key, client_id) else { return Ok(0) };
        let (window, now_ms) = (self.windows.mutations, self.clock.now_ms());
        let limit = applied.limit.get();
        let mut sensors = self.sensors();
        let bucket = sensors.bucket(Who::of(key, &applied), limit, now_ms);
        let wait_ms = bucket.throttle_ms(window, limit, now_ms);
        if strictness == Strictness::Strict && wait_ms > 0 {
            return Err(wait_ms);
        }
        bucket.take(limit, partitions as f64, now_ms);
        match strictness {
            Strictness::Strict => Ok(0),
            Strictness::Permissive => Ok(bucket.throttle_ms(window, limit, now_ms)),
        }
    }

    /// How many bytes of records a client may be sent at once without waiting, if it was sent none before.
    fn fetch_max(&self, client_id: &str) -> Option<f64> {
        let table = self.table.load();
        let applied = self.applied(&table, Key::ConsumerByteRate, client_id)?;
        let Window { samples, sample_ms } = self.windows.clients;
        Some(applied.limit.get() * f64::from(samples.saturating_sub(1)) * sample_ms as f64 / 1_000.0)
    }

    fn applied<'a>(&self, table: &ClientQuotas, key: Key, client_id: &'a str) -> Option<Applied<'a>> {
        if self.limited.load(Ordering::Relaxed) & bit(key) == 0 {
            return None;
        }
        table.of_client(key, ANONYMOUS, client_id)
    }

    fn sensors(&self) -> MutexGuard<'_, Sensors> {
        // A count that a panic left behind is wrong by one request at most.
        self.sensors.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What came of something that was counted.
#[derive(Debug, Clone, Copy, Default)]
struct Spent {
    /// How long the client has to wait, or 0.
    wait_ms: i64,
    /// It had done nothing of the kind within the window.
    is_first: bool,
}

fn bit(key: Key) -> u8 {
    match key {
        Key::ProducerByteRate => 1,
        Key::ConsumerByteRate => 2,
        Key::RequestPercentage => 4,
        Key::ControllerMutationRate => 8,
        Key::ConnectionCreationRate => 16,
    }
}

#[cfg(test)]
mod tests;
