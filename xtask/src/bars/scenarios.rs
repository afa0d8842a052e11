//! The loads that are compared, and the ratios that were set as goals.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acks {
    Os,
    Fsync,
}

/// Where the broker comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    Scenario,
    /// `bench restart` starts and kills it itself.
    Bench,
}

#[derive(Debug)]
pub struct Bar {
    pub figure: &'static str,
    pub unit: &'static str,
    /// The ratio is ours to Kafka's for these, and Kafka's to ours for costs and times.
    pub more_is_better: bool,
    /// The ratio to reach, where there is one.
    pub goal: Option<f64>,
}

#[derive(Debug)]
pub struct Scenario {
    pub name: &'static str,
    pub acks: Acks,
    pub owner: Owner,
    /// Partitions of the topic `t`, where the load needs one.
    pub partitions: Option<&'static str>,
    /// What `ottla bench` does in runs that do not count.
    pub before: &'static [&'static str],
    /// The page cache is dropped before the run that counts.
    pub cold: bool,
    pub measured: &'static str,
    pub bars: &'static [Bar],
}

pub const fn rate(figure: &'static str, unit: &'static str, goal: Option<f64>) -> Bar {
    Bar { figure, unit, more_is_better: true, goal }
}

pub const fn cost(figure: &'static str, unit: &'static str, goal: Option<f64>) -> Bar {
    Bar { figure, unit, more_is_better: false, goal }
}

pub const CPU: &str = "brokerCpuSecondsPerGb";

pub const PRODUCE: Scenario = Scenario {
    name: "",
    acks: Acks::Os,
    owner: Owner::Scenario,
    partitions: Some("4"),
    before: &[],
    cold: false,
    measured: "",
    bars: &[],
};

pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "small batches",
        measured: "replay t --batch 16KiB --warm-up 512MiB --bytes 512MiB",
        bars: &[cost(CPU, "s/GB", Some(2.0)), rate("mbPerSecond", "MB/s", None)],
        ..PRODUCE
    },
    Scenario {
        name: "lz4, records of 100 bytes",
        measured: "replay t --record 100 -z lz4 --warm-up 256MiB --bytes 512MiB",
        bars: &[cost(CPU, "s/GB", Some(10.0)), rate("recordsPerSecond", "records/s", None)],
        ..PRODUCE
    },
    Scenario {
        name: "1 MB batches",
        measured: "replay t --warm-up 1GiB --bytes 2GiB",
        bars: &[rate("mbPerSecond", "MB/s", Some(1.5)), cost(CPU, "s/GB", Some(3.0))],
        ..PRODUCE
    },
    Scenario {
        name: "1 MB batches, fsync",
        acks: Acks::Fsync,
        measured: "replay t --warm-up 512MiB --bytes 1GiB",
        bars: &[rate("mbPerSecond", "MB/s", Some(1.5)), cost(CPU, "s/GB", Some(3.0))],
        ..PRODUCE
    },
    Scenario {
        name: "catch-up, warm, 1 MiB of a partition",
        before: &["replay t --bytes 2GiB", "drain t --partition-bytes 1MiB"],
        measured: "drain t --partition-bytes 1MiB",
        bars: &[rate("mbPerSecond", "MB/s", Some(1.0)), cost(CPU, "s/GB", None)],
        ..PRODUCE
    },
    Scenario {
        name: "catch-up, warm, 8 MiB of a partition",
        before: &["replay t --bytes 2GiB", "drain t"],
        measured: "drain t",
        bars: &[rate("mbPerSecond", "MB/s", Some(1.0)), cost(CPU, "s/GB", None)],
        ..PRODUCE
    },
    Scenario {
        name: "catch-up, cold, 1 partition",
        partitions: Some("1"),
        before: &["replay t --bytes 3GiB"],
        cold: true,
        measured: "drain t",
        bars: &[rate("mbPerSecond", "MB/s", Some(2.0)), cost(CPU, "s/GB", None)],
        ..PRODUCE
    },
    Scenario {
        name: "20,000 records a second, open loop",
        partitions: None,
        before: &["openloop --rate 20000 --time 10s -p 16"],
        measured: "openloop --rate 20000 --time 20s -p 16",
        bars: &[cost("p99Ms", "ms", None), cost("p50Ms", "ms", None), cost(CPU, "s/GB", None)],
        ..PRODUCE
    },
    Scenario {
        name: "end to end, 500 records a second",
        partitions: None,
        before: &["e2e --rate 500 --time 10s"],
        measured: "e2e --rate 500 --time 20s",
        bars: &[
            cost("brokerCpuUsPerRecord", "us", Some(5.0)),
            cost("p50Ms", "ms", None),
            cost("p99Ms", "ms", None),
        ],
        ..PRODUCE
    },
    Scenario {
        name: "an fsync for each acknowledgement, 1 connection",
        acks: Acks::Fsync,
        partitions: Some("1"),
        before: &["replay t --batch 1100 --in-flight 1 --records 2000"],
        measured: "replay t --batch 1100 --in-flight 1 --records 5000",
        bars: &[rate("recordsPerSecond", "acks/s", Some(1.5)), cost("p99Ms", "ms", None)],
        ..PRODUCE
    },
    Scenario {
        name: "an fsync for each acknowledgement, 256 connections, 64 partitions",
        acks: Acks::Fsync,
        partitions: Some("64"),
        before: &["replay t --batch 1100 --connections 256 --in-flight 1 --records 10000"],
        measured: "replay t --batch 1100 --connections 256 --in-flight 1 --records 40000",
        bars: &[rate("recordsPerSecond", "acks/s", Some(5.0)), cost("p99Ms", "ms", None)],
        ..PRODUCE
    },
    Scenario {
        name: "5,000 partitions",
        partitions: None,
        measured: "partitions --count 5000",
        bars: &[cost("allLed", "ms", Some(5.0)), cost("allWritten", "ms", None), cost("rss", "MB", None)],
        ..PRODUCE
    },
    Scenario {
        name: "10,000 connections",
        partitions: None,
        measured: "conns --count 10000 --idle 10s",
        bars: &[cost("rss", "MB", None), cost("rssPerConnection", "bytes", None), cost("p99", "ms", None)],
        ..PRODUCE
    },
    Scenario {
        name: "start, idle, kill -9 and restart with 1 GiB in 4 partitions",
        owner: Owner::Bench,
        partitions: None,
        measured: "restart",
        bars: &[
            cost("startToFirstAck", "ms", None),
            cost("idleRss", "MB", None),
            cost("restartToFirstAck", "ms", None),
            cost("restartCpu", "s", None),
        ],
        ..PRODUCE
    },
    Scenario {
        name: "kill -9 and restart with 1 GiB in 6,000 partitions",
        owner: Owner::Bench,
        partitions: None,
        measured: "restart -p 6000 --idle 0s --patience 300s",
        bars: &[cost("restartToFirstAck", "ms", Some(20.0)), cost("restartCpu", "s", None)],
        ..PRODUCE
    },
];
