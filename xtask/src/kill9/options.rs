//! The command line of `cargo xtask kill9`.

use anyhow::{Context, Result, bail};
use std::path::PathBuf;

pub const USAGE: &str = "usage: cargo xtask kill9 [OPTIONS]

  --rounds N       rounds of load, kill, restart and check (25)
  --seed N         random choices of the run (from the clock)
  --tear           every second kill is followed by half a batch at the end of a few logs
  --groups         kills under consumer groups that commit and rebalance, instead of under writers
  --controls       runs the planted bugs of the test build instead: each must be caught; with --groups only those of groups
  --control NAME   only this one
  --binary PATH    the broker (target/release/ottla; with controls target/simulation/simulation/ottla)
  --kafka SCRIPT   Apache Kafka, started by this script (crates/cli/tests/kafka/kafka.sh), stands in for the broker";

#[derive(Debug, Clone)]
pub struct Options {
    pub rounds: u64,
    pub seed: u64,
    pub tear: bool,
    pub groups: bool,
    pub controls: bool,
    pub control: Option<String>,
    pub binary: Option<PathBuf>,
    pub kafka: Option<PathBuf>,
}

impl Options {
    pub fn parse(args: &[String]) -> Result<Self> {
        let clock = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
        let mut options = Self {
            rounds: 25,
            seed: clock.as_secs() % 1_000_000,
            tear: false,
            groups: false,
            controls: false,
            control: None,
            binary: None,
            kafka: None,
        };
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            let mut value = || args.next().with_context(|| format!("{arg} needs a value\n{USAGE}"));
            match arg.as_str() {
                "--rounds" => options.rounds = value()?.parse().context("--rounds")?,
                "--seed" => options.seed = value()?.parse().context("--seed")?,
                "--tear" => options.tear = true,
                "--groups" => options.groups = true,
                "--controls" => options.controls = true,
                "--control" => options.control = Some(value()?.clone()),
                "--binary" => options.binary = Some(value()?.into()),
                "--kafka" => options.kafka = Some(value()?.into()),
                _ => bail!("`{arg}` is no option of kill9\n{USAGE}"),
            }
        }
        options.controls |= options.control.is_some();
        if options.rounds == 0 {
            bail!("--rounds 0 would show nothing");
        }
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str]) -> Result<Options> {
        Options::parse(&args.iter().map(|a| (*a).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn options_are_taken_and_unknown_ones_refused() {
        let options =
            parse(&["--rounds", "3", "--seed", "9", "--tear", "--control", "torn-tail-accepted"]).unwrap();
        assert_eq!((options.rounds, options.seed, options.tear, options.controls), (3, 9, true, true));
        assert_eq!(parse(&[]).unwrap().rounds, 25);
        for bad in [&["--rounds"][..], &["--rounds", "x"], &["--rounds", "0"], &["--tearing"]] {
            assert!(parse(bad).is_err());
        }
    }
}
