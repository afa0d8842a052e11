//! What anybody says to the coordinator of a group, told to the checker before and after: commits and look-ups.

use super::assign::by_topic;
use super::line::Line;
use crate::broker::host::Shared;
use crate::broker::workload::{name_of, number_of, places};
use crate::checker::Place;
use crate::checker::groups::{Claim, Fate, GroupEvent, GroupName, Offsets, Tries};
use ottla_wire::messages::find_coordinator::FindCoordinatorRequest;
use ottla_wire::messages::offset_commit::{
    OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use ottla_wire::messages::offset_fetch::{
    OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchRequestTopics, OffsetFetchResponseGroup,
};
use ottla_wire::{ErrorCode, Request};
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

const FIND_COORDINATOR: i16 = 4;
const OFFSET_COMMIT: i16 = 8;
const OFFSET_FETCH: i16 = 9;
/// For an answer that waits for nobody but the disk: commits give up after 5 s.
const PATIENCE: Duration = Duration::from_secs(7);

pub struct Voice {
    shared: Rc<Shared>,
    group: GroupName,
    client_id: String,
    line: Option<Line>,
}

/// Codes that say: ask again.
fn is_passing(code: ErrorCode) -> bool {
    use ErrorCode::{CoordinatorLoadInProgress, CoordinatorNotAvailable, NotCoordinator};
    matches!(code, CoordinatorLoadInProgress | CoordinatorNotAvailable | NotCoordinator)
}

impl Voice {
    pub fn new(shared: &Rc<Shared>, group: GroupName, client_id: String) -> Self {
        Self { shared: Rc::clone(shared), group, client_id, line: None }
    }

    pub fn hang_up(&mut self) {
        self.line = None;
    }

    /// A connection to a broker that coordinates the group. False: not now.
    pub async fn connect(&mut self) -> bool {
        if self.line.is_some() {
            return true;
        }
        self.line = Line::open(&self.shared, &self.client_id).await;
        let request =
            FindCoordinatorRequest { coordinator_keys: vec![self.group.into()], ..Default::default() };
        let Some(found) = self.call(FIND_COORDINATOR, &request, PATIENCE).await else { return false };
        let code = found.coordinators.first().map_or(ErrorCode::UnknownServerError, |coordinator| {
            ErrorCode::from_code(coordinator.error_code)
        });
        if code == ErrorCode::None {
            return true;
        }
        self.unless_passing(code, "FindCoordinator");
        self.line = None;
        false
    }

    /// The end of the run, unless the code is one that anybody may get at any time.
    pub fn unless_passing(&self, code: ErrorCode, what: &str) {
        if !is_passing(code) {
            let group = self.group;
            self.shared.violated("answers fit", format!("{what} of {group} was answered with {code:?}"));
        }
    }

    pub async fn call<R: Request>(
        &mut self,
        version: i16,
        body: &R,
        patience: Duration,
    ) -> Option<R::Response> {
        let answer = self.line.as_mut()?.call(version, body, patience).await;
        if answer.is_none() {
            self.line = None;
        }
        answer
    }

    /// Commits an offset that nobody committed before for each of these. `None`: no member, no generation.
    pub async fn commit(&mut self, claim: Option<Claim>, places: &[Place]) -> Fate {
        let shared = Rc::clone(&self.shared);
        let offsets: Offsets = places.iter().map(|place| (*place, shared.groups.next_offset())).collect();
        let request = commit_request(self.group, claim.as_ref(), &offsets);
        let number = shared.groups.next_number();
        let tries = Tries::Once;
        shared.record_group(&GroupEvent::CommitAsked { number, group: self.group, claim, offsets, tries });
        let answer = self.call(OFFSET_COMMIT, &request, PATIENCE).await;
        let fate = match answer {
            None => Fate::Unknown,
            Some(answer) => {
                let partitions = answer.topics.iter().flat_map(|topic| &topic.partitions);
                let codes: Vec<i16> = partitions.map(|partition| partition.error_code).collect();
                let different: BTreeSet<i16> = codes.iter().copied().collect();
                if codes.len() != places.len() || different.len() != 1 {
                    let group = self.group;
                    shared.violated("I12", format!("{group} committed {places:?} in parts: {codes:?}"));
                }
                match codes.first().map(|code| ErrorCode::from_code(*code)) {
                    Some(ErrorCode::None) => Fate::Acked,
                    Some(code) => Fate::Refused(code),
                    None => Fate::Unknown,
                }
            }
        };
        shared.record_group(&GroupEvent::CommitDone { number, fate });
        match fate {
            Fate::Acked => shared.count("offsets committed"),
            Fate::Refused(ErrorCode::IllegalGeneration) => {
                shared.count("commit of another generation fenced")
            }
            Fate::Refused(ErrorCode::UnknownMemberId) => shared.count("commit of a stranger fenced"),
            Fate::Refused(ErrorCode::FencedInstanceId) => shared.count("commit of a displaced member fenced"),
            Fate::Unknown => shared.count("commit unanswered"),
            Fate::Refused(_) => {}
        }
        fate
    }

    /// Asks what is committed of every partition. False: nobody said.
    pub async fn look(&mut self) -> bool {
        let shared = Rc::clone(&self.shared);
        let wanted = places(&shared);
        let topics =
            by_topic(&wanted).into_iter().map(|(topic, partition_indexes)| OffsetFetchRequestTopics {
                name: name_of(topic).as_str().into(),
                partition_indexes,
                ..Default::default()
            });
        let asked = OffsetFetchRequestGroup {
            group_id: self.group.into(),
            topics: Some(topics.collect()),
            ..Default::default()
        };
        let request = OffsetFetchRequest { groups: vec![asked], ..Default::default() };
        let number = shared.groups.next_number();
        shared.record_group(&GroupEvent::LookAsked { number, group: self.group });
        let Some(answer) = self.call(OFFSET_FETCH, &request, PATIENCE).await else {
            shared.record_group(&GroupEvent::LookLost { number });
            return false;
        };
        let told = answer.groups.first().map_or(Err(ErrorCode::UnknownServerError), offsets_of);
        if let Ok(offsets) = &told
            && !offsets.iter().map(|(place, _)| place).eq(&wanted)
        {
            shared.violated("I13", format!("{} was asked for {wanted:?} and tells {offsets:?}", self.group));
        }
        let is_told = told.is_ok();
        shared.count(if is_told { "offsets looked up" } else { "look-up put off" });
        shared.record_group(&GroupEvent::LookTold { number, told });
        is_told
    }
}

fn commit_request(group: &str, claim: Option<&Claim>, offsets: &Offsets) -> OffsetCommitRequest {
    let places: Vec<Place> = offsets.iter().map(|(place, _)| *place).collect();
    let topics = by_topic(&places).into_keys().map(|topic| {
        let partition = |(place, offset): &(Place, i64)| OffsetCommitRequestPartition {
            partition_index: place.partition,
            committed_offset: *offset,
            ..Default::default()
        };
        OffsetCommitRequestTopic {
            name: name_of(topic).as_str().into(),
            partitions: offsets.iter().filter(|(place, _)| place.topic == topic).map(partition).collect(),
            ..Default::default()
        }
    });
    OffsetCommitRequest {
        group_id: group.into(),
        generation_id_or_member_epoch: claim.map_or(-1, |claim| claim.generation),
        member_id: claim.map(|claim| claim.member.as_str().into()).unwrap_or_default(),
        group_instance_id: claim
            .filter(|claim| claim.owner != claim.member)
            .map(|claim| claim.owner.as_str().into()),
        topics: topics.collect(),
        ..Default::default()
    }
}

/// What an answer tells, in the order of the places.
fn offsets_of(group: &OffsetFetchResponseGroup) -> Result<Offsets, ErrorCode> {
    let check = |code: i16| match ErrorCode::from_code(code) {
        ErrorCode::None => Ok(()),
        code => Err(code),
    };
    check(group.error_code)?;
    let mut offsets = Offsets::new();
    for topic in &group.topics {
        let number = number_of(&topic.name).ok_or(ErrorCode::UnknownTopicOrPartition)?;
        for partition in &topic.partitions {
            check(partition.error_code)?;
            let place = Place { topic: number, partition: partition.partition_index };
            offsets.push((place, partition.committed_offset));
        }
    }
    offsets.sort_unstable();
    Ok(offsets)
}
