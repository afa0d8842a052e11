//! Kafka's wire format: bytes to messages and record batches, and back.
//!
//! Everything that decodes is bounded: an input decides nothing that costs more than a small multiple of its own
//! length, and nothing here panics on bytes from outside. Strings and byte fields are views into the frame they came
//! in. This crate knows no sockets, no files and no policy; what a broker answers is decided elsewhere.

pub mod apis;
pub mod batch;
pub mod codec;
pub mod compress;
mod crc32c;
pub mod errors;
pub mod frame;
#[path = "generated/mod.rs"]
#[rustfmt::skip]
pub mod messages;
pub mod record;
pub mod request;
pub mod text;
mod uuid;

pub use codec::{DecodeBudget, DecodeError, Decoder, Encoder, Message, Records, Request, Version};
pub use errors::ErrorCode;
pub use text::WireStr;
pub use uuid::Uuid;
