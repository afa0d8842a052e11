//! The broker's files, read and torn between a kill and the restart.
//!
//! Layout: `DATA/topics/TOPIC_ID-PARTITION/BASE_OFFSET.log`, record batches one behind the other and nothing else. A
//! batch begins with its base offset (8 bytes) and the length of what follows (4 bytes).

use super::random::Random;
use super::record::crc32c;
use super::violation::{Promise, Violation};
use anyhow::{Context, Result};
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

/// Header of a batch up to its records.
const HEADER: usize = 61;
/// Bytes of a segment that many records were written to.
const LARGE: usize = 4096;
const LENGTH_AT: usize = 8;
const CRC_AT: usize = 17;
const CRC_OF: usize = 21;
const LAST_DELTA_AT: usize = 23;

/// The newest segment of one log.
#[derive(Debug)]
pub struct Tail {
    file: PathBuf,
    bytes: Vec<u8>,
    /// End of the last whole batch.
    whole: usize,
    /// Where the last whole batch begins; `None` in an empty segment.
    last: Option<usize>,
}

impl Tail {
    fn read(file: PathBuf) -> Result<Self> {
        let bytes = std::fs::read(&file).with_context(|| format!("read {}", file.display()))?;
        let (mut whole, mut last) = (0, None);
        while let Some(len) = batch_len(&bytes[whole..]) {
            last = Some(whole);
            whole += len;
        }
        Ok(Self { file, bytes, whole, last })
    }

    /// Bytes behind the last whole batch: what recovery has to cut.
    pub fn torn(&self) -> usize {
        self.bytes.len() - self.whole
    }
}

/// Length of the batch that begins here, if it is whole and its checksum holds.
fn batch_len(bytes: &[u8]) -> Option<usize> {
    let length = i32::from_be_bytes(bytes.get(LENGTH_AT..LENGTH_AT + 4)?.try_into().ok()?);
    let len = usize::try_from(length).ok()?.checked_add(LENGTH_AT + 4)?;
    if len < HEADER {
        return None;
    }
    let batch = bytes.get(..len)?;
    let crc = u32::from_be_bytes(batch[CRC_AT..CRC_OF].try_into().ok()?);
    (crc == crc32c(&batch[CRC_OF..])).then_some(len)
}

/// The newest segment of every log in a data directory, in the order of their names.
pub fn tails(data: &Path) -> Result<Vec<Tail>> {
    let topics = data.join("topics");
    let mut newest = Vec::new();
    for log in std::fs::read_dir(&topics).with_context(|| format!("read {}", topics.display()))? {
        let Ok(files) = std::fs::read_dir(log?.path()) else { continue };
        let segments = files.filter_map(|f| f.ok().map(|f| f.path()));
        newest.extend(segments.filter(|f| f.extension().is_some_and(|e| e == "log")).max());
    }
    newest.sort();
    newest.into_iter().map(Tail::read).collect()
}

/// Half a batch that was appended to a segment.
#[derive(Debug)]
pub struct Tear {
    file: PathBuf,
    at: usize,
    half: Vec<u8>,
}

/// Appends half a batch to up to `count` segments, as a write that was cut short would leave it: the header is valid,
/// the base offset is the next one, and the rest is missing.
pub fn tear(tails: &[Tail], count: usize, random: &mut Random) -> Result<Vec<Tear>> {
    let whole =
        |least: usize| -> Vec<&Tail> { tails.iter().filter(|t| t.torn() == 0 && t.whole > least).collect() };
    // Topics that come and go have a few small records; the others are where a reader notices.
    let (large, any) = (whole(LARGE), whole(0));
    let whole = if large.is_empty() { any } else { large };
    let mut tears: Vec<Tear> = Vec::new();
    for _ in 0..count {
        let Some(tail) = random.pick(&whole) else { break };
        let Some(half) = half_batch(tail) else { continue };
        if tears.iter().any(|t| t.file == tail.file) {
            continue;
        }
        let mut file = OpenOptions::new().append(true).open(&tail.file)?;
        file.write_all(&half)?;
        tears.push(Tear { file: tail.file.clone(), at: tail.whole, half });
    }
    Ok(tears)
}

fn half_batch(tail: &Tail) -> Option<Vec<u8>> {
    let batch = tail.bytes.get(tail.last?..tail.whole)?;
    let base = i64::from_be_bytes(batch[..8].try_into().ok()?);
    let last_delta = i32::from_be_bytes(batch[LAST_DELTA_AT..LAST_DELTA_AT + 4].try_into().ok()?);
    let mut half = batch[..(batch.len() / 2).max(HEADER)].to_vec();
    half[..8].copy_from_slice(&(base + i64::from(last_delta) + 1).to_be_bytes());
    (half.len() < batch.len()).then_some(half)
}

/// After recovery: none of the halves is still where it was. A log may be gone, because its topic was being deleted.
pub fn check_cut(tears: &[Tear]) -> Result<()> {
    for tear in tears {
        let bytes = match std::fs::read(&tear.file) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => return Err(error).with_context(|| format!("read {}", tear.file.display())),
        };
        if bytes.get(tear.at..).is_some_and(|rest| rest.starts_with(&tear.half)) {
            let text = format!("{} still has half a batch at byte {}", tear.file.display(), tear.at);
            return Err(Violation::new(Promise::TornTail, text).into());
        }
    }
    Ok(())
}

impl Tear {
    pub fn len(&self) -> usize {
        self.half.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(base: i64, records: usize) -> Vec<u8> {
        let mut batch = vec![0; HEADER + records];
        batch[..8].copy_from_slice(&base.to_be_bytes());
        batch[LENGTH_AT..LENGTH_AT + 4].copy_from_slice(&((HEADER + records - 12) as i32).to_be_bytes());
        batch[LAST_DELTA_AT..LAST_DELTA_AT + 4].copy_from_slice(&2i32.to_be_bytes());
        let crc = crc32c(&batch[CRC_OF..]);
        batch[CRC_AT..CRC_OF].copy_from_slice(&crc.to_be_bytes());
        batch
    }

    #[test]
    fn half_a_batch_is_seen_as_torn_and_found_again() {
        let folder = std::env::temp_dir().join(format!("kill9-segments-{}", std::process::id()));
        let log = folder.join("topics/a-0");
        std::fs::create_dir_all(&log).unwrap();
        let file = log.join("00000000000000000000.log");
        std::fs::write(&file, [batch(0, 100), batch(3, 100)].concat()).unwrap();
        let before = tails(&folder).unwrap();
        assert_eq!((before.len(), before[0].torn()), (1, 0));
        let tears = tear(&before, 3, &mut Random::new(1)).unwrap();
        assert_eq!((tears.len(), tears[0].len()), (1, 80));
        assert_eq!(tears[0].half[..8], 6i64.to_be_bytes());
        assert_eq!(tails(&folder).unwrap()[0].torn(), 80);
        assert!(check_cut(&tears).is_err());
        std::fs::write(&file, [batch(0, 100), batch(3, 100), batch(6, 120)].concat()).unwrap();
        assert!(check_cut(&tears).is_ok());
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_wrong_checksum_ends_the_whole_part() {
        let mut bytes = [batch(0, 10), batch(3, 10)].concat();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        assert_eq!(batch_len(&bytes), Some(HEADER + 10));
        assert_eq!(batch_len(&bytes[HEADER + 10..]), None);
    }
}
