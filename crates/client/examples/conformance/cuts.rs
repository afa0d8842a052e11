//! Connections that end in the middle of anything: no record lost, none twice, all in order.
//!
//! The client's network is exchanged for one that carries each connection a few kilobytes far, by chance, and then drops
//! it: within a request, within an answer, or between a write and its acknowledgement.

use crate::Outcome;
use crate::lab::{Lab, deliver, numbered, numbers_of};
use ottla_client::{Client, ClientConfig, ProducerConfig, ProducerRecord, Surroundings};
use ottla_env::net::{BoxFuture, Listener, Net, OsNet, Stream};
use ottla_env::rng::{Rng, SeededRng};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::AsyncReadExt;

const COUNT: u64 = 6_000;
const CUTS_MIN: usize = 5;
const PIPE_BYTES: usize = 16 << 10;
/// Bytes to the broker after which a connection may end; the first kilobyte is the greeting.
const UP: std::ops::Range<u64> = 2_000..80_000;
/// Bytes from the broker; the acknowledgement of a batch has less than a hundred.
const DOWN: std::ops::Range<u64> = 1_500..5_000;

#[derive(Debug)]
struct CuttingNet {
    rng: SeededRng,
    cuts: Arc<AtomicUsize>,
}

impl CuttingNet {
    fn within(&self, span: &std::ops::Range<u64>) -> u64 {
        span.start + self.rng.below(span.end - span.start)
    }
}

impl Net for CuttingNet {
    fn listen(&self, address: SocketAddr) -> BoxFuture<'_, io::Result<Listener>> {
        OsNet.listen(address)
    }

    fn connect<'a>(&'a self, host: &'a str, port: u16) -> BoxFuture<'a, io::Result<Stream>> {
        Box::pin(async move {
            let stream = OsNet.connect(host, port).await?;
            let (local, peer) = (stream.local_addr()?, stream.peer_addr()?);
            let (near, far) = tokio::io::duplex(PIPE_BYTES);
            let (up, down) = (self.within(&UP), self.within(&DOWN));
            let cuts = Arc::clone(&self.cuts);
            tokio::spawn(async move {
                let (broker_read, mut broker_write) = stream.into_split();
                let (client_read, mut client_write) = tokio::io::split(far);
                let (mut broker_read, mut client_read) = (broker_read.take(down), client_read.take(up));
                // Whichever ends first ends both, and with them the connection.
                let _ = tokio::select! {
                    done = tokio::io::copy(&mut client_read, &mut broker_write) => done,
                    done = tokio::io::copy(&mut broker_read, &mut client_write) => done,
                };
                if client_read.limit() == 0 || broker_read.limit() == 0 {
                    cuts.fetch_add(1, Ordering::Relaxed);
                }
            });
            Ok(Stream::Memory { pipe: Box::new(near), local, peer })
        })
    }
}

pub async fn idempotence(lab: &Lab) -> Outcome {
    let topic = lab.topic("cuts", 2, &[]).await?;
    let cuts = Arc::new(AtomicUsize::new(0));
    let net = CuttingNet { rng: SeededRng::new(7), cuts: Arc::clone(&cuts) };
    let surroundings = Surroundings { net: Arc::new(net), ..Surroundings::default() };
    let client = Client::connect(ClientConfig { surroundings, ..Lab::config(&lab.bootstrap) }).await?;
    let producer = client.producer(ProducerConfig { batch_size: 2 << 10, ..Default::default() })?;
    let record = |number: u64| ProducerRecord {
        key: Some(vec![b'k'; 100].into()),
        ..numbered(&topic, (number % 2) as i32, number)
    };
    let delivered = deliver(&producer, (0..COUNT).map(record)).await?;
    for (partition, records) in lab.read_all(&topic, 2).await? {
        let due = (0..COUNT).filter(|number| (number % 2) as i32 == partition);
        let numbers = numbers_of(&records)?;
        let (there, wanted) = (numbers.len(), due.clone().count());
        ensure!(
            numbers.into_iter().eq(due),
            "partition {partition}: {there} records for {wanted}, or out of order"
        );
    }
    let wrong = delivered.iter().zip(0..).find(|(d, n)| d.offset.is_some_and(|offset| offset != n / 2));
    ensure!(wrong.is_none(), "a record was told another place: {wrong:?}");
    let cuts = cuts.load(Ordering::Relaxed);
    ensure!(cuts >= CUTS_MIN, "only {cuts} connections were cut");
    Ok(format!("{COUNT} records once and in order over {cuts} cuts"))
}
