//! Kafka's 16-byte identifiers, shown as 22 characters of URL-safe base64 without padding.

use std::fmt;
use std::str::FromStr;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Uuid(pub [u8; 16]);

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const TEXT_LEN: usize = 22;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an id is 22 characters of URL-safe base64")]
pub struct NotAUuid;

impl Uuid {
    pub const ZERO: Self = Self([0; 16]);

    pub fn is_zero(&self) -> bool {
        *self == Self::ZERO
    }

    /// A version 4 identifier from random bytes, never zero and never one that Kafka reserves or that starts with a
    /// dash (which tools would take for an option).
    #[must_use]
    pub fn from_random(mut bytes: [u8; 16]) -> Self {
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        if bytes[0] >> 2 == 62 {
            bytes[0] &= 0x7f;
        }
        Self(bytes)
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0; TEXT_LEN];
        let bits = u128::from_be_bytes(self.0);
        for (i, out) in text.iter_mut().enumerate() {
            // The last character carries two bits of data and four of padding.
            let shift = 122 - 6 * i as i32;
            let index = if shift >= 0 { bits >> shift } else { bits << -shift };
            *out = ALPHABET[(index & 63) as usize];
        }
        f.write_str(std::str::from_utf8(&text).expect("the alphabet is ASCII"))
    }
}

impl fmt::Debug for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Uuid {
    type Err = NotAUuid;

    fn from_str(text: &str) -> Result<Self, NotAUuid> {
        if text.len() != TEXT_LEN {
            return Err(NotAUuid);
        }
        let mut bits = 0_u128;
        for (i, c) in text.bytes().enumerate() {
            let value = ALPHABET.iter().position(|a| *a == c).ok_or(NotAUuid)? as u128;
            let shift = 122 - 6 * i as i32;
            bits |= if shift >= 0 { value << shift } else { value >> -shift };
        }
        Ok(Self(bits.to_be_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_bytes_go_both_ways() {
        // Java's Uuid of these bits prints the same.
        for (bytes, text) in [
            ([0; 16], "AAAAAAAAAAAAAAAAAAAAAA"),
            ([0xff; 16], "_____________________w"),
            ([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], "AAAAAAAAAAAAAAAAAAAAAQ"),
        ] {
            assert_eq!(Uuid(bytes).to_string(), text);
            assert_eq!(text.parse(), Ok(Uuid(bytes)));
        }
        assert_eq!("short".parse::<Uuid>(), Err(NotAUuid));
        assert_eq!("AAAAAAAAAAAAAAAAAAAA+/".parse::<Uuid>(), Err(NotAUuid));
    }

    #[test]
    fn random_ids_never_start_with_a_dash() {
        for first in 0..=255 {
            assert!(!Uuid::from_random([first; 16]).to_string().starts_with('-'));
        }
    }
}
