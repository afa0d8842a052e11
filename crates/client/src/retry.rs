//! Trying again: 100 ms doubled up to 1 s, spread over the whole span by chance, until a deadline.
//!
//! The spread ("full jitter") keeps a thousand clients that lost the same broker from coming back as one. Only errors of
//! a retriable class are tried again; the error that ends it is the last real one, not "deadline passed".

use crate::errors::ClientError;
use ottla_env::rng::Rng;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

const FIRST: Duration = Duration::from_millis(100);
const LAST: Duration = Duration::from_secs(1);

/// The pauses between attempts at one thing.
#[derive(Debug, Clone)]
pub struct Backoff {
    rng: Arc<dyn Rng>,
    attempts: u32,
}

impl Backoff {
    pub fn new(rng: Arc<dyn Rng>) -> Self {
        Self { rng, attempts: 0 }
    }

    /// How long to wait before the next attempt.
    pub fn next_pause(&mut self) -> Duration {
        let span = FIRST.saturating_mul(1 << self.attempts.min(8)).min(LAST);
        self.attempts = self.attempts.saturating_add(1);
        let ms = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        // Never zero: a loop without any pause would burn a core while a leader is being elected.
        Duration::from_millis(1 + self.rng.below(ms))
    }

    /// Something worked: the next failure starts with a short pause again.
    pub fn reset(&mut self) {
        self.attempts = 0;
    }
}

/// Attempts at one call, up to its deadline.
#[derive(Debug)]
pub struct Attempts {
    backoff: Backoff,
    pub deadline: Instant,
}

impl Attempts {
    pub fn until(deadline: Instant, rng: Arc<dyn Rng>) -> Self {
        Self { backoff: Backoff::new(rng), deadline }
    }

    /// Waits before the next attempt, or gives the error back when there must not be one. Cancel-safe.
    pub async fn after(&mut self, error: ClientError) -> Result<(), ClientError> {
        if !error.is_retriable() {
            return Err(error);
        }
        let next = Instant::now() + self.backoff.next_pause();
        if next >= self.deadline {
            return Err(error);
        }
        tracing::debug!(error = %error, "trying again");
        tokio::time::sleep_until(next).await;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ottla_env::rng::SeededRng;
    use ottla_wire::ErrorCode;

    #[test]
    fn pauses_grow_and_stay_bounded() {
        let mut backoff = Backoff::new(Arc::new(SeededRng::new(1)));
        let pauses: Vec<Duration> = (0..1_000).map(|_| backoff.next_pause()).collect();
        assert!(pauses[0] <= FIRST && pauses[1] <= FIRST * 2);
        assert!(pauses.iter().all(|pause| *pause > Duration::ZERO && *pause <= LAST));
        assert!(pauses[4..].iter().any(|pause| *pause > LAST / 2));
        backoff.reset();
        assert!(backoff.next_pause() <= FIRST);
    }

    #[tokio::test(start_paused = true)]
    async fn attempts_end_with_the_last_error_and_a_fatal_one_ends_them_at_once() {
        let rng: Arc<dyn Rng> = Arc::new(SeededRng::new(1));
        let deadline = Instant::now() + Duration::from_secs(5);
        let mut attempts = Attempts::until(deadline, Arc::clone(&rng));
        let again = || ClientError::refused("read", ErrorCode::NotLeaderOrFollower, None);
        let mut tries = 0;
        while attempts.after(again()).await.is_ok() {
            tries += 1;
        }
        assert!(tries > 3 && Instant::now() < deadline);
        let fatal = ClientError::refused("read", ErrorCode::InvalidTopicException, None);
        assert_eq!(Attempts::until(deadline, rng).after(fatal.clone()).await, Err(fatal));
    }
}
