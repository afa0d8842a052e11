//! Values that know where they belong, so that a byte of another record, or of none, is seen.

use crate::checker::{Place, Value};
use bytes::Bytes;
use ottla_env::rng::{Rng, SeededRng};

const HEAD: usize = 16;

/// The bytes of a value for this partition: its number, its place, and what follows from the two.
pub fn of(place: Place, value: Value, padding: usize) -> Bytes {
    let mut bytes = vec![0; HEAD + padding];
    let rest = &mut bytes[HEAD..];
    SeededRng::new(value ^ (u64::from(place.topic) << 8) ^ padding as u64).fill(rest);
    bytes[..8].copy_from_slice(&value.to_be_bytes());
    bytes[8..12].copy_from_slice(&place.topic.to_be_bytes());
    bytes[12..16].copy_from_slice(&place.partition.to_be_bytes());
    bytes.into()
}

/// The value, if these are the bytes of one that belongs here.
pub fn value_of(place: Place, bytes: &[u8]) -> Option<Value> {
    let value = Value::from_be_bytes(*bytes.first_chunk()?);
    (bytes.len() >= HEAD && of(place, value, bytes.len() - HEAD) == bytes).then_some(value)
}

/// Where a value says that it belongs, if these are the bytes of one.
pub fn place_of(bytes: &[u8]) -> Option<Place> {
    let topic = u32::from_be_bytes(*bytes.get(8..)?.first_chunk()?);
    let partition = i32::from_be_bytes(*bytes.get(12..)?.first_chunk()?);
    let place = Place { topic, partition };
    value_of(place, bytes).map(|_| place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_known_by_its_bytes_and_by_no_others() {
        let (here, there) = (Place { topic: 1, partition: 2 }, Place { topic: 1, partition: 3 });
        let bytes = of(here, 77, 20);
        assert_eq!(value_of(here, &bytes), Some(77));
        assert_eq!(value_of(there, &bytes), None);
        assert_eq!(place_of(&bytes), Some(here));
        assert_eq!(value_of(here, &bytes[..30]), None);
        for position in 0..bytes.len() {
            let mut damaged = bytes.to_vec();
            damaged[position] ^= 1;
            assert_eq!(value_of(here, &damaged), None, "byte {position}");
        }
    }
}
