//! What the broker does by itself from time to time. It only says when; what is done, and by whose clock, is the
//! business of the parts.

use crate::partition::{Chore, Registry};
use std::time::Duration;

/// Kafka waits so long after a start before it looks for old segments; nothing has to wait longer.
const FIRST: Duration = Duration::from_secs(30);

/// Has all logs looked after, again and again, until the broker stops.
pub async fn attend(
    registry: Registry,
    chore: Chore,
    every: impl Fn() -> Duration,
    stopped: impl Future<Output = ()>,
) {
    let ticks = async {
        tokio::time::sleep(every().min(FIRST)).await;
        loop {
            registry.attend(chore);
            tokio::time::sleep(every()).await;
        }
    };
    tokio::select! {
        () = ticks => {}
        () = stopped => {}
    }
}
