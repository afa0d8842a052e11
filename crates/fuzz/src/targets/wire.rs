//! Heads and bodies of requests and answers, records of internal topics, batches, codecs, names.

use crate::corpus;
use crate::memory;
use bytes::Bytes;
use ottla_state::topic_name;
use ottla_wire::batch::{self, BatchHeader, HEADER_LEN, ProduceRules, crc32c};
use ottla_wire::compress::{Codec, compress, decompress};
use ottla_wire::record;
use ottla_wire::request::decode_head;
use ottla_wire::{DecodeBudget, DecodeError, Decoder, Encoder, Message};
use std::sync::LazyLock;

/// What records may have after decompression here.
const LIMIT: usize = 1 << 17;
/// What decompression may hold beside its output, which grows by doubling: an LZ4 frame may have blocks of 8 MiB.
const DECOMPRESSION_BOUND: usize = 4 * LIMIT + (32 << 20);

type Read = fn(Bytes, i16) -> bool;

fn table() -> Vec<(&'static str, Read)> {
    macro_rules! table {
        ($($message:path = $name:literal $key:literal;)+) => {
            vec![$(($name, read::<$message> as Read)),+]
        };
    }
    ottla_wire::each_message!(table)
}

static TABLE: LazyLock<Vec<(&'static str, Read)>> = LazyLock::new(table);

fn written<M: Message>(message: &M, version: i16) -> Option<Bytes> {
    let mut encoder = Encoder::new();
    message.write(&mut encoder, version);
    Some(encoder.finish().ok()?.to_bytes())
}

/// A number that is no version is refused before anything is read, so it stands for one.
pub fn version_of<M: Message>(version: i16) -> i16 {
    let (first, last) = M::VERSIONS;
    if (first..=last).contains(&version) { version } else { first + version.rem_euclid(last - first + 1) }
}

/// What was read is written, and what was written is read as the same.
fn read<M: Message>(body: Bytes, version: i16) -> bool {
    let version = version_of::<M>(version);
    let bound = DecodeBudget::for_frame(body.len()).limit();
    let found = memory::within(bound, M::NAME, || M::read(&mut Decoder::new(body), version));
    let Ok(message) = found else { return false };
    let Some(once) = written(&message, version) else { return true };
    let mut decoder = Decoder::new(once.clone());
    match M::read(&mut decoder, version) {
        // Bytes behind the message, which are gone now, gave it a larger budget.
        Err(DecodeError::OverBudget(_)) => {}
        Err(error) => panic!("{} {version}: what was written is not read: {error}", M::NAME),
        Ok(again) => {
            assert_eq!(decoder.remaining(), 0, "{} {version}: bytes are left over", M::NAME);
            assert_eq!(written(&again, version), Some(once), "{} {version}: written otherwise", M::NAME);
        }
    }
    true
}

/// Number of the message, version, body.
pub fn messages(input: &[u8]) -> bool {
    let Some((number, rest)) = input.split_first_chunk::<2>() else { return false };
    let Some((version, body)) = rest.split_first_chunk::<2>() else { return false };
    let number = usize::from(u16::from_be_bytes(*number)) % TABLE.len();
    TABLE[number].1(Bytes::copy_from_slice(body), i16::from_be_bytes(*version))
}

pub fn message_corpus() -> Vec<Vec<u8>> {
    let encoded = |row: corpus::Row| {
        let number = TABLE.iter().position(|(name, _)| *name == row.message)?;
        let mut input = u16::try_from(number).ok()?.to_be_bytes().to_vec();
        input.extend(row.version.to_be_bytes());
        input.extend(row.body);
        Some(input)
    };
    corpus::messages().into_iter().filter_map(encoded).collect()
}

pub fn heads(input: &[u8]) -> bool {
    let frame = Bytes::copy_from_slice(input);
    let bound = DecodeBudget::for_frame(frame.len()).limit();
    memory::within(bound, "a head", || decode_head(&mut Decoder::new(frame))).is_ok()
}

pub fn head_corpus() -> Vec<Vec<u8>> {
    crate::frames::requests().into_iter().map(|frame| frame[4..].to_vec()).collect()
}

pub fn batches(input: &[u8]) -> bool {
    let mut read = false;
    let bytes = Bytes::copy_from_slice(input);
    if let Ok(header) = BatchHeader::parse(&bytes) {
        assert_eq!(header.to_bytes()[..], bytes[..HEADER_LEN], "a header is written otherwise");
        let _ = (header.codec(), header.next_offset(), header.last_sequence(), header.delete_horizon());
        let _ = record::walk(&bytes[HEADER_LEN..], header.record_count);
    }
    for (header, batch) in batch::batches(bytes.clone()) {
        assert_eq!(header.size(), batch.len());
        let valid = batch::validate(&batch).is_ok();
        read |= valid;
        assert!(!valid || batch::validate_compacted(&batch).is_ok(), "a whole batch is no compacted one");
        records(&batch);
    }
    for version in [3, 6, 7, 13] {
        let rules = ProduceRules { version, max_bytes: LIMIT };
        let checked = memory::within(input.len() + 4_096, "a check", || batch::check_produced(&bytes, rules));
        if let Ok((header, batch)) = checked {
            assert_eq!(batch::validate(&batch), Ok(header), "a batch that is taken is valid");
            assert!(batch::validate(&batch::with_log_append_time(&batch, 7)).is_ok());
            assert!(batch::validate(&batch::with_create_time(&batch)).is_ok());
        }
    }
    read
}

/// Records are read one behind the other, and a batch that lost half of them is a valid one.
fn records(batch: &Bytes) {
    let read = memory::within(DECOMPRESSION_BOUND + 16 * batch.len(), "records", || {
        record::iterate(batch, LIMIT)
            .map(|records| (*records.header(), records.map_while(Result::ok).count()))
    });
    let Ok((header, count)) = read else { return };
    assert!(count <= usize::try_from(header.record_count).unwrap_or(0), "more records than were counted");
    let Ok(records) = record::iterate(batch, LIMIT) else { return };
    let half = || records.clone().map_while(Result::ok).step_by(2);
    let mut kept = record::Kept::default();
    half().for_each(|record| kept.note(&record));
    if let Ok(rebuilt) = record::rebuild(&header, kept, half().map(Ok), None)
        && batch::validate_compacted(batch).is_ok()
    {
        let valid = batch::validate_compacted(&rebuilt);
        assert!(valid.is_ok(), "a compacted batch is not valid: {valid:?}");
    }
}

pub fn batch_corpus() -> Vec<Vec<u8>> {
    let batches = corpus::batches();
    let mut all: Vec<Vec<u8>> = batches.iter().map(|batch| batch.to_vec()).collect();
    all.push(batches.iter().take(3).flat_map(|batch| batch.to_vec()).collect());
    all
}

/// Makes the length of the first batch fit, and its CRC right.
pub fn repair_batch(bytes: &mut [u8]) {
    if bytes.len() < HEADER_LEN {
        return;
    }
    let claimed = i32::from_be_bytes([bytes[8], bytes[9], bytes[10], bytes[11]]);
    let mut size = usize::try_from(claimed).map_or(usize::MAX, |length| length.saturating_add(12));
    if size > bytes.len() || size < HEADER_LEN {
        size = bytes.len();
        let length = u32::try_from(size - 12).unwrap_or(0);
        bytes[8..12].copy_from_slice(&length.to_be_bytes());
    }
    bytes[16] = 2;
    let crc = crc32c(&bytes[21..size]);
    bytes[17..21].copy_from_slice(&crc.to_be_bytes());
}

/// Number of the codec, bytes. Snappy has two framings, which their first bytes tell apart.
pub fn codecs(input: &[u8]) -> bool {
    let Some((number, rest)) = input.split_first() else { return false };
    let codec = Codec::ALL[usize::from(*number) % Codec::ALL.len()];
    let bytes = Bytes::copy_from_slice(rest);
    let found = memory::within(DECOMPRESSION_BOUND + 16 * rest.len(), codec.name(), || {
        decompress(codec, bytes.clone(), LIMIT)
    });
    let Ok(output) = found else { return false };
    assert!(codec == Codec::None || output.len() <= LIMIT, "{} bytes of {LIMIT}", output.len());
    let Ok(packed) = compress(codec, output.clone()) else { return true };
    assert_eq!(decompress(codec, packed, output.len()), Ok(output), "{codec:?} gives back something else");
    true
}

pub fn codec_corpus() -> Vec<Vec<u8>> {
    let texts: [Bytes; 4] = [
        Bytes::from_static(b"a short text, and a short text again"),
        Bytes::from(vec![0; 70_000]),
        (0..10_000_u32).flat_map(|i| (i / 7).to_le_bytes()).collect::<Vec<u8>>().into(),
        Bytes::new(),
    ];
    let mut all = Vec::new();
    for text in texts {
        for (number, codec) in (0..).zip(Codec::ALL) {
            let packed = compress(codec, text.clone()).expect("what is here can be compressed");
            all.push([&[number], &packed[..]].concat());
        }
        let raw = snap::raw::Encoder::new().compress_vec(&text).expect("what is here can be compressed");
        all.push([&[Codec::Snappy.id()], &raw[..]].concat());
    }
    all
}

/// A name that is taken is a plain one: no path, nothing that a terminal would obey.
pub fn names(input: &[u8]) -> bool {
    let name = String::from_utf8_lossy(input);
    let taken = topic_name::check(&name).is_ok();
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    assert_eq!(
        taken,
        plain && (1..=topic_name::MAX_LEN).contains(&name.len()) && name != "." && name != ".."
    );
    let _ = (topic_name::collision_key(&name), topic_name::is_internal(&name));
    taken
}

pub fn name_corpus() -> Vec<Vec<u8>> {
    let names = ["orders", "a.b_c-d", "..", "../../etc/passwd", "__consumer_offsets", "a\0b", "\u{202e}x"];
    let mut all: Vec<Vec<u8>> = names.iter().map(|name| name.as_bytes().to_vec()).collect();
    all.push(vec![b'a'; topic_name::MAX_LEN]);
    all
}
