//! CRC-32C (Castagnoli, RFC 3720): of bytes, and of two pieces whose CRCs are known.
//!
//! A CRC is a remainder of polynomials over GF(2). To put a piece of `n` bytes behind another one is to multiply the
//! first remainder by x^(8n); that takes one multiplication for each bit of `n`, so it costs much less than to look at
//! the bytes again. Every append does it once, for the CRC of its segment.

use crc_fast::{CrcAlgorithm, checksum};

/// The polynomial without its highest term; the highest bit is x^0.
const POLYNOMIAL: u32 = 0x82f6_3b78;
const ONE: u32 = 1 << 31;

/// x^(8 * 2^k) for each k.
const SHIFTS: [u32; 64] = shifts();

pub fn crc32c(bytes: &[u8]) -> u32 {
    checksum(CrcAlgorithm::Crc32Iscsi, bytes) as u32
}

/// The CRC of two pieces one behind the other, of which the second has `len` bytes.
pub fn crc32c_combine(first: u32, second: u32, len: u64) -> u32 {
    let mut shifted = first;
    let mut left = len;
    while left != 0 {
        shifted = multiply(SHIFTS[left.trailing_zeros() as usize], shifted);
        left &= left - 1;
    }
    shifted ^ second
}

/// The product of two polynomials, modulo the one of the CRC.
const fn multiply(a: u32, mut b: u32) -> u32 {
    let mut product = 0;
    let mut term = ONE;
    while term != 0 {
        if a & term != 0 {
            product ^= b;
        }
        // Times x.
        b = (b >> 1) ^ (POLYNOMIAL & (b & 1).wrapping_neg());
        term >>= 1;
    }
    product
}

const fn shifts() -> [u32; 64] {
    // x^8.
    let mut power = ONE >> 8;
    let mut shifts = [0; 64];
    let mut k = 0;
    while k < shifts.len() {
        shifts[k] = power;
        power = multiply(power, power);
        k += 1;
    }
    shifts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_crc_is_that_of_rfc_3720() {
        // Appendix B.4: 32 bytes of zeros, of ones, and counted up.
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c(&[0xff; 32]), 0x62a8_ab43);
        assert_eq!(crc32c(&(0..32).collect::<Vec<u8>>()), 0x46dd_794e);
    }

    #[test]
    fn two_pieces_have_the_crc_of_the_whole() {
        let bytes: Vec<u8> = (0..70_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let whole = crc32c(&bytes);
        for cut in (0..200).chain([4_096, 16_383, 65_535, 65_536, 69_999, 70_000]) {
            let (first, second) = bytes.split_at(cut);
            assert_eq!(
                crc32c_combine(crc32c(first), crc32c(second), second.len() as u64),
                whole,
                "cut at {cut}"
            );
        }
    }

    #[test]
    fn lengths_beyond_memory_combine_too() {
        // A run of zeros behind a piece, twice half of it.
        let first = crc32c(b"some bytes");
        let zeros = |len: u64| crc32c_combine(first, 0, len);
        for len in [1_u64 << 31, (1 << 40) + 12_345, u64::MAX - 1] {
            assert_eq!(crc32c_combine(zeros(len / 2), 0, len - len / 2), zeros(len), "{len}");
        }
    }
}
