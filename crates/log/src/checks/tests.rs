//! What is missed of a log, and what became of it that is no loss.

use super::*;
use crate::{Log, LogConfig, LogPlace, OpenFrom};
use ottla_env::disk::MemoryDisk;
use record::{BatchBuilder, BuildOptions};
use std::sync::Arc;

const DIR: &str = "/data/topics/t-0";

struct Fixture {
    disk: MemoryDisk,
    log: Log,
}

fn config() -> LogConfig {
    LogConfig { segment_bytes: 300, index_interval_bytes: 100, compact: true, ..LogConfig::default() }
}

impl Fixture {
    /// A log of some segments, all of it synced.
    fn new() -> Self {
        let disk = MemoryDisk::new();
        disk.create_dir_all(Path::new(DIR)).unwrap();
        let place = LogPlace { dir: DIR.into(), root: "/data".into() };
        let from = OpenFrom::Unclean { entry: None, synced: false };
        let (log, _) = Log::open(Arc::new(disk.clone()), place, config(), from).unwrap();
        let mut fixture = Self { disk, log };
        (0..20).for_each(|_| fixture.append());
        fixture
    }

    fn append(&mut self) {
        let mut builder = BatchBuilder::new();
        builder.push(1, Some(b"key"), Some(b"value"), &[]);
        let batch = builder.build(BuildOptions::default()).unwrap();
        self.log.append(&BatchHeader::parse(&batch).unwrap(), &batch, 0, 1).unwrap();
        for job in self.log.take_sync_jobs() {
            job.run().unwrap();
            self.log.sync_done(&job.path);
        }
    }

    fn start_at(&mut self, offset: i64) {
        self.log.start_job(offset).unwrap().run().unwrap();
        self.log.start_durable(offset).run().unwrap();
    }

    fn problems(&self, promised: Option<&LogEntry>) -> Vec<String> {
        let found = verify(&self.disk, Path::new(DIR), promised, &mut |_, _, _, _| {}).unwrap();
        let name = |file: &Path| file.file_name().unwrap().to_str().unwrap().to_owned();
        found.problems.iter().map(|p| format!("{}@{}: {}", name(&p.file), p.position, p.what)).collect()
    }

    /// A segment's file, from the oldest on.
    fn file(&self, number: usize) -> PathBuf {
        let entry = self.log.entry().segments[number];
        Path::new(DIR).join(log_name(entry.base_offset, entry.compacted))
    }

    fn cut(&self, path: &Path, len: u64) {
        self.disk.open(path, OpenMode::Write).unwrap().set_len(len).unwrap();
    }
}

#[test]
fn what_the_checkpoint_promises_is_missed() {
    let whole = Fixture::new();
    let entry = whole.log.entry();
    let last = entry.segments.len() - 1;
    assert!(last > 2);
    assert_eq!(whole.problems(Some(&entry)), [""; 0]);

    for number in [0, 1, last] {
        let fixture = Fixture::new();
        let file = fixture.file(number);
        fixture.disk.remove_file(&file).unwrap();
        let told = fixture.problems(Some(&entry));
        let name = file.file_name().unwrap().to_str().unwrap();
        assert_eq!(told[0], format!("{name}@0: the file is missing"), "segment {number}");
    }

    // A file that ends with a whole batch is still short of what was promised.
    let batch = entry.segments[0].size / (entry.segments[1].base_offset as u64);
    for number in [0, last] {
        let fixture = Fixture::new();
        let size = entry.segments[number].size;
        fixture.cut(&fixture.file(number), size - batch);
        let told = fixture.problems(Some(&entry));
        let expected = format!("the file has {} bytes, {size} were promised", size - batch);
        assert!(told[0].ends_with(&expected), "{told:?}");
    }

    let fixture = Fixture::new();
    fixture.disk.remove_dir_all(Path::new(DIR)).unwrap();
    assert_eq!(fixture.problems(Some(&entry)).len(), entry.segments.len());
    assert_eq!(fixture.problems(None), [""; 0], "a log that nobody promised may have no directory");
}

#[test]
fn bytes_that_are_others_than_those_promised_are_found() {
    let fixture = Fixture::new();
    let mut entry = fixture.log.entry();
    let last = entry.segments.len() - 1;
    entry.segments[last].crc ^= 1;
    assert!(fixture.problems(Some(&entry))[0].contains("was promised"));
    let mut entry = fixture.log.entry();
    entry.segments[last].size -= 1;
    assert!(fixture.problems(Some(&entry))[0].contains("no batch ends here"));
    let mut entry = fixture.log.entry();
    entry.end_offset += 1;
    assert_eq!(fixture.problems(Some(&entry)), ["t-0@0: the log ends at 20, 21 was promised"]);
}

#[test]
fn what_became_of_a_log_after_the_checkpoint_is_no_loss() {
    let mut fixture = Fixture::new();
    let entry = fixture.log.entry();
    (0..7).for_each(|_| fixture.append());
    assert_eq!(fixture.problems(Some(&entry)), [""; 0], "appends");
    fixture.start_at(9);
    assert_eq!(fixture.problems(Some(&entry)), [""; 0], "a later start");
    let job = fixture.log.compaction_job(10).unwrap();
    let (compacted, outcome) = job.run(10, &|| false);
    outcome.unwrap();
    fixture.log.compacted(&compacted).run().unwrap();
    assert_eq!(fixture.problems(Some(&entry)), [""; 0], "a compaction");
    fixture.start_at(27);
    assert_eq!(fixture.problems(Some(&entry)), [""; 0], "all records deleted");
}

#[test]
fn a_log_without_an_entry_begins_where_its_start_says() {
    let mut fixture = Fixture::new();
    fixture.start_at(9);
    assert_eq!(fixture.problems(None), [""; 0]);
    fixture.disk.remove_file(&fixture.file(0)).unwrap();
    let told = fixture.problems(None);
    assert!(told.len() == 1 && told[0].ends_with(", the log at 9"), "{told:?}");

    let fixture = Fixture::new();
    fixture.disk.remove_file(&fixture.file(0)).unwrap();
    let told = fixture.problems(None);
    assert!(told.len() == 1 && told[0].ends_with(", the log at 0"), "{told:?}");
}

#[test]
fn a_damaged_start_is_a_problem_and_a_damaged_index_a_note() {
    let mut fixture = Fixture::new();
    fixture.start_at(9);
    fixture.disk.corrupt(&Path::new(DIR).join("log-start"), 9, &[0xff]).unwrap();
    assert_eq!(fixture.problems(None), ["log-start@0: it is not a log start"]);

    let fixture = Fixture::new();
    let index = fixture.file(0).with_extension("index");
    fixture.disk.corrupt(&index, 9, &[0xff]).unwrap();
    let found = verify(&fixture.disk, Path::new(DIR), None, &mut |_, _, _, _| {}).unwrap();
    assert_eq!((found.problems.len(), found.bad_indexes), (0, vec![index]));
}

#[test]
fn an_empty_file_that_a_failed_write_left_is_no_problem() {
    let fixture = Fixture::new();
    let entry = fixture.log.entry();
    let between = Path::new(DIR).join(log_name(entry.segments[0].base_offset + 1, None));
    fixture.disk.open(&between, OpenMode::Write).unwrap();
    assert_eq!(fixture.problems(Some(&entry)), [""; 0]);
}
