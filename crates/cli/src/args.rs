//! The command line: global options and the list of commands. What a command takes stands beside the command.
//!
//! Nothing is read or started here; `--help` of every command must teach somebody who has never seen it.

use crate::commands;
use crate::render::Output;
use crate::units::parse_duration;
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;
use std::time::Duration;

const EXAMPLES: &str = "Examples:
  ottla                              start a broker on ./ottla-data, as `ottla up` does
  ottla topic create orders -p 4     create a topic with four partitions
  echo hello | ottla produce orders  write each line as one record
  ottla consume orders -e            read everything there is, then stop

Kafka's own names work everywhere: -X log.retention.ms=604800000, --config server.properties.

Something is wrong? `ottla doctor` looks at this machine, `ottla doctor -b HOST:PORT` at a cluster too.

Exit codes: 0 done, 1 failed, 2 usage or refused, 3 some items failed, 4 unreachable, \
5 not authorised, 130 interrupted, 143 terminated.";

#[derive(Debug, Parser)]
#[command(name = "ottla", version, about = "A Kafka-compatible event streaming platform in one binary", after_help = EXAMPLES)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,

    #[command(flatten, next_help_heading = "Options of `ottla` alone, which is `ottla up`")]
    pub up: commands::up::Options,

    #[command(subcommand)]
    pub command: Option<Command>,
}

#[derive(Debug, Clone, Args)]
pub struct Global {
    /// Brokers to ask first, separated by commas [default: localhost:9092]
    #[arg(
        short,
        long,
        global = true,
        value_name = "HOST:PORT",
        env = "BOOTSTRAP_SERVERS",
        value_delimiter = ',',
        help_heading = "Global options"
    )]
    pub bootstrap_server: Vec<String>,

    /// How lists are written; without it a table on a terminal and tab-separated values in a pipe
    #[arg(short, long, global = true, value_name = "FORM", value_enum, help_heading = "Global options")]
    pub output: Option<Output>,

    /// How long a cluster may take to answer
    #[arg(long, global = true, value_name = "TIME", value_parser = parse_duration, default_value = "10s",
        help_heading = "Global options")]
    pub timeout: Duration,

    /// A setting by Kafka's name; of the broker for `up`, `broker`, `doctor` and `config show`, of the client elsewhere
    #[arg(short = 'X', global = true, value_name = "NAME=VALUE", help_heading = "Global options")]
    pub settings: Vec<String>,

    /// A file with settings of the client, NAME=VALUE on each line
    #[arg(short = 'F', long, global = true, value_name = "FILE", help_heading = "Global options")]
    pub command_config: Option<PathBuf>,

    /// Say only what went wrong
    #[arg(short, long, global = true, help_heading = "Global options")]
    pub quiet: bool,

    /// Say what goes on inside, in log lines of level debug; those of a command go to standard error
    #[arg(short, long, global = true, help_heading = "Global options")]
    pub verbose: bool,

    /// Never use colours (NO_COLOR does the same)
    #[arg(long, global = true, help_heading = "Global options")]
    pub no_color: bool,
}

#[cfg(test)]
impl Global {
    pub fn for_test() -> Self {
        Self {
            bootstrap_server: Vec::new(),
            output: None,
            timeout: Duration::from_secs(10),
            settings: Vec::new(),
            command_config: None,
            quiet: false,
            verbose: false,
            no_color: false,
        }
    }
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start everything on this machine (for now: the broker); `ottla` alone does the same
    Up(commands::up::Args),

    /// Start a broker; so far the same as `up`
    Broker(commands::up::Args),

    /// Topics: list, create, describe, alter, purge, remove
    Topic(commands::topic::Args),

    /// Write records to a topic, one per line of standard input
    Produce(Box<commands::produce::Args>),

    /// Read records of topics to standard output
    Consume(Box<commands::consume::Args>),

    /// Consumer groups: list, describe, reset, remove
    Group(commands::group::Args),

    /// A cluster: its nodes, controller, features and versions
    Cluster(commands::cluster::Args),

    /// Load for a broker, and what it did with it
    Bench(Box<commands::bench::Args>),

    /// Settings: of this process, and those a cluster keeps of topics, brokers and groups
    Config(commands::config::Args),

    /// Check this machine, its settings and data directory, and the way to a cluster, and say what to do
    Doctor(commands::doctor::Args),

    /// Look into a data directory without a broker, and change nothing
    Log(commands::log::Args),

    /// Print what other programs need: a Grafana dashboard, Prometheus' settings
    Generate(commands::generate::Args),

    /// Print the completion script of a shell
    Completions(commands::completions::Args),
}

/// The options of one command, read as the command line is.
#[cfg(test)]
pub fn parsed<A: clap::Args>(line: &[&str]) -> Result<A, clap::Error> {
    #[derive(Parser)]
    struct Line<A: clap::Args> {
        #[command(flatten)]
        args: A,
    }
    Line::try_parse_from(line).map(|line| line.args)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    /// clap breaks longer lines where a terminal of 100 columns ends, which is right for prose only.
    #[test]
    fn every_command_shows_examples_that_fit_a_terminal() {
        let mut open = vec![Cli::command()];
        while let Some(command) = open.pop() {
            let text = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(text.contains("Example"), "`{}` shows no example", command.get_name());
            for line in text.lines().filter(|line| line.starts_with("  ")) {
                assert!(line.len() <= 98, "`{}`: {} columns in `{line}`", command.get_name(), line.len());
            }
            open.extend(command.get_subcommands().cloned());
        }
    }

    #[test]
    fn every_command_and_option_explains_itself() {
        let root = Cli::command();
        root.clone().debug_assert();
        let mut open = vec![root];
        let mut seen = 0;
        while let Some(command) = open.pop() {
            assert!(command.get_about().is_some(), "`{}` has no help", command.get_name());
            for argument in command.get_arguments() {
                let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
                assert!(!help.is_empty(), "`{} {}` has no help", command.get_name(), argument.get_id());
            }
            seen += 1;
            open.extend(command.get_subcommands().cloned());
        }
        assert!(seen > 1);
    }
}
