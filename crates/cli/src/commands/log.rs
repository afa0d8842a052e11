//! `ottla log verify` and `ottla log dump`: look into a data directory without a broker, and change nothing.

pub mod verify;

use crate::args::Global;
use crate::exit::{Exit, Failure};
use anyhow::Result;
use ottla_env::disk::{Disk, OsDisk};
use ottla_log::checks::{self, BatchHeader, record};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// Bytes that one batch may have after decompression.
const DECOMPRESSED_MAX: usize = 128 << 20;
const TOPICS: &str = "topics";

#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  ottla log verify                      is every byte in ./ottla-data as it was written?
  ottla log dump DIR --records          what is in a partition

`ottla doctor` does the first, and looks at the rest of the machine too.")]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Clone, clap::Subcommand)]
enum Action {
    /// Check every byte: all batches, what the checkpoint promises of them, the metadata
    #[command(after_help = "Examples:
  ottla log verify                                  the data in ./ottla-data
  ottla log verify /var/lib/ottla/topics/ID-0       one partition

Exit code 1 when something is damaged or missing; a line each says which file, and where in it. Meant for the data of a
broker that is stopped: of one that runs, what it writes at that moment may look unfinished.")]
    Verify(At),

    /// Print the batches of a log, and with --records what is in them
    #[command(after_help = "Example:
  ottla log dump ottla-data/topics/ID-0 --records")]
    Dump(Dump),
}

#[derive(Debug, Clone, clap::Args)]
struct At {
    /// A data directory, or the directory of one partition
    #[arg(value_name = "DIR", default_value = "ottla-data")]
    dir: PathBuf,
}

#[derive(Debug, Clone, clap::Args)]
struct Dump {
    #[command(flatten)]
    at: At,

    /// Print every record too
    #[arg(long)]
    records: bool,
}

pub fn run(args: &Args, global: &Global) -> Result<Exit> {
    // `.` and the like have no names, by which a partition finds the data directory around it.
    let absolute = |dir: &Path| std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned());
    match &args.action {
        Action::Verify(at) => verify::run(&OsDisk, &absolute(&at.dir), global),
        Action::Dump(dump) => print(&OsDisk, &dump.at.dir, dump.records),
    }
}

/// What a directory is.
enum Place {
    DataDir,
    /// One log; `root` is the data directory around it.
    Partition {
        root: Option<PathBuf>,
    },
}

fn place_of(disk: &dyn Disk, dir: &Path) -> Result<Place> {
    let problem =
        |error: std::io::Error| Failure::usage(format!("cannot look into {}: {error}", dir.display()));
    let entries = disk.list(dir).map_err(problem)?;
    if entries.iter().any(|entry| entry.name == "format" || (entry.name == TOPICS && entry.is_dir)) {
        return Ok(Place::DataDir);
    }
    if entries.iter().any(|entry| entry.name.ends_with(".log")) {
        let topics = dir.parent().filter(|parent| parent.file_name().is_some_and(|name| name == TOPICS));
        let root = topics.and_then(Path::parent);
        let root = root.filter(|root| matches!(disk.entry(&root.join("format")), Ok(Some(_))));
        return Ok(Place::Partition { root: root.map(Path::to_owned) });
    }
    let what = format!("{} is neither a data directory of Ottla nor a partition's", dir.display());
    Err(Failure::usage(what).next("ottla log verify ./ottla-data").into())
}

/// The partitions in a data directory, or the directory itself when it is one.
fn partitions(disk: &dyn Disk, dir: &Path) -> Result<Vec<PathBuf>> {
    if let Place::Partition { .. } = place_of(disk, dir)? {
        return Ok(vec![dir.to_owned()]);
    }
    let topics = dir.join(TOPICS);
    let entries = match disk.list(&topics) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        entries => entries
            .map_err(|error| Failure::usage(format!("cannot look into {}: {error}", topics.display())))?,
    };
    let logs = entries.iter().filter(|entry| entry.is_dir && !entry.name.ends_with(".deleted"));
    Ok(logs.map(|entry| topics.join(&entry.name)).collect())
}

fn print(disk: &dyn Disk, dir: &Path, records: bool) -> Result<Exit> {
    let mut out = BufWriter::new(std::io::stdout().lock());
    let mut failed: Result<()> = Ok(());
    let mut damaged = false;
    for partition in partitions(disk, dir)? {
        let mut file = PathBuf::new();
        let found = checks::verify(disk, &partition, None, &mut |path, position, header, batch| {
            if failed.is_err() {
                return;
            }
            failed = (|| {
                if file != path {
                    path.clone_into(&mut file);
                    writeln!(out, "{}", path.display())?;
                }
                write_header(&mut out, position, header)?;
                if records {
                    write_records(&mut out, batch)?;
                }
                Ok(())
            })();
        })?;
        std::mem::replace(&mut failed, Ok(()))?;
        for problem in &found.problems {
            damaged = true;
            writeln!(out, "DAMAGED at byte {}: {}", problem.position, problem.what)?;
        }
    }
    out.flush()?;
    Ok(if damaged { Exit::Failed } else { Exit::Done })
}

fn write_header(out: &mut dyn Write, position: u64, header: &BatchHeader) -> Result<()> {
    let codec = header.codec().map_or("unknown", |codec| codec.name());
    write!(
        out,
        "  position {position} size {} offsets {}..={} records {} epoch {} codec {codec} timestamps {}..={} crc {:08x}",
        header.size(),
        header.base_offset,
        header.last_offset(),
        header.record_count,
        header.leader_epoch,
        header.base_timestamp,
        header.max_timestamp,
        header.crc,
    )?;
    if header.has_producer() {
        write!(
            out,
            " producer {} epoch {} sequence {}",
            header.producer_id, header.producer_epoch, header.base_sequence
        )?;
    }
    writeln!(out)?;
    Ok(())
}

fn write_records(out: &mut dyn Write, batch: &bytes::Bytes) -> Result<()> {
    let shown = |field: Option<&[u8]>| {
        field.map_or("null".to_owned(), |bytes| format!("{:?}", String::from_utf8_lossy(bytes)))
    };
    for record in record::iterate(batch, DECOMPRESSED_MAX)? {
        let record = record?;
        write!(
            out,
            "    offset {} timestamp {} key {}",
            record.offset,
            record.timestamp,
            shown(record.key.as_deref())
        )?;
        write!(out, " value {}", shown(record.value.as_deref()))?;
        for header in &record.headers {
            write!(
                out,
                " header {}={}",
                String::from_utf8_lossy(&header.key),
                shown(header.value.as_deref())
            )?;
        }
        writeln!(out)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ottla_broker::data_dir::{DataDir, Wanted};
    use ottla_env::disk::{MemoryDisk, OpenMode};
    use ottla_env::rng::OsRng;
    use ottla_log::checks::record::{BatchBuilder, BuildOptions};
    use std::sync::Arc;

    const ROOT: &str = "/data";

    fn data() -> MemoryDisk {
        let memory = MemoryDisk::new();
        let disk: Arc<dyn Disk> = Arc::new(memory.clone());
        drop(DataDir::open(&disk, Path::new(ROOT), &Wanted::default(), &OsRng).unwrap());
        memory
    }

    fn verify(disk: &MemoryDisk, dir: &str) -> Result<Exit> {
        super::verify::run(disk, Path::new(dir), &Global { quiet: true, ..Global::for_test() })
    }

    #[test]
    fn damage_is_exit_code_1_and_a_strange_directory_is_refused() {
        let disk = data();
        assert!(matches!(verify(&disk, ROOT), Ok(Exit::Done)));
        let dir = "/data/topics/t-0";
        disk.create_dir_all(Path::new(dir)).unwrap();
        assert!(matches!(verify(&disk, ROOT), Ok(Exit::Done)));
        let mut builder = BatchBuilder::new();
        builder.push(1, None, Some(b"v"), &[]);
        let batch = builder.build(BuildOptions::default()).unwrap();
        let path = Path::new(dir).join("00000000000000000000.log");
        disk.open(&path, OpenMode::Write).unwrap().write_all_at(&batch, 0).unwrap();
        assert!(matches!(verify(&disk, ROOT), Ok(Exit::Done)));
        disk.corrupt(&path, 65, &[0xff]).unwrap();
        assert!(matches!(verify(&disk, dir), Ok(Exit::Failed)));
        disk.create_dir_all(Path::new("/other")).unwrap();
        assert!(verify(&disk, "/other").is_err());
    }

    #[test]
    fn each_file_beside_the_logs_is_looked_at() {
        for (file, position) in [("format", 40), ("metadata/00000000000000000000.log", 12)] {
            let disk = data();
            let path = Path::new(ROOT).join(file);
            disk.corrupt(&path, position, &[0xff]).unwrap();
            assert!(matches!(verify(&disk, ROOT), Ok(Exit::Failed)), "{file}");
            disk.remove_file(&path).unwrap();
            disk.create_dir_all(Path::new("/data/topics")).unwrap();
            assert!(matches!(verify(&disk, ROOT), Ok(Exit::Failed)), "{file} is gone");
        }
        for file in ["checkpoint", "clean-stop"] {
            let disk = data();
            disk.open(&Path::new(ROOT).join(file), OpenMode::Write).unwrap().write_all_at(b"?", 0).unwrap();
            assert!(matches!(verify(&disk, ROOT), Ok(Exit::Failed)), "{file}");
        }
    }
}
