//! `-o` and its longer spellings: where to start and where to stop.

use super::Args;
use crate::exit::Failure;
use crate::units::parse_duration;
use anyhow::Result;
use ottla_client::Start;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    pub start: Start,
    /// Milliseconds since 1970.
    pub stop_at: Option<i64>,
    pub is_at_end: bool,
}

pub fn parse(args: &Args, now_ms: i64) -> Result<Range> {
    let mut start = None;
    let mut stop_at = None;
    if args.from_beginning {
        start = Some(Start::Beginning);
    } else if args.from_end {
        start = Some(Start::End);
    } else if let Some(time) = &args.from_timestamp {
        start = Some(Start::Timestamp(at("--from-timestamp", time, now_ms)?));
    } else if let Some(count) = args.tail {
        start = Some(Start::BeforeEnd(count));
    }
    for text in &args.offset {
        let option = format!("-o {text}");
        if let Some(time) = text.strip_prefix("e@") {
            if stop_at.replace(at(&option, time, now_ms)?).is_some() {
                return Err(Failure::usage("where to stop is given twice").into());
            }
        } else if start.replace(one(&option, text, now_ms)?).is_some() {
            return Err(Failure::usage("where to start is given twice").into());
        }
    }
    let start = start.unwrap_or(Start::Beginning);
    Ok(Range { start, stop_at, is_at_end: start == Start::End })
}

fn one(option: &str, text: &str, now_ms: i64) -> Result<Start> {
    let start = match text {
        "beginning" | "earliest" | "start" => Start::Beginning,
        "end" | "latest" => Start::End,
        "stored" => {
            let problem = format!("{option}: there are no stored offsets without a group");
            return Err(Failure::usage(problem).next("the same with `-G GROUP`, or `-o beginning`").into());
        }
        text => match text.strip_prefix("s@") {
            Some(time) => Start::Timestamp(at(option, time, now_ms)?),
            None => match text.parse::<i64>() {
                Ok(offset) if offset >= 0 && !text.starts_with('-') => Start::Offset(offset),
                Ok(offset) => Start::BeforeEnd(offset.unsigned_abs()),
                Err(_) => {
                    let problem = format!("{option}: use beginning, end, N, -N, s@TIME or e@TIME");
                    return Err(Failure::usage(problem).into());
                }
            },
        },
    };
    Ok(start)
}

/// Milliseconds since 1970: as such, as a date with a zone, or as a time ago (`-15m`).
fn at(option: &str, text: &str, now_ms: i64) -> Result<i64> {
    if let Some(ago) = text.strip_prefix('-')
        && let Ok(ago) = parse_duration(ago)
    {
        return Ok(now_ms.saturating_sub(i64::try_from(ago.as_millis()).unwrap_or(i64::MAX)).max(0));
    }
    if let Ok(ms) = text.parse::<i64>()
        && ms >= 0
    {
        return Ok(ms);
    }
    if let Ok(timestamp) = text.parse::<jiff::Timestamp>() {
        return Ok(timestamp.as_millisecond());
    }
    let problem = format!("{option}: a time is 2026-01-31T12:00:00Z, milliseconds since 1970, or -15m");
    Err(Failure::usage(problem).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::parsed;

    const NOW: i64 = 1_800_000_000_000;

    fn range(options: &[&str]) -> Option<(Start, Option<i64>)> {
        let args = parsed(&[&["consume", "t"], options].concat()).ok()?;
        parse(&args, NOW).ok().map(|range| (range.start, range.stop_at))
    }

    #[test]
    fn places_are_read_as_kcat_and_kafka_spell_them() {
        let cases = [
            (&[][..], Start::Beginning, None),
            (&["-o", "end"], Start::End, None),
            (&["-o", "-10"], Start::BeforeEnd(10), None),
            (&["-o", "0"], Start::Offset(0), None),
            (&["-o-0"], Start::BeforeEnd(0), None),
            (&["-o", "s@5", "-o", "e@9"], Start::Timestamp(5), Some(9)),
            (&["-o", "e@1970-01-01T00:00:01Z"], Start::Beginning, Some(1000)),
            (&["--from-timestamp", "-15m"], Start::Timestamp(NOW - 900_000), None),
            (&["--from-end"], Start::End, None),
            (&["--tail", "3"], Start::BeforeEnd(3), None),
        ];
        for (options, start, stop_at) in cases {
            assert_eq!(range(options), Some((start, stop_at)), "{options:?}");
        }
    }

    #[test]
    fn mistakes_are_refused() {
        for options in [
            &["-o", "stored"][..],
            &["-o", "middle"],
            &["-o", "1", "-o", "2"],
            &["-o", "s@yesterday"],
            &["-o", "e@1", "-o", "e@2"],
            &["--tail", "3", "-o", "1"],
        ] {
            assert_eq!(range(options), None, "{options:?}");
        }
    }
}
