//! The four codecs of record batches, each behind a limit of its output.
//!
//! Decompressing is streaming: the output grows with what the input really yields and stops at the limit, so a small
//! bomb costs a small multiple of its own size in time and never more memory than the limit. Snappy comes in two
//! framings: Java's (a magic, then length-prefixed blocks) and one raw block, as librdkafka and others send it.

use bytes::Bytes;
use std::io::{self, Read, Write};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Codec {
    #[default]
    None,
    Gzip,
    Snappy,
    Lz4,
    Zstd,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecompressError {
    #[error("more than {0} bytes after decompression")]
    OverLimit(usize),
    #[error("not {0:?} data: {1}")]
    Malformed(Codec, String),
}

#[derive(Debug, thiserror::Error)]
pub enum CompressError {
    #[error("the batch is too large")]
    TooLarge,
    #[error("compress: {0}")]
    Io(#[from] io::Error),
}

impl Codec {
    pub const ALL: [Self; 5] = [Self::None, Self::Gzip, Self::Snappy, Self::Lz4, Self::Zstd];

    /// The number in a batch's attributes.
    pub fn id(self) -> u8 {
        self as u8
    }

    pub fn from_id(id: u8) -> Option<Self> {
        Self::ALL.get(usize::from(id)).copied()
    }

    /// The name in `compression.type`.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Snappy => "snappy",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|codec| codec.name() == name)
    }
}

/// A codec, and how hard it tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compression {
    pub codec: Codec,
    /// 1 to 9 of gzip, -131,072 to 22 of zstd, where more is smaller and slower; `None` is the codec's own choice, which
    /// it is always for the other codecs.
    pub level: Option<i32>,
}

impl From<Codec> for Compression {
    fn from(codec: Codec) -> Self {
        Self { codec, level: None }
    }
}

const XERIAL_MAGIC: [u8; 8] = [0x82, b'S', b'N', b'A', b'P', b'P', b'Y', 0];
const XERIAL_HEADER: usize = 16;
const XERIAL_BLOCK: usize = 32 << 10;
/// 2^27 bytes: more than any Kafka client uses, and little enough to be granted.
const ZSTD_WINDOW_LOG_MAX: u32 = 27;

pub fn compress(how: impl Into<Compression>, input: Bytes) -> Result<Bytes, CompressError> {
    let Compression { codec, level } = how.into();
    Ok(match codec {
        Codec::None => input,
        Codec::Gzip => {
            let level = level.and_then(|level| u32::try_from(level).ok()).map(|level| level.clamp(1, 9));
            let level = level.map_or_else(flate2::Compression::default, flate2::Compression::new);
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
            encoder.write_all(&input)?;
            encoder.finish()?.into()
        }
        Codec::Snappy => xerial(&input)?.into(),
        Codec::Lz4 => {
            use lz4_flex::frame::{BlockMode, BlockSize, FrameEncoder, FrameInfo};
            // Java reads independent blocks only.
            let info = FrameInfo::new().block_mode(BlockMode::Independent).block_size(BlockSize::Max64KB);
            let mut encoder = FrameEncoder::with_frame_info(info, Vec::new());
            encoder.write_all(&input)?;
            encoder.finish().map_err(io::Error::from)?.into()
        }
        Codec::Zstd => zstd::bulk::compress(&input, level.unwrap_or(zstd::DEFAULT_COMPRESSION_LEVEL))?.into(),
    })
}

fn xerial(input: &[u8]) -> Result<Vec<u8>, CompressError> {
    let mut out = XERIAL_MAGIC.to_vec();
    // Version 1, compatible with version 1.
    out.extend([0, 0, 0, 1, 0, 0, 0, 1]);
    let mut encoder = snap::raw::Encoder::new();
    for block in input.chunks(XERIAL_BLOCK) {
        let compressed = encoder.compress_vec(block).map_err(io::Error::from)?;
        out.extend(u32::try_from(compressed.len()).map_err(|_| CompressError::TooLarge)?.to_be_bytes());
        out.extend(compressed);
    }
    Ok(out)
}

/// At most `limit` bytes; uncompressed input is returned as it is, whatever its size.
pub fn decompress(codec: Codec, input: Bytes, limit: usize) -> Result<Bytes, DecompressError> {
    let malformed = |error: io::Error| DecompressError::Malformed(codec, error.to_string());
    match codec {
        Codec::None => Ok(input),
        Codec::Gzip => drain(codec, flate2::read::MultiGzDecoder::new(&input[..]), limit),
        Codec::Snappy if input.starts_with(&XERIAL_MAGIC) => unxerial(&input, limit),
        Codec::Snappy => snappy_block(&input, limit).map(Bytes::from),
        Codec::Lz4 => drain(codec, lz4_flex::frame::FrameDecoder::new(&input[..]), limit),
        Codec::Zstd => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(&input[..]).map_err(malformed)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG_MAX).map_err(malformed)?;
            drain(codec, decoder, limit)
        }
    }
}

fn drain(codec: Codec, reader: impl Read, limit: usize) -> Result<Bytes, DecompressError> {
    let mut out = Vec::new();
    let read = reader.take(limit as u64 + 1).read_to_end(&mut out);
    if out.len() > limit {
        return Err(DecompressError::OverLimit(limit));
    }
    read.map_err(|error| DecompressError::Malformed(codec, error.to_string()))?;
    Ok(out.into())
}

/// The claimed length is checked against the limit, and against what the input could yield at best (snappy's
/// longest copy makes 64 bytes of 3), before it is reserved.
fn snappy_block(block: &[u8], limit: usize) -> Result<Vec<u8>, DecompressError> {
    let malformed = |text: String| DecompressError::Malformed(Codec::Snappy, text);
    let len = snap::raw::decompress_len(block).map_err(|error| malformed(error.to_string()))?;
    if len > limit {
        return Err(DecompressError::OverLimit(limit));
    }
    if len > block.len().saturating_mul(64) {
        return Err(malformed("a block claims more than it can hold".to_owned()));
    }
    snap::raw::Decoder::new().decompress_vec(block).map_err(|error| malformed(error.to_string()))
}

fn unxerial(input: &[u8], limit: usize) -> Result<Bytes, DecompressError> {
    let cut = || DecompressError::Malformed(Codec::Snappy, "a block that is cut".to_owned());
    let mut rest = input.get(XERIAL_HEADER..).ok_or_else(cut)?;
    let mut out = Vec::new();
    while !rest.is_empty() {
        let (length, after) = rest.split_first_chunk::<4>().ok_or_else(cut)?;
        let length = u32::from_be_bytes(*length) as usize;
        let (block, after) = after.split_at_checked(length).ok_or_else(cut)?;
        let left = limit - out.len();
        out.extend(snappy_block(block, left).map_err(|error| match error {
            DecompressError::OverLimit(_) => DecompressError::OverLimit(limit),
            other => other,
        })?);
        rest = after;
    }
    Ok(out.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_codec_gives_back_what_it_took() {
        let input = Bytes::from((0..200_000_u32).flat_map(|i| (i / 7).to_le_bytes()).collect::<Vec<u8>>());
        for codec in Codec::ALL {
            let packed = compress(codec, input.clone()).unwrap();
            assert!(codec == Codec::None || packed.len() < input.len());
            assert_eq!(decompress(codec, packed, input.len()).unwrap(), input, "{codec:?}");
            assert_eq!(Codec::from_name(codec.name()), Some(codec));
        }
        let raw = snap::raw::Encoder::new().compress_vec(&input).unwrap();
        assert_eq!(decompress(Codec::Snappy, raw.into(), input.len()).unwrap(), input);
    }

    #[test]
    fn a_higher_level_makes_less_of_the_same() {
        let words = (0..60_000_u32).map(|i| format!("{} ", i.wrapping_mul(2_654_435_761) % 997));
        let input = Bytes::from(words.collect::<String>());
        for (codec, low, high) in [(Codec::Gzip, 1, 9), (Codec::Zstd, -50, 19)] {
            let [large, small] = [low, high].map(|level| {
                let packed = compress(Compression { codec, level: Some(level) }, input.clone()).unwrap();
                assert_eq!(decompress(codec, packed.clone(), input.len()).unwrap(), input);
                packed.len()
            });
            assert!(small < large, "{codec:?}: {small} and {large}");
        }
    }

    #[test]
    fn a_bomb_stops_at_the_limit() {
        let zeros = Bytes::from(vec![0; 8 << 20]);
        for codec in [Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd] {
            let bomb = compress(codec, zeros.clone()).unwrap();
            assert_eq!(
                decompress(codec, bomb, 100_000),
                Err(DecompressError::OverLimit(100_000)),
                "{codec:?}"
            );
        }
        let claim = Bytes::from_static(&[0xff, 0xff, 0xff, 0xff, 0x0f, 0]);
        assert_eq!(decompress(Codec::Snappy, claim.clone(), 1000), Err(DecompressError::OverLimit(1000)));
        assert!(matches!(decompress(Codec::Snappy, claim, usize::MAX), Err(DecompressError::Malformed(..))));
    }

    #[test]
    fn other_bytes_are_refused() {
        for codec in [Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd] {
            let junk = Bytes::from_static(b"k\x00\x01this is none of these");
            assert!(
                matches!(decompress(codec, junk, 1000), Err(DecompressError::Malformed(..))),
                "{codec:?}"
            );
        }
        let cut = compress(Codec::Snappy, Bytes::from(vec![1; 100])).unwrap();
        assert!(decompress(Codec::Snappy, cut.slice(..cut.len() - 1), 1000).is_err());
        assert_eq!(Codec::from_id(5), None);
    }
}
