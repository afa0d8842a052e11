//! A log that was written, and the truth about it: every batch with its place, and where each timestamp begins.

use crate::disk::SimDisk;
use crate::disk::image::Image;
use bytes::Bytes;
use ottla_env::disk::Disk;
use ottla_env::rng::Rng;
use ottla_log::checkpoint::LogEntry;
use ottla_log::{Log, LogConfig, LogPlace, OpenFrom, OpenReport, ReadError, ReadLimits};
use ottla_wire::batch::{BatchHeader, batches};
use ottla_wire::compress::Codec;
use ottla_wire::record::{BatchBuilder, BuildOptions};
use std::path::{Path, PathBuf};
use std::sync::Arc;

const ROOT: &str = "/data";
const BATCHES: usize = 24;

/// One batch as it is stored.
#[derive(Debug, Clone)]
pub struct Stored {
    pub base_offset: i64,
    pub next_offset: i64,
    pub file: PathBuf,
    pub position: u64,
    pub bytes: Bytes,
}

impl Stored {
    pub fn end(&self) -> u64 {
        self.position + self.bytes.len() as u64
    }
}

/// All of it is synced.
#[derive(Debug)]
pub struct Written {
    pub place: LogPlace,
    pub config: LogConfig,
    pub image: Image,
    pub batches: Vec<Stored>,
    /// Offset and timestamp of every record.
    pub times: Vec<(i64, i64)>,
    /// At the end, and somewhere before.
    pub entry: LogEntry,
    pub earlier: LogEntry,
}

fn text(error: impl ToString) -> String {
    error.to_string()
}

pub fn place(number: u32) -> LogPlace {
    LogPlace { dir: Path::new(ROOT).join("topics").join(format!("t-{number}")), root: ROOT.into() }
}

/// Writes a log beside what the disk holds already.
pub fn write(disk: &SimDisk, place: LogPlace, config: LogConfig, rng: &dyn Rng) -> Result<Written, String> {
    disk.create_dir_all(&Path::new(ROOT).join("topics")).map_err(text)?;
    let from = OpenFrom::Unclean { entry: None, synced: false };
    let (mut log, _) =
        Log::open(Arc::new(disk.clone()), place.clone(), config.clone(), from).map_err(text)?;
    let (mut times, mut epoch, mut earlier) = (Vec::new(), 0, None);
    let checkpoint_at = 4 + rng.below(BATCHES as u64 - 8) as usize;
    for number in 0..BATCHES {
        epoch += i32::from(rng.below(5) == 0);
        let batch = build(log.end_offset(), rng, &mut times)?;
        let header = BatchHeader::parse(&batch).map_err(text)?;
        log.append(&header, &batch, epoch, 0).map_err(text)?;
        if number == checkpoint_at {
            sync(&mut log)?;
            earlier = Some(log.entry());
        }
    }
    sync(&mut log)?;
    log.write_index();
    disk.sync_fs(Path::new(ROOT)).map_err(text)?;
    let entry = log.entry();
    let earlier = earlier.unwrap_or_default();
    let mut written =
        Written { place, config, image: disk.image(), batches: Vec::new(), times, entry, earlier };
    for segment in &written.entry.segments {
        let file = written.place.dir.join(format!("{:020}.log", segment.base_offset));
        let bytes = disk.read(&file, 1 << 30).map_err(text)?;
        let mut position = 0;
        for (header, bytes) in batches(bytes.into()) {
            let (base_offset, next_offset) = (header.base_offset, header.next_offset());
            let size = bytes.len() as u64;
            written.batches.push(Stored { base_offset, next_offset, file: file.clone(), position, bytes });
            position += size;
        }
    }
    if written.batches.len() != BATCHES {
        return Err(format!("{} batches are on the disk of {BATCHES}", written.batches.len()));
    }
    Ok(written)
}

fn build(base_offset: i64, rng: &dyn Rng, times: &mut Vec<(i64, i64)>) -> Result<Bytes, String> {
    let mut builder = BatchBuilder::new();
    for i in 0..=rng.below(3) as i64 {
        let offset = base_offset + i;
        // Mostly later ones, some out of order.
        let timestamp = 1_000 + offset * 10 - rng.below(4) as i64 * 7;
        let value = format!("value {offset} {}", "x".repeat(rng.below(200) as usize));
        builder.push(timestamp, None, Some(value.as_bytes()), &[]);
        times.push((offset, timestamp));
    }
    let codec = Codec::ALL[rng.below(Codec::ALL.len() as u64) as usize];
    builder.build(BuildOptions { codec, ..BuildOptions::default() }).map_err(text)
}

fn sync(log: &mut Log) -> Result<(), String> {
    for job in log.take_sync_jobs() {
        job.run().map_err(text)?;
        log.sync_done(&job.path);
    }
    Ok(())
}

impl Written {
    pub fn open(&self, disk: &SimDisk, from: OpenFrom<'_>) -> Result<(Log, OpenReport), String> {
        Log::open(Arc::new(disk.clone()), self.place.clone(), self.config.clone(), from).map_err(text)
    }

    pub fn end_offset(&self) -> i64 {
        self.entry.end_offset
    }

    pub fn batch_of(&self, offset: i64) -> Option<usize> {
        self.batches.iter().position(|batch| offset < batch.next_offset)
    }

    /// One read. Whatever comes, is what was written, from the batch with this offset on.
    pub fn read(&self, log: &Log, offset: i64, max_bytes: usize) -> Result<Result<usize, ReadError>, String> {
        let limits = ReadLimits { max_bytes, first_max_bytes: usize::MAX, upto: i64::MAX };
        let bytes = match log.reader().read(offset, limits) {
            Ok(bytes) => bytes,
            Err(error) => return Ok(Err(error)),
        };
        let first = self.batch_of(offset).ok_or("an offset that nobody wrote")?;
        let mut count = 0;
        let mut left = &bytes[..];
        for stored in &self.batches[first..] {
            if left.is_empty() {
                break;
            }
            let rest = left.strip_prefix(&stored.bytes[..]);
            left = rest.ok_or_else(|| {
                format!(
                    "a read at {offset} served something else in place of the batch at {}",
                    stored.base_offset
                )
            })?;
            count += 1;
        }
        if count == 0 || !left.is_empty() {
            return Err(format!("a read at {offset} served {} bytes, {count} batches of them", bytes.len()));
        }
        Ok(Ok(count))
    }

    /// A look-up by time is right or an error.
    pub fn look_up(&self, log: &Log, timestamp: i64) -> Result<Result<(), ReadError>, String> {
        let truth = self.times.iter().find(|(_, at)| *at >= timestamp);
        match log.reader().offset_for_timestamp(timestamp, i64::MAX) {
            Err(error) => Ok(Err(error)),
            Ok(found) if found.map(|found| (found.offset, found.timestamp)) == truth.copied() => Ok(Ok(())),
            Ok(found) => Err(format!("timestamp {timestamp} was found at {found:?}, it is at {truth:?}")),
        }
    }
}
