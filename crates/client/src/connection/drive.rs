//! The task behind a connection: writes requests, reads answers, and tells everybody who waits when it ends.
//!
//! An answer belongs to the oldest request without one; a request is noted as waiting before its first byte is
//! written, so an answer can never come too early. The oldest waiting request's deadline is the connection's.

use super::frames::{FrameError, FrameReader};
use crate::errors::ClientError;
use bytes::Bytes;
use ottla_env::net::{ReadHalf, WriteHalf};
use ottla_wire::codec::Chunks;
use std::io::IoSlice;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio::time::Instant;

#[derive(Debug)]
pub(super) struct Socket {
    pub read: ReadHalf,
    pub write: WriteHalf,
    pub peer: String,
    pub answer_bytes_max: usize,
}

/// A request on its way out.
#[derive(Debug)]
pub(super) enum Outgoing {
    Answered {
        frame: Chunks,
        expected: Expected,
    },
    /// `written` hears when the kernel has the last byte.
    Unanswered {
        frame: Chunks,
        written: oneshot::Sender<Result<Bytes, ClientError>>,
        _permit: OwnedSemaphorePermit,
    },
}

/// Somebody who waits for an answer.
#[derive(Debug)]
pub(super) struct Expected {
    pub correlation_id: i32,
    pub what: &'static str,
    pub deadline: Instant,
    pub timeout: Duration,
    pub reply: oneshot::Sender<Result<Bytes, ClientError>>,
    /// Given back when the answer is there.
    pub _permit: OwnedSemaphorePermit,
}

#[derive(Debug)]
struct Waiting {
    oldest: Option<Expected>,
    others: mpsc::Receiver<Expected>,
}

pub(super) async fn drive(
    socket: Socket,
    mut requests: mpsc::Receiver<Outgoing>,
    in_flight_max: usize,
    ended: Arc<OnceLock<ClientError>>,
) {
    let Socket { read, write, peer, answer_bytes_max } = socket;
    let (noted, others) = mpsc::channel(in_flight_max);
    let mut waiting = Waiting { oldest: None, others };
    let mut frames = FrameReader::new(read, answer_bytes_max);
    let error = tokio::select! {
        error = read_answers(&mut frames, &mut waiting, &peer) => error,
        error = write_requests(write, &mut requests, noted, &peer) => error,
    };
    tracing::debug!(peer, error = %error, "connection ended");
    let _ = ended.set(error.clone());
    requests.close();
    if let Some(oldest) = waiting.oldest.take() {
        // Whoever is behind a request without an answer only lost the connection.
        let _ = oldest.reply.send(Err(error.clone()));
    }
    let others = match error {
        ClientError::TimedOut { what, .. } => {
            ClientError::Disconnected { peer, cause: format!("an earlier request was not answered: {what}") }
        }
        error => error,
    };
    waiting.others.close();
    while let Some(expected) = waiting.others.recv().await {
        let _ = expected.reply.send(Err(others.clone()));
    }
    while let Some(outgoing) = requests.recv().await {
        let reply = match outgoing {
            Outgoing::Answered { expected, .. } => expected.reply,
            Outgoing::Unanswered { written, .. } => written,
        };
        let _ = reply.send(Err(others.clone()));
    }
}

async fn read_answers(frames: &mut FrameReader<ReadHalf>, waiting: &mut Waiting, peer: &str) -> ClientError {
    let malformed =
        |problem: &str| ClientError::Malformed { peer: peer.to_owned(), problem: problem.to_owned() };
    loop {
        let deadline = waiting.oldest.as_ref().map(|expected| expected.deadline);
        // All arms are cancel-safe: frames keep their bytes, the channel its entries.
        tokio::select! {
            biased;
            frame = frames.next() => {
                let frame = match frame {
                    Ok(frame) => frame,
                    Err(error @ FrameError::Length { .. }) => return malformed(&error.to_string()),
                    Err(error) => {
                        return ClientError::Disconnected { peer: peer.to_owned(), cause: error.to_string() };
                    }
                };
                let Some(expected) = waiting.oldest.take().or_else(|| waiting.others.try_recv().ok()) else {
                    return malformed("an answer that nobody asked for");
                };
                let correlation_id = frame.first_chunk().map(|bytes| i32::from_be_bytes(*bytes));
                if correlation_id != Some(expected.correlation_id) {
                    waiting.oldest = Some(expected);
                    return malformed("an answer to another request");
                }
                // Whoever asked may have gone; the answer is then of no use.
                let _ = expected.reply.send(Ok(frame));
            }
            next = waiting.others.recv(), if waiting.oldest.is_none() => match next {
                Some(expected) => waiting.oldest = Some(expected),
                // No handle is left and everything was answered.
                None => return ClientError::Closed,
            },
            () = tokio::time::sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => {
                let oldest = waiting.oldest.as_ref();
                let (what, after) = oldest.map_or(("request", Duration::ZERO), |e| (e.what, e.timeout));
                return ClientError::TimedOut { what: format!("{what} to {peer}"), after };
            }
        }
    }
}

/// Never returns but with an error: after the last request the reader decides when all is answered.
async fn write_requests(
    mut write: WriteHalf,
    requests: &mut mpsc::Receiver<Outgoing>,
    noted: mpsc::Sender<Expected>,
    peer: &str,
) -> ClientError {
    let lost =
        |error: std::io::Error| ClientError::Disconnected { peer: peer.to_owned(), cause: error.to_string() };
    while let Some(outgoing) = requests.recv().await {
        match outgoing {
            Outgoing::Answered { frame, expected } => {
                if noted.send(expected).await.is_err() {
                    break;
                }
                if let Err(error) = write_all(&mut write, frame).await {
                    return lost(error);
                }
            }
            Outgoing::Unanswered { frame, written, .. } => match write_all(&mut write, frame).await {
                Ok(()) => drop(written.send(Ok(Bytes::new()))),
                Err(error) => {
                    let error = lost(error);
                    let _ = written.send(Err(error.clone()));
                    return error;
                }
            },
        }
    }
    drop(noted);
    std::future::pending().await
}

/// Slices of one gathered write.
const GATHER: usize = 16;

async fn write_all(write: &mut (impl AsyncWrite + Unpin), frame: Chunks) -> std::io::Result<()> {
    let mut list = frame.list;
    let mut first = 0;
    while first < list.len() {
        let slices: Vec<IoSlice<'_>> = list[first..].iter().take(GATHER).map(|b| IoSlice::new(b)).collect();
        let mut written = write.write_vectored(&slices).await?;
        if written == 0 {
            return Err(std::io::ErrorKind::WriteZero.into());
        }
        while first < list.len() && written >= list[first].len() {
            written -= list[first].len();
            first += 1;
        }
        if written > 0 {
            let _ = list[first].split_to(written);
        }
    }
    write.flush().await
}
