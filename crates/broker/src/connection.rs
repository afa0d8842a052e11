//! One connection: frames in, answers out in the order of the requests.
//!
//! The reading half takes a frame (its memory first), hands it to dispatch and goes on; at most [`AHEAD`] requests are
//! read ahead of the answer that is due, and as many as there is memory for. The writing half waits for one answer after
//! the other. Behind an answer that says that the client has to wait because of a quota, nothing is done for it until it
//! has waited (KIP-219).
//!
//! The end of what the client sends is noticed at any time, and what would wait for minutes hears of it.

use crate::budget::{Budget, Memory, OWN_BYTES};
use crate::context::{Client, Context};
use crate::dispatch::{Dispatched, dispatch};
use crate::pace::Pace;
use crate::reply::{Answer, Later, Outcome, Reply};
use bytes::{Bytes, BytesMut};
use ottla_env::net::{ReadHalf, Stream, WriteHalf};
use ottla_wire::codec::Chunks;
use ottla_wire::frame::LENGTH_BYTES;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::timeout;

/// Requests of one connection that may be worked on at once.
const AHEAD: usize = 8;
/// Frames up to this size, which is what producers send by default, share memory that larger ones cannot take.
const MEDIUM_FRAME: usize = (1 << 20) + (64 << 10);
/// How many larger frames may have their first part while they wait for the memory of the rest.
const LARGE_FRAMES_BEGUN: usize = 8;
/// Frames up to this size may be read ahead without a share.
const TINY_FRAME: usize = 4 << 10;
/// Time for a client to send anything at all.
const FIRST_BYTE_TIME: Duration = Duration::from_secs(30);
/// A client that is silent for so long has no buffer of its own any more.
const BUSY_TIME: Duration = Duration::from_secs(1);
/// What a silent client's next request begins in.
const FIRST_BYTES: usize = 64;
/// Time for a client to take the end of the connection.
const CLOSE_TIME: Duration = Duration::from_secs(30);
/// Slices in one gathered write; the kernel takes at most 1,024.
const SLICES: usize = 64;

/// What the connections share.
#[derive(Debug)]
pub struct Limits {
    pub max_frame_bytes: usize,
    pub idle: Duration,
    /// Memory of frames up to [`MEDIUM_FRAME`], of the first part of larger ones, and of those.
    pub medium_frames: Budget,
    pub large_frames_begun: Budget,
    pub large_frames: Budget,
}

impl Limits {
    /// `queued_bytes`: what requests may take, of which frames take half, and more only where the largest has no room.
    pub fn new(queued_bytes: u64, max_frame_bytes: usize, idle: Duration) -> Self {
        Self {
            max_frame_bytes,
            idle,
            medium_frames: Budget::new(queued_bytes / 4),
            large_frames_begun: Budget::new((LARGE_FRAMES_BEGUN * MEDIUM_FRAME) as u64),
            large_frames: Budget::new((queued_bytes / 4).max(max_frame_bytes as u64)),
        }
    }

    pub fn memory_bytes(&self) -> u64 {
        [&self.medium_frames, &self.large_frames_begun, &self.large_frames]
            .map(Budget::size_bytes)
            .iter()
            .sum()
    }
}

/// Boxed, because a channel keeps room for many more of them than ever wait in it.
struct Due {
    dispatched: Dispatched,
    /// When it was read, and how long it took to be dispatched.
    read: Duration,
    dispatching: Duration,
    /// Of its frame.
    memory: Option<Memory>,
}

/// Whether the client has to wait before anything else is done for it.
#[derive(Debug, Default)]
struct Mute {
    is_on: AtomicBool,
    over: Notify,
}

impl Mute {
    async fn is_over(&self) {
        while self.is_on() {
            self.over.notified().await;
        }
    }

    fn is_on(&self) -> bool {
        self.is_on.load(Ordering::Acquire)
    }

    /// Memory for a frame, which is not taken while the client has to wait: others do something with it meanwhile. `None`
    /// after too long a wait: nothing is read then, so whether the client is still there is not seen.
    async fn take(&self, budget: &Budget, bytes: usize, longest: Duration) -> Option<Memory> {
        loop {
            timeout(longest, self.is_over()).await.ok()?;
            let memory = budget.take(bytes).await;
            if !self.is_on() {
                return Some(memory);
            }
        }
    }

    fn begin(&self) {
        self.is_on.store(true, Ordering::Release);
    }

    fn end(&self) {
        self.is_on.store(false, Ordering::Release);
        self.over.notify_one();
    }
}

/// Serves a client until it leaves, errs, or the broker stops; answers that are due are still given, but those that could
/// wait for minutes, which hear of `leaving`.
pub async fn serve(
    context: Arc<Context>,
    client: Client,
    leaving: watch::Sender<bool>,
    limits: Arc<Limits>,
    stream: Stream,
) {
    let (reader, writer) = stream.into_split();
    let (due, queue) = mpsc::channel(AHEAD);
    let mute = Arc::new(Mute::default());
    let left = client.left.clone();
    let writing = tokio::spawn(write(Arc::clone(&context), writer, queue, Arc::clone(&mute), left));
    let stopped = context.stopped();
    let reading = async {
        let mut reader = Reader {
            stream: reader,
            buffer: BytesMut::new(),
            limits: &limits,
            mute: &mute,
            is_known: false,
            has_ended: false,
        };
        while let Some((frame, mut memory)) = reader.frame(&context).await {
            context.metrics.bytes_in(frame.len() + LENGTH_BYTES);
            // Without memory for one more a connection has one request after the other.
            let mut alone = false;
            if memory.is_none() && frame.len() > TINY_FRAME && due.capacity() < AHEAD {
                memory = context.requests.try_fair(frame.len());
                alone = memory.is_none();
            }
            let place = async {
                mute.is_over().await;
                if alone {
                    drop(due.reserve_many(AHEAD).await?);
                }
                due.reserve().await
            };
            tokio::pin!(place);
            let place = loop {
                tokio::select! {
                    biased;
                    place = &mut place => break place,
                    () = reader.end() => drop(leaving.send_replace(true)),
                }
            };
            let Ok(place) = place else { break };
            let read = context.clock.monotonic();
            let dispatched = dispatch(&context, &client, frame);
            let dispatching = context.clock.monotonic().saturating_sub(read);
            place.send(Box::new(Due { dispatched, read, dispatching, memory }));
        }
    };
    let mut writing = writing;
    tokio::select! {
        () = reading => drop(leaving.send_replace(true)),
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
    mute: &'a Mute,
    /// It sent a whole frame before.
    is_known: bool,
    /// It sends nothing any more.
    has_ended: bool,
}

impl Reader<'_> {
    /// The next frame without its length. `None`: the connection is over.
    ///
    /// Memory is earned: the first part of a frame comes into what every connection has, the next one into what medium
    /// frames share, or the few larger ones that may begin, and only who sent that much waits for the rest. A claim alone
    /// takes nothing from anybody, and a large one nothing from those that are not.
    async fn frame(&mut self, context: &Context) -> Option<(Bytes, Option<Memory>)> {
        self.begin().await?;
        self.within(LENGTH_BYTES, None).await?;
        let claimed = i32::from_be_bytes(*self.buffer.first_chunk::<LENGTH_BYTES>()?);
        let len = usize::try_from(claimed).ok().filter(|len| *len <= self.limits.max_frame_bytes);
        let Some(len) = len.filter(|len| *len >= 8) else {
            context.metrics.bad_request("frame_length");
            tracing::debug!(claimed, "a frame of an impossible length; the connection is closed");
            return None;
        };
        let whole = LENGTH_BYTES + len;
        let Limits { medium_frames, large_frames_begun, large_frames, idle, .. } = self.limits;
        let mut memory = None;
        self.within(whole.min(OWN_BYTES), None).await?;
        if whole > OWN_BYTES {
            let first = if whole > MEDIUM_FRAME { large_frames_begun } else { medium_frames };
            let taken = self.mute.take(first, whole.min(MEDIUM_FRAME), *idle).await?;
            self.paced(context, whole.min(MEDIUM_FRAME), &taken).await?;
            memory = Some(taken);
        }
        if whole > MEDIUM_FRAME {
            let taken = self.mute.take(large_frames, whole, *idle).await?;
            drop(memory);
            self.paced(context, whole, &taken).await?;
            memory = Some(taken);
        }
        self.is_known = true;
        let mut frame = self.buffer.split_to(whole).freeze();
        let _ = frame.split_to(LENGTH_BYTES);
        Some((frame, memory))
    }

    /// Waits for the first bytes of a frame: of a client that is busy in the buffer, else without one, so that ten
    /// thousand idle connections take little memory.
    async fn begin(&mut self) -> Option<()> {
        let time = if self.is_known { self.limits.idle } else { FIRST_BYTE_TIME.min(self.limits.idle) };
        let busy = BUSY_TIME.min(time);
        if let Ok(arrived) = timeout(busy, self.fill(1)).await {
            return arrived.then_some(());
        }
        self.buffer = BytesMut::new();
        let mut first = [0; FIRST_BYTES];
        let len = timeout(time - busy, self.stream.read(&mut first)).await.ok()?.ok()?;
        self.buffer.extend_from_slice(&first[..len]);
        (len > 0).then_some(())
    }

    /// Waits until so many bytes are there, as long as a frame may take.
    async fn within(&mut self, len: usize, memory: Option<&Memory>) -> Option<()> {
        let before = self.buffer.len();
        if before >= len {
            return Some(());
        }
        let mut pace = Pace::of(len - before);
        while self.buffer.len() < len && !self.has_ended {
            pace.keep(self.buffer.len() - before, memory, self.read(len)).await?;
        }
        (self.buffer.len() >= len).then_some(())
    }

    async fn paced(&mut self, context: &Context, len: usize, memory: &Memory) -> Option<()> {
        let arrived = self.within(len, Some(memory)).await;
        if arrived.is_none() && !self.has_ended {
            context.metrics.bad_request("slow");
            tracing::debug!(bytes = len, "a frame comes too slowly; the connection is closed");
        }
        arrived
    }

    /// Reads until so many bytes are there. False when the stream ends before.
    async fn fill(&mut self, len: usize) -> bool {
        while self.buffer.len() < len {
            if self.has_ended {
                return false;
            }
            self.read(len).await;
        }
        true
    }

    /// Reads what comes, with room for so many bytes in all.
    async fn read(&mut self, len: usize) {
        // Memory that nobody has written to is not taken from the machine yet.
        self.buffer.reserve(len.saturating_sub(self.buffer.len()).max(4096));
        match self.stream.read_buf(&mut self.buffer).await {
            Ok(0) | Err(_) => self.has_ended = true,
            Ok(_) => {}
        }
    }

    /// Returns once, when the client sends nothing any more. What it sends before is kept, as far as there is room for
    /// it; behind more than that its end is not seen.
    async fn end(&mut self) {
        if self.has_ended || self.fill(OWN_BYTES).await {
            std::future::pending::<()>().await;
        }
    }
}

async fn write(
    context: Arc<Context>,
    mut stream: WriteHalf,
    mut queue: mpsc::Receiver<Box<Due>>,
    mute: Arc<Mute>,
    mut left: watch::Receiver<bool>,
) {
    let (clock, metrics) = (&context.clock, &context.metrics);
    while let Some(due) = queue.recv().await {
        let Due { dispatched, read, dispatching, memory } = *due;
        let turn = clock.monotonic();
        let charge = dispatched.charge;
        let outcome = match (dispatched.reply, &charge) {
            (Reply::Now(outcome), _) => outcome,
            (Reply::Later(later), None) => until(later).await,
            (Reply::Later(later), Some(charge)) => charge.timed(until(later)).await,
        };
        // Before the answer is there, so that nothing which follows it slips through.
        let wait = charge.as_ref().map_or(Duration::ZERO, |charge| charge.wait());
        if !wait.is_zero() {
            mute.begin();
        }
        let made = clock.monotonic();
        let api = dispatched.api.unwrap_or("unreadable");
        if dispatched.api.is_some() {
            let queued = turn.saturating_sub(read + dispatching);
            metrics.handled(api, queued, made.saturating_sub(turn) + dispatching);
        }
        match outcome {
            Outcome::Silent => {}
            Outcome::Answer(Answer { chunks, memory: held }) => {
                // A large one that took none before holds it at least until it is sent.
                let held = match held {
                    None => context.answers.room(chunks.len).await,
                    taken => taken,
                };
                metrics.answered(api, chunks.len, &chunks.errors);
                let sending = send(&mut stream, chunks, held.as_ref());
                let sent = match &charge {
                    None => sending.await,
                    Some(charge) => charge.timed(sending).await,
                };
                if let Err(error) = sent {
                    tracing::debug!(error = %error, "an answer cannot be sent");
                    return;
                }
                drop(held);
                charge.iter().for_each(|charge| charge.sent());
                metrics.sent(clock.monotonic().saturating_sub(made));
            }
            Outcome::Close(why) => {
                tracing::debug!(why, "the connection is closed");
                break;
            }
        }
        // The request is done, and others cannot do without its memory for as long as a wait may take.
        drop((memory, dispatched.decoded));
        if !wait.is_zero() {
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                _ = left.wait_for(|left| *left) => {}
                () = context.stopped() => {}
            }
            mute.end();
        }
    }
    let _ = timeout(CLOSE_TIME, stream.shutdown()).await;
}

async fn until(later: Later) -> Outcome {
    later.await
}

/// Writes all of an answer in its time, which does not begin anew with each part that the client takes.
async fn send(stream: &mut WriteHalf, chunks: Chunks, memory: Option<&Memory>) -> io::Result<()> {
    let mut list: &[Bytes] = &chunks.list;
    let mut offset = 0;
    let mut pace = Pace::of(chunks.len);
    let mut sent = 0;
    while !list.is_empty() {
        // The slices are made at each attempt, so that a connection which waits keeps no room for them.
        let write = poll_fn(|cx| {
            let mut slices = [IoSlice::new(&[]); SLICES];
            for (i, (slice, chunk)) in slices.iter_mut().zip(list).enumerate() {
                *slice = IoSlice::new(if i == 0 { &chunk[offset..] } else { chunk });
            }
            Pin::new(&mut *stream).poll_write_vectored(cx, &slices[..list.len().min(SLICES)])
        });
        let written = pace.keep(sent, memory, write).await;
        let mut written = written.ok_or_else(|| io::Error::from(io::ErrorKind::TimedOut))??;
        if written == 0 && list.iter().any(|chunk| !chunk.is_empty()) {
            return Err(io::ErrorKind::WriteZero.into());
        }
        sent += written;
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
