//! One file per command. A command parses nothing and decides no exit code of its own: it gets its options, talks
//! through `client` (or starts `broker`, or reads a directory through `log`), and writes data to standard output.

pub mod bench;
pub mod cluster;
pub mod completions;
pub mod config;
pub mod consume;
pub mod doctor;
pub mod generate;
pub mod group;
pub mod log;
pub mod produce;
pub mod topic;
pub mod up;
