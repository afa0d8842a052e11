//! A history for each broken promise of groups, and one for each thing that looks like one and is none.

use super::*;
use crate::checker::Violation;
use GroupEvent::{
    Alive, BrokerGone, CommitAsked, CommitDone, Given, Left, LookAsked, LookLost, LookTold, Planned,
};

const G: GroupName = "group";
const P: Place = Place { topic: 1, partition: 0 };
const Q: Place = Place { topic: 1, partition: 1 };

/// Events, each with the second in which it happened.
type History = Vec<(u64, GroupEvent)>;

fn verdict(history: &[(u64, GroupEvent)]) -> Option<&'static str> {
    let mut checker = GroupChecker::default();
    let all: Result<(), Violation> =
        history.iter().try_for_each(|(second, event)| checker.observe(second * 1_000, event));
    all.err().map(|violation| violation.invariant)
}

/// Everything up to the last event is allowed; the last one is not.
fn breaks(invariant: &str, history: &[&[(u64, GroupEvent)]]) {
    let history: History = history.concat();
    let (_, before) = history.split_last().unwrap();
    assert_eq!(verdict(before), None, "{before:?}");
    assert_eq!(verdict(&history), Some(invariant), "{history:?}");
}

fn holds(history: &[&[(u64, GroupEvent)]]) {
    let history: History = history.concat();
    assert_eq!(verdict(&history), None, "{history:?}");
}

fn claim(owner: &str, member: &str, generation: i32) -> Claim {
    Claim { owner: owner.to_owned(), member: member.to_owned(), generation }
}

fn planned(generation: i32, plan: &[(&str, &[Place])]) -> (u64, GroupEvent) {
    let plan = plan.iter().map(|(owner, places)| ((*owner).to_owned(), places.to_vec())).collect();
    (0, Planned { group: G, generation, plan })
}

fn given(claim: Claim, places: &[Place]) -> (u64, GroupEvent) {
    (0, Given { group: G, claim, places: places.to_vec(), asked_ms: 0 })
}

/// Member `a` has everything in this generation.
fn alone(generation: i32) -> History {
    vec![planned(generation, &[("a", &[P, Q])]), given(claim("a", "a", generation), &[P, Q])]
}

fn asked_by(second: u64, number: u64, claim: Option<Claim>, offset: i64) -> (u64, GroupEvent) {
    let offsets = vec![(P, offset)];
    (second, CommitAsked { number, group: G, claim, offsets, tries: Tries::Once })
}

fn asked(second: u64, number: u64, offset: i64) -> (u64, GroupEvent) {
    asked_by(second, number, None, offset)
}

fn done(second: u64, number: u64, fate: Fate) -> (u64, GroupEvent) {
    (second, CommitDone { number, fate })
}

/// A commit that was asked and acknowledged.
fn acked(second: u64, number: u64, offset: i64) -> History {
    vec![asked(second, number, offset), done(second, number, Fate::Acked)]
}

/// A commit whose answer was lost.
fn lost(second: u64, number: u64, offset: i64) -> History {
    vec![asked(second, number, offset), done(second, number, Fate::Unknown)]
}

/// A look-up that was asked and tells this.
fn told(second: u64, offset: i64) -> History {
    let number = 1_000;
    vec![(second, LookAsked { number, group: G }), (second, LookTold { number, told: Ok(vec![(P, offset)]) })]
}

fn refused(second: u64, code: ErrorCode) -> History {
    let number = 1_000;
    vec![(second, LookAsked { number, group: G }), (second, LookTold { number, told: Err(code) })]
}

const GONE: [(u64, GroupEvent); 1] = [(0, BrokerGone)];

#[test]
fn i11_a_partition_has_one_owner_in_a_generation() {
    let plan = [planned(1, &[("a", &[P]), ("b", &[Q])]), given(claim("a", "a", 1), &[P])];
    holds(&[&plan, &[given(claim("b", "b", 1), &[Q]), given(claim("b", "b", 1), &[Q])]]);
    breaks("I11", &[&plan, &[given(claim("b", "b", 1), &[P])]]);
    // Two leaders of one generation: what came of the first one is what holds.
    let other = [planned(1, &[("a", &[Q]), ("b", &[P])])];
    breaks("I11", &[&plan, &other, &[given(claim("b", "b", 1), &[P])]]);
    breaks("I11", &[&plan, &other, &[given(claim("a", "a", 1), &[Q])]]);
    holds(&[&plan, &[planned(2, &[("b", &[P])]), given(claim("b", "b", 2), &[P])]]);
}

#[test]
fn i11_what_is_given_is_what_the_leader_assigned() {
    breaks("I11", &[&[given(claim("b", "b", 1), &[])]]);
    let plan = [planned(1, &[("a", &[P, Q])])];
    holds(&[&plan, &[given(claim("b", "b", 1), &[])]]);
    breaks("I11", &[&plan, &[given(claim("a", "a", 1), &[])]]);
    breaks("I11", &[&plan, &[given(claim("a", "a", 2), &[P, Q])]]);
    // A static member comes back under another id, and has what it had.
    let plan = [planned(1, &[("s", &[P])]), given(claim("s", "s-1", 1), &[P])];
    holds(&[&plan, &[given(claim("s", "s-2", 1), &[P])]]);
}

#[test]
fn i12_a_commit_of_an_earlier_generation_is_refused() {
    let (one, two) = (alone(1), alone(2));
    let ask = [asked_by(0, 1, Some(claim("a", "a", 1)), 5)];
    let acked = [done(0, 1, Fate::Acked)];
    holds(&[&one, &ask, &acked]);
    breaks("I12", &[&one, &two, &ask, &acked]);
    holds(&[&one, &two, &ask, &[done(0, 1, Fate::Refused(ErrorCode::IllegalGeneration))]]);
    // It was asked before anybody knew of the later one.
    holds(&[&one, &ask, &two, &acked]);
    // A later one that nobody was given anything of may have come to nothing.
    holds(&[&one, &[planned(2, &[("a", &[P])])], &ask, &acked]);
    // A stale one never counts as committed, whatever became of it.
    breaks("I13", &[&one, &two, &ask, &[done(0, 1, Fate::Unknown)], &told(0, 5)]);
    breaks("I12", &[&one, &ask, &[done(0, 1, Fate::Refused(ErrorCode::UnknownServerError))]]);
}

#[test]
fn i12_a_member_that_was_displaced_commits_nothing() {
    let both =
        [planned(1, &[("s", &[P])]), given(claim("s", "s-1", 1), &[P]), given(claim("s", "s-2", 1), &[P])];
    let ask = |member: &str| [asked_by(0, 1, Some(claim("s", member, 1)), 5)];
    let acked = [done(0, 1, Fate::Acked)];
    holds(&[&both, &ask("s-2"), &acked]);
    breaks("I12", &[&both, &ask("s-1"), &acked]);
    holds(&[&both, &ask("s-1"), &[done(0, 1, Fate::Refused(ErrorCode::FencedInstanceId))]]);
}

#[test]
fn i12_who_left_commits_nothing() {
    let left = [(0, Left { group: G, member: "a".to_owned() })];
    let ask = [asked_by(0, 1, Some(claim("a", "a", 1)), 5)];
    let acked = [done(0, 1, Fate::Acked)];
    breaks("I12", &[&alone(1), &left, &ask, &acked]);
    holds(&[&alone(1), &left, &ask, &[done(0, 1, Fate::Refused(ErrorCode::UnknownMemberId))]]);
    // It was asked before, or a crash may have taken the leave back.
    holds(&[&alone(1), &ask, &left, &acked]);
    holds(&[&alone(1), &left, &GONE, &ask, &acked]);
}

#[test]
fn i13_the_last_acknowledged_offset_is_told() {
    holds(&[&told(0, NONE), &acked(0, 1, 5), &told(0, 5), &acked(0, 2, 6), &told(0, 6)]);
    breaks("I13", &[&acked(0, 1, 5), &told(0, NONE)]);
    breaks("I13", &[&acked(0, 1, 5), &told(0, 0)]);
    breaks("I13", &[&acked(0, 1, 5), &acked(0, 2, 6), &told(0, 5)]);
    breaks("I13", &[&acked(0, 1, 5), &GONE, &told(0, NONE)]);
    breaks("I13", &[&told(0, 7)]);
    // The look-up was asked before.
    let number = 1_000;
    let before = [(0, LookAsked { number, group: G })];
    let after = |offset| [(0, LookTold { number, told: Ok(vec![(P, offset)]) })];
    holds(&[&acked(0, 1, 5), &before, &acked(0, 2, 6), &after(5)]);
    holds(&[&acked(0, 1, 5), &before, &acked(0, 2, 6), &after(6)]);
    breaks("I13", &[&acked(0, 1, 5), &acked(0, 2, 6), &before, &acked(0, 3, 7), &after(5)]);
    holds(&[&before, &[(0, LookLost { number })], &acked(0, 2, 6)]);
}

#[test]
fn i13_a_commit_without_an_answer_may_have_taken_effect() {
    holds(&[&acked(0, 1, 5), &lost(0, 2, 6), &told(0, 5)]);
    holds(&[&acked(0, 1, 5), &lost(0, 2, 6), &told(0, 6)]);
    // When it was seen to, it did.
    breaks("I13", &[&acked(0, 1, 5), &lost(0, 2, 6), &told(0, 6), &told(0, 5)]);
    breaks("I13", &[&lost(0, 1, 5), &acked(1, 2, 6), &told(1, 5), &told(1, 6)]);
    // It may still be on its way when the next one is acknowledged, but not for ever.
    holds(&[&lost(0, 1, 5), &acked(1, 2, 6), &told(1, 5)]);
    breaks("I13", &[&lost(0, 1, 5), &acked(30, 2, 6), &acked(30, 3, 7), &told(30, 5)]);
    // And it is gone with the broker that it was sent to.
    breaks("I13", &[&lost(0, 1, 5), &GONE, &acked(1, 2, 6), &told(1, 5)]);
    holds(&[&lost(0, 1, 5), &GONE, &told(1, 5)]);
    // The coordinator was lost before it could say that the offset is durable.
    let code = ErrorCode::NotCoordinator;
    let undecided = [asked(0, 1, 5), done(0, 1, Fate::Refused(code))];
    holds(&[&undecided, &told(0, 5)]);
    breaks("I13", &[&undecided, &acked(0, 2, 6), &told(0, 5)]);
    let code = ErrorCode::RebalanceInProgress;
    breaks("I13", &[&[asked(0, 1, 5), done(0, 1, Fate::Refused(code))], &told(0, 5)]);
}

#[test]
fn i13_what_a_client_tries_again_may_come_twice() {
    let offsets = vec![(P, 5)];
    let many = |second: u64| {
        let offsets = offsets.clone();
        [
            (second, CommitAsked { number: 1, group: G, claim: None, offsets, tries: Tries::Many }),
            (second, CommitDone { number: 1, fate: Fate::Acked }),
        ]
    };
    holds(&[&many(0), &acked(1, 2, 6), &told(1, 5)]);
    breaks("I13", &[&many(0), &acked(10, 2, 6), &acked(10, 3, 7), &told(10, 5)]);
    breaks("I13", &[&many(0), &GONE, &acked(1, 2, 6), &told(1, 5)]);
}

#[test]
fn i13_while_nobody_knows_a_look_up_says_to_ask_again() {
    use ErrorCode::{CoordinatorLoadInProgress, NotCoordinator, UnknownMemberId, UnknownServerError};
    for code in [CoordinatorLoadInProgress, NotCoordinator] {
        holds(&[&acked(0, 1, 5), &refused(0, code)]);
    }
    for code in [UnknownMemberId, UnknownServerError] {
        breaks("I13", &[&acked(0, 1, 5), &refused(0, code)]);
    }
}

#[test]
fn offsets_are_forgotten_when_nobody_was_there_for_the_retention() {
    let short = [(0, GroupEvent::Retention { ms: 60_000 })];
    let beat = |second: u64| [(second, Alive { group: G, asked_ms: second * 1_000 })];
    holds(&[&short, &acked(0, 1, 5), &told(60, NONE)]);
    breaks("I13", &[&acked(0, 1, 5), &told(60, NONE)]);
    breaks("I13", &[&short, &acked(0, 1, 5), &told(59, NONE)]);
    breaks("I13", &[&short, &acked(0, 1, 5), &beat(30), &told(80, NONE)]);
    // Whoever comes too late finds nothing, or what was there.
    holds(&[&short, &acked(0, 1, 5), &beat(70), &told(71, NONE)]);
    holds(&[&short, &acked(0, 1, 5), &beat(70), &told(71, 5)]);
    breaks("I13", &[&short, &acked(0, 1, 5), &beat(70), &acked(71, 2, 6), &told(71, NONE)]);
    // A group that is forgotten counts its generations from the first one again.
    let other = [(61, planned(1, &[("a", &[Q])]).1), (61, given(claim("a", "a", 1), &[Q]).1)];
    holds(&[&short, &alone(1), &other]);
    breaks("I11", &[&alone(1), &other]);
    breaks("I11", &[&short, &alone(1), &acked(30, 1, 5), &other]);
}

#[test]
fn what_groups_did_is_counted() {
    let mut checker = GroupChecker::default();
    let fenced = done(0, 2, Fate::Refused(ErrorCode::IllegalGeneration));
    let events = [alone(1), alone(2), acked(0, 1, 5), told(0, 5), vec![asked(0, 2, 6), fenced]].concat();
    for (_, event) in &events {
        assert_eq!(checker.observe(0, event), Ok(()));
    }
    let mut twice = GroupCounts::default();
    twice.add(&checker.counts());
    twice.add(&checker.counts());
    assert_eq!(twice, GroupCounts { groups: 2, generations: 4, commits: 2, looks: 2, fenced: 2 });
}
