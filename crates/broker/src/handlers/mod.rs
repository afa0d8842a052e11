//! One file per API (or per family of thin ones). A handler checks a request, asks the parts that know, and makes the
//! answer; handlers never call each other.

pub mod acls;
pub mod api_versions;
pub mod cluster;
pub mod configs;
pub mod delete_records;
pub mod elections;
pub mod features;
pub mod fetch;
pub mod groups;
pub mod leader_epochs;
pub mod list_offsets;
pub mod log_dirs;
pub mod metadata;
pub mod partitions;
pub mod produce;
pub mod producer_ids;
pub mod producers;
pub mod quorum;
pub mod quotas;
pub mod reassignments;
pub mod topic_partitions;
pub mod topics;
