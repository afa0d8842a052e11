//! What is not there: topics that never were or went away, brokers that do not answer.

use crate::Outcome;
use crate::lab::{Lab, SOON, deliver, numbered, refused, start, within};
use ottla_client::{
    Client, ClientConfig, ClientError, ConsumerConfig, ErrorCode, ProducerConfig, Start, Surroundings,
};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

pub async fn unknown_topic(lab: &Lab) -> Outcome {
    let name = lab.name("unknown");
    let unknown = Some(ErrorCode::UnknownTopicOrPartition);
    let described = lab.client.admin().describe_topics(std::slice::from_ref(&name)).await?.remove(0);
    let error = refused("describing it", described)?;
    ensure!(error.code() == unknown, "describing it: {error}");
    let mut consumer = lab.client.consumer(ConsumerConfig::default());
    let assigned = within(SOON, "the error", consumer.assign(&[start(&name, 0, Start::Beginning)])).await?;
    let error = refused("reading it", assigned)?;
    ensure!(error.code() == unknown, "reading it: {error}");
    let topics = lab.client.admin().list_topics().await?;
    ensure!(topics.iter().all(|topic| topic.name != name), "asking for it created it");
    Ok("told, and not created by asking".to_owned())
}

pub async fn deleted_topic(lab: &Lab) -> Outcome {
    let topic = lab.topic("deleted-under", 1, &[]).await?;
    let producer = lab.producer(ProducerConfig::default())?;
    deliver(&producer, [numbered(&topic, 0, 0)]).await?;
    let mut consumer = lab.client.consumer(ConsumerConfig::default());
    consumer.assign(&[start(&topic, 0, Start::Beginning)]).await?;
    within(SOON, "the record", consumer.next()).await??;
    lab.client.admin().delete_topics(&[topic.to_string()]).await?.remove(0)?;
    let error = refused("reading on", within(SOON, "the error", consumer.next()).await?)?;
    let gone = [ErrorCode::UnknownTopicOrPartition, ErrorCode::UnknownTopicId];
    ensure!(error.code().is_some_and(|code| gone.contains(&code)), "reading on: {error}");
    Ok(error.to_string())
}

fn impatient(bootstrap: String) -> ClientConfig {
    ClientConfig { connect_timeout: Duration::from_secs(2), ..Lab::config(&bootstrap) }
}

pub async fn nobody_listens(lab: &Lab) -> Outcome {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    // A port that was free a moment ago.
    let listener = Surroundings::default().net.listen(address).await?;
    let bootstrap = listener.local_addr()?.to_string();
    drop(listener);
    let result = within(SOON, "the refusal", Client::connect(impatient(bootstrap.clone()))).await?;
    let error = refused("connecting", result)?;
    ensure!(matches!(&error, ClientError::Unreachable { .. }), "connecting: {error}");
    ensure!(error.is_unreachable() && error.to_string().contains(&bootstrap), "`{error}` does not name it");
    let both = ClientConfig { bootstrap: vec![bootstrap, lab.bootstrap.clone()], ..Lab::config("") };
    // The order of the addresses is one of chance; each must lead to the broker that is there.
    for _ in 0..4 {
        within(SOON, "the second address", Client::connect(both.clone())).await??;
    }
    Ok("told; another address is tried".to_owned())
}

pub async fn silent_listener(_: &Lab) -> Outcome {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let listener = Arc::new(Surroundings::default().net.listen(address).await?);
    let bootstrap = listener.local_addr()?.to_string();
    let held = tokio::spawn(async move {
        let mut streams = Vec::new();
        while let Ok(stream) = listener.accept().await {
            streams.push(stream);
        }
    });
    let result = within(SOON, "the refusal", Client::connect(impatient(bootstrap))).await?;
    held.abort();
    let error = refused("connecting", result)?;
    ensure!(error.is_unreachable(), "connecting: {error}");
    Ok(error.to_string())
}
