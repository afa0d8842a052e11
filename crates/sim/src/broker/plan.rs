//! What a seed stands for: settings, pace, clients, and which faults there are.

use super::groups::GroupsPlan;
use super::workers::Pace;
use ottla_broker::settings::{Input, Settings, load};
use ottla_env::rng::{Rng, SeededRng};
use std::collections::BTreeMap;
use std::time::Duration;

/// What may go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The process is gone; what it wrote is still in the page cache.
    Kill,
    /// Of what no sync covered, any part is gone.
    PowerCut,
    CleanStop,
    ResetConnections,
    CutClientOff,
    /// The broker does not hear a client, or a client does not hear it.
    CutOneDirection,
    /// Of the messages of a link some get lost.
    LoseMessages,
    SlowLink,
    StallSyncs,
    /// The device fails a sync, which is the end of the process.
    FailSync,
    /// A write fails and has no effect.
    FailWrite,
    /// A write takes only its first bytes.
    ShortWrite,
    FailRead,
    FillDisk,
    /// A bit flips in what is promised of a partition.
    Rot,
    /// The clock on the wall is put forward or back.
    ClockJump,
}

const FAULTS: [Fault; 16] = [
    Fault::Kill,
    Fault::PowerCut,
    Fault::CleanStop,
    Fault::ResetConnections,
    Fault::CutClientOff,
    Fault::CutOneDirection,
    Fault::LoseMessages,
    Fault::SlowLink,
    Fault::StallSyncs,
    Fault::FailSync,
    Fault::FailWrite,
    Fault::ShortWrite,
    Fault::FailRead,
    Fault::FillDisk,
    Fault::Rot,
    Fault::ClockJump,
];

#[derive(Debug, Clone)]
pub struct Plan {
    pub seed: u64,
    /// Simulated time with faults.
    pub chaos: Duration,
    /// Each may come more than once, which makes it more frequent.
    pub faults: Vec<Fault>,
    /// Mean time between two of them.
    pub fault_every_ms: u64,
    /// Of a hundred starts so many are cut short.
    pub crash_again_percent: u64,
    pub tick: Duration,
    pub latency_ms: u64,
    pub pace: Pace,
    pub clients: u32,
    pub topics: u32,
    pub partitions: i32,
    /// Milliseconds between two records of a producer, at most.
    pub send_every_ms: u64,
    /// Of a hundred records so many are large.
    pub large_percent: u64,
    pub settings: BTreeMap<&'static str, String>,
    pub topic_settings: BTreeMap<String, String>,
    pub groups: GroupsPlan,
}

impl Plan {
    pub fn of(seed: u64, chaos: Duration) -> Self {
        let rng = SeededRng::new(seed);
        let pick = |from: &[u64]| from[rng.below(from.len() as u64) as usize];
        let mut faults: Vec<Fault> =
            (0..2 + rng.below(8)).map(|_| FAULTS[rng.below(FAULTS.len() as u64) as usize]).collect();
        // A run without any crash tells little.
        faults.push([Fault::Kill, Fault::PowerCut][rng.below(2) as usize]);
        let settings = [
            ("log.segment.bytes", (1_u64 << 20).to_string()),
            ("log.roll.ms", pick(&[2_000, 10_000, 604_800_000]).to_string()),
            ("log.retention.check.interval.ms", pick(&[1_000, 10_000]).to_string()),
            ("log.segment.delete.delay.ms", pick(&[0, 1_000, 60_000]).to_string()),
            ("connections.max.idle.ms", pick(&[5_000, 20_000]).to_string()),
            ("queued.max.request.bytes", pick(&[1 << 20, 64 << 20]).to_string()),
            ("socket.request.max.bytes", (1_u64 << 20).to_string()),
            ("max.incremental.fetch.session.cache.slots", pick(&[0, 1, 1_000]).to_string()),
            ("log.index.interval.bytes", pick(&[1, 4_096]).to_string()),
        ];
        let (groups, group_settings) = GroupsPlan::of(seed);
        let mut topic_settings = BTreeMap::new();
        if rng.below(3) == 0 {
            topic_settings.insert("retention.bytes".to_owned(), (4_u64 << 20).to_string());
        }
        Self {
            seed,
            chaos,
            faults,
            fault_every_ms: pick(&[3_000, 6_000, 12_000]),
            crash_again_percent: pick(&[0, 30, 60]),
            tick: Duration::from_millis(pick(&[2, 5])),
            latency_ms: pick(&[2, 10, 40]),
            pace: Pace {
                gap_ms: pick(&[1, 2, 6]),
                busy_percent: pick(&[0, 20, 60]),
                busy_ms: pick(&[2, 10, 60]),
                cores: pick(&[1, 2, 4]) as usize,
            },
            clients: 1 + rng.below(3) as u32,
            topics: 1 + rng.below(2) as u32,
            partitions: 1 + rng.below(3) as i32,
            send_every_ms: pick(&[10, 40, 160]),
            large_percent: pick(&[0, 2, 10]),
            settings: settings.into_iter().chain(group_settings).collect(),
            topic_settings,
            groups,
        }
    }

    pub fn is_retained(&self) -> bool {
        self.topic_settings.contains_key("retention.bytes")
    }

    /// About one topic in three is answered before it is synced.
    pub fn is_os(&self, topic: u32) -> bool {
        SeededRng::new(self.seed ^ 0x05 ^ (u64::from(topic) << 32)).below(3) == 0
    }

    /// The settings of a topic.
    pub fn topic(&self, topic: u32) -> BTreeMap<String, String> {
        let mut settings = self.topic_settings.clone();
        if self.is_os(topic) {
            settings.insert("durability".to_owned(), "os".to_owned());
        }
        settings
    }

    /// The settings of the broker.
    pub fn broker(&self) -> Result<Settings, String> {
        let fixed = [
            ("log.dirs", "/data"),
            ("listeners", "PLAINTEXT://0.0.0.0:9092"),
            ("advertised.listeners", "PLAINTEXT://broker:9092"),
            ("allow.insecure.listeners", "true"),
            ("auto.create.topics.enable", "false"),
        ];
        let fixed = fixed.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let drawn = self.settings.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
        let input = Input { flags: fixed.chain(drawn).collect(), ..Input::default() };
        load(&input).map_err(|error| error.to_string())
    }
}
