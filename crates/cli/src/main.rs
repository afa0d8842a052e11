//! The binary: reads the command line, runs one command, and turns its end into an exit code.
//!
//! Data goes to standard output, everything else to standard error. This crate knows no protocol bytes; it reaches
//! brokers through `client`, and starts one through `broker`.

mod args;
mod banner;
mod client_settings;
mod cluster;
mod commands;
#[cfg(feature = "controls")]
mod controls;
mod exit;
mod logs;
mod record;
mod render;
mod units;

use anyhow::Result;
use args::{Cli, Command};
use clap::Parser;
use exit::{Exit, Failure};
use logs::Colour;
use ottla_env::clock::OsClock;
use std::process::ExitCode;
use std::sync::Arc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let exit = match run(&cli) {
        Ok(exit) => exit,
        Err(error) if exit::is_broken_pipe(&error) => Exit::Done,
        Err(error) => {
            eprintln!("{}", exit::message_of(&error));
            exit::code_of(&error)
        }
    };
    ExitCode::from(exit as u8)
}

fn run(cli: &Cli) -> Result<Exit> {
    if cli.command.is_some() && cli.up != commands::up::Options::default() {
        // Taken in silence they would be without effect.
        let what = "an option of `ottla up` stands in front of another command";
        return Err(Failure::usage(what).next("ottla up --help; options follow their command").into());
    }
    let is_server = matches!(cli.command, None | Some(Command::Up(_) | Command::Broker(_)));
    if cli.global.verbose && !is_server {
        logs::install_short("debug", Colour::of(&cli.global), Arc::new(OsClock::new()))
            .map_err(anyhow::Error::msg)?;
    }
    match &cli.command {
        Some(Command::Completions(args)) => commands::completions::run(args),
        Some(Command::Bench(args)) => commands::bench::run(args, &cli.global),
        Some(Command::Cluster(args)) => commands::cluster::run(args, &cli.global),
        Some(Command::Doctor(args)) => commands::doctor::run(args, &cli.global),
        Some(Command::Config(args)) => commands::config::run(args, &cli.global),
        Some(Command::Topic(args)) => commands::topic::run(args, &cli.global),
        Some(Command::Group(args)) => commands::group::run(args, &cli.global),
        Some(Command::Produce(args)) => commands::produce::run(args, &cli.global),
        Some(Command::Consume(args)) => commands::consume::run(args, &cli.global),
        Some(Command::Up(args) | Command::Broker(args)) => commands::up::run(args, &cli.global),
        Some(Command::Generate(args)) => commands::generate::run(args),
        Some(Command::Log(args)) => commands::log::run(args, &cli.global),
        None => commands::up::run_with(&cli.up, &cli.global),
    }
}
