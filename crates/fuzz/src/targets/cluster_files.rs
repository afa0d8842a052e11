//! The files of the cluster's metadata, the identity of a data directory, and settings.

use super::put;
use crate::memory;
use ottla_broker::cluster::coord::{Transaction, Write};
use ottla_broker::cluster::embedded::{Engine, create};
use ottla_broker::data_dir::{DataDir, Wanted};
use ottla_broker::settings::{Input, load};
use ottla_env::disk::{Disk, MemoryDisk};
use ottla_env::rng::SeededRng;
use ottla_state::image::{Partition, StorageClass, Topic};
use ottla_state::quota::{Entity, Key, Limit, Limits, Who};
use ottla_state::{Broker, Change, Cluster, DeletedTopic, Endpoint, Image, Uuid};
use ottla_wire::batch::crc32c;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, LazyLock};

const METADATA: &str = "/data/metadata";
const GROUP_HEADER: usize = 20;
const FILE_HEADER: usize = 24;
/// Bytes of a file of settings.
const SETTINGS_MOST: usize = 1_000;

fn made() -> MemoryDisk {
    let disk = MemoryDisk::new();
    disk.create_dir_all(Path::new("/data")).expect("a directory can be made");
    disk
}

fn open_dir(disk: &MemoryDisk) -> Result<DataDir, String> {
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    DataDir::open(&disk, Path::new("/data"), &Wanted::default(), &SeededRng::new(1))
        .map_err(|error| error.to_string())
}

pub fn format(input: &[u8]) -> bool {
    let disk = made();
    create(&disk, Path::new(METADATA)).expect("metadata can be made");
    let path = Path::new("/data/format");
    put(&disk, path, input);
    let opened = open_dir(&disk);
    assert_eq!(disk.read(path, 1 << 20).expect("it is still there"), input, "the file was changed");
    if let Err(why) = &opened {
        assert!(why.contains("/data"), "a refusal names no path: {why}");
    }
    opened.is_ok()
}

pub fn format_corpus() -> Vec<Vec<u8>> {
    let disk = made();
    drop(open_dir(&disk).expect("a directory can be begun"));
    vec![disk.read(Path::new("/data/format"), 4_096).expect("it has its file")]
}

/// A log and a snapshot as the product writes them, and every kind of change.
struct Stored {
    log: Vec<u8>,
    /// The snapshot, and the empty log behind it with its name.
    snapshot: Vec<u8>,
    behind: (String, Vec<u8>),
    changes: Vec<Change>,
}

static STORED: LazyLock<Stored> = LazyLock::new(store);

/// A change for each pattern. There is no `_`, so that a kind of change without one does not compile.
macro_rules! one_of_each {
    ($($kind:pat => $change:expr,)+) => {{
        let known = |change: &Change| match change {
            $($kind => {})+
        };
        let all = vec![$({
            let change = $change;
            assert!(matches!(change, $kind), "{change:?} stands beside another pattern");
            change
        }),+];
        all.iter().for_each(known);
        all
    }};
}

fn every_change() -> Vec<Change> {
    let id = Uuid([3; 16]);
    let partition = Partition {
        leader: 1,
        leader_epoch: 2,
        partition_epoch: 3,
        replicas: vec![1],
        isr: vec![1],
        restarts: 1,
    };
    let configs = Arc::new(BTreeMap::from([("retention.ms".to_owned(), "5".to_owned())]));
    let topic = Topic {
        id,
        name: "t".into(),
        storage: StorageClass::Local,
        partitions: Arc::new(vec![partition; 3]),
        configs: Arc::default(),
    };
    let broker = Broker {
        id: 1,
        epoch: 1,
        endpoints: vec![Endpoint { listener: "PLAINTEXT".into(), host: "localhost".into(), port: 9092 }],
        rack: Some("r".into()),
        directory: Uuid([5; 16]),
        incarnation: Uuid([6; 16]),
        clean_start: true,
        features: BTreeMap::from([("metadata.version".to_owned(), (7, 33))]),
    };
    let limits: Limits = Limit::new(1.5).map(|limit| (Key::RequestPercentage, limit)).into_iter().collect();
    let entity = Entity::UserClient(Who::Named("a/%".into()), Who::Default);
    let gone = DeletedTopic { id: Uuid([4; 16]), name: "gone".into(), partitions: 2 };
    one_of_each! {
        Change::Cluster(_) => Change::Cluster(Cluster { id: "c".into(), created_ms: 5 }),
        Change::Features(_) => Change::Features(BTreeMap::from([("metadata.version".to_owned(), 33)])),
        Change::Controller(None) => Change::Controller(None),
        Change::Controller(Some(_)) => Change::Controller(Some(1)),
        Change::ControllerEpoch(_) => Change::ControllerEpoch(4),
        Change::Broker(_) => Change::Broker(Arc::new(broker)),
        Change::BrokerGone(_) => Change::BrokerGone(2),
        Change::Restarts { .. } => Change::Restarts { node: 1, count: 2 },
        Change::TopicName { id: Some(_), .. } => Change::TopicName { name: "t".into(), id: Some(id) },
        Change::TopicName { id: None, .. } => Change::TopicName { name: "gone".into(), id: None },
        Change::Topic(_) => Change::Topic(Arc::new(topic)),
        Change::TopicGone(_) => Change::TopicGone(gone.id),
        Change::TopicConfigs { .. } => Change::TopicConfigs { id, configs: Arc::clone(&configs) },
        Change::BrokerConfigs { .. } => Change::BrokerConfigs { node: 1, configs: Arc::clone(&configs) },
        Change::GroupConfigs { .. } => {
            Change::GroupConfigs { group: "g".into(), configs: Arc::clone(&configs) }
        },
        Change::Quotas { .. } => Change::Quotas { entity, limits: Arc::new(limits) },
        Change::Deleting(_) => Change::Deleting(Arc::new(gone)),
        Change::Forgotten(_) => Change::Forgotten(Uuid([8; 16])),
        Change::BrokerDefaults(_) => Change::BrokerDefaults(configs),
        Change::NextProducerId(_) => Change::NextProducerId(1_000),
    }
}

fn store() -> Stored {
    let disk = made();
    create(&disk, Path::new(METADATA)).expect("metadata can be made");
    let mut engine = engine(&disk).expect("what was made is opened");
    let changes = every_change();
    for change in &changes {
        let (key, value) = change.to_entry();
        let write = match value {
            Some(value) => Write::Put { key, value: value.into(), session: None },
            None => Write::Delete { key },
        };
        let outcomes = engine.commit(&[Transaction { checks: Vec::new(), writes: vec![write] }]);
        assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    }
    let read = |name: &str| disk.read(&Path::new(METADATA).join(name), 1 << 20).expect("it is there");
    let log = read(&format!("{:020}.log", 0));
    engine.snapshot().expect("a snapshot can be made");
    let name = format!("{:020}.log", engine.store().revision());
    Stored { log, snapshot: read("snapshot"), behind: (name.clone(), read(&name)), changes }
}

fn engine(disk: &MemoryDisk) -> Result<Engine, String> {
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    Engine::open(disk, Path::new(METADATA), 0).map(|(engine, _)| engine).map_err(|error| error.to_string())
}

/// What can be opened can be written to, and is the same when it is opened again.
fn opened(disk: &MemoryDisk, len: usize) -> bool {
    let bound = 32 * len + (256 << 10);
    let mut engine = match memory::within(bound, "metadata", || engine(disk)) {
        Ok(engine) => engine,
        Err(why) => {
            assert!(why.contains(METADATA), "a refusal names no file: {why}");
            return false;
        }
    };
    let entries = engine.store().entries();
    let changes = entries.filter_map(|e| Change::from_entry(&e.key, Some(&e.value), e.created).ok());
    let _ = Image::from_state(changes.collect::<Vec<_>>());
    let write = Write::put("z", "1");
    let committed = engine.commit(&[Transaction { checks: Vec::new(), writes: vec![write] }]);
    if committed.iter().all(Result::is_ok) {
        let again = self::engine(disk).expect("what was written is read");
        assert!(again.store().entries().eq(engine.store().entries()), "it is another one when opened again");
    }
    true
}

pub fn metadata_log(input: &[u8]) -> bool {
    let disk = made();
    disk.create_dir(Path::new(METADATA)).expect("a directory can be made");
    put(&disk, &Path::new(METADATA).join(format!("{:020}.log", 0)), input);
    opened(&disk, input.len())
}

pub fn metadata_log_corpus() -> Vec<Vec<u8>> {
    vec![STORED.log.clone(), STORED.log[..FILE_HEADER].to_vec()]
}

/// The checksums of the header and of every group whose length fits.
pub fn repair_groups(bytes: &mut [u8]) {
    if bytes.len() < FILE_HEADER {
        return;
    }
    let crc = crc32c(&bytes[..20]);
    bytes[20..24].copy_from_slice(&crc.to_be_bytes());
    let mut at = FILE_HEADER;
    while let Some(header) = bytes.get(at..at + GROUP_HEADER) {
        let length = u32::from_be_bytes([header[4], header[5], header[6], header[7]]) as usize;
        let end = (at + GROUP_HEADER).saturating_add(length);
        let Some(body) = bytes.get(at + GROUP_HEADER..end) else { return };
        let crc = crc32c(&[&header[4..16], body].concat());
        bytes[at + 16..at + 20].copy_from_slice(&crc.to_be_bytes());
        at = end;
    }
}

pub fn snapshot(input: &[u8]) -> bool {
    let disk = made();
    disk.create_dir(Path::new(METADATA)).expect("a directory can be made");
    put(&disk, &Path::new(METADATA).join("snapshot"), input);
    put(&disk, &Path::new(METADATA).join(&STORED.behind.0), &STORED.behind.1);
    opened(&disk, input.len())
}

pub fn snapshot_corpus() -> Vec<Vec<u8>> {
    vec![STORED.snapshot.clone()]
}

pub fn repair_snapshot(bytes: &mut [u8]) {
    if bytes.len() < FILE_HEADER {
        return;
    }
    let crc = crc32c(&[&bytes[12..20], &bytes[FILE_HEADER..]].concat());
    bytes[20..24].copy_from_slice(&crc.to_be_bytes());
}

/// Length of the key, key, value. Nothing behind the key: the end of it.
fn entry_of(input: &[u8]) -> Option<(String, Vec<u8>)> {
    let (length, rest) = input.split_first()?;
    let (key, value) = rest.split_at_checked(usize::from(*length))?;
    Some((String::from_utf8_lossy(key).into_owned(), value.to_vec()))
}

pub fn changes(input: &[u8]) -> bool {
    let Some((key, value)) = entry_of(input) else { return false };
    let value = Some(&value[..]).filter(|value| !value.is_empty());
    let bound = 64 * input.len() + (64 << 10);
    let read = memory::within(bound, "a change", || Change::from_entry(&key, value, 1));
    let Ok(change) = read else { return false };
    let (key, value) = change.to_entry();
    let again = Change::from_entry(&key, value.as_deref(), 1);
    assert_eq!(again.map(|change| change.to_entry()), Ok((key, value)), "written otherwise");
    let _ = Image::from_state([change]);
    true
}

pub fn change_corpus() -> Vec<Vec<u8>> {
    let encoded = |change: &Change| {
        let (key, value) = change.to_entry();
        let length = u8::try_from(key.len()).ok()?;
        let value = value.unwrap_or_default();
        Some([&[length][..], key.as_bytes(), &value].concat())
    };
    STORED.changes.iter().filter_map(encoded).collect()
}

/// Which format, text.
pub fn settings(input: &[u8]) -> bool {
    let Some((kind, text)) = input.split_first() else { return false };
    // For each unknown name the nearest known one is looked for.
    let text = String::from_utf8_lossy(&text[..text.len().min(SETTINGS_MOST)]).into_owned();
    let file = if kind % 2 == 0 { "server.properties" } else { "ottla.toml" };
    let input = Input { file: Some(file.into()), file_text: Some(text), ..Input::default() };
    match load(&input) {
        Ok(settings) => {
            let shown = settings.entries().map(|(setting, value, _)| (setting.name, value));
            assert!(shown.count() > 100, "settings are missing");
            true
        }
        Err(error) => {
            assert!(!error.problems.is_empty(), "refused without a reason");
            false
        }
    }
}

pub fn settings_corpus() -> Vec<Vec<u8>> {
    let properties = "# a broker\nnode.id=3\nlisteners=PLAINTEXT://127.0.0.1:9092,HOST://[::1]:9093\n\
        log.retention.hours = 24\nlog.dirs:/tmp/a\\\n  b\nadvertised.listeners=PLAINTEXT://h\\u00e4:9092\n\
        listener.security.protocol.map=PLAINTEXT:PLAINTEXT,HOST:PLAINTEXT\ncompression.type=zstd\n\
        num.partitions=3\nlog.segment.bytes=1048576\nmin.insync.replicas=1\nunknown.name=1\n";
    let toml = "node.id = 3\nlisteners = [\"PLAINTEXT://127.0.0.1:9092\"]\n[log.retention]\nms = 604_800_000\n\
        [log]\nsegment.bytes = 0x100000\ndirs = 'd'\n";
    vec![[&[0], properties.as_bytes()].concat(), [&[1], toml.as_bytes()].concat()]
}
