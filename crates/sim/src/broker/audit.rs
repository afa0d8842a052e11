//! The end of a run: everything works again, and the broker has to show it.
//!
//! Each partition takes and gives a record within 30 s (L1). Then the broker is stopped cleanly and started, everything
//! is read, and when the reader has gone the broker holds no more than right after its start (B1). Then it is killed,
//! started, and everything is read again: the same.

use super::faults::Faults;
use super::groups;
use super::host::{Command, Held, Phase, Shared};
use super::payload;
use super::stored;
use super::workload::{self, connected, dump, name_of, number_of, places};
use crate::checker::{Dump, Event, Place};
use crate::disk::SimDisk;
use ottla_client::{Client, ProducerConfig, ProducerRecord};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};
use turmoil::Sim;

/// Simulated time in which a repaired broker is alive.
const ALIVE_MS: u64 = 30_000;
/// Time for clients to come to their ends: deliveries have 20 s.
const DONE_MS: u64 = 90_000;
/// Time for idle connections to be closed.
const SETTLED_MS: u64 = 60_000;
const CANARY: u32 = 900_000;
const READER: u32 = 900_000;

#[derive(Debug, Default)]
enum Stage {
    #[default]
    Begin,
    /// The broker serves; canaries are under way.
    Canaries {
        since: u64,
    },
    /// It was told to stop.
    Stopping,
    /// It was started again, and nobody is connected.
    Baseline {
        asked: Option<oneshot::Receiver<Held>>,
    },
    Reading {
        baseline: Held,
    },
    Settling {
        baseline: Held,
        since: u64,
        asked: Option<oneshot::Receiver<Held>>,
    },
    Killed,
    ReadingAgain,
}

/// What is done between the steps of the simulation.
#[derive(Debug, Default)]
pub struct Audit(Stage);

impl Audit {
    pub fn step(&mut self, shared: &Shared, sim: &mut Sim<'_>, faults: &mut Faults) {
        let now = shared.now_ms();
        let serving = shared.phase.get() == Phase::Serving;
        self.0 = match std::mem::take(&mut self.0) {
            Stage::Begin => {
                if !shared.healed.get() {
                    faults.heal(sim);
                }
                if !serving {
                    return;
                }
                shared.audit.set(1);
                Stage::Canaries { since: now }
            }
            Stage::Canaries { since } if shared.audited.get() < 1 => {
                if now > since + ALIVE_MS {
                    shared.violated("L1", "canaries are not back in time".to_owned());
                }
                Stage::Canaries { since }
            }
            Stage::Canaries { since } if shared.clients_done.get() < shared.plan.clients + groups::HOSTS => {
                if now > since + DONE_MS {
                    shared.violated("L1", "clients do not come to their ends".to_owned());
                }
                Stage::Canaries { since }
            }
            Stage::Canaries { .. } => {
                shared.command(Command::Stop);
                Stage::Stopping
            }
            Stage::Stopping if serving => Stage::Stopping,
            Stage::Stopping => Stage::Baseline { asked: None },
            Stage::Baseline { .. } if !serving => Stage::Baseline { asked: None },
            Stage::Baseline { mut asked } => match look(shared, &mut asked) {
                Some(baseline) => {
                    shared.note(&format!("{baseline:?}"));
                    shared.audit.set(2);
                    Stage::Reading { baseline }
                }
                None => Stage::Baseline { asked },
            },
            Stage::Reading { baseline } if shared.audited.get() < 2 => Stage::Reading { baseline },
            Stage::Reading { baseline } => Stage::Settling { baseline, since: now, asked: None },
            Stage::Settling { baseline, since, mut asked } => match look(shared, &mut asked) {
                Some(held) if held.is_back_at(&baseline) => {
                    faults.kill(sim);
                    Stage::Killed
                }
                Some(held) if now > since + SETTLED_MS => {
                    shared
                        .violated("B1", format!("nobody is there; held {held:?}, at the start {baseline:?}"));
                    Stage::Killed
                }
                Some(_) | None => Stage::Settling { baseline, since, asked },
            },
            Stage::Killed if !serving => Stage::Killed,
            Stage::Killed => {
                shared.audit.set(3);
                Stage::ReadingAgain
            }
            Stage::ReadingAgain => Stage::ReadingAgain,
        };
    }
}

/// What the broker holds, when it has answered.
fn look(shared: &Shared, asked: &mut Option<oneshot::Receiver<Held>>) -> Option<Held> {
    match asked {
        None => {
            let (reply, answer) = oneshot::channel();
            shared.command(Command::Look(reply));
            *asked = Some(answer);
            None
        }
        Some(answer) => match answer.try_recv() {
            Ok(held) => {
                *asked = None;
                Some(held)
            }
            Err(oneshot::error::TryRecvError::Empty) => None,
            Err(oneshot::error::TryRecvError::Closed) => {
                *asked = None;
                None
            }
        },
    }
}

/// The host that looks at everything in the end.
pub async fn audit(shared: Rc<Shared>) -> turmoil::Result {
    turn(&shared, 1).await;
    {
        let client = connected(&shared, "auditor", shared.plan.seed ^ 0xA0D1).await;
        for place in places(&shared) {
            if shared.rotten.borrow().contains(&place) {
                continue;
            }
            let problem = canary(&shared, &client, place).await.err();
            shared.record(&Event::Canary { place, problem });
        }
    }
    shared.audited.set(1);
    turn(&shared, 2).await;
    groups::look_at_all(&shared).await;
    let first = read_all(&shared, READER).await?;
    shared.audited.set(2);
    turn(&shared, 3).await;
    groups::look_at_all(&shared).await;
    let second = read_all(&shared, READER + 1).await?;
    if !is_same(&first, &second, shared.plan.is_retained()) {
        shared.violated("I8", format!("a kill changed what is there: {}", difference(&first, &second)));
    }
    let disk = SimDisk::of(shared.disk.borrow().image());
    for stored in stored::partitions(&disk) {
        let place = stored.place;
        // What is below the log start may be there still, and its producers forgotten.
        let Some(dump) = second.iter().find(|dump| dump.place == place) else { continue };
        let headers = stored::headers(&disk, &stored.dir);
        let mut batches = stored::written(&headers);
        batches.retain(|batch| batch.offset >= dump.log_start_after);
        shared.record(&Event::Stored { place, batches });
    }
    shared.note("audited");
    Ok(())
}

async fn turn(shared: &Shared, number: u32) {
    while shared.audit.get() < number {
        sleep(Duration::from_millis(50)).await;
    }
}

async fn canary(shared: &Shared, client: &Client, place: Place) -> Result<(), String> {
    let config =
        ProducerConfig { delivery_timeout: Duration::from_millis(ALIVE_MS), ..ProducerConfig::default() };
    let producer = client.producer(config).map_err(|error| error.to_string())?;
    let value =
        (u64::from(CANARY) << 32) | (u64::from(place.topic) << 8) | u64::from(place.partition.unsigned_abs());
    let mut record = ProducerRecord::new(name_of(place.topic), None, Some(payload::of(place, value, 10)));
    record.partition = Some(place.partition);
    shared.record(&Event::Sent { session: CANARY, place, value });
    let delivery = producer.send(record).await.map_err(|error| error.to_string())?;
    let delivered = delivery.await.map_err(|error| error.to_string())?;
    shared.record(&Event::Acked { value, offset: delivered.offset });
    let offset = delivered.offset.ok_or("nobody told its offset")?;
    let mut consumer = client.consumer(workload::reading());
    let start = ottla_client::Start::Offset(offset);
    let assignment =
        ottla_client::Assignment { topic: name_of(place.topic), partition: place.partition, start };
    consumer.assign(&[assignment]).await.map_err(|error| error.to_string())?;
    shared.record(&Event::Assigned { reader: CANARY, place, from: Some(offset) });
    let batch = timeout(Duration::from_millis(ALIVE_MS), consumer.next()).await;
    let batch = batch.map_err(|_| "it does not come out".to_owned())?.map_err(|error| error.to_string())?;
    let found = workload::take(shared, CANARY, &batch, &mut BTreeMap::new());
    if found.contains(&(offset, value)) { Ok(()) } else { Err(format!("something else came out: {found:?}")) }
}

/// Every partition of every topic from end to end.
async fn read_all(shared: &Shared, reader: u32) -> Result<Vec<Dump>, String> {
    let client = connected(shared, "auditor", shared.plan.seed ^ u64::from(reader)).await;
    let listed = client.admin().list_topics().await.map_err(|error| error.to_string())?;
    let mut topics: Vec<(u32, usize)> =
        listed.iter().filter_map(|topic| Some((number_of(&topic.name)?, topic.partitions.len()))).collect();
    topics.sort_unstable();
    shared.record(&Event::Topics(topics.iter().map(|(topic, _)| *topic).collect()));
    let mut dumps = Vec::new();
    for (topic, partitions) in topics {
        for partition in 0..partitions as i32 {
            let place = Place { topic, partition };
            if shared.rotten.borrow().contains(&place) {
                if workload::read_damaged(shared, &client, place, reader).await {
                    shared.count("damage refused");
                }
                continue;
            }
            match dump(shared, &client, place, reader).await {
                Ok(dump) => {
                    shared.record(&Event::Dumped(dump.clone()));
                    dumps.push(dump);
                }
                Err(problem) => shared.violated("L1", problem),
            }
        }
    }
    Ok(dumps)
}

/// Where old records go by themselves, some of them may be gone.
fn is_same(first: &[Dump], second: &[Dump], retained: bool) -> bool {
    let goes_on = |(before, after): (&Dump, &Dump)| {
        before.place == after.place
            && before.end == after.end
            && before.log_start_after <= after.log_start
            && before.records.ends_with(&after.records)
    };
    first.len() == second.len()
        && first.iter().zip(second).all(goes_on)
        && (retained
            || first.iter().zip(second).all(|(before, after)| before.log_start == after.log_start_after))
}

fn difference(first: &[Dump], second: &[Dump]) -> String {
    let pair = first.iter().zip(second).find(|(before, after)| before != after);
    let short = |dump: &Dump| format!("{:?} from {} to {}", dump.place, dump.log_start, dump.end);
    pair.map_or_else(
        || format!("{} partitions before, {} behind it", first.len(), second.len()),
        |(before, after)| format!("{} before, {} behind it", short(before), short(after)),
    )
}
