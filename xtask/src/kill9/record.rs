//! What a writer's record number says about the record: where it goes and which bytes it has.
//!
//! The client programs derive the same from the number (crates/cli/tests/kill9/README.md), so that the harness knows
//! every byte that may be read back without keeping one.

pub const TOPICS: u32 = 8;
pub const PARTITIONS: u32 = 4;
/// All partitions of all topics, numbered topic by topic.
pub const LOGS: usize = (TOPICS * PARTITIONS) as usize;
/// Records that go to one partition before the writer turns to the next topic.
const RUN: u32 = 16;

/// The three clients that write; the number is the index into everything kept per writer.
pub const WRITERS: [&str; 3] = ["java", "librdkafka", "kafka-go"];
/// Writers that may send a record again but never store it twice.
pub const IDEMPOTENT: [bool; 3] = [true, true, false];

pub fn writer_of(name: &str) -> Option<usize> {
    WRITERS.iter().position(|w| *w == name)
}

/// `kill9-T` and a partition as the index of a log.
pub fn log_index(topic: &str, partition: &str) -> Option<usize> {
    let topic: u32 = topic.strip_prefix("kill9-")?.parse().ok()?;
    let partition: u32 = partition.parse().ok()?;
    (topic < TOPICS && partition < PARTITIONS).then_some((topic * PARTITIONS + partition) as usize)
}

pub fn log_name(log: usize) -> String {
    format!("kill9-{}/{}", log as u32 / PARTITIONS, log as u32 % PARTITIONS)
}

/// The log that record `seq` of any writer goes to.
pub fn log_of(seq: u32) -> usize {
    (seq / RUN % TOPICS * PARTITIONS + seq / (RUN * TOPICS) % PARTITIONS) as usize
}

/// Position of `seq` among the records of its writer that go to the same log.
pub fn place_in_log(seq: u32) -> usize {
    (seq / (RUN * TOPICS * PARTITIONS) * RUN + seq % RUN) as usize
}

/// CRC-32 (IEEE) of key and value of a record.
pub fn crc(writer: usize, seq: u32) -> u32 {
    let head = format!("{seq}{}:{seq}:", WRITERS[writer]);
    let letters = 100 + u64::from(seq) * 7919 % 1000;
    let mut crc = head.bytes().fold(!0, step);
    for i in 0..letters {
        let letter = (u64::from(seq) % 26 + i) % 26;
        crc = step(crc, b'a' + u8::try_from(letter).unwrap_or(0));
    }
    !crc
}

fn step(crc: u32, byte: u8) -> u32 {
    TABLE[((crc ^ u32::from(byte)) & 0xff) as usize] ^ (crc >> 8)
}

static TABLE: [u32; 256] = table(0xedb8_8320);
static TABLE_C: [u32; 256] = table(0x82f6_3b78);

/// CRC-32C, the one of record batches.
pub fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc: u32, byte| TABLE_C[((crc ^ u32::from(*byte)) & 0xff) as usize] ^ (crc >> 8))
}

const fn table(polynomial: u32) -> [u32; 256] {
    let mut table = [0; 256];
    let mut n = 0;
    while n < 256 {
        let mut value = n as u32;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 1 == 1 { (value >> 1) ^ polynomial } else { value >> 1 };
            bit += 1;
        }
        table[n] = value;
        n += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_of_the_check_string() {
        assert_eq!(!b"123456789".iter().fold(!0, |crc, b| step(crc, *b)), 0xcbf4_3926);
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
    }

    #[test]
    fn every_log_gets_consecutive_places() {
        let mut next = [0; LOGS];
        for seq in 0..5 * 512 {
            let place = &mut next[log_of(seq)];
            assert_eq!(place_in_log(seq), *place);
            *place += 1;
        }
        assert!(next.iter().all(|n| *n == 80));
    }

    #[test]
    fn names_lead_to_logs_and_back() {
        assert_eq!(log_index("kill9-7", "3").map(log_name).as_deref(), Some("kill9-7/3"));
        assert_eq!(log_index("kill9-8", "0"), None);
        assert_eq!(log_index("other-1", "0"), None);
    }
}
