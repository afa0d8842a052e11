//! Settings of the client, by Kafka's names: from `--command-config FILE`, then `-X NAME=VALUE`, which wins.
//!
//! Only names that do something are taken. A name that is not known is refused with the list of those that are: a
//! setting that is silently ignored is worse than none.

use crate::args::Global;
use crate::exit::Failure;
use crate::units::{parse_duration, parse_size};
use anyhow::Result;
use ottla_client::{
    Acks, Assignor, ClientConfig, Codec, ConsumerConfig, GroupConfig, Isolation, OffsetReset, ProducerConfig,
};
use ottla_env::disk::{Disk, OsDisk};
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

/// Settings files larger than this are not settings files.
const MAX_FILE: u64 = 1 << 20;

#[derive(Debug, Clone)]
pub struct ClientSettings {
    pub client: ClientConfig,
    pub producer: ProducerConfig,
    pub consumer: ConsumerConfig,
    /// Without an id: that is an option of the command.
    pub group: GroupConfig,
    /// How often, when commits are automatic.
    commit_interval: Duration,
    /// Whether idempotence was asked for, or is only the default.
    idempotence_is_wanted: bool,
}

impl Default for ClientSettings {
    fn default() -> Self {
        let group = GroupConfig::new(String::new());
        Self {
            client: ClientConfig::default(),
            producer: ProducerConfig::default(),
            consumer: ConsumerConfig::default(),
            commit_interval: group.auto_commit.unwrap_or(Duration::from_secs(5)),
            group,
            idempotence_is_wanted: false,
        }
    }
}

impl ClientSettings {
    /// As in Kafka: fewer acks than all switch idempotence off, unless it was asked for by name.
    pub fn set_acks(&mut self, acks: Acks) {
        self.producer.acks = acks;
        if !self.idempotence_is_wanted {
            self.producer.idempotence = acks == Acks::All;
        }
    }
}

type Apply = fn(&mut ClientSettings, &str) -> Result<(), String>;

/// Each name with what it does; sorted, for the message that lists them.
const NAMES: &[(&str, Apply)] = &[
    ("acks", |s, v| {
        s.set_acks(acks(v)?);
        Ok(())
    }),
    ("allow.auto.create.topics", |s, v| set(&mut s.group.creates_topics, boolean(v))),
    ("auto.commit.interval.ms", |s, v| {
        s.commit_interval = ms(v)?;
        s.group.auto_commit = s.group.auto_commit.map(|_| s.commit_interval);
        Ok(())
    }),
    ("auto.offset.reset", |s, v| set(&mut s.consumer.offset_reset, offset_reset(v))),
    ("batch.size", |s, v| set(&mut s.producer.batch_size, bytes(v))),
    ("bootstrap.servers", |s, v| {
        s.client.bootstrap = v.split(',').map(|address| address.trim().to_owned()).collect();
        Ok(())
    }),
    ("buffer.memory", |s, v| set(&mut s.producer.buffer_memory, bytes(v))),
    ("check.crcs", |s, v| set(&mut s.consumer.check_crcs, boolean(v))),
    ("client.id", |s, v| set(&mut s.client.client_id, Ok(v.to_owned()))),
    ("compression.type", |s, v| set(&mut s.producer.codec, codec(v))),
    ("default.api.timeout.ms", |s, v| set(&mut s.client.call_timeout, ms(v))),
    ("delivery.timeout.ms", |s, v| set(&mut s.producer.delivery_timeout, ms(v))),
    ("enable.auto.commit", |s, v| {
        s.group.auto_commit = boolean(v)?.then_some(s.commit_interval);
        Ok(())
    }),
    ("enable.idempotence", |s, v| {
        s.producer.idempotence = boolean(v)?;
        s.idempotence_is_wanted = s.producer.idempotence;
        Ok(())
    }),
    ("fetch.max.bytes", |s, v| set(&mut s.consumer.fetch_max_bytes, bytes(v))),
    ("fetch.max.wait.ms", |s, v| set(&mut s.consumer.fetch_max_wait, ms(v))),
    ("fetch.min.bytes", |s, v| set(&mut s.consumer.fetch_min_bytes, bytes(v))),
    ("group.instance.id", |s, v| set(&mut s.group.instance_id, Ok(Some(v.to_owned())))),
    ("heartbeat.interval.ms", |s, v| set(&mut s.group.heartbeat_interval, ms(v))),
    ("isolation.level", |s, v| set(&mut s.consumer.isolation, isolation(v))),
    ("linger.ms", |s, v| set(&mut s.producer.linger, ms(v))),
    ("max.block.ms", |s, v| set(&mut s.producer.max_block, ms(v))),
    ("max.in.flight.requests.per.connection", |s, v| set(&mut s.producer.max_in_flight, number(v))),
    ("max.partition.fetch.bytes", |s, v| set(&mut s.consumer.partition_max_bytes, bytes(v))),
    ("max.poll.interval.ms", |s, v| set(&mut s.group.max_poll_interval, ms(v))),
    ("max.request.size", |s, v| set(&mut s.producer.max_request_size, bytes(v))),
    ("metadata.max.age.ms", |s, v| set(&mut s.client.metadata_max_age, ms(v))),
    ("partition.assignment.strategy", |s, v| set(&mut s.group.assignors, assignors(v))),
    ("request.timeout.ms", |s, v| {
        s.client.request_timeout = ms(v)?;
        s.producer.request_timeout = s.client.request_timeout;
        Ok(())
    }),
    ("security.protocol", |_, v| match v {
        "PLAINTEXT" => Ok(()),
        _ => Err("only PLAINTEXT is there yet".to_owned()),
    }),
    ("session.timeout.ms", |s, v| set(&mut s.group.session_timeout, ms(v))),
];

/// The settings of one run of a command.
pub fn load(global: &Global) -> Result<ClientSettings> {
    let mut settings = ClientSettings::default();
    settings.client.client_id = "ottla-cli".to_owned();
    let timeout = global.timeout;
    settings.client.connect_timeout = timeout;
    settings.client.request_timeout = timeout.max(Duration::from_secs(5));
    settings.client.call_timeout = timeout;
    settings.producer.max_block = timeout;
    // Records that were taken are worth more patience than a first contact.
    settings.producer.delivery_timeout = timeout.max(Duration::from_secs(30));
    settings.consumer.failing_max = timeout.max(Duration::from_secs(30));
    if let Some(path) = &global.command_config {
        for (number, line) in lines(path)?.iter().enumerate() {
            let place = || format!("{}, line {}", path.display(), number + 1);
            let line = line.trim();
            if line.is_empty() || line.starts_with(['#', '!']) {
                continue;
            }
            let (name, value) = line
                .split_once('=')
                .ok_or_else(|| Failure::usage(format!("{}: a setting is NAME=VALUE", place())))?;
            apply(&mut settings, name.trim(), value.trim(), &place())?;
        }
    }
    for setting in &global.settings {
        let place = format!("-X {setting}");
        let (name, value) = setting
            .split_once('=')
            .ok_or_else(|| Failure::usage(format!("{place}: a setting is NAME=VALUE")))?;
        apply(&mut settings, name.trim(), value.trim(), &place)?;
    }
    // `-b` and its environment variable win.
    if !global.bootstrap_server.is_empty() {
        settings.client.bootstrap.clone_from(&global.bootstrap_server);
    }
    Ok(settings)
}

fn lines(path: &Path) -> Result<Vec<String>> {
    let bytes = OsDisk
        .read(path, MAX_FILE)
        .map_err(|error| Failure::usage(format!("cannot read {}: {error}", path.display())))?;
    let text = String::from_utf8(bytes)
        .map_err(|_| Failure::usage(format!("{} is not a text file", path.display())))?;
    Ok(text.lines().map(str::to_owned).collect())
}

fn apply(settings: &mut ClientSettings, name: &str, value: &str, place: &str) -> Result<()> {
    let Some((_, apply)) = NAMES.iter().find(|(known, _)| *known == name) else {
        let known: Vec<&str> = NAMES.iter().map(|(known, _)| *known).collect();
        let problem = format!("{place}: the client has no setting `{name}`; it has {}", known.join(", "));
        return Err(Failure::usage(problem).into());
    };
    apply(settings, value).map_err(|problem| Failure::usage(format!("{place}: {problem}")).into())
}

fn set<T>(place: &mut T, value: Result<T, String>) -> Result<(), String> {
    *place = value?;
    Ok(())
}

fn number<T: FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("`{text}` is not a number that fits"))
}

/// A bare number is milliseconds, as the names say; `5s` is easier to read.
fn ms(text: &str) -> Result<Duration, String> {
    number(text).map(Duration::from_millis).or_else(|_| parse_duration(text))
}

fn bytes<T: TryFrom<u64>>(text: &str) -> Result<T, String> {
    T::try_from(parse_size(text)?).map_err(|_| "is too large".to_owned())
}

fn boolean(text: &str) -> Result<bool, String> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(format!("`{text}` is neither true nor false")),
    }
}

pub fn acks(text: &str) -> Result<Acks, String> {
    match text {
        "all" | "-1" => Ok(Acks::All),
        "1" => Ok(Acks::Leader),
        "0" => Ok(Acks::None),
        _ => Err(format!("`{text}` is none of all, 1, 0")),
    }
}

pub fn codec(text: &str) -> Result<Codec, String> {
    Codec::from_name(text).ok_or_else(|| format!("`{text}` is none of none, gzip, snappy, lz4, zstd"))
}

pub fn isolation(text: &str) -> Result<Isolation, String> {
    match text {
        "read_uncommitted" => Ok(Isolation::ReadUncommitted),
        "read_committed" => Ok(Isolation::ReadCommitted),
        _ => Err(format!("`{text}` is neither read_uncommitted nor read_committed")),
    }
}

/// By their own names, or by the classes that Java calls them.
fn assignors(text: &str) -> Result<Vec<Assignor>, String> {
    let one = |name: &str| {
        let class = name.trim().strip_prefix("org.apache.kafka.clients.consumer.");
        let class = class.and_then(|class| class.strip_suffix("Assignor"));
        let found = Assignor::ALL.into_iter().find(|assignor| {
            let plain = assignor.name().replace('-', "");
            assignor.name() == name.trim() || class.is_some_and(|class| plain.eq_ignore_ascii_case(class))
        });
        found.ok_or_else(|| format!("`{name}` is none of range, roundrobin, sticky, cooperative-sticky"))
    };
    text.split(',').map(one).collect()
}

fn offset_reset(text: &str) -> Result<OffsetReset, String> {
    match text {
        "earliest" => Ok(OffsetReset::Earliest),
        "latest" => Ok(OffsetReset::Latest),
        "none" => Ok(OffsetReset::Fail),
        _ => Err(format!("`{text}` is none of earliest, latest, none")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::{Exit, code_of};

    fn with(settings: &[&str]) -> Result<ClientSettings> {
        let mut global = Global::for_test();
        global.settings = settings.iter().map(ToString::to_string).collect();
        load(&global)
    }

    #[test]
    fn settings_are_taken_by_their_names_and_the_last_one_wins() {
        let settings = with(&["linger.ms=0", "acks=1", "acks=all", "compression.type = zstd"]).unwrap();
        assert_eq!(settings.producer.linger, Duration::ZERO);
        assert_eq!(with(&["linger.ms=5s", "batch.size=1MiB"]).unwrap().producer.batch_size, 1 << 20);
        assert_eq!((settings.producer.acks, settings.producer.codec), (Acks::All, Codec::Zstd));
        assert!(NAMES.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }

    #[test]
    fn brokers_of_an_option_win_over_those_of_a_setting() {
        let with = |option: &[&str], setting: &str| {
            let mut global = Global::for_test();
            global.bootstrap_server = option.iter().map(ToString::to_string).collect();
            global.settings = vec![setting.to_owned()];
            load(&global).unwrap().client.bootstrap
        };
        assert_eq!(with(&[], "acks=1"), ["localhost:9092"]);
        assert_eq!(with(&[], "bootstrap.servers=a:1, b:2"), ["a:1", "b:2"]);
        assert_eq!(with(&["localhost:9092"], "bootstrap.servers=a:1"), ["localhost:9092"]);
    }

    #[test]
    fn groups_are_set_by_the_names_of_the_java_client() {
        let java = "partition.assignment.strategy=org.apache.kafka.clients.consumer.CooperativeStickyAssignor,\
                    org.apache.kafka.clients.consumer.RangeAssignor";
        let settings = with(&[java, "session.timeout.ms=10s", "auto.commit.interval.ms=1000"]).unwrap();
        assert_eq!(settings.group.assignors, [Assignor::CooperativeSticky, Assignor::Range]);
        assert_eq!(settings.group.session_timeout, Duration::from_secs(10));
        assert_eq!(settings.group.auto_commit, Some(Duration::from_secs(1)));
        let off = with(&["enable.auto.commit=false", "auto.commit.interval.ms=1000"]).unwrap();
        assert_eq!(off.group.auto_commit, None);
        let on =
            with(&["enable.auto.commit=false", "auto.commit.interval.ms=1000", "enable.auto.commit=true"]);
        assert_eq!(on.unwrap().group.auto_commit, Some(Duration::from_secs(1)));
        assert!(with(&["partition.assignment.strategy=fair"]).is_err());
    }

    #[test]
    fn unknown_names_and_bad_values_are_usage_errors() {
        for bad in ["linger=1", "linger.ms", "linger.ms=soon", "security.protocol=SSL", "acks=2"] {
            assert_eq!(code_of(&with(&[bad]).unwrap_err()), Exit::Usage, "{bad}");
        }
    }
}
