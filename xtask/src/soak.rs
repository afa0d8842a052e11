//! `cargo xtask soak`: everything that is only worth its time at night, round after round with new seeds, until the
//! minutes are over or something breaks.
//!
//! [`ROUND`] is the list of what a round does; a suite that can run with any seed joins it there. Each says what it
//! reached, and a failure names what repeats it.

use crate::fuzz;
use crate::kill9;
use crate::process::{self, cargo};
use crate::simulate;
use anyhow::{Context, Result, bail};
use std::path::Path;
use std::time::{Duration, Instant};

const USAGE: &str = "usage: cargo xtask soak --minutes N [--seed N]   (the seed: from the clock)";

/// How much of each suite a round does: a few minutes in all.
const CRASH_SEEDS: u64 = 4;
const SIMULATED_SEEDS: &str = "40";
const GROUP_EVENTS: u64 = 2_000_000;
const MUTATIONS: u64 = 50_000;
const FRAMES: u64 = 60_000;
const KILL_ROUNDS: &str = "6";

type Suite = fn(&Path, u64) -> Result<String>;

/// What a round does, from the cheapest to the dearest.
const ROUND: &[(&str, Suite)] = &[
    ("crash suite and damage on the simulated disk", crashes),
    ("whole-broker simulation", simulation),
    ("random clients of groups", groups),
    ("fuzz", mutations),
    ("fuzz --live", live),
    ("kill -9", kills),
    ("kill -9 of groups", group_kills),
];

pub fn run(root: &Path, args: &[String]) -> Result<()> {
    let (minutes, first) = parse(args)?;
    let first = first.map_or_else(fuzz::seed_of_the_clock, Ok)?;
    let (start, mut rounds) = (Instant::now(), 0);
    let mut spent = vec![Duration::ZERO; ROUND.len()];
    process::run(root, &cargo(), &["build", "--release", "--locked", "--quiet"])?;
    // At least one round, and none that is cut short.
    while rounds == 0 || start.elapsed().as_secs() < minutes * 60 {
        let seed = first + rounds * CRASH_SEEDS;
        for ((name, suite), spent) in ROUND.iter().zip(&mut spent) {
            let began = Instant::now();
            println!("== round {}, {name}, seed {seed}", rounds + 1);
            let reached = suite(root, seed).with_context(|| {
                format!("{name}: this round again: cargo xtask soak --minutes 1 --seed {seed}")
            })?;
            *spent += began.elapsed();
            if !reached.is_empty() {
                println!("   {reached}");
            }
        }
        rounds += 1;
    }
    println!("== soak: {rounds} rounds, seeds {first}..{}, nothing broke", first + rounds * CRASH_SEEDS);
    for ((name, _), spent) in ROUND.iter().zip(spent) {
        println!("{:>7.2} min  {name}", spent.as_secs_f64() / 60.0);
    }
    Ok(())
}

fn parse(args: &[String]) -> Result<(u64, Option<u64>)> {
    let (mut minutes, mut seed) = (None, None);
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let mut value = || args.next().with_context(|| format!("{arg} needs a value\n{USAGE}"));
        match arg.as_str() {
            "--minutes" => minutes = Some(value()?.parse().context("--minutes")?),
            "--seed" => seed = Some(value()?.parse().context("--seed")?),
            _ => bail!("`{arg}` is no option of soak\n{USAGE}"),
        }
    }
    Ok((minutes.context(USAGE)?, seed))
}

fn crashes(root: &Path, seed: u64) -> Result<String> {
    let (count, first) = (CRASH_SEEDS.to_string(), seed.to_string());
    let args = ["run", "--package", "ottla-sim", "--locked", "--quiet", "--", "crash", &count, &first];
    let printed = process::output(root, &cargo(), &args)?;
    print!("{printed}");
    Ok(printed.lines().last().unwrap_or_default().to_owned())
}

fn simulation(root: &Path, seed: u64) -> Result<String> {
    // A round is as many seeds further as the crash suite takes; these are more.
    let first = seed.wrapping_mul(100).to_string();
    let options = ["--seed", &first, "--seeds", SIMULATED_SEEDS, "--chaos", "120"];
    simulate::run(root, &options.map(str::to_owned))?;
    Ok(String::new())
}

fn groups(root: &Path, seed: u64) -> Result<String> {
    let environment =
        [("OTTLA_GROUP_EVENTS", GROUP_EVENTS.to_string()), ("OTTLA_GROUP_SEED", seed.to_string())];
    let args = ["test", "--package", "ottla-state", "--test", "group_random", "--locked", "--quiet"];
    process::run_with(root, &cargo(), &args, &environment)?;
    Ok(format!("{GROUP_EVENTS} events"))
}

fn mutations(root: &Path, seed: u64) -> Result<String> {
    fuzz::bounded(root, seed, MUTATIONS, None)
}

fn live(root: &Path, seed: u64) -> Result<String> {
    fuzz::live(root, seed, FRAMES, None, None)?;
    Ok(String::new())
}

fn kills(root: &Path, seed: u64) -> Result<String> {
    let seed = seed.to_string();
    let args = ["--rounds", KILL_ROUNDS, "--tear", "--seed", &seed].map(str::to_owned);
    kill9::run(root, &args)?;
    Ok(String::new())
}

fn group_kills(root: &Path, seed: u64) -> Result<String> {
    let seed = seed.to_string();
    let args = ["--rounds", KILL_ROUNDS, "--groups", "--seed", &seed].map(str::to_owned);
    kill9::run(root, &args)?;
    Ok(String::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_have_to_be_said_and_a_seed_may_be() {
        let parse = |args: &[&str]| parse(&args.iter().map(|a| (*a).to_owned()).collect::<Vec<_>>());
        assert_eq!(parse(&["--minutes", "30"]).unwrap(), (30, None));
        assert_eq!(parse(&["--seed", "4", "--minutes", "1"]).unwrap(), (1, Some(4)));
        for bad in [&[][..], &["--seed", "4"], &["--minutes"], &["--minutes", "x"], &["--hours", "1"]] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
    }
}
