//! What a produced record set may be, as the reference broker answered; and rewriting of headers.

use super::*;
use crate::record::{BatchBuilder, BuildOptions};

fn build(count: usize, options: BuildOptions) -> Bytes {
    let mut builder = BatchBuilder::new();
    for i in 0..count {
        builder.push(1_000 + i as i64, Some(b"key"), Some(b"value"), &[]);
    }
    builder.build(options).unwrap()
}

fn edited(change: impl FnOnce(&mut BatchHeader)) -> Bytes {
    rewritten(&build(3, BuildOptions::default()), change)
}

fn check(records: &Bytes) -> Result<BatchHeader, ProduceRefused> {
    check_produced(records, ProduceRules { version: 9, max_bytes: 1_000 }).map(|(header, _)| header)
}

fn set(batch: &Bytes, at: usize, bytes: &[u8]) -> Bytes {
    let mut copy = batch.to_vec();
    copy[at..at + bytes.len()].copy_from_slice(bytes);
    copy.into()
}

#[test]
fn produced_record_sets_get_the_reference_brokers_verdicts() {
    use ProduceRefused::*;
    let good = build(3, BuildOptions::default());
    assert!(check(&good).is_ok());
    assert!(check(&[&good[..], b"xx"].concat().into()).is_ok(), "trailing bytes are ignored");
    assert!(check(&edited(|h| h.leader_epoch = 55)).is_ok());
    assert!(check(&edited(|h| (h.producer_epoch, h.base_sequence) = (3, 4))).is_ok());
    assert!(check(&edited(|h| h.attributes = 128)).is_ok());
    assert!(matches!(check(&set(&good, 18, &[good[18] ^ 1])), Err(Corrupt(BatchError::Crc { .. }))));
    assert!(matches!(check(&set(&good, 70, &[good[70] ^ 1])), Err(Corrupt(BatchError::Crc { .. }))));
    assert_eq!(check(&set(&good, 16, &[1])), Err(Invalid(BatchError::Magic(1))));
    assert_eq!(check(&set(&good, 16, &[3])), Err(Corrupt(BatchError::Magic(3))));
    assert_eq!(check(&set(&good, 8, &(-1_i32).to_be_bytes())), Err(Corrupt(BatchError::Length(-1))));
    assert_eq!(check(&set(&good, 8, &500_i32.to_be_bytes())), Err(Empty));
    for cut in [0, 1, 20, good.len() - 5] {
        assert_eq!(check(&good.slice(..cut)), Err(Empty));
    }
    for count in [9, 0, -1, i32::MIN] {
        assert!(matches!(check(&edited(|h| h.record_count = count)), Err(Invalid(BatchError::Count { .. }))));
    }
    for delta in [7, -1, i32::MIN, i32::MAX] {
        assert!(matches!(
            check(&edited(|h| h.last_offset_delta = delta)),
            Err(Invalid(BatchError::Count { .. }))
        ));
    }
    let more = edited(|h| (h.record_count, h.last_offset_delta) = (4, 3));
    assert_eq!(check(&more), Err(Invalid(BatchError::Records)));
    assert_eq!(check(&[&good[..], &good[..]].concat().into()), Err(SeveralBatches));
    assert_eq!(check(&edited(|h| h.attributes = 7)), Err(Invalid(BatchError::Codec(7))));
    assert_eq!(check(&edited(|h| h.base_offset = 77)), Err(BaseOffset(77)));
    assert_eq!(check(&edited(|h| h.attributes = 32)), Err(Control));
    assert_eq!(check(&edited(|h| h.producer_id = 99)), Err(Sequence));
    assert!(matches!(check(&build(90, BuildOptions::default())), Err(TooLarge { .. })));
    let zstd = build(3, BuildOptions { codec: Codec::Zstd, ..Default::default() });
    assert!(check(&zstd).is_ok());
    let old = ProduceRules { version: 6, max_bytes: 1_000 };
    assert_eq!(check_produced(&zstd, old).map(|_| ()), Err(ZstdTooEarly));
}

#[test]
fn offset_and_epoch_change_without_the_crc_and_times_change_with_it() {
    let batch = build(3, BuildOptions::default());
    let header = validate(&batch).unwrap();
    let stored = [&patched_header(&header, 1_000, 7)[..], &batch[HEADER_LEN..]].concat();
    let stored_header = validate(&stored).unwrap();
    assert_eq!(stored_header, BatchHeader { base_offset: 1_000, leader_epoch: 7, ..header });
    assert_eq!((stored_header.last_offset(), stored_header.next_offset()), (1_002, 1_003));
    let timed = with_log_append_time(&batch, 9_999);
    let header = validate(&timed).unwrap();
    assert_eq!((header.timestamp_type(), header.max_timestamp), (TimestampType::LogAppendTime, 9_999));
    assert_eq!(validate(&with_create_time(&timed)).unwrap().timestamp_type(), TimestampType::CreateTime);
}

#[test]
fn sequences_wrap_at_the_largest_number() {
    for (sequence, delta, sum) in [(0, 0, 0), (i32::MAX, 1, 0), (i32::MAX - 1, 4, 2), (5, 3, 8)] {
        assert_eq!(add_sequence(sequence, delta), sum);
    }
}

#[test]
fn splitting_ends_at_what_is_no_batch() {
    let one = build(1, BuildOptions::default());
    let mut split = batches([&one[..], &one[..], &one[..30]].concat().into());
    assert_eq!(split.by_ref().count(), 2);
    assert_eq!(split.rest.len(), 30);
}
