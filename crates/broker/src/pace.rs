//! How fast bytes of a frame or an answer have to move.
//!
//! All of them have their time. Who holds memory that others wait for also has to keep a pace at which that time is
//! enough; otherwise a few who stand still would hold it from everybody until their time is over.

use crate::budget::Memory;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// Time for a frame or an answer, or a part of one, beside a second for each MiB.
const BASE: Duration = Duration::from_secs(30);
/// How often the pace is looked at.
const STEP: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub struct Pace {
    deadline: Instant,
    /// Bytes that have to move in each step.
    step_bytes: usize,
    step_ends: Instant,
    /// Bytes that had moved when the step began.
    step_from: usize,
}

impl Pace {
    /// For so many bytes, of which none has moved.
    pub fn of(bytes: usize) -> Self {
        let time = BASE + Duration::from_secs((bytes >> 20) as u64);
        let now = Instant::now();
        let steps = time.as_secs() / STEP.as_secs();
        let step_bytes = usize::try_from(bytes as u64 / steps).unwrap_or(usize::MAX);
        Self { deadline: now + time, step_bytes, step_ends: now + STEP, step_from: 0 }
    }

    /// Waits for some bytes to move; `moved` have so far. `None`: that takes too long.
    pub async fn keep<T>(
        &mut self,
        moved: usize,
        memory: Option<&Memory>,
        moving: impl Future<Output = T>,
    ) -> Option<T> {
        tokio::pin!(moving);
        loop {
            let until = self.step_ends.min(self.deadline);
            if let Ok(done) = timeout_at(until, &mut moving).await {
                return Some(done);
            }
            let is_slow = moved.saturating_sub(self.step_from) < self.step_bytes;
            if until == self.deadline || (is_slow && memory.is_some_and(Memory::is_wanted)) {
                return None;
            }
            self.step_from = moved;
            self.step_ends = Instant::now() + STEP;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::Budget;
    use std::future::pending;

    const MIB: usize = 1 << 20;

    #[tokio::test(start_paused = true)]
    async fn bytes_that_trickle_are_given_up_when_the_time_of_all_is_over() {
        for (bytes, seconds) in [(1, 30), (MIB, 31), (100 * MIB, 130)] {
            let (begin, mut pace, mut moved) = (Instant::now(), Pace::of(bytes), 0);
            while pace.keep(moved, None, tokio::time::sleep(Duration::from_millis(900))).await.is_some() {
                moved += 1;
            }
            assert_eq!(begin.elapsed().as_secs(), seconds, "{bytes} bytes");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_holds_what_others_wait_for_has_to_keep_the_pace() {
        let budget = Budget::new(MIB as u64);
        let memory = budget.take(MIB).await;
        let mut pace = Pace::of(MIB);
        let begin = Instant::now();
        let quiet =
            tokio::time::timeout(Duration::from_secs(20), pace.keep(0, Some(&memory), pending::<()>()));
        assert!(quiet.await.is_err(), "nobody waits for it");
        let waiting = tokio::spawn(async move { budget.take(1).await });
        tokio::task::yield_now().await;
        // 70 KiB in each 2 s are 1 MiB in 31 s.
        let mut moved = 0;
        for _ in 0..3 {
            moved += 70 << 10;
            assert!(pace.keep(moved, Some(&memory), tokio::time::sleep(STEP)).await.is_some());
        }
        assert!(pace.keep(moved, Some(&memory), pending::<()>()).await.is_none());
        assert!(begin.elapsed() < Duration::from_secs(31));
        drop(memory);
        assert_eq!(waiting.await.unwrap().bytes(), 1 << 10);
    }
}
