//! Where to: each option's offset for one partition. Pure, but for a file that is read once.

use super::{Args, file};
use crate::exit::Failure;
use crate::units::parse_duration;
use anyhow::Result;
use ottla_client::PartitionKey;
use std::collections::BTreeMap;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Strategy {
    Earliest,
    Latest,
    Current,
    Offset(i64),
    Shift(i64),
    /// Milliseconds since 1970.
    At(i64),
    Given(BTreeMap<PartitionKey, i64>),
}

/// What is known of a partition.
#[derive(Debug, Clone, Copy)]
pub struct Known {
    pub current: Option<i64>,
    pub earliest: i64,
    pub latest: i64,
    /// The first record at the time asked for.
    pub at: Option<i64>,
}

impl Strategy {
    pub fn parse(args: &Args, now_ms: i64) -> Result<Self> {
        if let Some(path) = &args.from_file {
            return Ok(Self::Given(file::read(path, &args.group)?));
        }
        if let Some(text) = &args.to_datetime {
            return Ok(Self::At(datetime(text).map_err(Failure::usage)?));
        }
        if let Some(text) = &args.by_duration {
            return Ok(Self::At(now_ms.saturating_sub(duration_ms(text).map_err(Failure::usage)?).max(0)));
        }
        Ok(match (args.to_offset, args.shift_by) {
            (Some(offset), _) => Self::Offset(offset),
            (_, Some(by)) => Self::Shift(by),
            _ if args.to_earliest => Self::Earliest,
            _ if args.to_latest => Self::Latest,
            _ => Self::Current,
        })
    }

    /// Within what the log holds, whatever was asked for.
    pub fn offset(&self, key: &PartitionKey, known: Known) -> Result<i64> {
        let within = |wanted: i64| wanted.max(known.earliest).min(known.latest);
        Ok(match self {
            Self::Earliest => known.earliest,
            Self::Latest => known.latest,
            Self::Current => known.current.unwrap_or(known.latest),
            Self::Offset(offset) => within(*offset),
            Self::Shift(by) => match known.current {
                Some(current) => within(current.saturating_add(*by)),
                None => {
                    let problem = format!("{}/{} has no offset to shift from", key.topic, key.partition);
                    return Err(Failure::usage(problem).next("`--to-earliest` or `--to-latest`").into());
                }
            },
            Self::At(_) => known.at.unwrap_or(known.latest),
            Self::Given(offsets) => within(offsets.get(key).copied().unwrap_or(known.latest)),
        })
    }
}

/// A date with a zone, one without (UTC, as Kafka's tool takes it), or milliseconds since 1970.
fn datetime(text: &str) -> Result<i64, String> {
    let problem = || format!("--to-datetime {text}: use 2026-01-31T12:00:00Z, or milliseconds since 1970");
    if let Ok(ms) = text.parse::<i64>() {
        return if ms >= 0 { Ok(ms) } else { Err(problem()) };
    }
    if let Ok(timestamp) = text.parse::<jiff::Timestamp>() {
        return Ok(timestamp.as_millisecond());
    }
    let date: jiff::civil::DateTime = text.parse().map_err(|_| problem())?;
    let zoned = date.to_zoned(jiff::tz::TimeZone::UTC).map_err(|_| problem())?;
    Ok(zoned.timestamp().as_millisecond())
}

/// `1h`, or as Kafka's tool takes it, `PT1H`.
fn duration_ms(text: &str) -> Result<i64, String> {
    let problem = || format!("--by-duration {text}: use 30m, 12h, 7d, or PT30M");
    if let Ok(duration) = parse_duration(text) {
        return i64::try_from(duration.as_millis()).map_err(|_| problem());
    }
    let span: jiff::Span = text.parse().map_err(|_| problem())?;
    // A day is 24 hours here, as in Kafka's tool; months and years have no length.
    let total = span.total((jiff::Unit::Millisecond, jiff::SpanRelativeTo::days_are_24_hours()));
    match total {
        Ok(ms) if (0.0..=9e15).contains(&ms) => Ok(ms as i64),
        _ => Err(problem()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> PartitionKey {
        PartitionKey { topic: "t".to_owned(), partition: 0 }
    }

    #[test]
    fn each_strategy_stays_within_the_log() {
        let known = |current, at| Known { current, earliest: 10, latest: 90, at };
        let given = |offset| Strategy::Given(BTreeMap::from([(key(), offset)]));
        let cases = [
            (Strategy::Earliest, known(Some(50), None), 10),
            (Strategy::Latest, known(Some(50), None), 90),
            (Strategy::Current, known(Some(50), None), 50),
            (Strategy::Current, known(None, None), 90),
            (Strategy::Offset(40), known(None, None), 40),
            (Strategy::Offset(0), known(None, None), 10),
            (Strategy::Offset(-5), known(None, None), 10),
            (Strategy::Offset(i64::MAX), known(None, None), 90),
            (Strategy::Shift(5), known(Some(50), None), 55),
            (Strategy::Shift(-100), known(Some(50), None), 10),
            (Strategy::Shift(i64::MAX), known(Some(50), None), 90),
            (Strategy::At(1), known(Some(50), Some(33)), 33),
            (Strategy::At(1), known(Some(50), None), 90),
            (given(60), known(Some(50), None), 60),
            (given(99), known(Some(50), None), 90),
        ];
        for (strategy, known, expected) in cases {
            assert_eq!(strategy.offset(&key(), known).unwrap(), expected, "{strategy:?} {known:?}");
        }
        assert!(Strategy::Shift(1).offset(&key(), known(None, None)).is_err(), "nothing to shift from");
    }

    #[test]
    fn times_are_read_in_the_spellings_of_both_tools() {
        for (text, ms) in [
            ("1970-01-01T00:00:01Z", 1_000),
            ("1970-01-01T00:00:01.500", 1_500),
            ("1970-01-01T01:00:00+01:00", 0),
            ("1970-01-02", 86_400_000),
            ("1500", 1_500),
        ] {
            assert_eq!(datetime(text), Ok(ms), "{text}");
        }
        for (text, ms) in [("1h", 3_600_000), ("PT1H", 3_600_000), ("P1DT1S", 86_401_000), ("PT0S", 0)] {
            assert_eq!(duration_ms(text), Ok(ms), "{text}");
        }
        assert!(datetime("yesterday").is_err() && datetime("-5").is_err());
        for bad in ["soon", "P1Y", "-PT1H", "P1M"] {
            assert!(duration_ms(bad).is_err(), "{bad}");
        }
    }
}
