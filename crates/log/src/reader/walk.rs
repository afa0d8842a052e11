//! Batches of a segment, one behind the other, as they have to be: what their CRCs do not cover is checked against what
//! is known of them, by the index, by the batch before, and by the leader epochs of the log.

use crate::controls::{self, Control};
use crate::error::{Damage, ReadError};
use crate::index::Known;
use crate::leader_epochs::LeaderEpochs;
use crate::range_read::RangeRead;
use crate::scan::ScanError;
use crate::segment::{Form, Segment};
use bytes::Bytes;
use ottla_wire::batch::{BatchHeader, HEADER_LEN};

/// Which leader epoch wrote what, below an offset.
#[derive(Debug)]
pub(super) struct Order {
    pub epochs: LeaderEpochs,
    pub end_offset: i64,
}

impl Order {
    /// What is wrong with the leader epoch of a batch. What was written since is not known here.
    fn check_epoch(&self, header: &BatchHeader) -> Result<(), String> {
        let known = self.epochs.epoch_of(header.base_offset).filter(|_| header.base_offset < self.end_offset);
        match known {
            Some(epoch) if epoch != header.leader_epoch => {
                Err(format!("leader epoch {}, {epoch} was written", header.leader_epoch))
            }
            _ => Ok(()),
        }
    }
}

pub(super) struct Walk<'a> {
    segment: &'a Segment,
    order: &'a Order,
    /// The segment has so many bytes.
    size: u64,
    buffer: Bytes,
    buffer_at: u64,
    position: u64,
    due: Due,
    /// Where the batch before began, and its header. Its CRC may not have been looked at.
    passed: Option<(u64, Due, BatchHeader)>,
}

/// What the next batch starts with.
#[derive(Debug, Clone, Copy)]
enum Due {
    Exactly(i64),
    /// As the form of the segment allows.
    Behind(i64),
}

impl<'a> Walk<'a> {
    /// From a batch that the index knows.
    pub fn new(segment: &'a Segment, size: u64, order: &'a Order, known: Known) -> Self {
        let due = match known.relative_offset {
            Some(relative) => Due::Exactly(segment.base_offset + i64::from(relative)),
            None => Due::Behind(segment.base_offset),
        };
        let (buffer, buffer_at) = (Bytes::new(), known.position);
        Self { segment, order, size, buffer, buffer_at, position: known.position, due, passed: None }
    }

    /// Where the next batch begins.
    pub fn position(&self) -> u64 {
        self.position
    }

    pub fn form(&self) -> Form {
        self.segment.form()
    }

    /// Bytes from there to the end of the segment.
    pub fn left_in_segment(&self) -> u64 {
        self.size.saturating_sub(self.position)
    }

    /// The next batch is in memory afterwards.
    pub fn load(&mut self, header: &BatchHeader, source: &dyn RangeRead) -> Result<(), ReadError> {
        if header.size() > self.left().len() {
            self.have(self.position, source.read_range(self.position, header.size())?);
        }
        Ok(())
    }

    /// These bytes of the segment are in memory now.
    pub fn have(&mut self, position: u64, bytes: Bytes) {
        (self.buffer_at, self.buffer) = (position, bytes);
    }

    fn left(&self) -> &[u8] {
        let begin = usize::try_from(self.position - self.buffer_at).unwrap_or(usize::MAX);
        self.buffer.get(begin..).unwrap_or(&[])
    }

    /// The next header; `None` when not all of it is in memory.
    pub fn header(&self) -> Result<Option<BatchHeader>, ReadError> {
        if self.left().len() < HEADER_LEN {
            return Ok(None);
        }
        let header = BatchHeader::parse(self.left()).map_err(|error| self.damaged(&error.to_string()))?;
        if self.position + header.size() as u64 > self.size {
            return Err(self.damaged("a batch that does not end"));
        }
        self.continues(&header)?;
        Ok(Some(header))
    }

    /// Whether a batch may stand here.
    pub fn continues(&self, header: &BatchHeader) -> Result<(), ReadError> {
        if controls::active(Control::OrderNotChecked) {
            return Ok(());
        }
        let base_offset = header.base_offset;
        let is_due = match self.due {
            Due::Exactly(offset) => base_offset == offset,
            Due::Behind(offset) => self.segment.form().continues(offset, base_offset),
        };
        if !is_due || header.last_offset_delta < 0 {
            return Err(self.damaged(&format!("offset {base_offset} does not continue")));
        }
        self.order.check_epoch(header).map_err(|what| self.damaged(&what))
    }

    /// Whether all of the next batch is in memory.
    pub fn holds(&self, header: &BatchHeader) -> bool {
        header.size() <= self.left().len()
    }

    /// Checks the next batch, which is in memory.
    pub fn check(&self, header: &BatchHeader) -> Result<(), ReadError> {
        if controls::active(Control::CrcNotChecked) {
            return Ok(());
        }
        let batch = self.left().get(..header.size()).unwrap_or(&[]);
        match self.segment.form().validate(batch) {
            Ok(_) => Ok(()),
            Err(error) => Err(self.damaged(&error.to_string())),
        }
    }

    pub fn pass(&mut self, header: &BatchHeader) {
        self.passed = Some((self.position, self.due, *header));
        self.position = self.position.saturating_add(header.size() as u64);
        self.due = Due::Behind(header.next_offset());
    }

    /// What was passed since a position, which is in memory.
    pub fn since(&self, position: u64) -> Bytes {
        let offset = |position: u64| (position - self.buffer_at) as usize;
        self.buffer.slice(offset(position)..offset(self.position))
    }

    /// The batch that is due is not there.
    pub fn damaged(&self, what: &str) -> ReadError {
        let (Due::Exactly(offset) | Due::Behind(offset)) = self.due;
        let (file, position) = (self.segment.path.clone(), self.position);
        Damage { file, position, offset, what: what.to_owned() }.into()
    }

    /// What led to an error: the batch before, where that one is rotten and was passed by what its header said.
    pub fn cause(&mut self, error: ReadError, source: &dyn RangeRead) -> ReadError {
        let Some((position, due, header)) = self.passed else { return error };
        let Ok(batch) = source.read_range(position, header.size()) else { return error };
        match self.segment.form().validate(&batch) {
            Ok(_) => error,
            Err(rotten) => {
                (self.position, self.due, self.passed) = (position, due, None);
                self.damaged(&rotten.to_string())
            }
        }
    }

    /// What a scan ran into instead of the batch that is due.
    pub fn failed(&self, error: ScanError) -> ReadError {
        match error {
            ScanError::Io(error) => error.into(),
            ScanError::Batch(error) => self.damaged(&error.to_string()),
        }
    }

    /// The segment ends here: an error where batches below this offset should follow.
    pub fn ends(&self, end_offset: i64) -> Result<(), ReadError> {
        let (Due::Exactly(due) | Due::Behind(due)) = self.due;
        if self.segment.form() == Form::Plain && due < end_offset {
            return Err(self.damaged(&format!("it ends at offset {due}, {end_offset} was written")));
        }
        Ok(())
    }
}
