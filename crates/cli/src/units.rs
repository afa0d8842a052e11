//! Durations (`7d`, `10s`, `500ms`) and sizes (`1GiB`, `64k`) as people type them, anywhere on the command line.

use std::time::Duration;

pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = split(text)?;
    let ms = match unit {
        "ms" => 1,
        "" | "s" => 1_000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        "w" => 604_800_000,
        _ => return Err(format!("`{unit}` is no unit of time; use ms, s, m, h, d or w")),
    };
    number.checked_mul(ms).map(Duration::from_millis).ok_or_else(|| "is too long".to_owned())
}

/// Bytes.
pub fn parse_size(text: &str) -> Result<u64, String> {
    let (number, unit) = split(text)?;
    let factor: u64 = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        "t" | "tib" => 1 << 40,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "tb" => 1_000_000_000_000,
        _ => return Err(format!("`{unit}` is no unit of size; use B, KiB, MiB, GiB, TiB, kB, MB, GB or TB")),
    };
    number.checked_mul(factor).ok_or_else(|| "is too large".to_owned())
}

fn split(text: &str) -> Result<(u64, &str), String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number = text[..digits].parse().map_err(|_| "does not begin with a whole number".to_owned())?;
    Ok((number, text[digits..].trim()))
}

/// A size with one decimal at most: `14.9 MiB`.
pub fn show_size(bytes: u64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut size = bytes as f64;
    let mut unit = 0;
    while size >= 1024.0 && unit + 1 < units.len() {
        size /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{bytes} B") } else { format!("{size:.1} {}", units[unit]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_sizes_are_read_with_their_units() {
        for (text, ms) in
            [("10s", 10_000), ("10", 10_000), ("500ms", 500), ("7d", 604_800_000), ("2 h", 7_200_000)]
        {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(ms)), "{text}");
        }
        for (text, bytes) in [("1GiB", 1 << 30), ("64k", 65_536), ("100", 100), ("1MB", 1_000_000), ("0", 0)]
        {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn what_has_no_number_or_an_unknown_unit_is_refused() {
        for text in ["", "s", "-1s", "10 parsec", "99999999999999999999s", "18446744073709551615w"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
        for text in ["", "GiB", "1XB", "99999999TiB"] {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_are_shown_short() {
        assert_eq!([show_size(0), show_size(1536), show_size(15_623_782)], ["0 B", "1.5 KiB", "14.9 MiB"]);
    }
}
