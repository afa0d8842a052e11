//! `ottla group rm`: shows what will be lost, asks, and removes it.

use crate::args::Global;
use crate::cluster::{connect, exit_of_items, failure};
use crate::exit::{Exit, Failure};
use crate::render::{self, Row, column};
use anyhow::{Context, Result};
use ottla_client::ErrorCode;
use serde_json::{Map, json};
use std::io::{IsTerminal, Write};

pub const EXAMPLES: &str = "Examples:
  ottla group rm readers             shows what will be lost, and asks
  ottla group rm readers --yes       asks nothing; needed where there is no terminal
  ottla group rm readers --dry-run   only shows

A group with members cannot be removed: stop them first.";

#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Ids of groups
    #[arg(value_name = "GROUP", required = true)]
    groups: Vec<String>,

    /// A group that is not there is no error
    #[arg(long)]
    if_exists: bool,

    /// Do not ask
    #[arg(short, long)]
    yes: bool,

    /// Show what would be removed, and remove nothing
    #[arg(long)]
    dry_run: bool,
}

pub async fn run(args: &Args, global: &Global) -> Result<Exit> {
    if !args.yes && !args.dry_run && !can_ask() {
        return Err(cannot_ask("groups are removed").into());
    }
    let (client, _) = connect(global).await?;
    let admin = client.admin();
    let mut errors = Vec::new();
    let mut names = Vec::new();
    let mut plan = Vec::new();
    for answer in admin.describe_groups(&args.groups).await.map_err(|error| failure(&error))? {
        match answer {
            Ok(group) => {
                let offsets = admin.group_offsets(&group.group_id, None).await;
                let offsets = offsets.map_err(|error| failure(&error))?.len();
                let mut row = Map::new();
                row.insert("group".to_owned(), json!(group.group_id));
                row.insert("state".to_owned(), json!(group.state));
                row.insert("members".to_owned(), json!(group.members.len()));
                row.insert("offsets".to_owned(), json!(offsets));
                plan.push(row);
                names.push(group.group_id);
            }
            Err(error) if args.if_exists && error.code() == Some(ErrorCode::GroupIdNotFound) => {}
            Err(error) => errors.push(error),
        }
    }
    if names.is_empty() {
        return exit_of_items(args.groups.len(), errors);
    }
    if args.dry_run {
        let columns = [column("group"), column("state"), column("members"), column("offsets")];
        render::rows(global.output, &columns, &plan)?;
        return exit_of_items(args.groups.len(), errors);
    }
    if !args.yes && !is_confirmed(&plan)? {
        eprintln!("nothing was removed");
        return Ok(Exit::Usage);
    }
    let answers = admin.delete_groups(&names).await.map_err(|error| failure(&error))?;
    for (name, answer) in names.iter().zip(answers) {
        match answer {
            Ok(()) => writeln!(std::io::stdout(), "{name}")?,
            Err(error) => errors.push(error),
        }
    }
    exit_of_items(args.groups.len(), errors)
}

pub(super) fn can_ask() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

pub(super) fn cannot_ask(what: &str) -> Failure {
    Failure::usage(format!("{what} only after a question, and there is no terminal to ask at"))
        .next("the same with `--yes`, or with `--dry-run` to look")
}

fn is_confirmed(plan: &[Row]) -> Result<bool> {
    for row in plan {
        let text = |field: &str| row.get(field).map_or_else(String::new, ToString::to_string);
        let name = row.get("group").and_then(|name| name.as_str()).unwrap_or_default();
        eprintln!("  {name}: {} members, offsets of {} partitions", text("members"), text("offsets"));
    }
    ask(if plan.len() == 1 { "Remove it?" } else { "Remove them?" })
}

pub(super) fn ask(question: &str) -> Result<bool> {
    let mut stderr = std::io::stderr().lock();
    write!(stderr, "{question} Type yes: ")?;
    stderr.flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).context("read the answer")?;
    Ok(matches!(answer.trim(), "yes" | "y"))
}
