//! `cargo xtask bars`: Ottla beside Apache Kafka, one load after the other, and what was set as a goal.
//!
//! Each scenario runs in pairs: Ottla on an empty directory, then Kafka on one, each alone on the machine, in memory that
//! starts the same, and warmed up. What counts is the median of the ratios of the pairs. Both promise the same: `os`
//! acknowledges from the page cache (Kafka's default), `fsync` what is on the disk (Ottla's). Figures are printed and judge
//! nothing: machines differ, and a run beside other work says little.

mod machine;
mod perf;
mod rows;
mod scenarios;

use crate::clients;
use crate::interop::broker::{Broker, Kind};
use crate::process::{cargo, output, run as run_command};
use anyhow::{Context, Result, bail};
use machine::Patience;
use perf::Tool;
use rows::Measured;
use scenarios::{Acks, Owner, Reader, SCENARIOS, Scenario, WARM_UP, WARM_UP_PARTITIONS};
use serde_json::{Value, json};
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const PAIRS: usize = 5;
/// How long producers have to connect and to be alone before a reader comes beside them.
const ALONE: Duration = Duration::from_secs(3);

#[derive(Debug)]
struct Options<'a> {
    pairs: usize,
    patience: Patience,
    /// Every run is added to this file, as a line of JSON.
    json: Option<PathBuf>,
    /// Parts of names; nothing means all.
    wanted: Vec<&'a str>,
}

impl<'a> Options<'a> {
    fn parse(args: &'a [String]) -> Result<Self> {
        let mut options = Self { pairs: PAIRS, patience: Patience::Wait, json: None, wanted: Vec::new() };
        let mut rest = args.iter();
        while let Some(arg) = rest.next() {
            match arg.as_str() {
                "--pairs" => {
                    let pairs = rest.next().and_then(|n| n.parse().ok()).filter(|n| *n > 0);
                    options.pairs = pairs.context("--pairs takes a number")?;
                }
                "--busy" => options.patience = Patience::Busy,
                "--json" => options.json = Some(rest.next().context("--json takes a file")?.into()),
                option if option.starts_with('-') => bail!("{option} is no option of bars"),
                part => options.wanted.push(part),
            }
        }
        Ok(options)
    }
}

pub fn run(root: &Path, args: &[String]) -> Result<()> {
    if args.iter().any(|arg| arg == "--list") {
        SCENARIOS.iter().for_each(|scenario| println!("{}", scenario.name));
        return Ok(());
    }
    let options = Options::parse(args)?;
    let is_wanted = |scenario: &&Scenario| {
        options.wanted.is_empty() || options.wanted.iter().any(|part| scenario.name.contains(part))
    };
    let chosen: Vec<&Scenario> = SCENARIOS.iter().filter(is_wanted).collect();
    if chosen.is_empty() {
        bail!("no scenario of that name; `cargo xtask bars --list` names them");
    }
    run_command(root, &cargo(), &["build", "--release", "--locked", "--quiet"])?;
    if chosen.iter().any(|scenario| Tool::of(scenario.measured).is_some()) {
        // Fetched now, because a first fetch prints, and takes its time.
        clients::console(root)?;
    }
    print!("{}", rows::figures_head());
    let mut commands = rows::commands_head();
    let mut failed = Vec::new();
    for scenario in chosen {
        let begin = Instant::now();
        let (pairs, mut ended) = scenario.pairs(root, &options);
        if !pairs.is_empty() {
            match scenario.figures(&pairs) {
                Ok(rows) => print!("{rows}"),
                Err(error) => ended = ended.and(Err(error)),
            }
            commands.push_str(&scenario.commands_row(&pairs));
        }
        // What was measured before is not lost, nor what can be measured behind it.
        if let Err(error) = ended {
            eprintln!("{error:#}");
            failed.push(scenario.name);
        }
        eprintln!("{} took {:.0} s", scenario.name, begin.elapsed().as_secs_f64());
    }
    print!("{commands}");
    if !failed.is_empty() {
        bail!("not measured to the end: {}", failed.join("; "));
    }
    Ok(())
}

impl Scenario {
    /// The pairs that were measured, and why there are no more.
    fn pairs(&self, root: &Path, options: &Options) -> (Vec<[Measured; 2]>, Result<()>) {
        let mut pairs = Vec::new();
        let ended = (1..=options.pairs).try_for_each(|pair| {
            let measure = |kind: Kind| {
                let measured = self
                    .measure(root, kind, options.patience)
                    .with_context(|| format!("{} with {}", self.name, kind.name()))?;
                self.note(options, pair, kind, &measured)?;
                anyhow::Ok(measured)
            };
            pairs.push([measure(Kind::Ottla)?, measure(Kind::Kafka)?]);
            Ok(())
        });
        (pairs, ended)
    }

    fn note(&self, options: &Options, pair: usize, kind: Kind, measured: &Measured) -> Result<()> {
        let Measured { figures, state } = measured;
        eprintln!(
            "{}, pair {pair} of {}, {}: load before {:.2}, {:.1} % busy, MemFree {:.0} MB",
            self.name,
            options.pairs,
            kind.name(),
            state.load,
            state.busy * 100.0,
            state.free_mb,
        );
        let Some(path) = &options.json else { return Ok(()) };
        let line = json!({
            "scenario": self.name, "pair": pair, "broker": kind.name(), "loadBefore": state.load,
            "busyBefore": state.busy, "memFreeMbBefore": state.free_mb, "figures": figures,
        });
        let mut file = OpenOptions::new().create(true).append(true).open(path).context("open --json")?;
        writeln!(file, "{line}").context("write --json")
    }

    fn measure(&self, root: &Path, kind: Kind, patience: Patience) -> Result<Measured> {
        let state = machine::fresh(root, patience)?;
        let figures = match self.owner {
            Owner::Scenario => self.with_broker(root, kind),
            Owner::Bench => bench(root, self.measured, &strs(&other_broker(root, kind))),
        }?;
        Ok(Measured { figures, state })
    }

    fn with_broker(&self, root: &Path, kind: Kind) -> Result<Value> {
        let settings: &[&str] = match (kind, self.acks) {
            (Kind::Ottla, Acks::Os) => &["log.durability=os"],
            (Kind::Kafka, Acks::Fsync) => &["log.flush.interval.messages=1"],
            _ => &[],
        };
        let broker = Broker::start(root, kind, "bars", settings)?;
        let create = |topic: &str, partitions: &str, further: &[&str]| {
            let create = ["topic", "create", topic, "-p", partitions, "-b", &broker.bootstrap];
            output(root, &ottla(root), &[&create[..], further].concat())
        };
        let page_cache = match self.acks {
            Acks::Os => Vec::new(),
            Acks::Fsync => vec!["-c", rows::warm_up_setting(kind)],
        };
        create("warm", WARM_UP_PARTITIONS, &page_cache)?;
        let to = Target { root, bootstrap: &broker.bootstrap, pid: broker.pid() };
        for load in WARM_UP {
            to.load(load)?;
        }
        if let Some(partitions) = self.partitions {
            create("t", partitions, &[])?;
        }
        for load in self.before {
            to.load(load)?;
        }
        let figures = self.measured_and_read(&to)?;
        broker.stop()?;
        Ok(figures)
    }

    fn measured_and_read(&self, to: &Target<'_>) -> Result<Value> {
        let rest = || if self.cold { machine::drop_caches(to.root) } else { Ok(()) };
        machine::settle(to.root)?;
        match self.reader {
            Reader::None => {
                rest()?;
                to.load(self.measured)
            }
            Reader::Behind(reader) => {
                let mut figures = to.load(self.measured)?;
                rest()?;
                add_reader(&mut figures, &to.load(reader)?);
                Ok(figures)
            }
            Reader::Beside(reader) => {
                rest()?;
                let producers = Background::start(to, self.measured)?;
                std::thread::sleep(ALONE);
                let read = to.load(reader)?;
                let mut figures = producers.interrupt()?;
                add_reader(&mut figures, &read);
                Ok(figures)
            }
        }
    }
}

/// The broker that takes a load.
struct Target<'a> {
    root: &'a Path,
    bootstrap: &'a str,
    pid: u32,
}

impl Target<'_> {
    fn load(&self, load: &str) -> Result<Value> {
        match Tool::of(load) {
            Some(tool) => tool.run(self.root, load, self.bootstrap, self.pid),
            None => bench(self.root, load, &strs(&self.options())),
        }
    }

    fn options(&self) -> [String; 4] {
        ["-b".to_owned(), self.bootstrap.to_owned(), "--pid".to_owned(), self.pid.to_string()]
    }
}

/// A load that goes on until it is interrupted, which is when `ottla bench` prints what was measured so far.
struct Background {
    child: std::process::Child,
}

impl Background {
    fn start(to: &Target<'_>, load: &str) -> Result<Self> {
        let child = Command::new(ottla(to.root))
            .args(bench_words(load, &strs(&to.options())))
            .current_dir(to.root)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("start `ottla bench {load}`"))?;
        Ok(Self { child })
    }

    fn interrupt(mut self) -> Result<Value> {
        if let Some(status) = self.child.try_wait()? {
            bail!("the load ended with {status} before its reader did");
        }
        run_command(Path::new("/"), "kill", &["-INT", &self.child.id().to_string()])?;
        let mut text = String::new();
        let stdout = self.child.stdout.as_mut().context("read the figures of `ottla bench`")?;
        std::io::Read::read_to_string(stdout, &mut text)?;
        self.child.wait()?;
        serde_json::from_str(&text).context("read the figures of `ottla bench`")
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// The figures of a reader, with `reader.` in front of their names, beside those of the measured load.
fn add_reader(figures: &mut Value, read: &Value) {
    let read = read.get(0).and_then(Value::as_object);
    let (Some(row), Some(read)) = (figures.get_mut(0).and_then(Value::as_object_mut), read) else { return };
    row.extend(read.iter().map(|(name, value)| (format!("reader.{name}"), value.clone())));
}

/// How `bench restart` starts the other broker; nothing for our own.
fn other_broker(root: &Path, kind: Kind) -> Vec<String> {
    if kind == Kind::Ottla {
        return Vec::new();
    }
    let script = root.join("crates/cli/tests/kafka/kafka.sh");
    let lab = clients::folder(root).join("kafka");
    let line = |act: &str| {
        let script = script.display();
        format!(
            "KAFKA_VERSION={} OTTLA_LAB='{}' exec bash '{script}' {act} \"$DIR\" PORT=$PORT",
            clients::KAFKA_VERSION,
            lab.display()
        )
    };
    vec!["--prepare-command".to_owned(), line("format"), "--broker-command".to_owned(), line("run")]
}

fn strs(list: &[String]) -> Vec<&str> {
    list.iter().map(String::as_str).collect()
}

fn ottla(root: &Path) -> String {
    root.join("target/release/ottla").to_string_lossy().into_owned()
}

/// A load has no words with spaces in them.
fn bench_words<'a>(load: &'a str, further: &[&'a str]) -> Vec<&'a str> {
    let load: Vec<&str> = load.split(' ').collect();
    [&["bench"], &load[..], further, &["--output", "json"]].concat()
}

fn bench(root: &Path, load: &str, further: &[&str]) -> Result<Value> {
    let text = output(root, &ottla(root), &bench_words(load, further))?;
    serde_json::from_str(&text).context("read the figures of `ottla bench`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_of_a_reader_stand_beside_those_of_the_load() {
        let mut figures = json!([{ "p99Ms": 2 }]);
        add_reader(&mut figures, &json!([{ "p99Ms": 7, "records": 3 }]));
        assert_eq!(figures, json!([{ "p99Ms": 2, "reader.p99Ms": 7, "reader.records": 3 }]));
    }

    #[test]
    fn five_pairs_on_a_quiet_machine_are_what_is_measured_by_default() {
        let parsed = Options::parse(&[]).unwrap();
        assert_eq!((parsed.pairs, parsed.patience), (5, Patience::Wait));
        let args = ["--pairs", "2", "--busy", "--json", "f", "e2e"].map(str::to_owned);
        let parsed = Options::parse(&args).unwrap();
        assert_eq!((parsed.pairs, parsed.patience, parsed.wanted), (2, Patience::Busy, vec!["e2e"]));
        assert!(Options::parse(&["--pairs".to_owned(), "0".to_owned()]).is_err());
        assert!(Options::parse(&["--pair".to_owned()]).is_err());
    }
}
