//! Settings of topics, brokers and groups: described, changed, listed. Each API is a file below.

mod alter;
mod describe;
mod list;

pub use alter::{alter, incremental_alter};
pub use describe::describe;
pub use list::list;

// Kafka's numbers for what has settings.
const TOPIC: i8 = 2;
const BROKER: i8 = 4;
const BROKER_LOGGER: i8 = 8;
const CLIENT_METRICS: i8 = 16;
const GROUP: i8 = 32;
