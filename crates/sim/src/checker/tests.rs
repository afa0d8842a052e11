//! A history for each broken promise, and one for each thing that looks like one and is none.

use super::*;

const P: Place = Place { topic: 1, partition: 0 };
const Q: Place = Place { topic: 1, partition: 1 };

fn sent(session: u32, value: Value) -> Event {
    Event::Sent { session, place: P, value }
}

fn acked(value: Value, offset: i64) -> Event {
    Event::Acked { value, offset: Some(offset) }
}

fn read(offset: i64, value: Value) -> Event {
    read_in(0, offset, value)
}

fn read_in(epoch: i32, offset: i64, value: Value) -> Event {
    Event::Read { reader: 1, place: P, offset, value, epoch }
}

fn assigned(from: Option<i64>) -> Event {
    Event::Assigned { reader: 1, place: P, from }
}

fn dump(log_start: i64, values: &[Value]) -> Event {
    let records: Vec<_> = (log_start..).zip(values.iter().copied()).collect();
    let end = log_start + values.len() as i64;
    Event::Dumped(Dump { place: P, log_start, log_start_after: log_start, end, records })
}

/// Everything, from which the log start came to be this while it was read.
fn shrinking(log_start_after: i64, end: i64, records: &[(i64, Value)]) -> Event {
    Event::Dumped(Dump { place: P, log_start: 0, log_start_after, end, records: records.to_vec() })
}

fn verdict(history: &[Event]) -> Option<&'static str> {
    let mut checker = Checker::default();
    let all: Verdict = history.iter().try_for_each(|event| checker.observe(event));
    all.err().map(|violation| violation.invariant)
}

/// Everything up to the last event is allowed; the last one is not.
fn breaks(invariant: &str, history: &[Event]) {
    let (_, before) = history.split_last().unwrap();
    assert_eq!(verdict(before), None, "{before:?}");
    assert_eq!(verdict(history), Some(invariant), "{history:?}");
}

fn holds(history: &[Event]) {
    assert_eq!(verdict(history), None, "{history:?}");
}

#[test]
fn i1_an_acknowledged_record_is_there_in_the_end() {
    let two = [sent(1, 10), acked(10, 0), sent(1, 11), acked(11, 1)];
    let and = |event: Event| [&two[..], &[event]].concat();
    holds(&and(dump(0, &[10, 11])));
    breaks("I1", &and(dump(0, &[10])));
    breaks("I1", &and(dump(1, &[11])));
    breaks("I1", &and(shrinking(0, 2, &[(0, 10)])));
    breaks("I1", &[sent(1, 10), Event::Acked { value: 10, offset: None }, dump(0, &[])]);
    holds(&[sent(1, 10), Event::Acked { value: 10, offset: None }, dump(0, &[10])]);
}

#[test]
fn i1_a_log_start_is_asked_for_and_never_goes_back() {
    let two = [sent(1, 10), acked(10, 0), sent(1, 11), acked(11, 1)];
    let asked = Event::DeleteAsked { place: P, before: 1 };
    let deleted = Event::Deleted { place: P, log_start: 1 };
    let and = |events: &[Event]| [&two[..], events].concat();
    holds(&and(&[asked.clone(), dump(0, &[10, 11])]));
    holds(&and(&[asked.clone(), dump(1, &[11])]));
    holds(&and(&[asked.clone(), deleted.clone(), dump(1, &[11])]));
    breaks("I1", &and(&[asked, deleted, dump(0, &[10, 11])]));
    holds(&and(&[Event::Retained { topic: 1 }, dump(2, &[])]));
}

#[test]
fn i1_topics_are_there_when_they_were_created_and_not_deleted() {
    let created = Event::TopicCreated { topic: 1 };
    let doomed = Event::TopicDoomed { topic: 1 };
    let deleted = Event::TopicDeleted { topic: 1 };
    holds(&[created.clone(), Event::Topics(vec![1])]);
    breaks("I1", &[created.clone(), Event::Topics(vec![])]);
    holds(&[created.clone(), doomed.clone(), Event::Topics(vec![])]);
    holds(&[created.clone(), doomed.clone(), Event::Topics(vec![1])]);
    breaks("I1", &[created, doomed, deleted, Event::Topics(vec![1])]);
}

#[test]
fn i2_an_offset_has_one_value() {
    let two = [sent(1, 10), sent(2, 11), acked(10, 0)];
    breaks("I2", &[&two[..], &[acked(11, 0)]].concat());
    breaks("I2", &[&two[..], &[assigned(None), read(0, 11)]].concat());
    holds(&[&two[..], &[acked(11, 1)]].concat());
}

#[test]
fn i3_what_is_read_was_sent_there_and_not_refused() {
    breaks("I3", &[assigned(None), read(0, 10)]);
    breaks("I3", &[acked(10, 0)]);
    breaks("I3", &[sent(1, 10), Event::Failed { value: 10 }, assigned(None), read(0, 10)]);
    breaks("I3", &[sent(1, 10), assigned(None), read(0, 10), Event::Failed { value: 10 }]);
    breaks("I3", &[sent(1, 10), Event::Read { reader: 1, place: Q, offset: 0, value: 10, epoch: 0 }]);
    // Nobody knows what became of it: it may be there, and it may not.
    holds(&[sent(1, 10), assigned(None), read(0, 10), dump(0, &[10])]);
    holds(&[sent(1, 10), dump(0, &[])]);
}

#[test]
fn i4_a_value_is_at_one_offset() {
    breaks("I4", &[sent(1, 10), acked(10, 0), assigned(None), read(1, 10)]);
    breaks("I4", &[sent(1, 10), dump(0, &[10, 10])]);
    holds(&[sent(1, 10), acked(10, 0), acked(10, 0), dump(0, &[10])]);
}

#[test]
fn i4_a_sequence_of_a_producer_is_stored_once() {
    let batch = |producer, epoch, sequences, offset| Written { producer, epoch, sequences, offset };
    let stored = |batches: &[Written]| Event::Stored { place: P, batches: batches.to_vec() };
    let first = batch(1, 0, (0, 4), 0);
    holds(&[stored(&[first, batch(1, 0, (5, 5), 5), batch(1, 1, (0, 4), 6), batch(2, 0, (0, 4), 11)])]);
    for again in [batch(1, 0, (0, 4), 5), batch(1, 0, (4, 9), 5), batch(1, 0, (2, 3), 5)] {
        breaks("I4", &[stored(&[first, again])]);
        breaks("I4", &[stored(&[again, first])]);
    }
}

#[test]
fn i5_a_session_keeps_its_order() {
    breaks("I5", &[sent(1, 10), sent(1, 11), acked(11, 0), acked(10, 1)]);
    breaks("I5", &[sent(1, 10), sent(1, 11), dump(0, &[11, 10])]);
    holds(&[sent(1, 10), sent(2, 11), acked(11, 0), acked(10, 1)]);
    holds(&[sent(1, 10), sent(1, 11), acked(11, 5), acked(10, 3)]);
}

#[test]
fn i6_what_was_acknowledged_is_before_what_is_sent_later() {
    breaks("I6", &[sent(1, 10), acked(10, 5), sent(2, 11), acked(11, 4)]);
    holds(&[sent(1, 10), sent(2, 11), acked(10, 5), acked(11, 4)]);
    let asked = Event::EndAsked { asker: 9, place: P };
    let told = |end| Event::EndTold { asker: 9, end };
    breaks("I6", &[sent(1, 10), acked(10, 5), asked.clone(), told(5)]);
    holds(&[sent(1, 10), acked(10, 5), asked.clone(), told(6)]);
    // It was acknowledged while the question was under way.
    holds(&[sent(1, 10), asked, acked(10, 5), told(0)]);
}

#[test]
fn i7_a_reader_goes_on_without_gaps() {
    let three = [sent(1, 10), sent(1, 11), sent(1, 12), assigned(Some(0)), read(0, 10)];
    let and = |events: &[Event]| [&three[..], events].concat();
    breaks("I7", &and(&[read(0, 10)]));
    breaks("I7", &and(&[read(2, 12)]));
    holds(&and(&[read(1, 11), read(2, 12)]));
    // A new assignment may go back, and a log start may jump forward.
    holds(&and(&[assigned(None), read(0, 10)]));
    holds(&and(&[Event::DeleteAsked { place: P, before: 2 }, read(2, 12)]));
    holds(&and(&[Event::Retained { topic: 1 }, read(2, 12)]));
    let hole = |log_start_after| shrinking(log_start_after, 3, &[(0, 10), (2, 12)]);
    breaks("I7", &and(&[hole(0)]));
    breaks("I1", &and(&[hole(2)]));
}

#[test]
fn i7_a_gap_is_below_the_log_start() {
    let retained =
        [Event::Retained { topic: 1 }, sent(1, 10), sent(1, 11), sent(1, 12), assigned(Some(0)), read(0, 10)];
    let and = |events: &[Event]| [&retained[..], events].concat();
    let hole = |log_start_after| shrinking(log_start_after, 3, &[(0, 10), (2, 12)]);
    holds(&and(&[hole(2)]));
    breaks("I7", &and(&[hole(0)]));
    breaks("I7", &and(&[hole(1)]));
    // What a reader was not given is gone in the end.
    holds(&and(&[read(2, 12), dump(2, &[12])]));
    holds(&and(&[read(2, 12), hole(2)]));
    breaks("I7", &and(&[read(2, 12), dump(0, &[10, 11, 12])]));
    breaks("I7", &and(&[read(2, 12), dump(1, &[11, 12])]));
    let asked = Event::DeleteAsked { place: P, before: 2 };
    breaks("I7", &and(&[asked, read(2, 12), dump(0, &[10, 11, 12])]));
    breaks(
        "I1",
        &and(&[Event::Dumped(Dump { place: P, log_start: 3, log_start_after: 2, end: 3, records: vec![] })]),
    );
}

#[test]
fn i8_what_was_served_stays() {
    let one = [sent(1, 10), sent(2, 11), assigned(None), read(0, 10)];
    breaks("I8", &[&one[..], &[dump(0, &[])]].concat());
    breaks("I8", &[&one[..], &[dump(0, &[11])]].concat());
    holds(&[&one[..], &[dump(0, &[10, 11])]].concat());
}

/// Of a topic that is answered before it is synced; its first record is synced when the power goes.
fn cut_at_1(before: &[Event], after: &[Event]) -> Vec<Event> {
    let cut = Event::PowerCut { synced: vec![(P, 1)] };
    [&[Event::SyncedLater { topic: 1 }], before, &[cut], after].concat()
}

#[test]
fn a_topic_is_told_to_be_synced_later_before_anybody_writes_to_it() {
    breaks("void", &[sent(1, 10), Event::SyncedLater { topic: 1 }]);
    holds(&[sent(1, 10), Event::SyncedLater { topic: 2 }]);
}

#[test]
fn i1_a_power_cut_may_take_what_was_not_synced_and_no_more() {
    let three = [sent(1, 10), acked(10, 0), sent(1, 11), acked(11, 1), sent(1, 12)];
    holds(&cut_at_1(&three, &[dump(0, &[10])]));
    holds(&cut_at_1(&three, &[dump(0, &[10, 11])]));
    holds(&cut_at_1(&three, &[dump(0, &[10, 12])]));
    breaks("I1", &cut_at_1(&three, &[dump(0, &[])]));
    // Without a cut, and where it is synced first, nothing is in doubt.
    breaks("I1", &[&[Event::SyncedLater { topic: 1 }], &three[..], &[dump(0, &[10])]].concat());
    breaks("I1", &cut_at_1(&three, &[dump(0, &[10])])[1..]);
    let turned = [&[Event::SyncedFirst { topic: 1 }], &three[..]].concat();
    breaks("I1", &cut_at_1(&turned, &[dump(0, &[10])]));
    // What is sent behind the cut is promised again, in the place of what it took.
    let again = [sent(1, 13), acked(13, 1)];
    holds(&cut_at_1(&three, &[&again[..], &[dump(0, &[10, 13])]].concat()));
    breaks("I1", &cut_at_1(&three, &[&again[..], &[dump(0, &[10])]].concat()));
    // What the cut took does not come back in that place.
    breaks("I1", &cut_at_1(&three, &[&again[..], &[dump(0, &[10, 11])]].concat()));
}

#[test]
fn what_a_cut_took_may_be_told_late_and_a_reader_starts_anew() {
    let two = [sent(1, 10), acked(10, 0), sent(1, 11), assigned(None), read(0, 10)];
    let late = [read(1, 11), acked(11, 1), read(0, 10), sent(1, 12), read_in(1, 1, 12), acked(12, 1)];
    holds(&cut_at_1(&two, &[&late[..], &[dump(0, &[10, 12])]].concat()));
}

#[test]
fn r8_of_one_epoch_an_offset_has_one_value() {
    let two = [sent(1, 10), sent(1, 11), assigned(None), read(0, 10), read(1, 11)];
    let anew = [sent(1, 12), assigned(Some(1))];
    holds(&cut_at_1(&two, &[&anew[..], &[read_in(1, 1, 12)]].concat()));
    breaks("R8", &cut_at_1(&two, &[&anew[..], &[read(1, 12)]].concat()));
}

#[test]
fn i22_and_l1_are_told_as_they_are_seen() {
    breaks("I22", &[Event::Damaged { place: P, offset: 0 }]);
    holds(&[Event::Canary { place: P, problem: None }]);
    breaks("L1", &[Event::Canary { place: P, problem: Some("no answer".to_owned()) }]);
}

#[test]
fn what_was_read_is_known() {
    let mut checker = Checker::default();
    for event in [sent(1, 10), acked(10, 0), sent(1, 11), assigned(None), read(0, 10)] {
        checker.observe(&event).unwrap();
    }
    assert!(checker.was_read(10) && !checker.was_read(11));
    assert_eq!(checker.counts(), (1, 1));
}
