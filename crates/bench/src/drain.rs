//! Fetch as fast as the broker gives it, from the first offset to the end that stood when the run began.
//!
//! Each connection asks for all its partitions and waits for the answer, as a plain consumer does. Of a batch only the
//! header is read, unless more is asked for: lengths must fit, offsets must go on. Records are counted by what the header
//! says.

use crate::connection::CLIENT_ID;
use crate::connection::{Connection, check, decode, next_answer, write_chunks};
use crate::figures::{Latencies, Measured};
use crate::layout::{Layout, Share};
use crate::progress::Progress;
use bytes::Bytes;
use ottla_client::config::Surroundings;
use ottla_client::{Client, ClientError, ErrorCode, OffsetSpec};
use ottla_env::clock::Clock;
use ottla_wire::batch::{BatchError, BatchHeader, validate};
use ottla_wire::frame::encode_request;
use ottla_wire::messages::fetch::{FetchPartition, FetchRequest, FetchResponse, FetchTopic, PartitionData};
use std::sync::Arc;
use tokio::task::JoinSet;

/// The last version that names a topic by its name.
const FETCH_BY_NAME: i16 = 12;
/// What the broker may wait when it has nothing.
const MAX_WAIT_MS: i32 = 500;
/// Answers in a row that bring nothing although the end is not reached.
const EMPTY_MAX: u32 = 20;

#[derive(Debug, Clone)]
pub struct DrainConfig {
    /// To each broker; never more than it leads partitions.
    pub connections: usize,
    /// Of one answer.
    pub fetch_bytes: i32,
    /// Of one partition in an answer.
    pub partition_bytes: i32,
    pub check: Check,
}

/// What is looked at in a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// Costs next to nothing, so that the broker is measured and not the reader.
    Header,
    /// The CRC and the count too, and no offset may be missing: for a topic that loses nothing to compaction.
    Whole,
}

#[derive(Debug)]
pub struct Drain {
    lanes: Vec<Lane>,
    clock: Arc<dyn Clock>,
    records: u64,
}

#[derive(Debug)]
struct Lane {
    connection: Connection,
    topic: String,
    version: i16,
    config: DrainConfig,
    /// Those that are not at their end yet.
    places: Vec<Place>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    partition: i32,
    offset: i64,
    end: i64,
}

impl Drain {
    /// Finds out where each partition begins and ends, and opens the connections.
    pub async fn prepare(
        client: &Client,
        layout: &Layout,
        config: &DrainConfig,
        surroundings: &Surroundings,
    ) -> Result<Self, ClientError> {
        let starts = layout.offsets(client, OffsetSpec::Earliest).await?;
        let ends = layout.offsets(client, OffsetSpec::Latest).await?;
        let mut lanes = Vec::new();
        let mut records = 0;
        for share in layout.divided(config.connections) {
            let Share { address, partitions } = share;
            let connection = Connection::open(surroundings.net.as_ref(), &address).await?;
            let version = connection.version::<FetchRequest>(FETCH_BY_NAME)?;
            let place = |partition: i32| {
                let (offset, end) = (*starts.get(&partition)?, *ends.get(&partition)?);
                (offset < end).then_some(Place { partition, offset, end })
            };
            let places: Vec<Place> = partitions.into_iter().filter_map(place).collect();
            records += places.iter().map(|place| place.end.abs_diff(place.offset)).sum::<u64>();
            let (topic, config) = (layout.topic.clone(), config.clone());
            lanes.push(Lane { connection, topic, version, config, places });
        }
        Ok(Self { lanes, clock: Arc::clone(&surroundings.clock), records })
    }

    /// Offsets between the beginnings and the ends; a compacted topic has fewer records.
    pub fn offsets(&self) -> u64 {
        self.records
    }

    pub async fn run(self, progress: &Arc<Progress>) -> Result<Measured, ClientError> {
        let began = self.clock.monotonic();
        let mut running = JoinSet::new();
        for lane in self.lanes {
            running.spawn(lane.run(Arc::clone(progress), Arc::clone(&self.clock)));
        }
        let mut latencies = Latencies::default();
        while let Some(ended) = running.join_next().await {
            let ended = ended.map_err(|error| ClientError::Invalid(format!("a connection: {error}")))?;
            latencies.merge(&ended?);
        }
        let elapsed = self.clock.monotonic().saturating_sub(began);
        Ok(Measured { done: progress.done(), elapsed, latencies })
    }
}

impl Lane {
    async fn run(mut self, progress: Arc<Progress>, clock: Arc<dyn Clock>) -> Result<Latencies, ClientError> {
        let mut latencies = Latencies::default();
        let mut correlation_id = 0_i32;
        let mut empty = 0;
        while !self.places.is_empty() && !progress.is_stopped() {
            correlation_id = correlation_id.wrapping_add(1) & i32::MAX;
            let began = clock.monotonic();
            let response = self.fetch(correlation_id).await?;
            latencies.record(clock.monotonic().saturating_sub(began));
            let walked = self.take(&response)?;
            progress.add(walked.records, walked.bytes);
            empty = if walked.bytes == 0 { empty + 1 } else { 0 };
            if empty == EMPTY_MAX {
                return Err(self.malformed("nothing more comes although the end is not reached".to_owned()));
            }
            // The answer may be full before the last partition is reached: the next one begins with that.
            if self.places.len() > 1 {
                self.places.rotate_left(1);
            }
        }
        Ok(latencies)
    }

    async fn fetch(&mut self, correlation_id: i32) -> Result<FetchResponse, ClientError> {
        let partitions = self.places.iter().map(|place| FetchPartition {
            partition: place.partition,
            fetch_offset: place.offset,
            partition_max_bytes: self.config.partition_bytes,
            ..FetchPartition::default()
        });
        let topic = FetchTopic {
            topic: self.topic.as_str().into(),
            partitions: partitions.collect(),
            ..FetchTopic::default()
        };
        let request = FetchRequest {
            max_wait_ms: MAX_WAIT_MS,
            min_bytes: 1,
            max_bytes: self.config.fetch_bytes,
            session_epoch: -1,
            topics: vec![topic],
            ..FetchRequest::default()
        };
        let frame = encode_request(correlation_id, CLIENT_ID, self.version, &request)
            .map_err(|error| ClientError::Invalid(format!("fetch request: {error}")))?;
        let Connection { peer, read, write, .. } = &mut self.connection;
        write_chunks(write, peer, Bytes::new(), &frame.list).await?;
        let answer = next_answer(read, peer, "Fetch").await?;
        decode(peer, self.version, correlation_id, answer)
    }

    fn take(&mut self, response: &FetchResponse) -> Result<Walked, ClientError> {
        check("Fetch", response.error_code)?;
        let mut sum = Walked::default();
        for answer in response.responses.iter().flat_map(|topic| &topic.partitions) {
            let walked = self.take_partition(answer)?;
            sum.records += walked.records;
            sum.bytes += walked.bytes;
        }
        self.places.retain(|place| place.offset < place.end);
        Ok(sum)
    }

    fn take_partition(&mut self, answer: &PartitionData) -> Result<Walked, ClientError> {
        let what = || format!("fetch {}/{}", self.topic, answer.partition_index);
        let code = ErrorCode::from_code(answer.error_code);
        if code.is_error() {
            return Err(ClientError::Refused { what: what(), code, message: None });
        }
        let index = self.places.iter().position(|place| place.partition == answer.partition_index);
        let Some(index) = index else {
            return Err(self.malformed(format!("{}, which nobody asked for", what())));
        };
        let records = answer.records.as_ref().map(|records| records.to_bytes()).unwrap_or_default();
        let walked = walk(&records, self.places[index].offset, self.config.check)
            .map_err(|problem| self.malformed(format!("{}: {problem}", what())))?;
        self.places[index].offset = walked.next_offset;
        Ok(walked)
    }

    fn malformed(&self, problem: String) -> ClientError {
        ClientError::Malformed { peer: self.connection.peer.clone(), problem }
    }
}

/// What stood in the records of one partition.
#[derive(Debug, Default, PartialEq, Eq)]
struct Walked {
    records: u64,
    bytes: u64,
    next_offset: i64,
}

/// Goes from header to header. A batch that is cut off at the end comes again with the next answer.
fn walk(records: &[u8], offset: i64, check: Check) -> Result<Walked, String> {
    let mut walked = Walked { next_offset: offset, ..Walked::default() };
    let mut rest = records;
    while !rest.is_empty() {
        let header = match BatchHeader::parse(rest) {
            Err(BatchError::Incomplete) => break,
            parsed => parsed.map_err(|error| error.to_string())?,
        };
        let Some(behind) = rest.get(header.size()..) else { break };
        if header.next_offset() <= walked.next_offset {
            let (first, last) = (header.base_offset, header.last_offset());
            return Err(format!("a batch {first} to {last} where {} is due", walked.next_offset));
        }
        if check == Check::Whole {
            validate(rest).map_err(|error| format!("the batch at {}: {error}", header.base_offset))?;
            if header.base_offset != walked.next_offset {
                return Err(format!("a batch at {} where {} is due", header.base_offset, walked.next_offset));
            }
        }
        walked.records += u64::from(header.record_count.unsigned_abs());
        walked.bytes += header.size() as u64;
        walked.next_offset = header.next_offset();
        rest = behind;
    }
    Ok(walked)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ottla_wire::record::{BatchBuilder, BuildOptions};

    fn batch(base_offset: i64, records: usize) -> Bytes {
        let mut builder = BatchBuilder::new();
        (0..records).for_each(|_| builder.push(0, None, Some(b"value"), &[]));
        builder.build(BuildOptions { base_offset, ..BuildOptions::default() }).unwrap()
    }

    #[test]
    fn whole_batches_count_and_a_cut_one_waits_for_the_next_answer() {
        let (first, second) = (batch(10, 3), batch(13, 2));
        let both = [&first[..], &second].concat();
        let walked = walk(&both, 10, Check::Header).unwrap();
        assert_eq!(walked, Walked { records: 5, bytes: both.len() as u64, next_offset: 15 });
        for cut in [1, second.len() - 1] {
            let walked = walk(&both[..first.len() + cut], 10, Check::Header).unwrap();
            assert_eq!(walked, Walked { records: 3, bytes: first.len() as u64, next_offset: 13 }, "{cut}");
        }
        assert_eq!(walk(&[], 7, Check::Header).unwrap(), Walked { next_offset: 7, ..Walked::default() });
    }

    #[test]
    fn the_first_batch_may_begin_before_the_offset_and_none_may_come_twice() {
        assert_eq!(walk(&batch(10, 3), 11, Check::Header).unwrap().next_offset, 13);
        assert!(walk(&batch(10, 3), 13, Check::Header).is_err());
        assert!(walk(&[&batch(13, 2)[..], &batch(10, 3)].concat(), 13, Check::Header).is_err());
        let mut foreign = batch(0, 1).to_vec();
        foreign[16] = 9;
        assert!(walk(&foreign, 0, Check::Header).is_err());
    }

    #[test]
    fn a_whole_check_finds_what_is_missing_and_what_is_broken() {
        let whole = [batch(0, 3), batch(3, 2)].concat();
        assert_eq!(walk(&whole, 0, Check::Whole).unwrap().next_offset, 5);
        let gap = [batch(0, 3), batch(4, 2)].concat();
        assert!(walk(&gap, 0, Check::Header).is_ok());
        assert_eq!(walk(&gap, 0, Check::Whole).unwrap_err(), "a batch at 4 where 3 is due");
        let mut broken = whole;
        *broken.last_mut().unwrap() ^= 1;
        assert!(walk(&broken, 0, Check::Header).is_ok());
        assert!(walk(&broken, 0, Check::Whole).unwrap_err().starts_with("the batch at 3: "));
    }
}
