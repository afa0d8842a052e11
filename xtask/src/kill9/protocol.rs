//! The few requests that the harness sends by itself, written by hand so that nothing of the product takes part.
//!
//! Old versions without tagged fields: Metadata 1, CreateTopics 2, DeleteTopics 1, InitProducerId 0, Produce 3 and
//! ListOffsets 1 are understood by every Kafka since 1.0 and by 4.4.

use super::record::crc32c;
use anyhow::{Context, Result, bail};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

const PRODUCE: i16 = 0;
const FETCH: i16 = 1;
const LIST_OFFSETS: i16 = 2;
const METADATA: i16 = 3;
const CREATE_TOPICS: i16 = 19;
const DELETE_TOPICS: i16 = 20;
const INIT_PRODUCER_ID: i16 = 22;

const FRAME_MAX: usize = 1 << 24;
const TIMEOUT_MS: i32 = 10_000;

/// An answer's error code together with what was answered.
pub type Answer<T> = std::result::Result<T, i16>;

#[derive(Debug)]
pub struct Connection {
    socket: TcpStream,
    correlation: i32,
}

impl Connection {
    pub fn open(port: u16) -> Result<Self> {
        let socket = TcpStream::connect(("127.0.0.1", port)).context("connect")?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(Duration::from_secs(20)))?;
        Ok(Self { socket, correlation: 0 })
    }

    pub fn init_producer_id(&mut self) -> Result<Answer<i64>> {
        let mut body = Writer::default();
        body.i16(-1).i32(60_000);
        let answer = self.send(INIT_PRODUCER_ID, 0, body)?;
        let mut answer = Reader(&answer);
        answer.i32()?;
        let code = answer.i16()?;
        let id = answer.i64()?;
        Ok(if code == 0 { Ok(id) } else { Err(code) })
    }

    pub fn create_topic(&mut self, name: &str, partitions: i32) -> Result<Answer<()>> {
        let mut body = Writer::default();
        body.i32(1).text(name).i32(partitions).i16(1).i32(0).i32(0).i32(TIMEOUT_MS).i8(0);
        let answer = self.send(CREATE_TOPICS, 2, body)?;
        topic_code(&answer)
    }

    pub fn delete_topic(&mut self, name: &str) -> Result<Answer<()>> {
        let mut body = Writer::default();
        body.i32(1).text(name).i32(TIMEOUT_MS);
        let answer = self.send(DELETE_TOPICS, 1, body)?;
        topic_code(&answer)
    }

    /// Writes one record to partition 0 with acks=all and returns its offset.
    pub fn produce(&mut self, topic: &str, value: &[u8]) -> Result<Answer<i64>> {
        let batch = batch(value);
        let mut body = Writer::default();
        body.i16(-1).i16(-1).i32(TIMEOUT_MS).i32(1).text(topic).i32(1).i32(0);
        body.i32(i32::try_from(batch.len())?).bytes(&batch);
        let answer = self.send(PRODUCE, 3, body)?;
        let mut answer = Reader(&answer);
        answer.i32()?;
        answer.text()?;
        answer.i32()?;
        answer.i32()?;
        let code = answer.i16()?;
        let offset = answer.i64()?;
        Ok(if code == 0 { Ok(offset) } else { Err(code) })
    }

    /// Reads whole batches of partition 0 from an offset on, of so many bytes or one that is larger.
    pub fn fetch(&mut self, topic: &str, offset: i64, max_bytes: i32) -> Result<Answer<Vec<u8>>> {
        let answer = self.send(FETCH, 4, fetching(topic, offset, max_bytes))?;
        let mut answer = Reader(&answer);
        answer.i32()?;
        answer.i32()?;
        answer.text()?;
        answer.i32()?;
        answer.i32()?;
        let code = answer.i16()?;
        answer.i64()?;
        answer.i64()?;
        for _ in 0..answer.i32()? {
            answer.i64()?;
            answer.i64()?;
        }
        let len = usize::try_from(answer.i32()?).unwrap_or(0);
        let records = answer.take(len)?.to_vec();
        Ok(if code == 0 { Ok(records) } else { Err(code) })
    }

    /// Sends so many fetches and reads no answer to them.
    pub fn fetch_unread(&mut self, topic: &str, max_bytes: i32, count: usize) -> Result<()> {
        for _ in 0..count {
            let frame = self.frame(FETCH, 4, &fetching(topic, 0, max_bytes))?;
            self.socket.write_all(&frame)?;
        }
        Ok(())
    }

    /// How long an answer may take.
    pub fn wait_at_most(&self, time: Duration) -> Result<()> {
        Ok(self.socket.set_read_timeout(Some(time))?)
    }

    /// The end of each partition: the offset that the next record will get, as consumers see it.
    fn ends(&mut self, topic: &str, partitions: u32) -> Result<Answer<Vec<i64>>> {
        let mut body = Writer::default();
        body.i32(-1).i32(1).text(topic).i32(i32::try_from(partitions)?);
        for partition in 0..partitions {
            body.i32(i32::try_from(partition)?).i64(-1);
        }
        let answer = self.send(LIST_OFFSETS, 1, body)?;
        let mut answer = Reader(&answer);
        answer.i32()?;
        answer.text()?;
        let mut ends = vec![-1; partitions as usize];
        for _ in 0..answer.i32()? {
            let partition = usize::try_from(answer.i32()?)?;
            let code = answer.i16()?;
            answer.i64()?;
            let offset = answer.i64()?;
            if code != 0 {
                return Ok(Err(code));
            }
            *ends.get_mut(partition).context("a partition nobody asked for")? = offset;
        }
        Ok(Ok(ends))
    }

    /// The same, asked again for `patience` while the answer is an error: Apache Kafka says that it is ready before
    /// its partitions have leaders.
    pub fn settled_ends(
        &mut self,
        topic: &str,
        partitions: u32,
        patience: Duration,
    ) -> Result<Answer<Vec<i64>>> {
        let start = Instant::now();
        loop {
            let answer = self.ends(topic, partitions)?;
            if answer.is_ok() || start.elapsed() >= patience {
                return Ok(answer);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The names of all topics.
    pub fn topics(&mut self) -> Result<Vec<String>> {
        let mut body = Writer::default();
        body.i32(-1);
        let answer = self.send(METADATA, 1, body)?;
        let mut answer = Reader(&answer);
        for _ in 0..answer.i32()? {
            answer.i32()?;
            answer.text()?;
            answer.i32()?;
            answer.text()?;
        }
        answer.i32()?;
        let mut names = Vec::new();
        for _ in 0..answer.i32()? {
            answer.i16()?;
            names.push(answer.text()?.to_owned());
            answer.i8()?;
            for _ in 0..answer.i32()? {
                answer.i16()?;
                answer.i32()?;
                answer.i32()?;
                for _ in 0..2 {
                    for _ in 0..answer.i32()? {
                        answer.i32()?;
                    }
                }
            }
        }
        Ok(names)
    }

    fn frame(&mut self, api: i16, version: i16, body: &Writer) -> Result<Vec<u8>> {
        self.correlation += 1;
        let mut request = Writer::default();
        request.i16(api).i16(version).i32(self.correlation).text("kill9").bytes(&body.0);
        let mut frame = Writer::default();
        frame.i32(i32::try_from(request.0.len())?).bytes(&request.0);
        Ok(frame.0)
    }

    pub(super) fn send(&mut self, api: i16, version: i16, body: Writer) -> Result<Vec<u8>> {
        let frame = self.frame(api, version, &body)?;
        self.socket.write_all(&frame)?;
        let mut size = [0; 4];
        self.socket.read_exact(&mut size)?;
        let size = usize::try_from(i32::from_be_bytes(size))?;
        if !(4..=FRAME_MAX).contains(&size) {
            bail!("an answer of {size} bytes");
        }
        let mut answer = vec![0; size];
        self.socket.read_exact(&mut answer)?;
        let correlation = Reader(&answer).i32()?;
        if correlation != self.correlation {
            bail!("answer {correlation} to request {}", self.correlation);
        }
        Ok(answer.split_off(4))
    }
}

/// Fetch 4 of partition 0 that waits for half a second where there is nothing.
fn fetching(topic: &str, offset: i64, max_bytes: i32) -> Writer {
    let mut body = Writer::default();
    body.i32(-1).i32(500).i32(1).i32(max_bytes).i8(0);
    body.i32(1).text(topic).i32(1).i32(0).i64(offset).i32(max_bytes);
    body
}

/// The code of the only topic: DeleteTopics puts the throttle time in front, CreateTopics 2 too.
fn topic_code(answer: &[u8]) -> Result<Answer<()>> {
    let mut answer = Reader(answer);
    answer.i32()?;
    if answer.i32()? != 1 {
        bail!("one topic was asked for");
    }
    answer.text()?;
    let code = answer.i16()?;
    Ok(if code == 0 { Ok(()) } else { Err(code) })
}

/// A record batch with one record, without key, headers and producer.
fn batch(value: &[u8]) -> Vec<u8> {
    let mut record = Writer::default();
    record.i8(0).varint(0).varint(0).varint(-1).varint(value.len() as i64).bytes(value).varint(0);
    let mut tail = Writer::default();
    tail.i16(0).i32(0).i64(1_700_000_000_000).i64(1_700_000_000_000).i64(-1).i16(-1).i32(-1).i32(1);
    tail.varint(record.0.len() as i64).bytes(&record.0);
    let mut batch = Writer::default();
    let length = i32::try_from(tail.0.len() + 9).unwrap_or(i32::MAX);
    batch.i64(0).i32(length).i32(-1).i8(2).bytes(&crc32c(&tail.0).to_be_bytes()).bytes(&tail.0);
    batch.0
}

#[derive(Debug, Default)]
pub(super) struct Writer(Vec<u8>);

impl Writer {
    pub(super) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }

    pub(super) fn i8(&mut self, value: i8) -> &mut Self {
        self.bytes(&value.to_be_bytes())
    }

    pub(super) fn i16(&mut self, value: i16) -> &mut Self {
        self.bytes(&value.to_be_bytes())
    }

    pub(super) fn i32(&mut self, value: i32) -> &mut Self {
        self.bytes(&value.to_be_bytes())
    }

    pub(super) fn i64(&mut self, value: i64) -> &mut Self {
        self.bytes(&value.to_be_bytes())
    }

    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        self.i16(i16::try_from(text.len()).unwrap_or(i16::MAX)).bytes(text.as_bytes())
    }

    fn varint(&mut self, value: i64) -> &mut Self {
        let mut rest = (value << 1 ^ value >> 63).cast_unsigned();
        while rest >= 0x80 {
            self.0.push((rest & 0x7f | 0x80) as u8);
            rest >>= 7;
        }
        self.0.push(rest as u8);
        self
    }
}

pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn take(&mut self, len: usize) -> Result<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(len).context("a short answer")?;
        self.0 = rest;
        Ok(head)
    }

    pub(super) fn i8(&mut self) -> Result<i8> {
        Ok(i8::from_be_bytes(self.take(1)?.try_into()?))
    }

    pub(super) fn i16(&mut self) -> Result<i16> {
        Ok(i16::from_be_bytes(self.take(2)?.try_into()?))
    }

    pub(super) fn i32(&mut self) -> Result<i32> {
        Ok(i32::from_be_bytes(self.take(4)?.try_into()?))
    }

    pub(super) fn i64(&mut self) -> Result<i64> {
        Ok(i64::from_be_bytes(self.take(8)?.try_into()?))
    }

    /// A string; null is an empty one.
    pub(super) fn text(&mut self) -> Result<&'a str> {
        let len = self.i16()?.max(0);
        Ok(std::str::from_utf8(self.take(usize::try_from(len)?)?)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_has_the_layout_of_magic_2() {
        let batch = batch(b"abc");
        assert_eq!(i32::from_be_bytes(batch[8..12].try_into().unwrap()) as usize, batch.len() - 12);
        assert_eq!(batch[16], 2);
        assert_eq!(u32::from_be_bytes(batch[17..21].try_into().unwrap()), crc32c(&batch[21..]));
        // length 9, attributes, two zero deltas, null key, three bytes, no headers
        assert_eq!(batch[61..], [18, 0, 0, 0, 1, 6, b'a', b'b', b'c', 0]);
    }

    #[test]
    fn varints_are_zigzag() {
        let mut writer = Writer::default();
        writer.varint(-1).varint(300);
        assert_eq!(writer.0, [1, 0xd8, 0x04]);
    }
}
