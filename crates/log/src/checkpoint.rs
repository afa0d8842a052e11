//! What a start has to know of all logs: one file, replaced as a whole (durability rules R1, R5).
//!
//! An entry says what was *synced* of a log: its segments with their sizes, and the producers and leader epochs as they
//! were at exactly that end. A log that is not in the file has never been written, or is read from its beginning.
//!
//! ```text
//! magic "OTTLACP2" | metadata revision i64 | count u32 | count x log | CRC-32C of all before u32
//! log: topic id 16 | partition i32 | log start i64 | end i64
//!      | n u32, n x (base i64, end of a compacted one or -1 i64, its generation u32, size u64, max timestamp i64,
//!        CRC-32C u32)
//!      | n u32, n x (leader epoch i32, start i64)
//!      | n u32, n x (producer id i64, epoch i16, n u8, n x (first and last sequence i32, base and last offset i64,
//!        max timestamp i64))
//! ```

use crate::leader_epochs::LeaderEpochs;
use crate::producer_state::{Producer, ProducerTable, WrittenBatch};
use crate::segment::{CompactedRange, SegmentEntry};
use bytes::{Buf, BufMut, TryGetError};
use ottla_env::disk::Disk;
use ottla_wire::batch::crc32c;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;

pub const FILE_NAME: &str = "checkpoint";
const MAGIC: &[u8; 8] = b"OTTLACP2";
/// Of files from before there were compacted segments.
const MAGIC_1: &[u8; 8] = b"OTTLACP1";
/// Far above 200,000 logs with busy producers.
const MAX_FILE: u64 = 2 << 30;

/// Topic id and partition.
pub type LogKey = ([u8; 16], i32);

/// One log as it was when all of it was synced.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogEntry {
    pub log_start: i64,
    pub end_offset: i64,
    pub segments: Vec<SegmentEntry>,
    pub epochs: LeaderEpochs,
    pub producers: ProducerTable,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checkpoint {
    /// The cluster metadata that was stored when this was written; it never ends before.
    pub metadata_revision: i64,
    pub logs: BTreeMap<LogKey, LogEntry>,
}

#[derive(Debug, Clone, Copy)]
enum Layout {
    First,
    Second,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a valid checkpoint")]
pub struct BadCheckpoint;

impl From<TryGetError> for BadCheckpoint {
    fn from(_: TryGetError) -> Self {
        Self
    }
}

impl Checkpoint {
    /// Replaces the file durably and returns the checksum that a clean stop notes.
    pub fn write(&self, disk: &dyn Disk, path: &Path) -> io::Result<u32> {
        let bytes = self.encode();
        disk.replace(path, &bytes)?;
        Ok(checksum_of(&bytes))
    }

    /// The checkpoint and its checksum. `Ok(None)`: there is none, or none that can be believed.
    pub fn read(disk: &dyn Disk, path: &Path) -> io::Result<Option<(Self, u32)>> {
        match disk.read(path, MAX_FILE) {
            Ok(bytes) => Ok(Self::decode(&bytes).ok().map(|checkpoint| (checkpoint, checksum_of(&bytes)))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(64 + self.logs.len() * 160);
        out.put_slice(MAGIC);
        out.put_i64(self.metadata_revision);
        out.put_u32(self.logs.len() as u32);
        for ((topic, partition), entry) in &self.logs {
            out.put_slice(topic);
            out.put_i32(*partition);
            entry.encode(&mut out);
        }
        let crc = crc32c(&out);
        out.put_u32(crc);
        out
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, BadCheckpoint> {
        let (mut body, crc) = bytes.split_last_chunk::<4>().ok_or(BadCheckpoint)?;
        let first = body.starts_with(MAGIC_1);
        if u32::from_be_bytes(*crc) != crc32c(body) || !(first || body.starts_with(MAGIC)) {
            return Err(BadCheckpoint);
        }
        let layout = if first { Layout::First } else { Layout::Second };
        body.advance(MAGIC.len());
        let metadata_revision = body.try_get_i64()?;
        let mut logs = BTreeMap::new();
        for _ in 0..body.try_get_u32()? {
            let mut topic = [0; 16];
            body.try_copy_to_slice(&mut topic)?;
            let partition = body.try_get_i32()?;
            logs.insert((topic, partition), LogEntry::decode(&mut body, layout)?);
        }
        if body.is_empty() { Ok(Self { metadata_revision, logs }) } else { Err(BadCheckpoint) }
    }
}

fn checksum_of(encoded: &[u8]) -> u32 {
    encoded.last_chunk::<4>().map_or(0, |crc| u32::from_be_bytes(*crc))
}

impl LogEntry {
    fn encode(&self, out: &mut Vec<u8>) {
        out.put_i64(self.log_start);
        out.put_i64(self.end_offset);
        out.put_u32(self.segments.len() as u32);
        for segment in &self.segments {
            out.put_i64(segment.base_offset);
            out.put_i64(segment.compacted.map_or(-1, |range| range.end_offset));
            out.put_u32(segment.compacted.map_or(0, |range| range.generation));
            out.put_u64(segment.size);
            out.put_i64(segment.max_timestamp);
            out.put_u32(segment.crc);
        }
        out.put_u32(self.epochs.starts().len() as u32);
        for (epoch, start) in self.epochs.starts() {
            out.put_i32(*epoch);
            out.put_i64(*start);
        }
        out.put_u32(self.producers.len() as u32);
        for (id, producer) in self.producers.iter() {
            out.put_i64(id);
            out.put_i16(producer.epoch);
            out.put_u8(producer.batches.len() as u8);
            for batch in &producer.batches {
                out.put_i32(batch.first_sequence);
                out.put_i32(batch.last_sequence);
                out.put_i64(batch.base_offset);
                out.put_i64(batch.last_offset);
                out.put_i64(batch.max_timestamp);
            }
        }
    }

    fn decode(body: &mut &[u8], layout: Layout) -> Result<Self, BadCheckpoint> {
        let (log_start, end_offset) = (body.try_get_i64()?, body.try_get_i64()?);
        let mut segments = Vec::new();
        for _ in 0..body.try_get_u32()? {
            let base_offset = body.try_get_i64()?;
            let compacted = match layout {
                Layout::First => None,
                Layout::Second => {
                    let (end_offset, generation) = (body.try_get_i64()?, body.try_get_u32()?);
                    (end_offset >= 0).then_some(CompactedRange { end_offset, generation })
                }
            };
            segments.push(SegmentEntry {
                base_offset,
                compacted,
                size: body.try_get_u64()?,
                max_timestamp: body.try_get_i64()?,
                crc: body.try_get_u32()?,
            });
        }
        let mut starts = Vec::new();
        for _ in 0..body.try_get_u32()? {
            starts.push((body.try_get_i32()?, body.try_get_i64()?));
        }
        let mut producers = ProducerTable::default();
        for _ in 0..body.try_get_u32()? {
            let (id, epoch) = (body.try_get_i64()?, body.try_get_i16()?);
            let mut batches = std::collections::VecDeque::new();
            for _ in 0..body.try_get_u8()? {
                batches.push_back(WrittenBatch {
                    first_sequence: body.try_get_i32()?,
                    last_sequence: body.try_get_i32()?,
                    base_offset: body.try_get_i64()?,
                    last_offset: body.try_get_i64()?,
                    max_timestamp: body.try_get_i64()?,
                });
            }
            producers.insert(id, Producer { epoch, batches });
        }
        Ok(Self { log_start, end_offset, segments, epochs: LeaderEpochs::from_starts(starts), producers })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ottla_env::disk::MemoryDisk;

    fn sample() -> Checkpoint {
        let mut producers = ProducerTable::default();
        let batch = WrittenBatch {
            first_sequence: 4,
            last_sequence: 6,
            base_offset: 7,
            last_offset: 9,
            max_timestamp: 5,
        };
        producers.insert(11, Producer { epoch: 2, batches: [batch, batch].into() });
        let entry = LogEntry {
            log_start: 1,
            end_offset: 10,
            segments: vec![
                SegmentEntry {
                    compacted: Some(CompactedRange { end_offset: 5, generation: 2 }),
                    ..SegmentEntry::empty(0)
                },
                SegmentEntry { base_offset: 5, compacted: None, size: 500, max_timestamp: 9, crc: 3 },
            ],
            epochs: LeaderEpochs::from_starts(vec![(0, 0), (3, 5)]),
            producers,
        };
        let logs = [(([1; 16], 0), entry), (([2; 16], 7), LogEntry::default())];
        Checkpoint { metadata_revision: 42, logs: logs.into() }
    }

    #[test]
    fn what_is_written_is_read_and_no_damage_is_believed() {
        let disk = MemoryDisk::new();
        let path = Path::new("/checkpoint");
        assert_eq!(Checkpoint::read(&disk, path).unwrap(), None);
        let checksum = sample().write(&disk, path).unwrap();
        assert_eq!(Checkpoint::read(&disk, path).unwrap(), Some((sample(), checksum)));
        let bytes = sample().encode();
        // A file without logs is the same in both layouts but for its name.
        let mut old = Checkpoint { metadata_revision: 7, ..Checkpoint::default() };
        let mut first = old.encode();
        first.truncate(first.len() - 4);
        first[..8].copy_from_slice(MAGIC_1);
        first.extend_from_slice(&crc32c(&first).to_be_bytes());
        assert_eq!(Checkpoint::decode(&first), Ok(std::mem::take(&mut old)));
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x10;
            assert_eq!(Checkpoint::decode(&damaged), Err(BadCheckpoint), "byte {at}");
            assert_eq!(Checkpoint::decode(&bytes[..at]), Err(BadCheckpoint), "cut at {at}");
        }
    }
}
