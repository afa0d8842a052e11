//! The loads that are compared, and what was set as a goal.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acks {
    Os,
    Fsync,
}

/// Where the broker comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    Scenario,
    /// `bench restart` starts and kills it itself, so nothing warms it.
    Bench,
}

/// A second load of `ottla bench`, whose figures get `reader.` in front of their names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    None,
    /// The measured load goes on until the reader is at its end.
    Beside(&'static str),
    Behind(&'static str),
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Goal {
    None,
    /// How often better than Kafka.
    Ratio(f64),
    /// Of our own figure, whatever Kafka does.
    AtMost(f64),
}

#[derive(Debug)]
pub struct Bar {
    pub figure: &'static str,
    pub unit: &'static str,
    /// The ratio is ours to Kafka's for these, and Kafka's to ours for costs and times.
    pub more_is_better: bool,
    pub goal: Goal,
}

#[derive(Debug)]
pub struct Scenario {
    pub name: &'static str,
    pub acks: Acks,
    pub owner: Owner,
    /// Partitions of the topic `t`, where the load needs one.
    pub partitions: Option<&'static str>,
    /// What `ottla bench` (or a tool of [`super::perf`]) does in runs that do not count, behind [`WARM_UP`].
    pub before: &'static [&'static str],
    pub measured: &'static str,
    pub reader: Reader,
    /// The page cache is dropped before the reader, or before the run that counts where there is none.
    pub cold: bool,
    pub bars: &'static [Bar],
}

pub const fn rate(figure: &'static str, unit: &'static str, goal: Goal) -> Bar {
    Bar { figure, unit, more_is_better: true, goal }
}

pub const fn cost(figure: &'static str, unit: &'static str, goal: Goal) -> Bar {
    Bar { figure, unit, more_is_better: false, goal }
}

pub const CPU: &str = "brokerCpuSecondsPerGb";

/// What every broker does first, to a topic of its own that is acknowledged from the page cache: 2 million records in,
/// in requests as small as those of the loads that count requests, and out again. A JVM compiles what runs often; a
/// broker that was started a moment before is slower than it will ever be again.
pub const WARM_UP: &[&str] = &[
    "replay warm --record 100 --batch 4KiB --connections 4 --records 1000000",
    "replay warm --record 100 --batch 4KiB --connections 4 --records 1000000 -z lz4",
    "drain warm --fetch-bytes 256KiB --partition-bytes 64KiB",
];
pub const WARM_UP_PARTITIONS: &str = "4";

pub const PRODUCE: Scenario = Scenario {
    name: "",
    acks: Acks::Os,
    owner: Owner::Scenario,
    partitions: Some("4"),
    before: &[],
    measured: "",
    reader: Reader::None,
    cold: false,
    bars: &[],
};

const OPEN_LOOP: &[Bar] = &[
    cost("p99Ms", "ms", Goal::None),
    cost("p50Ms", "ms", Goal::None),
    cost("p999Ms", "ms", Goal::None),
    cost(CPU, "s/GB", Goal::None),
];

const END_TO_END: &[Bar] = &[
    cost("brokerCpuUsPerRecord", "us", Goal::Ratio(5.0)),
    cost("p50Ms", "ms", Goal::None),
    cost("p99Ms", "ms", Goal::None),
];

const PERF: &[Bar] = &[
    rate("recordsPerSecond", "records/s", Goal::None),
    cost("brokerCpuUsPerRecord", "us", Goal::None),
    cost("p50Ms", "ms", Goal::None),
    cost("p99Ms", "ms", Goal::None),
    cost("p999Ms", "ms", Goal::None),
];

const PARTITIONS: &[Bar] = &[
    cost("allLed", "ms", Goal::Ratio(5.0)),
    cost("allWritten", "ms", Goal::None),
    cost("metadataOfAll", "ms", Goal::None),
    cost("rss", "MB", Goal::None),
    cost("openFiles", "files", Goal::None),
];

pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "16 KiB batches",
        measured: "replay t --batch 16KiB --warm-up 512MiB --bytes 512MiB",
        bars: &[cost(CPU, "s/GB", Goal::Ratio(2.0)), rate("mbPerSecond", "MB/s", Goal::None)],
        ..PRODUCE
    },
    Scenario {
        name: "64 KiB batches",
        measured: "replay t --batch 64KiB --warm-up 512MiB --bytes 1GiB",
        bars: &[cost(CPU, "s/GB", Goal::Ratio(2.0)), rate("mbPerSecond", "MB/s", Goal::None)],
        ..PRODUCE
    },
    Scenario {
        name: "lz4, records of 100 bytes",
        measured: "replay t --record 100 -z lz4 --warm-up 256MiB --bytes 512MiB",
        bars: &[cost(CPU, "s/GB", Goal::Ratio(10.0)), rate("recordsPerSecond", "records/s", Goal::None)],
        ..PRODUCE
    },
    Scenario {
        name: "1 MB batches",
        measured: "replay t --warm-up 1GiB --bytes 2GiB",
        bars: &[rate("mbPerSecond", "MB/s", Goal::Ratio(1.5)), cost(CPU, "s/GB", Goal::Ratio(3.0))],
        ..PRODUCE
    },
    Scenario {
        name: "1 MB batches, fsync",
        acks: Acks::Fsync,
        measured: "replay t --warm-up 512MiB --bytes 1GiB",
        bars: &[rate("mbPerSecond", "MB/s", Goal::Ratio(1.5)), cost(CPU, "s/GB", Goal::Ratio(3.0))],
        ..PRODUCE
    },
    Scenario {
        name: "catch-up, warm, 1 MiB of a partition",
        before: &["replay t --bytes 2GiB", "drain t --partition-bytes 1MiB"],
        measured: "drain t --partition-bytes 1MiB",
        bars: &[rate("mbPerSecond", "MB/s", Goal::Ratio(1.0)), cost(CPU, "s/GB", Goal::None)],
        ..PRODUCE
    },
    Scenario {
        name: "catch-up, warm, 8 MiB of a partition",
        before: &["replay t --bytes 2GiB", "drain t"],
        measured: "drain t",
        bars: &[rate("mbPerSecond", "MB/s", Goal::Ratio(1.0)), cost(CPU, "s/GB", Goal::None)],
        ..PRODUCE
    },
    Scenario {
        name: "catch-up, cold, 1 partition",
        partitions: Some("1"),
        before: &["replay t --bytes 3GiB"],
        cold: true,
        measured: "drain t",
        bars: &[rate("mbPerSecond", "MB/s", Goal::Ratio(2.0)), cost(CPU, "s/GB", Goal::None)],
        ..PRODUCE
    },
    Scenario {
        name: "1,000 records a second on 50 connections beside a cold catch-up",
        before: &["replay t --bytes 6GiB", "openloop --rate 1000 --time 10s -p 16 --connections 50"],
        // Far longer than the catch-up, at whose end it is stopped.
        measured: "openloop --rate 1000 --time 300s -p 16 --connections 50",
        reader: Reader::Beside("drain t"),
        cold: true,
        bars: &[
            cost("p99Ms", "ms", Goal::None),
            cost("p50Ms", "ms", Goal::None),
            cost("p999Ms", "ms", Goal::None),
            rate("reader.mbPerSecond", "MB/s", Goal::None),
        ],
        ..PRODUCE
    },
    Scenario {
        name: "10 GiB in, and cold out",
        measured: "replay t --bytes 10GiB",
        reader: Reader::Behind("drain t"),
        cold: true,
        bars: &[
            cost(CPU, "s/GB", Goal::None),
            cost("brokerUserSecondsPerGb", "s/GB", Goal::None),
            cost("brokerSystemSecondsPerGb", "s/GB", Goal::None),
            cost("brokerWrittenPerByte", "bytes", Goal::AtMost(1.05)),
            cost("reader.brokerCpuSecondsPerGb", "s/GB", Goal::None),
            cost("reader.brokerUserSecondsPerGb", "s/GB", Goal::None),
            cost("reader.brokerSystemSecondsPerGb", "s/GB", Goal::None),
            cost("reader.brokerReadPerByte", "bytes", Goal::None),
            cost("reader.brokerRssPeakMb", "MB", Goal::AtMost(256.0)),
        ],
        ..PRODUCE
    },
    Scenario {
        name: "1,000 records a second on 50 connections, open loop",
        partitions: None,
        before: &["openloop --rate 1000 -p 16 --connections 50 --time 20s"],
        measured: "openloop --rate 1000 -p 16 --connections 50 --time 20s",
        bars: OPEN_LOOP,
        ..PRODUCE
    },
    Scenario {
        name: "20,000 records a second, open loop",
        partitions: None,
        before: &["openloop --rate 20000 -p 16 --time 10s"],
        measured: "openloop --rate 20000 -p 16 --time 20s",
        bars: OPEN_LOOP,
        ..PRODUCE
    },
    Scenario {
        name: "kafka-e2e-latency, records of 1 KiB, one after the other",
        partitions: Some("1"),
        before: &["kafka-e2e-latency --topic t --num-records 20000 --producer-acks all --record-size 1024"],
        measured: "kafka-e2e-latency --topic t --num-records 20000 --producer-acks all --record-size 1024",
        bars: &[
            cost("brokerCpuUsPerRecord", "us", Goal::Ratio(5.0)),
            cost("averageMs", "ms", Goal::Ratio(2.0)),
            cost("p99Ms", "ms", Goal::None),
        ],
        ..PRODUCE
    },
    Scenario {
        name: "end to end, 100 records a second",
        partitions: None,
        before: &["e2e --rate 1000 --time 20s"],
        measured: "e2e --rate 100 --time 20s",
        bars: END_TO_END,
        ..PRODUCE
    },
    Scenario {
        name: "end to end, 500 records a second",
        partitions: None,
        before: &["e2e --rate 1000 --time 20s"],
        measured: "e2e --rate 500 --time 20s",
        bars: END_TO_END,
        ..PRODUCE
    },
    Scenario {
        name: "end to end, 5,000 records a second",
        partitions: None,
        before: &["e2e --rate 1000 --time 20s"],
        measured: "e2e --rate 5000 --time 10s",
        bars: END_TO_END,
        ..PRODUCE
    },
    Scenario {
        name: "an fsync for each acknowledgement, 1 connection",
        acks: Acks::Fsync,
        partitions: Some("1"),
        before: &["replay t --batch 1100 --in-flight 1 --records 10000"],
        measured: "replay t --batch 1100 --in-flight 1 --records 5000",
        bars: &[rate("recordsPerSecond", "acks/s", Goal::Ratio(1.5)), cost("p99Ms", "ms", Goal::None)],
        ..PRODUCE
    },
    Scenario {
        name: "an fsync for each acknowledgement, 256 connections, 64 partitions",
        acks: Acks::Fsync,
        partitions: Some("64"),
        before: &["replay t --batch 1100 --connections 256 --in-flight 1 --records 20000"],
        measured: "replay t --batch 1100 --connections 256 --in-flight 1 --records 40000",
        bars: &[rate("recordsPerSecond", "acks/s", Goal::Ratio(5.0)), cost("p99Ms", "ms", Goal::None)],
        ..PRODUCE
    },
    Scenario {
        name: "kafka-producer-perf-test, records of 100 bytes in lz4",
        partitions: Some("1"),
        before: &[
            "kafka-producer-perf-test --num-records 1000000 --topic t --record-size 100 --throughput -1 \
                 --producer-props acks=all linger.ms=5 batch.size=65536 compression.type=lz4",
        ],
        measured: "kafka-producer-perf-test --num-records 3000000 --topic t --record-size 100 --throughput -1 \
                 --producer-props acks=all linger.ms=5 batch.size=65536 compression.type=lz4",
        bars: PERF,
        ..PRODUCE
    },
    Scenario {
        name: "kafka-producer-perf-test, records of 1 KiB",
        partitions: Some("1"),
        before: &[
            "kafka-producer-perf-test --num-records 300000 --topic t --record-size 1024 --throughput -1 \
                 --producer-props acks=all",
        ],
        measured: "kafka-producer-perf-test --num-records 1000000 --topic t --record-size 1024 --throughput -1 \
                 --producer-props acks=all",
        bars: PERF,
        ..PRODUCE
    },
    Scenario {
        name: "kafka-producer-perf-test, 20,000 records of 1 KiB a second",
        partitions: Some("16"),
        before: &[
            "kafka-producer-perf-test --num-records 300000 --topic t --record-size 1024 --throughput 20000 \
                 --producer-props acks=all linger.ms=0",
        ],
        measured: "kafka-producer-perf-test --num-records 300000 --topic t --record-size 1024 --throughput 20000 \
                 --producer-props acks=all linger.ms=0",
        bars: PERF,
        ..PRODUCE
    },
    Scenario {
        name: "1,000 partitions",
        partitions: None,
        before: &["partitions --count 200"],
        measured: "partitions --count 1000",
        bars: PARTITIONS,
        ..PRODUCE
    },
    Scenario {
        name: "5,000 partitions",
        partitions: None,
        before: &["partitions --count 200"],
        measured: "partitions --count 5000",
        bars: PARTITIONS,
        ..PRODUCE
    },
    Scenario {
        name: "10,000 partitions",
        partitions: None,
        before: &["partitions --count 200"],
        measured: "partitions --count 10000",
        bars: PARTITIONS,
        ..PRODUCE
    },
    Scenario {
        name: "10,000 connections",
        partitions: None,
        before: &["conns --count 200 --idle 1s"],
        measured: "conns --count 10000 --idle 10s",
        bars: &[
            cost("rss", "MB", Goal::AtMost(200.0)),
            cost("rssPerConnection", "bytes", Goal::None),
            cost("p99", "ms", Goal::None),
        ],
        ..PRODUCE
    },
    Scenario {
        name: "start, idle, kill -9 under load and restart with 10 GiB in 4 partitions",
        owner: Owner::Bench,
        partitions: None,
        measured: "restart --bytes 10GiB",
        bars: &[
            cost("startToFirstAck", "ms", Goal::None),
            cost("idleRss", "MB", Goal::None),
            cost("restartToFirstAck", "ms", Goal::None),
            cost("restartCpu", "s", Goal::None),
        ],
        ..PRODUCE
    },
    Scenario {
        name: "kill -9 under load and restart with 1 GiB in 6,000 partitions",
        owner: Owner::Bench,
        partitions: None,
        measured: "restart -p 6000 --idle 0s --patience 300s",
        bars: &[cost("restartToFirstAck", "ms", Goal::Ratio(20.0)), cost("restartCpu", "s", Goal::None)],
        ..PRODUCE
    },
];
