//! Round trips through every codec, and bytes that are no records.

use super::*;
use crate::batch::validate;
use proptest::prelude::*;

fn header(key: &str, value: Option<&str>) -> Header {
    Header { key: key.to_owned().into(), value: value.map(|v| v.to_owned().into()) }
}

#[test]
fn records_come_back_as_they_were_in_every_codec() {
    for codec in Codec::ALL {
        let mut builder = BatchBuilder::new();
        let headers = [header("h", Some("1")), header("h", Some("2")), header("n", None)];
        builder.push(50, Some(b"k"), Some(b"v"), &headers);
        builder.push(20, None, Some(b""), &[]);
        builder.push(90, Some(b""), None, &[]);
        assert!(builder.size() <= HEADER_LEN + 3 * record_size_max(Some(b"k"), Some(b"v"), &headers));
        let options = BuildOptions { codec, base_offset: 7, producer_id: 5, ..Default::default() };
        let batch = builder.build(options).unwrap();
        let header = validate(&batch).unwrap();
        assert_eq!((header.base_timestamp, header.max_timestamp, header.record_count), (50, 90, 3));
        let records: Vec<_> = iterate(&batch, 10_000).unwrap().map(Result::unwrap).collect();
        assert_eq!(
            records.iter().map(|r| (r.offset, r.timestamp)).collect::<Vec<_>>(),
            [(7, 50), (8, 20), (9, 90)]
        );
        assert_eq!(records[0].headers, headers);
        assert_eq!((records[1].key.as_deref(), records[1].value.as_deref()), (None, Some(&b""[..])));
        assert_eq!((records[2].key.as_deref(), records[2].value.as_deref()), (Some(&b""[..]), None));
    }
}

#[test]
fn a_batch_in_another_codec_is_the_same_but_for_its_bytes() {
    let mut builder = BatchBuilder::new();
    builder.push(50, Some(b"k"), Some(&[b'v'; 5_000]), &[header("h", None)]);
    builder.push(20, None, None, &[]);
    let options = BuildOptions {
        producer_id: 5,
        producer_epoch: 2,
        base_sequence: 9,
        timestamp_type: TimestampType::LogAppendTime,
        ..Default::default()
    };
    let plain = builder.build(options).unwrap();
    for from in Codec::ALL {
        let sent = recompress(&plain, from.into(), 10_000).unwrap();
        for to in Codec::ALL {
            let batch = recompress(&sent, to.into(), 10_000).unwrap();
            let header = validate(&batch).unwrap();
            assert_eq!(header.codec(), Ok(to));
            assert_eq!(recompress(&batch, Codec::None.into(), 10_000).unwrap(), plain, "{from:?} {to:?}");
        }
        let small = recompress(&sent, Codec::Zstd.into(), 1_000);
        let over = matches!(
            small,
            Err(RecompressError::Read(RecordError::Decompress(DecompressError::OverLimit(1_000))))
        );
        assert_eq!(over, from != Codec::None, "{from:?}");
    }
}

#[test]
fn records_that_lie_about_their_lengths_end_in_an_error() {
    assert_eq!(walk(&[], 1), Err(RecordError::Malformed));
    assert_eq!(walk(&[2, 0], 1), Err(RecordError::Malformed));
    assert_eq!(walk(&[12, 0, 0, 0, 1, 1, 0, 9], 1), Err(RecordError::Malformed));
    assert_eq!(walk(&[12, 0, 0, 0, 1, 1, 0], 1), Ok(()));
    assert_eq!(walk(&[0xff; 20], 1), Err(RecordError::Malformed));
}

proptest! {
    #[test]
    fn changed_bytes_never_panic(
        codec in 0_usize..5,
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut builder = BatchBuilder::new();
        for i in 0..20 {
            builder.push(i, Some(b"some key"), Some(&[7; 50]), &[header("a", None)]);
        }
        let batch = builder.build(BuildOptions { codec: Codec::ALL[codec], ..Default::default() }).unwrap();
        let mut bytes = batch.to_vec();
        for (index, value) in changes {
            let at = index.index(bytes.len());
            bytes[at] = value;
        }
        let bytes = Bytes::from(bytes);
        let _ = validate(&bytes);
        if let Ok(records) = iterate(&bytes, 100_000) {
            prop_assert!(records.count() <= 100_000);
        }
    }
}
