//! The life of one log: append, roll, stop, kill, cut, damage.

use super::*;
use crate::{ReadLimits, TimestampedOffset};
use ottla_env::disk::{Fault, Lost, MemoryDisk, OperationKind};
use ottla_wire::batch::batches;
use ottla_wire::record::{BatchBuilder, BuildOptions};

const ALL: ReadLimits = ReadLimits { max_bytes: 1 << 20, first_max_bytes: usize::MAX, upto: i64::MAX };

fn place() -> LogPlace {
    LogPlace { dir: "/data/topics/t-0".into(), root: "/data".into() }
}

fn batch(count: i64, first_timestamp: i64) -> Bytes {
    let mut builder = BatchBuilder::new();
    for i in 0..count {
        builder.push(
            first_timestamp + i,
            None,
            Some(format!("value {i} of {first_timestamp}").as_bytes()),
            &[],
        );
    }
    builder.build(BuildOptions::default()).unwrap()
}

fn open(disk: &MemoryDisk, config: &LogConfig, from: OpenFrom<'_>) -> (Log, OpenReport) {
    Log::open(Arc::new(disk.clone()), place(), config.clone(), from).unwrap()
}

fn append(log: &mut Log, bytes: &Bytes, epoch: i32) -> Result<Appended, AppendError> {
    log.append(&BatchHeader::parse(bytes).unwrap(), bytes, epoch, 1_000)
}

fn sync(log: &mut Log) {
    for job in log.take_sync_jobs() {
        job.run().unwrap();
        log.sync_done(&job.path);
    }
}

fn read_all(log: &Log) -> Vec<(i64, i64)> {
    let reader = log.reader();
    let (mut at, mut found) = (reader.start_offset(), Vec::new());
    loop {
        let bytes = reader.read(at, ALL).unwrap();
        if bytes.is_empty() {
            return found;
        }
        for (header, _) in batches(bytes) {
            found.push((header.base_offset, header.base_timestamp));
            at = header.next_offset();
        }
    }
}

fn small() -> LogConfig {
    LogConfig { segment_bytes: 600, index_interval_bytes: 100, ..LogConfig::default() }
}

fn unclean(entry: Option<&LogEntry>) -> OpenFrom<'_> {
    OpenFrom::Unclean { entry, synced: false }
}

fn data_disk() -> MemoryDisk {
    let disk = MemoryDisk::new();
    disk.create_dir_all(Path::new("/data")).unwrap();
    disk.sync_dir(Path::new("/")).unwrap();
    disk
}

#[test]
fn what_is_appended_is_read_at_its_offset_over_many_segments() {
    let disk = data_disk();
    let (mut log, _) = open(&disk, &small(), unclean(None));
    assert_eq!(log.reader().read(0, ALL).unwrap(), Bytes::new());
    let expected: Vec<(i64, i64)> = (0..50).map(|i| (i * 3, i * 100)).collect();
    for (offset, timestamp) in &expected {
        assert_eq!(append(&mut log, &batch(3, *timestamp), 2).unwrap().base_offset, *offset);
    }
    assert!(log.entry().segments.len() > 5);
    assert_eq!(read_all(&log), expected);
    let reader = log.reader();
    for offset in 0..150 {
        let (header, _) = batches(reader.read(offset, ALL).unwrap()).next().unwrap();
        assert_eq!((header.base_offset, header.leader_epoch), (offset / 3 * 3, 2));
    }
    assert!(matches!(reader.read(151, ALL), Err(crate::ReadError::OutOfRange { end: 150, .. })));
    let bounded = reader.read(0, ReadLimits { upto: 6, ..ALL }).unwrap();
    assert_eq!(batches(bounded).count(), 2, "nothing that reaches behind the bound");
    assert_eq!(batches(reader.read(4, ReadLimits { max_bytes: 10, ..ALL }).unwrap()).count(), 1);
    let little = reader.read(4, ReadLimits { max_bytes: 10, first_max_bytes: 0, upto: 150 });
    let Err(crate::ReadError::OverLimit { batch_bytes }) = little else { panic!("{little:?}") };
    let just = ReadLimits { max_bytes: 10, first_max_bytes: batch_bytes, upto: 150 };
    assert_eq!(reader.read(4, just).unwrap().len(), batch_bytes);
    let at = |t| reader.offset_for_timestamp(t, i64::MAX).unwrap();
    assert_eq!(at(0), Some(TimestampedOffset { offset: 0, timestamp: 0 }));
    assert_eq!(at(1_001), Some(TimestampedOffset { offset: 31, timestamp: 1_001 }));
    assert_eq!(at(1_003), Some(TimestampedOffset { offset: 33, timestamp: 1_100 }));
    assert_eq!(at(5_000), None);
    assert_eq!(
        reader.max_timestamp(i64::MAX).unwrap(),
        Some(TimestampedOffset { offset: 149, timestamp: 4_902 })
    );
}

#[test]
fn a_log_is_the_same_after_a_clean_stop_a_kill_and_a_power_cut() {
    let disk = data_disk();
    let (mut log, _) = open(&disk, &small(), unclean(None));
    for i in 0..10 {
        append(&mut log, &batch(3, i), 0).unwrap();
    }
    sync(&mut log);
    assert_eq!((log.durable_offset(), log.is_dirty()), (30, false));
    let entry = log.entry();
    for i in 10..20 {
        append(&mut log, &batch(3, i), 1).unwrap();
    }
    let expected = read_all(&log);
    // A kill: everything is in the page cache.
    let (again, report) = open(&disk, &small(), unclean(Some(&entry)));
    assert_eq!((read_all(&again), again.durable_offset(), report.cut_bytes), (expected.clone(), 60, 0));
    assert_eq!(again.entry(), log.entry());
    let (again, _) = open(&disk, &small(), unclean(None));
    assert_eq!((read_all(&again), again.entry().segments), (expected.clone(), log.entry().segments));
    let (again, _) = open(&disk, &small(), OpenFrom::Clean(Some(&log.entry())));
    assert_eq!(read_all(&again), expected);
    // The recoveries above synced; a fresh disk shows what a cut leaves without them.
    let disk = data_disk();
    let (mut log, _) = open(&disk, &small(), unclean(None));
    append(&mut log, &batch(3, 0), 0).unwrap();
    sync(&mut log);
    append(&mut log, &batch(3, 1), 0).unwrap();
    let (again, _) = open(&disk.crash(Lost::AllUnsynced), &small(), unclean(None));
    assert_eq!(read_all(&again), [(0, 0)]);
}

#[test]
fn a_torn_tail_is_cut_and_rotten_data_in_front_of_whole_batches_is_kept_aside() {
    let disk = data_disk();
    let config = LogConfig::default();
    let (mut log, _) = open(&disk, &config, unclean(None));
    for i in 0..3 {
        append(&mut log, &batch(3, i), 0).unwrap();
    }
    let path = log.entry_path();
    let size = disk.len(&path).unwrap().unwrap();
    let half = batch(3, 9);
    disk.open(&path, OpenMode::Write).unwrap().write_all_at(&half[..half.len() / 2], size).unwrap();
    let (again, report) = open(&disk, &config, unclean(None));
    assert_eq!((again.end_offset(), report.cut_bytes, report.kept.len()), (9, half.len() as u64 / 2, 0));
    assert_eq!(disk.len(&path).unwrap(), Some(size));
    // A flipped bit in the second batch.
    disk.corrupt(&path, size / 3 + 70, &[0xff]).unwrap();
    let (again, report) = open(&disk, &config, unclean(None));
    assert_eq!((again.end_offset(), report.kept.len()), (3, 1));
    let kept = disk.len(&report.kept[0]).unwrap().unwrap();
    assert_eq!(kept, report.cut_bytes);
    let (again, report) = open(&disk, &config, unclean(None));
    assert_eq!((again.end_offset(), report.cut_bytes), (3, 0), "the second recovery finds nothing to do");
}

#[test]
fn promised_data_that_is_gone_takes_the_log_offline_and_leaves_the_rest_readable() {
    let disk = data_disk();
    let (mut log, _) = open(&disk, &small(), unclean(None));
    for i in 0..20 {
        append(&mut log, &batch(3, i), 0).unwrap();
    }
    sync(&mut log);
    let entry = log.entry();
    let second = &entry.segments[1];
    disk.remove_file(&place().dir.join(file_name(second.base_offset, "log"))).unwrap();
    for from in [unclean(Some(&entry)), OpenFrom::Clean(Some(&entry))] {
        let (mut log, report) = open(&disk, &small(), from);
        assert_eq!(report.damage.unwrap().offset, second.base_offset);
        assert!(matches!(append(&mut log, &batch(1, 0), 0), Err(AppendError::Offline(_))));
        assert_eq!(batches(log.reader().read(0, ALL).unwrap()).next().unwrap().0.base_offset, 0);
        assert!(matches!(log.reader().read(second.base_offset, ALL), Err(crate::ReadError::Damaged(_))));
    }
}

/// A log of 20 batches of 3 records, and what a checkpoint says of it.
fn written(disk: &MemoryDisk, config: &LogConfig) -> (Log, LogEntry) {
    let (mut log, _) = open(disk, config, unclean(None));
    for i in 0..20 {
        append(&mut log, &batch(3, i), 0).unwrap();
    }
    sync(&mut log);
    let entry = log.entry();
    (log, entry)
}

/// Flips bits of one byte of the batch that starts at this offset; where the batch begins, and its size.
fn rot(disk: &MemoryDisk, log: &Log, base_offset: i64, byte: u64, mask: u8) -> (PathBuf, u64) {
    let segments = log.entry().segments;
    let of = segments.iter().rev().find(|segment| segment.base_offset <= base_offset).unwrap();
    let path = place().dir.join(file_name(of.base_offset, "log"));
    let bytes = disk.read(&path, 1 << 20).unwrap();
    let before = batches(bytes.clone().into()).take_while(|(header, _)| header.base_offset < base_offset);
    let begin = before.map(|(header, _)| header.size()).sum::<usize>();
    disk.corrupt(&path, (begin as u64) + byte, &[bytes[begin + byte as usize] ^ mask]).unwrap();
    (path, begin as u64)
}

fn damage(read: Result<Bytes, crate::ReadError>) -> crate::Damage {
    match read {
        Err(crate::ReadError::Damaged(damage)) => damage,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_no_crc_covers_is_checked_too_even_of_the_last_batch_of_a_file() {
    let disk = data_disk();
    let (log, entry) = written(&disk, &small());
    let last = log.entry().segments.iter().map(|segment| segment.base_offset - 3).nth(2).unwrap();
    // A base offset that is higher or lower, and a leader epoch.
    for (byte, mask) in [(7, 2), (7, 4), (6, 1), (15, 1), (12, 0x80)] {
        for from in [unclean(Some(&entry)), OpenFrom::Clean(Some(&entry))] {
            let rotten = disk.crash(Lost::NothingUnsynced);
            let (file, position) = rot(&rotten, &log, last, byte, mask);
            for remove_index in [false, true] {
                if remove_index {
                    let _ = rotten.remove_file(&file.with_extension("index"));
                }
                let (again, _) = open(&rotten, &small(), from);
                let found = damage(again.reader().read(last, ReadLimits { max_bytes: 1, ..ALL }));
                assert_eq!(
                    (&found.file, found.position, found.offset),
                    (&file, position, last),
                    "byte {byte}"
                );
            }
        }
    }
    // Where the index names the batch itself.
    rot(&disk, &log, 57, 7, 2);
    assert_eq!(damage(log.reader().read(57, ALL)).offset, 57);
}

#[test]
fn a_batch_that_hides_its_last_records_is_not_passed_over() {
    let disk = data_disk();
    let (log, entry) = written(&disk, &small());
    let last = log.entry().segments[1].base_offset - 3;
    // It says that it ends at its first record.
    rot(&disk, &log, last, 26, 2);
    let (again, _) = open(&disk, &small(), unclean(Some(&entry)));
    assert!(damage(again.reader().read(last + 2, ALL)).offset <= last + 2);
}

#[test]
fn a_length_that_reaches_into_the_next_batch_is_damage_and_no_claim_for_memory() {
    let disk = data_disk();
    let (log, _) = written(&disk, &LogConfig { index_interval_bytes: 100, ..LogConfig::default() });
    // 512 bytes more.
    let (_, position) = rot(&disk, &log, 30, 10, 2);
    let limits = ReadLimits { max_bytes: 400, first_max_bytes: 400, upto: i64::MAX };
    let found = damage(log.reader().read(31, limits));
    assert_eq!((found.position, found.offset), (position, 30));
}

#[test]
fn a_log_is_offline_from_the_damage_that_a_read_met_until_its_start_lies_behind() {
    let disk = data_disk();
    let (log, entry) = written(&disk, &LogConfig::default());
    let (file, position) = rot(&disk, &log, 30, 70, 1);
    let (mut again, report) = open(&disk, &LogConfig::default(), unclean(Some(&entry)));
    assert_eq!(report.damage, None, "nothing promised is read at a start");
    let good = batches(again.reader().read(0, ALL).unwrap()).map(|(header, _)| header.base_offset);
    assert_eq!(good.collect::<Vec<_>>(), (0..10).map(|i| i * 3).collect::<Vec<i64>>(), "up to the damage");
    assert_eq!(append(&mut again, &batch(3, 20), 0).unwrap().base_offset, 60, "nobody has met it yet");
    let found = damage(again.reader().read(30, ALL));
    assert_eq!((&found.file, found.position, found.offset), (&file, position, 30));
    for offset in [31, 33, 59, 60] {
        assert_eq!(damage(again.reader().read(offset, ALL)), found);
    }
    assert!(again.reader().read(27, ALL).is_ok());
    let refused = append(&mut again, &batch(3, 21), 0).unwrap_err();
    let AppendError::Offline(why) = refused else { panic!("{refused:?}") };
    assert!(why.contains(&format!("is damaged at byte {position}")), "{why}");
    // Giving the records up makes the log whole.
    let job = again.start_job(33).unwrap();
    job.run().unwrap();
    again.start_durable(33);
    sync(&mut again);
    assert_eq!(batches(again.reader().read(33, ALL).unwrap()).next().unwrap().0.base_offset, 33);
    assert_eq!(append(&mut again, &batch(3, 22), 0).unwrap().base_offset, 63);
}

#[test]
fn damage_in_a_file_hides_nothing_in_front_of_it() {
    let disk = data_disk();
    let config = LogConfig { index_interval_bytes: 100, ..LogConfig::default() };
    let (log, entry) = written(&disk, &config);
    // A length that leads nowhere, and no index.
    rot(&disk, &log, 30, 8, 0x40);
    let (again, _) = open(&disk, &config, OpenFrom::Clean(Some(&entry)));
    for offset in (0..30).rev() {
        let (header, _) = batches(again.reader().read(offset, ALL).unwrap()).next().unwrap();
        assert_eq!(header.base_offset, offset / 3 * 3);
    }
    assert_eq!(damage(again.reader().read(35, ALL)).offset, 30);
    assert_eq!(again.reader().offset_for_timestamp(5, i64::MAX).unwrap().unwrap().offset, 11);
    assert!(matches!(
        again.reader().offset_for_timestamp(15, i64::MAX),
        Err(crate::ReadError::Damaged(found)) if found.offset == 30
    ));
}

#[test]
fn names_and_sizes_beyond_all_measure_are_no_panic() {
    let disk = data_disk();
    let (log, mut entry) = written(&disk, &small());
    entry.segments.iter_mut().for_each(|segment| segment.size = u64::MAX);
    let (again, report) = open(&disk, &small(), unclean(Some(&entry)));
    assert!(report.damage.is_some());
    assert_eq!(again.reader().size(), u64::MAX);
    drop(log);
    let disk = data_disk();
    disk.create_dir_all(&place().dir).unwrap();
    disk.open(&place().dir.join(file_name(i64::MAX, "log")), OpenMode::Write).unwrap();
    let (mut log, _) = open(&disk, &small(), unclean(None));
    assert!(matches!(append(&mut log, &batch(1, 0), 0), Err(AppendError::Offline(_))));
}

#[test]
fn a_whole_batch_behind_one_whose_epoch_rotted_is_kept_when_it_is_cut() {
    let disk = data_disk();
    let config = LogConfig::default();
    let (mut log, _) = open(&disk, &config, unclean(None));
    for i in 0..3 {
        append(&mut log, &batch(3, i), 1).unwrap();
    }
    // No CRC covers an epoch, and nothing is known of it yet; the batch behind is the one that does not fit.
    rot(&disk, &log, 3, 15, 4);
    let (again, report) = open(&disk, &config, unclean(None));
    assert_eq!((again.end_offset(), report.kept.len()), (6, 1));
    assert_eq!(disk.len(&report.kept[0]).unwrap(), Some(report.cut_bytes));
}

#[test]
fn a_failed_append_leaves_no_trace() {
    use ottla_env::disk::{Fault, OperationKind};
    let disk = data_disk();
    let (mut log, _) = open(&disk, &LogConfig::default(), unclean(None));
    append(&mut log, &batch(3, 0), 0).unwrap();
    disk.fail_kind(OperationKind::Write, 1, 28);
    assert!(matches!(append(&mut log, &batch(3, 1), 0), Err(AppendError::DiskFull)));
    let next = disk.operation_count();
    disk.fail_at(next, Fault::ShortWrite(20));
    disk.fail_at(next + 1, Fault::Error(5));
    assert!(matches!(append(&mut log, &batch(3, 1), 0), Err(AppendError::Io(_))));
    assert_eq!(append(&mut log, &batch(3, 2), 0).unwrap().base_offset, 3);
    assert_eq!(read_all(&log), [(0, 0), (3, 2)]);
    let (again, report) = open(&disk, &LogConfig::default(), unclean(None));
    assert_eq!((read_all(&again), report.cut_bytes), (vec![(0, 0), (3, 2)], 0));
}

#[test]
fn what_a_failed_append_wrote_is_cut_off_durably() {
    let disk = data_disk();
    let (mut log, _) = open(&disk, &small(), unclean(None));
    append(&mut log, &batch(3, 0), 0).unwrap();
    sync(&mut log);
    disk.fail_kind(OperationKind::Write, 1, 28);
    assert!(matches!(append(&mut log, &batch(3, 1), 0), Err(AppendError::DiskFull)));
    assert!(!log.is_dirty(), "nothing was written");
    let next = disk.operation_count();
    disk.fail_at(next, Fault::ShortWrite(20));
    disk.fail_at(next + 1, Fault::Error(28));
    assert!(matches!(append(&mut log, &batch(3, 1), 0), Err(AppendError::DiskFull)));
    assert!(log.is_dirty(), "a power cut could bring it back");
    sync(&mut log);
    assert_eq!((log.durable_offset(), log.is_dirty()), (3, false));
}

impl Log {
    fn entry_path(&self) -> PathBuf {
        self.active.as_ref().unwrap().segment.path.clone()
    }
}

fn keyed(key: &str, timestamp: i64) -> Bytes {
    let mut builder = BatchBuilder::new();
    builder.push(timestamp, Some(key.as_bytes()), Some(&[7; 200]), &[]);
    builder.build(BuildOptions::default()).unwrap()
}

fn compacting() -> LogConfig {
    LogConfig { compact: true, min_cleanable_ppm: 0, ..small() }
}

/// Segments of keyed batches, and behind them an empty one, because the first write into it failed.
fn with_an_empty_segment(disk: &MemoryDisk, config: &LogConfig) -> (Log, i64) {
    let (mut log, _) = open(disk, config, unclean(None));
    let mut next = 0;
    while log.entry().segments.len() < 4 {
        next = append(&mut log, &keyed("k", next), 0).unwrap().last_offset + 1;
    }
    loop {
        let segments = log.reader().segment_count();
        // Of a roll the first write is that of the index, which is only a saving.
        disk.fail_kind(OperationKind::Write, 2, 28);
        assert!(append(&mut log, &keyed("k", next), 0).is_err());
        disk.fail_kind(OperationKind::Write, 0, 28);
        if log.reader().segment_count() > segments {
            sync(&mut log);
            return (log, next);
        }
        next = append(&mut log, &keyed("k", next), 0).unwrap().last_offset + 1;
    }
}

#[test]
fn nothing_is_appended_to_a_compacted_segment() {
    // With the empty file, and where its name was lost too.
    for is_there in [true, false] {
        let disk = data_disk();
        let (mut log, end) = with_an_empty_segment(&disk, &compacting());
        let (compacted, result) = log.compaction_job(1_000).unwrap().run(1_000, &|| false);
        result.unwrap();
        log.compacted(&compacted).run().unwrap();
        let entry = log.entry();
        assert!(entry.segments.iter().all(|segment| segment.compacted.is_some()));
        drop(log);
        if !is_there {
            disk.remove_file(&place().dir.join(file_name(end, "log"))).unwrap();
        }
        let (mut log, report) = open(&disk, &compacting(), OpenFrom::Clean(Some(&entry)));
        assert_eq!((log.end_offset(), report.damage), (end, None));
        assert_eq!(append(&mut log, &keyed("k", end), 0).unwrap().base_offset, end);
        sync(&mut log);
        drop(log);
        // A kill: what was promised last is what the clean stop said.
        let (log, report) = open(&disk, &compacting(), unclean(Some(&entry)));
        assert_eq!((log.end_offset(), report.damage), (end + 1, None), "the empty file is there: {is_there}");
        assert_eq!(read_all(&log).last(), Some(&(end, end)));
        let (log, report) = open(&disk, &compacting(), unclean(None));
        assert_eq!((log.end_offset(), report.damage), (end + 1, None));
    }
}

#[test]
fn a_file_that_nobody_promised_takes_nothing_from_what_was_promised() {
    let disk = data_disk();
    let (log, end) = with_an_empty_segment(&disk, &small());
    let entry = log.entry();
    drop(log);
    // A clean start goes on in the last segment that has something, as far as it is allowed to.
    let roomy = LogConfig { segment_bytes: 2_000, ..small() };
    let (mut log, _) = open(&disk, &roomy, OpenFrom::Clean(Some(&entry)));
    let mut next = end;
    while log.entry().segments.len() == entry.segments.len() {
        next = append(&mut log, &keyed("k", next), 0).unwrap().last_offset + 1;
    }
    sync(&mut log);
    let (entry, expected) = (log.entry(), read_all(&log));
    append(&mut log, &keyed("k", next), 0).unwrap();
    sync(&mut log);
    drop(log);
    let (log, report) = open(&disk, &roomy, unclean(Some(&entry)));
    assert_eq!((log.end_offset(), report.damage, report.kept), (next + 1, None, Vec::new()));
    let found = read_all(&log);
    assert_eq!((&found[..expected.len()], found.len()), (&expected[..], expected.len() + 1));
}

/// A compacted log of segments in which only the last record of a key stays.
fn compacted(disk: &MemoryDisk, begun_ms: i64, ran_ms: i64) -> Log {
    let (mut log, _) = open(disk, &compacting(), unclean(None));
    for i in 0..9 {
        append(&mut log, &keyed(&format!("k{}", i / 3), i), 0).unwrap();
    }
    let mut tombstone = BatchBuilder::new();
    tombstone.push(9, Some(b"k9"), None, &[]);
    append(&mut log, &tombstone.build(BuildOptions::default()).unwrap(), 0).unwrap();
    while log.entry().segments.last().is_some_and(|segment| segment.base_offset < 10) {
        append(&mut log, &keyed("last", 10), 0).unwrap();
    }
    sync(&mut log);
    let (compacted, result) = log.compaction_job(begun_ms).unwrap().run(ran_ms, &|| false);
    result.unwrap();
    log.compacted(&compacted).run().unwrap();
    log
}

#[test]
fn a_tombstone_is_stamped_with_the_time_of_the_pass_that_met_it() {
    let disk = data_disk();
    let log = compacted(&disk, 1_000, 3_601_000);
    let bytes = log.reader().read(9, ALL).unwrap();
    let (header, _) = batches(bytes).find(|(header, _)| header.base_offset == 9).unwrap();
    assert_eq!(header.delete_horizon(), Some(3_601_000 + compacting().delete_retention_ms));
}

#[test]
fn a_read_in_a_gap_brings_the_batch_behind_it_also_where_the_index_knows_that_one() {
    let disk = data_disk();
    let config = LogConfig { segment_bytes: 3_000, index_interval_bytes: 1, ..compacting() };
    let (mut log, _) = open(&disk, &config, unclean(None));
    let mut next = 0;
    while log.reader().segment_count() < 2 {
        let key = if next % 2 == 0 { format!("k{next}") } else { "often".to_owned() };
        next = append(&mut log, &keyed(&key, next), 0).unwrap().last_offset + 1;
    }
    sync(&mut log);
    let (compacted, result) = log.compaction_job(1_000).unwrap().run(1_000, &|| false);
    result.unwrap();
    log.compacted(&compacted).run().unwrap();
    drop(log);
    // What a recovery has read it knows batch by batch.
    let (log, report) = open(&disk, &config, unclean(None));
    assert_eq!(report.damage, None);
    let kept: Vec<i64> = read_all(&log).into_iter().map(|(offset, _)| offset).collect();
    assert!(kept.windows(2).filter(|pair| pair[1] > pair[0] + 1).count() > 2, "{kept:?}");
    for offset in 0..next {
        let bytes = log.reader().read(offset, ALL).unwrap();
        let first = batches(bytes).next().map(|(header, _)| header.base_offset);
        assert_eq!(first, kept.iter().copied().find(|kept| *kept >= offset), "a read at {offset}");
    }
}

#[test]
fn a_batch_that_moved_into_a_gap_is_damage_and_no_part_of_the_next_pass() {
    let disk = data_disk();
    let mut log = compacted(&disk, 1_000, 1_000);
    let of = log.entry().segments.into_iter().find(|segment| segment.size > 0).unwrap();
    let path = place().dir.join(crate::segment::log_name(of.base_offset, of.compacted));
    let bytes = disk.read(&path, 1 << 20).unwrap();
    let offsets: Vec<i64> = batches(bytes.clone().into()).map(|(header, _)| header.base_offset).collect();
    assert_eq!((offsets, of.compacted.unwrap().end_offset), (vec![2], 4), "a gap is behind it");
    // From 2 to 3.
    disk.corrupt(&path, 7, &[bytes[7] ^ 1]).unwrap();
    let files = disk.list(&place().dir).unwrap();
    for i in 0..9 {
        append(&mut log, &keyed(&format!("k{}", i / 3), 100 + i), 0).unwrap();
    }
    sync(&mut log);
    let (compacted, result) = log.compaction_job(2_000).unwrap().run(2_000, &|| false);
    let told = result.unwrap_err().to_string();
    assert!(told.contains(&path.display().to_string()), "{told}");
    assert!(compacted.end_offset() <= of.base_offset);
    // Nothing new stands where it stood.
    let of_first = |name: &str| name.starts_with(&file_name(of.base_offset, "")[..20]);
    let now = disk.list(&place().dir).unwrap();
    let [before, now] = [files, now].map(|files| files.into_iter().filter(|f| of_first(&f.name)).count());
    assert_eq!(now, before);
}
