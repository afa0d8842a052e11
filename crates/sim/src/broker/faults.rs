//! What goes wrong, and when: drawn from the seed, between the steps of the simulation.

use super::host::{Command, Phase, Shared};
use super::plan::Fault;
use super::stored::{self, Positioned, Stored};
use crate::checker::Event;
use crate::disk::image::{Image, Outcome};
use crate::disk::power_cut::{LOST, any_state};
use crate::disk::{OpKind, SimDisk};
use ottla_broker::partition::RESERVE_BYTES;
use ottla_env::disk::Disk;
use ottla_env::rng::{Rng, SeededRng};
use ottla_wire::batch::BatchHeader;
use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;
use turmoil::Sim;

pub const BROKER: &str = "broker";
const RESERVE: &str = "/data/reserve";
/// What a sync may fail with: EIO, ENOSPC, EDQUOT.
const SYNC_ERRORS: [i32; 3] = [5, 28, 122];
const EIO: i32 = 5;
/// Of the clock on the wall, at most; records of the future are refused from an hour on.
const JUMP_MS: u64 = 600_000;

/// What is due at some time.
#[derive(Debug, Clone)]
enum Due {
    CrashAgain,
    Repair(String),
    MakeRoom,
}

pub struct Faults {
    shared: Rc<Shared>,
    rng: SeededRng,
    clients: Vec<String>,
    next_at: u64,
    due: BTreeMap<(u64, usize), Due>,
    /// When the broker starts, if it is down.
    start_at: Option<u64>,
    capacity: Option<u64>,
    number: usize,
}

impl Faults {
    pub fn new(shared: &Rc<Shared>, clients: Vec<String>) -> Self {
        Self {
            shared: Rc::clone(shared),
            rng: SeededRng::new(shared.plan.seed ^ 0xFA17),
            clients,
            next_at: 4_000,
            due: BTreeMap::new(),
            start_at: None,
            capacity: None,
            number: 0,
        }
    }

    fn within(&self, ms: u64) -> u64 {
        1 + self.rng.below(ms)
    }

    fn after(&mut self, ms: u64, due: Due) {
        self.number += 1;
        self.due.insert((self.shared.now_ms() + ms, self.number), due);
    }

    /// Whatever is due now, a new fault among it while the chaos lasts.
    pub fn step(&mut self, sim: &mut Sim<'_>, chaos: bool) {
        let now = self.shared.now_ms();
        self.look_after_broker(sim);
        while let Some(entry) = self.due.first_entry()
            && entry.key().0 <= now
        {
            match entry.remove() {
                Due::CrashAgain => {
                    let fault = [Fault::Kill, Fault::PowerCut][self.rng.below(2) as usize];
                    self.crash(sim, fault);
                }
                Due::Repair(client) => self.repair(sim, &client),
                Due::MakeRoom => self.make_room(),
            }
        }
        if chaos && now >= self.next_at {
            self.next_at = now + self.within(2 * self.shared.plan.fault_every_ms);
            let faults = &self.shared.plan.faults;
            let fault = faults[self.rng.below(faults.len() as u64) as usize];
            self.begin(sim, fault);
        }
    }

    /// A process that ended, or crashed, is started again.
    fn look_after_broker(&mut self, sim: &mut Sim<'_>) {
        let now = self.shared.now_ms();
        match self.start_at {
            Some(at) if at <= now => {
                self.start_at = None;
                self.in_silence(sim, |sim| sim.bounce(BROKER));
                if self.rng.below(100) < self.shared.plan.crash_again_percent && !self.shared.healed.get() {
                    // Into the start itself, into what it recovers, or soon behind it.
                    let most = [10, 60, 300][self.rng.below(3) as usize];
                    let soon = self.within(most);
                    self.after(soon, Due::CrashAgain);
                }
            }
            None if self.shared.phase.get() == Phase::Ended => {
                let disk = self.shared.disk.borrow().clone();
                let image = disk.image();
                if image.pending.iter().any(|pending| pending.abandoned) {
                    self.tell_what_was_synced(&image);
                }
                self.next_life(SimDisk::of(image), &disk);
            }
            _ => {}
        }
    }

    /// What the next start finds; whoever still holds the disk of the last one has none any more.
    fn next_life(&mut self, next: SimDisk, last: &SimDisk) {
        last.discard();
        next.set_capacity(self.capacity);
        *self.shared.disk.borrow_mut() = next;
        // The reserve is enough for a start, a stop and the checkpoint (A8), and half of it is for that of a few topics.
        let reserve = self.shared.disk.borrow().len(Path::new(RESERVE)).ok().flatten();
        let enough = reserve.is_some_and(|bytes| bytes >= RESERVE_BYTES / 2);
        self.shared.disk_may_fail.set(self.capacity.is_some() && !enough);
        self.start_at = Some(self.shared.now_ms() + self.within(2_000));
    }

    fn begin(&mut self, sim: &mut Sim<'_>, fault: Fault) {
        self.shared.note(&format!("{fault:?}"));
        let client = self.clients[self.rng.below(self.clients.len() as u64) as usize].clone();
        let long = self.within(10_000);
        match fault {
            Fault::Kill | Fault::PowerCut => self.crash(sim, fault),
            Fault::CleanStop => {
                if self.shared.phase.get() == Phase::Serving {
                    self.shared.command(Command::Stop);
                    self.shared.count("clean stop");
                }
            }
            Fault::ResetConnections => {
                if self.shared.net.break_some(&self.rng) > 0 {
                    self.shared.count("connections reset");
                }
            }
            Fault::CutClientOff => {
                sim.partition(BROKER, client.as_str());
                self.shared.count("client cut off");
                self.after(long, Due::Repair(client));
            }
            Fault::CutOneDirection => {
                if self.rng.below(2) == 0 {
                    sim.partition_oneway(BROKER, client.as_str());
                } else {
                    sim.partition_oneway(client.as_str(), BROKER);
                }
                self.shared.count("one direction cut off");
                self.after(long, Due::Repair(client));
            }
            Fault::LoseMessages => {
                sim.set_link_fail_rate(BROKER, client.as_str(), 0.05);
                self.shared.count("messages lost");
                self.after(long, Due::Repair(client));
            }
            Fault::SlowLink => {
                let latency = Duration::from_millis(100 + self.rng.below(900));
                sim.set_link_latency(BROKER, client.as_str(), latency);
                self.shared.count("link slow");
                self.after(long, Due::Repair(client));
            }
            Fault::StallSyncs => {
                if let Some(workers) = &*self.shared.workers.borrow() {
                    workers.stall_syncs(Duration::from_millis(long));
                    self.shared.count("syncs stalled");
                }
            }
            Fault::FailSync => {
                self.shared.disk_may_fail.set(true);
                let error = SYNC_ERRORS[(long % 3) as usize];
                self.shared.disk.borrow().fail_next(OpKind::Sync, error);
                self.shared.count("sync failed");
            }
            Fault::FailWrite => {
                self.shared.disk_may_fail.set(true);
                self.shared.disk.borrow().fail_next(OpKind::Write, EIO);
                self.shared.count("write failed");
            }
            Fault::ShortWrite => {
                self.shared.disk.borrow().shorten_next(self.within(200) as usize);
                self.shared.count("write cut short");
            }
            Fault::FailRead => {
                self.shared.disk_may_fail.set(true);
                self.shared.disk.borrow().fail_next_read(EIO);
                self.shared.count("read failed");
            }
            Fault::Rot => self.rot(),
            // Where offsets expire within a run they do so by this clock.
            Fault::ClockJump if self.shared.plan.groups.retention_ms.is_none() => {
                let most = 2 * JUMP_MS;
                self.shared.clock.jump(self.rng.below(most) as i64 - JUMP_MS as i64);
                self.shared.count("clock jumped");
            }
            Fault::ClockJump => {}
            Fault::FillDisk => {
                let disk = self.shared.disk.borrow().clone();
                self.capacity = Some(disk.used_bytes() + self.rng.below(100_000));
                disk.set_capacity(self.capacity);
                self.shared.count("disk full");
                self.after(long, Due::MakeRoom);
            }
        }
    }

    fn crash(&mut self, sim: &mut Sim<'_>, fault: Fault) {
        match self.shared.phase.get() {
            Phase::Ended => return,
            Phase::Starting => self.shared.count("crash while the broker started"),
            Phase::Recovering => self.shared.count("crash while the broker recovered"),
            Phase::Serving | Phase::Stopping => {}
        }
        if self.start_at.is_some() {
            return;
        }
        if self.shared.waiting.get() > 0 {
            self.shared.count("long poll crossed a crash");
        }
        let disk = self.shared.disk.borrow().clone();
        self.look_at_segments(&disk);
        let image = disk.image();
        if fault == Fault::PowerCut || image.pending.iter().any(|pending| pending.abandoned) {
            self.tell_what_was_synced(&image);
        }
        let next = if fault == Fault::PowerCut {
            let outcomes = any_state(&image, &self.rng);
            self.shared.count("power cut");
            if outcomes.contains(&Outcome::Lost) {
                self.shared.count("power cut lost unsynced writes");
            }
            if outcomes.iter().any(|outcome| matches!(outcome, Outcome::Head(_) | Outcome::Tail(_))) {
                self.shared.count("power cut tore a write");
            }
            image.after_cut(&outcomes)
        } else {
            self.shared.count("broker killed");
            image
        };
        self.in_silence(sim, |sim| sim.crash(BROKER));
        if fault == Fault::Kill {
            // Its kernel lives, and says at once that the process is gone.
            self.shared.net.break_all();
        }
        self.shared.history.borrow_mut().crashed();
        self.shared.note("crashed");
        self.shared.phase.set(Phase::Ended);
        self.next_life(SimDisk::of(next), &disk);
    }

    /// Before a cut, or when a device lost what it was to sync: of topics that are answered before they are synced no more
    /// than this is promised.
    fn tell_what_was_synced(&self, image: &Image) {
        let (live, synced) = (SimDisk::of(image.clone()), all_lost(image));
        let mut partitions = stored::partitions(&live);
        partitions.retain(|stored| self.shared.plan.is_os(stored.place.topic));
        let end_of = |stored: Stored| {
            let end = stored::headers(&synced, &stored.dir).last().map_or(0, BatchHeader::next_offset);
            (stored.place, end)
        };
        self.shared.record(&Event::PowerCut { synced: partitions.into_iter().map(end_of).collect() });
    }

    /// Flips a bit of a sealed segment that is in the checkpoint. Once in a run, and late: nothing comes into the partition
    /// any more.
    fn rot(&self) {
        let is_early = 2 * u128::from(self.shared.now_ms()) < self.shared.plan.chaos.as_millis();
        if is_early || !self.shared.rotten.borrow().is_empty() {
            return;
        }
        let disk = self.shared.disk.borrow().clone();
        let promised = stored::promised(&all_lost(&disk.image()));
        if promised.is_empty() {
            return;
        }
        let (place, path) = &promised[self.rng.below(promised.len() as u64) as usize];
        let batches = stored::batches_of(&all_lost(&disk.image()), path);
        if batches.is_empty() {
            return;
        }
        let Positioned { position, header } = batches[self.rng.below(batches.len() as u64) as usize];
        // Half of the time in what no CRC covers but the order does.
        let bytes = [8, header.size()][self.rng.below(2) as usize] as u64;
        let position = position + self.rng.below(bytes);
        let flipped = disk.rot(path, position as usize, 1 << self.rng.below(8));
        if flipped.is_ok() {
            self.shared.note(&format!("byte {position} of {} of {place:?}", path.display()));
            self.shared.rotten.borrow_mut().insert(*place);
            self.shared.count("bit rotted");
        }
    }

    /// Ends what the broker's host runs without a word to anybody. What its tasks say when they are dropped would come
    /// in an order that tokio takes from numbers of the process, so that no run would be like the next.
    fn in_silence(&self, sim: &mut Sim<'_>, end: impl FnOnce(&mut Sim<'_>)) {
        self.clients.iter().for_each(|client| sim.partition(BROKER, client.as_str()));
        end(sim);
        self.clients.iter().for_each(|client| self.repair(sim, client));
    }

    fn look_at_segments(&self, disk: &SimDisk) {
        let topics = Path::new("/data/topics");
        let is_rolled = disk.list(topics).unwrap_or_default().iter().any(|partition| {
            let files = disk.list(&topics.join(&partition.name)).unwrap_or_default();
            files.iter().filter(|file| file.name.ends_with(".log")).count() > 1
        });
        if is_rolled {
            self.shared.count("segment rolled");
        }
    }

    fn repair(&self, sim: &mut Sim<'_>, client: &str) {
        sim.repair(BROKER, client);
        sim.set_link_fail_rate(BROKER, client, 0.0);
        sim.set_link_latency(BROKER, client, Duration::from_millis(1));
        let latency = Duration::from_millis(self.shared.plan.latency_ms);
        sim.set_link_max_message_latency(BROKER, client, latency);
    }

    fn make_room(&mut self) {
        self.capacity = None;
        self.shared.disk.borrow().set_capacity(None);
    }

    /// Everything works again from here on.
    pub fn heal(&mut self, sim: &mut Sim<'_>) {
        self.due.clear();
        for client in self.clients.clone() {
            self.repair(sim, &client);
        }
        self.make_room();
        if self.shared.disk_may_fail.get() {
            // A log whose file could not be synced as it was opened stays closed until the next start.
            self.crash(sim, Fault::Kill);
        }
        self.shared.note("healed");
        self.shared.healed.set(true);
    }

    /// The process is killed and started again.
    pub fn kill(&mut self, sim: &mut Sim<'_>) {
        self.crash(sim, Fault::Kill);
    }
}

/// The disk as a cut leaves it that takes all it can.
fn all_lost(image: &Image) -> SimDisk {
    SimDisk::of(image.after_cut(&vec![LOST; image.pending.len()]))
}
