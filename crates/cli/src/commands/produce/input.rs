//! Standard input or a file, cut into records by a thread of its own: reading a terminal blocks.

use crate::exit::Failure;
use crate::units::show_size;
use anyhow::{Context, Result};
use bytes::{Bytes, BytesMut};
use ottla_env::disk::{Disk, File, OpenMode, OsDisk};
use ottla_env::task::spawn_disk_loop;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::mpsc;

#[derive(Debug, Clone)]
pub enum Source {
    Stdin,
    File(PathBuf),
}

pub type Pieces = Result<Vec<Bytes>>;
pub type Input = mpsc::Receiver<Pieces>;

const READ_BYTES: usize = 64 << 10;
/// Reads that may be ahead of the producer.
const AHEAD: usize = 4;

/// A file read from its start to its end.
struct FileReader {
    file: Arc<dyn File>,
    position: u64,
}

impl Read for FileReader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(buf, self.position)?;
        self.position += read as u64;
        Ok(read)
    }
}

/// Starts reading. The thread ends with the input, or with the process.
pub fn start(source: Source, delimiter: Vec<u8>, piece_bytes_max: usize) -> Result<Input> {
    let reader: Box<dyn Read + Send> = match source {
        Source::Stdin => Box::new(io::stdin()),
        Source::File(path) => {
            let file = OsDisk
                .open(&path, OpenMode::Read)
                .map_err(|error| Failure::usage(format!("cannot read {}: {error}", path.display())))?;
            Box::new(FileReader { file, position: 0 })
        }
    };
    let (sender, input) = mpsc::channel(AHEAD);
    spawn_disk_loop("input", move || {
        let cutter = Cutter { rest: BytesMut::new(), delimiter, piece_bytes_max };
        if let Err(error) = read_all(reader, cutter, &sender) {
            // Nobody listens any more only when the command is over.
            let _ = sender.blocking_send(Err(error));
        }
    })
    .context("start the reader")?;
    Ok(input)
}

fn read_all(mut reader: impl Read, mut cutter: Cutter, sender: &mpsc::Sender<Pieces>) -> Result<()> {
    let mut buffer = vec![0; READ_BYTES];
    loop {
        let read = match reader.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error).context("read the input"),
        };
        let pieces = cutter.cut(&buffer[..read])?;
        if !pieces.is_empty() && sender.blocking_send(Ok(pieces)).is_err() {
            return Ok(());
        }
    }
    if let Some(last) = cutter.last() {
        let _ = sender.blocking_send(Ok(vec![last]));
    }
    Ok(())
}

struct Cutter {
    rest: BytesMut,
    delimiter: Vec<u8>,
    piece_bytes_max: usize,
}

impl Cutter {
    /// The pieces that are whole now.
    fn cut(&mut self, bytes: &[u8]) -> Result<Vec<Bytes>> {
        // A delimiter may have begun in what is left from before.
        let mut from = self.rest.len().saturating_sub(self.delimiter.len().saturating_sub(1));
        self.rest.extend_from_slice(bytes);
        let mut pieces = Vec::new();
        while let Some(at) = find(&self.rest[from..], &self.delimiter) {
            let piece = self.rest.split_to(from + at);
            let _ = self.rest.split_to(self.delimiter.len());
            pieces.push(piece.freeze());
            from = 0;
        }
        if self.rest.len() > self.piece_bytes_max {
            let problem = format!("a record of more than {}", show_size(self.piece_bytes_max as u64));
            return Err(Failure::usage(problem)
                .next("`-D` if something else ends a record, or a larger `-X max.request.size`")
                .into());
        }
        Ok(pieces)
    }

    /// What stands behind the last delimiter, if anything does.
    fn last(self) -> Option<Bytes> {
        (!self.rest.is_empty()).then(|| self.rest.freeze())
    }
}

pub fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    let (first, rest) = wanted.split_first()?;
    let mut from = 0;
    while let Some(at) = bytes[from..].iter().position(|byte| byte == first) {
        from += at + 1;
        if bytes[from..].starts_with(rest) {
            return Some(from - 1);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(chunks: &[&str], delimiter: &str) -> Vec<Bytes> {
        let mut cutter = Cutter { rest: BytesMut::new(), delimiter: delimiter.into(), piece_bytes_max: 1000 };
        let mut pieces = Vec::new();
        for chunk in chunks {
            pieces.extend(cutter.cut(chunk.as_bytes()).unwrap());
        }
        pieces.extend(cutter.last());
        pieces
    }

    #[test]
    fn input_is_cut_wherever_it_was_read() {
        assert_eq!(cut(&["a\nb", "c\n", "\nd"], "\n"), ["a", "bc", "", "d"]);
        assert_eq!(cut(&["a\n"], "\n"), ["a"]);
        assert_eq!(cut(&["a--", "b-", "-c", "-", "-"], "--"), ["a", "b", "c"]);
        assert_eq!(cut(&["aab", "aaab"], "aab"), ["", "a"]);
        assert!(cut(&[], "\n").is_empty());
    }

    #[test]
    fn a_piece_without_end_is_refused() {
        let mut cutter = Cutter { rest: BytesMut::new(), delimiter: b"\n".to_vec(), piece_bytes_max: 4 };
        assert!(cutter.cut(b"abcd").is_ok());
        assert!(cutter.cut(b"e").is_err());
    }
}
