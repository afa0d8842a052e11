//! One partition's log: appends, rolls, and says what of it is durable. How it gets shorter: [`shorten`].

mod shorten;

use crate::checkpoint::LogEntry;
use crate::config::LogConfig;
use crate::controls::{self, Control};
use crate::error::{AppendError, Damage, OpenError};
use crate::leader_epochs::LeaderEpochs;
use crate::producer_state::{ProducerTable, Verdict};
use crate::reader::{LogReader, Shared};
use crate::recovery::{self, Recovered, Recovery};
use crate::segment::{Segment, file_name};
use crate::sync_ledger::{SyncJob, SyncLedger};
use bytes::Bytes;
use ottla_env::disk::{Disk, File, OpenMode, lacks_room};
use ottla_wire::batch::{BatchHeader, HEADER_LEN, patched_header};
use std::io::{self, IoSlice};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Bytes of an index entry as Kafka counts them for `segment.index.bytes`.
const INDEX_ENTRY_BYTES: usize = 8;
/// Positions and relative offsets are 32 bits.
const SEGMENT_MAX: u64 = u32::MAX as u64 - (1 << 20);

/// Where a log lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogPlace {
    pub dir: PathBuf,
    /// The data directory; names are durable from the log's directory up to here.
    pub root: PathBuf,
}

impl LogPlace {
    /// The directories whose entries make a file of the log durable, nearest first.
    pub fn names(&self) -> Vec<PathBuf> {
        self.dir.ancestors().take_while(|dir| dir.starts_with(&self.root)).map(Path::to_owned).collect()
    }
}

/// What the start of the broker knows of a log.
#[derive(Debug, Clone, Copy)]
pub enum OpenFrom<'a> {
    /// The last stop was clean and this is what it left.
    Clean(Option<&'a LogEntry>),
    /// The last stop was not clean. `synced`: the whole file system was synced since.
    Unclean { entry: Option<&'a LogEntry>, synced: bool },
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OpenReport {
    pub scanned_bytes: u64,
    pub cut_bytes: u64,
    pub cut_because: Option<String>,
    /// Copies of what was cut, where a whole batch stood in it.
    pub kept: Vec<PathBuf>,
    /// Promised data that is not there: the log is offline for writes, and for reads from here on.
    pub damage: Option<Damage>,
}

/// Where a batch went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    pub base_offset: i64,
    pub last_offset: i64,
    pub max_timestamp: i64,
    pub duplicate: bool,
    /// The header as it is stored. Of a duplicate: as it came.
    pub header: [u8; HEADER_LEN],
}

#[derive(Debug)]
pub struct Log {
    disk: Arc<dyn Disk>,
    place: LogPlace,
    config: LogConfig,
    shared: Arc<Shared>,
    active: Option<Active>,
    producers: ProducerTable,
    epochs: LeaderEpochs,
    ledger: SyncLedger,
    end_offset: i64,
    log_start: i64,
    offline: Option<String>,
    /// Nothing promised was missing when it was opened.
    is_whole: bool,
}

#[derive(Debug)]
struct Active {
    segment: Arc<Segment>,
    file: Arc<dyn File>,
    /// Timestamp of its first batch, from which its age counts.
    born_ms: Option<i64>,
    jitter_seed: u32,
}

/// The same for a segment after a restart, and without pattern among segments.
fn jitter_seed(path: &Path) -> u32 {
    ottla_wire::batch::crc32c(path.as_os_str().as_encoded_bytes())
}

impl Log {
    /// Opens a log, and makes nothing: directory and files come with the first append.
    pub fn open(
        disk: Arc<dyn Disk>,
        place: LogPlace,
        config: LogConfig,
        from: OpenFrom<'_>,
    ) -> Result<(Self, OpenReport), OpenError> {
        let synced = matches!(from, OpenFrom::Unclean { synced: true, .. });
        let recovery =
            Recovery { disk: disk.as_ref(), place: &place, interval: config.index_interval_bytes, synced };
        let recovered = recovery.open(from)?;
        Self::from_recovered(disk, place, config, recovered)
    }

    fn from_recovered(
        disk: Arc<dyn Disk>,
        place: LogPlace,
        config: LogConfig,
        recovered: Recovered,
    ) -> Result<(Self, OpenReport), OpenError> {
        let Recovered { segments, log_start, end_offset, epochs, producers, report } = recovered;
        let mut ledger = SyncLedger::new(Arc::clone(&disk), end_offset);
        let mut active = None;
        if report.damage.is_none()
            && let Some(segment) = segments.last().filter(|segment| segment.compacted.is_none())
        {
            let file =
                disk.open(&segment.path, OpenMode::Write).map_err(OpenError::io("open", &segment.path))?;
            segment.keep_file(Arc::clone(&file));
            ledger.file_added(Arc::clone(&file), segment.path.clone(), Vec::new(), end_offset);
            let born_ms = first_timestamp(file.as_ref());
            let jitter_seed = jitter_seed(&segment.path);
            active = Some(Active { segment: Arc::clone(segment), file, born_ms, jitter_seed });
        }
        let offline = report.damage.as_ref().map(ToString::to_string);
        let shared = Shared::new(
            Arc::clone(&disk),
            segments,
            log_start,
            end_offset,
            epochs.clone(),
            report.damage.clone(),
        );
        let log = Self {
            disk,
            place,
            config,
            shared: Arc::new(shared),
            active,
            producers,
            epochs,
            ledger,
            end_offset,
            log_start,
            offline,
            is_whole: report.damage.is_none(),
        };
        Ok((log, report))
    }

    /// Whether files and entry differ, so that opening the log means reading it.
    pub fn is_dirty_on_disk(
        disk: &dyn Disk,
        dir: &Path,
        entry: Option<&LogEntry>,
    ) -> Result<bool, OpenError> {
        let mut files = recovery::list(disk, dir)?;
        let mut entry = entry.cloned().unwrap_or_default();
        let log_start = entry.log_start;
        recovery::leave_out(log_start, &mut files, &mut entry);
        Ok(!recovery::is_as_promised(&files, &entry))
    }

    /// Appends one batch that was checked, or leaves no trace (durability rule A4).
    pub fn append(
        &mut self,
        header: &BatchHeader,
        batch: &Bytes,
        leader_epoch: i32,
        now_ms: i64,
    ) -> Result<Appended, AppendError> {
        if let Some(reason) = &self.offline {
            return Err(AppendError::Offline(reason.clone()));
        }
        if let Some(damage) = self.shared.damage() {
            return Err(AppendError::Offline(damage.to_string()));
        }
        let producer_id = header.producer_id;
        match self.producers.check(header) {
            Verdict::Append => {}
            Verdict::Duplicate(first) => {
                return Ok(Appended {
                    base_offset: first.base_offset,
                    last_offset: first.last_offset,
                    max_timestamp: first.max_timestamp,
                    duplicate: true,
                    header: header.to_bytes(),
                });
            }
            Verdict::OutOfOrder { expected } => {
                let sequence = header.base_sequence;
                return Err(AppendError::OutOfOrderSequence { producer_id, sequence, expected });
            }
            Verdict::StaleEpoch { current } => {
                let epoch = header.producer_epoch;
                return Err(AppendError::StaleProducerEpoch { producer_id, epoch, current });
            }
        }
        let base_offset = self.end_offset;
        let next = base_offset
            .checked_add(i64::from(header.last_offset_delta) + 1)
            .ok_or_else(|| AppendError::Offline("offsets are used up".to_owned()))?;
        if controls::active(Control::TableMovesFirst) {
            self.producers.note(header, base_offset);
        }
        self.roll_if_due(header.size(), next, header.max_timestamp.min(now_ms))?;
        let Some(active) = &mut self.active else {
            return Err(AppendError::Offline("there is no segment to write to".to_owned()));
        };
        let stored = patched_header(header, base_offset, leader_epoch);
        let position = active.segment.size();
        if let Err(error) = write(active.file.as_ref(), &stored, &batch[HEADER_LEN..], position) {
            return Err(self.undo(position, error));
        }
        let stored_header = BatchHeader { base_offset, leader_epoch, ..*header };
        active.born_ms.get_or_insert(header.max_timestamp.min(now_ms));
        active.segment.note(&stored_header, self.config.index_interval_bytes);
        self.epochs.note(leader_epoch, base_offset);
        if !controls::active(Control::TableMovesFirst) {
            self.producers.note(header, base_offset);
        }
        self.end_offset = next;
        self.ledger.appended(next);
        self.shared.appended(next, leader_epoch, base_offset);
        Ok(Appended {
            base_offset,
            last_offset: next - 1,
            max_timestamp: header.max_timestamp,
            duplicate: false,
            header: stored,
        })
    }

    fn undo(&mut self, position: u64, error: io::Error) -> AppendError {
        if let Some(active) = &self.active
            && !controls::active(Control::NoCutBack)
        {
            let is_untouched = active.file.len().is_ok_and(|len| len == position);
            if let Err(cut) = active.file.set_len(position) {
                let reason = format!("a failed append ({error}) could not be cut back: {cut}");
                self.offline = Some(reason.clone());
                return AppendError::Offline(reason);
            }
            if !is_untouched {
                // Or a power cut could leave a sealed segment that is longer than it was sealed with.
                self.ledger.cut_back();
            }
        }
        disk_error(error)
    }

    /// Starts a new segment when the active one cannot or should not take the batch.
    fn roll_if_due(&mut self, size: usize, next_offset: i64, now_ms: i64) -> Result<(), AppendError> {
        if let Some(active) = &self.active {
            let used = active.segment.size();
            let limit = u64::from(self.config.segment_bytes).min(SEGMENT_MAX);
            let index_full =
                active.segment.index_len() * INDEX_ENTRY_BYTES >= self.config.segment_index_bytes as usize;
            let far = next_offset - active.segment.base_offset > i64::from(i32::MAX);
            let age = self.config.segment_age_ms(active.jitter_seed);
            let old = active.born_ms.is_some_and(|born| now_ms.saturating_sub(born) > age);
            if used == 0 || !(used + size as u64 > limit || index_full || far || old) {
                return Ok(());
            }
        }
        self.start_segment().map_err(disk_error)
    }

    fn start_segment(&mut self) -> io::Result<()> {
        if self.active.is_none() {
            self.disk.create_dir_all(&self.place.dir)?;
        }
        let names = if self.active.is_none() { self.place.names() } else { vec![self.place.dir.clone()] };
        let path = self.place.dir.join(file_name(self.end_offset, "log"));
        let file = self.disk.open(&path, OpenMode::Write)?;
        if !file.is_empty()? {
            return Err(io::Error::other(format!("{} is there already", path.display())));
        }
        if let Some(old) = self.active.take() {
            // The index file only saves time: without it, it is built from the log.
            let _ = old.segment.seal(self.disk.as_ref());
        }
        let segment = Arc::new(Segment::fresh(&self.place.dir, self.end_offset, Arc::clone(&file)));
        self.ledger.file_added(Arc::clone(&file), path, names, self.end_offset);
        self.shared.segment_added(Arc::clone(&segment));
        let jitter_seed = jitter_seed(&segment.path);
        self.active = Some(Active { segment, file, born_ms: None, jitter_seed });
        Ok(())
    }

    pub fn reader(&self) -> LogReader {
        LogReader::new(Arc::clone(&self.shared))
    }

    /// The offset that the next record gets.
    pub fn end_offset(&self) -> i64 {
        self.end_offset
    }

    pub fn log_start(&self) -> i64 {
        self.log_start
    }

    /// Everything below is synced.
    pub fn durable_offset(&self) -> i64 {
        self.ledger.durable_offset()
    }

    pub fn is_dirty(&self) -> bool {
        self.ledger.is_dirty()
    }

    pub fn is_offline(&self) -> bool {
        self.offline.is_some()
    }

    /// Whether what a checkpoint may say of it is known. A log that only takes no more appends has to be in the last one,
    /// or what it acknowledged since the one before would be missing after a clean stop.
    pub fn is_whole(&self) -> bool {
        self.is_whole
    }

    pub fn config(&self) -> &LogConfig {
        &self.config
    }

    pub fn set_config(&mut self, config: LogConfig) {
        self.config = config;
    }

    /// A roll left a segment behind that is not synced and has no sync under way.
    pub fn is_sealed_dirty(&self) -> bool {
        self.ledger.is_sealed_dirty()
    }

    /// Syncs to run side by side; each is answered with [`Log::sync_done`], or the process ends.
    pub fn take_sync_jobs(&mut self) -> Vec<SyncJob> {
        self.ledger.take_jobs()
    }

    /// A sync ended well. Returns the durable offset.
    pub fn sync_done(&mut self, path: &PathBuf) -> i64 {
        self.ledger.done(path)
    }

    /// A sync was not tried, for lack of descriptors; [`Log::take_sync_jobs`] gives it once more.
    pub fn sync_not_tried(&mut self, path: &Path) {
        self.ledger.not_tried(path);
    }

    pub fn expire_producers(&mut self, now_ms: i64) {
        self.producers.expire(now_ms, self.config.producer_id_expiration_ms);
    }

    pub fn producers(&self) -> &ProducerTable {
        &self.producers
    }

    /// The log as it is now. It may go into a checkpoint once `end_offset` of it is durable. A segment without a batch is
    /// left out: its name is synced with its first one.
    pub fn entry(&self) -> LogEntry {
        let segments = self.shared.segments();
        LogEntry {
            log_start: self.log_start,
            end_offset: self.end_offset,
            segments: segments
                .iter()
                .map(|segment| segment.entry())
                .filter(|entry| entry.size > 0 || entry.compacted.is_some())
                .collect(),
            epochs: self.epochs.clone(),
            producers: self.producers.clone(),
        }
    }

    /// Before a clean stop: what the next start would otherwise build anew.
    pub fn write_index(&self) {
        if let Some(active) = &self.active {
            let _ = active.segment.write_index(self.disk.as_ref());
        }
    }
}

fn first_timestamp(file: &dyn File) -> Option<i64> {
    let mut bytes = [0; HEADER_LEN];
    file.read_exact_at(&mut bytes, 0).ok()?;
    Some(BatchHeader::parse(&bytes).ok()?.max_timestamp)
}

fn write(file: &dyn File, header: &[u8], body: &[u8], position: u64) -> io::Result<()> {
    let mut written = 0;
    while written < header.len() + body.len() {
        let parts = if written < header.len() {
            [IoSlice::new(&header[written..]), IoSlice::new(body)]
        } else {
            [IoSlice::new(&body[written - header.len()..]), IoSlice::new(&[])]
        };
        match file.write_vectored_at(&parts, position + written as u64) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(n) => written += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn disk_error(error: io::Error) -> AppendError {
    if lacks_room(&error) { AppendError::DiskFull } else { AppendError::Io(error) }
}

#[cfg(test)]
mod tests;
