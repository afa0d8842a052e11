//! One connection that speaks Kafka's protocol by hand: one request, then its answer.
//!
//! A client of our own would try again by itself; here the checker learns of every request, and of each what came of it.

use crate::broker::host::Shared;
use ottla_env::net::{Net, ReadHalf, WriteHalf};
use ottla_wire::frame::{LENGTH_BYTES, decode_response, encode_request};
use ottla_wire::{Message, Request};
use std::io;
use std::rc::Rc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

const CONNECT: Duration = Duration::from_secs(2);
/// No answer here is longer.
const ANSWER_MAX: usize = 1 << 20;

pub struct Line {
    shared: Rc<Shared>,
    client_id: String,
    read: ReadHalf,
    write: WriteHalf,
    next: i32,
}

impl Line {
    pub async fn open(shared: &Rc<Shared>, client_id: &str) -> Option<Self> {
        let opened = timeout(CONNECT, shared.net.connect("broker", 9092)).await;
        let (read, write) = opened.ok()?.ok()?.into_split();
        Some(Self { shared: Rc::clone(shared), client_id: client_id.to_owned(), read, write, next: 0 })
    }

    /// `None`: there was no answer within this time, and there will be none on this connection.
    pub async fn call<R: Request>(
        &mut self,
        version: i16,
        body: &R,
        patience: Duration,
    ) -> Option<R::Response> {
        let frame = timeout(patience, self.exchange(version, body)).await.ok()?.ok()?;
        match answer::<R::Response>(&frame, self.next, version) {
            Ok(answer) => Some(answer),
            Err(problem) => {
                self.shared.violated("answers can be read", format!("{} {version}: {problem}", R::NAME));
                None
            }
        }
    }

    /// The answer's frame without its length.
    async fn exchange<R: Request>(&mut self, version: i16, body: &R) -> io::Result<Vec<u8>> {
        self.next += 1;
        let frame = encode_request(self.next, &self.client_id, version, body).map_err(io::Error::other)?;
        self.write.write_all(&frame.to_bytes()).await?;
        self.write.flush().await?;
        let mut length = [0; LENGTH_BYTES];
        self.read.read_exact(&mut length).await?;
        let length = usize::try_from(i32::from_be_bytes(length)).unwrap_or(usize::MAX);
        if length > ANSWER_MAX {
            self.shared.violated("answers can be read", format!("{} has {length} bytes", R::NAME));
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut frame = vec![0; length];
        self.read.read_exact(&mut frame).await?;
        Ok(frame)
    }
}

fn answer<M: Message>(frame: &[u8], number: i32, version: i16) -> Result<M, String> {
    match decode_response(version, frame.to_vec().into()) {
        Ok((answered, body)) if answered == number => Ok(body),
        Ok((answered, _)) => Err(format!("request {number} was answered as {answered}")),
        Err(error) => Err(error.to_string()),
    }
}
