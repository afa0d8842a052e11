//! Answers out of a stream of bytes: a four-byte length, then as many bytes.
//!
//! Memory is taken as bytes arrive, never because a length claims them. Reading is cancel-safe: what has arrived stays
//! in the buffer.

use bytes::{Bytes, BytesMut};
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt};

const LENGTH_BYTES: usize = 4;
const READ_BYTES: usize = 64 << 10;
/// Reserved ahead of the bytes of a long answer; less than this makes `BytesMut` copy too often.
const RESERVE_MAX: usize = 4 << 20;

#[derive(Debug)]
pub(super) struct FrameReader<R> {
    read: R,
    buffer: BytesMut,
    frame_bytes_max: usize,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum FrameError {
    #[error("the broker closed it")]
    Ended,
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("an answer of {claimed} bytes; at most {max} are taken")]
    Length { claimed: i32, max: usize },
}

impl<R: AsyncRead + Unpin> FrameReader<R> {
    pub fn new(read: R, frame_bytes_max: usize) -> Self {
        Self { read, buffer: BytesMut::new(), frame_bytes_max }
    }

    /// The next frame without its length.
    pub async fn next(&mut self) -> Result<Bytes, FrameError> {
        loop {
            let missing = match self.buffer.first_chunk::<LENGTH_BYTES>() {
                None => READ_BYTES,
                Some(length) => {
                    let claimed = i32::from_be_bytes(*length);
                    let length =
                        usize::try_from(claimed).ok().filter(|length| *length <= self.frame_bytes_max);
                    let Some(length) = length.filter(|length| *length >= LENGTH_BYTES) else {
                        return Err(FrameError::Length { claimed, max: self.frame_bytes_max });
                    };
                    let whole = LENGTH_BYTES + length;
                    if self.buffer.len() >= whole {
                        return Ok(self.buffer.split_to(whole).freeze().slice(LENGTH_BYTES..));
                    }
                    whole - self.buffer.len()
                }
            };
            self.buffer.reserve(missing.clamp(READ_BYTES, RESERVE_MAX));
            if self.read.read_buf(&mut self.buffer).await? == 0 {
                return Err(FrameError::Ended);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(bytes: &[u8], max: usize) -> (Vec<Bytes>, FrameError) {
        let mut reader = FrameReader::new(bytes, max);
        let mut frames = Vec::new();
        loop {
            match reader.next().await {
                Ok(frame) => frames.push(frame),
                Err(error) => return (frames, error),
            }
        }
    }

    #[tokio::test]
    async fn frames_are_cut_at_their_lengths_and_false_lengths_end_the_stream() {
        let two = [&5_i32.to_be_bytes()[..], b"abcde", &4_i32.to_be_bytes(), b"wxyz"].concat();
        let (frames, end) = read(&two, 100).await;
        assert_eq!(frames, [&b"abcde"[..], b"wxyz"]);
        assert!(matches!(end, FrameError::Ended));
        for claimed in [-1, 0, 3, 101, i32::MAX] {
            let (frames, end) = read(&[&claimed.to_be_bytes()[..], &[0; 200]].concat(), 100).await;
            assert!(frames.is_empty() && matches!(end, FrameError::Length { .. }), "{claimed}");
        }
        assert!(matches!(read(&two[..7], 100).await.1, FrameError::Ended));
    }
}
