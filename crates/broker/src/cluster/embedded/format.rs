//! The bytes of the metadata log and of its snapshot.
//!
//! Integers are big-endian. A list is `count u32 | elements`, text and bytes are `len u32 | content`. A checksum is the
//! CRC-32C of what is named. Reading never panics and reserves nothing beyond the bytes that are there.
//!
//! ```text
//! <base revision, 20 digits>.log
//!   header    magic "OTTLAMDL" | layout u32 = 1 | base revision i64 | crc u32 of all before it       24 bytes
//!   group     mark "GRP1" | body length u32 | first revision i64 | crc u32 of length, revision, body | body
//!     body    list of transactions, each a list of writes; one revision per transaction
//!     write   0 | key text | value bytes                      put
//!             1 | key text | value bytes | session u64        put that ends with a session
//!             2 | key text                                    delete
//!
//! snapshot
//!             magic "OTTLAMDS" | layout u32 = 1 | revision i64 | crc u32 of revision and body | body
//!     body    list of entries: key text | value bytes | created i64 | modified i64 | 0, or 1 and session u64
//! ```

use crate::cluster::coord::{Entry, Revision, SessionId, Write};
use bytes::Bytes;
use ottla_state::fields::{FieldError, Reader, Writer};
use ottla_wire::batch::crc32c;

const LOG_MAGIC: &[u8; 8] = b"OTTLAMDL";
const SNAPSHOT_MAGIC: &[u8; 8] = b"OTTLAMDS";
const GROUP_MARK: &[u8; 4] = b"GRP1";
const LAYOUT: u32 = 1;

pub const LOG_HEADER_LEN: usize = 24;
const GROUP_HEADER_LEN: usize = 20;
const SNAPSHOT_HEADER_LEN: usize = 24;

/// Why bytes are not what they should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Bad {
    #[error("it ends too early")]
    Short,
    #[error("it does not begin as a metadata file does")]
    Magic,
    #[error("its layout is {0}, this Ottla knows {LAYOUT}; start a newer Ottla")]
    Layout(u32),
    #[error("its checksum is wrong")]
    Checksum,
    #[error("it begins with revision {found}, {expected} was expected")]
    Revision { found: Revision, expected: Revision },
    #[error("its content cannot be read: {0}")]
    Content(#[from] FieldError),
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N], Bad> {
    let end = at.checked_add(N).ok_or(Bad::Short)?;
    bytes.get(at..end).and_then(|slice| slice.try_into().ok()).ok_or(Bad::Short)
}

pub fn log_header(base: Revision) -> [u8; LOG_HEADER_LEN] {
    let mut header = [0; LOG_HEADER_LEN];
    header[..8].copy_from_slice(LOG_MAGIC);
    header[8..12].copy_from_slice(&LAYOUT.to_be_bytes());
    header[12..20].copy_from_slice(&base.to_be_bytes());
    let crc = crc32c(&header[..20]);
    header[20..].copy_from_slice(&crc.to_be_bytes());
    header
}

/// The base revision of a log.
pub fn read_log_header(bytes: &[u8]) -> Result<Revision, Bad> {
    let header: [u8; LOG_HEADER_LEN] = array(bytes, 0)?;
    if header[..8] != *LOG_MAGIC {
        return Err(Bad::Magic);
    }
    match u32::from_be_bytes(array(&header, 8)?) {
        LAYOUT => {}
        other => return Err(Bad::Layout(other)),
    }
    if u32::from_be_bytes(array(&header, 20)?) != crc32c(&header[..20]) {
        return Err(Bad::Checksum);
    }
    Ok(Revision::from_be_bytes(array(&header, 12)?))
}

pub fn group(first: Revision, transactions: &[&[Write]]) -> Vec<u8> {
    let mut body = Writer::default();
    body.count(transactions.len());
    for writes in transactions {
        body.count(writes.len());
        for write in *writes {
            put_write(&mut body, write);
        }
    }
    let body = body.finish();
    let length = u32::try_from(body.len()).expect("the engine bounds a group far below 4 GiB");
    let mut bytes = Vec::with_capacity(GROUP_HEADER_LEN + body.len());
    bytes.extend(GROUP_MARK);
    bytes.extend(length.to_be_bytes());
    bytes.extend(first.to_be_bytes());
    bytes.extend(group_crc(length, first, &body).to_be_bytes());
    bytes.extend(body);
    bytes
}

fn group_crc(length: u32, first: Revision, body: &[u8]) -> u32 {
    let mut covered = Vec::with_capacity(12 + body.len());
    covered.extend(length.to_be_bytes());
    covered.extend(first.to_be_bytes());
    covered.extend(body);
    crc32c(&covered)
}

#[derive(Debug, PartialEq, Eq)]
pub struct Group {
    pub first: Revision,
    pub transactions: Vec<Vec<Write>>,
    /// Bytes it takes in the file.
    pub len: usize,
}

/// The group at the beginning of these bytes, whatever follows it.
pub fn read_group(bytes: &[u8]) -> Result<Group, Bad> {
    if array(bytes, 0)? != *GROUP_MARK {
        return Err(Bad::Magic);
    }
    let length = u32::from_be_bytes(array(bytes, 4)?);
    let first = Revision::from_be_bytes(array(bytes, 8)?);
    let crc = u32::from_be_bytes(array(bytes, 16)?);
    let len = GROUP_HEADER_LEN.checked_add(length as usize).ok_or(Bad::Short)?;
    let body = bytes.get(GROUP_HEADER_LEN..len).ok_or(Bad::Short)?;
    if crc != group_crc(length, first, body) {
        return Err(Bad::Checksum);
    }
    let mut r = Reader::new(body);
    let count = r.count(4)?;
    let mut transactions = Vec::with_capacity(count);
    for _ in 0..count {
        let writes = r.count(5)?;
        transactions.push((0..writes).map(|_| take_write(&mut r)).collect::<Result<_, _>>()?);
    }
    r.finish()?;
    Ok(Group { first, transactions, len })
}

/// Whether a whole group lies somewhere in these bytes: then what is bad before it is no torn end.
pub fn holds_group(bytes: &[u8]) -> bool {
    let marks = bytes.windows(GROUP_MARK.len()).enumerate().filter(|(_, window)| *window == GROUP_MARK);
    marks.into_iter().any(|(at, _)| read_group(&bytes[at..]).is_ok())
}

fn put_write(w: &mut Writer, write: &Write) {
    match write {
        Write::Put { key, value, session: None } => w.u8(0).text(key).bytes(value),
        Write::Put { key, value, session: Some(session) } => w.u8(1).text(key).bytes(value).u64(session.0),
        Write::Delete { key } => w.u8(2).text(key),
    };
}

fn take_write(r: &mut Reader<'_>) -> Result<Write, FieldError> {
    let kind = r.u8()?;
    let key = r.text()?.to_owned();
    match kind {
        0 => Ok(Write::Put { key, value: Bytes::copy_from_slice(r.bytes()?), session: None }),
        1 => {
            let value = Bytes::copy_from_slice(r.bytes()?);
            Ok(Write::Put { key, value, session: Some(SessionId(r.u64()?)) })
        }
        2 => Ok(Write::Delete { key }),
        other => Err(FieldError::Unknown(other, "kind of write")),
    }
}

pub fn snapshot<'a>(revision: Revision, entries: impl ExactSizeIterator<Item = &'a Entry>) -> Vec<u8> {
    let mut body = Writer::default();
    body.i64(revision).count(entries.len());
    for entry in entries {
        body.text(&entry.key).bytes(&entry.value).i64(entry.created).i64(entry.modified);
        match entry.session {
            None => body.u8(0),
            Some(session) => body.u8(1).u64(session.0),
        };
    }
    let body = body.finish();
    let mut bytes = Vec::with_capacity(SNAPSHOT_HEADER_LEN + body.len());
    bytes.extend(SNAPSHOT_MAGIC);
    bytes.extend(LAYOUT.to_be_bytes());
    // The revision is the first field of the body; the checksum stands between the two in the file.
    let (revision, rest) = body.split_at(8);
    bytes.extend(revision);
    bytes.extend(crc32c(&body).to_be_bytes());
    bytes.extend(rest);
    bytes
}

pub fn read_snapshot(bytes: &[u8]) -> Result<(Revision, Vec<Entry>), Bad> {
    if array(bytes, 0)? != *SNAPSHOT_MAGIC {
        return Err(Bad::Magic);
    }
    match u32::from_be_bytes(array(bytes, 8)?) {
        LAYOUT => {}
        other => return Err(Bad::Layout(other)),
    }
    let revision: [u8; 8] = array(bytes, 12)?;
    let crc = u32::from_be_bytes(array(bytes, 20)?);
    let body = &bytes[SNAPSHOT_HEADER_LEN..];
    let covered = [&revision, body].concat();
    if crc != crc32c(&covered) {
        return Err(Bad::Checksum);
    }
    let mut r = Reader::new(body);
    let count = r.count(25)?;
    let mut entries = Vec::with_capacity(count);
    for _ in 0..count {
        let key = r.text()?.into();
        let value = Bytes::copy_from_slice(r.bytes()?);
        let (created, modified) = (r.i64()?, r.i64()?);
        let session = match r.u8()? {
            0 => None,
            1 => Some(SessionId(r.u64()?)),
            other => return Err(FieldError::Unknown(other, "mark of a session").into()),
        };
        entries.push(Entry { key, value, created, modified, session });
    }
    r.finish()?;
    Ok((Revision::from_be_bytes(revision), entries))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn writes() -> Vec<Write> {
        vec![
            Write::put("a", "1"),
            Write::Put { key: "b".into(), value: "2".into(), session: Some(SessionId(9)) },
            Write::Delete { key: "c".into() },
        ]
    }

    #[test]
    fn a_group_is_read_back_whatever_follows_and_refused_when_a_bit_flips() {
        let (first, second) = (writes(), Vec::new());
        let good = group(41, &[&first, &second]);
        let len = good.len();
        let followed = [good.as_slice(), b"GRP1 and more"].concat();
        assert_eq!(read_group(&followed), Ok(Group { first: 41, transactions: vec![first, second], len }));
        for bit in 0..len * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(read_group(&bad).is_err(), "bit {bit}");
        }
        for short in 0..len {
            assert!(read_group(&good[..short]).is_err());
        }
        assert!(holds_group(&[b"xGRP1x", good.as_slice()].concat()) && !holds_group(&good[..len - 1]));
    }

    #[test]
    fn headers_and_snapshots_are_read_back_and_refused_when_a_bit_flips() {
        let header = log_header(7);
        assert_eq!(read_log_header(&header), Ok(7));
        let entry = |key: &str, session| Entry {
            key: key.into(),
            value: Bytes::from_static(b"v"),
            created: 3,
            modified: 5,
            session,
        };
        let entries = vec![entry("a", None), entry("b", Some(SessionId(1)))];
        let good = snapshot(6, entries.iter());
        assert_eq!(read_snapshot(&good), Ok((6, entries)));
        for bit in 0..good.len() * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(read_snapshot(&bad).is_err(), "bit {bit}");
        }
        for bit in 0..header.len() * 8 {
            let mut bad = header;
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(read_log_header(&bad).is_err(), "bit {bit}");
        }
        assert_eq!(read_snapshot(&good[..20]), Err(Bad::Short));
        let mut newer = log_header(0);
        newer[11] = 2;
        assert_eq!(read_log_header(&newer), Err(Bad::Layout(2)));
    }
}
