//! Which offsets one partition of a group can have, given what was asked and answered.
//!
//! Every commit is a candidate from the moment it is asked. It is *over* when it can no longer take effect; it is
//! *replaced* when one that was asked behind that took effect. What a look-up tells has to be a candidate that was not
//! replaced before the look-up was asked; telling it proves that it took effect.

use super::Tries;
use std::fmt;

/// What is told where no offset is committed.
pub const NONE: i64 = -1;

/// When something happened: among all events, and by the clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct Moment {
    pub step: u64,
    pub ms: u64,
}

#[derive(Debug)]
struct Candidate {
    /// Of its commit; zero where there is none.
    number: u64,
    offset: i64,
    asked: u64,
    tries: Tries,
    is_answered: bool,
    over: Option<u64>,
    /// By then it is over, even if nobody says so.
    over_ms: Option<u64>,
    replaced: Option<u64>,
}

#[derive(Debug)]
pub struct Committed(Vec<Candidate>);

impl Default for Committed {
    fn default() -> Self {
        Self(vec![nothing(0)])
    }
}

fn nothing(step: u64) -> Candidate {
    Candidate {
        number: 0,
        offset: NONE,
        asked: step,
        tries: Tries::Once,
        is_answered: true,
        over: Some(step),
        over_ms: None,
        replaced: None,
    }
}

impl Committed {
    /// Nothing can have been committed.
    pub fn is_bare(&self) -> bool {
        self.0.iter().all(|candidate| candidate.offset == NONE)
    }

    pub fn asked(&mut self, number: u64, offset: i64, tries: Tries, now: Moment) {
        self.end_what_is_due(now);
        self.0.push(Candidate {
            number,
            offset,
            asked: now.step,
            tries,
            is_answered: false,
            over: None,
            over_ms: None,
            replaced: None,
        });
    }

    /// Something of it may still come within `open_ms`. Look-ups that were asked at `oldest` or later are under way.
    pub fn acked(&mut self, number: u64, open_ms: u64, now: Moment, oldest: u64) {
        self.end_what_is_due(now);
        self.answered(number, open_ms, now);
        self.took_effect(number, now);
        self.0.retain(|candidate| candidate.replaced.is_none_or(|replaced| replaced > oldest));
    }

    pub fn refused(&mut self, number: u64) {
        self.0.retain(|candidate| candidate.number != number);
    }

    /// Nobody knows whether it took effect or will, within `open_ms`.
    pub fn unknown(&mut self, number: u64, open_ms: u64, now: Moment) {
        self.answered(number, open_ms, now);
    }

    pub fn broker_gone(&mut self, now: Moment) {
        let is_gone = |candidate: &&mut Candidate| candidate.is_answered || candidate.tries == Tries::Once;
        for candidate in self.0.iter_mut().filter(is_gone) {
            candidate.over.get_or_insert(now.step);
        }
    }

    /// The group may have forgotten what it had.
    pub fn may_be_forgotten(&mut self, now: Moment) {
        self.0.push(nothing(now.step));
    }

    /// Whether this may be told to whoever asked then.
    pub fn told(&mut self, offset: i64, asked: u64, now: Moment) -> bool {
        self.end_what_is_due(now);
        let can_be = |candidate: &&mut Candidate| {
            candidate.offset == offset && candidate.replaced.is_none_or(|replaced| replaced > asked)
        };
        let mut all = self.0.iter_mut().filter(can_be);
        let (Some(one), other) = (all.next(), all.next()) else { return false };
        if other.is_none() && one.number > 0 && one.replaced.is_none() {
            if one.tries == Tries::Once {
                one.over.get_or_insert(now.step);
            }
            let number = one.number;
            self.took_effect(number, now);
            // What was over before this was asked came before it.
            let is_before =
                |one: &&mut Candidate| one.number != number && one.over.is_some_and(|over| over < asked);
            for candidate in self.0.iter_mut().filter(is_before) {
                candidate.replaced.get_or_insert(now.step);
            }
        }
        true
    }

    fn answered(&mut self, number: u64, open_ms: u64, now: Moment) {
        for candidate in self.0.iter_mut().filter(|candidate| candidate.number == number) {
            candidate.is_answered = true;
            if open_ms == 0 {
                candidate.over.get_or_insert(now.step);
            } else {
                candidate.over_ms = Some(now.ms + open_ms);
            }
        }
    }

    fn end_what_is_due(&mut self, now: Moment) {
        let is_due = |candidate: &&mut Candidate| candidate.over_ms.is_some_and(|ms| ms <= now.ms);
        for candidate in self.0.iter_mut().filter(is_due) {
            candidate.over.get_or_insert(now.step);
        }
    }

    fn took_effect(&mut self, number: u64, now: Moment) {
        let Some(asked) = self.0.iter().find(|one| one.number == number).map(|one| one.asked) else {
            return;
        };
        let is_before = |one: &&mut Candidate| one.over.is_some_and(|over| over < asked);
        for candidate in self.0.iter_mut().filter(is_before) {
            candidate.replaced.get_or_insert(now.step);
        }
    }
}

impl fmt::Display for Committed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut known: Vec<i64> = self.0.iter().filter(|c| c.replaced.is_none()).map(|c| c.offset).collect();
        known.sort_unstable();
        write!(f, "one of {known:?}")
    }
}
