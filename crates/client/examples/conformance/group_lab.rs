//! What the checks of groups share: a member that reads in the background, and a network that can be cut.

use crate::Problem;
use crate::lab::{Lab, key};
use ottla_client::{
    Client, ClientConfig, ConsumerConfig, GroupConfig, GroupConsumer, GroupEvent, PartitionKey, Surroundings,
};
use ottla_env::net::{BoxFuture, Listener, Net, OsNet, Stream};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// For what a session, a rebalance or both have to end first.
pub const REBALANCED: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// The shortest that Kafka's brokers take by default.
pub const SESSION: Duration = Duration::from_secs(6);

/// What a member has seen so far.
#[derive(Debug, Default, Clone)]
pub struct Seen {
    pub assigned: BTreeSet<PartitionKey>,
    /// Offsets of each partition in the order they came.
    pub offsets: BTreeMap<PartitionKey, Vec<i64>>,
    pub revoked: Vec<PartitionKey>,
    pub lost: Vec<PartitionKey>,
    /// Rebalances that ended.
    pub rounds: usize,
    pub problem: Option<String>,
}

/// A member that takes whatever comes until it is closed.
#[derive(Debug)]
pub struct Reader {
    seen: Arc<Mutex<Seen>>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), Problem>>,
}

pub fn config(group: &str) -> GroupConfig {
    GroupConfig {
        session_timeout: SESSION,
        heartbeat_interval: Duration::from_millis(300),
        auto_commit: Some(Duration::from_millis(200)),
        ..GroupConfig::new(group)
    }
}

impl Reader {
    pub fn start(client: &Client, config: GroupConfig, topic: &str) -> Result<Self, Problem> {
        let mut consumer = client.group_consumer(ConsumerConfig::default(), config, &[topic.to_owned()])?;
        let seen = Arc::new(Mutex::new(Seen::default()));
        let (stop, mut stopped) = oneshot::channel();
        let shared = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            loop {
                let event = tokio::select! {
                    event = consumer.next() => event,
                    _ = &mut stopped => return Ok(consumer.close().await?),
                };
                let mut seen = shared.lock().expect("no holder of this lock can panic");
                match event {
                    Ok(event) => seen.take(event),
                    Err(error) => {
                        seen.problem = Some(error.to_string());
                        return Err(error.into());
                    }
                }
            }
        });
        Ok(Self { seen, stop, task })
    }

    pub fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().expect("no holder of this lock can panic")
    }

    pub fn assigned(&self) -> BTreeSet<PartitionKey> {
        self.seen().assigned.clone()
    }

    pub async fn close(self) -> Result<Seen, Problem> {
        let _ = self.stop.send(());
        self.task.await??;
        let seen = self.seen.lock().expect("no holder of this lock can panic");
        Ok(seen.clone())
    }

    /// Ends it where it stands; what its consumer does when it is dropped reaches nobody if the network is cut.
    pub fn kill(self) -> Seen {
        self.task.abort();
        self.seen().clone()
    }
}

impl Seen {
    fn take(&mut self, event: GroupEvent) {
        match event {
            GroupEvent::Batch(batch) => {
                let offsets = self.offsets.entry(key(&batch.topic, batch.partition)).or_default();
                offsets.extend(batch.records.iter().map(|record| record.offset));
            }
            GroupEvent::Assigned(keys) => {
                self.rounds += 1;
                self.assigned.extend(keys);
            }
            GroupEvent::Revoked(keys) => {
                keys.iter().for_each(|key| drop(self.assigned.take(key)));
                self.revoked.extend(keys);
            }
            GroupEvent::Lost(keys) => {
                keys.iter().for_each(|key| drop(self.assigned.take(key)));
                self.lost.extend(keys);
            }
        }
    }

    pub fn count(&self) -> usize {
        self.offsets.values().map(Vec::len).sum()
    }
}

/// How many partitions each has, once every one of `partitions` has one owner and the members are level.
pub async fn divided(readers: &[&Reader], partitions: usize) -> Result<Vec<usize>, Problem> {
    let (least, most) = (partitions / readers.len(), partitions.div_ceil(readers.len()));
    until("the partitions are divided", readers, || async {
        let shares: Vec<_> = readers.iter().map(|reader| reader.assigned()).collect();
        let union: BTreeSet<_> = shares.iter().flatten().collect();
        let sum: usize = shares.iter().map(BTreeSet::len).sum();
        let level = shares.iter().all(|share| (least..=most).contains(&share.len()));
        Ok(union.len() == partitions && sum == partitions && level)
    })
    .await?;
    Ok(readers.iter().map(|reader| reader.assigned().len()).collect())
}

/// Looks again until it is so; ends at once when one of the readers has a problem.
pub async fn until<F>(what: &str, readers: &[&Reader], mut look: impl FnMut() -> F) -> Result<(), Problem>
where
    F: Future<Output = Result<bool, Problem>>,
{
    let deadline = Instant::now() + REBALANCED;
    while !look().await? {
        for reader in readers {
            if let Some(problem) = &reader.seen().problem {
                return Err(format!("{what}: a member failed: {problem}").into());
            }
        }
        ensure!(Instant::now() < deadline, "{what}: still not so after {} s", REBALANCED.as_secs());
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    Ok(())
}

/// The next event of this kind; others are passed over.
pub async fn next_matching<T>(
    consumer: &mut GroupConsumer,
    what: &str,
    pick: impl Fn(GroupEvent) -> Option<T>,
) -> Result<T, Problem> {
    let find = async {
        loop {
            if let Some(found) = pick(consumer.next().await?) {
                return Ok::<T, Problem>(found);
            }
        }
    };
    crate::lab::within(REBALANCED, what, find).await?
}

pub async fn assigned(consumer: &mut GroupConsumer) -> Result<Vec<PartitionKey>, Problem> {
    next_matching(consumer, "an assignment", |event| match event {
        GroupEvent::Assigned(keys) => Some(keys),
        _ => None,
    })
    .await
}

/// The network of one client, which ends for good when it is cut, as of a process that was killed.
#[derive(Debug, Clone)]
pub struct CutNet {
    is_cut: Arc<watch::Sender<bool>>,
}

impl CutNet {
    pub async fn client(lab: &Lab) -> Result<(Self, Client), Problem> {
        let net = Self { is_cut: Arc::new(watch::channel(false).0) };
        let surroundings = Surroundings { net: Arc::new(net.clone()), ..Surroundings::default() };
        let client = Client::connect(ClientConfig { surroundings, ..Lab::config(&lab.bootstrap) }).await?;
        Ok((net, client))
    }

    /// Returns when every connection has ended: nothing that is sent from now on arrives.
    pub async fn cut(&self) {
        self.is_cut.send_replace(true);
        self.is_cut.closed().await;
    }
}

impl Net for CutNet {
    fn listen(&self, address: SocketAddr) -> BoxFuture<'_, io::Result<Listener>> {
        OsNet.listen(address)
    }

    fn connect<'a>(&'a self, host: &'a str, port: u16) -> BoxFuture<'a, io::Result<Stream>> {
        Box::pin(async move {
            let mut is_cut = self.is_cut.subscribe();
            if *is_cut.borrow() {
                return Err(io::ErrorKind::ConnectionRefused.into());
            }
            let stream = OsNet.connect(host, port).await?;
            let (local, peer) = (stream.local_addr()?, stream.peer_addr()?);
            let (near, mut far) = tokio::io::duplex(64 << 10);
            tokio::spawn(async move {
                let (mut read, mut write) = stream.into_split();
                let (mut far_read, mut far_write) = tokio::io::split(&mut far);
                let _ = tokio::select! {
                    biased;
                    _ = is_cut.wait_for(|cut| *cut) => Ok(()),
                    done = tokio::io::copy(&mut far_read, &mut write) => done.map(drop),
                    done = tokio::io::copy(&mut read, &mut far_write) => done.map(drop),
                };
            });
            Ok(Stream::Memory { pipe: Box::new(near), local, peer })
        })
    }
}
