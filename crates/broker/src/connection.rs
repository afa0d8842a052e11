//! One connection: frames in, answers out in the order of the requests.
//!
//! The reading half takes a frame (its memory first), hands it to dispatch and goes on; at most [`AHEAD`] requests are
//! read ahead of the answer that is due. The writing half waits for one answer after the other.

use crate::context::{Client, Context};
use crate::dispatch::dispatch;
use crate::reply::{Later, Outcome, Reply};
use bytes::{Bytes, BytesMut};
use ottla_env::net::{ReadHalf, Stream, WriteHalf};
use ottla_wire::codec::Chunks;
use ottla_wire::frame::LENGTH_BYTES;
use std::io::{self, IoSlice};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::timeout;

/// Requests of one connection that may be worked on at once.
const AHEAD: usize = 8;
/// Frames up to this size need no share of the common memory.
const SMALL_FRAME: usize = 64 << 10;
/// Time for a frame to arrive, beside a second for each MiB.
const FRAME_TIME: Duration = Duration::from_secs(30);
/// Time for a client to take some bytes of an answer.
const WRITE_TIME: Duration = Duration::from_secs(60);
/// Slices in one gathered write; the kernel takes at most 1,024.
const SLICES: usize = 64;

/// What the connections share.
#[derive(Debug)]
pub struct Limits {
    pub max_frame_bytes: usize,
    pub idle: Duration,
    /// Memory of large frames, in KiB.
    pub large_frames: Arc<Semaphore>,
    pub large_frames_kib: u32,
}

struct Due {
    reply: Reply,
    _memory: Option<OwnedSemaphorePermit>,
}

/// Serves a client until it leaves, errs, or the broker stops; answers that are due are still given.
pub async fn serve(context: Arc<Context>, client: Client, limits: Arc<Limits>, stream: Stream) {
    let (reader, writer) = stream.into_split();
    let (due, queue) = mpsc::channel(AHEAD);
    let writing = tokio::spawn(write(writer, queue));
    let stopped = context.stopped();
    let reading = async {
        let mut reader = Reader { stream: reader, buffer: BytesMut::new(), limits: &limits };
        while let Some((frame, memory)) = reader.frame(&context).await {
            context.metrics.bytes_in(frame.len() + LENGTH_BYTES);
            let reply = dispatch(&context, &client, frame);
            if due.send(Due { reply, _memory: memory }).await.is_err() {
                break;
            }
        }
    };
    let mut writing = writing;
    tokio::select! {
        () = reading => {}
        () = stopped => {}
        // The client does not read any more, or an answer ended the connection.
        _ = &mut writing => return,
    }
    drop(due);
    let _ = writing.await;
}

struct Reader<'a> {
    stream: ReadHalf,
    buffer: BytesMut,
    limits: &'a Limits,
}

impl Reader<'_> {
    /// The next frame without its length. `None`: the connection is over.
    async fn frame(&mut self, context: &Context) -> Option<(Bytes, Option<OwnedSemaphorePermit>)> {
        let idle = self.limits.idle;
        if !timeout(idle, self.fill(LENGTH_BYTES)).await.unwrap_or(false) {
            return None;
        }
        let claimed = i32::from_be_bytes(*self.buffer.first_chunk::<LENGTH_BYTES>()?);
        let len = usize::try_from(claimed).ok().filter(|len| *len <= self.limits.max_frame_bytes);
        let Some(len) = len.filter(|len| *len >= 8) else {
            context.metrics.bad_request("frame_length");
            tracing::debug!(claimed, "a frame of an impossible length; the connection is closed");
            return None;
        };
        let whole = LENGTH_BYTES + len;
        let mut memory = None;
        if whole > SMALL_FRAME {
            let kib = u32::try_from(whole.div_ceil(1024)).unwrap_or(u32::MAX);
            let semaphore = Arc::clone(&self.limits.large_frames);
            memory = Some(semaphore.acquire_many_owned(kib.min(self.limits.large_frames_kib)).await.ok()?);
        }
        let time = FRAME_TIME + Duration::from_secs((len >> 20) as u64);
        if !timeout(time, self.fill(whole)).await.unwrap_or(false) {
            return None;
        }
        let mut frame = self.buffer.split_to(whole).freeze();
        let _ = frame.split_to(LENGTH_BYTES);
        Some((frame, memory))
    }

    /// Reads until so many bytes are there. False when the stream ends before.
    async fn fill(&mut self, len: usize) -> bool {
        while self.buffer.len() < len {
            // Memory that nobody has written to is not taken from the machine yet.
            self.buffer.reserve((len - self.buffer.len()).max(4096));
            match self.stream.read_buf(&mut self.buffer).await {
                Ok(0) | Err(_) => return false,
                Ok(_) => {}
            }
        }
        true
    }
}

async fn write(mut stream: WriteHalf, mut queue: mpsc::Receiver<Due>) {
    while let Some(Due { reply, _memory }) = queue.recv().await {
        let outcome = match reply {
            Reply::Now(outcome) => outcome,
            Reply::Later(later) => until(later).await,
        };
        match outcome {
            Outcome::Silent => {}
            Outcome::Answer(chunks) => {
                if let Err(error) = send(&mut stream, chunks).await {
                    tracing::debug!(error = %error, "an answer cannot be sent");
                    return;
                }
            }
            Outcome::Close(why) => {
                tracing::debug!(why, "the connection is closed");
                break;
            }
        }
    }
    let _ = timeout(WRITE_TIME, stream.shutdown()).await;
}

async fn until(later: Later) -> Outcome {
    later.await
}

async fn send(stream: &mut WriteHalf, chunks: Chunks) -> io::Result<()> {
    let mut list: &[Bytes] = &chunks.list;
    let mut offset = 0;
    while !list.is_empty() {
        let mut slices = [IoSlice::new(&[]); SLICES];
        let count = list.len().min(SLICES);
        for (i, (slice, chunk)) in slices.iter_mut().zip(list).enumerate() {
            *slice = IoSlice::new(if i == 0 { &chunk[offset..] } else { chunk });
        }
        let written = timeout(WRITE_TIME, stream.write_vectored(&slices[..count])).await;
        let mut written = written.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        if written == 0 && list.iter().any(|chunk| !chunk.is_empty()) {
            return Err(io::ErrorKind::WriteZero.into());
        }
        written += offset;
        while let Some(first) = list.first()
            && written >= first.len()
        {
            written -= first.len();
            list = &list[1..];
        }
        offset = written;
    }
    Ok(())
}
