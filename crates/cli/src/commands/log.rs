//! `ottla log verify` and `ottla log dump`: look into a data directory without a broker, and change nothing.

use crate::exit::{Exit, Failure};
use anyhow::Result;
use ottla_env::disk::{Disk, OsDisk};
use ottla_log::checks::{self, BatchHeader, Verified, record};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// Bytes that one batch may have after decompression.
const DECOMPRESSED_MAX: usize = 128 << 20;

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
    /// Check every batch: CRC, offsets, epochs, and the CRC of whole sealed files
    #[command(after_help = "Examples:
  ottla log verify                                  the data in ./ottla-data
  ottla log verify /var/lib/ottla/topics/ID-0       one partition

Exit code 1 when something is damaged; file and byte position are printed.")]
    Verify(Place),

    /// Print the batches of a log, and with --records what is in them
    #[command(after_help = "Example:
  ottla log dump ottla-data/topics/ID-0 --records")]
    Dump(Dump),
}

#[derive(Debug, Clone, clap::Args)]
struct Place {
    /// A data directory, or the directory of one partition
    #[arg(value_name = "DIR", default_value = "ottla-data")]
    dir: PathBuf,
}

#[derive(Debug, Clone, clap::Args)]
struct Dump {
    #[command(flatten)]
    place: Place,

    /// Print every record too
    #[arg(long)]
    records: bool,
}

pub fn run(args: &Args) -> Result<Exit> {
    match &args.action {
        Action::Verify(place) => verify(&OsDisk, &place.dir),
        Action::Dump(dump) => print(&OsDisk, &dump.place.dir, dump.records),
    }
}

/// The partitions in a data directory, or the directory itself when it is one.
pub(super) fn partitions(disk: &dyn Disk, dir: &Path) -> Result<Vec<PathBuf>> {
    let problem =
        |error: std::io::Error| Failure::usage(format!("cannot look into {}: {error}", dir.display()));
    let topics = dir.join("topics");
    if disk.entry(&topics).map_err(problem)?.is_none_or(|entry| !entry.is_dir) {
        let entries = disk.list(dir).map_err(problem)?;
        if entries.iter().any(|entry| entry.name.ends_with(".log")) {
            return Ok(vec![dir.to_owned()]);
        }
        if entries.iter().any(|entry| entry.name == "format") {
            return Ok(Vec::new());
        }
        let what = format!("{} is neither a data directory of Ottla nor a partition's", dir.display());
        return Err(Failure::usage(what).next("ottla log verify ./ottla-data").into());
    }
    let entries = disk.list(&topics).map_err(problem)?;
    let logs = entries.iter().filter(|entry| entry.is_dir && !entry.name.ends_with(".deleted"));
    Ok(logs.map(|entry| topics.join(&entry.name)).collect())
}

fn verify(disk: &dyn Disk, dir: &Path) -> Result<Exit> {
    let mut total = Verified::default();
    let mut damaged = 0;
    let partitions = partitions(disk, dir)?;
    for partition in &partitions {
        let found = checks::verify(disk, partition, &mut |_, _, _, _| {})?;
        for problem in &found.problems {
            println!(
                "{}: byte {}, offset {}: {}",
                problem.file.display(),
                problem.position,
                problem.offset,
                problem.what
            );
        }
        for kept in &found.kept {
            eprintln!("{}: kept by a recovery, because whole batches stand in it", kept.display());
        }
        damaged += usize::from(!found.problems.is_empty());
        total.segments += found.segments;
        total.batches += found.batches;
        total.records += found.records;
        total.bytes += found.bytes;
    }
    eprintln!(
        "{} partitions, {} segments, {} batches, {} records, {} bytes: {}",
        partitions.len(),
        total.segments,
        total.batches,
        total.records,
        total.bytes,
        if damaged == 0 { "clean".to_owned() } else { format!("{damaged} partitions are damaged") }
    );
    Ok(if damaged == 0 { Exit::Done } else { Exit::Failed })
}

fn print(disk: &dyn Disk, dir: &Path, records: bool) -> Result<Exit> {
    let mut out = BufWriter::new(std::io::stdout().lock());
    let mut failed: Result<()> = Ok(());
    let mut damaged = false;
    for partition in partitions(disk, dir)? {
        let mut file = PathBuf::new();
        let found = checks::verify(disk, &partition, &mut |path, position, header, batch| {
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
    use ottla_env::disk::{MemoryDisk, OpenMode};
    use ottla_log::checks::record::{BatchBuilder, BuildOptions};

    #[test]
    fn damage_is_exit_code_1_and_a_strange_directory_is_refused() {
        let disk = MemoryDisk::new();
        let dir = Path::new("/data/topics/t-0");
        disk.create_dir_all(dir).unwrap();
        assert!(matches!(verify(&disk, Path::new("/data")), Ok(Exit::Done)));
        let mut builder = BatchBuilder::new();
        builder.push(1, None, Some(b"v"), &[]);
        let batch = builder.build(BuildOptions::default()).unwrap();
        let path = dir.join("00000000000000000000.log");
        disk.open(&path, OpenMode::Write).unwrap().write_all_at(&batch, 0).unwrap();
        assert!(matches!(verify(&disk, Path::new("/data")), Ok(Exit::Done)));
        disk.corrupt(&path, 65, &[0xff]).unwrap();
        assert!(matches!(verify(&disk, dir), Ok(Exit::Failed)));
        disk.create_dir_all(Path::new("/other")).unwrap();
        assert!(verify(&disk, Path::new("/other")).is_err());
    }
}
