//! `cargo xtask fuzz`: what every reader of bytes from outside is thrown at (`crates/fuzz`), in more mutations than the
//! tests have; with `--live` a running release broker, beside a healthy client; with `--nightly` the targets under
//! libFuzzer.

mod live;
mod nightly;

use crate::process::{self, cargo};
use anyhow::{Context, Result, bail};
use std::path::Path;

pub const USAGE: &str = "usage: cargo xtask fuzz [OPTIONS]

  --count N      mutations of each target (100,000); with --live the frames to throw (60,000)
  --seed N       random choices of the run (from the clock)
  --target NAME  only this one
  --live         throws requests at a running release broker, beside a client that writes and reads
  --nightly      the targets under libFuzzer; needs a nightly toolchain with cargo-fuzz
  --minutes N    with --live: seed after seed for so long; with --nightly: for each target (1)
  --binary PATH  with --live: the broker (target/release/ottla, built if need be)";

const COUNT: u64 = 100_000;
const LIVE_COUNT: u64 = 60_000;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    count: Option<u64>,
    seed: Option<u64>,
    target: Option<String>,
    live: bool,
    nightly: bool,
    minutes: Option<u64>,
    binary: Option<String>,
}

impl Options {
    fn parse(args: &[String]) -> Result<Self> {
        let mut options = Self::default();
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            let mut value = || args.next().with_context(|| format!("{arg} needs a value\n{USAGE}"));
            match arg.as_str() {
                "--count" => options.count = Some(value()?.parse().context("--count")?),
                "--seed" => options.seed = Some(value()?.parse().context("--seed")?),
                "--target" => options.target = Some(value()?.clone()),
                "--live" => options.live = true,
                "--nightly" => options.nightly = true,
                "--minutes" => options.minutes = Some(value()?.parse().context("--minutes")?),
                "--binary" => options.binary = Some(value()?.clone()),
                _ => bail!("`{arg}` is no option of fuzz\n{USAGE}"),
            }
        }
        let Self { live, nightly, .. } = options;
        if nightly && (live || options.count.is_some()) {
            bail!("--nightly goes without --live and --count\n{USAGE}");
        }
        if options.minutes.is_some() && !live && !nightly || options.binary.is_some() && !live {
            bail!("--minutes goes with --live or --nightly, --binary with --live\n{USAGE}");
        }
        if options.count == Some(0) || options.minutes == Some(0) {
            bail!("nothing would be shown");
        }
        Ok(options)
    }
}

pub fn run(root: &Path, args: &[String]) -> Result<()> {
    let options = Options::parse(args)?;
    let seed = options.seed.map_or_else(seed_of_the_clock, Ok)?;
    if options.live {
        let binary = options.binary.as_deref().map(Path::new);
        return live::run(root, seed, options.count.unwrap_or(LIVE_COUNT), options.minutes, binary);
    }
    if options.nightly {
        return nightly::run(root, seed, options.minutes.unwrap_or(1), options.target.as_deref());
    }
    bounded(root, seed, options.count.unwrap_or(COUNT), options.target.as_deref()).map(drop)
}

pub fn seed_of_the_clock() -> Result<u64> {
    Ok(std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_secs() % 1_000_000)
}

/// The targets in a process of their own; what it printed last.
pub fn bounded(root: &Path, seed: u64, count: u64, target: Option<&str>) -> Result<String> {
    let (count, seed) = (count.to_string(), seed.to_string());
    let args = ["run", "--package", "ottla-fuzz", "--locked", "--quiet", "--", "run", &count, &seed];
    let args: Vec<&str> = args.into_iter().chain(target).collect();
    let printed = process::output(root, &cargo(), &args)
        .with_context(|| format!("again: cargo xtask fuzz --count {count} --seed {seed}"))?;
    print!("{printed}");
    Ok(printed.lines().last().unwrap_or_default().to_owned())
}

pub use live::run as live;

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str]) -> Result<Options> {
        Options::parse(&args.iter().map(|a| (*a).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn options_are_taken_and_unknown_ones_refused() {
        let options = parse(&["--live", "--minutes", "3", "--seed", "9"]).unwrap();
        assert_eq!((options.live, options.minutes, options.seed), (true, Some(3), Some(9)));
        assert_eq!(parse(&["--target", "heads", "--count", "5"]).unwrap().target.as_deref(), Some("heads"));
        let options = parse(&["--nightly", "--minutes", "2", "--target", "heads"]).unwrap();
        assert_eq!((options.nightly, options.live, options.minutes), (true, false, Some(2)));
        for bad in [
            &["--minutes", "3"][..],
            &["--count", "0"],
            &["--seed"],
            &["--lively"],
            &["--nightly", "--live"],
            &["--nightly", "--binary", "x"],
            &["--nightly", "--count", "5"],
        ] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
    }
}
