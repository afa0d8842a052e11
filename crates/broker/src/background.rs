//! What the broker does by itself from time to time. It only says when; what is done, and by whose clock, is the
//! business of the parts.

use crate::context::Context;
use crate::partition::Chore;
use crate::settings::BrokerConfig;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Kafka waits so long after a start before it looks for old segments; nothing has to wait longer.
const FIRST: Duration = Duration::from_secs(30);

/// Has all logs looked after every so many milliseconds, again and again, until the broker stops.
pub async fn attend(context: Arc<Context>, chore: Chore, every_ms: fn(&BrokerConfig) -> u64) {
    let every = || Duration::from_millis(every_ms(context.settings.load().broker()).max(1));
    let mut changes = context.settings.changes();
    let ticks = async {
        let mut most = FIRST;
        loop {
            let since = Instant::now();
            loop {
                tokio::select! {
                    () = tokio::time::sleep(every().min(most).saturating_sub(since.elapsed())) => break,
                    // A shorter time holds at once, and not when the longer one is over.
                    Ok(()) = changes.changed() => {}
                }
            }
            context.registry.attend(chore);
            most = Duration::MAX;
        }
    };
    tokio::select! {
        () = ticks => {}
        () = context.stopped() => {}
    }
}
