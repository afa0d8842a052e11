//! Answers out of a stream of bytes: a four-byte length, then as many bytes.
//!
//! The buffer is used again once the answer before is dropped, because the first touch of fresh memory can cost more
//! than the copy itself. It grows with what arrives, never because a length claims it.

use bytes::{Bytes, BytesMut};
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt};

const LENGTH_BYTES: usize = 4;
/// An answer has a correlation id at least.
const ANSWER_BYTES_MIN: usize = 4;
const READ_BYTES: usize = 64 << 10;
const RESERVE_MAX: usize = 16 << 20;

#[derive(Debug)]
pub(crate) struct FrameReader<R> {
    read: R,
    buffer: BytesMut,
    answer_bytes_max: usize,
}

impl<R: AsyncRead + Unpin> FrameReader<R> {
    pub fn new(read: R, answer_bytes_max: usize) -> Self {
        Self { read, buffer: BytesMut::new(), answer_bytes_max }
    }

    /// The next answer without its length.
    pub async fn next(&mut self) -> io::Result<Bytes> {
        loop {
            let missing = match self.buffer.first_chunk::<LENGTH_BYTES>() {
                None => READ_BYTES,
                Some(length) => {
                    let whole = LENGTH_BYTES + self.check(i32::from_be_bytes(*length))?;
                    if self.buffer.len() >= whole {
                        return Ok(self.buffer.split_to(whole).freeze().slice(LENGTH_BYTES..));
                    }
                    whole - self.buffer.len()
                }
            };
            self.buffer.reserve(missing.clamp(READ_BYTES, RESERVE_MAX));
            if self.read.read_buf(&mut self.buffer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    fn check(&self, claimed: i32) -> io::Result<usize> {
        let fits = |length: &usize| (ANSWER_BYTES_MIN..=self.answer_bytes_max).contains(length);
        usize::try_from(claimed).ok().filter(fits).ok_or_else(|| {
            let problem =
                format!("an answer of {claimed} bytes; at most {} are taken", self.answer_bytes_max);
            io::Error::new(io::ErrorKind::InvalidData, problem)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(bytes: &[u8]) -> (Vec<Bytes>, io::ErrorKind) {
        let mut reader = FrameReader::new(bytes, 100);
        let mut frames = Vec::new();
        loop {
            match reader.next().await {
                Ok(frame) => frames.push(frame),
                Err(error) => return (frames, error.kind()),
            }
        }
    }

    #[tokio::test]
    async fn answers_are_cut_at_their_lengths_and_false_lengths_are_refused() {
        let two = [&5_i32.to_be_bytes()[..], b"abcde", &4_i32.to_be_bytes(), b"wxyz"].concat();
        let (frames, end) = read(&two).await;
        assert_eq!((frames, end), (vec!["abcde".into(), "wxyz".into()], io::ErrorKind::UnexpectedEof));
        assert_eq!(read(&two[..7]).await, (vec![], io::ErrorKind::UnexpectedEof));
        for claimed in [-1, 0, 3, 101, i32::MAX] {
            let bytes = [&claimed.to_be_bytes()[..], &[0; 200]].concat();
            assert_eq!(read(&bytes).await, (vec![], io::ErrorKind::InvalidData), "{claimed}");
        }
    }
}
