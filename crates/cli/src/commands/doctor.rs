//! `ottla doctor`: what would keep a broker from running well here, and a cluster from being reached.
//!
//! Settings, data directory, logs, limits, ports and exposure of this machine, in the order in which a start meets them;
//! with `-b`, or beside a broker that runs here, the way to a cluster too. Each check says what it found and what to do,
//! and goes on: one start of this command shows all there is. Nothing is changed, and the data directory is held while
//! this machine is looked at, so that no broker writes to the logs meanwhile; never while a cluster is asked.

mod cluster;
mod data;
mod exposure;
mod limits;
mod logs;
mod ports;
mod report;
mod settings;

use crate::args::Global;
use crate::commands::up::Own;
use crate::exit::Exit;
use anyhow::Result;
use ottla_broker::data_dir::Found;
use ottla_broker::settings::Settings;
use ottla_env::disk::OsDisk;
use report::Report;

const EXAMPLES: &str = "Examples:
  ottla doctor                               this machine, as `ottla up` would find it
  ottla doctor --config server.properties    with the settings of that file
  ottla doctor --data-dir /var/lib/ottla --skip-logs
  ottla doctor -b kafka:9092                 and the way to a cluster, Apache Kafka's too
  ottla doctor --output json                 each finding as an object: area, level, what, next

Levels: ok; warn, worth knowing, and a broker runs; fail, it does not run, or data is damaged; \
skip, not looked at, and why. A broker that runs here is best looked at with the options it was \
started with. Exit codes: 0 nothing failed, 1 something did, 2 wrong usage.";

#[derive(Debug, Clone, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    own: Own,

    /// Do not read the logs; reading all of them takes as long as the disk needs for that
    #[arg(long)]
    skip_logs: bool,
}

pub fn run(args: &Args, global: &Global) -> Result<Exit> {
    let mut report = Report::new(global);
    let settings = settings::check(&mut report, &args.own, global);
    report.show()?;
    let found = settings.as_ref().and_then(|settings| on_disk(&mut report, args, settings, global));
    limits::check(&mut report, settings.as_ref());
    report.show()?;
    let holder = match &found {
        Some(Found::InUse { pid, .. }) => *pid,
        _ => None,
    };
    crate::cluster::run(async {
        let mut own = None;
        if let Some(settings) = &settings {
            let sockets = ports::check(&mut report, settings, holder).await;
            exposure::check(&mut report, &sockets, holder);
            report.show()?;
            // A broker that runs here is asked too, as its clients would ask it.
            own = holder.and_then(|pid| ports::address_of(&sockets, pid));
        }
        // A cluster may take its time; a broker that starts meanwhile needs the directory.
        drop(found);
        cluster::check(&mut report, global, own).await?;
        report.finish()
    })
}

/// The data directory and what is in it.
fn on_disk(report: &mut Report, args: &Args, settings: &Settings, global: &Global) -> Option<Found> {
    let dir = &settings.broker().data_dir;
    let found = data::check(report, &OsDisk, settings.broker());
    let _ = report.show();
    match &found {
        None | Some(Found::Nothing) => {}
        Some(Found::InUse { .. }) => {
            let why = "not read while a broker writes them; a broker checks what it reads, and `ottla log verify` reads \
                       all of a stopped one";
            report.skip("logs", why);
        }
        Some(Found::Free(_)) if args.skip_logs => report.skip("logs", "not read, as asked"),
        Some(Found::Free(_)) => logs::check(report, &OsDisk, dir, global),
    }
    found
}
