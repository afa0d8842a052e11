//! Admin calls: the cluster, topics that come and go, settings.

use crate::lab::{Lab, eventually, new_topic, refused};
use crate::{Outcome, Problem};
use ottla_client::{ConfigEntry, ConfigResource, ConfigSource, ErrorClass, ErrorCode, NewTopic};

pub async fn cluster(lab: &Lab) -> Outcome {
    let cluster = lab.client.admin().describe_cluster().await?;
    ensure!(cluster.cluster_id.is_some(), "it has no id");
    ensure!(cluster.cluster_id == lab.client.cluster_id(), "metadata names another cluster");
    ensure!(!cluster.brokers.is_empty(), "it has no brokers");
    ensure!(cluster.brokers.iter().all(|b| !b.host.is_empty() && b.port != 0), "a broker has no address");
    let controller = cluster.controller_id.ok_or("it has no controller")?;
    ensure!(cluster.brokers.iter().any(|b| b.node_id == controller), "the controller is no broker");
    Ok(format!("{} brokers, controller {controller}", cluster.brokers.len()))
}

async fn is_listed(lab: &Lab, name: &str) -> Result<bool, Problem> {
    Ok(lab.client.admin().list_topics().await?.iter().any(|topic| topic.name == name))
}

pub async fn creation(lab: &Lab) -> Outcome {
    let admin = lab.client.admin();
    let (wide, plain) = (lab.name("created-wide"), lab.name("created-plain"));
    let topics = [
        new_topic(&wide, 12, &[("retention.ms", "3600000")]),
        NewTopic { name: plain.clone(), ..NewTopic::default() },
    ];
    let created: Vec<_> = admin.create_topics(&topics, false).await?.into_iter().collect::<Result<_, _>>()?;
    ensure!(created[0].name == wide && created[1].name == plain, "answers are not in the order of asking");
    ensure!(created[0].partitions == Some(12), "12 partitions became {:?}", created[0].partitions);
    ensure!(
        created[1].partitions.is_some_and(|count| count > 0),
        "the default count of partitions is missing"
    );
    ensure!(created.iter().all(|topic| topic.replication_factor == Some(1)), "a replication factor is not 1");
    ensure!(!created[0].id.is_zero() && created[0].id != created[1].id, "topic ids are missing or equal");
    eventually("both topics are listed", || async {
        Ok(is_listed(lab, &wide).await? && is_listed(lab, &plain).await?)
    })
    .await?;
    let described = admin.describe_topics(&[wide.clone(), plain]).await?;
    for (described, created) in described.into_iter().zip(&created) {
        let described = described?;
        ensure!(described.name == created.name && described.id == created.id, "another topic was described");
        ensure!(Some(described.partitions.len() as i32) == created.partitions, "partitions differ");
        ensure!(!described.is_internal, "it is said to be internal");
    }
    Ok("2 topics in one call, ids and partitions agree".to_owned())
}

pub async fn validation(lab: &Lab) -> Outcome {
    let name = lab.name("validated");
    let admin = lab.client.admin();
    admin.create_topics(&[new_topic(&name, 3, &[])], true).await?.remove(0)?;
    ensure!(!is_listed(lab, &name).await?, "it was created");
    let error = admin.create_topics(&[new_topic("a/b", 3, &[])], true).await?.remove(0);
    let error = refused("a bad name", error)?;
    ensure!(error.code() == Some(ErrorCode::InvalidTopicException), "a bad name: {error}");
    Ok("checked, not created".to_owned())
}

pub async fn refusals(lab: &Lab) -> Outcome {
    let admin = lab.client.admin();
    let taken = lab.topic("taken", 1, &[]).await?;
    let named = |word: &str| lab.name(word);
    let good = named("beside-bad-ones");
    let long = "x".repeat(250);
    let replicas = NewTopic { replication_factor: Some(9), ..new_topic(&named("replicas"), 1, &[]) };
    use ErrorCode as E;
    let bad = [
        (new_topic("a/b", 1, &[]), E::InvalidTopicException),
        (new_topic("..", 1, &[]), E::InvalidTopicException),
        (new_topic("", 1, &[]), E::InvalidTopicException),
        (new_topic(&long, 1, &[]), E::InvalidTopicException),
        (new_topic(&taken, 1, &[]), E::TopicAlreadyExists),
        (new_topic(&named("no-partitions"), 0, &[]), E::InvalidPartitions),
        (replicas, E::InvalidReplicationFactor),
        (new_topic(&named("setting"), 1, &[("retention.ms", "soon")]), E::InvalidConfig),
        (new_topic(&named("unknown-setting"), 1, &[("retention.mss", "1")]), E::InvalidConfig),
    ];
    let mut topics: Vec<NewTopic> = bad.iter().map(|(topic, _)| topic.clone()).collect();
    topics.push(new_topic(&good, 1, &[]));
    let mut results = admin.create_topics(&topics, false).await?;
    results.pop().ok_or("the last answer is missing")??;
    for (result, (topic, code)) in results.into_iter().zip(&bad) {
        let error = refused(&topic.name, result)?;
        ensure!(error.code() == Some(*code), "`{}`: {error} instead of {code}", topic.name);
        ensure!(error.class() == ErrorClass::Fatal, "`{}`: {error} would be tried again", topic.name);
    }
    eventually("the good topic is listed", || is_listed(lab, &good)).await?;
    Ok(format!("{} refusals with the right error, 1 topic created", bad.len()))
}

fn entry<'a>(entries: &'a [ConfigEntry], name: &str) -> Result<&'a ConfigEntry, Problem> {
    entries.iter().find(|entry| entry.name == name).ok_or_else(|| format!("{name} is missing").into())
}

pub async fn settings(lab: &Lab) -> Outcome {
    let admin = lab.client.admin();
    let topic = lab.topic("settings", 1, &[("retention.ms", "7200000")]).await?;
    let node_id = admin.describe_cluster().await?.brokers[0].node_id;
    let missing = lab.name("settings-of-none");
    let resources = [
        ConfigResource::topic(&*topic),
        ConfigResource::broker(node_id),
        ConfigResource::topic(missing),
        ConfigResource::broker(node_id + 1000),
    ];
    let mut of_topic = Vec::new();
    // A topic that was created this moment may not be known to the broker's own view yet.
    eventually("the topic's settings are there", || {
        let (admin, resource) = (admin.clone(), resources[0].clone());
        async move { Ok(admin.describe_configs(&[resource]).await?.remove(0).is_ok()) }
    })
    .await?;
    let mut results = admin.describe_configs(&resources).await?;
    ensure!(results.len() == resources.len(), "{} answers", results.len());
    let nobody = refused("a node that is not there", results.pop().ok_or("no answer")?)?;
    ensure!(nobody.code() == Some(ErrorCode::BrokerNotAvailable), "a node that is not there: {nobody}");
    let none = refused("a topic that is not there", results.pop().ok_or("no answer")?)?;
    ensure!(none.code() == Some(ErrorCode::UnknownTopicOrPartition), "a topic that is not there: {none}");
    let of_broker = results.pop().ok_or("no answer")??;
    of_topic.extend(results.pop().ok_or("no answer")??);
    let retention = entry(&of_topic, "retention.ms")?;
    ensure!(retention.value.as_deref() == Some("7200000"), "retention.ms is {:?}", retention.value);
    ensure!(retention.source == ConfigSource::Topic, "retention.ms comes from {:?}", retention.source);
    let stamps = entry(&of_topic, "message.timestamp.type")?;
    ensure!(stamps.value.as_deref() == Some("CreateTime"), "timestamps are {:?}", stamps.value);
    ensure!(stamps.source == ConfigSource::Default, "a default comes from {:?}", stamps.source);
    let node = entry(&of_broker, "node.id")?;
    ensure!(node.value.as_deref() == Some(&*node_id.to_string()), "node.id is {:?}", node.value);
    ensure!(node.is_read_only, "node.id is not read-only");
    entry(&of_broker, "num.partitions")?;
    Ok(format!("{} of a topic, {} of a broker", of_topic.len(), of_broker.len()))
}

pub async fn deletion(lab: &Lab) -> Outcome {
    let admin = lab.client.admin();
    let name = lab.name("deleted");
    let missing = lab.name("never-there");
    let topic = [new_topic(&name, 2, &[])];
    let first = admin.create_topics(&topic, false).await?.remove(0)?;
    eventually("the topic is listed", || is_listed(lab, &name)).await?;
    let mut results = admin.delete_topics(&[missing, name.clone()]).await?;
    results.pop().ok_or("no answer")??;
    let error = refused("deleting what is not there", results.pop().ok_or("no answer")?)?;
    ensure!(error.code() == Some(ErrorCode::UnknownTopicOrPartition), "deleting what is not there: {error}");
    eventually("the topic is gone", || async { Ok(!is_listed(lab, &name).await?) }).await?;
    let second = admin.create_topics(&topic, false).await?.remove(0)?;
    ensure!(second.id != first.id, "a topic created anew has the old id");
    Ok("gone, and created anew under another id".to_owned())
}
