//! `ottla up` and `ottla broker`: runs a broker until a signal, or until it cannot go on.
//!
//! Order of a start: settings, log lines, data directory, sockets, banner. Everything that is wrong is said in one line
//! each before anything is touched. The first Ctrl-C or SIGTERM stops cleanly, a second one at once.

use crate::args::Global;
use crate::banner::{self, Data, Facts};
use crate::cluster::Signals;
use crate::exit::{Exit, Failure};
use crate::logs::{self, Colour};
use anyhow::{Context, Result};
use ottla_broker::cluster::{self, embedded::OpenError};
use ottla_broker::settings::{self, Input, Settings};
use ottla_broker::{Broker, BrokerStart, StartError, partitions_max};
use ottla_env::clock::{Clock, OsClock};
use ottla_env::disk::{Disk, OsDisk};
use ottla_env::host;
use ottla_env::lanes::Lanes;
use ottla_env::net::OsNet;
use ottla_env::process;
use ottla_env::rng::{OsRng, Rng};
use ottla_env::task::{Threads, Workers};
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Settings files larger than this are not settings files.
const MAX_FILE: u64 = 1 << 20;
/// The ports of a broker that was told none.
const KAFKA_PORTS: [u16; 2] = [9092, 9093];
const HTTP_PORT: u16 = 9644;
/// Time for a clean stop.
const STOP: Duration = Duration::from_secs(30);

#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  ottla up                                       a broker on ./ottla-data
  ottla up --ephemeral                           data that is gone when the broker stops
  ottla up --data-dir /var/lib/ottla -X num.partitions=4
  ottla up --config server.properties            Kafka's own file, as it is

Settings: -X NAME=VALUE wins over the environment (KAFKA_NUM_PARTITIONS=4), that over the file. \
`ottla config show --origin` shows all of them.")]
pub struct Args {
    #[command(flatten)]
    options: Options,
}

/// What `ottla` alone takes too.
#[derive(Debug, Clone, Default, PartialEq, Eq, clap::Args)]
pub struct Options {
    #[command(flatten)]
    own: Own,

    /// Keep the data in a temporary directory and remove it at the end
    #[arg(long, conflicts_with = "data_dir")]
    ephemeral: bool,

    /// What is logged, by level or by part: info, debug, warn,storage=debug [default: info]
    #[arg(long, value_name = "LEVELS")]
    log: Option<String>,

    /// Check the settings, print what is wrong, and start nothing
    #[arg(long)]
    check_config: bool,
}

/// The settings of a broker of this machine that have options of their own.
#[derive(Debug, Clone, Default, PartialEq, Eq, clap::Args)]
pub struct Own {
    /// Where the data is kept [default: ./ottla-data]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,

    /// A settings file: Kafka's server.properties, or TOML
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Listen for Kafka clients here instead of localhost:9092 and 9093 (may be repeated)
    #[arg(long, value_name = "HOST:PORT")]
    kafka_listen: Vec<String>,

    /// Listen on this address instead of localhost, on the default ports [env: OTTLA_BIND=]
    #[arg(long, value_name = "ADDRESS", conflicts_with = "kafka_listen")]
    bind: Option<String>,

    /// Listen for health checks and metrics here [default: localhost:9644]
    #[arg(long, value_name = "HOST:PORT")]
    http_listen: Option<String>,

    /// Allow listeners beyond this machine although there is no encryption and no authentication yet
    #[arg(long)]
    insecure_listen: bool,
}

pub fn run(args: &Args, global: &Global) -> Result<Exit> {
    run_with(&args.options, global)
}

pub fn run_with(args: &Options, global: &Global) -> Result<Exit> {
    let disk: Arc<dyn Disk> = Arc::new(OsDisk);
    let temporary = args.ephemeral.then(|| temporary_dir(&OsRng));
    let settings = load(args, global, disk.as_ref(), temporary.as_deref())?;
    if args.check_config {
        settings.warnings().iter().for_each(|warning| eprintln!("{warning}"));
        return Ok(Exit::Done);
    }
    let clock: Arc<dyn Clock> = Arc::new(OsClock::new());
    let level = settings.broker().log_level.clone().unwrap_or_else(|| "info".to_owned());
    logs::install(&level, Colour::of(global), Arc::clone(&clock))
        .map_err(|problem| Failure::usage(format!("log.level {level}: {problem}")))?;
    #[cfg(feature = "controls")]
    crate::controls::activate_from_environment()?;
    let _ = process::raise_open_file_limit();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().context("start the runtime")?;
    let result = runtime.block_on(serve(settings, Arc::clone(&disk), clock, args.ephemeral));
    runtime.shutdown_timeout(Duration::from_secs(1));
    if let Some(dir) = temporary {
        let _ = disk.remove_dir_all(&dir);
    }
    result
}

fn temporary_dir(rng: &dyn Rng) -> PathBuf {
    std::env::temp_dir().join(format!("ottla-{}-{:08x}", process::id(), rng.next_u64() as u32))
}

/// The settings that a broker of this process would have without options of its own.
pub fn resolve(config: Option<PathBuf>, global: &Global) -> Result<Settings> {
    settings_of(&Own { config, ..Own::default() }, global)
}

/// The settings that a broker with these options would have.
pub fn settings_of(own: &Own, global: &Global) -> Result<Settings> {
    load(&Options { own: own.clone(), ..Options::default() }, global, &OsDisk, None)
}

fn load(args: &Options, global: &Global, disk: &dyn Disk, temporary: Option<&Path>) -> Result<Settings> {
    let own = &args.own;
    let mut flags = Vec::new();
    for setting in &global.settings {
        let (name, value) = setting
            .split_once('=')
            .ok_or_else(|| Failure::usage(format!("-X {setting}: a setting is NAME=VALUE")))?;
        flags.push((name.trim().to_owned(), value.trim().to_owned()));
    }
    // A variable of the environment gives way to what the command line says.
    let by_environment = |name: &str| flags.iter().all(|(set, _): &(String, String)| set != name);
    let [bind_listeners, bind_http] =
        ["listeners", "http.listen"].map(|name| own.bind.is_some() || by_environment(name));
    let mut flag = |name: &str, value: String| flags.push((name.to_owned(), value));
    if let Some(dir) = own.data_dir.as_deref().or(temporary) {
        flag("log.dirs", dir.display().to_string());
    }
    let bind = own.bind.clone().or_else(|| std::env::var("OTTLA_BIND").ok().filter(|host| !host.is_empty()));
    let bound = bind.map(|host| if host.contains(':') { format!("[{host}]") } else { host });
    let kafka_listen = match &bound {
        Some(host) if own.kafka_listen.is_empty() && bind_listeners => {
            KAFKA_PORTS.map(|port| format!("{host}:{port}")).to_vec()
        }
        _ => own.kafka_listen.clone(),
    };
    if !kafka_listen.is_empty() {
        flag("listeners", listeners(&kafka_listen)?);
        let names = (0..kafka_listen.len()).map(|i| format!("{}:PLAINTEXT", listener_name(i)));
        flag("listener.security.protocol.map", names.collect::<Vec<_>>().join(","));
    }
    if let Some(address) =
        own.http_listen.clone().or(bound.filter(|_| bind_http).map(|host| format!("{host}:{HTTP_PORT}")))
    {
        flag("http.listen", address);
    }
    if let Some(levels) = args.log.as_deref().or(global.verbose.then_some("debug")) {
        flag("log.level", levels.to_owned());
    }
    if own.insecure_listen {
        flag("allow.insecure.listeners", "true".to_owned());
    }
    let file_text = match &own.config {
        None => None,
        Some(path) => {
            let bytes = disk
                .read(path, MAX_FILE)
                .map_err(|error| Failure::usage(format!("cannot read {}: {error}", path.display())))?;
            let text = String::from_utf8(bytes)
                .map_err(|_| Failure::usage(format!("{} is not a text file", path.display())))?;
            Some(text)
        }
    };
    // A variable that is not text is none of ours, and must not end the process.
    let environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let input = Input { flags, environment, file: own.config.clone(), file_text };
    settings::load(&input).map_err(|error| Failure::usage(error.to_string()).into())
}

fn listener_name(number: usize) -> String {
    if number == 0 { "PLAINTEXT".to_owned() } else { format!("PLAINTEXT_{}", number + 1) }
}

fn listeners(addresses: &[String]) -> Result<String> {
    let mut list = Vec::new();
    for (number, address) in addresses.iter().enumerate() {
        let port = address.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
        if port.is_none() {
            return Err(Failure::usage(format!("--kafka-listen {address}: an address is HOST:PORT")).into());
        }
        list.push(format!("{}://{address}", listener_name(number)));
    }
    Ok(list.join(","))
}

async fn serve(
    settings: Settings,
    disk: Arc<dyn Disk>,
    clock: Arc<dyn Clock>,
    ephemeral: bool,
) -> Result<Exit> {
    let mut signals = Signals::new()?;
    let warnings = settings.warnings().to_vec();
    let began = clock.monotonic();
    let exposed = settings.broker().allow_insecure_listeners;
    let memory = host::memory().map(|memory| memory.limit_bytes.unwrap_or(memory.total_bytes));
    let start = BrokerStart {
        settings,
        disk,
        net: Arc::new(OsNet),
        clock: Arc::clone(&clock),
        rng: Arc::new(OsRng),
        workers: Arc::new(Threads),
        lanes: Lanes::start(Threads.cores()).context("start the threads for connections")?,
        partitions_max: partitions_max(memory),
    };
    let broker = Broker::start(start).await.map_err(start_failure)?;
    warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
    tracing::info!("Transitioning from RECOVERY to RUNNING");
    tracing::info!(
        node = broker.node_id(),
        cluster = broker.cluster_id(),
        listeners = ?broker.kafka,
        data_dir = %broker.data_dir.display(),
        "Kafka Server started"
    );
    let exposed = exposed && broker.kafka.iter().any(|address| !address.ip().is_loopback());
    if exposed {
        tracing::warn!("a listener beyond this machine has no encryption and no authentication");
    }
    show_banner(&broker, ephemeral, clock.monotonic().saturating_sub(began), exposed);
    let recovery = async {
        match broker.recover().await {
            Ok(report) => tell(&report),
            Err(error) => tracing::error!(error = %error, "the logs could not be looked through"),
        }
        std::future::pending::<()>().await
    };
    tokio::select! {
        () = recovery => {}
        failed = broker.failed() => {
            tracing::error!(error = %failed, "the broker cannot go on; the next start verifies what is on disk");
            return Ok(Exit::Failed);
        }
        _ = signals.next() => {}
    }
    tracing::info!("stopping");
    let began = clock.monotonic();
    tokio::select! {
        stopped = tokio::time::timeout(STOP, broker.stop()) => match stopped {
            Ok(Ok(())) => {
                let ms = clock.monotonic().saturating_sub(began).as_millis() as u64;
                tracing::info!(ms, "stopped");
                Ok(Exit::Done)
            }
            Ok(Err(error)) => {
                tracing::error!(error = %error, "not a clean stop; the next start recovers");
                Ok(Exit::Failed)
            }
            Err(_) => {
                tracing::error!("the stop took too long; the next start recovers");
                Ok(Exit::Failed)
            }
        },
        exit = signals.next() => {
            tracing::warn!("stopped at once; the next start recovers");
            Ok(exit)
        }
    }
}

fn start_failure(error: StartError) -> anyhow::Error {
    use OpenError as Open;
    use cluster::{MetadataError, RegistrationError, StartError as Cluster};
    // A service starts again by itself after everything but 2, so that 2 is what no start can mend.
    let exit = match &error {
        StartError::DataDir(_)
        | StartError::Bind(_)
        | StartError::HttpInUse { .. }
        | StartError::Metadata(
            Open::Damaged { .. } | Open::Missing { .. } | Open::Behind { .. } | Open::Unexpected { .. },
        )
        | StartError::Cluster(
            Cluster::OtherCluster { .. }
            | Cluster::Metadata(MetadataError::Entry(_))
            | Cluster::Registration(
                RegistrationError::NodeIdTaken { .. } | RegistrationError::Metadata(MetadataError::Entry(_)),
            ),
        ) => Exit::Usage,
        // An interface may not be up yet, and descriptors come back; what may not be opened stays so.
        StartError::Http { source, .. } if source.kind() == std::io::ErrorKind::PermissionDenied => {
            Exit::Usage
        }
        StartError::Http { .. }
        | StartError::Metadata(Open::Io { .. })
        | StartError::Storage(_)
        | StartError::Thread(_)
        | StartError::Cluster(_) => Exit::Failed,
    };
    Failure::new(exit, error.to_string()).into()
}

fn tell(report: &ottla_broker::partition::StartReport) {
    let kept = report.kept.len();
    for stray in &report.strays {
        tracing::warn!(dir = %stray.display(), "a partition that the metadata does not know was put aside");
    }
    for file in &report.kept {
        tracing::warn!(file = %file.display(), "what was cut off is kept here, because whole batches stand in it");
    }
    if report.recovered_logs > 0 || report.offline > 0 {
        tracing::info!(
            logs = report.recovered_logs,
            bytes = report.recovered_bytes,
            cut_bytes = report.cut_bytes,
            kept,
            offline = report.offline,
            "logs recovered"
        );
    }
    tracing::info!("ready");
}

fn show_banner(broker: &Broker, ephemeral: bool, ready_after: Duration, exposed: bool) {
    if !std::io::stdout().is_terminal() {
        return;
    }
    let data = match (ephemeral, broker.is_new) {
        (true, _) => Data::Ephemeral,
        (false, true) => Data::New,
        (false, false) => Data::Existing,
    };
    let facts = Facts {
        data_dir: &broker.data_dir,
        data,
        kafka: &broker.kafka,
        http: broker.http,
        ready_after,
        exposed,
    };
    let _ = std::io::stderr().write_all(banner::text(&facts).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::code_of;
    use std::io;

    #[test]
    fn a_start_that_can_only_fail_again_is_exit_code_2() {
        let file = PathBuf::from("metadata/1.log");
        let address = std::net::SocketAddr::from(([127, 0, 0, 1], 80));
        let denied = || io::Error::from(io::ErrorKind::PermissionDenied);
        let (expected, found) = ("a".to_owned(), "b".to_owned());
        for error in [
            StartError::Metadata(OpenError::Behind { file: file.clone(), found: 1, expected: 2 }),
            StartError::Metadata(OpenError::Missing { dir: file.clone() }),
            StartError::Metadata(OpenError::Unexpected { dir: file.clone() }),
            StartError::Http { address, source: denied() },
            StartError::Cluster(cluster::StartError::OtherCluster { expected, found }),
        ] {
            assert_eq!(code_of(&start_failure(error)), Exit::Usage);
        }
        for error in [
            StartError::Metadata(OpenError::Io { action: "read", path: file, source: denied() }),
            StartError::Thread(denied()),
        ] {
            assert_eq!(code_of(&start_failure(error)), Exit::Failed);
        }
    }
}
