//! A string that is a view into the frame it came in.

use bytes::Bytes;
use std::borrow::Borrow;
use std::fmt;
use std::ops::Deref;

/// UTF-8 text over shared bytes: cheap to clone, compared as a `str`. Keeping one keeps its whole frame, so what
/// outlives a request is [`WireStr::detach`]ed. Bytes that are not UTF-8 become U+FFFD, as in Java.
#[derive(Clone, Default)]
pub struct WireStr(Bytes);

impl WireStr {
    pub const fn from_static(text: &'static str) -> Self {
        Self(Bytes::from_static(text.as_bytes()))
    }

    /// A view of these bytes, or a mended copy where they are not UTF-8.
    pub fn from_wire(bytes: Bytes) -> Self {
        match std::str::from_utf8(&bytes) {
            Ok(_) => Self(bytes),
            Err(_) => Self(Bytes::from(String::from_utf8_lossy(&bytes).into_owned())),
        }
    }

    pub fn as_str(&self) -> &str {
        // Checked once more rather than trusted: names are short, and this crate has no unsafe code.
        std::str::from_utf8(&self.0).expect("every constructor checks for UTF-8")
    }

    /// A copy with its own memory.
    #[must_use]
    pub fn detach(&self) -> Self {
        Self(Bytes::copy_from_slice(&self.0))
    }

    pub fn as_bytes(&self) -> &Bytes {
        &self.0
    }
}

impl Deref for WireStr {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl From<&str> for WireStr {
    fn from(text: &str) -> Self {
        Self(Bytes::copy_from_slice(text.as_bytes()))
    }
}

impl From<String> for WireStr {
    fn from(text: String) -> Self {
        Self(Bytes::from(text))
    }
}

impl Borrow<str> for WireStr {
    fn borrow(&self) -> &str {
        self
    }
}

impl PartialEq for WireStr {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for WireStr {}

impl PartialEq<str> for WireStr {
    fn eq(&self, other: &str) -> bool {
        self.0 == other.as_bytes()
    }
}

impl PartialEq<&str> for WireStr {
    fn eq(&self, other: &&str) -> bool {
        self.0 == other.as_bytes()
    }
}

impl PartialOrd for WireStr {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for WireStr {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}

impl std::hash::Hash for WireStr {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl fmt::Display for WireStr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

impl fmt::Debug for WireStr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_shares_its_frame_and_a_detached_copy_does_not() {
        let frame = Bytes::from(b"xtopicx".to_vec());
        let view = WireStr::from_wire(frame.slice(1..6));
        assert_eq!(view, "topic");
        assert_eq!(view.as_bytes().as_ptr(), frame[1..].as_ptr());
        assert_ne!(view.detach().as_bytes().as_ptr(), frame[1..].as_ptr());
        assert_eq!(WireStr::from_wire(Bytes::from_static(b"a\xffb")), "a\u{fffd}b");
    }
}
