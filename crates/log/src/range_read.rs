//! Where bytes of a segment come from: a file today, ranges of an object later.

use bytes::Bytes;
use ottla_env::disk::File;
use std::fmt::Debug;
use std::io;
use std::sync::Arc;

pub trait RangeRead: Debug + Send + Sync {
    /// Exactly `len` bytes from a position, or `UnexpectedEof`.
    fn read_range(&self, position: u64, len: usize) -> io::Result<Bytes>;
}

#[derive(Debug, Clone)]
pub struct FileRange(pub Arc<dyn File>);

impl RangeRead for FileRange {
    fn read_range(&self, position: u64, len: usize) -> io::Result<Bytes> {
        Ok(self.0.read_vec_at(len, position)?.into())
    }
}

impl RangeRead for Bytes {
    fn read_range(&self, position: u64, len: usize) -> io::Result<Bytes> {
        let start = usize::try_from(position).map_err(io::Error::other)?;
        let end =
            start.checked_add(len).filter(|end| *end <= self.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        Ok(self.slice(start..end))
    }
}
