//! One flipped bit in a segment, in every part of a batch: never served, an error that names file and position, the log
//! offline from there on, and everything before it as it was.

use super::written::{self, Stored, Written};
use crate::disk::SimDisk;
use ottla_env::disk::Disk;
use ottla_env::rng::{Rng, SeededRng};
use ottla_log::checkpoint::LogEntry;
use ottla_log::{AppendError, Damage, Log, LogConfig, OpenFrom, OpenReport, ReadError};
use ottla_wire::batch::BatchHeader;
use ottla_wire::record::{BatchBuilder, BuildOptions};
use std::ops::Range;

/// The parts of a batch that are checked by different means.
const PARTS: [(&str, Range<usize>); 11] = [
    ("base offset", 0..8),
    ("length", 8..12),
    ("leader epoch", 12..16),
    ("magic", 16..17),
    ("CRC", 17..21),
    ("attributes", 21..23),
    ("last offset delta", 23..27),
    ("timestamps", 27..43),
    ("producer", 43..57),
    ("count", 57..61),
    ("records", 61..usize::MAX),
];

/// How the broker was stopped, and how much of the log is promised then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    Clean,
    /// Everything is below the checkpoint.
    Unclean,
    /// Some is behind it.
    BehindCheckpoint,
}

pub fn suite(seed: u64) -> Result<usize, String> {
    let rng = SeededRng::new(seed);
    let config = LogConfig {
        segment_bytes: 600 + rng.below(3_000) as u32,
        index_interval_bytes: 64 << rng.below(5),
        ..LogConfig::default()
    };
    let written = written::write(&SimDisk::default(), written::place(0), config, &rng)?;
    let mut cases = 0;
    for (number, batch) in written.batches.iter().enumerate() {
        for (part, range) in PARTS {
            let end = range.end.min(batch.bytes.len());
            let byte = range.start + rng.below((end - range.start) as u64) as usize;
            let bit = rng.below(8);
            for stop in [Stop::Clean, Stop::Unclean, Stop::BehindCheckpoint] {
                let flipped = Flipped { written: &written, number, byte };
                let keep_index = rng.below(2) == 0;
                flipped.case(1 << bit, stop, keep_index, &rng).map_err(|error| {
                    format!("bit {bit} of byte {byte} ({part}) of batch {number}, {stop:?}: {error}")
                })?;
                cases += 1;
            }
        }
    }
    Ok(cases)
}

struct Flipped<'a> {
    written: &'a Written,
    number: usize,
    /// Of the batch.
    byte: usize,
}

impl Flipped<'_> {
    fn batch(&self) -> &Stored {
        &self.written.batches[self.number]
    }

    fn case(&self, mask: u8, stop: Stop, keep_index: bool, rng: &dyn Rng) -> Result<(), String> {
        let disk = SimDisk::of(self.written.image.clone());
        let file = &self.batch().file;
        disk.rot(file, self.batch().position as usize + self.byte, mask)
            .map_err(|error| error.to_string())?;
        if !keep_index {
            let _ = disk.remove_file(&file.with_extension("index"));
        }
        let (from, promised) = match stop {
            Stop::Clean => (OpenFrom::Clean(Some(&self.written.entry)), self.written.end_offset()),
            Stop::Unclean => (unclean(&self.written.entry), self.written.end_offset()),
            Stop::BehindCheckpoint => (unclean(&self.written.earlier), self.written.earlier.end_offset),
        };
        let (mut log, report) = self.written.open(&disk, from)?;
        if self.batch().base_offset < promised {
            self.nothing_is_cut(&disk, &report)?;
            self.is_met(&log, rng)?;
            self.refuses_writes(&mut log)
        } else {
            self.ends_the_log(&disk, &log, &report)
        }
    }

    fn nothing_is_cut(&self, disk: &SimDisk, report: &OpenReport) -> Result<(), String> {
        if report.cut_bytes > 0 || !report.kept.is_empty() {
            return Err(format!("promised data was cut: {report:?}"));
        }
        for batch in &self.written.batches {
            let len = disk.len(&batch.file).map_err(|error| error.to_string())?;
            if len.is_none_or(|len| len < batch.end()) {
                return Err(format!("{} has {len:?} bytes", batch.file.display()));
            }
        }
        Ok(())
    }

    fn is_named(&self, damage: &Damage, offset: i64) -> Result<(), String> {
        let batch = self.batch();
        let here = damage.file == batch.file
            && (batch.position..=batch.end()).contains(&damage.position)
            && (batch.base_offset..=offset.max(batch.base_offset)).contains(&damage.offset);
        if here {
            Ok(())
        } else {
            Err(format!("a read at {offset} says: {damage}, offset {}", damage.offset))
        }
    }

    /// Reads in any order, then each offset; look-ups by time between.
    fn is_met(&self, log: &Log, rng: &dyn Rng) -> Result<(), String> {
        let (written, end) = (self.written, self.written.end_offset());
        let bad = self.batch().base_offset;
        let mut met = false;
        for number in 0..end * 2 {
            let offset = if number < end { rng.below(end as u64) as i64 } else { number - end };
            let max_bytes = [1, 300, 1 << 20][rng.below(3) as usize];
            match written.read(log, offset, max_bytes)? {
                Ok(_) if offset < bad => {}
                // The index may lead past it, as long as nobody has met it.
                Ok(_) if offset >= self.batch().next_offset && !met => {}
                Err(ReadError::Damaged(damage)) if offset >= bad => {
                    self.is_named(&damage, offset)?;
                    met = true;
                }
                other => return Err(format!("a read at {offset} of {bad}..: {other:?}")),
            }
            let timestamp = 900 + rng.below(end as u64 * 10 + 300) as i64;
            if let Err(error) = written.look_up(log, timestamp)? {
                let ReadError::Damaged(damage) = error else { return Err(format!("a look-up: {error}")) };
                self.is_named(&damage, i64::MAX)?;
                met = true;
            }
        }
        if met { Ok(()) } else { Err("nobody noticed".to_owned()) }
    }

    fn refuses_writes(&self, log: &mut Log) -> Result<(), String> {
        let mut builder = BatchBuilder::new();
        builder.push(0, None, Some(b"late"), &[]);
        let batch = builder.build(BuildOptions::default()).map_err(|error| error.to_string())?;
        let header = BatchHeader::parse(&batch).map_err(|error| error.to_string())?;
        match log.append(&header, &batch, 100, 0) {
            Err(AppendError::Offline(why)) if why.contains(&self.batch().file.display().to_string()) => {
                Ok(())
            }
            other => Err(format!("a write to a damaged log: {other:?}")),
        }
    }

    /// Nothing promised this batch: it looks like one that was never finished. What it cuts off is kept.
    fn ends_the_log(&self, disk: &SimDisk, log: &Log, report: &OpenReport) -> Result<(), String> {
        let (bad, end) = (self.batch().base_offset, log.end_offset());
        // Until a checkpoint knows the leader epochs, a higher one passes, and what is behind it does not fit.
        let is_epoch = (12..16).contains(&self.byte) && end >= self.batch().next_offset;
        if report.damage.is_some() || end != bad && !is_epoch {
            return Err(format!("the log ends at {end}, {report:?}"));
        }
        for offset in 0..bad {
            if let Err(error) = self.written.read(log, offset, 1)? {
                return Err(format!("a read at {offset}: {error}"));
            }
        }
        let behind = self.written.batches[self.number + 1..].iter().filter(|batch| batch.base_offset >= end);
        let mut kept = 0;
        for path in &report.kept {
            kept += disk.len(path).map_err(|error| error.to_string())?.unwrap_or(0);
        }
        let wanted: u64 = behind.map(|batch| batch.bytes.len() as u64).sum();
        if kept < wanted {
            return Err(format!("{wanted} bytes of whole batches were cut off, {kept} are kept"));
        }
        Ok(())
    }
}

fn unclean(entry: &LogEntry) -> OpenFrom<'_> {
    OpenFrom::Unclean { entry: Some(entry), synced: false }
}
