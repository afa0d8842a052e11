//! The metadata log cut anywhere, with bytes missing in its middle, or with a flipped bit: a start that was told of a
//! later revision is refused, names the file and leaves it as it is; any other finds a state that was committed, and
//! none before what it was told (rule R10).

use crate::crash::metadata::{DIR, open};
use crate::disk::SimDisk;
use crate::disk::image::Image;
use ottla_broker::cluster::coord::{Revision, Transaction, Write};
use ottla_broker::cluster::embedded::{Engine, create};
use ottla_env::disk::{Disk, OpenMode};
use ottla_env::rng::{Rng, SeededRng};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const COMMITS: u64 = 10;

type Keys = BTreeMap<String, Vec<u8>>;

struct Committed {
    image: Image,
    log: PathBuf,
    bytes: Vec<u8>,
    /// What the store held at the end of each group.
    states: BTreeMap<Revision, Keys>,
}

fn text(error: impl ToString) -> String {
    error.to_string()
}

fn keys(engine: &Engine) -> Keys {
    engine.store().entries().map(|entry| (entry.key.to_string(), entry.value.to_vec())).collect()
}

fn committed(rng: &dyn Rng) -> Result<Committed, String> {
    let disk = SimDisk::default();
    disk.create_dir_all(Path::new("/data")).map_err(text)?;
    create(&disk, Path::new(DIR)).map_err(text)?;
    let mut engine = open(&disk, 0)?;
    let snapshot_at = rng.below(COMMITS / 2);
    let mut states = BTreeMap::from([(0, Keys::new())]);
    for number in 0..COMMITS {
        let writes = (0..=rng.below(2)).map(|i| Write::Put {
            key: format!("k{}", (number * 2 + i) % 7),
            value: format!("v{number}").repeat(1 + rng.below(20) as usize).into(),
            session: None,
        });
        let writes: Vec<Write> = writes.collect();
        for outcome in engine.commit(&[Transaction { checks: Vec::new(), writes }]) {
            outcome.map_err(text)?;
        }
        states.insert(engine.store().revision(), keys(&engine));
        if number == snapshot_at {
            engine.snapshot().map_err(text)?;
        }
    }
    disk.sync_fs(Path::new(DIR)).map_err(text)?;
    let entries = disk.list(Path::new(DIR)).map_err(text)?;
    let log = entries.iter().find(|entry| entry.name.ends_with(".log")).ok_or("there is no log")?;
    let log = Path::new(DIR).join(&log.name);
    let bytes = disk.read(&log, 1 << 20).map_err(text)?;
    Ok(Committed { image: disk.image(), log, bytes, states })
}

pub fn suite(seed: u64) -> Result<usize, String> {
    let rng = SeededRng::new(seed);
    let committed = committed(&rng)?;
    let mut cases = 0;
    for at in 0..committed.bytes.len() {
        let cut = committed.bytes[..at].to_vec();
        let missing = at + 1 + rng.below((committed.bytes.len() - at) as u64) as usize;
        let hole = [&committed.bytes[..at], &committed.bytes[missing..]].concat();
        let mut flipped = committed.bytes.clone();
        flipped[at] ^= 1 << rng.below(8);
        for (what, bytes) in [("cut", cut), ("bytes missing", hole), ("a flipped bit", flipped)] {
            committed.case(&bytes, &rng).map_err(|error| format!("{what} at {at}: {error}"))?;
            cases += 1;
        }
    }
    Ok(cases)
}

impl Committed {
    fn case(&self, bytes: &[u8], rng: &dyn Rng) -> Result<(), String> {
        let revisions: Vec<Revision> = self.states.keys().copied().collect();
        let last = revisions[revisions.len() - 1];
        let told = [0, last, revisions[rng.below(revisions.len() as u64) as usize]];
        for at_least in told {
            let disk = SimDisk::of(self.image.clone());
            let write = || {
                let file = disk.open(&self.log, OpenMode::Write)?;
                file.set_len(0)?;
                file.write_all_at(bytes, 0)
            };
            write().map_err(text)?;
            let told = || format!("told of revision {at_least}");
            match open(&disk, at_least) {
                Ok(engine) => {
                    let found = keys(&engine);
                    let mut states = self.states.iter().filter(|(revision, _)| **revision >= at_least);
                    if !states.any(|(_, state)| *state == found) {
                        return Err(format!("{}: found {found:?}", told()));
                    }
                }
                Err(error) if !error.contains(&self.log.display().to_string()) => {
                    return Err(format!("{}: the refusal names no file: {error}", told()));
                }
                Err(error) => {
                    if disk.read(&self.log, 1 << 20).map_err(text)? != bytes {
                        return Err(format!("{}: refused ({error}), and the file was changed", told()));
                    }
                }
            }
        }
        Ok(())
    }
}
