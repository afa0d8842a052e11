//! Finding a broker, and what is remembered of topics.

use super::*;
use crate::testing::{FakeCluster, Fault};
use ottla_wire::apis;

async fn cluster_of(fake: &FakeCluster) -> Cluster {
    Cluster::new(fake.config()).unwrap()
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(10)
}

#[tokio::test(start_paused = true)]
async fn any_living_bootstrap_address_will_do() {
    let fake = FakeCluster::with_topic(2).await;
    let bootstrap = vec!["fake:1".to_owned(), format!("fake:{}", fake.ports[1]), "fake:2".to_owned()];
    let cluster = Cluster::new(ClientConfig { bootstrap, ..fake.config() }).unwrap();
    let topic = cluster.topic("t", Creation::Never, soon()).await.unwrap();
    assert_eq!(topic.partitions.len(), 2);
    let none = ClientConfig { bootstrap: vec!["fake:1".to_owned(), "fake:2".to_owned()], ..fake.config() };
    let error = Cluster::new(none).unwrap().ask(None, Creation::Never).await.unwrap_err();
    assert!(error.is_unreachable() && error.to_string().contains("fake:"), "{error}");
    for bad in [vec![], vec!["host:port".to_owned()]] {
        assert!(matches!(
            Cluster::new(ClientConfig { bootstrap: bad, ..fake.config() }),
            Err(ClientError::Invalid(_))
        ));
    }
}

#[tokio::test(start_paused = true)]
async fn a_topic_is_asked_for_once_and_remembered() {
    let fake = FakeCluster::with_topic(1).await;
    let cluster = cluster_of(&fake).await;
    let ask = || cluster.topic("t", Creation::Never, soon());
    let (first, second, third) = tokio::join!(ask(), ask(), ask());
    assert!(first.is_ok() && second.is_ok() && third.is_ok());
    assert_eq!(fake.count(apis::METADATA), 1);
    cluster.metadata.mark_stale("t");
    ask().await.unwrap();
    assert_eq!(fake.count(apis::METADATA), 2);
}

#[tokio::test(start_paused = true)]
async fn a_missing_topic_is_doubted_for_a_moment_only() {
    let fake = FakeCluster::start().await;
    let cluster = cluster_of(&fake).await;
    let began = Instant::now();
    let error = cluster.topic("t", Creation::Never, soon()).await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::UnknownTopicOrPartition));
    assert!(began.elapsed() <= MISSING_TOPIC_DOUBT && fake.count(apis::METADATA) > 1);
    fake.state().auto_create = true;
    assert!(cluster.topic("t", Creation::Never, soon()).await.is_err());
    assert!(cluster.topic("t", Creation::Allowed, soon()).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_fatal_answer_ends_at_once_and_a_lost_connection_does_not() {
    let fake = FakeCluster::with_topic(1).await;
    let cluster = cluster_of(&fake).await;
    fake.fault(apis::METADATA, Fault::Refuse(ErrorCode::TopicAuthorizationFailed));
    let error = cluster.topic("t", Creation::Never, soon()).await.unwrap_err();
    assert!(error.is_unauthorised() && fake.count(apis::METADATA) == 1);
    fake.fault(apis::METADATA, Fault::CloseAfter);
    fake.fault(apis::METADATA, Fault::Refuse(ErrorCode::LeaderNotAvailable));
    assert!(cluster.topic("t", Creation::Never, soon()).await.is_ok());
    assert_eq!(fake.faults_left(), 0);
}

#[tokio::test(start_paused = true)]
async fn another_cluster_at_a_known_address_sends_back_to_the_bootstrap_list() {
    let fake = FakeCluster::with_topic(1).await;
    let cluster = cluster_of(&fake).await;
    cluster.topic("t", Creation::Never, soon()).await.unwrap();
    fake.fault(apis::API_VERSIONS, Fault::Refuse(ErrorCode::RebootstrapRequired));
    let error = cluster.node(2, Lane::Calls).await.unwrap_err();
    assert!(error.is_retriable() && cluster.metadata.view().brokers.is_empty());
    assert!(cluster.topic("t", Creation::Never, soon()).await.is_ok());
}
