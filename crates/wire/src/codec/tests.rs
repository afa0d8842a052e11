//! Limits of the decoder, and what the encoder refuses.

use super::*;

const OLD: Version = Version { number: 0, flexible: false };
const FLEXIBLE: Version = Version { number: 0, flexible: true };

fn decoder(bytes: &[u8]) -> Decoder {
    Decoder::new(Bytes::copy_from_slice(bytes))
}

#[test]
fn varints_end_within_32_bits() {
    for (bytes, value) in
        [(&[0][..], Ok(0)), (&[0x80, 1], Ok(128)), (&[0xff, 0xff, 0xff, 0xff, 0x0f], Ok(u32::MAX))]
    {
        assert_eq!(decoder(bytes).unsigned_varint(), value);
    }
    assert_eq!(decoder(&[0xff, 0xff, 0xff, 0xff, 0x1f]).unsigned_varint(), Err(DecodeError::Varint));
    assert_eq!(decoder(&[0x80; 9]).unsigned_varint(), Err(DecodeError::Varint));
    assert!(matches!(decoder(&[0x80]).unsigned_varint(), Err(DecodeError::Truncated { .. })));
}

#[test]
fn arrays_cannot_claim_more_than_their_bytes() {
    let claim = [i32::MAX.to_be_bytes(), [0; 4]].concat();
    assert_eq!(
        Vec::<i32>::decode(&mut decoder(&claim), OLD),
        Err(DecodeError::ArrayTooLong { claimed: i32::MAX as usize, left: 4 })
    );
    let mut million = 1_000_001_i32.to_be_bytes().to_vec();
    million.resize(1_000_005, 0);
    assert!(matches!(Vec::<i8>::decode(&mut decoder(&million), OLD), Err(DecodeError::ArrayTooLong { .. })));
    assert_eq!(Vec::<i32>::decode(&mut decoder(&[0xff; 4]), OLD), Err(DecodeError::Null));
    assert_eq!(Vec::<i32>::decode_nullable(&mut decoder(&[0xff, 0xff, 0xff, 0xfe]), OLD), Ok(None));
}

#[test]
fn a_string_has_at_most_32_767_bytes_in_either_form() {
    let compact = |text: &[u8]| {
        let mut e = Encoder::new();
        e.unsigned_varint(text.len() as u32 + 1);
        e.put(text);
        let bytes = e.finish().unwrap().to_bytes();
        WireStr::decode(&mut decoder(&bytes), FLEXIBLE).map(|text| text.len())
    };
    assert_eq!(compact(&[b'x'; 32_767]), Ok(32_767));
    assert_eq!(compact(&[b'x'; 32_768]), Err(DecodeError::StringTooLong(32_768)));
    // What is not UTF-8 is mended, and three times as long then.
    assert_eq!(compact(&[0xff; 10_922]), Ok(32_766));
    assert_eq!(compact(&[0xff; 10_923]), Err(DecodeError::StringTooLong(32_769)));
}

#[test]
fn the_budget_is_charged_before_memory_is_taken() {
    let mut bytes = 1_000_000_i32.to_be_bytes().to_vec();
    bytes.resize(4 + 2_000_000, 0);
    let small = DecodeBudget::for_frame(0);
    let mut d = Decoder::with_budget(Bytes::from(bytes), small);
    assert_eq!(Vec::<WireStr>::decode(&mut d, OLD), Err(DecodeError::OverBudget(64 << 10)));
}

#[test]
fn a_list_that_grows_is_charged_with_the_memory_that_it_leaves() {
    let decoded = |count: i32| {
        let mut bytes = count.to_be_bytes().to_vec();
        bytes.resize(4 + 8 * count as usize, 0);
        let mut d = Decoder::with_budget(Bytes::from(bytes), DecodeBudget::for_frame(0));
        Vec::<i64>::decode(&mut d, OLD).map(|list| list.len())
    };
    assert_eq!(decoded(4_096), Ok(4_096), "32 KiB, and 24 KiB before");
    assert_eq!(
        decoded(4_097),
        Err(DecodeError::OverBudget(64 << 10)),
        "32 KiB are there while 40 are filled"
    );
}

#[test]
fn unknown_tags_are_skipped_and_cannot_reach_beyond_their_size() {
    let mut d = decoder(&[2, 7, 2, 1, 2, 9, 1, 5, 42]);
    let mut seen = Vec::new();
    d.tags(|d, tag| {
        seen.push((tag, i16::decode(d, FLEXIBLE).is_ok()));
        Ok(true)
    })
    .unwrap();
    assert_eq!((seen, d.remaining()), (vec![(7, true), (9, false)], 1));
    assert_eq!(decoder(&[0x91, 0x4e]).skip_tags(), Err(DecodeError::TooManyTags));
}

#[test]
fn long_strings_fail_and_large_bytes_are_not_copied() {
    let mut e = Encoder::new();
    WireStr::from("x".repeat(32_768)).encode(&mut e, OLD);
    assert_eq!(e.finish(), Err(EncodeError::StringTooLong(32_768)));
    let large = Bytes::from(vec![7; 5000]);
    let mut e = Encoder::new();
    1_i32.encode(&mut e, OLD);
    Records::from_slices([large.clone(), large.clone()]).encode(&mut e, FLEXIBLE);
    2_i32.encode(&mut e, OLD);
    let chunks = e.finish().unwrap();
    assert_eq!((chunks.len, chunks.list.len()), (4 + 2 + 10_000 + 4, 4));
    assert_eq!(chunks.list[1].as_ptr(), large.as_ptr());
    assert_eq!(chunks.to_bytes().len(), chunks.len);
}
