//! The records that every writer writes: made from a seed, the topic's name and the position, so that a reader's output
//! can be compared without keeping what was sent.
//!
//! A shape is what a writer is able to say. Clients with an API take any bytes; the two command-line tools take text.

/// Four kinds of header lists take turns, by record or by block of records.
pub const HEADER_KINDS: usize = 4;
/// Every so many records one value is large, so that batches of all clients are cut somewhere else.
const LARGE_EVERY: usize = 5_000;
const LARGE_BYTES: usize = 20_000;

/// A name and a value; the same name may come twice, and the value may be null.
pub type Header = (Vec<u8>, Option<Vec<u8>>);

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    pub headers: Vec<Header>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Any bytes; null and empty differ.
    Bytes,
    /// Any bytes, but never a record whose key and value are both null.
    BytesKeyOrValue,
    /// The same without null in a header.
    BytesNoNullHeader,
    /// Printable text; null and empty differ.
    Text,
    /// Printable text without anything empty; one list of headers for each quarter of the records.
    TextInBlocks,
}

impl Shape {
    fn is_bytes(self) -> bool {
        matches!(self, Self::Bytes | Self::BytesKeyOrValue | Self::BytesNoNullHeader)
    }

    fn wants_key_or_value(self) -> bool {
        matches!(self, Self::BytesKeyOrValue | Self::BytesNoNullHeader)
    }
}

/// `count` records for a topic.
pub fn records(shape: Shape, seed: u64, topic: &str, count: usize) -> Vec<Record> {
    let mut random = Random(topic.bytes().fold(seed, |hash, byte| mix(hash ^ u64::from(byte))));
    (0..count).map(|index| record(shape, &mut random, index, count)).collect()
}

fn record(shape: Shape, random: &mut Random, index: usize, count: usize) -> Record {
    let empty = || (shape != Shape::TextInBlocks).then(Vec::new);
    let key = match index % 10 {
        0 => None,
        1 => empty(),
        _ => Some(random.bytes(shape, 1, 24)),
    };
    let value = match index % 13 {
        0 if key.is_none() && shape.wants_key_or_value() => empty(),
        0 => None,
        1 => empty(),
        _ if index % LARGE_EVERY == 77 => Some(random.bytes(shape, LARGE_BYTES, LARGE_BYTES + 1)),
        _ => Some(random.bytes(shape, 10, 120)),
    };
    let headers = if shape == Shape::TextInBlocks {
        headers_of_block(index * HEADER_KINDS / count.max(1))
    } else {
        match index % HEADER_KINDS {
            0 => Vec::new(),
            1 => vec![(b"trace".to_vec(), Some(random.bytes(shape, 1, 16)))],
            2 | 3 if shape == Shape::BytesNoNullHeader => {
                let mut value = || Some(random.bytes(shape, 1, 8));
                vec![(b"h".to_vec(), value()), (b"h".to_vec(), value()), (b"n".to_vec(), Some(Vec::new()))]
            }
            2 => vec![
                (b"h".to_vec(), Some(random.bytes(shape, 1, 8))),
                (b"h".to_vec(), Some(random.bytes(shape, 1, 8))),
                (b"n".to_vec(), None),
            ],
            _ => vec![
                (if shape.is_bytes() { "name \u{fc}\u{20ac}" } else { "name" }.into(), Some(Vec::new())),
                (b"n".to_vec(), None),
                (b"n".to_vec(), Some(b"x".to_vec())),
            ],
        }
    };
    Record { key, value, headers }
}

/// Headers of a quarter of the records where a writer takes one list for a whole run.
pub fn headers_of_block(block: usize) -> Vec<Header> {
    let some = |name: &str, value: &str| (name.into(), Some(value.into()));
    let null = |name: &str| (name.into(), None);
    match block {
        0 => Vec::new(),
        1 => vec![some("trace", "t1")],
        2 => vec![some("h", "v0"), some("h", "dup"), null("n")],
        _ => vec![null("n"), null("n"), some("n", "x")],
    }
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.0)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }

    /// At least `least` and less than `limit` bytes. Text is lower case, so that it is never the word for null.
    fn bytes(&mut self, shape: Shape, least: usize, limit: usize) -> Vec<u8> {
        let length = least + self.below(limit - least);
        let mut bytes = Vec::with_capacity(length + 8);
        while bytes.len() < length {
            bytes.extend_from_slice(&self.next().to_le_bytes());
        }
        bytes.truncate(length);
        if !shape.is_bytes() {
            const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz012345";
            bytes.iter_mut().for_each(|byte| *byte = LETTERS[usize::from(*byte) % LETTERS.len()]);
        }
        bytes
    }
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_follow_from_seed_and_topic() {
        let of = |seed, topic| records(Shape::Bytes, seed, topic, 100);
        assert_eq!(of(1, "a"), of(1, "a"));
        assert_ne!(of(1, "a"), of(2, "a"));
        assert_ne!(of(1, "a"), of(1, "b"));
    }

    #[test]
    fn every_shape_has_nulls_and_doubled_headers_and_only_one_lacks_what_is_empty() {
        for shape in [Shape::Bytes, Shape::Text, Shape::TextInBlocks] {
            let records = records(shape, 7, "t", 400);
            let has = |test: fn(&Record) -> bool| records.iter().any(test);
            assert!(has(|r| r.key.is_none()) && has(|r| r.value.is_none()), "{shape:?}");
            assert!(has(|r| r.headers.is_empty()), "{shape:?}");
            assert!(has(|r| r.headers.iter().any(|h| h.1.is_none())), "{shape:?}");
            assert!(has(|r| r.headers.len() > 1 && r.headers[0].0 == r.headers[1].0), "{shape:?}");
            let empty = has(|r| r.key.as_deref() == Some(b"")) && has(|r| r.value.as_deref() == Some(b""));
            assert_eq!(empty, shape != Shape::TextInBlocks, "{shape:?}");
        }
    }

    #[test]
    fn what_a_client_refuses_is_not_asked_of_it() {
        for (shape, null_headers) in [(Shape::BytesKeyOrValue, true), (Shape::BytesNoNullHeader, false)] {
            let records = records(shape, 7, "t", 400);
            assert!(records.iter().all(|r| r.key.is_some() || r.value.is_some()), "{shape:?}");
            assert!(records.iter().any(|r| r.key.is_none()) && records.iter().any(|r| r.value.is_none()));
            let nulls = records.iter().flat_map(|r| &r.headers).any(|header| header.1.is_none());
            assert_eq!(nulls, null_headers, "{shape:?}");
        }
    }

    #[test]
    fn text_has_no_separator() {
        for record in records(Shape::Text, 7, "t", 6_000) {
            let parts = [record.key, record.value].into_iter().flatten();
            assert!(parts.flatten().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()));
        }
    }
}
