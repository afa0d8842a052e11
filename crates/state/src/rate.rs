//! How fast something happens, and how long to wait until it was slow enough: what quotas rest on (KIP-13, KIP-219).
//!
//! A rate is the sum of some samples over the time they stand for. The newest sample takes what happens now; one that
//! is older than the whole window is forgotten. Time and amounts come in as arguments.

use std::collections::VecDeque;

/// `quota.window.num` samples of `quota.window.size.seconds` each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    pub samples: u32,
    pub sample_ms: i64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Sample {
    start_ms: i64,
    amount: f64,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rate {
    /// Oldest first.
    samples: VecDeque<Sample>,
}

impl Rate {
    /// Notes that so much happened.
    pub fn record(&mut self, window: Window, amount: f64, now_ms: i64) {
        self.forget(window, now_ms);
        match self.samples.back_mut() {
            Some(sample) if now_ms.saturating_sub(sample.start_ms) < window.sample_ms => {
                sample.amount += amount;
            }
            _ => self.samples.push_back(Sample { start_ms: now_ms, amount }),
        }
    }

    /// Per second. A window that has just begun counts as if nothing had happened before.
    pub fn per_second(&mut self, window: Window, now_ms: i64) -> f64 {
        self.forget(window, now_ms);
        let sum: f64 = self.samples.iter().map(|sample| sample.amount).sum();
        sum * 1000.0 / self.span_ms(window, now_ms) as f64
    }

    /// How long to do nothing so that the rate comes down to a quota (per second); 0 when it is not above. Nothing bounds
    /// it: one large request waits as long as its bytes are worth, and for a quota of nothing for ever.
    pub fn throttle_ms(&mut self, window: Window, quota: f64, now_ms: i64) -> i64 {
        let rate = self.per_second(window, now_ms);
        if rate <= quota {
            return 0;
        }
        let span = self.span_ms(window, now_ms) as f64;
        ((rate - quota) / quota.max(f64::MIN_POSITIVE) * span).round() as i64
    }

    /// Nothing of the window is left in it.
    pub fn is_idle(&mut self, window: Window, now_ms: i64) -> bool {
        self.forget(window, now_ms);
        self.samples.is_empty()
    }

    fn span_ms(&self, window: Window, now_ms: i64) -> i64 {
        let least = i64::from(window.samples.saturating_sub(1)).saturating_mul(window.sample_ms);
        let oldest = self.samples.front().map_or(now_ms, |sample| sample.start_ms);
        let elapsed = now_ms.saturating_sub(oldest);
        // Samples that are not there yet count with their full length.
        let missing = (least / window.sample_ms.max(1) - elapsed / window.sample_ms.max(1)).max(0);
        elapsed.saturating_add(missing * window.sample_ms).max(1)
    }

    fn forget(&mut self, window: Window, now_ms: i64) {
        let length = i64::from(window.samples).saturating_mul(window.sample_ms);
        // A clock that was set back makes samples of the future; they would count for ever.
        let is_old =
            |sample: &Sample| now_ms.saturating_sub(sample.start_ms) >= length || sample.start_ms > now_ms;
        self.samples.retain(|sample| !is_old(sample));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Window = Window { samples: 11, sample_ms: 1_000 };

    #[test]
    fn a_steady_flow_is_measured_and_only_its_surplus_waits() {
        let mut rate = Rate::default();
        for second in 0..30 {
            rate.record(WINDOW, 500.0, second * 1_000);
        }
        let measured = rate.per_second(WINDOW, 29_999);
        assert!((480.0..=560.0).contains(&measured), "{measured}");
        assert_eq!(rate.throttle_ms(WINDOW, 600.0, 29_999), 0);
        // Half of the quota's speed: as long again as the window.
        let wait = rate.throttle_ms(WINDOW, measured / 2.0, 29_999);
        assert!((9_000..=11_000).contains(&wait), "{wait}");
    }

    #[test]
    fn a_burst_is_spread_over_the_window_and_then_forgotten() {
        let mut rate = Rate::default();
        rate.record(WINDOW, 20_000.0, 0);
        assert_eq!(rate.per_second(WINDOW, 0), 2_000.0);
        assert_eq!(rate.throttle_ms(WINDOW, 1_000.0, 0), 10_000);
        assert_eq!(rate.throttle_ms(WINDOW, 10.0, 0), 1_990_000, "a burst waits longer than the window");
        assert_eq!(rate.throttle_ms(WINDOW, 0.0, 0), i64::MAX);
        assert!(!rate.is_idle(WINDOW, 10_999) && rate.is_idle(WINDOW, 11_000));
        assert_eq!(rate.per_second(WINDOW, 11_000), 0.0);
    }

    #[test]
    fn a_clock_that_is_set_back_takes_nothing_along() {
        let mut rate = Rate::default();
        rate.record(WINDOW, 1e9, 1_000_000);
        assert_eq!(rate.throttle_ms(WINDOW, 1.0, 5), 0);
    }
}
