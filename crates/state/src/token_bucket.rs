//! A bucket that fills at the speed of a quota and is emptied by what happens: how changes of the cluster are slowed
//! down (KIP-599).
//!
//! It holds a burst of as much as its whole window lets through, and may be overdrawn once: what happens next waits until
//! it is no longer below nothing. Time and amounts come in as arguments.

use crate::rate::Window;

#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct TokenBucket {
    /// How much is missing from a full bucket. A new one is full.
    missing: f64,
    filled_ms: i64,
}

impl TokenBucket {
    /// Takes out so much, whether it is there or not.
    pub fn take(&mut self, rate: f64, amount: f64, now_ms: i64) {
        self.fill(rate, now_ms);
        self.missing += amount;
    }

    /// How long it takes until the bucket is not overdrawn any more; 0 when it is not.
    pub fn throttle_ms(&mut self, window: Window, rate: f64, now_ms: i64) -> i64 {
        self.fill(rate, now_ms);
        let overdrawn = self.missing - burst(window, rate);
        // Of a debt there is always a wait, however short.
        if overdrawn > 0.0 { ((overdrawn / rate * 1000.0).round() as i64).max(1) } else { 0 }
    }

    /// It is full: a new one would do.
    pub fn is_idle(&mut self, rate: f64, now_ms: i64) -> bool {
        self.fill(rate, now_ms);
        self.missing <= 0.0
    }

    fn fill(&mut self, rate: f64, now_ms: i64) {
        // A clock that was set back fills nothing.
        let elapsed = now_ms.saturating_sub(self.filled_ms).max(0) as f64;
        self.missing = (self.missing - rate * elapsed / 1000.0).max(0.0);
        self.filled_ms = now_ms;
    }
}

fn burst(window: Window, rate: f64) -> f64 {
    f64::from(window.samples) * window.sample_ms as f64 / 1000.0 * rate
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Window = Window { samples: 11, sample_ms: 1_000 };

    #[test]
    fn a_burst_may_overdraw_it_and_the_next_waits() {
        let mut bucket = TokenBucket::default();
        assert_eq!(bucket.throttle_ms(WINDOW, 2.0, 0), 0);
        bucket.take(2.0, 22.0, 0);
        assert_eq!(bucket.throttle_ms(WINDOW, 2.0, 0), 0, "empty is not overdrawn");
        bucket.take(2.0, 3.0, 0);
        assert_eq!(bucket.throttle_ms(WINDOW, 2.0, 0), 1_500);
        assert_eq!(bucket.throttle_ms(WINDOW, 2.0, 1_000), 500);
        assert_eq!(bucket.throttle_ms(WINDOW, 2.0, 1_500), 0);
        assert!(!bucket.is_idle(2.0, 12_499) && bucket.is_idle(2.0, 12_500));
        assert_eq!(
            bucket,
            TokenBucket { missing: 0.0, filled_ms: 12_500 },
            "it never holds more than the burst"
        );
    }

    #[test]
    fn a_clock_that_is_set_back_fills_nothing() {
        let mut bucket = TokenBucket::default();
        bucket.take(1.0, 13.0, 60_000);
        assert_eq!(bucket.throttle_ms(WINDOW, 1.0, 0), 2_000);
        assert_eq!(bucket.throttle_ms(WINDOW, 1.0, 500), 1_500);
    }
}
