//! What must hold whatever happens, checked on every answer that reaches a client.
//!
//! - **One owner** (I11): in one generation no partition is given to two members.
//! - **The current member alone** (I12): nothing of an earlier generation, or of a displaced instance, is accepted.
//! - **No commit is lost** (I13): a fetch gives the last acknowledged commit, or a later one.
//! - **Nothing expires early** (G2): only offsets of a group that was empty long enough, or of a topic nobody reads.

use super::{OTHER_TOPIC, Seen};
use ottla_state::effects::{StateRecord, Ticket};
use ottla_state::group::{Reply, Request};
use ottla_wire::codec::Decoder;
use ottla_wire::messages::offset_commit::OffsetCommitRequest;
use ottla_wire::messages::records::OffsetCommitKey;
use ottla_wire::{ErrorCode, Message, WireStr};
use std::collections::{BTreeMap, BTreeSet};

/// Group, topic, partition.
type Place = (WireStr, WireStr, i32);

#[derive(Default)]
pub struct Truth {
    pub seen: Seen,
    numbers: i64,
    /// Group, its life, generation -> partition -> who has it.
    owners: BTreeMap<(WireStr, u64, i32), BTreeMap<u8, WireStr>>,
    /// Raised when a group is deleted: generations begin anew then.
    lives: BTreeMap<WireStr, u64>,
    /// The newest generation that somebody was given an assignment of.
    generations: BTreeMap<WireStr, i32>,
    /// The last acknowledged commit of each place.
    acknowledged: BTreeMap<Place, i64>,
    /// What was acknowledged when a fetch was asked for.
    at_fetch: BTreeMap<Ticket, BTreeMap<Place, i64>>,
    /// Commits that are not answered yet.
    commits: BTreeMap<Ticket, Place>,
    /// The life of the group that a request was about.
    asked_in: BTreeMap<Ticket, u64>,
    /// Member ids whose instance goes by another one.
    displaced: BTreeSet<WireStr>,
    instances: BTreeMap<(WireStr, WireStr), WireStr>,
    /// Wall clock at which a group was last seen with somebody in it.
    occupied: BTreeMap<WireStr, i64>,
}

impl Truth {
    pub fn number(&mut self) -> i64 {
        self.numbers += 1;
        self.numbers
    }

    fn life(&self, group: &WireStr) -> u64 {
        self.lives.get(group).copied().unwrap_or_default()
    }

    fn generation(&self, group: &WireStr) -> i32 {
        self.generations.get(group).copied().unwrap_or(i32::MIN)
    }

    pub fn asked(&mut self, request: &Request, ticket: Ticket) {
        if let Some(group) = request.group_id() {
            self.asked_in.insert(ticket, self.life(group));
        }
        match request {
            Request::OffsetFetch(_) => {
                self.at_fetch.insert(ticket, self.acknowledged.clone());
            }
            Request::OffsetCommit(commit) => {
                self.commits.insert(ticket, place_of(&commit.request));
            }
            Request::Delete(delete) => self.forget_group(&delete.group_id),
            Request::TopicsDeleted(topics) => {
                for topic in topics {
                    self.forget(|place| place.1 == topic.name);
                }
            }
            _ => {}
        }
    }

    fn forget_group(&mut self, group: &WireStr) {
        *self.lives.entry(group.clone()).or_default() += 1;
        self.generations.remove(group);
        self.forget(|place| place.0 == *group);
    }

    fn forget(&mut self, is_gone: impl Fn(&Place) -> bool) {
        self.acknowledged.retain(|place, _| !is_gone(place));
        self.commits.retain(|_, place| !is_gone(place));
        for fetch in self.at_fetch.values_mut() {
            fetch.retain(|place, _| !is_gone(place));
        }
    }

    /// A late commit of a generation that may still go on would only say that clients can overtake themselves.
    pub fn may_come_late(&self, request: &Request) -> bool {
        match request {
            Request::OffsetCommit(commit) => {
                let request = &commit.request;
                request.generation_id_or_member_epoch < self.generation(&request.group_id)
            }
            _ => true,
        }
    }

    /// A member id was given to this instance; the one before is nobody's any more.
    pub fn took_over(&mut self, group: &WireStr, instance: Option<&WireStr>, id: &WireStr) {
        let Some(instance) = instance else { return };
        if let Some(old) = self.instances.insert((group.clone(), instance.clone()), id.clone()) {
            self.seen.displaced += 1;
            self.displaced.insert(old);
        }
    }

    /// What was decided and not stored did not happen.
    pub fn crashed(&mut self) {
        self.at_fetch.clear();
        self.commits.clear();
        self.asked_in.clear();
        self.displaced.clear();
        self.instances.clear();
        self.occupied.clear();
    }

    pub fn saw_state(&mut self, group: &WireStr, state: &str, wall_ms: i64) {
        if state != "Empty" && state != "Dead" {
            self.occupied.insert(group.clone(), wall_ms);
        }
    }

    /// A record that time alone has brought.
    pub fn expired(
        &mut self,
        record: &StateRecord,
        states: &BTreeMap<WireStr, String>,
        now_ms: i64,
        retention_ms: i64,
    ) -> Result<(), String> {
        if record.value.is_some() {
            return Ok(());
        }
        let Some(key) = record.key.strip_prefix(b"\0\x01".as_slice()) else {
            let group = record.key.get(4..).unwrap_or_default();
            self.forget_group(&WireStr::from_wire(group.to_vec().into()));
            return Ok(());
        };
        let key = OffsetCommitKey::read(&mut Decoder::new(key.to_vec().into()), 0)
            .map_err(|error| error.to_string())?;
        self.seen.expired += 1;
        let state = states.get(&key.group).map_or("Dead", String::as_str);
        let is_right = match state {
            "Empty" | "Dead" => {
                let since = self.occupied.get(&key.group);
                since.is_none_or(|since| now_ms - since >= retention_ms)
            }
            "Stable" => &*key.topic == OTHER_TOPIC,
            _ => false,
        };
        if !is_right {
            return Err(format!("an offset of {} expired while {} was {state}", key.topic, key.group));
        }
        let place = (key.group, key.topic, key.partition);
        self.forget(|known| *known == place);
        Ok(())
    }

    pub fn check(&mut self, request: &Request, reply: &Reply, ticket: Ticket) -> Result<(), String> {
        let life = self.asked_in.remove(&ticket);
        let place = self.commits.remove(&ticket);
        let at_fetch = self.at_fetch.remove(&ticket);
        if request.group_id().is_some_and(|group| life != Some(self.life(group))) {
            // The group was deleted while this was on its way.
            return Ok(());
        }
        match (request, reply) {
            (Request::Join(_), Reply::Join(response)) if response.error_code == 0 => {
                self.seen.generations += u64::from(!response.members.is_empty());
                Ok(())
            }
            (Request::Sync(sync), Reply::Sync(response)) if response.error_code == 0 => {
                let request = &sync.request;
                let group = &request.group_id;
                self.check_claim(group, request.generation_id, &request.member_id, "a sync")?;
                let newest = self.generation(group).max(request.generation_id);
                self.generations.insert(group.clone(), newest);
                let owner = request.group_instance_id.as_ref().unwrap_or(&request.member_id);
                let key = (group.clone(), self.life(group), request.generation_id);
                let owners = self.owners.entry(key).or_default();
                for partition in &response.assignment {
                    let other = owners.insert(*partition, owner.clone());
                    if let Some(other) = other.filter(|other| other != owner) {
                        let generation = request.generation_id;
                        return Err(format!(
                            "{group} generation {generation}: partition {partition} is {other}'s and {owner}'s"
                        ));
                    }
                }
                let own = request.assignments.iter().find(|given| given.member_id == request.member_id);
                match own {
                    Some(own) if own.assignment != response.assignment => {
                        Err(format!("{group}: the leader assigned itself another share than it is given"))
                    }
                    _ => Ok(()),
                }
            }
            (Request::Heartbeat(request), Reply::Heartbeat(response)) if response.error_code == 0 => {
                self.check_claim(&request.group_id, request.generation_id, &request.member_id, "a heartbeat")
            }
            (Request::OffsetCommit(commit), Reply::OffsetCommit(response)) => {
                let request = &commit.request;
                let partition = &request.topics[0].partitions[0];
                if response.topics[0].partitions[0].error_code != ErrorCode::None.code() {
                    self.seen.commits_refused += 1;
                    return Ok(());
                }
                self.seen.commits += 1;
                let generation = request.generation_id_or_member_epoch;
                self.check_claim(&request.group_id, generation, &request.member_id, "a commit")?;
                self.acknowledged.extend(place.map(|place| (place, partition.committed_offset)));
                Ok(())
            }
            (Request::OffsetFetch(_), Reply::OffsetFetch(group)) => {
                self.seen.fetches += 1;
                let known = at_fetch.unwrap_or_default();
                for topic in &group.topics {
                    for partition in &topic.partitions {
                        let place = (group.group_id.clone(), topic.name.clone(), partition.partition_index);
                        let Some(acknowledged) = known.get(&place) else { continue };
                        if partition.committed_offset < *acknowledged {
                            let got = partition.committed_offset;
                            return Err(format!(
                                "{place:?}: {acknowledged} was acknowledged, {got} is there"
                            ));
                        }
                    }
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn check_claim(
        &self,
        group: &WireStr,
        generation: i32,
        member: &WireStr,
        what: &str,
    ) -> Result<(), String> {
        let newest = self.generation(group);
        if generation < newest {
            return Err(format!("{group}: {what} of generation {generation} is accepted after {newest}"));
        }
        if self.displaced.contains(member) {
            return Err(format!("{group}: {what} of {member} is accepted, which was displaced"));
        }
        Ok(())
    }
}

fn place_of(request: &OffsetCommitRequest) -> Place {
    let topic = &request.topics[0];
    (request.group_id.clone(), topic.name.clone(), topic.partitions[0].partition_index)
}
