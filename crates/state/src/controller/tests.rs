//! Tables of commands and what Kafka would answer, and random histories that are replayed from what was stored.

use super::*;
use crate::image::{Broker, Endpoint};
use proptest::prelude::*;
use std::sync::LazyLock;

/// Knows every name but one, and lists nothing.
struct Anything;

impl ConfigRules for Anything {
    fn new_topic(&self, _: &Image, configs: &[(WireStr, Option<WireStr>)]) -> Result<Configs, Refusal> {
        configs
            .iter()
            .map(|(name, value)| match value {
                Some(value) if name != "no.such.config" => Ok((name.to_string(), value.to_string())),
                _ => Err(Refusal::new(ErrorCode::InvalidConfig, name.to_string())),
            })
            .collect()
    }

    fn altered(
        &self,
        image: &Image,
        _: &ConfigResource,
        current: &Configs,
        alteration: &Alteration,
    ) -> Result<Configs, Refusal> {
        let given = |(name, value): &(WireStr, WireStr)| (name.clone(), Some(value.clone()));
        let mut next = Configs::new();
        let set: Vec<_> = match alteration {
            Alteration::Replace(configs) => configs.iter().map(given).collect(),
            Alteration::Incremental(actions) => {
                next = current.clone();
                let value = |action: &ConfigAction| match action {
                    ConfigAction::Set(value) => Some(value.clone()),
                    _ => Option::None,
                };
                next.retain(|name, _| {
                    actions.iter().all(|(n, action)| n.as_str() != name || value(action).is_some())
                });
                actions.iter().filter_map(|(n, action)| Some((n.clone(), Some(value(action)?)))).collect()
            }
        };
        next.extend(self.new_topic(image, &set)?);
        Ok(next)
    }
}

static INTERNAL: LazyLock<BTreeMap<String, InternalTopic>> = LazyLock::new(|| {
    let configs = Configs::from([("cleanup.policy".to_owned(), "compact".to_owned())]);
    BTreeMap::from([("__consumer_offsets".to_owned(), InternalTopic { partitions: 50, configs })])
});

fn rules() -> Rules<'static> {
    Rules {
        default_partitions: 4,
        default_replication_factor: 1,
        deletion_enabled: true,
        partitions_max: 1_000_000,
        configs: &Anything,
        mutations: &Unlimited,
        internal: &INTERNAL,
    }
}

fn broker(id: NodeId) -> Change {
    Change::Broker(Arc::new(Broker {
        id,
        epoch: 7,
        endpoints: vec![Endpoint { listener: "PLAINTEXT".into(), host: "localhost".into(), port: 9092 }],
        rack: Some("r".into()),
        directory: Uuid([3; 16]),
        incarnation: Uuid([4; 16]),
        clean_start: true,
        features: BTreeMap::from([(METADATA_VERSION.into(), (1, 33))]),
    }))
}

fn one_broker() -> Image {
    Image::default().apply([&broker(1)])
}

/// Identifiers 1, 2, 3, ...
fn counter() -> impl FnMut() -> Uuid {
    let mut next = 0_u128;
    move || {
        next += 1;
        Uuid(next.to_be_bytes())
    }
}

fn topic(name: &str, partitions: i32, replication_factor: i16) -> NewTopic {
    NewTopic {
        name: name.into(),
        partitions,
        replication_factor,
        assignments: Vec::new(),
        configs: Vec::new(),
    }
}

fn run(image: &mut Image, command: &Command, ids: &mut dyn FnMut() -> Uuid) -> Answer {
    let decision = decide(image, command, &rules(), 1_000, ids);
    *image = image.apply(decision.steps.iter().flatten());
    decision.answer
}

fn codes(answer: Answer) -> Vec<ErrorCode> {
    let code = |refusal: Refusal| refusal.code;
    match answer {
        Answer::Created(answers) => {
            answers.into_iter().map(|a| a.result.map_or_else(code, |_| ErrorCode::None)).collect()
        }
        Answer::PartitionsCreated(answers) => {
            answers.into_iter().map(|a| a.result.map_or_else(code, |()| ErrorCode::None)).collect()
        }
        Answer::ConfigsAltered(answers) => {
            answers.into_iter().map(|a| a.map_or_else(code, |()| ErrorCode::None)).collect()
        }
        Answer::Deleted(answers) => {
            answers.into_iter().map(|a| a.result.map_or_else(code, |()| ErrorCode::None)).collect()
        }
        other => panic!("no list of answers: {other:?}"),
    }
}

fn create(image: &mut Image, topics: Vec<NewTopic>, ids: &mut dyn FnMut() -> Uuid) -> Vec<ErrorCode> {
    codes(run(image, &Command::CreateTopics { topics, mode: Mode::Commit }, ids))
}

#[test]
fn creation_answers_as_kafka_recorded() {
    let (mut image, mut ids) = (one_broker(), counter());
    let assigned = |name: &str, assignments: &[(i32, &[NodeId])]| NewTopic {
        assignments: assignments.iter().map(|(p, brokers)| (*p, brokers.to_vec())).collect(),
        ..topic(name, -1, -1)
    };
    let with = |name: &str, config: &str, value: Option<&str>| NewTopic {
        configs: vec![(config.into(), value.map(WireStr::from))],
        ..topic(name, 1, 1)
    };
    use ErrorCode::*;
    let long = "x".repeat(250);
    for (asked, code) in [
        (topic("t", 2, 1), None),
        (topic("t", 2, 1), TopicAlreadyExists),
        (topic("defaults", -1, -1), None),
        (topic("z", 0, 1), InvalidPartitions),
        (topic("z", -5, 1), InvalidPartitions),
        (topic("z", 1, 2), InvalidReplicationFactor),
        (topic("z", 1, 0), InvalidReplicationFactor),
        (topic("z", 1, -2), InvalidReplicationFactor),
        (topic("z", 10_001, 1), InvalidPartitions),
        (topic("big", 10_000, 1), None),
        (assigned("as", &[(0, &[1]), (1, &[1])]), None),
        (NewTopic { partitions: 2, replication_factor: 1, ..assigned("as2", &[(0, &[1])]) }, InvalidRequest),
        (NewTopic { partitions: 2, ..assigned("as2", &[(0, &[1])]) }, InvalidRequest),
        (assigned("as3", &[(0, &[1]), (2, &[1])]), InvalidReplicaAssignment),
        (assigned("as3", &[(-1, &[1]), (0, &[1])]), InvalidReplicaAssignment),
        (assigned("as4", &[(0, &[99])]), InvalidReplicaAssignment),
        (assigned("as5", &[(0, &[1, 1])]), InvalidReplicaAssignment),
        (assigned("as6", &[(0, &[])]), InvalidReplicaAssignment),
        (assigned("as7", &[(0, &[1]), (0, &[1])]), InvalidReplicaAssignment),
        (topic("", 1, 1), InvalidTopicException),
        (topic("..", 1, 1), InvalidTopicException),
        (topic("a/b", 1, 1), InvalidTopicException),
        (topic(&long, 1, 1), InvalidTopicException),
        (topic("co.ll", 1, 1), None),
        (topic("co_ll", 1, 1), InvalidTopicException),
        (topic("co.ll", 1, 1), TopicAlreadyExists),
        (with("uc", "no.such.config", Some("1")), InvalidConfig),
        (with("uc", "retention.ms", Option::None), InvalidConfig),
        (with("gc", "retention.ms", Some("1000")), None),
        (topic(topic_name_of_the_cluster(), 1, 1), TopicAuthorizationFailed),
    ] {
        assert_eq!(create(&mut image, vec![asked.clone()], &mut ids), [code], "{asked:?}");
    }
    assert_eq!(image.topic("defaults").unwrap().partitions.len(), 4);
    assert_eq!(image.topic("gc").unwrap().configs["retention.ms"], "1000");
    assert_eq!(create(&mut image, Vec::new(), &mut ids), []);
}

fn topic_name_of_the_cluster() -> &'static str {
    crate::topic_name::CLUSTER_METADATA
}

#[test]
fn topics_of_one_request_see_each_other() {
    let (mut image, mut ids) = (one_broker(), counter());
    use ErrorCode::*;
    let asked = vec![topic("dup", 1, 1), topic("a.b", 1, 1), topic("dup", 1, 1), topic("a_b", 1, 1)];
    assert_eq!(create(&mut image, asked, &mut ids), [InvalidRequest, None, InvalidTopicException]);
    assert_eq!(image.topics().map(|t| t.name.to_string()).collect::<Vec<_>>(), ["a.b"]);
    let asked = vec![topic("m", 6_000, 1), topic("n", 4_001, 1), topic("o", 4_000, 1)];
    assert_eq!(create(&mut image, asked, &mut ids), [None, PolicyViolation, None]);
}

#[test]
fn validate_only_changes_nothing() {
    let (mut image, mut ids) = (one_broker(), counter());
    let before = image.clone();
    let command = Command::CreateTopics { topics: vec![topic("vo", 3, 1)], mode: Mode::ValidateOnly };
    assert_eq!(codes(run(&mut image, &command, &mut ids)), [ErrorCode::None]);
    assert_eq!(image, before);
}

#[test]
fn partitions_are_added_as_kafka_recorded() {
    let (mut image, mut ids) = (one_broker(), counter());
    create(&mut image, vec![topic("t", 2, 1), topic("u", 2, 1)], &mut ids);
    let to = |name: &str, count, assignments: Option<&[&[NodeId]]>| MorePartitions {
        name: name.into(),
        count,
        assignments: assignments.map(|brokers| brokers.iter().map(|b| b.to_vec()).collect()),
    };
    let any = |name: &str, count| to(name, count, Option::None);
    let mut add = |image: &mut Image, topics: &[MorePartitions], mode| {
        codes(run(image, &Command::CreatePartitions { topics: topics.to_vec(), mode }, &mut ids))
    };
    use ErrorCode::*;
    for (asked, code) in [
        (any("t", 3), None),
        (any("t", 3), InvalidPartitions),
        (any("t", 2), InvalidPartitions),
        (any("t", 0), InvalidPartitions),
        (any("t", -1), InvalidPartitions),
        (any("nope", 5), UnknownTopicOrPartition),
        (any("", 5), UnknownTopicOrPartition),
        (to("t", 4, Some(&[&[1]])), None),
        (to("t", 4, Some(&[&[1]])), InvalidPartitions),
        (to("t", 9, Some(&[&[1]])), InvalidReplicaAssignment),
        (to("t", 5, Some(&[&[1], &[1]])), InvalidReplicaAssignment),
        (to("t", 5, Some(&[])), InvalidReplicaAssignment),
        (to("t", 5, Some(&[&[]])), InvalidReplicaAssignment),
        (to("t", 5, Some(&[&[44]])), InvalidReplicaAssignment),
        (to("t", 5, Some(&[&[1, 1]])), InvalidReplicaAssignment),
        (any("t", 10_001), InvalidPartitions),
        (any("t", i32::MAX), InvalidPartitions),
    ] {
        assert_eq!(add(&mut image, std::slice::from_ref(&asked), Mode::Commit), [code], "{asked:?}");
    }
    let before = image.clone();
    assert_eq!(add(&mut image, &[any("t", 9)], Mode::ValidateOnly), [None]);
    let twice = [any("t", 6), any("u", 3), any("t", 7)];
    assert_eq!(add(&mut image, &twice, Mode::ValidateOnly), [InvalidRequest, None]);
    assert_eq!(image, before);
    assert_eq!(add(&mut image, &twice, Mode::Commit), [InvalidRequest, None]);
    let counts = ["t", "u"].map(|name| image.topic(name).unwrap().partitions.len());
    assert_eq!(counts, [4, 3]);
    assert_eq!(image.topic("t").unwrap().id, before.topic("t").unwrap().id);
    let large = [any("t", 9_000), any("u", 9_000)];
    assert_eq!(add(&mut image, &large, Mode::Commit), [None, PolicyViolation]);
}

#[test]
fn partitions_beyond_the_limit_of_the_broker_are_refused_unless_they_are_its_own() {
    let (mut image, mut ids) = (one_broker(), counter());
    let mut run = |image: &mut Image, command: &Command| {
        let decision = decide(image, command, &Rules { partitions_max: 10, ..rules() }, 1_000, &mut ids);
        *image = image.apply(decision.steps.iter().flatten());
        decision.answer
    };
    let full = ErrorCode::PolicyViolation;
    let create = |topics: &[NewTopic], mode| Command::CreateTopics { topics: topics.to_vec(), mode };
    let topics = [topic("a", 6, 1), topic("b", 5, 1), topic("c", 3, 1)];
    let more = |name: &str, count| MorePartitions { name: name.into(), count, assignments: None };
    let grow = |mode| Command::CreatePartitions { topics: vec![more("a", 8), more("c", 4)], mode };
    for mode in [Mode::ValidateOnly, Mode::Commit] {
        let answer = run(&mut image, &create(&topics, mode));
        assert_eq!(codes(answer), [ErrorCode::None, full, ErrorCode::None], "{mode:?}");
    }
    assert_eq!(image.partition_count(), 9);
    for mode in [Mode::ValidateOnly, Mode::Commit] {
        assert_eq!(codes(run(&mut image, &grow(mode))), [full, ErrorCode::None], "{mode:?}");
    }
    assert_eq!(image.partition_count(), 10);
    let auto = Command::AutoCreate { names: vec!["d".into(), "a".into(), "__consumer_offsets".into()] };
    assert_eq!(codes(run(&mut image, &auto)), [ErrorCode::None, ErrorCode::None, full]);
    assert_eq!(image.partition_count(), 60);
    let one_more = create(&[topic("e", 1, 1)], Mode::Commit);
    let Answer::Created(answers) = run(&mut image, &one_more) else { panic!("no creation") };
    let text = "this broker has at most 10 partitions; with those being removed there are 60, and no room for 1 \
                more: delete topics that nobody needs";
    assert_eq!(answers[0].result, Err(Refusal::new(full, text)));

    // What is deleted gives its room when its data is gone.
    let doomed = ["a", "__consumer_offsets"].map(|name| image.topic(name).unwrap().id);
    let targets = doomed.map(|id| DeleteTarget { name: None, id }).to_vec();
    assert_eq!(codes(run(&mut image, &Command::DeleteTopics { targets })), [ErrorCode::None; 2]);
    assert_eq!(codes(run(&mut image, &one_more)), [full]);
    run(&mut image, &Command::ForgetTopics { ids: doomed.to_vec() });
    assert_eq!(codes(run(&mut image, &one_more)), [ErrorCode::None]);
    assert_eq!(image.partition_count(), 5);
}

#[test]
fn a_topic_of_the_brokers_own_is_made_by_its_own_rules_whoever_names_it_first() {
    let mut image = one_broker();
    let names = vec![WireStr::from("__consumer_offsets"), WireStr::from("plain")];
    let answer = run(&mut image, &Command::AutoCreate { names }, &mut counter());
    assert_eq!(codes(answer), [ErrorCode::None; 2]);
    let own = image.topic("__consumer_offsets").unwrap();
    assert_eq!((own.partitions.len(), own.configs.len(), own.is_internal()), (50, 1, true));
    assert_eq!(image.topic("plain").unwrap().partitions.len(), 4);
    // Groups are found by their hash over the number of partitions.
    let more = MorePartitions { name: "__consumer_offsets".into(), count: 60, assignments: None };
    let command = Command::CreatePartitions { topics: vec![more], mode: Mode::Commit };
    assert_eq!(codes(run(&mut image, &command, &mut counter())), [ErrorCode::InvalidPartitions]);
}

#[test]
fn settings_are_changed_one_by_one_or_all_at_once() {
    let (mut image, mut ids) = (one_broker(), counter());
    create(&mut image, vec![topic("t", 1, 1)], &mut ids);
    let one = |name: &str, action| Alteration::Incremental(vec![(name.into(), action)]);
    let all = |configs: &[(&str, &str)]| {
        Alteration::Replace(configs.iter().map(|(n, v)| ((*n).into(), (*v).into())).collect())
    };
    let kept = |image: &Image, resource: &ConfigResource| {
        let configs = match resource {
            ConfigResource::Topic(name) => image.topic(name).map(|topic| Arc::clone(&topic.configs)),
            ConfigResource::Broker(node) => image.broker_configs(*node).cloned(),
            ConfigResource::AllBrokers => Some(Arc::clone(image.broker_defaults())),
            ConfigResource::Group(name) => image.group_configs(name).cloned(),
        };
        configs.unwrap_or_default().iter().map(|(n, v)| format!("{n}={v}")).collect::<Vec<_>>()
    };
    for resource in [
        ConfigResource::Topic("t".into()),
        ConfigResource::Broker(1),
        ConfigResource::AllBrokers,
        ConfigResource::Group("a/b c".into()),
    ] {
        let mut alter = |alteration, mode| alter_one(&mut image, &resource, alteration, mode);
        let set = |value: &str| ConfigAction::Set(value.into());
        assert_eq!(alter(one("a", set("0")), Mode::ValidateOnly), [ErrorCode::None]);
        assert_eq!(alter(one("a", set("1")), Mode::Commit), [ErrorCode::None]);
        assert_eq!(alter(one("no.such.config", set("1")), Mode::Commit), [ErrorCode::InvalidConfig]);
        assert_eq!(alter(one("b", set("2")), Mode::Commit), [ErrorCode::None]);
        assert_eq!(kept(&image, &resource), ["a=1", "b=2"], "{resource:?}");
        let mut alter = |alteration, mode| alter_one(&mut image, &resource, alteration, mode);
        assert_eq!(alter(one("a", ConfigAction::Delete), Mode::Commit), [ErrorCode::None]);
        assert_eq!(alter(all(&[("c", "3"), ("d", "4")]), Mode::Commit), [ErrorCode::None]);
        assert_eq!(kept(&image, &resource), ["c=3", "d=4"], "{resource:?}");
        assert_eq!(alter_one(&mut image, &resource, all(&[]), Mode::Commit), [ErrorCode::None]);
        assert!(kept(&image, &resource).is_empty());
    }
    let missing = ConfigResource::Topic("none".into());
    let bad = all(&[("no.such.config", "1")]);
    assert_eq!(alter_one(&mut image, &missing, bad, Mode::Commit), [ErrorCode::InvalidConfig]);
    assert_eq!(alter_one(&mut image, &missing, all(&[]), Mode::Commit), [ErrorCode::UnknownTopicOrPartition]);
    assert_eq!(image.groups_with_configs().count(), 0);
}

fn alter_one(
    image: &mut Image,
    resource: &ConfigResource,
    alteration: Alteration,
    mode: Mode,
) -> Vec<ErrorCode> {
    let resources = vec![(resource.clone(), alteration)];
    codes(run(image, &Command::AlterConfigs { resources, mode }, &mut counter()))
}

#[test]
fn auto_creation_gives_an_existing_topic_to_whoever_comes_second() {
    let (mut image, mut ids) = (one_broker(), counter());
    let command = Command::AutoCreate { names: vec!["b".into(), "a".into(), "b".into(), "".into()] };
    let Answer::Created(first) = run(&mut image, &command, &mut ids) else { panic!("no creation") };
    let Answer::Created(second) = run(&mut image, &command, &mut ids) else { panic!("no creation") };
    assert_eq!(first, second);
    assert_eq!(
        first.iter().map(|a| (a.name.as_str(), a.result.is_ok())).collect::<Vec<_>>(),
        [("", false), ("a", true), ("b", true)]
    );
}

#[test]
fn deletion_answers_as_kafka_recorded() {
    let (mut image, mut ids) = (one_broker(), counter());
    create(&mut image, vec![topic("t", 2, 1), topic("u.v", 1, 1)], &mut ids);
    let (t, u) = (image.topic("t").unwrap().id, image.topic("u.v").unwrap().id);
    let by_name = |name: &str| DeleteTarget { name: Some(name.into()), id: Uuid::ZERO };
    let by_id = |id| DeleteTarget { name: Option::None, id };
    let mut delete = |targets: &[DeleteTarget]| {
        codes(run(&mut image, &Command::DeleteTopics { targets: targets.to_vec() }, &mut ids))
    };
    use ErrorCode::*;
    assert_eq!(delete(&[by_name("t"), by_id(t)]), [InvalidRequest, InvalidRequest]);
    assert_eq!(delete(&[by_name("t")]), [ErrorCode::None]);
    assert_eq!(delete(&[by_name("t")]), [UnknownTopicOrPartition]);
    assert_eq!(delete(&[by_id(u)]), [ErrorCode::None]);
    assert_eq!(delete(&[by_id(u), by_name("u.v")]), [UnknownTopicId, UnknownTopicOrPartition]);
    assert_eq!(delete(&[DeleteTarget { name: Some("u.v".into()), id: u }]), [InvalidRequest]);
    assert_eq!(delete(&[by_id(Uuid::ZERO)]), [InvalidRequest]);
    assert_eq!(image.deleting().map(|d| (d.id, d.partitions)).collect::<Vec<_>>(), [(t, 2), (u, 1)]);

    // The name is free at once, for another topic with another id.
    assert_eq!(
        create(&mut image, vec![topic("t", 1, 1), topic("u_v", 1, 1)], &mut ids),
        [ErrorCode::None; 2]
    );
    assert_ne!(image.topic("t").unwrap().id, t);
    run(&mut image, &Command::ForgetTopics { ids: vec![t, Uuid([9; 16])] }, &mut ids);
    assert!(!image.is_deleting(t) && image.is_deleting(u));
}

#[test]
fn deletion_can_be_switched_off() {
    let (mut image, mut ids) = (one_broker(), counter());
    create(&mut image, vec![topic("t", 1, 1)], &mut ids);
    let targets = vec![DeleteTarget { name: Some("t".into()), id: Uuid::ZERO }];
    let rules = Rules { deletion_enabled: false, ..rules() };
    let decision = decide(&image, &Command::DeleteTopics { targets }, &rules, 0, &mut ids);
    assert_eq!(decision.steps, Vec::<Vec<Change>>::new());
    assert_eq!(codes(decision.answer), [ErrorCode::TopicDeletionDisabled]);
}

#[test]
fn an_unclean_start_raises_all_led_epochs_by_one_record() {
    let (mut image, mut ids) = (one_broker().apply([&broker(2)]), counter());
    create(&mut image, vec![topic("old", 20, 1)], &mut ids);
    let decision = decide(&image, &Command::UncleanStart { node: 1 }, &rules(), 0, &mut ids);
    assert_eq!(decision.steps, [vec![Change::Restarts { node: 1, count: 1 }]]);
    image = image.apply(decision.steps.iter().flatten());
    create(&mut image, vec![topic("new", 20, 1)], &mut ids);
    for p in image.topic("old").unwrap().partitions.iter() {
        let epoch = i32::from(p.leader == 1);
        assert_eq!((p.leader_epoch, p.partition_epoch), (epoch, epoch));
    }
    assert!(image.topic("new").unwrap().partitions.iter().all(|p| p.leader_epoch == 0));
    run(&mut image, &Command::UncleanStart { node: 1 }, &mut ids);
    let epochs = |name: &str| -> BTreeMap<NodeId, i32> {
        image.topic(name).unwrap().partitions.iter().map(|p| (p.leader, p.leader_epoch)).collect()
    };
    assert_eq!(epochs("old"), BTreeMap::from([(1, 2), (2, 0)]));
    assert_eq!(epochs("new"), BTreeMap::from([(1, 1), (2, 0)]));
}

#[test]
fn producer_id_blocks_do_not_overlap_and_end_before_the_last_number() {
    let (mut image, mut ids) = (one_broker(), counter());
    let mut block = || match run(&mut image, &Command::AllocateProducerIds, &mut ids) {
        Answer::ProducerIds(block) => block,
        other => panic!("{other:?}"),
    };
    assert_eq!(block(), Ok(ProducerIdBlock { first: 0, count: 1_000 }));
    assert_eq!(block(), Ok(ProducerIdBlock { first: 1_000, count: 1_000 }));
    image = image.apply([&Change::NextProducerId(i64::MAX - 10)]);
    let decision = decide(&image, &Command::AllocateProducerIds, &rules(), 0, &mut ids);
    assert!(matches!(decision.answer, Answer::ProducerIds(Err(_))) && decision.steps.is_empty());
}

#[test]
fn bootstrap_happens_once() {
    let (mut image, mut ids) = (Image::default(), counter());
    let bootstrap = |id: &str| Command::Bootstrap {
        cluster_id: id.into(),
        features: BTreeMap::from([(METADATA_VERSION.into(), 33)]),
        broker_defaults: Configs::from([("min.insync.replicas".into(), "1".into())]),
    };
    run(&mut image, &bootstrap("first"), &mut ids);
    run(&mut image, &bootstrap("second"), &mut ids);
    assert_eq!(image.cluster().map(|c| (c.id.as_str(), c.created_ms)), Some(("first", 1_000)));
    assert_eq!(image.broker_defaults()["min.insync.replicas"], "1");
}

fn any_resource() -> impl Strategy<Value = ConfigResource> {
    prop_oneof![
        "[cd]".prop_map(|name| ConfigResource::Topic(name.as_str().into())),
        (1..3_i32).prop_map(ConfigResource::Broker),
        Just(ConfigResource::AllBrokers),
        ".{0,3}".prop_map(|name| ConfigResource::Group(name.as_str().into())),
    ]
}

fn any_command() -> impl Strategy<Value = Command> {
    let name = prop_oneof![Just("a.b"), Just("a_b"), Just("c"), Just("d"), Just("bad/name")];
    let new_topic =
        (name.clone(), -2..4_i32, -1..3_i16, any::<bool>()).prop_map(|(name, partitions, rf, set)| {
            let configs = if set { vec![("k".into(), Some("v".into()))] } else { Vec::new() };
            NewTopic { configs, ..topic(name, partitions, rf) }
        });
    let target = prop_oneof![
        name.clone().prop_map(|name| DeleteTarget { name: Some(name.into()), id: Uuid::ZERO }),
        (1..30_u128).prop_map(|id| DeleteTarget { name: None, id: Uuid(id.to_be_bytes()) }),
    ];
    prop_oneof![
        4 => (prop::collection::vec(new_topic, 0..4), any::<bool>()).prop_map(|(topics, dry)| {
            Command::CreateTopics { topics, mode: if dry { Mode::ValidateOnly } else { Mode::Commit } }
        }),
        2 => prop::collection::vec(name.clone(), 0..3)
            .prop_map(|names| Command::AutoCreate { names: names.into_iter().map(WireStr::from).collect() }),
        3 => prop::collection::vec(target, 0..3).prop_map(|targets| Command::DeleteTopics { targets }),
        1 => prop::collection::vec(1..30_u128, 0..5)
            .prop_map(|ids| Command::ForgetTopics { ids: ids.into_iter().map(|i| Uuid(i.to_be_bytes())).collect() }),
        2 => (name, 0..6_i32, any::<bool>()).prop_map(|(name, count, by_hand)| {
            let assignments = by_hand.then(|| vec![vec![1]]);
            let topics = vec![MorePartitions { name: name.into(), count, assignments }];
            Command::CreatePartitions { topics, mode: Mode::Commit }
        }),
        2 => (any_resource(), "[ab]", any::<bool>()).prop_map(|(resource, name, set)| {
            let configs = if set { vec![(name.as_str().into(), "v".into())] } else { Vec::new() };
            Command::AlterConfigs { resources: vec![(resource, Alteration::Replace(configs))], mode: Mode::Commit }
        }),
        2 => (any_entity(), prop_oneof![Just(None), (1..9_u8).prop_map(|n| Some(f64::from(n)))]).prop_map(|(entity, value)| {
            let alterations = vec![QuotaAlteration { entity, ops: vec![("producer_byte_rate".into(), value)] }];
            Command::AlterQuotas { alterations, mode: Mode::Commit }
        }),
        1 => Just(Command::AllocateProducerIds),
        1 => (1..3_i32).prop_map(|node| Command::UncleanStart { node }),
    ]
}

fn any_entity() -> impl Strategy<Value = EntityParts> {
    let kinds = prop_oneof![Just(vec!["user"]), Just(vec!["client-id"]), Just(vec!["user", "client-id"])];
    let name = prop_oneof![Just(None), "[a/%]{1,2}".prop_map(Some)];
    (kinds, name).prop_map(|(kinds, name)| {
        kinds.into_iter().map(|kind| (kind.into(), name.as_deref().map(WireStr::from))).collect()
    })
}

fn check_invariants(image: &Image) {
    for (name, id) in image.names.iter() {
        let topic = &image.topics[id];
        assert_eq!(&topic.name, name);
        assert!(image.colliding(name).is_none());
        assert!(!topic.partitions.is_empty() && !image.is_deleting(*id));
        for p in topic.partitions.iter() {
            assert!(p.replicas.contains(&p.leader) && p.isr.contains(&p.leader));
            assert_eq!(p.restarts, image.restarts(p.leader));
        }
    }
    assert_eq!(image.names.len(), image.topics.len());
    let live: usize = image.topics.values().map(|topic| topic.partitions.len()).sum();
    let doomed: u64 = image.deleting().map(|topic| u64::from(topic.partitions)).sum();
    assert_eq!(image.partition_count(), live as u64 + doomed);
    assert!(image.collisions.len() <= image.names.len());
}

proptest! {
    #[test]
    fn an_image_rebuilt_from_what_was_stored_equals_the_live_one(
        commands in prop::collection::vec(any_command(), 1..40)
    ) {
        let mut ids = counter();
        let mut live = Image::default();
        let mut followed = Image::default();
        let mut stored: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        let mut commit = |live: &mut Image, changes: &[Change]| {
            *live = live.apply(changes);
            for change in changes {
                let (key, value) = change.to_entry();
                let read = Change::from_entry(&key, value.as_deref(), 7).unwrap();
                assert_eq!(&read, change);
                followed = followed.apply([&read]);
                match value {
                    Some(value) => drop(stored.insert(key, value)),
                    None => drop(stored.remove(&key)),
                }
            }
            check_invariants(live);
            assert_eq!(&followed, &*live);
            let entries = stored.iter().map(|(key, value)| Change::from_entry(key, Some(value), 7).unwrap());
            assert_eq!(&Image::from_state(entries), &*live);
        };
        commit(&mut live, &[broker(1), broker(2)]);
        for command in &commands {
            let decision = decide(&live, command, &rules(), 5, &mut ids);
            for step in decision.steps {
                commit(&mut live, &step);
            }
        }
    }

    #[test]
    fn damaged_entries_are_refused_without_a_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..80), key in 0..13_usize, tail in any::<[u8; 8]>()
    ) {
        let keys = [
            "cluster", "features", "brokers/ids/1", "topics/AAAAAAAAAAAAAAAAAAAAAQ", "brokers/defaults",
            "deleting/AAAAAAAAAAAAAAAAAAAAAQ", "producer_ids", "no such key", "topics/short",
            "configs/brokers/1", "configs/groups/g",
            "quotas/users/", "quotas/ips",
        ];
        let mut value = vec![1];
        value.extend(bytes);
        let _ = Change::from_entry(keys[key], Some(&value), 1);
        let (key, entry) = broker(1).to_entry();
        let mut entry = entry.unwrap();
        prop_assert!(Change::from_entry(&key, Some(&entry), 7).is_ok());
        entry.extend(tail);
        prop_assert!(Change::from_entry(&key, Some(&entry), 7).is_err());
    }
}

#[test]
fn entries_of_a_newer_ottla_are_named() {
    use crate::EntryError;
    let newer = Change::from_entry("producer_ids", Some(&[2, 0]), 1);
    assert_eq!(newer, Err(EntryError::UnknownVersion { key: "producer_ids".into(), version: 2 }));
    let unknown = Change::from_entry("lanes/1", Some(&[1]), 1);
    assert_eq!(unknown, Err(EntryError::UnknownKey("lanes/1".into())));
}

#[test]
fn features_go_up_within_what_every_broker_supports() {
    let mut image = one_broker();
    image.advance([&Change::Features(BTreeMap::from([(METADATA_VERSION.into(), 30)]))]);
    let mut ids = counter();
    let mut run_update = |updates: &[(&str, i16, UpgradeType)], mode| {
        let updates = updates
            .iter()
            .map(|(feature, level, upgrade)| FeatureUpdate {
                feature: (*feature).into(),
                level: *level,
                upgrade: *upgrade,
            })
            .collect();
        let answer = run(&mut image, &Command::UpdateFeatures { updates, mode }, &mut ids);
        let Answer::Features(result) = answer else { panic!("{answer:?}") };
        (result.map_err(|refusal| refusal.code), image.features()[METADATA_VERSION])
    };
    let refused = Err(ErrorCode::InvalidUpdateVersion);
    use UpgradeType::*;
    for (updates, mode, expected) in [
        (vec![], Mode::Commit, (Ok(()), 30)),
        (vec![(METADATA_VERSION, 30, SafeDowngrade)], Mode::Commit, (Ok(()), 30)),
        (vec![(METADATA_VERSION, 29, Upgrade)], Mode::Commit, (refused, 30)),
        (vec![(METADATA_VERSION, 29, UnsafeDowngrade)], Mode::Commit, (refused, 30)),
        (vec![(METADATA_VERSION, 31, SafeDowngrade)], Mode::Commit, (refused, 30)),
        (vec![(METADATA_VERSION, 31, Unknown)], Mode::Commit, (refused, 30)),
        (vec![(METADATA_VERSION, 34, Upgrade)], Mode::Commit, (refused, 30)),
        (vec![(METADATA_VERSION, -1, UnsafeDowngrade)], Mode::Commit, (refused, 30)),
        (vec![(METADATA_VERSION, 31, Upgrade), ("nope", 1, Upgrade)], Mode::Commit, (refused, 30)),
        (vec![(METADATA_VERSION, 31, Upgrade)], Mode::ValidateOnly, (Ok(()), 30)),
        (vec![(METADATA_VERSION, 33, Upgrade)], Mode::Commit, (Ok(()), 33)),
    ] {
        assert_eq!(run_update(&updates, mode), expected, "{updates:?}");
    }
}

type Parts<'a> = &'a [(&'a str, Option<&'a str>)];
type Ops<'a> = &'a [(&'a str, Option<f64>)];

fn alteration(entity: Parts<'_>, ops: Ops<'_>) -> QuotaAlteration {
    QuotaAlteration {
        entity: entity.iter().map(|(kind, name)| ((*kind).into(), name.map(WireStr::from))).collect(),
        ops: ops.iter().map(|(name, value)| ((*name).into(), *value)).collect(),
    }
}

fn alter_quotas(image: &mut Image, alterations: Vec<QuotaAlteration>, mode: Mode) -> Vec<ErrorCode> {
    let answer = run(image, &Command::AlterQuotas { alterations, mode }, &mut counter());
    let Answer::QuotasAltered(answers) = answer else { panic!("{answer:?}") };
    answers
        .into_iter()
        .map(|(_, result)| result.map_or_else(|refusal| refusal.code, |()| ErrorCode::None))
        .collect()
}

#[test]
fn quotas_are_refused_as_kafka_refuses_them() {
    let mut image = one_broker();
    let client: Parts<'_> = &[("client-id", Some("a"))];
    let ip: Parts<'_> = &[("ip", Some("127.0.0.1"))];
    let (produce, connect) = ("producer_byte_rate", "connection_creation_rate");
    let bad: &[(Parts<'_>, Ops<'_>)] = &[
        (&[], &[(produce, Some(1.0))]),
        (&[("group", Some("g"))], &[(produce, Some(1.0))]),
        (&[("client-id", Some(""))], &[(produce, Some(1.0))]),
        (&[("ip", Some("127.0.0.1")), ("user", Some("u"))], &[(connect, Some(1.0))]),
        (client, &[("nope", Some(1.0))]),
        (client, &[(connect, Some(1.0))]),
        (client, &[("SCRAM-SHA-256", Some(1.0))]),
        (ip, &[(produce, Some(1.0))]),
        (client, &[(produce, Some(0.0))]),
        (client, &[(produce, Some(-1.0))]),
        (client, &[(produce, Some(1.5))]),
        (client, &[(produce, Some(1e30))]),
        (client, &[(produce, Some(f64::NAN))]),
        (client, &[("request_percentage", Some(f64::NAN))]),
        (client, &[("request_percentage", Some(f64::INFINITY))]),
        (ip, &[(connect, Some(3e9))]),
        (client, &[(produce, Some(1.0)), (produce, Some(2.0))]),
        (client, &[(produce, Some(1.0)), ("nope", Some(2.0))]),
    ];
    for (entity, ops) in bad {
        let codes = alter_quotas(&mut image, vec![alteration(entity, ops)], Mode::Commit);
        assert_eq!(codes, [ErrorCode::InvalidRequest], "{entity:?} {ops:?}");
    }
    let twice =
        vec![alteration(client, &[(produce, Some(1.0))]), alteration(client, &[(produce, Some(2.0))])];
    assert_eq!(alter_quotas(&mut image, twice, Mode::Commit), [ErrorCode::InvalidRequest]);
    assert_eq!(image.quotas().iter().len(), 0);
}

#[test]
fn quotas_are_set_one_by_one_and_taken_away() {
    let mut image = one_broker();
    let client: Parts<'_> = &[("client-id", Some("a"))];
    let mut alter = |ops: Ops<'_>, mode| {
        let other = alteration(&[("user", None)], &[("request_percentage", Some(0.5))]);
        let codes = alter_quotas(&mut image, vec![alteration(client, ops), other], mode);
        assert_eq!(codes, [ErrorCode::None; 2]);
        let limits = image.quotas().iter().map(|(entity, limits)| {
            let limits = limits.iter().map(|(key, limit)| format!(" {}={}", key.name(), limit.get()));
            format!("{entity}:{}", limits.collect::<String>())
        });
        limits.collect::<Vec<_>>()
    };
    let other = "user <default>: request_percentage=0.5";
    let set: Ops<'_> = &[("producer_byte_rate", Some(5.0)), ("consumer_byte_rate", Some(7.0))];
    assert!(alter(set, Mode::ValidateOnly).is_empty());
    assert_eq!(alter(set, Mode::Commit), [other, "client-id a: producer_byte_rate=5 consumer_byte_rate=7"]);
    let change: Ops<'_> = &[("producer_byte_rate", None), ("consumer_byte_rate", Some(8.0))];
    assert_eq!(alter(change, Mode::Commit), [other, "client-id a: consumer_byte_rate=8"]);
    // What is not there, and what nobody knows, can be taken away by anybody.
    let clear: Ops<'_> = &[("consumer_byte_rate", None), ("nope", None), ("request_percentage", None)];
    assert_eq!(alter(clear, Mode::Commit), [other]);
}

/// So many partitions, and each topic counts.
struct Allowed(std::sync::Mutex<usize>);

impl Mutations for Allowed {
    fn take(&self, partitions: usize) -> Result<(), Refusal> {
        let mut left = self.0.lock().unwrap();
        *left =
            left.checked_sub(partitions).ok_or(Refusal::new(ErrorCode::ThrottlingQuotaExceeded, "slowly"))?;
        Ok(())
    }
}

#[test]
fn partitions_that_a_client_may_not_change_now_stay_as_they_are() {
    let (mut image, mut ids) = (one_broker(), counter());
    let mut run = |command: &Command, allowed: usize| {
        let allowed = Allowed(std::sync::Mutex::new(allowed));
        let decision = decide(&image, command, &Rules { mutations: &allowed, ..rules() }, 1_000, &mut ids);
        image = image.apply(decision.steps.iter().flatten());
        (codes(decision.answer), *allowed.0.lock().unwrap())
    };
    let throttled = ErrorCode::ThrottlingQuotaExceeded;
    let create = |topics, mode| Command::CreateTopics { topics, mode };
    // A topic that is refused for another reason takes nothing.
    let topics = vec![topic("a", 3, 1), topic("bad", 0, 1), topic("b", 3, 1), topic("c", 2, 1)];
    let expected = vec![ErrorCode::None, ErrorCode::InvalidPartitions, throttled, ErrorCode::None];
    assert_eq!(run(&create(topics.clone(), Mode::ValidateOnly), 5), (expected.clone(), 0));
    assert_eq!(run(&create(topics, Mode::Commit), 5), (expected, 0));
    let more = |name: &str, count| MorePartitions { name: name.into(), count, assignments: None };
    let grow = Command::CreatePartitions { topics: vec![more("a", 6), more("c", 3)], mode: Mode::Commit };
    assert_eq!(run(&grow, 2), (vec![throttled, ErrorCode::None], 1));
    let target = |name: &str| DeleteTarget { name: Some(name.into()), id: Uuid::ZERO };
    let delete = Command::DeleteTopics { targets: vec![target("a"), target("c"), target("none")] };
    assert_eq!(run(&delete, 3), (vec![ErrorCode::None, throttled, ErrorCode::UnknownTopicOrPartition], 0));
    let auto = Command::AutoCreate { names: vec!["d".into(), "c".into(), "__consumer_offsets".into()] };
    assert_eq!(run(&auto, 3), (vec![ErrorCode::None, ErrorCode::None, throttled], 3));
}
