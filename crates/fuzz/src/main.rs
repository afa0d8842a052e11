//! `ottla-fuzz run`: mutations for each target; `ottla-fuzz frames`: what is thrown at a running broker, on standard
//! output. Used by `cargo xtask fuzz`. `ottla-fuzz corpora`: what each target begins with, as files for cargo-fuzz.

use ottla_env::disk::OsDisk;
use ottla_fuzz::targets::{find, write_corpora};
use ottla_fuzz::{TARGETS, bounded, frames};
use std::path::Path;
use std::process::ExitCode;

const USAGE: &str = "usage: ottla-fuzz run COUNT SEED [TARGET...]
       ottla-fuzz frames COUNT SEED
       ottla-fuzz corpora FOLDER";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match route(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn route(args: &[&str]) -> Result<(), String> {
    let number = |text: &str| text.parse::<u64>().map_err(|_| USAGE.to_owned());
    match args {
        ["run", count, seed, names @ ..] => run(number(count)? as usize, number(seed)?, names),
        ["frames", count, seed] => {
            let mut out = std::io::BufWriter::new(std::io::stdout().lock());
            frames::write(&mut out, number(seed)?, number(count)? as usize).map_err(|error| error.to_string())
        }
        ["corpora", folder] => {
            let files =
                write_corpora(&OsDisk, Path::new(folder)).map_err(|error| format!("{folder}: {error}"))?;
            println!("{files} files in {folder}");
            Ok(())
        }
        _ => Err(USAGE.to_owned()),
    }
}

fn run(count: usize, seed: u64, names: &[&str]) -> Result<(), String> {
    let named = names.iter().map(|name| find(name).ok_or_else(|| format!("there is no target {name}")));
    let mut targets = named.collect::<Result<Vec<_>, _>>()?;
    if targets.is_empty() {
        targets = TARGETS.iter().collect();
    }
    let mut total = 0;
    for target in &targets {
        let tried = bounded::run(target, seed, count).map_err(|broken| broken.to_string())?;
        println!("{}: {tried}", target.name);
        if tried.corpus_read == 0 {
            return Err(format!("{}: not one real input was read", target.name));
        }
        total += tried.inputs;
    }
    println!("{} targets, {total} inputs, seed {seed}: nothing broke", targets.len());
    Ok(())
}
