//! Whether what clients saw can have been a broker that keeps its promises.
//!
//! Takes the events of a run one by one, in the order in which they happened, and says at the first that breaks a
//! promise which one it was. All values are unique, which is what makes this cheap: each event costs a few look-ups in
//! ordered maps.
//!
//! | | |
//! |---|---|
//! | I1 | what was acknowledged is there in the end, at its offset, unless somebody asked to give it up |
//! | | a log start never goes back; a topic is there when it was created and gone when it was deleted |
//! | I2 | an offset has one value, whoever tells it |
//! | I3 | what is read was sent, to that partition, and was not refused |
//! | I4 | a value is at one offset, and so is a sequence of a producer and its epoch |
//! | I5 | what one session sent to one partition is there in that order |
//! | I6 | what is sent after an acknowledgement comes behind it; an end that is asked for then is behind it too |
//! | I7 | a reader goes on without gaps and never back; old records may be gone, and then the log start is behind them |
//! | I8 | a record that was read once stays |
//! | R8 | of one leader epoch an offset has one value, whatever a power cut took |
//! | I21 | I1 across power cuts: what was synced is as good as before, and so is everything of a topic that is synced before it is answered |
//! | I22 | damaged bytes are never served |
//! | L1 | after everything is repaired each partition takes and gives a record again |
//!
//! Of a topic that is answered before it is synced (`durability=os`) a power cut may take what no sync covered, and only a
//! power cut: what was sent before it, and is not below the last synced offset, is in doubt from then on. It may be there
//! or not, and somewhere else, and be told late; nothing is concluded from it any more but its epoch.
//!
//! What a client was told is compared with what it asked *before*: an answer that comes late proves less, never more.

pub mod groups;
mod in_doubt;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

/// A record's value; no two are equal.
pub type Value = u64;

/// A partition of a topic that was created once: a later topic of the same name has another number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub topic: u32,
    pub partition: i32,
}

/// Everything that a partition holds, read from end to end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dump {
    pub place: Place,
    pub log_start: i64,
    /// The log start again, when everything was read.
    pub log_start_after: i64,
    pub end: i64,
    pub records: Vec<(i64, Value)>,
}

/// A batch of an idempotent producer, as it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    pub producer: i64,
    pub epoch: i16,
    /// The first and the last.
    pub sequences: (i32, i32),
    pub offset: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A topic may lose its oldest records by itself.
    Retained {
        topic: u32,
    },
    /// A topic is answered before it is synced. Comes before everything else of it.
    SyncedLater {
        topic: u32,
    },
    /// And from now on, what is sent is synced before it is answered.
    SyncedFirst {
        topic: u32,
    },
    /// The power went, or a device lost what it was to sync: up to where the partitions of topics that are synced later
    /// were synced. Of those that are not named nothing was.
    PowerCut {
        synced: Vec<(Place, i64)>,
    },
    /// A session is about to send a value, behind all those it sent before.
    Sent {
        session: u32,
        place: Place,
        value: Value,
    },
    /// `None`: it is there, and nobody said where.
    Acked {
        value: Value,
        offset: Option<i64>,
    },
    /// It was refused, and is not in the log.
    Failed {
        value: Value,
    },
    /// A reader starts to read. `None`: at the first record that there is.
    Assigned {
        reader: u32,
        place: Place,
        from: Option<i64>,
    },
    Read {
        reader: u32,
        place: Place,
        offset: i64,
        value: Value,
        /// Of its batch.
        epoch: i32,
    },
    /// A record came whose bytes nobody wrote.
    Damaged {
        place: Place,
        offset: i64,
    },
    EndAsked {
        asker: u32,
        place: Place,
    },
    EndTold {
        asker: u32,
        end: i64,
    },
    /// Somebody asks to give up what is below this offset.
    DeleteAsked {
        place: Place,
        before: i64,
    },
    Deleted {
        place: Place,
        log_start: i64,
    },
    TopicCreated {
        topic: u32,
    },
    /// From here on nothing of the topic is promised any more.
    TopicDoomed {
        topic: u32,
    },
    TopicDeleted {
        topic: u32,
    },
    /// The topics that there are, in the end.
    Topics(Vec<u32>),
    Dumped(Dump),
    /// What producers wrote into a partition, from its log start on, as the disk has it in the end.
    Stored {
        place: Place,
        batches: Vec<Written>,
    },
    /// After everything was repaired: a record went in and came out, or why not.
    Canary {
        place: Place,
        problem: Option<String>,
    },
}

/// A broken promise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    pub invariant: &'static str,
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.invariant, self.what)
    }
}

type Verdict = Result<(), Violation>;

fn broken(invariant: &'static str, what: impl Into<String>) -> Verdict {
    Err(Violation { invariant, what: what.into() })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Pending,
    Acked,
    Failed,
}

#[derive(Debug)]
struct Sent {
    session: u32,
    place: Place,
    /// Among everything that was sent.
    order: u64,
    state: State,
    /// It is synced before it is answered.
    synced_first: bool,
    offset: Option<i64>,
    /// The highest offset of its partition that was acknowledged before it was sent.
    floor: i64,
}

#[derive(Debug)]
struct Known {
    value: Value,
    /// By an acknowledgement, and by a record that somebody read.
    acked: bool,
    served: bool,
}

#[derive(Debug)]
struct Partition {
    known: BTreeMap<i64, Known>,
    acked_max: i64,
    /// Somebody asked to give up what is below, and was told that it is given up.
    given_up: i64,
    gone: i64,
    /// What is below was not given to a reader, who was at less: it has to be gone.
    left_out: i64,
    /// Acknowledged, and nobody said at which offset.
    somewhere: Vec<Value>,
    /// Everything below was synced before it was answered.
    synced_first: i64,
    cuts: Vec<in_doubt::Cut>,
    /// The value of an offset in a leader epoch.
    by_epoch: BTreeMap<(i64, i32), Value>,
}

impl Default for Partition {
    fn default() -> Self {
        Self {
            known: BTreeMap::new(),
            acked_max: -1,
            given_up: 0,
            gone: 0,
            left_out: 0,
            somewhere: Vec::new(),
            synced_first: 0,
            cuts: Vec::new(),
            by_epoch: BTreeMap::new(),
        }
    }
}

#[derive(Debug, Default)]
struct Topic {
    retained: bool,
    synced_later: bool,
    /// No more, since somebody changed it.
    turned: bool,
    created: bool,
    doomed: bool,
    deleted: bool,
}

#[derive(Debug, Default)]
pub struct Checker {
    sent: BTreeMap<Value, Sent>,
    partitions: BTreeMap<Place, Partition>,
    topics: BTreeMap<u32, Topic>,
    /// Where the values of a session are, in the order in which it sent them.
    sessions: BTreeMap<(u32, Place, u64), i64>,
    readers: BTreeMap<(u32, Place), Option<i64>>,
    asked: BTreeMap<u32, (Place, i64)>,
    /// Acknowledged records that power cuts put in doubt.
    doubted: u64,
}

/// How a record came to be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Ack,
    Read,
    Dump,
}

impl Checker {
    /// Records that were acknowledged, and records that were read.
    pub fn counts(&self) -> (usize, usize) {
        let known = self.partitions.values().flat_map(|partition| partition.known.values());
        let acked = self.sent.values().filter(|sent| sent.state == State::Acked).count();
        (acked, known.filter(|known| known.served).count())
    }

    /// Whether nobody knows yet what became of a value.
    pub fn is_pending(&self, value: Value) -> bool {
        self.sent.get(&value).is_some_and(|sent| sent.state == State::Pending)
    }

    /// Whether somebody read the value already.
    pub fn was_read(&self, value: Value) -> bool {
        let sent = self.sent.get(&value);
        let place = sent.and_then(|sent| Some((sent.place, sent.offset?)));
        place.is_some_and(|(place, offset)| {
            self.partitions.get(&place).and_then(|p| p.known.get(&offset)).is_some_and(|k| k.served)
        })
    }

    pub fn observe(&mut self, event: &Event) -> Verdict {
        match event {
            Event::Retained { topic } => self.topic(*topic).retained = true,
            Event::SyncedLater { topic } => {
                if self.partitions.keys().any(|place| place.topic == *topic) {
                    // What was sent before would be taken for synced.
                    return broken("void", format!("topic {topic} is told to be synced later too late"));
                }
                self.topic(*topic).synced_later = true;
            }
            Event::SyncedFirst { topic } => self.topic(*topic).turned = true,
            Event::PowerCut { synced } => self.cut(synced),
            Event::Sent { session, place, value } => self.send(*session, *place, *value),
            Event::Acked { value, offset } => return self.acked(*value, *offset),
            Event::Failed { value } => return self.failed(*value),
            Event::Assigned { reader, place, from } => {
                // It may be behind what a cut left.
                let from = from.filter(|from| !self.partition(*place).is_cut_below(*from));
                self.readers.insert((*reader, *place), from);
            }
            Event::Read { reader, place, offset, value, epoch } => {
                self.in_epoch(*place, *offset, *epoch, *value)?;
                return self.read(*reader, *place, *offset, *value);
            }
            Event::Damaged { place, offset } => {
                return broken("I22", format!("{place:?} at {offset}: bytes that nobody wrote were served"));
            }
            Event::EndAsked { asker, place } => {
                let floor = self.partition(*place).acked_max;
                self.asked.insert(*asker, (*place, floor));
            }
            Event::EndTold { asker, end } => return self.end(*asker, *end),
            Event::DeleteAsked { place, before } => {
                let partition = self.partition(*place);
                partition.given_up = partition.given_up.max(*before);
            }
            Event::Deleted { place, log_start } => {
                let partition = self.partition(*place);
                partition.gone = partition.gone.max(*log_start);
            }
            Event::TopicCreated { topic } => self.topic(*topic).created = true,
            Event::TopicDoomed { topic } => self.topic(*topic).doomed = true,
            Event::TopicDeleted { topic } => self.topic(*topic).deleted = true,
            Event::Topics(found) => return self.topics_found(found),
            Event::Dumped(dump) => return self.dumped(dump),
            Event::Stored { place, batches } => return stored(*place, batches),
            Event::Canary { place, problem: Some(problem) } => {
                return broken(
                    "L1",
                    format!("{place:?} is not alive after everything was repaired: {problem}"),
                );
            }
            Event::Canary { problem: None, .. } => {}
        }
        Ok(())
    }

    fn topic(&mut self, topic: u32) -> &mut Topic {
        self.topics.entry(topic).or_default()
    }

    fn partition(&mut self, place: Place) -> &mut Partition {
        self.partitions.entry(place).or_default()
    }

    fn send(&mut self, session: u32, place: Place, value: Value) {
        let (order, floor) = (self.sent.len() as u64, self.partition(place).acked_max);
        let synced_first =
            self.topics.get(&place.topic).is_none_or(|topic| !topic.synced_later || topic.turned);
        let sent = Sent { session, place, order, state: State::Pending, synced_first, offset: None, floor };
        self.sent.insert(value, sent);
    }

    fn acked(&mut self, value: Value, offset: Option<i64>) -> Verdict {
        let Some(sent) = self.sent.get_mut(&value) else {
            return broken("I3", format!("value {value:x} was acknowledged and never sent"));
        };
        sent.state = State::Acked;
        let (place, known, order, synced_first) = (sent.place, sent.offset, sent.order, sent.synced_first);
        let Some(offset) = offset else {
            let partition = self.partition(place);
            if known.is_none() && !partition.doubts(order, None) {
                partition.somewhere.push(value);
            }
            return Ok(());
        };
        self.found(place, offset, value, By::Ack)?;
        let partition = self.partition(place);
        if !partition.doubts(order, Some(offset)) {
            partition.acked_max = partition.acked_max.max(offset);
            if synced_first {
                partition.synced_first = partition.synced_first.max(offset + 1);
            }
        }
        Ok(())
    }

    fn failed(&mut self, value: Value) -> Verdict {
        let Some(sent) = self.sent.get_mut(&value) else {
            return broken("I3", format!("value {value:x} was refused and never sent"));
        };
        sent.state = State::Failed;
        match sent.offset {
            Some(offset) => {
                let place = sent.place;
                broken("I3", format!("value {value:x} was refused and is at {offset} of {place:?}"))
            }
            None => Ok(()),
        }
    }

    /// A value is at an offset, says somebody.
    fn found(&mut self, place: Place, offset: i64, value: Value, by: By) -> Verdict {
        let Some(sent) = self.sent.get_mut(&value) else {
            return broken("I3", format!("value {value:x} at {offset} of {place:?} was never sent"));
        };
        if sent.place != place {
            let meant = sent.place;
            return broken("I3", format!("value {value:x} was sent to {meant:?} and is in {place:?}"));
        }
        if sent.state == State::Failed {
            return broken("I3", format!("value {value:x} was refused and is at {offset} of {place:?}"));
        }
        if let Some(partition) = self.partitions.get(&place)
            && partition.doubts(sent.order, Some(offset))
        {
            // What was read or told before the cut may come late; a dump is what is there.
            let other = partition.known.get(&offset).filter(|known| by == By::Dump && known.value != value);
            return other.map_or(Ok(()), |known| {
                let (invariant, before) = (if known.acked { "I1" } else { "I8" }, known.value);
                broken(
                    invariant,
                    format!("offset {offset} of {place:?} has value {before:x} and value {value:x}"),
                )
            });
        }
        if let Some(other) = sent.offset.filter(|other| *other != offset) {
            return broken("I4", format!("value {value:x} is at {other} and at {offset} of {place:?}"));
        }
        if offset <= sent.floor {
            let floor = sent.floor;
            return broken(
                "I6",
                format!(
                    "value {value:x} is at {offset} of {place:?}, and was sent after {floor} was acknowledged"
                ),
            );
        }
        let is_new = sent.offset.replace(offset).is_none();
        let (session, order) = (sent.session, sent.order);
        if is_new {
            self.in_order(session, place, order, offset)?;
        }
        let known = self.partition(place).known.entry(offset);
        let known = known.or_insert(Known { value, acked: false, served: false });
        if known.value != value {
            let invariant = if known.served && by != By::Ack { "I8" } else { "I2" };
            let before = known.value;
            return broken(
                invariant,
                format!("offset {offset} of {place:?} has value {before:x} and value {value:x}"),
            );
        }
        known.acked |= by == By::Ack;
        known.served |= by != By::Ack;
        Ok(())
    }

    fn in_order(&mut self, session: u32, place: Place, order: u64, offset: i64) -> Verdict {
        let all = |orders| self.sessions.range(orders).map(|(_, offset)| *offset);
        let before = all((session, place, 0)..(session, place, order)).next_back();
        let mut behind = self.sessions.range((session, place, order + 1)..=(session, place, u64::MAX));
        let behind = behind.next().map(|(_, offset)| *offset);
        if before.is_some_and(|before| before >= offset) || behind.is_some_and(|behind| behind <= offset) {
            return broken(
                "I5",
                format!(
                    "session {session} in {place:?}: offset {offset} is not between {before:?} and {behind:?}"
                ),
            );
        }
        self.sessions.insert((session, place, order), offset);
        Ok(())
    }

    fn read(&mut self, reader: u32, place: Place, offset: i64, value: Value) -> Verdict {
        let expected = self.readers.get(&(reader, place)).copied().flatten();
        if let Some(expected) = expected {
            if offset < expected {
                return broken(
                    "I7",
                    format!("reader {reader} of {place:?} went back from {expected} to {offset}"),
                );
            }
            let retained = self.topics.get(&place.topic).is_some_and(|topic| topic.retained);
            if offset > expected && !retained && offset > self.partition(place).given_up {
                return broken(
                    "I7",
                    format!("reader {reader} of {place:?} was given {offset} in the place of {expected}"),
                );
            }
            if offset > expected {
                let partition = self.partition(place);
                partition.left_out = partition.left_out.max(offset);
            }
        }
        let is_doubted = self.is_doubted(place, offset, value);
        self.readers.insert((reader, place), (!is_doubted).then_some(offset + 1));
        self.found(place, offset, value, By::Read)
    }

    fn end(&mut self, asker: u32, end: i64) -> Verdict {
        match self.asked.remove(&asker) {
            Some((place, floor)) if end <= floor => {
                broken("I6", format!("{place:?} ends at {end}, and {floor} was acknowledged before"))
            }
            _ => Ok(()),
        }
    }

    fn topics_found(&self, found: &[u32]) -> Verdict {
        for (number, topic) in &self.topics {
            let is_there = found.contains(number);
            if topic.created && !topic.doomed && !is_there {
                return broken("I1", format!("topic {number} was created and is not there"));
            }
            if topic.deleted && is_there {
                return broken("I1", format!("topic {number} was deleted and is there"));
            }
        }
        Ok(())
    }

    fn dumped(&mut self, dump: &Dump) -> Verdict {
        let Dump { place, log_start, log_start_after, end, records } = dump;
        let retained = self.topics.get(&place.topic).is_some_and(|topic| topic.retained);
        let partition = self.partition(*place);
        let (given_up, gone, left_out) = (partition.given_up, partition.gone, partition.left_out);
        if *log_start < gone {
            return broken("I1", format!("{place:?} starts at {log_start}, and was cut to {gone}"));
        }
        if log_start_after < log_start {
            return broken("I1", format!("{place:?} starts at {log_start}, and then at {log_start_after}"));
        }
        if *log_start_after > given_up && !retained {
            return broken(
                "I1",
                format!("{place:?} starts at {log_start_after}; nobody gave up more than {given_up}"),
            );
        }
        if left_out > *log_start_after {
            return broken(
                "I7",
                format!(
                    "{place:?} starts at {log_start_after}, and a reader was given nothing below {left_out}"
                ),
            );
        }
        let mut expected = *log_start;
        for (offset, value) in records {
            // Old records may go while somebody reads, and the log start goes first.
            if *offset < expected || (*offset > expected && offset > log_start_after) {
                return broken("I7", format!("{place:?} has {offset} in the place of {expected}"));
            }
            self.found(*place, *offset, *value, By::Dump)?;
            expected = offset + 1;
        }
        if expected != *end {
            return broken("I1", format!("{place:?} can be read to {expected}, and ends at {end}"));
        }
        let partition = self.partition(*place);
        if let Some((offset, known)) = partition.known.range(*end..).next() {
            let (invariant, how) = if known.acked { ("I1", "acknowledged") } else { ("I8", "read") };
            let value = known.value;
            return broken(
                invariant,
                format!("value {value:x} was {how} at {offset} of {place:?}, which ends at {end}"),
            );
        }
        let is_lost = |value: &&Value| self.sent.get(value).is_none_or(|sent| sent.offset.is_none());
        let partition = self.partitions.get(place).filter(|_| *log_start_after == 0);
        let lost = partition.and_then(|partition| partition.somewhere.iter().find(is_lost));
        match lost {
            Some(value) => broken("I1", format!("value {value:x} was acknowledged and is not in {place:?}")),
            None => Ok(()),
        }
    }
}

/// A sequence of a producer and its epoch is stored once.
fn stored(place: Place, batches: &[Written]) -> Verdict {
    let mut known: BTreeMap<(i64, i16, i32), &Written> = BTreeMap::new();
    for batch in batches {
        // The first sequence of what may overlap, by the last one of each.
        let (first, last) = batch.sequences;
        let key = |sequence| (batch.producer, batch.epoch, sequence);
        let other = known.range(key(first)..=key(i32::MAX)).next().map(|(_, other)| *other);
        if let Some(other) = other.filter(|other| other.sequences.0 <= last) {
            return broken("I4", format!("{place:?} has {other:?}, and the same again: {batch:?}"));
        }
        known.insert(key(last), batch);
    }
    Ok(())
}
