//! Stages of a long command: each is named when it starts and timed when it ends; the table comes last, also on failure.

use anyhow::{Context, Result};
use std::time::{Duration, Instant};

#[derive(Debug, Default)]
pub struct Stages {
    done: Vec<(&'static str, Duration, bool)>,
}

impl Stages {
    /// Runs one stage. The first that fails ends the command.
    pub fn run(&mut self, name: &'static str, stage: impl FnOnce() -> Result<()>) -> Result<()> {
        println!("== {name}");
        let start = Instant::now();
        let result = stage();
        self.done.push((name, start.elapsed(), result.is_ok()));
        result.with_context(|| format!("stage {name}"))
    }

    /// Prints the minutes of each stage.
    pub fn report(&self) {
        println!("== minutes");
        let mut total = Duration::ZERO;
        for (name, time, passed) in &self.done {
            total += *time;
            println!("{:>7.2}  {name}{}", minutes(*time), if *passed { "" } else { "  FAILED" });
        }
        println!("{:>7.2}  total of {} stages", minutes(total), self.done.len());
    }
}

fn minutes(time: Duration) -> f64 {
    time.as_secs_f64() / 60.0
}
