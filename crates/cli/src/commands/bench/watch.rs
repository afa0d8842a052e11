//! A run under watch: progress on a terminal, a time limit, signals; and its figures as a row.

use crate::args::Global;
use crate::cluster::{self, Signals};
use crate::exit::{Exit, Failure};
use crate::render::{self, Column, Row, column, wide};
use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use ottla_bench::figures::Figures;
use ottla_bench::usage::{self, Sample};
use ottla_bench::{Layout, Progress};
use ottla_client::{ClientError, Surroundings};
use serde_json::Value;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

const TICK: Duration = Duration::from_millis(100);

/// How a run came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// All was done, or the time was over.
    ByItself,
    BySignal(Exit),
}

impl Ended {
    pub fn exit(self) -> Exit {
        match self {
            Self::ByItself => Exit::Done,
            Self::BySignal(exit) => exit,
        }
    }
}

/// What a run is expected to do, for the bar and the clock.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    pub name: &'static str,
    /// `None`: it ends by time only.
    pub records: Option<u64>,
    pub time: Option<Duration>,
}

/// Waits for `work`. The first signal lets what is under way end and be counted, a second one gives up.
pub async fn watch<T>(
    work: impl Future<Output = Result<T, ClientError>>,
    progress: &Arc<Progress>,
    plan: Plan,
    global: &Global,
    signals: &mut Signals,
) -> Result<(T, Ended)> {
    let mut ended = Ended::ByItself;
    let mut work = pin!(draw(work, progress, plan, global));
    let mut limit = pin!(async {
        match plan.time {
            Some(time) => tokio::time::sleep(time).await,
            None => std::future::pending().await,
        }
    });
    let mut is_limited = plan.time.is_some();
    loop {
        tokio::select! {
            result = &mut work => return Ok((result?, ended)),
            exit = signals.next() => {
                if matches!(ended, Ended::BySignal(_)) {
                    return Err(given_up(exit));
                }
                ended = Ended::BySignal(exit);
                progress.stop();
            }
            () = &mut limit, if is_limited => {
                is_limited = false;
                progress.stop();
            }
        }
    }
}

/// Waits for `work` and shows how far it is, for a command that looks after signals itself.
pub async fn draw<T>(
    work: impl Future<Output = Result<T, ClientError>>,
    progress: &Progress,
    plan: Plan,
    global: &Global,
) -> Result<T> {
    let bar = bar(plan, global);
    let mut work = pin!(work);
    let mut tick = tokio::time::interval(TICK);
    let result = loop {
        tokio::select! {
            result = &mut work => break result,
            _ = tick.tick() => bar.set_position(progress.done().records),
        }
    };
    bar.finish_and_clear();
    Ok(result.map_err(|error| cluster::failure(&error))?)
}

/// Waits for what comes before or between runs: the first signal gives it up.
pub async fn prepare<T>(work: impl Future<Output = Result<T>>, signals: &mut Signals) -> Result<T> {
    tokio::select! {
        result = work => result,
        exit = signals.next() => Err(given_up(exit)),
    }
}

fn given_up(exit: Exit) -> anyhow::Error {
    Failure::new(exit, "given up, and nothing measured").into()
}

/// Draws on standard error, and only where that is a terminal.
fn bar(plan: Plan, global: &Global) -> ProgressBar {
    let target = if global.quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
    let bar = ProgressBar::with_draw_target(plan.records, target).with_message(plan.name);
    let template = match plan.records {
        Some(_) => "{msg} {bar:30} {human_pos} of {human_len} records, {per_sec}",
        None => "{msg} {human_pos} records, {per_sec}",
    };
    bar.with_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// The process whose cost is measured: the one that is named, or the one that is found on this machine.
pub async fn broker_pid(
    named: Option<u32>,
    layout: &Layout,
    surroundings: &Surroundings,
) -> Result<Option<u32>> {
    if let Some(pid) = named {
        if Sample::take(Some(pid)).broker.is_none() {
            return Err(Failure::usage(format!("--pid {pid}: there is no such process to see")).into());
        }
        return Ok(named);
    }
    Ok(usage::find_broker(layout, surroundings).await.map_err(|error| cluster::failure(&error))?)
}

const COLUMNS: &[Column] = &[
    column("mbPerSecond"),
    column("recordsPerSecond"),
    column("p50Ms"),
    column("p99Ms"),
    column("p999Ms"),
    column("brokerCpuSecondsPerGb"),
    column("brokerRssMb"),
    column("seconds"),
    wide("maxMs"),
    wide("brokerRssPeakMb"),
    wide("brokerUserSecondsPerGb"),
    wide("brokerSystemSecondsPerGb"),
    wide("brokerReadPerByte"),
    wide("brokerWrittenPerByte"),
    wide("generatorCpuSecondsPerGb"),
    wide("freeMemoryMb"),
    wide("loadAverage"),
    wide("requests"),
    wide("records"),
    wide("bytes"),
];

/// Prints one run: its figures, and behind them what was asked for.
pub fn print(figures: &Figures, asked: &[(&'static str, Value)], global: &Global) -> Result<()> {
    let mut row = Row::new();
    if let Value::Object(fields) = serde_json::to_value(figures).context("write the figures")? {
        row.extend(fields);
    }
    row.extend(asked.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    let mut columns = COLUMNS.to_vec();
    columns.extend(asked.iter().map(|(name, _)| wide(name)));
    Ok(render::rows(global.output, &columns, &[row])?)
}
