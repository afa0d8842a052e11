//! Everything that is asked about consumer groups. Thin: what a group says is decided by its machine
//! (`ottla_state::group`); here a request becomes one question for each group, and the answers become one again.
//!
//! Nothing is asked before its turn on the connection: as in Kafka, a request behind a JoinGroup that waits for other
//! members finds the group as the JoinGroup leaves it.

mod find;
mod members;
mod offsets;
mod overview;

pub use find::find;
pub use members::{heartbeat, join, leave, sync};
pub use offsets::{commit, delete_offsets, fetch};
pub use overview::{delete, describe, list};

use crate::coordinator::Groups;
use ottla_state::group::{Reply, Request};

/// What the group's machine says, or its refusal where it cannot be asked.
async fn ask(groups: &Groups, request: Request) -> Reply {
    let kept = request.clone();
    groups.ask(request).await.unwrap_or_else(|error| kept.refuse(error))
}

/// A machine answers each question with the answer of its kind.
fn other(reply: &Reply) -> ! {
    unreachable!("a question about groups was answered with {reply:?}")
}
