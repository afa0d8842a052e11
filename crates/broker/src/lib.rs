//! The broker: what stands between sockets and logs.
//!
//! `connection -> dispatch -> handlers -> coordinator -> {partition, cluster} -> {log, state}`; [`start`] says what is built in which
//! order. Calls go down; only futures, tickets and watch channels go up.

mod admin;
mod admission;
mod advertise;
mod background;
mod budget;
mod call;
pub mod cluster;
mod connection;
mod context;
mod coordinator;
pub mod data_dir;
mod dispatch;
mod error;
mod handlers;
mod hosts;
pub mod metrics;
mod pace;
pub mod partition;
mod peers;
pub mod probe;
mod quotas;
mod reply;
mod reserve;
mod sampler;
mod server;
pub mod settings;
mod start;

pub use coordinator::controls as coordinator_controls;
#[cfg(feature = "controls")]
pub use ottla_log::controls as log_controls;
#[cfg(feature = "controls")]
pub use ottla_state::controls as group_controls;
pub use server::{BindError, files_for_sockets};
pub use start::{Broker, BrokerStart, Failed, StartError, memory_max, partitions_max};
