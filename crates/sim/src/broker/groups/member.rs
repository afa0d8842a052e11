//! One member of a group, by hand: it joins, is given partitions, beats, commits, looks up, goes and comes back.
//!
//! It does what clients do and must not, too: it vanishes without a word, and it speaks in a name, or in a generation,
//! that is not its own any more.

use super::assign::{self, Holding, Plan};
use super::voice::Voice;
use super::{Kind, REBALANCE_MS, SESSION_MS, Standing, Way};
use crate::broker::host::Shared;
use crate::broker::workload::places;
use crate::checker::Place;
use crate::checker::groups::{Claim, Fate, GroupEvent};
use bytes::Bytes;
use ottla_env::rng::{Rng, SeededRng};
use ottla_wire::messages::heartbeat::HeartbeatRequest;
use ottla_wire::messages::join_group::{
    JoinGroupRequest, JoinGroupRequestProtocol, JoinGroupResponse, JoinGroupResponseMember,
};
use ottla_wire::messages::leave_group::{LeaveGroupRequest, MemberIdentity};
use ottla_wire::messages::sync_group::{SyncGroupRequest, SyncGroupRequestAssignment};
use ottla_wire::{ErrorCode, WireStr};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;
use tokio::time::sleep;

const JOIN_GROUP: i16 = 9;
const SYNC_GROUP: i16 = 5;
const HEARTBEAT: i16 = 4;
const LEAVE_GROUP: i16 = 5;
/// For an answer that waits for the other members.
const PATIENCE: Duration = Duration::from_millis(REBALANCE_MS as u64 + 2_000);
const BEAT_PATIENCE: Duration = Duration::from_secs(3);

/// A member that was given nothing, or gave everything back.
const NOTHING: Holding = Holding { places: Vec::new(), generation: -1 };

pub struct Member {
    shared: Rc<Shared>,
    kind: &'static Kind,
    host: u32,
    rng: SeededRng,
    voice: Voice,
    instance: Option<String>,
    /// Empty: it has none.
    id: String,
    generation: i32,
    /// It was given an assignment, and nobody said that it is over.
    is_in: bool,
    /// What it has, and of which generation.
    holding: Holding,
    /// Who it was before.
    past: Option<Claim>,
    /// The broker's life in which it was given the assignment.
    life: u64,
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

impl Member {
    pub fn new(shared: &Rc<Shared>, kind: &'static Kind, host: u32) -> Self {
        let client_id = format!("{}-{host}", kind.group);
        let seed = shared.plan.seed ^ 0x6200 ^ (u64::from(host) << 32) ^ (kind.group.len() as u64) << 40;
        Self {
            shared: Rc::clone(shared),
            kind,
            host,
            rng: SeededRng::new(seed),
            voice: Voice::new(shared, kind.group, client_id),
            instance: (kind.static_host == Some(host)).then(|| format!("{}-static", kind.group)),
            id: String::new(),
            generation: -1,
            is_in: false,
            holding: NOTHING,
            past: None,
            life: 0,
        }
    }

    /// Until everything is repaired and the groups have come to rest.
    pub async fn live(mut self) {
        while !self.shared.groups.settled.get() {
            if !self.voice.connect().await {
                sleep(ms(100 + self.rng.below(200))).await;
            } else if self.is_in {
                self.round().await;
            } else {
                self.join().await;
            }
        }
        if self.voice.connect().await {
            self.voice.look().await;
            self.leave().await;
        }
    }

    fn claim(&self) -> Claim {
        let owner = self.instance.as_ref().unwrap_or(&self.id).clone();
        Claim { owner, member: self.id.clone(), generation: self.generation }
    }

    fn instance_id(&self) -> Option<WireStr> {
        self.instance.as_deref().map(WireStr::from)
    }

    fn is_eager(&self) -> bool {
        matches!(self.kind.way, Way::Eager | Way::Once)
    }

    /// It has no assignment any more, and what it is known by only if it `keeps` that.
    fn out(&mut self, keeps: Keeps) {
        if self.is_in {
            self.past = Some(self.claim());
            self.is_in = false;
        }
        self.shared.groups.stands(self.kind.group, self.host, None);
        match keeps {
            Keeps::All if self.is_eager() => self.holding = NOTHING,
            Keeps::All => {}
            Keeps::Id => self.holding = NOTHING,
            Keeps::Nothing => {
                self.holding = NOTHING;
                self.id.clear();
            }
        }
    }

    /// Something that a member may be told at any time.
    async fn told(&mut self, code: ErrorCode, what: &str) {
        match code {
            ErrorCode::UnknownMemberId | ErrorCode::FencedInstanceId => self.out(Keeps::Nothing),
            ErrorCode::IllegalGeneration => self.out(Keeps::Id),
            ErrorCode::RebalanceInProgress => self.out(Keeps::All),
            code => {
                self.voice.unless_passing(code, what);
                sleep(ms(50 + self.rng.below(200))).await;
            }
        }
    }

    async fn join(&mut self) {
        let metadata = assign::subscription(self.shared.plan.topics, &self.holding).unwrap_or_default();
        let request = JoinGroupRequest {
            group_id: self.kind.group.into(),
            session_timeout_ms: SESSION_MS,
            rebalance_timeout_ms: REBALANCE_MS,
            member_id: self.id.as_str().into(),
            group_instance_id: self.instance_id(),
            protocol_type: self.kind.protocol_type.into(),
            protocols: vec![JoinGroupRequestProtocol { name: self.kind.protocol.into(), metadata }],
            ..Default::default()
        };
        let Some(joined) = self.voice.call(JOIN_GROUP, &request, PATIENCE).await else { return };
        match ErrorCode::from_code(joined.error_code) {
            ErrorCode::None => {
                self.id = joined.member_id.to_string();
                self.generation = joined.generation_id;
                self.sync(&joined).await;
            }
            ErrorCode::MemberIdRequired => self.id = joined.member_id.to_string(),
            code => self.told(code, "JoinGroup").await,
        }
    }

    async fn sync(&mut self, joined: &JoinGroupResponse) {
        let is_leader = joined.leader == joined.member_id && !joined.skip_assignment;
        let assignments = if is_leader { self.plan(&joined.members) } else { Vec::new() };
        let request = SyncGroupRequest {
            group_id: self.kind.group.into(),
            generation_id: self.generation,
            member_id: self.id.as_str().into(),
            group_instance_id: self.instance_id(),
            protocol_type: Some(self.kind.protocol_type.into()),
            protocol_name: Some(self.kind.protocol.into()),
            assignments,
        };
        let asked_ms = self.shared.now_ms();
        let Some(synced) = self.voice.call(SYNC_GROUP, &request, PATIENCE).await else { return };
        match ErrorCode::from_code(synced.error_code) {
            ErrorCode::None => self.given(&synced.assignment, asked_ms),
            code => self.told(code, "SyncGroup").await,
        }
    }

    /// What every member is to have.
    fn plan(&self, members: &[JoinGroupResponseMember]) -> Vec<SyncGroupRequestAssignment> {
        let all = places(&self.shared);
        let mut holdings = BTreeMap::new();
        let mut ids = BTreeMap::new();
        for member in members {
            let owner = member.group_instance_id.as_ref().unwrap_or(&member.member_id).to_string();
            let Some(holding) = assign::holding_of(&member.metadata) else {
                self.shared.violated("answers fit", format!("{owner} said something else: {member:?}"));
                continue;
            };
            ids.insert(owner.clone(), member.member_id.clone());
            holdings.insert(owner, holding);
        }
        let own = self.claim().owner;
        if !holdings.contains_key(&own) {
            let text = format!("{own} leads {} and is not among its members: {members:?}", self.kind.group);
            self.shared.violated("I11", text);
            return Vec::new();
        }
        let plan: Plan = if self.is_eager() {
            assign::deal(&holdings.into_keys().collect(), &all, self.generation)
        } else {
            assign::move_slowly(&holdings, &all)
        };
        let bytes = |(owner, given): (&String, &Vec<Place>)| SyncGroupRequestAssignment {
            member_id: ids.get(owner).cloned().unwrap_or_default(),
            assignment: assign::assignment(given).unwrap_or_default(),
        };
        let assignments = plan.iter().map(bytes).collect();
        let (group, generation) = (self.kind.group, self.generation);
        self.shared.record_group(&GroupEvent::Planned { group, generation, plan });
        assignments
    }

    fn given(&mut self, assignment: &Bytes, asked_ms: u64) {
        let Some(places) = assign::places_in(assignment) else {
            let what = format!("{:?} was given what nobody wrote: {assignment:?}", self.claim());
            return self.shared.violated("I11", what);
        };
        let event = GroupEvent::Given {
            group: self.kind.group,
            claim: self.claim(),
            places: places.clone(),
            asked_ms,
        };
        self.shared.record_group(&event);
        self.shared.count("partitions given to a member");
        let has_to_give_up = self.holding.places.iter().any(|place| !places.contains(place));
        self.holding = Holding { places, generation: self.generation };
        self.is_in = true;
        self.life = self.shared.lives.get();
        if has_to_give_up {
            self.shared.count("partition moved in two generations");
            self.out(Keeps::All);
        } else {
            let standing = Standing { generation: self.generation, places: self.holding.places.clone() };
            self.shared.groups.stands(self.kind.group, self.host, Some(standing));
        }
    }

    /// One beat, and something else.
    async fn round(&mut self) {
        sleep(ms(100 + self.rng.below(500))).await;
        if self.shared.groups.settled.get() || !self.beat().await || !self.is_in {
            return;
        }
        let dice = self.rng.below(100);
        if self.shared.healed.get() {
            // From here on nobody disturbs the group.
            if dice < 50 {
                self.commit().await;
            } else {
                self.voice.look().await;
            }
            return;
        }
        match dice {
            0..40 => self.commit().await,
            40..65 => {
                self.voice.look().await;
            }
            65..72 => self.speak_of_the_past().await,
            72..75 => {
                self.leave().await;
                // In the generation that may still be that of the group.
                self.speak_of_the_past().await;
                sleep(ms(self.rng.below(3_000))).await;
            }
            75..78 => self.vanish().await,
            _ => {}
        }
    }

    /// False: nobody answered.
    async fn beat(&mut self) -> bool {
        let request = HeartbeatRequest {
            group_id: self.kind.group.into(),
            generation_id: self.generation,
            member_id: self.id.as_str().into(),
            group_instance_id: self.instance_id(),
        };
        let asked_ms = self.shared.now_ms();
        let Some(answer) = self.voice.call(HEARTBEAT, &request, BEAT_PATIENCE).await else { return false };
        let code = ErrorCode::from_code(answer.error_code);
        if matches!(code, ErrorCode::None | ErrorCode::RebalanceInProgress) {
            self.shared.record_group(&GroupEvent::Alive { group: self.kind.group, asked_ms });
        }
        if code == ErrorCode::None {
            if self.life != self.shared.lives.get() {
                self.life = self.shared.lives.get();
                self.shared.count("member went on after a start of the broker");
            }
            return true;
        }
        self.told(code, "Heartbeat").await;
        true
    }

    async fn commit(&mut self) {
        let mut wanted = self.holding.places.clone();
        if self.kind.way == Way::Once {
            wanted.retain(|place| !self.shared.groups.is_kept(*place));
        }
        if wanted.is_empty() {
            self.voice.look().await;
            return;
        }
        match self.voice.commit(Some(self.claim()), &wanted).await {
            Fate::Acked if self.kind.way == Way::Once => {
                self.shared.groups.keep(&wanted, self.shared.now_ms());
            }
            Fate::Acked | Fate::Unknown => {}
            // The checker knows whether it may be this one.
            Fate::Refused(ErrorCode::RebalanceInProgress) => self.out(Keeps::All),
            Fate::Refused(ErrorCode::IllegalGeneration) => self.out(Keeps::Id),
            Fate::Refused(ErrorCode::UnknownMemberId | ErrorCode::FencedInstanceId) => {
                self.out(Keeps::Nothing);
            }
            Fate::Refused(_) => {}
        }
    }

    /// A commit of who it was before, as from a process that was asleep.
    async fn speak_of_the_past(&mut self) {
        if let Some(past) = self.past.clone() {
            self.voice.commit(Some(past), &places(&self.shared)).await;
        }
    }

    async fn leave(&mut self) {
        if self.id.is_empty() {
            return;
        }
        let own = MemberIdentity {
            member_id: self.id.as_str().into(),
            group_instance_id: self.instance_id(),
            ..Default::default()
        };
        let request =
            LeaveGroupRequest { group_id: self.kind.group.into(), members: vec![own], ..Default::default() };
        let id = self.id.clone();
        self.out(Keeps::Nothing);
        let Some(left) = self.voice.call(LEAVE_GROUP, &request, BEAT_PATIENCE).await else { return };
        let member = left.members.first().map_or(0, |member| member.error_code);
        let codes = [left.error_code, member].map(ErrorCode::from_code);
        if codes.iter().all(|code| *code == ErrorCode::None) {
            self.shared.count("member left its group");
            self.shared.record_group(&GroupEvent::Left { group: self.kind.group, member: id });
        }
        for code in codes {
            match code {
                ErrorCode::None | ErrorCode::UnknownMemberId | ErrorCode::FencedInstanceId => {}
                code => self.voice.unless_passing(code, "LeaveGroup"),
            }
        }
    }

    /// Goes without a word. A static member is back as itself, and its old self may speak up later.
    async fn vanish(&mut self) {
        self.voice.hang_up();
        self.out(Keeps::Nothing);
        self.shared.count(if self.instance.is_some() { "static member replaced" } else { "member vanished" });
        sleep(ms(self.rng.below(4_000))).await;
    }
}

/// What a member keeps that has no assignment any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keeps {
    /// Its id, and, the cooperative way, its partitions.
    All,
    Id,
    Nothing,
}
