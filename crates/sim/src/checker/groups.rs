//! Whether what members of consumer groups saw can have been a coordinator that keeps its promises.
//!
//! | | |
//! |---|---|
//! | I11 | in one generation a partition has one owner, who was given what the leader of that generation assigned |
//! | I12 | a commit succeeds only of who is a member, in its name of now, and in a generation that is not over |
//! | I13 | what is told as committed is the last acknowledged offset, or one whose commit nobody knows the end of and that |
//! | | can have come behind it; never an older one, never none; while nobody knows, an error that says to ask again |
//!
//! Only what somebody was told proves anything, and only what a crash cannot take back: that a generation is over is
//! known when a later one's assignment was given away. A group that had nobody in it for the retention of offsets may
//! have forgotten them, and then its generations begin anew.

mod fate;
mod offsets;
#[cfg(test)]
mod tests;

use super::{Place, Verdict, broken};
use fate::Effect;
use offsets::{Committed, Moment};
use ottla_wire::ErrorCode;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

pub use fate::{Fate, Tries};
pub use offsets::NONE;

pub type GroupName = &'static str;
pub type Offsets = Vec<(Place, i64)>;

/// Who speaks: a member in a generation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// What it is known by from generation to generation: a static member's instance, else its id.
    pub owner: String,
    pub member: String,
    pub generation: i32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupEvent {
    /// Offsets of groups that nobody is in are forgotten after so long.
    Retention {
        ms: u64,
    },
    /// The broker's process is gone, and with it every connection.
    BrokerGone,
    /// A leader is about to bring the assignments of its generation.
    Planned {
        group: GroupName,
        generation: i32,
        plan: BTreeMap<String, Vec<Place>>,
    },
    /// A member was given its assignment, for which it asked then.
    Given {
        group: GroupName,
        claim: Claim,
        places: Vec<Place>,
        asked_ms: u64,
    },
    /// The group had a member when this was asked, or later.
    Alive {
        group: GroupName,
        asked_ms: u64,
    },
    /// A member was told that it is none any more.
    Left {
        group: GroupName,
        member: String,
    },
    /// `claim` is missing where nobody says who commits.
    CommitAsked {
        number: u64,
        group: GroupName,
        claim: Option<Claim>,
        offsets: Offsets,
        tries: Tries,
    },
    CommitDone {
        number: u64,
        fate: Fate,
    },
    LookAsked {
        number: u64,
        group: GroupName,
    },
    LookTold {
        number: u64,
        told: Result<Offsets, ErrorCode>,
    },
    /// Nobody answered.
    LookLost {
        number: u64,
    },
}

/// What the groups of a run did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct GroupCounts {
    pub groups: u64,
    /// Generations that somebody was given an assignment of.
    pub generations: u64,
    /// Acknowledged.
    pub commits: u64,
    pub looks: u64,
    /// Commits that were refused because of who commits, or in which generation.
    pub fenced: u64,
}

impl fmt::Display for GroupCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { groups, generations, commits, looks, fenced } = self;
        write!(
            f,
            "{groups} groups, {generations} generations, {commits} commits acknowledged, {looks} look-ups, {fenced} commits \
             fenced"
        )
    }
}

impl GroupCounts {
    pub fn add(&mut self, other: &Self) {
        self.groups += other.groups;
        self.generations += other.generations;
        self.commits += other.commits;
        self.looks += other.looks;
        self.fenced += other.fenced;
    }
}

#[derive(Debug, Default)]
struct Generation {
    /// Of its leaders: a generation that came to nothing in a crash may have another one.
    plans: Vec<BTreeMap<String, Vec<Place>>>,
    given: BTreeMap<String, Vec<Place>>,
    owners: BTreeMap<Place, String>,
}

#[derive(Debug)]
struct Group {
    generations: BTreeMap<i32, Generation>,
    /// The last generation that somebody was given an assignment of.
    proven: i32,
    /// Static members, and the id that each was last given an assignment under.
    instances: BTreeMap<String, String>,
    /// Who left. A crash may take that back.
    left: BTreeSet<String>,
    places: BTreeMap<Place, Committed>,
    /// Somebody was in the group then, or later.
    alive_ms: Option<u64>,
    /// It may have been empty for the whole retention.
    may_be_forgotten: bool,
}

impl Default for Group {
    fn default() -> Self {
        Self {
            generations: BTreeMap::new(),
            proven: -1,
            instances: BTreeMap::new(),
            left: BTreeSet::new(),
            places: BTreeMap::new(),
            alive_ms: None,
            may_be_forgotten: false,
        }
    }
}

#[derive(Debug)]
struct Commit {
    group: GroupName,
    places: Vec<Place>,
    asked_ms: u64,
    tries: Tries,
    /// Why it must not succeed.
    stale: Option<String>,
}

#[derive(Debug, Default)]
pub struct GroupChecker {
    now: Moment,
    retention_ms: Option<u64>,
    groups: BTreeMap<GroupName, Group>,
    commits: BTreeMap<u64, Commit>,
    /// Look-ups under way: the group, and when each was asked.
    looks: BTreeMap<u64, (GroupName, u64)>,
    counts: GroupCounts,
}

impl GroupChecker {
    pub fn counts(&self) -> GroupCounts {
        GroupCounts { groups: self.groups.len() as u64, ..self.counts }
    }

    pub fn observe(&mut self, now_ms: u64, event: &GroupEvent) -> Verdict {
        self.now = Moment { step: self.now.step + 1, ms: now_ms };
        match event {
            GroupEvent::Retention { ms } => self.retention_ms = Some(*ms),
            GroupEvent::BrokerGone => {
                let places = self.groups.values_mut().flat_map(|group| group.places.values_mut());
                places.for_each(|committed| committed.broker_gone(self.now));
                self.groups.values_mut().for_each(|group| group.left.clear());
            }
            GroupEvent::Planned { group, generation, plan } => self.planned(group, *generation, plan),
            GroupEvent::Given { group, claim, places, asked_ms } => {
                self.alive(group, *asked_ms);
                return self.given(group, claim, places);
            }
            GroupEvent::Alive { group, asked_ms } => self.alive(group, *asked_ms),
            GroupEvent::Left { group, member } => {
                self.group(group).left.insert(member.clone());
            }
            GroupEvent::CommitAsked { number, group, claim, offsets, tries } => {
                self.commit(*number, group, claim.as_ref(), offsets, *tries);
            }
            GroupEvent::CommitDone { number, fate } => return self.committed(*number, *fate),
            GroupEvent::LookAsked { number, group } => {
                self.looks.insert(*number, (*group, self.now.step));
            }
            GroupEvent::LookTold { number, told } => return self.told(*number, told),
            GroupEvent::LookLost { number } => {
                self.looks.remove(number);
            }
        }
        Ok(())
    }

    fn group(&mut self, group: GroupName) -> &mut Group {
        self.groups.entry(group).or_default()
    }

    /// Whether the group may have been empty for the whole retention since somebody was known to be in it.
    fn is_overdue(&self, group: GroupName) -> bool {
        let alive_ms = self.groups.get(group).and_then(|group| group.alive_ms);
        match (self.retention_ms, alive_ms) {
            (Some(retention_ms), Some(alive_ms)) => self.now.ms.saturating_sub(alive_ms) >= retention_ms,
            _ => false,
        }
    }

    fn forget(&mut self, name: GroupName) {
        let now = self.now;
        let group = self.group(name);
        group.may_be_forgotten = true;
        group.places.values_mut().for_each(|committed| committed.may_be_forgotten(now));
    }

    fn alive(&mut self, name: GroupName, asked_ms: u64) {
        if self.is_overdue(name) {
            self.forget(name);
        }
        let group = self.group(name);
        group.alive_ms = group.alive_ms.max(Some(asked_ms));
    }

    fn planned(&mut self, name: GroupName, generation: i32, plan: &BTreeMap<String, Vec<Place>>) {
        let is_overdue = self.is_overdue(name);
        let has_retention = self.retention_ms.is_some();
        let group = self.group(name);
        // An empty group that has no offsets either is gone at once.
        let is_bare = group.places.values().all(Committed::is_bare);
        let may_be_anew = has_retention && (group.may_be_forgotten || is_overdue || is_bare);
        if may_be_anew && generation <= group.proven {
            group.generations.clear();
            group.instances.clear();
            group.proven = -1;
            group.may_be_forgotten = false;
        }
        group.generations.entry(generation).or_default().plans.push(plan.clone());
    }

    fn given(&mut self, name: GroupName, claim: &Claim, places: &[Place]) -> Verdict {
        let Claim { owner, member, generation } = claim;
        let group = self.groups.entry(name).or_default();
        let known = group.generations.entry(*generation).or_default();
        let is_planned = |plan: &BTreeMap<String, Vec<Place>>| match plan.get(owner) {
            Some(planned) => planned == places,
            None => places.is_empty(),
        };
        if !known.plans.iter().any(is_planned) {
            let plans = &known.plans;
            return broken(
                "I11",
                format!(
                    "{owner} of {name} was given {places:?} in generation {generation}; planned: {plans:?}"
                ),
            );
        }
        if known.given.is_empty() {
            self.counts.generations += 1;
        }
        if let Some(before) = known.given.insert(owner.clone(), places.to_vec())
            && before != places
        {
            return broken(
                "I11",
                format!("{owner} of {name} was given {before:?} and {places:?} in generation {generation}"),
            );
        }
        for place in places {
            if let Some(other) = known.owners.insert(*place, owner.clone())
                && other != *owner
            {
                return broken(
                    "I11",
                    format!("{place:?} belongs to {other} and {owner} in generation {generation} of {name}"),
                );
            }
        }
        group.proven = group.proven.max(*generation);
        if owner != member {
            group.instances.insert(owner.clone(), member.clone());
        }
        Ok(())
    }

    fn commit(
        &mut self,
        number: u64,
        name: GroupName,
        claim: Option<&Claim>,
        offsets: &[(Place, i64)],
        tries: Tries,
    ) {
        let now = self.now;
        let group = self.group(name);
        let stale = claim.and_then(|claim| {
            let Claim { owner, member, generation } = claim;
            let displaced_by = group.instances.get(owner).filter(|of| owner != member && *of != member);
            if *generation < group.proven {
                let proven = group.proven;
                return Some(format!("generation {generation} of {name} was over, {proven} had come"));
            }
            if group.left.contains(member) {
                return Some(format!("{member} of {name} had left"));
            }
            displaced_by.map(|other| format!("{member} of {name} had been displaced by {other}"))
        });
        for (place, offset) in offsets {
            group.places.entry(*place).or_default().asked(number, *offset, tries, now);
        }
        let places = offsets.iter().map(|(place, _)| *place).collect();
        self.commits.insert(number, Commit { group: name, places, asked_ms: now.ms, tries, stale });
    }

    fn committed(&mut self, number: u64, fate: Fate) -> Verdict {
        let Some(Commit { group: name, places, asked_ms, tries, stale }) = self.commits.remove(&number)
        else {
            return broken("I12", format!("commit {number} was answered and not asked"));
        };
        let effect = match (Effect::of(fate, tries), stale) {
            (None, _) => return broken("I12", format!("a commit of {name} came to {fate:?}")),
            (Some(Effect::Taken { .. }), Some(why)) => {
                return broken("I12", format!("a commit was acknowledged, and {why} when it was asked"));
            }
            (Some(Effect::Maybe { .. }), Some(_)) => Effect::Nothing,
            (Some(effect), _) => effect,
        };
        match effect {
            Effect::Taken { .. } => {
                self.counts.commits += 1;
                self.alive(name, asked_ms);
            }
            Effect::Fenced => self.counts.fenced += 1,
            Effect::Nothing | Effect::Maybe { .. } => {}
        }
        let (now, oldest) = (self.now, self.oldest_look());
        let group = self.groups.entry(name).or_default();
        for place in &places {
            let Some(committed) = group.places.get_mut(place) else { continue };
            match effect {
                Effect::Taken { open_ms } => committed.acked(number, open_ms, now, oldest),
                Effect::Fenced | Effect::Nothing => committed.refused(number),
                Effect::Maybe { open_ms } => committed.unknown(number, open_ms, now),
            }
        }
        Ok(())
    }

    fn oldest_look(&self) -> u64 {
        self.looks.values().map(|(_, asked)| *asked).min().unwrap_or(u64::MAX)
    }

    fn told(&mut self, number: u64, told: &Result<Offsets, ErrorCode>) -> Verdict {
        use ErrorCode::{CoordinatorLoadInProgress, CoordinatorNotAvailable, NotCoordinator};
        let Some((name, asked)) = self.looks.remove(&number) else {
            return broken("I13", format!("look-up {number} was answered and not asked"));
        };
        let offsets = match told {
            Ok(offsets) => offsets,
            Err(CoordinatorLoadInProgress | NotCoordinator | CoordinatorNotAvailable) => return Ok(()),
            Err(code) => return broken("I13", format!("a look-up of {name} was answered with {code:?}")),
        };
        self.counts.looks += 1;
        if self.is_overdue(name) {
            self.forget(name);
        }
        let now = self.now;
        let group = self.group(name);
        for (place, offset) in offsets {
            let committed = group.places.entry(*place).or_default();
            if !committed.told(*offset, asked, now) {
                return broken(
                    "I13",
                    format!("{name} is told {offset} for {place:?}; it can have been {committed}"),
                );
            }
        }
        Ok(())
    }
}
