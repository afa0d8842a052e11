//! `ottla config show`: the settings a broker of this process would run with, and where each one comes from.
//!
//! It resolves them exactly as `ottla up` does and starts nothing. What is wrong with them ends the command; what has no
//! effect is said on standard error.

use crate::args::Global;
use crate::commands::up;
use crate::exit::Exit;
use crate::render::{self, Row, column, wide};
use anyhow::Result;
use ottla_broker::settings::{Effect, Origin, Settings};
use serde_json::{Map, Value};
use std::path::PathBuf;

pub const EXAMPLES: &str = "Examples:
  ottla config show --origin                     what is set, and by whom
  ottla config show --all --output json          every setting with its default
  ottla config show --config server.properties   what Kafka's own file means here
  ottla config show -X log.retention.ms=5        what a flag would do";

#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Also print where each value comes from: default, FILE:LINE, environment NAME, command line
    #[arg(long)]
    origin: bool,

    /// Print every setting, and not only those that somebody set
    #[arg(long)]
    all: bool,

    /// A settings file: Kafka's server.properties, or TOML
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

pub fn run(args: &Args, global: &Global) -> Result<Exit> {
    let settings = up::resolve(args.config.clone(), global)?;
    if !global.quiet {
        settings.warnings().iter().for_each(|warning| eprintln!("{warning}"));
    }
    let rows = rows(&settings, args.all);
    let mut columns = vec![column("name"), column("value")];
    columns.push(if args.origin { column("origin") } else { wide("origin") });
    columns.extend([wide("default"), wide("type"), wide("effect"), wide("documentation")]);
    render::rows(global.output, &columns, &rows)?;
    Ok(Exit::Done)
}

fn rows(settings: &Settings, all: bool) -> Vec<Row> {
    let entries = settings.entries().filter(|(_, _, origin)| all || **origin != Origin::Default);
    let rows = entries.map(|(setting, value, origin)| {
        let shown = if setting.is_sensitive() && *origin != Origin::Default {
            Value::from("[hidden]")
        } else {
            Value::from(value)
        };
        let default = setting.default.as_ref().map(ToString::to_string);
        let kind = format!("{:?}", setting.kind).to_lowercase();
        let fields = [
            ("name", Value::from(setting.name)),
            ("value", shown),
            ("origin", Value::from(origin.to_string())),
            ("default", Value::from(default)),
            ("type", Value::from(kind)),
            ("effect", Value::from(effect(setting.effect))),
            ("documentation", Value::from(setting.documentation)),
        ];
        fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>()
    });
    rows.collect()
}

fn effect(effect: Effect) -> &'static str {
    match effect {
        Effect::Real => "works",
        Effect::Taken | Effect::Later => "not yet",
        Effect::Accept => "no meaning here",
        Effect::Internal => "internal to Apache Kafka",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ottla_broker::settings::{self, Input};

    fn shown(flags: &[(&str, &str)], all: bool) -> Vec<Row> {
        let flags = flags.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        rows(&settings::load(&Input { flags, ..Input::default() }).unwrap(), all)
    }

    #[test]
    fn only_what_somebody_set_is_shown_unless_all_is_asked_for() {
        assert!(shown(&[], false).is_empty());
        let set = shown(&[("num.partitions", "4")], false);
        assert_eq!(set.len(), 1);
        assert_eq!(set[0]["value"], "4");
        assert_eq!(set[0]["origin"], "command line");
        assert_eq!(set[0]["default"], "1");
        assert!(shown(&[], true).len() > 350);
    }

    #[test]
    fn a_secret_is_hidden_even_when_it_is_set() {
        let set = shown(&[("ssl.key.password", "")], false);
        assert_eq!(set[0]["value"], "[hidden]");
    }
}
