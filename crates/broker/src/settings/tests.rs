//! Sources, precedence, refusals, and what Kafka's own clients and files would find.

use super::*;
use ottla_log::Durability;
use ottla_state::rate::Window;
use ottla_wire::{ErrorCode, WireStr};
use std::path::Path;

/// What stands in the file that Apache Kafka 4 ships.
const STOCK: &str = "# A comment\nprocess.roles=broker,controller\nnode.id=1\n\
    controller.quorum.bootstrap.servers=localhost:9093\nlisteners=PLAINTEXT://:9092,CONTROLLER://:9093\n\
    inter.broker.listener.name=PLAINTEXT\n\
    advertised.listeners=PLAINTEXT://localhost:9092,CONTROLLER://localhost:9093\n\
    controller.listener.names=CONTROLLER\n\
    listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL,\
    SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL\n\
    num.network.threads=3\nnum.io.threads=8\nsocket.send.buffer.bytes=102400\n\
    socket.receive.buffer.bytes=102400\nsocket.request.max.bytes=104857600\nlog.dirs=/tmp/kraft-combined-logs\n\
    num.partitions=1\nnum.recovery.threads.per.data.dir=1\noffsets.topic.replication.factor=1\n\
    share.coordinator.state.topic.replication.factor=1\nshare.coordinator.state.topic.min.isr=1\n\
    transaction.state.log.replication.factor=1\ntransaction.state.log.min.isr=1\n\
    log.retention.hours=168\nlog.segment.bytes=1073741824\nlog.retention.check.interval.ms=300000\n";

fn pairs(items: &[(&str, &str)]) -> Vec<(String, String)> {
    items.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn properties(text: &str) -> Input {
    Input { file: Some("server.properties".into()), file_text: Some(text.to_owned()), ..Input::default() }
}

fn flags(items: &[(&str, &str)]) -> Input {
    Input { flags: pairs(items), ..Input::default() }
}

fn good(input: &Input) -> Settings {
    load(input).unwrap_or_else(|error| panic!("{error}"))
}

fn problems(input: &Input) -> Vec<String> {
    load(input).expect_err("the settings are bad").problems
}

fn overrides(items: &[(&str, &str)]) -> Configs {
    pairs(items).into_iter().collect()
}

fn check(settings: &Settings, items: &[(&str, Option<&str>)]) -> Result<Configs, (ErrorCode, String)> {
    let items: Vec<_> = items.iter().map(|(n, v)| (WireStr::from(*n), v.map(WireStr::from))).collect();
    settings.check_topic(&items).map_err(|refusal| (refusal.code, refusal.message))
}

#[test]
fn without_any_source_the_broker_is_on_loopback_and_durable() {
    let settings = good(&Input::default());
    let broker = settings.broker();
    assert!(settings.warnings().is_empty());
    let listeners: Vec<_> =
        broker.listeners.iter().map(|l| (l.name.as_str(), l.host.as_str(), l.port)).collect();
    assert_eq!(listeners, [("PLAINTEXT", "localhost", 9092), ("PLAINTEXT_9093", "localhost", 9093)]);
    assert!(broker.listeners.iter().all(ListenerConfig::is_loopback));
    assert!(!broker.listeners_explicit && !broker.http_listen_explicit && broker.advertised.is_empty());
    assert_eq!(broker.http_listen.to_string(), "127.0.0.1:9644");
    assert_eq!(broker.data_dir, PathBuf::from("./ottla-data"));
    assert_eq!((broker.node_id, broker.cluster_id.as_deref()), (None, None));
    assert_eq!((broker.default_partitions, broker.default_replication_factor), (1, 1));
    assert_eq!((broker.max_frame_bytes, broker.max_queued_bytes), (104_857_600, 256 << 20));
    assert!(broker.auto_create_topics && broker.delete_topics && !broker.allow_insecure_listeners);
    let topic = settings.topic(&Configs::new());
    assert_eq!(topic.log, ottla_log::LogConfig::default());
    assert_eq!(topic.max_message_bytes, 1_048_588);
    assert_eq!((topic.timestamp_before_max_ms, topic.timestamp_after_max_ms), (i64::MAX, 3_600_000));
    assert!(!topic.log.compact && !topic.strict_records && !topic.log_append_time);
}

#[test]
fn a_flag_wins_over_the_environment_and_that_over_the_file() {
    let input = Input {
        flags: pairs(&[("num.partitions", "2"), ("num.partitions", "3")]),
        environment: pairs(&[
            ("KAFKA_NUM_PARTITIONS", "4"),
            ("KAFKA_MESSAGE_MAX_BYTES", "5000"),
            ("CLUSTER_ID", "abc"),
            ("PATH", "/bin"),
        ]),
        ..properties("num.partitions=5\nmessage.max.bytes=6000\nfetch.max.bytes=1\nfetch.max.bytes=7000\n")
    };
    let settings = good_but_for(&input, "fetch.max.bytes");
    let origin = |name: &str| {
        let (_, value, origin) = settings.entries().find(|e| e.0.name == name).expect("it is in the table");
        (value.unwrap_or_default(), origin.to_string())
    };
    let expect = |value: &str, origin: &str| (value.to_owned(), origin.to_owned());
    assert_eq!(origin("num.partitions"), expect("3", "command line"));
    assert_eq!(origin("message.max.bytes"), expect("5000", "environment KAFKA_MESSAGE_MAX_BYTES"));
    assert_eq!(origin("fetch.max.bytes"), expect("7000", "server.properties:4"));
    assert_eq!(origin("log.segment.bytes"), expect("1073741824", "default"));
    assert_eq!(settings.broker().cluster_id.as_deref(), Some("abc"));
    assert_eq!(settings.broker().default_partitions, 3);
}

/// A bad value is an error even where a better one follows: the input without the bad line is good.
fn good_but_for(input: &Input, name: &str) -> Settings {
    let problems = problems(input);
    assert_eq!(problems.len(), 1);
    assert!(problems[0].contains(name), "{problems:?}");
    let text = input.file_text.as_deref().unwrap_or_default().replace("fetch.max.bytes=1\n", "\n");
    good(&Input { file_text: Some(text), ..input.clone() })
}

#[test]
fn the_stock_file_starts_unchanged_and_stays_on_loopback() {
    let settings = good(&properties(STOCK));
    let broker = settings.broker();
    let expected = [ListenerConfig { name: "PLAINTEXT".into(), host: "localhost".into(), port: 9092 }];
    assert_eq!(broker.listeners, expected);
    assert_eq!(broker.advertised, expected);
    assert_eq!(broker.node_id, Some(1));
    assert_eq!(broker.data_dir, PathBuf::from("/tmp/kraft-combined-logs"));
    assert_eq!(settings.warnings().len(), 1, "{:?}", settings.warnings());
    assert!(settings.warnings()[0].contains("bound to loopback"));
    let opened = good(&properties(&format!("{STOCK}allow.insecure.listeners=true\n")));
    assert_eq!(opened.broker().listeners[0].host, "");
    assert!(opened.warnings().is_empty());
}

#[test]
fn names_without_effect_and_unknown_ones_are_a_line_each() {
    let input = Input {
        environment: pairs(&[("KAFKA_HEAP_OPTS", "-Xmx1g"), ("KAFKA_OPTS", ""), ("KAFKA_SERVICE_HOST", "x")]),
        ..properties(
            "retention.ms=1\nzookeeper.connect=z\ngroup.share.session.timeout.ms=50000\n\
             transaction.max.timeout.ms=5\nlog.cleanup.policy=compact\nlog.retention.hours=168\nrsm.config.x=1\n\
             listener.name.internal.max.connections=5\nproducer.id.expiration.check.interval.ms=1\n",
        )
    };
    let settings = good(&input);
    let warnings = settings.warnings();
    assert_eq!(warnings.len(), 3, "{warnings:?}");
    assert_eq!(
        warnings[0],
        "unknown settings, ignored: retention.ms (server.properties:1; a setting of topics, whose default is \
         log.retention.ms), zookeeper.connect (server.properties:2; gone since Kafka 4.0), \
         producer.id.expiration.check.interval.ms (server.properties:9; internal to Apache Kafka), \
         service.host (environment KAFKA_SERVICE_HOST)"
    );
    assert_eq!(
        warnings[1],
        "no effect yet: listener.name.internal.max.connections, group.share.session.timeout.ms, \
         transaction.max.timeout.ms"
    );
    assert_eq!(warnings[2], "accepted, no effect (there is no Java machine): KAFKA_HEAP_OPTS, KAFKA_OPTS");
}

#[test]
fn what_was_written_for_ottla_has_no_unknown_names() {
    let toml = Input {
        file: Some("ottla.toml".into()),
        file_text: Some("[log]\nretenton.ms = 5\n[num]\npartitions = \"x\"\n".into()),
        ..flags(&[("auto.create.topic.enable", "true")])
    };
    assert_eq!(
        problems(&toml),
        [
            "ottla.toml:2: unknown setting log.retenton.ms; did you mean log.retention.ms?",
            "ottla.toml:4: Invalid value x for configuration num.partitions: Not a number of type INT",
            "command line: unknown setting auto.create.topic.enable; did you mean auto.create.topics.enable?",
        ]
    );
}

#[test]
fn security_that_is_not_there_refuses_the_start() {
    for (name, value) in [
        ("ssl.keystore.location", "/k.jks"),
        ("ssl.key.password", "hunter2"),
        ("sasl.enabled.mechanisms", "PLAIN"),
        ("authorizer.class.name", "org.apache.kafka.metadata.authorizer.StandardAuthorizer"),
        ("create.topic.policy.class.name", "x.Y"),
        ("super.users", "User:a"),
        ("allow.everyone.if.no.acl.found", "true"),
        ("security.inter.broker.protocol", "SASL_SSL"),
        ("listener.name.sasl_ssl.plain.sasl.jaas.config", "hunter2"),
        ("config.providers", "file"),
    ] {
        for input in [properties(&format!("{name}={value}")), flags(&[(name, value)])] {
            let problems = problems(&input);
            assert_eq!(problems.len(), 1, "{name}");
            assert!(problems[0].contains(name) && problems[0].contains("security"), "{problems:?}");
            assert!(!problems[0].contains("hunter2"), "a secret is never printed");
        }
    }
    good(&flags(&[("ssl.client.auth", "none"), ("ssl.keystore.location", ""), ("sasl.jaas.config", "")]));
}

#[test]
fn listeners_are_checked_before_anything_is_opened() {
    for (items, part) in [
        (&[("listeners", "PLAINTEXT://0.0.0.0:9092")][..], "--insecure-listen"),
        (&[("listeners", "PLAINTEXT://example.com:9092")], "--insecure-listen"),
        (&[("listeners", "SSL://localhost:9093")], "only PLAINTEXT is there yet"),
        (&[("listeners", "INTERNAL://localhost:9093")], "no security protocol is set for INTERNAL"),
        (&[("listeners", "PLAINTEXT://localhost")], "is not NAME://HOST:PORT"),
        (&[("listeners", "")], "no listener for clients"),
        (&[("listeners", "PLAINTEXT://localhost:1,PLAINTEXT://localhost:2")], "used twice"),
        (&[("advertised.listeners", "OTHER://localhost:1")], "OTHER is no listener"),
        (&[("advertised.listeners", "PLAINTEXT://0.0.0.0:1")], "no address that a client can reach"),
        (&[("listener.security.protocol.map", "A:B")], "A:B is not NAME:PROTOCOL"),
        (&[("http.listen", "0.0.0.0:9644")], "--insecure-listen"),
        (&[("http.listen", "nine")], "is not ADDRESS:PORT"),
    ] {
        let problems = problems(&flags(items));
        assert!(problems.iter().any(|problem| problem.contains(part)), "{items:?} {problems:?}");
    }
    let settings = good(&flags(&[
        ("listeners", "INSIDE://127.0.0.1:1,OUTSIDE://[::]:2,CTRL://:3"),
        ("listener.security.protocol.map", "INSIDE:PLAINTEXT,OUTSIDE:plaintext"),
        ("controller.listener.names", "CTRL"),
        ("advertised.listeners", "OUTSIDE://broker.example:2"),
        ("allow.insecure.listeners", "true"),
    ]));
    let names: Vec<_> =
        settings.broker().listeners.iter().map(|l| (l.name.as_str(), l.host.as_str())).collect();
    assert_eq!(names, [("INSIDE", "127.0.0.1"), ("OUTSIDE", "::")]);
    assert!(settings.broker().listeners_explicit);
}

#[test]
fn settings_that_contradict_each_other_are_named() {
    for (items, part) in [
        (&[("node.id", "1"), ("broker.id", "2")][..], "they mean the same"),
        (&[("process.roles", "controller")], "lacks broker"),
        (&[("process.roles", "broker")], "another controller"),
        (&[("controller.quorum.voters", "1@a:1,2@b:2")], "names 2 nodes"),
        (&[("log.dirs", "/a,/b")], "choose one"),
        (&[("log.retention.hours", "0")], "at least 1"),
        (&[("queued.max.request.bytes", "5")], "socket.request.max.bytes"),
        (&[("default.replication.factor", "0")], "between 1 and 32767"),
    ] {
        let problems = problems(&flags(items));
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].contains(part), "{problems:?}");
    }
    assert_eq!(good(&flags(&[("broker.id", "7")])).broker().node_id, Some(7));
    assert_eq!(good(&flags(&[("node.id", "0")])).broker().node_id, Some(0));
}

#[test]
fn a_topic_takes_its_own_value_then_the_first_one_the_broker_has() {
    let settings = good(&flags(&[
        ("log.retention.hours", "24"),
        ("log.roll.hours", "100"),
        ("log.flush.scheduler.interval.ms", "5000"),
        ("log.durability", "os"),
        ("record.validation", "strict"),
        ("log.message.timestamp.type", "LogAppendTime"),
        ("producer.id.expiration.ms", "77"),
    ]));
    let value =
        |name: &str, own: &[(&str, &str)]| settings.topic_value(name, &overrides(own)).unwrap().to_string();
    assert_eq!(value("retention.ms", &[]), "86400000");
    assert_eq!(value("retention.ms", &[("retention.ms", "5")]), "5");
    let topic = settings.topic(&overrides(&[("segment.bytes", "1048576"), ("durability", "fsync")]));
    assert_eq!((topic.log.segment_bytes, topic.log.segment_ms), (1_048_576, 360_000_000));
    assert_eq!((topic.log.durability, topic.log.flush_ms), (Durability::Fsync, 5000));
    assert_eq!(topic.log.producer_id_expiration_ms, 77);
    assert!(topic.strict_records && topic.log_append_time);
    assert_eq!(settings.topic(&Configs::new()).log.durability, Durability::Os);
    let forever = good(&flags(&[("log.retention.hours", "-1")]));
    assert_eq!(forever.topic_value("retention.ms", &Configs::new()), Some(Value::Number(-1)));
}

#[test]
fn topic_settings_are_checked_in_the_words_of_kafka() {
    let settings = good(&Input::default());
    for (items, message) in [
        (&[("nope", Some("1"))][..], "Unknown topic config name: nope"),
        (
            &[("retention.ms", Some("abc"))],
            "Invalid value abc for configuration retention.ms: Not a number of type LONG",
        ),
        (&[("retention.ms", None)], "Null value not supported for topic configs: retention.ms"),
        (
            &[("cleanup.policy", Some("shred"))],
            "Invalid value shred for configuration cleanup.policy: String must be one of: compact, delete",
        ),
        (
            &[("segment.bytes", Some("5"))],
            "Invalid value 5 for configuration segment.bytes: Value must be at least 1048576",
        ),
        (
            &[("min.cleanable.dirty.ratio", Some("3"))],
            "Invalid value 3.0 for configuration min.cleanable.dirty.ratio: Value must be no more than 1",
        ),
        (
            &[("min.compaction.lag.ms", Some("10")), ("max.compaction.lag.ms", Some("5"))],
            "conflict topic config setting min.compaction.lag.ms (10) > max.compaction.lag.ms (5)",
        ),
        (
            &[("compression.type", Some("Zstd"))],
            "Invalid value Zstd for configuration compression.type: String must be one of: uncompressed, zstd, \
             lz4, snappy, gzip, producer",
        ),
        (
            &[("remote.storage.enable", Some("true"))],
            "remote.storage.enable=true needs a feature that Ottla does not have yet",
        ),
        (&[("internal.segment.bytes", Some("5"))], "internal.segment.bytes is internal to Apache Kafka"),
    ] {
        assert_eq!(check(&settings, items), Err((ErrorCode::InvalidConfig, message.to_owned())));
    }
    let long = "1:1,".repeat(10_000);
    assert!(check(&settings, &[("leader.replication.throttled.replicas", Some(&long))]).is_err());
    let stored = check(
        &settings,
        &[
            ("retention.ms", Some("1")),
            ("retention.ms", Some(" 2 ")),
            ("cleanup.policy", Some("delete")),
            ("compression.type", Some("gzip")),
            ("min.cleanable.dirty.ratio", Some("0.50")),
            ("preallocate", Some("TRUE")),
            ("durability", Some("os")),
        ],
    );
    let expected = [
        ("retention.ms", "2"),
        ("cleanup.policy", "delete"),
        ("compression.type", "gzip"),
        ("min.cleanable.dirty.ratio", "0.5"),
        ("preallocate", "true"),
        ("durability", "os"),
    ];
    assert_eq!(stored, Ok(overrides(&expected)));
    assert!(settings.topic_notes(&overrides(&expected)).is_empty());
}

#[test]
fn a_topic_is_described_as_kafka_does() {
    let settings = good(&flags(&[("log.segment.bytes", "2097152"), ("log.retention.hours", "24")]));
    let all = settings.describe_topic(&overrides(&[("cleanup.policy", "delete"), ("retention.ms", "5")]));
    assert!(all.windows(2).all(|pair| pair[0].name < pair[1].name));
    assert_eq!(all.iter().filter(|described| !described.is_own).count(), 37);
    let find =
        |name: &str| all.iter().find(|described| described.name == name).expect("it is listed").clone();
    let synonym = |name, value: &str, source| (name, Some(value.to_owned()), source);
    let policy = find("cleanup.policy");
    assert_eq!(
        (policy.source, policy.config_type, policy.is_default, policy.read_only),
        (1, 7, false, false)
    );
    let expected = [synonym("cleanup.policy", "delete", 1), synonym("log.cleanup.policy", "delete", 5)];
    assert_eq!(policy.synonyms, expected);
    let segment = find("segment.bytes");
    assert_eq!((segment.value.as_deref(), segment.source), (Some("2097152"), 4));
    let expected =
        [synonym("log.segment.bytes", "2097152", 4), synonym("log.segment.bytes", "1073741824", 5)];
    assert_eq!(segment.synonyms, expected);
    assert_eq!(find("retention.ms").synonyms, [synonym("retention.ms", "5", 1)]);
    let replicas = find("min.insync.replicas");
    assert_eq!(replicas.source, 3);
    let expected = [synonym("min.insync.replicas", "1", 3), synonym("min.insync.replicas", "1", 5)];
    assert_eq!(replicas.synonyms, expected);
    let segment_ms = find("segment.ms");
    assert_eq!((segment_ms.source, segment_ms.synonyms.len()), (5, 0));
    assert_eq!(find("min.cleanable.dirty.ratio").value.as_deref(), Some("0.5"));
}

#[test]
fn a_broker_is_described_as_kafka_does() {
    let mut settings = good(&flags(&[("num.partitions", "4"), ("node.id", "1")]));
    settings.set_node_id(1);
    let all = settings.describe_broker();
    let of_kafka: Vec<_> = all.iter().filter(|described| !described.is_own).collect();
    assert_eq!(of_kafka.len(), 350);
    assert_eq!(of_kafka.iter().filter(|described| !described.read_only).count(), 104);
    let find = |name: &str| all.iter().find(|described| described.name == name).expect("it is listed");
    assert_eq!((find("num.partitions").source, find("num.partitions").synonyms.len()), (4, 2));
    assert_eq!((find("broker.id").value.as_deref(), find("node.id").source), (Some("1"), 4));
    assert_eq!((find("ssl.key.password").sensitive, find("ssl.key.password").config_type), (true, 9));
    assert_eq!(find("log.retention.ms").value, None);
    assert_eq!(find("remote.log.manager.copy.max.bytes.per.second").config_type, 5);
    let cluster = settings.describe_cluster_defaults();
    assert_eq!(cluster.len(), 1);
    assert_eq!((cluster[0].name, cluster[0].source, cluster[0].read_only), ("min.insync.replicas", 3, false));
}

/// A good value of a setting of the broker that is not its default.
fn another(setting: &Setting) -> String {
    let choices =
        |text: &str| text.trim_matches(['[', ']']).split(", ").map(str::to_owned).collect::<Vec<_>>();
    let default = setting.default.as_ref().map(ToString::to_string);
    let candidates = match (setting.name, setting.kind) {
        ("max.connections.per.ip.overrides", _) => vec!["127.0.0.1:7".to_owned()],
        (_, value::Kind::String | value::Kind::List) => choices(setting.valid_text),
        (_, value::Kind::Double) => vec!["0.25".to_owned()],
        _ => vec!["7".to_owned(), "1048577".to_owned()],
    };
    let good = |text: &String| setting.parse(text).is_ok() && Some(text) != default.as_ref();
    candidates.into_iter().find(good).unwrap_or_else(|| panic!("no other value of {}", setting.name))
}

#[test]
fn what_is_changed_while_the_broker_runs_changes_what_it_works_with() {
    // Levels count where their codec does.
    let with = |codec: &str| good(&flags(&[("compression.type", codec)]));
    let mut count = 0;
    for setting in table::of(Scope::Broker) {
        if (setting.effect, setting.mode) != (Effect::Real, Some(Mode::ClusterWide)) {
            continue;
        }
        count += 1;
        let before = match setting.name {
            "compression.gzip.level" => with("gzip"),
            "compression.zstd.level" => with("zstd"),
            _ => good(&Input::default()),
        };
        let text = another(setting);
        let defaults = Arc::new(overrides(&[(setting.name, &text)]));
        let after = before.with(Dynamic { defaults, ..Dynamic::default() });
        let none = Configs::new();
        assert!(
            before.broker().live != after.broker().live || before.topic(&none) != after.topic(&none),
            "{}={text} has no effect in a running broker",
            setting.name
        );
    }
    assert!(count > 25, "{count}");
}

/// Each name of the broker alone does to a topic what the topic's own name does.
#[test]
fn every_default_of_topics_is_taken_from_the_broker() {
    let mut count = 0;
    for topic in table::of(Scope::Topic).filter(|setting| setting.effect == Effect::Real) {
        // A level counts where its codec does.
        let codec = match topic.name {
            "compression.gzip.level" => "gzip",
            "compression.zstd.level" => "zstd",
            _ => "producer",
        };
        let codec = ("compression.type", codec);
        let names = table::synonyms(topic.name);
        assert!(!names.is_empty(), "{} has no default among the broker's settings", topic.name);
        for (name, factor) in names {
            count += 1;
            let setting = table::find(Scope::Broker, name).expect("a synonym is a setting");
            let text = another(setting);
            let own = match setting.parse(&text) {
                Ok(Value::Number(number)) => (number * factor).to_string(),
                _ => text.clone(),
            };
            let plain = good(&flags(&[codec]));
            let inherited = good(&flags(&[codec, (*name, text.as_str())])).topic(&Configs::new());
            assert_ne!(inherited, plain.topic(&Configs::new()), "{name}={text} does nothing");
            assert_eq!(inherited, plain.topic(&overrides(&[(topic.name, &own)])), "{name}={text}");
        }
    }
    assert!(count > 25, "{count}");
}

#[test]
fn what_a_broker_is_told_of_itself_is_what_it_works_with() {
    let settings = good(&flags(&[
        ("log.dir", "/somewhere"),
        ("log.level", "debug"),
        ("offsets.commit.timeout.ms", "77"),
        ("offsets.retention.minutes", "3"),
        ("controller.quota.window.num", "3"),
        ("controller.quota.window.size.seconds", "5"),
    ]));
    let broker = settings.broker();
    assert_eq!(
        (broker.data_dir.as_path(), broker.log_level.as_deref()),
        (Path::new("/somewhere"), Some("debug"))
    );
    assert_eq!(broker.groups.commit_timeout.as_millis(), 77);
    assert_eq!(broker.groups.machine.offsets_retention_ms, 180_000);
    assert_eq!(broker.controller_quota_window, Window { samples: 3, sample_ms: 5_000 });
    let both = good(&flags(&[("log.dir", "/somewhere"), ("log.dirs", "/elsewhere")]));
    assert_eq!(both.broker().data_dir, Path::new("/elsewhere"));
}
