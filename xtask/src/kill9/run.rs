//! One run: rounds of load, kill, restart and check on one data directory, then a clean stop.

use super::broker::{Broker, Program};
use super::churn::{Churn, Counts, Trigger};
use super::ledger::Ledger;
use super::programs::{self, Built, Role};
use super::protocol::Connection;
use super::random::Random;
use super::record::{IDEMPOTENT, LOGS, PARTITIONS, TOPICS, WRITERS, log_name};
use super::segments::{self, Tear};
use super::violation::{Promise, Violation};
use anyhow::{Context, Result, bail};
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Acknowledgements between a start and the next kill, of all writers and of each.
const ACKS: u64 = 10_000;
const ACKS_OF_EACH: u64 = 500;
/// Records a second of one writer.
const RATE: &str = "4000";
/// Every fifth kill happens inside recovery.
const KILL_IN_RECOVERY: u64 = 5;
/// The first round whose check reads everything from the beginning. The next one comes when the rounds have doubled, so
/// that a long run reads what it wrote a few times and not once for each ten rounds; the end reads all of it.
const WHOLE_CHECK: u64 = 10;
/// Rounds between two clean stops with `ottla log verify`.
const CLEAN_STOP: u64 = 2;
/// Logs that are torn at a time.
const TEARS: usize = 4;
const PATIENCE: Duration = Duration::from_secs(300);
const POLL: Duration = Duration::from_millis(1);

/// What a run does.
#[derive(Debug, Clone)]
pub struct Plan {
    pub rounds: u64,
    pub seed: u64,
    pub tear: bool,
    /// No line per round.
    pub quiet: bool,
}

/// What a run reached.
#[derive(Debug, Clone, Copy, Default)]
pub struct Totals {
    pub rounds: u64,
    pub kills: u64,
    pub inside_recovery: u64,
    pub acks: u64,
    pub fails: u64,
    pub tail_records: u64,
    pub check_records: u64,
    pub doubles_allowed: u64,
    pub tears: usize,
    pub recovery_max: Duration,
    pub churn: Counts,
}

/// The round in which a run failed.
#[derive(Debug, Clone, Copy)]
pub struct InRound(pub u64);

impl fmt::Display for InRound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "round {}", self.0)
    }
}

pub fn run(built: &Built, program: Program, folder: &Path, plan: &Plan) -> Result<Totals> {
    let mut run = Run::start(built, program, folder, plan).context(InRound(0))?;
    for round in 1..=plan.rounds {
        run.round(round).context(InRound(round))?;
    }
    run.finish().context(InRound(plan.rounds))
}

struct Run<'a> {
    plan: &'a Plan,
    random: Random,
    ledger: Arc<Mutex<Ledger>>,
    writers: Vec<programs::Program>,
    reader: programs::Program,
    checker: programs::Program,
    churn: Churn,
    broker: Broker,
    totals: Totals,
    /// Acks of each writer when the broker was last ready.
    acks_at_start: [u64; 3],
    last_recovery: Duration,
}

impl<'a> Run<'a> {
    fn start(built: &Built, program: Program, folder: &Path, plan: &'a Plan) -> Result<Self> {
        let ledger = Arc::new(Mutex::new(Ledger::new()));
        let mut broker = Broker::new(program, folder)?;
        broker.start()?;
        let last_recovery = broker.wait_ready()?;
        let mut connection = Connection::open(broker.port)?;
        for topic in 0..TOPICS {
            if let Err(code) = connection.create_topic(&format!("kill9-{topic}"), PARTITIONS.cast_signed())? {
                bail!("CreateTopics was answered with error {code}");
            }
        }
        let address = format!("127.0.0.1:{}", broker.port);
        let start = |name: &str, command, args: &[&str], role| {
            programs::Program::start(name, command, args, role, folder, &ledger)
        };
        let mut writers = Vec::new();
        for name in WRITERS {
            writers.push(start(name, built.writer(name)?, &[&address, RATE], Role::Writer)?);
        }
        let reader = start("reader", built.reader(), &[&address], Role::Tail)?;
        let checker = start("checker", built.checker(), &[&address], Role::Check)?;
        let churn =
            Churn::start(broker.port, broker.victim.clone(), Arc::clone(&ledger), broker.settles_within());
        Ok(Self {
            plan,
            random: Random::new(plan.seed),
            ledger,
            writers,
            reader,
            checker,
            churn,
            broker,
            totals: Totals::default(),
            acks_at_start: [0; 3],
            last_recovery,
        })
    }

    fn round(&mut self, round: u64) -> Result<()> {
        self.await_acks()?;
        let point = self.kill_under_load()?;
        let acks = self.acks_since_start();
        let (torn, tears) = self.tear(round)?;
        let inside = self.kill_inside_recovery()?;
        self.broker.start()?;
        let recovery = self.ready()?;
        let checked_before = self.ledger().check_records;
        segments::check_cut(&tears)?;
        self.churn.check()?;
        self.check(is_whole_check(round))?;
        self.churn.resume();
        let clean = self.broker.is_ottla() && round.is_multiple_of(CLEAN_STOP);
        if clean {
            self.clean_stop()?;
        }
        self.totals.rounds += 1;
        self.totals.tears += tears.len();
        if !self.plan.quiet {
            let torn_by_us: usize = tears.iter().map(Tear::len).sum();
            println!(
                "round {round:>3}  {:>6} acks ({})  kill {point}{}  recovery {:>4} ms  cut {} B{}  checked {}{}",
                acks.iter().sum::<u64>(),
                acks.map(|a| a.to_string()).join(" "),
                inside.map_or(String::new(), |at| format!(" and {} ms into recovery", at.as_millis())),
                recovery.as_millis(),
                torn + torn_by_us,
                if tears.is_empty() { String::new() } else { format!(" ({} logs torn)", tears.len()) },
                self.ledger().check_records - checked_before,
                if clean { ", stopped and verified" } else { "" },
            );
        }
        Ok(())
    }

    /// Waits for the acks that a round must have.
    fn await_acks(&mut self) -> Result<()> {
        self.wait_until("10,000 acknowledgements, 500 of each writer", |run| {
            let acks = run.acks_since_start();
            acks.iter().sum::<u64>() >= ACKS && acks.iter().all(|a| *a >= ACKS_OF_EACH)
        })
    }

    /// SIGKILL at a random moment, or at the first answer of some kind after it.
    fn kill_under_load(&mut self) -> Result<String> {
        let delay = Duration::from_millis(self.random.below(400));
        let after = Instant::now();
        self.wait_until("a random moment", |_| after.elapsed() >= delay)?;
        let triggers =
            [Trigger::Never, Trigger::Created, Trigger::Deleted, Trigger::ProducerId, Trigger::Produced];
        let trigger = *self.random.pick(&triggers).unwrap_or(&Trigger::Never);
        self.churn.arm(trigger);
        let armed = Instant::now();
        let limit = Duration::from_secs(if trigger == Trigger::Never { 0 } else { 2 });
        while armed.elapsed() < limit && self.broker.victim.ended().is_none() {
            std::thread::sleep(POLL);
        }
        self.broker.wait_dead();
        self.totals.kills += 1;
        self.churn.pause();
        Ok(match trigger {
            Trigger::Never => format!("after {} ms", delay.as_millis()),
            answer => format!("after {} ms at {answer:?}", delay.as_millis()),
        })
    }

    /// Bytes that the kill left torn, and what is torn on purpose.
    fn tear(&mut self, round: u64) -> Result<(usize, Vec<Tear>)> {
        if !self.broker.is_ottla() {
            return Ok((0, Vec::new()));
        }
        let tails = segments::tails(&self.broker.data)?;
        let torn = tails.iter().map(segments::Tail::torn).sum();
        let wanted = self.plan.tear && round.is_multiple_of(2);
        let tears = if wanted { segments::tear(&tails, TEARS, &mut self.random)? } else { Vec::new() };
        Ok((torn, tears))
    }

    /// Every fifth kill: a start that is killed before it is ready. A start that is faster than that is killed again,
    /// earlier.
    fn kill_inside_recovery(&mut self) -> Result<Option<Duration>> {
        if !(self.totals.kills + 1).is_multiple_of(KILL_IN_RECOVERY) {
            return Ok(None);
        }
        let whole = u64::try_from(self.last_recovery.as_micros())?;
        let mut delay = Duration::from_micros(whole / 20 + self.random.below(whole * 4 / 5));
        loop {
            self.broker.start()?;
            let start = Instant::now();
            while start.elapsed() < delay && !self.broker.is_ready() {
                self.broker.check_alive()?;
                std::thread::sleep(POLL);
            }
            let inside = !self.broker.is_ready();
            self.broker.wait_dead();
            self.totals.kills += 1;
            if inside {
                self.totals.inside_recovery += 1;
                return Ok(Some(delay));
            }
            delay /= 2;
        }
    }

    fn ready(&mut self) -> Result<Duration> {
        let recovery = self.broker.wait_ready()?;
        self.last_recovery = recovery;
        self.totals.recovery_max = self.totals.recovery_max.max(recovery);
        let acks = self.ledger().acks;
        self.acks_at_start = acks;
        Ok(recovery)
    }

    /// Reads everything below the present ends and compares it with the ledger.
    fn check(&mut self, whole: bool) -> Result<()> {
        let (known, unplaced) = {
            let ledger = self.ledger();
            (ledger.known_ends(), ledger.unplaced())
        };
        let ends = self.ends()?;
        let ranges = self.ledger().begin_check(&known, &ends, whole);
        self.violated()?;
        if !ranges.is_empty() {
            let name = |log: usize| log_name(log).replace('/', ":");
            let line: Vec<String> =
                ranges.iter().map(|(log, from, to)| format!("{}:{from}:{to}", name(*log))).collect();
            self.checker.tell(&line.join(" "))?;
            let mut done = false;
            self.wait_until("the check of all records", |run| {
                done |= run.checker.checked.try_recv().is_ok();
                done
            })?;
        }
        self.ledger().end_check(&ranges, &unplaced);
        self.violated()
    }

    fn ends(&self) -> Result<Vec<usize>> {
        let mut connection = Connection::open(self.broker.port)?;
        let mut ends = Vec::with_capacity(LOGS);
        for topic in 0..TOPICS {
            match connection.settled_ends(
                &format!("kill9-{topic}"),
                PARTITIONS,
                self.broker.settles_within(),
            )? {
                Ok(all) => ends.extend(all.into_iter().map(|end| usize::try_from(end).unwrap_or(0))),
                Err(code) => {
                    let text = format!("kill9-{topic}: ListOffsets answers {code}");
                    bail!(Violation::new(Promise::TopicGone, text));
                }
            }
        }
        Ok(ends)
    }

    /// A stop by SIGTERM under load, `log verify`, and a start.
    fn clean_stop(&mut self) -> Result<()> {
        self.churn.pause();
        self.broker.stop()?;
        self.broker.verify()?;
        self.broker.start()?;
        self.ready()?;
        self.churn.check()?;
        self.churn.resume();
        self.violated()
    }

    /// Ends the writers, and looks at everything once more: each record that an idempotent writer sent is there once.
    fn finish(mut self) -> Result<Totals> {
        for writer in &mut self.writers {
            writer.tell("stop")?;
        }
        self.wait_until("the end of the writers", |run| {
            let ledger = run.ledger();
            (0..WRITERS.len()).all(|w| ledger.done[w] == Some(ledger.acks[w] + ledger.fails[w]))
        })?;
        self.churn.pause();
        self.check(true)?;
        self.churn.check()?;
        self.violated()?;
        for (writer, name) in WRITERS.iter().enumerate() {
            let ledger = self.ledger();
            let (sent, found) = (ledger.done[writer].unwrap_or(0), ledger.found(writer));
            drop(ledger);
            if IDEMPOTENT[writer] && found != sent {
                bail!(Violation::new(
                    Promise::Lost,
                    format!("{name} sent {sent} records, {found} are there")
                ));
            }
        }
        let ends: usize = self.ends()?.iter().sum();
        let all = u64::try_from(ends)?;
        self.wait_until("the reader at the end of all logs", |run| run.ledger().tail_records >= all)?;
        self.broker.stop()?;
        self.broker.verify()?;
        if self.plan.rounds >= KILL_IN_RECOVERY && self.totals.inside_recovery == 0 {
            bail!("no kill happened inside recovery");
        }
        let mut totals = self.totals;
        let ledger = self.ledger();
        totals.acks = ledger.acks_total();
        totals.fails = ledger.fails.iter().sum();
        totals.tail_records = ledger.tail_records;
        totals.check_records = ledger.check_records;
        totals.doubles_allowed = ledger.doubles_allowed;
        totals.churn = self.churn.counts();
        Ok(totals)
    }

    fn acks_since_start(&self) -> [u64; 3] {
        let acks = self.ledger().acks;
        std::array::from_fn(|w| acks[w] - self.acks_at_start[w])
    }

    /// Waits while everything that must live does and nothing is broken.
    fn wait_until(&mut self, what: &str, mut reached: impl FnMut(&mut Self) -> bool) -> Result<()> {
        let start = Instant::now();
        loop {
            self.violated()?;
            if reached(self) {
                return Ok(());
            }
            self.broker.check_alive()?;
            let stopping = self.ledger().done.iter().any(Option::is_some);
            let writers = self.writers.iter_mut().filter(|_| !stopping);
            let ended = writers
                .chain([&mut self.reader, &mut self.checker])
                .find_map(|client| client.has_ended().then(|| client.name.clone()));
            if let Some(name) = ended {
                self.violated()?;
                bail!("{name} ended by itself; see its log");
            }
            if start.elapsed() > PATIENCE {
                let text = format!(
                    "no {what} within {PATIENCE:?}; acks since the start {:?}",
                    self.acks_since_start()
                );
                bail!(Violation::new(Promise::Stuck, text));
            }
            std::thread::sleep(POLL);
        }
    }

    fn violated(&self) -> Result<()> {
        match self.ledger().violation.clone() {
            Some(violation) => Err(violation.into()),
            None => Ok(()),
        }
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_whole_check(round: u64) -> bool {
    round.is_multiple_of(WHOLE_CHECK) && (round / WHOLE_CHECK).is_power_of_two()
}

/// The broker first: a thread that waits for its answer ends then.
impl Drop for Run<'_> {
    fn drop(&mut self) {
        self.broker.wait_dead();
    }
}
