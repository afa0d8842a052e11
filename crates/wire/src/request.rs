//! The head of a request: which API, which version, whose, and the number to answer with.

use crate::apis;
use crate::codec::{Codec, DecodeError, Decoder, Nullable, Version};
use crate::text::WireStr;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    pub api_key: i16,
    pub api_version: i16,
    pub correlation_id: i32,
    pub client_id: Option<WireStr>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeadError {
    #[error("cannot read the request header: {0}")]
    Unreadable(#[from] DecodeError),
    /// Nothing more can be read: the form of the header depends on the API.
    #[error("unknown API key {api_key} (version {api_version})")]
    UnknownApi { api_key: i16, api_version: i16 },
    /// ApiVersions still gets an answer, with this correlation id.
    #[error("API {api_key} has no version {api_version}")]
    UnknownVersion { api_key: i16, api_version: i16, correlation_id: i32 },
}

/// Reads the header of a request; the decoder is left at its body.
pub fn decode_head(d: &mut Decoder) -> Result<Head, HeadError> {
    let old = Version { number: 0, flexible: false };
    let api_key = i16::decode(d, old)?;
    let api_version = i16::decode(d, old)?;
    let correlation_id = i32::decode(d, old)?;
    let Some(api) = apis::find(api_key) else { return Err(HeadError::UnknownApi { api_key, api_version }) };
    if api_version < api.min || api_version > api.max {
        return Err(HeadError::UnknownVersion { api_key, api_version, correlation_id });
    }
    // The client id keeps its old form in every version of the header.
    let client_id = WireStr::decode_nullable(d, old)?;
    if api_version >= api.flexible_from {
        d.skip_tags()?;
    }
    Ok(Head { api_key, api_version, correlation_id, client_id })
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn head(key: i16, version: i16, rest: &[u8]) -> Result<Head, HeadError> {
        let bytes = [&key.to_be_bytes()[..], &version.to_be_bytes(), &7_i32.to_be_bytes(), rest].concat();
        decode_head(&mut Decoder::new(Bytes::from(bytes)))
    }

    #[test]
    fn a_header_is_read_by_the_rules_of_its_api() {
        let client = [0, 2, b'm', b'e'];
        assert_eq!(head(3, 1, &client).unwrap().client_id.as_deref(), Some("me"));
        assert_eq!(head(3, 1, &[0xff, 0xff]).unwrap().client_id, None);
        assert!(matches!(head(3, 9, &client), Err(HeadError::Unreadable(_))), "version 9 has tagged fields");
        assert!(head(3, 9, &[&client[..], &[0]].concat()).is_ok());
        assert_eq!(head(999, 0, &client), Err(HeadError::UnknownApi { api_key: 999, api_version: 0 }));
        let unknown = HeadError::UnknownVersion { api_key: 18, api_version: -3, correlation_id: 7 };
        assert_eq!(head(18, -3, &client), Err(unknown));
        assert!(matches!(head(3, 1, &[1, 0x90]), Err(HeadError::Unreadable(_))));
    }
}
