//! Walks the batches of a segment from front to back.
//!
//! [`Scan::next_header`] hops from header to header; [`Scan::next_batch`] reads and checks whole batches. Both read
//! ahead in chunks, never more than a batch beyond one.

use crate::range_read::RangeRead;
use crate::segment::Form;
use bytes::Bytes;
use ottla_wire::batch::{BatchError, BatchHeader, HEADER_LEN};
use std::io;

/// Bytes read at once when whole batches are wanted.
const CHUNK: usize = 1 << 20;
/// Bytes read at once when only headers are.
const HOP: usize = 16 << 10;

#[derive(Debug)]
pub(crate) struct Scan<'a> {
    source: &'a dyn RangeRead,
    position: u64,
    end: u64,
    buffer: Bytes,
    buffer_at: u64,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum ScanError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Batch(#[from] BatchError),
}

impl<'a> Scan<'a> {
    pub fn new(source: &'a dyn RangeRead, position: u64, end: u64) -> Self {
        Self { source, position, end, buffer: Bytes::new(), buffer_at: position }
    }

    /// Where the next batch starts.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// The next header and where its batch starts. `None` at the end; the batch is known to fit, no more.
    pub fn next_header(&mut self) -> Result<Option<(u64, BatchHeader)>, ScanError> {
        let Some(header) = self.header(HOP)? else { return Ok(None) };
        let at = self.position;
        self.position += header.size() as u64;
        Ok(Some((at, header)))
    }

    /// The next batch with its CRC and count checked.
    pub fn next_batch(&mut self, form: Form) -> Result<Option<(BatchHeader, Bytes)>, ScanError> {
        let Some(header) = self.header(CHUNK)? else { return Ok(None) };
        let batch = self.bytes(header.size(), CHUNK)?;
        form.validate(&batch)?;
        self.position += header.size() as u64;
        Ok(Some((header, batch)))
    }

    fn header(&mut self, chunk: usize) -> Result<Option<BatchHeader>, ScanError> {
        // An index may have said to begin behind the end.
        let left = self.end.saturating_sub(self.position);
        if left == 0 {
            return Ok(None);
        }
        if left < HEADER_LEN as u64 {
            return Err(BatchError::Incomplete.into());
        }
        let header = BatchHeader::parse(&self.bytes(HEADER_LEN, chunk)?)?;
        if header.size() as u64 > left {
            return Err(BatchError::Incomplete.into());
        }
        Ok(Some(header))
    }

    fn bytes(&mut self, len: usize, chunk: usize) -> io::Result<Bytes> {
        let offset = self.position.checked_sub(self.buffer_at).unwrap_or(u64::MAX);
        let inside = offset.checked_add(len as u64).is_some_and(|end| end <= self.buffer.len() as u64);
        if !inside {
            let wanted = (self.end - self.position).min(chunk.max(len) as u64) as usize;
            self.buffer = self.source.read_range(self.position, wanted)?;
            self.buffer_at = self.position;
        }
        let start = (self.position - self.buffer_at) as usize;
        Ok(self.buffer.slice(start..start + len))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_behind_the_end() {
        let source = Bytes::from(vec![0; 100]);
        for position in [50, 51, u64::MAX] {
            assert!(matches!(Scan::new(&source, position, 50).next_header(), Ok(None)));
            assert!(matches!(Scan::new(&source, position, 50).next_batch(Form::Plain), Ok(None)));
        }
    }
}
