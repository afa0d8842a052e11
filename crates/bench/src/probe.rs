//! The first acknowledged record of a broker that is just starting.
//!
//! The probe dials until somebody answers, creates the topic where it is told to, and writes one record to each
//! partition until each is acknowledged. It tries again after a millisecond: with a client's usual pauses the figure
//! would be that of the pauses.

use crate::connection::{ANSWER_TIMEOUT, Address, Connection};
use crate::load::{Destination, produce_request};
use crate::replay::{PRODUCE_BY_NAME, acks_on_the_wire, check, ends};
use ottla_client::config::Surroundings;
use ottla_client::{Acks, ClientError, Codec, ErrorCode};
use ottla_wire::messages::create_topics::{CreatableTopic, CreateTopicsRequest};
use ottla_wire::messages::produce::ProduceRequest;
use std::collections::BTreeMap;
use std::time::Duration;

const PAUSE: Duration = Duration::from_millis(1);
const RECORD_BYTES: usize = 100;
/// The last version of CreateTopics in which the probe has nothing to say about replicas.
const CREATE_TOPICS: i16 = 7;

#[derive(Debug, Clone)]
pub struct Probe {
    pub address: Address,
    pub topic: String,
    pub partitions: i32,
    pub creation: Creation,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Creation {
    /// The topic is made first, and the time for that counts.
    First,
    /// The topic is there.
    Never,
}

/// Times of the monotonic clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acknowledged {
    /// By the first partition that was asked.
    pub first: Duration,
    /// By all of them.
    pub all: Duration,
    /// By partition, the offset behind the record.
    pub ends: BTreeMap<i32, i64>,
}

/// Waits at most `patience` in all; the error is then the last one that was seen.
pub async fn first_ack(
    probe: &Probe,
    surroundings: &Surroundings,
    patience: Duration,
) -> Result<Acknowledged, ClientError> {
    let mut last = ClientError::TimedOut { what: "first record".to_owned(), after: patience };
    let created = probe.creation == Creation::Never;
    let mut state = State { created, first: None, acknowledged: 0, ends: BTreeMap::new() };
    let attempts = async {
        loop {
            match attempt(probe, surroundings, &mut state).await {
                Ok(acknowledged) => return Ok(acknowledged),
                Err(error) if error.is_retriable() => last = error,
                Err(error) => return Err(error),
            }
            tokio::time::sleep(PAUSE).await;
        }
    };
    let in_time = tokio::time::timeout(patience, attempts).await;
    in_time.unwrap_or(Err(last))
}

/// What earlier attempts have reached.
#[derive(Debug)]
struct State {
    created: bool,
    first: Option<Duration>,
    /// Partitions 0 to this one, exclusive.
    acknowledged: i32,
    ends: BTreeMap<i32, i64>,
}

/// With one connection, as far as it goes.
async fn attempt(
    probe: &Probe,
    surroundings: &Surroundings,
    state: &mut State,
) -> Result<Acknowledged, ClientError> {
    let mut connection = Connection::open(surroundings.net.as_ref(), &probe.address).await?;
    while !state.created {
        let created = create_topic(&mut connection, &probe.topic, probe.partitions).await;
        state.created = created.is_ok();
        pause_if_refused(created).await?;
    }
    let now_ms = surroundings.clock.now_ms();
    let batches = crate::load::batches(RECORD_BYTES, 1, Codec::None, now_ms, surroundings.rng.as_ref())?;
    let batch = batches.first().map(|batch| batch.bytes.clone()).unwrap_or_default();
    while state.acknowledged < probe.partitions {
        let to = Destination {
            topic: &probe.topic,
            partition: state.acknowledged,
            acks: acks_on_the_wire(Acks::All),
            timeout_ms: i32::try_from(ANSWER_TIMEOUT.as_millis()).unwrap_or(i32::MAX),
            version: PRODUCE_BY_NAME,
        };
        let request: ProduceRequest = produce_request(batch.clone(), to);
        let answer = connection.call(&request, PRODUCE_BY_NAME).await;
        let produced = answer.and_then(|answer| check(&answer).map(|()| answer));
        if let Ok(answer) = &produced {
            state.ends.extend(ends(answer, 1));
            state.first.get_or_insert(surroundings.clock.monotonic());
            state.acknowledged += 1;
        }
        pause_if_refused(produced.map(drop)).await?;
    }
    let all = surroundings.clock.monotonic();
    Ok(Acknowledged { first: state.first.unwrap_or(all), all, ends: std::mem::take(&mut state.ends) })
}

/// A broker that says "not yet" is asked again on the same connection.
pub(crate) async fn pause_if_refused(result: Result<(), ClientError>) -> Result<(), ClientError> {
    match result {
        Err(error) if error.code().is_some() && error.is_retriable() => {
            tokio::time::sleep(PAUSE).await;
            Ok(())
        }
        result => result,
    }
}

/// A topic that is there already is as good.
pub(crate) async fn create_topic(
    connection: &mut Connection,
    name: &str,
    partitions: i32,
) -> Result<(), ClientError> {
    let topic = CreatableTopic {
        name: name.into(),
        num_partitions: partitions,
        replication_factor: 1,
        ..CreatableTopic::default()
    };
    let timeout_ms = i32::try_from(ANSWER_TIMEOUT.as_millis()).unwrap_or(i32::MAX);
    let request = CreateTopicsRequest { topics: vec![topic], timeout_ms, validate_only: false };
    let answer = connection.call(&request, CREATE_TOPICS).await?;
    let result = answer.topics.first();
    let code = result.map_or(ErrorCode::UnknownServerError, |topic| ErrorCode::from_code(topic.error_code));
    match code {
        ErrorCode::None | ErrorCode::TopicAlreadyExists => Ok(()),
        code => Err(ClientError::Refused {
            what: format!("create topic {name}"),
            code,
            message: result.and_then(|topic| topic.error_message.as_deref()).map(str::to_owned),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(code: ErrorCode) -> Result<(), ClientError> {
        Err(ClientError::Refused { what: "produce".to_owned(), code, message: None })
    }

    #[tokio::test(start_paused = true)]
    async fn only_a_no_for_good_and_a_broken_connection_end_an_attempt() {
        assert!(pause_if_refused(Ok(())).await.is_ok());
        assert!(pause_if_refused(refused(ErrorCode::NotLeaderOrFollower)).await.is_ok());
        assert!(pause_if_refused(refused(ErrorCode::InvalidTopicException)).await.is_err());
        let gone = ClientError::Disconnected { peer: "a:1".to_owned(), cause: "reset".to_owned() };
        assert!(pause_if_refused(Err(gone)).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_broker_the_last_reason_is_told_when_patience_ends() {
        use ottla_env::net::MemoryNet;
        let surroundings =
            Surroundings { net: std::sync::Arc::new(MemoryNet::new()), ..Surroundings::default() };
        let address = Address { host: "nobody".to_owned(), port: 1 };
        let probe = Probe { address, topic: "t".to_owned(), partitions: 1, creation: Creation::First };
        let error = first_ack(&probe, &surroundings, Duration::from_secs(5)).await.unwrap_err();
        assert!(matches!(error, ClientError::Unreachable { .. }), "{error}");
    }
}
