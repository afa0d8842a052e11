//! Consumer groups under kill -9: members commit, leave and come back while the broker is killed, round after round.
//!
//! Of every group it is known which offset was acknowledged last and which was tried last. Whatever the broker is asked
//! and when, it may say that it is loading, or an offset between the two; never an older one, never none.

use super::broker::{Broker, Program};
use super::group_calls::Identity;
use super::protocol::Connection;
use super::random::Random;
use super::run::{InRound, Plan};
use super::violation::{Promise, Violation};
use anyhow::{Context, Result, bail};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Enough that several live in one partition of the groups' topic, and several partitions have some.
const GROUPS: u64 = 8;
const TOPIC: &str = "kill9-groups";
/// Commits of each group between a start and the next kill.
const COMMITS: u64 = 30;
/// Commits between two looks at what is committed, and between two departures.
const LOOK_EVERY: i64 = 10;
const LEAVE_EVERY: i64 = 25;
/// Every fifth kill comes while the groups are loaded.
const KILL_IN_LOAD: u64 = 5;
const PATIENCE: Duration = Duration::from_secs(120);
const PAUSE: Duration = Duration::from_millis(2);

// Kafka's codes that a client meets while its coordinator comes and goes.
const LOADING: i16 = 14;
const NOT_AVAILABLE: i16 = 15;
const NOT_COORDINATOR: i16 = 16;
const ILLEGAL_GENERATION: i16 = 22;
const UNKNOWN_MEMBER: i16 = 25;
const REBALANCING: i16 = 27;

/// What the groups did, all together.
#[derive(Debug, Default)]
struct Totals {
    commits: AtomicU64,
    looks: AtomicU64,
    joins: AtomicU64,
    /// Members that went on in their generation after a kill.
    resumed: AtomicU64,
}

/// What a harness and its groups share.
#[derive(Debug, Default)]
struct Shared {
    port: u16,
    stopping: AtomicBool,
    /// The one that is under way.
    round: AtomicU64,
    /// Commits of each group.
    commits: Vec<AtomicU64>,
    totals: Totals,
}

/// One group with its only member.
struct Group<'a> {
    shared: &'a Shared,
    number: usize,
    name: String,
    /// Offset that was acknowledged last, and the one that was tried last.
    acked: i64,
    tried: i64,
    identity: Option<Identity>,
}

pub fn run(program: Program, folder: &Path, plan: &Plan) -> Result<()> {
    let mut random = Random::new(plan.seed);
    let mut broker = Broker::new(program, folder)?;
    broker.start()?;
    broker.wait_ready()?;
    if let Err(code) = Connection::open(broker.port)?.create_topic(TOPIC, 1)? {
        bail!("the topic cannot be created: error {code}");
    }
    if !plan.quiet {
        println!("kill9: {} rounds of {GROUPS} groups, seed {}", plan.rounds, plan.seed);
    }
    let commits = (0..GROUPS).map(|_| AtomicU64::default()).collect();
    let shared = Shared { port: broker.port, commits, ..Shared::default() };
    let kills = std::thread::scope(|scope| {
        let members: Vec<_> = (0..GROUPS)
            .map(|number| {
                let shared = &shared;
                scope.spawn(move || Group::new(shared, number).live())
            })
            .collect();
        let rounds = rounds(&mut broker, &shared, plan.rounds, &mut random, || {
            members.iter().any(std::thread::ScopedJoinHandle::is_finished)
        });
        shared.stopping.store(true, Ordering::Release);
        for member in members {
            let ended = member.join().map_err(|_| anyhow::anyhow!("a member panicked"))?;
            ended.with_context(|| InRound(shared.round.load(Ordering::Relaxed)))?;
        }
        rounds
    })?;
    broker.stop()?;
    broker.verify()?;
    let Totals { commits, looks, joins, resumed } = &shared.totals;
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    if count(resumed) == 0 {
        bail!("no member went on in its generation after a kill");
    }
    if plan.quiet {
        return Ok(());
    }
    println!(
        "kill9: {} rounds, {kills} kills, {GROUPS} groups, {} commits, {} looks, {} joins, {} members went on: no offset \
         older than its last acknowledgement, and none missing",
        plan.rounds,
        count(commits),
        count(looks),
        count(joins),
        count(resumed),
    );
    Ok(())
}

/// Kills, round after round; returns how often.
fn rounds(
    broker: &mut Broker,
    shared: &Shared,
    rounds: u64,
    random: &mut Random,
    failed: impl Fn() -> bool,
) -> Result<u64> {
    let mut kills = 0;
    for round in 0..rounds {
        shared.round.store(round + 1, Ordering::Relaxed);
        let before: Vec<u64> = shared.commits.iter().map(|commits| commits.load(Ordering::Acquire)).collect();
        let start = Instant::now();
        let is_short =
            |(commits, before): (&AtomicU64, &u64)| commits.load(Ordering::Acquire) < before + COMMITS;
        while shared.commits.iter().zip(&before).any(is_short) {
            if failed() {
                return Ok(kills);
            }
            broker.check_alive()?;
            if start.elapsed() > PATIENCE {
                let text = format!("round {round}: a group did not commit {COMMITS} times in {PATIENCE:?}");
                bail!(Violation::new(Promise::Stuck, text));
            }
            sleep(PAUSE);
        }
        sleep(Duration::from_millis(random.below(30)));
        broker.wait_dead();
        kills += 1;
        broker.start()?;
        if round % KILL_IN_LOAD == KILL_IN_LOAD - 1 {
            sleep(Duration::from_millis(random.below(60)));
            broker.wait_dead();
            kills += 1;
            broker.start()?;
        }
        broker.wait_ready()?;
    }
    Ok(kills)
}

impl<'a> Group<'a> {
    fn new(shared: &'a Shared, number: u64) -> Self {
        let number = number as usize;
        Self { shared, number, name: format!("kill9-group-{number}"), acked: -1, tried: -1, identity: None }
    }

    /// Until the harness stops, and then one look more.
    fn live(mut self) -> Result<()> {
        let mut last = Instant::now();
        loop {
            let stopping = self.shared.stopping.load(Ordering::Acquire);
            let done = match Connection::open(self.shared.port) {
                Ok(mut connection) => self.work(&mut connection),
                Err(error) => Err(error),
            };
            match done {
                Ok(()) if stopping => return Ok(()),
                Ok(()) => last = Instant::now(),
                Err(error) if error.is::<Violation>() => return Err(error),
                // The broker is dead; it comes back, or the harness says that it does not.
                Err(error) if stopping && last.elapsed() > PATIENCE => {
                    return Err(error).context("the last look");
                }
                Err(_) => sleep(PAUSE),
            }
        }
    }

    /// As long as the connection lives, or until the harness stops.
    fn work(&mut self, connection: &mut Connection) -> Result<()> {
        while let Err(code) = connection.find_coordinator(&self.name)? {
            self.may(code, &[LOADING, NOT_AVAILABLE, NOT_COORDINATOR], "FindCoordinator")?;
        }
        self.look(connection)?;
        if let Some(own) = self.identity.clone() {
            match connection.heartbeat(&self.name, &own)? {
                Ok(()) => drop(self.shared.totals.resumed.fetch_add(1, Ordering::Relaxed)),
                Err(code) => self.lose(code, "Heartbeat")?,
            }
        }
        while !self.shared.stopping.load(Ordering::Acquire) {
            match self.identity.clone() {
                None => self.join(connection)?,
                Some(own) => self.commit(connection, &own)?,
            }
        }
        Ok(())
    }

    fn join(&mut self, connection: &mut Connection) -> Result<()> {
        let joined = match connection.join_group(&self.name)? {
            Ok(joined) => joined,
            Err(code) => return self.lose(code, "JoinGroup"),
        };
        match connection.sync_group(&self.name, &joined)? {
            Ok(()) => {
                self.shared.totals.joins.fetch_add(1, Ordering::Relaxed);
                self.identity = Some(joined);
                // A new member begins where the group is.
                self.look(connection)
            }
            Err(code) => self.lose(code, "SyncGroup"),
        }
    }

    fn commit(&mut self, connection: &mut Connection, own: &Identity) -> Result<()> {
        self.tried += 1;
        match connection.commit_offset(&self.name, own, TOPIC, self.tried)? {
            Ok(()) => {
                self.acked = self.tried;
                self.shared.totals.commits.fetch_add(1, Ordering::Relaxed);
                self.shared.commits[self.number].fetch_add(1, Ordering::Release);
            }
            Err(code) => return self.lose(code, "OffsetCommit"),
        }
        if self.acked % LOOK_EVERY == 0 {
            self.look(connection)?;
        }
        if self.acked % LEAVE_EVERY == 0 {
            self.identity = None;
            if let Err(code) = connection.leave_group(&self.name, own)? {
                self.lose(code, "LeaveGroup")?;
            }
        }
        Ok(())
    }

    /// Asks what is committed, and holds it against what is known.
    fn look(&self, connection: &mut Connection) -> Result<()> {
        loop {
            match connection.committed_offset(&self.name, TOPIC)? {
                Ok(offset) => {
                    self.shared.totals.looks.fetch_add(1, Ordering::Relaxed);
                    return Ok(self.judge(offset)?);
                }
                Err(code) => self.may(code, &[LOADING, NOT_COORDINATOR, NOT_AVAILABLE], "OffsetFetch")?,
            }
        }
    }

    fn judge(&self, offset: i64) -> Result<(), Violation> {
        let Self { name, acked, tried, .. } = self;
        if (*acked..=*tried).contains(&offset) {
            return Ok(());
        }
        let text = format!("{name} is told {offset}; {acked} was acknowledged, {tried} was tried");
        Err(Violation::new(Promise::Offset, text))
    }

    /// What a member may be told: it joins again, or asks again.
    fn lose(&mut self, code: i16, what: &str) -> Result<()> {
        if [ILLEGAL_GENERATION, UNKNOWN_MEMBER, REBALANCING].contains(&code) {
            self.identity = None;
            return Ok(());
        }
        self.may(code, &[LOADING, NOT_AVAILABLE, NOT_COORDINATOR], what)
    }

    fn may(&self, code: i16, allowed: &[i16], what: &str) -> Result<()> {
        if allowed.contains(&code) {
            sleep(PAUSE);
            return Ok(());
        }
        let text = format!("{what} of {} was answered with error {code}", self.name);
        Err(Violation::new(Promise::Refused, text).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_older_offset_is_noticed_and_so_is_none() {
        let shared = Shared::default();
        let group = Group { acked: 5, tried: 7, ..Group::new(&shared, 0) };
        let wrong: Vec<i64> = (-1..10).filter(|offset| group.judge(*offset).is_err()).collect();
        assert_eq!(wrong, [-1, 0, 1, 2, 3, 4, 8, 9]);
        assert!(Group::new(&shared, 0).judge(-1).is_ok(), "nothing was committed yet");
    }
}
