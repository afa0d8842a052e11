//! The sparse index of one segment: from offsets and timestamps to positions.
//!
//! An entry stands for a batch: its offset, its position, and the largest timestamp of everything *before* it, so that
//! one search answers both "where is this offset" and "where can this timestamp first be". The file is advisory: it
//! names the log bytes it covers and carries a CRC, and is built anew when anything about it does not fit.
//!
//! ```text
//! file: magic "OTTLAIX1" | covered bytes of the .log u64 | CRC-32C of those u32 | max timestamp i64 | count u32
//!       | count x (offset - base u32, position u32, max timestamp before i64) | CRC-32C of all before u32
//! ```

use ottla_env::disk::Disk;
use ottla_wire::batch::crc32c;
use std::io;
use std::path::Path;

const MAGIC: &[u8; 8] = b"OTTLAIX1";
const HEAD: usize = 8 + 8 + 4 + 8 + 4;
const ENTRY: usize = 16;
/// Larger than the index of any segment (4 GiB in steps of 64 bytes).
const MAX_FILE: u64 = 1 << 30;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct IndexEntry {
    pub relative_offset: u32,
    pub position: u32,
    pub max_timestamp_before: i64,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Index {
    entries: Vec<IndexEntry>,
}

/// A batch that an index knows of. Without an entry: the beginning of the segment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Known {
    pub position: u64,
    /// `None`: the first batch, wherever it starts.
    pub relative_offset: Option<u32>,
}

/// What an index file says about its segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IndexFile {
    pub covered: u64,
    pub crc: u32,
    pub max_timestamp: i64,
    pub index: Index,
}

impl Index {
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn push(&mut self, entry: IndexEntry) {
        self.entries.push(entry);
    }

    /// Where to start looking for an offset, and where the search is sure to be over.
    pub fn around_offset(&self, relative_offset: u32) -> (Known, Option<u64>) {
        let behind = self.entries.partition_point(|entry| entry.relative_offset <= relative_offset);
        (self.before(behind), self.entries.get(behind).map(|entry| u64::from(entry.position)))
    }

    /// The batch before which no timestamp reaches `timestamp`.
    pub fn before_timestamp(&self, timestamp: i64) -> Known {
        self.before(self.entries.partition_point(|entry| entry.max_timestamp_before < timestamp))
    }

    fn before(&self, behind: usize) -> Known {
        let entry = behind.checked_sub(1).map(|i| self.entries[i]);
        entry.map_or_else(Known::default, |entry| Known {
            position: u64::from(entry.position),
            relative_offset: Some(entry.relative_offset),
        })
    }

    /// Entries that lie at least so many bytes apart, so that the indexes of old segments stay small in memory and a
    /// look-up still passes over few bytes: large batches keep an entry each.
    pub fn thinned(mut self, bytes_apart: u32) -> Self {
        let mut due = 0;
        self.entries.retain(|entry| {
            let kept = entry.position >= due;
            if kept {
                due = entry.position.saturating_add(bytes_apart);
            }
            kept
        });
        self.entries.shrink_to_fit();
        self
    }
}

impl IndexFile {
    pub fn write(&self, disk: &dyn Disk, path: &Path) -> io::Result<()> {
        let mut out = Vec::with_capacity(HEAD + self.index.entries.len() * ENTRY + 4);
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&self.covered.to_be_bytes());
        out.extend_from_slice(&self.crc.to_be_bytes());
        out.extend_from_slice(&self.max_timestamp.to_be_bytes());
        out.extend_from_slice(&(self.index.entries.len() as u32).to_be_bytes());
        for entry in &self.index.entries {
            out.extend_from_slice(&entry.relative_offset.to_be_bytes());
            out.extend_from_slice(&entry.position.to_be_bytes());
            out.extend_from_slice(&entry.max_timestamp_before.to_be_bytes());
        }
        out.extend_from_slice(&crc32c(&out).to_be_bytes());
        let file = disk.open(path, ottla_env::disk::OpenMode::Write)?;
        file.set_len(0)?;
        file.write_all_at(&out, 0)
    }

    /// Whether it is of the bytes of this segment.
    pub fn fits(&self, size: u64, crc: u32) -> bool {
        self.covered == size && self.crc == crc
    }

    /// `None` when there is none or it is damaged.
    pub fn read(disk: &dyn Disk, path: &Path) -> Option<Self> {
        Self::parse(&disk.read(path, MAX_FILE).ok()?)
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let (body, crc) = bytes.split_last_chunk::<4>()?;
        let body = (u32::from_be_bytes(*crc) == crc32c(body)).then_some(body)?;
        let (magic, rest) = body.split_first_chunk::<8>()?;
        let (covered, rest) = rest.split_first_chunk::<8>()?;
        let (crc, rest) = rest.split_first_chunk::<4>()?;
        let (max_timestamp, rest) = rest.split_first_chunk::<8>()?;
        let (count, rest) = rest.split_first_chunk::<4>()?;
        let count = u32::from_be_bytes(*count) as usize;
        if magic != MAGIC || Some(rest.len()) != count.checked_mul(ENTRY) {
            return None;
        }
        let entries: Option<Vec<IndexEntry>> = rest.chunks_exact(ENTRY).map(parse_entry).collect();
        Some(Self {
            covered: u64::from_be_bytes(*covered),
            crc: u32::from_be_bytes(*crc),
            max_timestamp: i64::from_be_bytes(*max_timestamp),
            index: Index { entries: entries? },
        })
    }
}

fn parse_entry(bytes: &[u8]) -> Option<IndexEntry> {
    let (relative_offset, rest) = bytes.split_first_chunk::<4>()?;
    let (position, rest) = rest.split_first_chunk::<4>()?;
    let (timestamp, _) = rest.split_first_chunk::<8>()?;
    Some(IndexEntry {
        relative_offset: u32::from_be_bytes(*relative_offset),
        position: u32::from_be_bytes(*position),
        max_timestamp_before: i64::from_be_bytes(*timestamp),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ottla_env::disk::MemoryDisk;

    fn sample() -> IndexFile {
        let mut index = Index::default();
        for (offset, position, before) in
            [(0, 0, i64::MIN), (10, 4_000, 100), (30, 9_000, 100), (44, 13_000, 250)]
        {
            index.push(IndexEntry { relative_offset: offset, position, max_timestamp_before: before });
        }
        IndexFile { covered: 20_000, crc: 7, max_timestamp: 300, index }
    }

    #[test]
    fn offsets_and_timestamps_are_found_between_entries() {
        let index = sample().index;
        let found: Vec<_> = [0, 9, 10, 29, 44, 99].map(|offset| index.around_offset(offset)).to_vec();
        let at = |position, offset| Known { position, relative_offset: Some(offset) };
        let (first, second, last) =
            ((at(0, 0), Some(4_000)), (at(4_000, 10), Some(9_000)), (at(13_000, 44), None));
        assert_eq!(found, [first, first, second, second, last, last]);
        let found = [50, 100, 101, 250, 251].map(|t| index.before_timestamp(t));
        assert_eq!(found, [at(0, 0), at(0, 0), at(9_000, 30), at(9_000, 30), at(13_000, 44)]);
        assert_eq!(Index::default().around_offset(7), (Known::default(), None));
    }

    #[test]
    fn what_stays_in_memory_lies_so_many_bytes_apart() {
        let kept =
            |bytes| sample().index.thinned(bytes).entries.iter().map(|e| e.position).collect::<Vec<_>>();
        assert_eq!(kept(4_000), [0, 4_000, 9_000, 13_000]);
        assert_eq!(kept(5_000), [0, 9_000]);
        assert_eq!(kept(u32::MAX), [0]);
    }

    #[test]
    fn a_file_is_read_back_and_no_damaged_one_is_believed() {
        let disk = MemoryDisk::new();
        let path = Path::new("/0.index");
        assert_eq!(IndexFile::read(&disk, path), None);
        sample().write(&disk, path).unwrap();
        assert_eq!(IndexFile::read(&disk, path), Some(sample()));
        let bytes = disk.read(path, 1 << 20).unwrap();
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            assert_eq!(IndexFile::parse(&damaged), None, "byte {at}");
            assert_eq!(IndexFile::parse(&bytes[..at]), None, "cut at {at}");
        }
    }
}
