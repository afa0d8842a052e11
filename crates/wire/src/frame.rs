//! Frames: a four-byte length, a header, a body.
//!
//! ```text
//! request    length i32 | key i16 | version i16 | correlation i32 | client id string | tags (flexible) | body
//! response   length i32 | correlation i32 | tags (flexible, never ApiVersions) | body
//! ```

use crate::codec::{Chunks, DecodeError, Decoder, EncodeError, Encoder, Message, Request};
use crate::messages::headers::{RequestHeader, ResponseHeader};
use bytes::Bytes;

pub const LENGTH_BYTES: usize = 4;
/// ApiVersions' key: its response keeps the old header, so that any client can read it.
const API_VERSIONS: i16 = 18;

/// 1 below the first flexible version of the request, 2 from it on.
pub fn request_header_version<R: Request>(version: i16) -> i16 {
    if version >= R::FLEXIBLE_FROM { 2 } else { 1 }
}

/// 0 below the first flexible version, 1 from it on.
fn response_header_version<M: Message>(version: i16) -> i16 {
    if version >= M::FLEXIBLE_FROM && M::KEY != API_VERSIONS { 1 } else { 0 }
}

/// A whole response frame, length included.
pub fn encode_response<M: Message>(
    correlation_id: i32,
    version: i16,
    body: &M,
) -> Result<Chunks, EncodeError> {
    let mut encoder = Encoder::new();
    encoder.put(&correlation_id.to_be_bytes());
    if response_header_version::<M>(version) == 1 {
        encoder.no_tags();
    }
    body.write(&mut encoder, version);
    with_length(encoder)
}

/// A whole request frame, length included.
pub fn encode_request<R: Request>(
    correlation_id: i32,
    client_id: &str,
    version: i16,
    body: &R,
) -> Result<Chunks, EncodeError> {
    let header = RequestHeader {
        request_api_key: R::KEY,
        request_api_version: version,
        correlation_id,
        client_id: Some(client_id.into()),
    };
    let mut encoder = Encoder::new();
    header.write(&mut encoder, request_header_version::<R>(version));
    body.write(&mut encoder, version);
    with_length(encoder)
}

/// The correlation id and the body of a response frame, whose length was read before. Bytes behind the body are left, as
/// Kafka's clients leave them.
pub fn decode_response<M: Message>(version: i16, frame: Bytes) -> Result<(i32, M), DecodeError> {
    let mut decoder = Decoder::new(frame);
    let header = ResponseHeader::read(&mut decoder, response_header_version::<M>(version))?;
    Ok((header.correlation_id, M::read(&mut decoder, version)?))
}

fn with_length(encoder: Encoder) -> Result<Chunks, EncodeError> {
    let mut chunks = encoder.finish()?;
    let length = i32::try_from(chunks.len).map_err(|_| EncodeError::TooLong(chunks.len))?.to_be_bytes();
    match chunks.list.first_mut() {
        // The head holds a few bytes at most, so putting the length before it costs next to nothing.
        Some(head) => *head = [&length, head.as_ref()].concat().into(),
        None => chunks.list.push(Bytes::copy_from_slice(&length)),
    }
    chunks.len += LENGTH_BYTES;
    Ok(chunks)
}
