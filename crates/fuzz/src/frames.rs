//! Frames for a broker that runs: the requests that Kafka's own classes wrote under heads of their own, and mutations of
//! them. Written one behind the other, each with its length in front as on a connection, but the frame's own length may
//! lie: every frame stands in a record of its true length.
//!
//! ```text
//! record: true length u32 | the bytes to be sent
//! ```

use crate::corpus;
use crate::mutate::Mutator;
use ottla_wire::apis;
use std::io::{self, Write};

/// Whole requests, length included, of every API and version that Kafka wrote.
pub fn requests() -> Vec<Vec<u8>> {
    let framed = |row: corpus::Row| {
        let name = row.message.strip_suffix("Request")?;
        let api = apis::TABLE.iter().find(|api| api.name == name)?;
        let mut frame = api.key.to_be_bytes().to_vec();
        frame.extend(row.version.to_be_bytes());
        frame.extend(7_i32.to_be_bytes());
        frame.extend([0, 4]);
        frame.extend(b"fuzz");
        if row.version >= api.flexible_from {
            frame.push(0);
        }
        frame.extend(row.body);
        let length = i32::try_from(frame.len()).ok()?;
        Some([&length.to_be_bytes()[..], &frame].concat())
    };
    corpus::messages().into_iter().filter_map(framed).collect()
}

/// Puts the true length in front, so that what is behind it is looked at.
pub fn repair_length(frame: &mut [u8]) {
    let length = frame.len().saturating_sub(4) as u32;
    if let Some(head) = frame.first_chunk_mut::<4>() {
        *head = length.to_be_bytes();
    }
}

/// The corpus, then mutations of it until `count` frames are written.
pub fn write(out: &mut dyn Write, seed: u64, count: usize) -> io::Result<()> {
    let requests = requests();
    let mutator = Mutator::new(seed);
    for number in 0..count.max(requests.len()) {
        let frame = requests.get(number).cloned().unwrap_or_else(|| {
            let mut frame = mutator.next(&requests);
            if mutator.below(8) > 0 {
                repair_length(&mut frame);
            }
            frame
        });
        out.write_all(&u32::try_from(frame.len()).unwrap_or(0).to_be_bytes())?;
        out.write_all(&frame)?;
    }
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_of_every_api_are_there_and_their_heads_are_read() {
        let requests = requests();
        let mut keys: Vec<i16> =
            requests.iter().map(|frame| i16::from_be_bytes([frame[4], frame[5]])).collect();
        keys.sort_unstable();
        keys.dedup();
        assert!(requests.len() > 500 && keys.len() > 50, "{} of {keys:?}", requests.len());
        for frame in requests {
            let body = bytes::Bytes::from(frame[4..].to_vec());
            let head = ottla_wire::request::decode_head(&mut ottla_wire::Decoder::new(body));
            assert!(
                head.is_ok() || i16::from_be_bytes([frame[4], frame[5]]) == apis::INIT_PRODUCER_ID,
                "{head:?}"
            );
        }
    }

    #[test]
    fn frames_are_written_one_behind_the_other() {
        let mut out = Vec::new();
        write(&mut out, 1, 3_000).unwrap();
        let (mut at, mut count) = (0, 0);
        while at < out.len() {
            at += 4 + u32::from_be_bytes(out[at..at + 4].try_into().unwrap()) as usize;
            count += 1;
        }
        assert_eq!((at, count), (out.len(), 3_000));
    }
}
