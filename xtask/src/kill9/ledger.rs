//! Everything that was acknowledged or read, and whether it still holds.
//!
//! An entry per offset, sixteen bytes; no record is kept. Whoever reports an offset first decides what must be there
//! from then on: the ack of a writer, the reader that runs throughout, or the check after a restart. Order and
//! doubles are decided once per offset, when the check walks over it for the first time.

use super::record::{IDEMPOTENT, LOGS, WRITERS, crc, log_name, log_of, place_in_log};
use super::violation::{Promise, Violation};

/// An offset so far beyond what is known is nonsense, and must not become memory.
const OFFSETS_AHEAD: usize = 1 << 20;

#[derive(Debug, Clone, Copy, Default)]
struct Entry {
    seq: u32,
    crc: u32,
    /// Low half of the timestamp in ms.
    time: u32,
    writer: u8,
    known: bool,
    read: bool,
}

/// What the check knows about one writer in one log.
#[derive(Debug, Default)]
struct Order {
    last: Option<u32>,
    /// A bit per record of this writer that goes to this log.
    seen: Vec<u64>,
}

impl Order {
    fn has(&self, seq: u32) -> bool {
        let place = place_in_log(seq);
        self.seen.get(place / 64).is_some_and(|bits| bits >> (place % 64) & 1 == 1)
    }

    fn mark(&mut self, seq: u32) {
        let place = place_in_log(seq);
        if self.seen.len() <= place / 64 {
            self.seen.resize(place / 64 + 1, 0);
        }
        self.seen[place / 64] |= 1 << (place % 64);
    }
}

#[derive(Debug, Default)]
struct Log {
    entries: Vec<Entry>,
    /// Everything below was walked over by a check.
    verified: usize,
    /// Where the check that runs must go on.
    next: usize,
    order: [Order; 3],
    /// Records that were acknowledged without an offset and not yet found.
    unplaced: Vec<(usize, u32)>,
}

/// A record as a reader reports it.
#[derive(Debug, Clone, Copy)]
pub struct Seen {
    pub log: usize,
    pub offset: usize,
    pub writer: usize,
    pub seq: u32,
    pub crc: u32,
    pub time: u32,
}

#[derive(Debug)]
pub struct Ledger {
    logs: Vec<Log>,
    pub acks: [u64; 3],
    pub fails: [u64; 3],
    /// Records sent, once a writer has ended.
    pub done: [Option<u64>; 3],
    /// Records that the reader saw which runs throughout.
    pub tail_records: u64,
    /// Records that checks walked over, again or for the first time.
    pub check_records: u64,
    pub doubles_allowed: u64,
    /// The first broken promise.
    pub violation: Option<Violation>,
}

impl Ledger {
    pub fn new() -> Self {
        Self {
            logs: (0..LOGS).map(|_| Log::default()).collect(),
            acks: [0; 3],
            fails: [0; 3],
            done: [None; 3],
            tail_records: 0,
            check_records: 0,
            doubles_allowed: 0,
            violation: None,
        }
    }

    pub fn violate(&mut self, promise: Promise, text: String) {
        self.violation.get_or_insert_with(|| Violation::new(promise, text));
    }

    pub fn acked(&mut self, log: usize, offset: Option<usize>, writer: usize, seq: u32) {
        self.acks[writer] += 1;
        if log != log_of(seq) {
            let text = format!("{}:{seq} was acknowledged in {}", WRITERS[writer], log_name(log));
            return self.violate(Promise::Moved, text);
        }
        match offset {
            Some(offset) => {
                self.entry(log, offset, writer, seq, "acknowledged");
            }
            None if self.logs[log].order[writer].has(seq) => {}
            None => self.logs[log].unplaced.push((writer, seq)),
        }
    }

    pub fn failed(&mut self, writer: usize, seq: u32, reason: &str) {
        self.fails[writer] += 1;
        if IDEMPOTENT[writer] {
            let text = format!("{}:{seq} failed for good: {reason}", WRITERS[writer]);
            self.violate(Promise::Refused, text);
        }
    }

    /// A record that the reader saw which runs throughout.
    pub fn tailed(&mut self, seen: Seen) {
        self.tail_records += 1;
        self.read(seen);
    }

    /// The next record of a check: offsets come without a gap.
    pub fn checked(&mut self, seen: Seen) {
        self.check_records += 1;
        let next = self.logs[seen.log].next;
        if seen.offset != next {
            let text = format!("{}: offset {} follows {next} - 1", log_name(seen.log), seen.offset);
            return self.violate(Promise::Hole, text);
        }
        self.logs[seen.log].next += 1;
        self.read(seen);
        if seen.offset >= self.logs[seen.log].verified {
            self.logs[seen.log].verified = seen.offset + 1;
            self.order(seen);
        }
    }

    fn read(&mut self, seen: Seen) {
        let Seen { log, offset, writer, seq, crc: found, time } = seen;
        let Some(entry) = self.entry(log, offset, writer, seq, "read") else { return };
        if entry.read && (entry.crc, entry.time) == (found, time) {
            return;
        }
        let expected = if entry.read { entry.crc } else { crc(writer, seq) };
        let again = entry.read;
        if found != expected || (again && entry.time != time) {
            let text = format!(
                "{} offset {offset}, {}:{seq}: checksum {found:08x} and time {time}, expected {expected:08x}{}",
                log_name(log),
                WRITERS[writer],
                if again { format!(" and time {}", entry.time) } else { String::new() }
            );
            return self.violate(Promise::Bytes, text);
        }
        (entry.crc, entry.time, entry.read) = (found, time, true);
    }

    fn entry(
        &mut self,
        log: usize,
        offset: usize,
        writer: usize,
        seq: u32,
        verb: &str,
    ) -> Option<&mut Entry> {
        let entries = &mut self.logs[log].entries;
        if offset > entries.len() + OFFSETS_AHEAD {
            self.violate(Promise::Moved, format!("{}: {verb} at offset {offset}", log_name(log)));
            return None;
        }
        if entries.len() <= offset {
            entries.resize(offset + 1, Entry::default());
        }
        let entry = entries[offset];
        if entry.known && (usize::from(entry.writer), entry.seq) != (writer, seq) {
            let text = format!(
                "{} offset {offset} was {}:{} and is now {verb} as {}:{seq}",
                log_name(log),
                WRITERS[usize::from(entry.writer)],
                entry.seq,
                WRITERS[writer]
            );
            self.violate(Promise::Moved, text);
            return None;
        }
        let entry = &mut self.logs[log].entries[offset];
        (entry.known, entry.writer, entry.seq) = (true, u8::try_from(writer).unwrap_or(0), seq);
        Some(entry)
    }

    /// Decides order and doubles of a record that no check has met before.
    fn order(&mut self, seen: Seen) {
        let Seen { log, offset, writer, seq, .. } = seen;
        let order = &mut self.logs[log].order[writer];
        let (twice, last) = (order.has(seq), order.last);
        let at = format!("{} offset {offset}: {}:{seq}", log_name(log), WRITERS[writer]);
        if log != log_of(seq) {
            self.violate(Promise::Moved, format!("{at} belongs elsewhere"));
        } else if twice && IDEMPOTENT[writer] {
            self.violate(Promise::Doubled, format!("{at} is there for the second time"));
        } else if twice {
            self.doubles_allowed += 1;
        } else if last.is_some_and(|last| last > seq) {
            self.violate(Promise::Order, format!("{at} stands behind {}", last.unwrap_or(0)));
        } else {
            order.last = Some(seq);
            order.mark(seq);
        }
    }

    /// How far each log reaches by what is known now. Must be asked before the broker is asked for its ends.
    pub fn known_ends(&self) -> Vec<usize> {
        self.logs.iter().map(|log| log.entries.len()).collect()
    }

    /// Begins a check of everything below `ends`, from the beginning or from where the last one stopped; returns
    /// the ranges to read. `known` is what [`Ledger::known_ends`] said before `ends` were asked for.
    pub fn begin_check(
        &mut self,
        known: &[usize],
        ends: &[usize],
        whole: bool,
    ) -> Vec<(usize, usize, usize)> {
        let mut ranges = Vec::new();
        for (log, (&known, &end)) in known.iter().zip(ends).enumerate() {
            if end < known {
                let text = format!(
                    "{} ends at {end}, but offset {} was acknowledged or read",
                    log_name(log),
                    known - 1
                );
                self.violate(Promise::Lost, text);
            }
            let state = &mut self.logs[log];
            state.next = if whole { 0 } else { state.verified };
            if state.next < end {
                ranges.push((log, state.next, end));
            }
        }
        ranges
    }

    /// After a check: were all ranges read to their ends, and is every record there that was acknowledged without
    /// an offset? `answered` is what [`Ledger::unplaced`] counted before the check began.
    pub fn end_check(&mut self, ranges: &[(usize, usize, usize)], unplaced: &[usize]) {
        for &(log, _, end) in ranges {
            let next = self.logs[log].next;
            if next != end {
                self.violate(Promise::Hole, format!("{} was read to {next} of {end}", log_name(log)));
            }
        }
        for (log, &count) in unplaced.iter().enumerate() {
            let Log { unplaced, order, .. } = &mut self.logs[log];
            let missing =
                unplaced.iter().take(count).find(|(writer, seq)| !order[*writer].has(*seq)).copied();
            unplaced.retain(|(writer, seq)| !order[*writer].has(*seq));
            if let Some((writer, seq)) = missing {
                let text =
                    format!("{}:{seq} was acknowledged and is nowhere in {}", WRITERS[writer], log_name(log));
                self.violate(Promise::Lost, text);
            }
        }
    }

    pub fn unplaced(&self) -> Vec<usize> {
        self.logs.iter().map(|log| log.unplaced.len()).collect()
    }

    /// Records of a writer that a check has found, each counted once.
    pub fn found(&self, writer: usize) -> u64 {
        let bits = |log: &Log| log.order[writer].seen.iter().map(|b| u64::from(b.count_ones())).sum::<u64>();
        self.logs.iter().map(bits).sum()
    }

    pub fn acks_total(&self) -> u64 {
        self.acks.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(offset: usize, writer: usize, seq: u32) -> Seen {
        Seen { log: log_of(seq), offset, writer, seq, crc: crc(writer, seq), time: 7 }
    }

    fn broken(steps: impl FnOnce(&mut Ledger)) -> Option<Promise> {
        let mut ledger = Ledger::new();
        steps(&mut ledger);
        ledger.violation.map(|v| v.promise)
    }

    fn ends(log: usize, end: usize) -> Vec<usize> {
        (0..LOGS).map(|l| if l == log { end } else { 0 }).collect()
    }

    #[test]
    fn what_was_acknowledged_and_read_holds() {
        let result = broken(|l| {
            l.acked(0, Some(0), 0, 0);
            l.acked(0, None, 1, 0);
            l.tailed(seen(1, 1, 0));
            let (known, unplaced) = (l.known_ends(), l.unplaced());
            let ranges = l.begin_check(&known, &ends(0, 3), false);
            assert_eq!(ranges, [(0, 0, 3)]);
            l.checked(seen(0, 0, 0));
            l.checked(seen(1, 1, 0));
            l.checked(seen(2, 0, 1));
            l.end_check(&ranges, &unplaced);
            assert_eq!((l.found(0), l.found(1), l.found(2)), (2, 1, 0));
        });
        assert_eq!(result, None);
    }

    #[test]
    fn lost_and_moved_records_are_found() {
        let lost = broken(|l| {
            l.acked(0, Some(4), 0, 0);
            let known = l.known_ends();
            l.begin_check(&known, &ends(0, 4), false);
        });
        assert_eq!(lost, Some(Promise::Lost));
        let moved = broken(|l| {
            l.acked(0, Some(0), 0, 0);
            l.tailed(seen(0, 0, 1));
        });
        assert_eq!(moved, Some(Promise::Moved));
        let elsewhere = broken(|l| l.acked(1, Some(0), 0, 0));
        assert_eq!(elsewhere, Some(Promise::Moved));
        let nowhere = broken(|l| {
            l.acked(0, None, 0, 0);
            let unplaced = l.unplaced();
            l.end_check(&[], &unplaced);
        });
        assert_eq!(nowhere, Some(Promise::Lost));
    }

    #[test]
    fn doubles_are_for_writers_without_idempotence() {
        let twice = |writer| {
            broken(|l| {
                l.checked(seen(0, writer, 0));
                l.checked(seen(1, writer, 1));
                l.checked(seen(2, writer, 0));
            })
        };
        assert_eq!(twice(0), Some(Promise::Doubled));
        assert_eq!(twice(2), None);
    }

    #[test]
    fn order_holes_and_bytes_are_checked() {
        let backwards = broken(|l| {
            l.checked(seen(0, 2, 1));
            l.checked(seen(1, 2, 0));
        });
        assert_eq!(backwards, Some(Promise::Order));
        assert_eq!(broken(|l| l.checked(seen(1, 0, 0))), Some(Promise::Hole));
        let short = broken(|l| l.end_check(&[(0, 0, 1)], &[]));
        assert_eq!(short, Some(Promise::Hole));
        assert_eq!(broken(|l| l.tailed(Seen { crc: 1, ..seen(0, 0, 0) })), Some(Promise::Bytes));
        let retimed = broken(|l| {
            l.tailed(seen(0, 0, 0));
            l.checked(Seen { time: 8, ..seen(0, 0, 0) });
        });
        assert_eq!(retimed, Some(Promise::Bytes));
    }

    #[test]
    fn an_idempotent_producer_must_not_give_up() {
        assert_eq!(broken(|l| l.failed(0, 1, "out of order")), Some(Promise::Refused));
        assert_eq!(broken(|l| l.failed(2, 1, "connection reset")), None);
    }
}
