//! Which leader epoch wrote from which offset on. Answers "where did that epoch end?" (KIP-101, KIP-320).

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LeaderEpochs {
    /// Epochs and their first offsets, both ascending.
    starts: Vec<(i32, i64)>,
}

/// The largest known epoch up to the one asked for, and the offset behind its last record. One that is older than
/// everything known ends where the known ones begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EpochEnd {
    pub epoch: i32,
    pub end_offset: i64,
}

impl LeaderEpochs {
    pub fn from_starts(starts: Vec<(i32, i64)>) -> Self {
        Self { starts }
    }

    pub fn starts(&self) -> &[(i32, i64)] {
        &self.starts
    }

    pub fn latest(&self) -> Option<i32> {
        self.starts.last().map(|(epoch, _)| *epoch)
    }

    /// Notes a batch; epochs never step back (the log checked that).
    pub fn note(&mut self, epoch: i32, base_offset: i64) {
        if epoch >= 0 && self.latest().is_none_or(|latest| epoch > latest) {
            self.starts.push((epoch, base_offset));
        }
    }

    /// Forgets what starts at or behind an offset.
    pub fn cut(&mut self, end_offset: i64) {
        self.starts.retain(|(_, start)| *start < end_offset);
    }

    /// Forgets epochs that ended below the log start; the one that holds there begins there.
    pub fn trim(&mut self, log_start: i64) {
        let holds = self.starts.partition_point(|(_, start)| *start <= log_start);
        if let Some(holds) = holds.checked_sub(1) {
            self.starts.drain(..holds);
            self.starts[0].1 = log_start;
        }
    }

    pub fn end_of(&self, epoch: i32, log_end_offset: i64) -> EpochEnd {
        let behind = self.starts.partition_point(|(known, _)| *known <= epoch);
        let end_offset = self.starts.get(behind).map_or(log_end_offset, |(_, start)| *start);
        let known = behind.checked_sub(1).map(|index| self.starts[index].0);
        EpochEnd { epoch: known.unwrap_or(epoch), end_offset }
    }

    /// The epoch that wrote an offset.
    pub fn epoch_of(&self, offset: i64) -> Option<i32> {
        let index = self.starts.partition_point(|(_, start)| *start <= offset).checked_sub(1)?;
        Some(self.starts[index].0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_ends_where_the_next_begins() {
        let mut epochs = LeaderEpochs::default();
        for (epoch, offset) in [(0, 0), (0, 5), (3, 10), (4, 20)] {
            epochs.note(epoch, offset);
        }
        assert_eq!(epochs.starts(), [(0, 0), (3, 10), (4, 20)]);
        let end = |epoch, end_offset| EpochEnd { epoch, end_offset };
        assert_eq!(epochs.end_of(-1, 30), end(-1, 0), "older than everything known");
        assert_eq!(LeaderEpochs::default().end_of(2, 30), end(2, 30), "nothing is known");
        assert_eq!(epochs.end_of(0, 30), end(0, 10));
        assert_eq!(epochs.end_of(2, 30), end(0, 10));
        assert_eq!(epochs.end_of(3, 30), end(3, 20));
        assert_eq!(epochs.end_of(9, 30), end(4, 30));
        assert_eq!(
            (epochs.epoch_of(9), epochs.epoch_of(10), epochs.epoch_of(99)),
            (Some(0), Some(3), Some(4))
        );
        epochs.cut(20);
        assert_eq!(epochs.latest(), Some(3));
    }

    #[test]
    fn the_epoch_that_holds_at_the_log_start_stays() {
        let after = |log_start| {
            let mut epochs = LeaderEpochs::from_starts(vec![(1, 5), (3, 10), (4, 20)]);
            epochs.trim(log_start);
            epochs.starts().to_vec()
        };
        assert_eq!(after(4), [(1, 5), (3, 10), (4, 20)]);
        assert_eq!(after(7), [(1, 7), (3, 10), (4, 20)]);
        assert_eq!(after(10), [(3, 10), (4, 20)]);
        assert_eq!(after(99), [(4, 99)]);
        let mut none = LeaderEpochs::default();
        none.trim(5);
        assert_eq!(none.latest(), None);
    }
}
