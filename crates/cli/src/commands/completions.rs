//! `ottla completions SHELL`: the script that a shell loads.

use crate::args::Cli;
use crate::exit::Exit;
use anyhow::Result;
use clap::CommandFactory;
use std::io::Write;

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  ottla completions bash > /etc/bash_completion.d/ottla")]
pub struct Args {
    /// The shell that will read it
    #[arg(value_enum)]
    shell: clap_complete::Shell,
}

pub fn run(args: &Args) -> Result<Exit> {
    // Rendered in memory first: the generator would panic when the reader of a pipe leaves.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "ottla", &mut script);
    std::io::stdout().write_all(&script)?;
    Ok(Exit::Done)
}
