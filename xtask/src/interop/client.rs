//! The clients of the run: what each can write, how it is started as a writer and as a reader, and what it cannot do.

use super::child;
use super::lines::{self, Dialect, KCAT_FORMAT, NULL};
use super::records::{Record, Shape};
use crate::clients::{Clients, java_command};
use anyhow::{Context, Result, bail};
use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::Command;

pub const CODECS: &[&str] = &["none", "gzip", "snappy", "lz4", "zstd"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Client {
    Kcat,
    Java,
    Console,
    KafkaGo,
    Confluent,
    Rdkafka,
    FranzGo,
    Sarama,
    KafkaPython,
    Aiokafka,
    Kafkajs,
    Platformatic,
}

/// What no test can ask of a client, and why. Printed with every report.
pub const IMPOSSIBLE: &[(Client, &str)] = &[
    (Client::Kcat, "writes empty keys and values as null (-Z), so its topics have none that are empty"),
    (Client::Kcat, "takes one list of headers for a run, so each of its topics is written in four runs"),
    (Client::Kcat, "writes no line break inside a record, so its records are text"),
    (Client::Kcat, "prints a header's value up to its first zero byte, and is compared that way"),
    (Client::Kcat, "prints a null header as the text NULL; readers of the other clients tell them apart"),
    (Client::Kcat, "makes no admin call, so its topics come by auto-creation"),
    (Client::Console, "reads and prints lines, so its records are text and null is the word NULL"),
    (Client::Console, "makes no admin call, so its topics come by auto-creation"),
    (Client::KafkaGo, "reads an empty key, value or header value as null, and is compared that way"),
    (Client::KafkaPython, "writes no null header, and no record whose key and value are both null"),
    (Client::Aiokafka, "writes no record whose key and value are both null"),
    (Client::Kafkajs, "writes no null header"),
    (Client::Kafkajs, "has no codec of its own but gzip, snappy by a plug-in, no lz4 and no zstd"),
    (Client::Kafkajs, "reads in groups only"),
    (Client::Platformatic, "has zstd only where Node has it, which is after 20"),
    (Client::Platformatic, "reads in groups only"),
];

/// Cells that fail between two clients, whatever the broker: reader, writer, codec, and why. Seen the same on Apache
/// Kafka 4.4.0.
pub const UNREADABLE: &[(Client, Client, &str, &str)] = &[(
    Client::KafkaGo,
    Client::Aiokafka,
    "lz4",
    "its reader tries the batch again and again, without an error",
)];

impl Client {
    pub const ALL: &'static [Self] = &[
        Self::Kcat,
        Self::Java,
        Self::Console,
        Self::KafkaGo,
        Self::Confluent,
        Self::Rdkafka,
        Self::FranzGo,
        Self::Sarama,
        Self::KafkaPython,
        Self::Aiokafka,
        Self::Kafkajs,
        Self::Platformatic,
    ];

    pub fn parse(name: &str) -> Result<Self> {
        let found = Self::ALL.iter().copied().find(|client| client.name() == name);
        found.with_context(|| format!("`{name}` is none of the clients"))
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Kcat => "kcat",
            Self::Java => "java",
            Self::Console => "console",
            Self::KafkaGo => "kafka-go",
            Self::Confluent => "confluent-kafka",
            Self::Rdkafka => "rdkafka",
            Self::FranzGo => "franz-go",
            Self::Sarama => "sarama",
            Self::KafkaPython => "kafka-python",
            Self::Aiokafka => "aiokafka",
            Self::Kafkajs => "kafkajs",
            Self::Platformatic => "platformatic",
        }
    }

    /// Which codecs it writes.
    pub fn codecs(self) -> &'static [&'static str] {
        match self {
            Self::Kafkajs => &["none", "gzip", "snappy"],
            Self::Platformatic => &["none", "gzip", "snappy", "lz4"],
            _ => CODECS,
        }
    }

    /// Those that read a partition without a group.
    pub fn readers() -> impl Iterator<Item = Self> {
        Self::ALL.iter().copied().filter(|client| !matches!(client, Self::Kafkajs | Self::Platformatic))
    }

    /// Those that can read what a writer makes of a codec.
    pub fn readers_of(writer: Self, codec: &str) -> impl Iterator<Item = Self> + '_ {
        Self::readers().filter(move |reader| {
            !UNREADABLE.iter().any(|(by, of, with, _)| (by, of, *with) == (reader, &writer, codec))
        })
    }

    /// What it can be told to write.
    pub fn shape(self) -> Shape {
        match self {
            Self::Kcat => Shape::TextInBlocks,
            Self::Console => Shape::Text,
            Self::Aiokafka => Shape::BytesKeyOrValue,
            Self::KafkaPython | Self::Kafkajs => Shape::BytesNoNullHeader,
            _ => Shape::Bytes,
        }
    }

    /// How it prints what it reads.
    pub fn dialect(self) -> Dialect {
        match self {
            Self::Kcat => Dialect::Kcat,
            Self::Console => Dialect::Console,
            Self::KafkaGo => Dialect::HexEmptyIsNull,
            _ => Dialect::Hex,
        }
    }

    /// Writes all records to a topic that does not exist yet.
    pub fn write(self, run: &Run<'_>, topic: &str, codec: &str, records: &[Record]) -> Result<()> {
        match self {
            Self::Kcat => write_by_kcat(run, topic, codec, records),
            Self::Console => {
                child::run(run.console_producer(topic, codec), lines::input(Dialect::Console, records))
                    .map(drop)
            }
            _ => {
                let input = lines::input(Dialect::Hex, records);
                let said = child::run(run.program(self, ["write", run.bootstrap, topic, codec])?, input)?;
                let wanted = format!("written {}", records.len());
                if said.trim_ascii() != wanted.as_bytes() {
                    bail!("said `{}`, not `{wanted}`", String::from_utf8_lossy(said.trim_ascii()));
                }
                Ok(())
            }
        }
    }

    /// Reads a topic from its beginning without a group and returns what was printed.
    pub fn read(self, run: &Run<'_>, topic: &str, count: usize) -> Result<Vec<u8>> {
        let count = count.to_string();
        let command = match self {
            Self::Kcat => {
                let mut command = Command::new("kcat");
                command.args(["-b", run.bootstrap, "-C", "-t", topic, "-p", "0", "-o", "beginning", "-e"]);
                command.args(["-q", "-Z", "-f", KCAT_FORMAT]);
                command
            }
            Self::Console => run.console_consumer(topic, &count),
            _ => run.program(self, ["read", run.bootstrap, topic, &count])?,
        };
        child::run(command, Vec::new())
    }
}

/// Where a run finds its programs, its broker and a place for files.
#[derive(Debug)]
pub struct Run<'a> {
    pub clients: &'a Clients,
    pub bootstrap: &'a str,
    pub folder: &'a Path,
}

impl Run<'_> {
    /// One of our programs in the client's language.
    pub fn program<'s>(&self, client: Client, args: impl IntoIterator<Item = &'s str>) -> Result<Command> {
        let mut command = match client {
            Client::Java => java_command(&self.clients.java, "Interop"),
            Client::Rdkafka => Command::new(&self.clients.rdkafka),
            Client::KafkaGo | Client::FranzGo | Client::Sarama => self.clients.go(client.name()),
            Client::Confluent | Client::KafkaPython | Client::Aiokafka => self.clients.python(client.name()),
            Client::Kafkajs | Client::Platformatic => self.clients.node(client.name()),
            Client::Kcat | Client::Console => bail!("{} is a tool, not a program of ours", client.name()),
        };
        command.args(args);
        Ok(command)
    }

    pub fn kafka_go<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Command {
        let mut command = self.clients.go(Client::KafkaGo.name());
        command.args(args);
        command
    }

    /// kcat as a member of a group: it prints `PARTITION OFFSET VALUE` and commits by itself.
    pub fn kcat_member(&self, group: &str, topic: &str) -> Command {
        let mut command = Command::new("kcat");
        command.args(["-b", self.bootstrap, "-q", "-u", "-f", "%p %o %s\\n"]);
        for setting in [
            "auto.offset.reset=earliest",
            "auto.commit.interval.ms=100",
            "session.timeout.ms=6000",
            "heartbeat.interval.ms=500",
            "fetch.wait.max.ms=100",
            "topic.metadata.refresh.interval.ms=1000",
        ] {
            command.args(["-X", setting]);
        }
        command.args(["-G", group, topic]);
        command
    }

    fn console_producer(&self, topic: &str, codec: &str) -> Command {
        let mut command = java_command(&self.clients.console, "org.apache.kafka.tools.ConsoleProducer");
        command.args(["--bootstrap-server", self.bootstrap, "--topic", topic, "--compression-codec", codec]);
        command.args(["--batch-size", "65536", "--timeout", "5"]);
        let null = format!("null.marker={NULL}");
        for property in ["parse.key=true", "parse.headers=true", &null] {
            command.args(["--reader-property", property]);
        }
        command
    }

    fn console_consumer(&self, topic: &str, count: &str) -> Command {
        let mut command =
            java_command(&self.clients.console, "org.apache.kafka.tools.consumer.ConsoleConsumer");
        command.args(["--bootstrap-server", self.bootstrap, "--topic", topic, "--partition", "0"]);
        command.args(["--offset", "earliest", "--max-messages", count, "--timeout-ms", "30000"]);
        let null = format!("null.literal={NULL}");
        for property in ["print.offset=true", "print.key=true", "print.headers=true", &null] {
            command.args(["--formatter-property", property]);
        }
        command
    }
}

fn write_by_kcat(run: &Run<'_>, topic: &str, codec: &str, records: &[Record]) -> Result<()> {
    let file = run.folder.join(format!("{topic}.lines"));
    for (headers, records) in lines::kcat_blocks(records) {
        fs::write(&file, lines::input(Dialect::Kcat, records)).context("write the lines for kcat")?;
        let mut command = Command::new("kcat");
        command.args(["-b", run.bootstrap, "-P", "-t", topic, "-K:", "-Z", "-z", codec]);
        command.args(["-X", "enable.idempotence=true", "-X", "linger.ms=5"]);
        command.args(headers).arg("-l").arg(&file);
        child::run(command, Vec::new())?;
    }
    fs::remove_file(&file).context("remove the lines for kcat")
}
