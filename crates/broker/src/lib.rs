//! The broker: what stands between sockets and logs.

pub mod cluster;
pub mod data_dir;
pub mod settings;
