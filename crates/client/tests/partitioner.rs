//! Keys go where the Java client puts them: `golden/murmur2.tsv` was written by kafka-clients 4.4.0.
#![allow(clippy::unwrap_used)]

use ottla_client::Partitioner;
use ottla_client::partitioner::{Candidate, DefaultPartitioner, murmur2};
use ottla_env::rng::SeededRng;
use std::sync::Arc;

const GOLDEN: &str = include_str!("golden/murmur2.tsv");
/// The partition counts of the columns behind key and hash.
const COUNTS: [i32; 4] = [1, 3, 7, 1_000];

fn bytes(hex: &str) -> Vec<u8> {
    let digits = hex.as_bytes().chunks(2);
    digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

#[test]
fn every_key_goes_to_the_partition_of_the_java_client() {
    let partitioner = DefaultPartitioner::new(Arc::new(SeededRng::new(1)));
    let rows: Vec<Vec<&str>> = GOLDEN.lines().skip(1).map(|line| line.split('\t').collect()).collect();
    assert_eq!(rows.len(), 200);
    for row in rows {
        let key = bytes(row[0]);
        assert_eq!(murmur2(&key), row[1].parse::<i32>().unwrap(), "{}", row[0]);
        for (partitions, expected) in COUNTS.into_iter().zip(&row[2..]) {
            let candidate = Candidate { topic: "t", key: Some(&key), value: None, partitions };
            let expected = expected.parse::<i32>().unwrap();
            assert_eq!(partitioner.partition(&candidate), expected, "{} of {partitions}", row[0]);
        }
    }
}
