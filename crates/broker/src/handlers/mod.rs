//! One file per API (or per family of thin ones). A handler checks a request, asks the parts that know, and makes the
//! answer; handlers never call each other.

pub mod api_versions;
pub mod cluster;
pub mod configs;
pub mod fetch;
pub mod list_offsets;
pub mod metadata;
pub mod partitions;
pub mod produce;
pub mod producer_ids;
pub mod topics;
