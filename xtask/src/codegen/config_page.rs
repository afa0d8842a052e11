//! `docs/config.md` from the table of settings, so that page and broker cannot say different things.
//!
//! The table is read here once more, as text: this tool depends on no crate of the product.

use anyhow::{Context, Result, ensure};
use std::fmt::Write;
use std::fs;
use std::path::Path;

const TABLE: &str = "crates/broker/configs.tsv";
const PAGE: &str = "docs/config.md";

const INTRODUCTION: &str = r"<!-- Written by `cargo xtask codegen` from crates/broker/configs.tsv; edit that. -->
# Settings

Settings have Apache Kafka's names, types and ranges (those of 4.4.0), and a few names of our own. `ottla config show
--origin` prints what is in force and where each value comes from.

## Where values come from

A flag wins over the environment, the environment over the file, the file over the default.

| Source | Form | An unknown name is |
|---|---|---|
| flag | `-X log.retention.ms=60000` | an error, with the nearest name |
| environment | `KAFKA_LOG_RETENTION_MS=60000`: prefix `KAFKA_`, `.` is `_`, `_` is `__`, `-` is `___`; also `CLUSTER_ID` | a warning |
| `--config server.properties` | Java's properties format, Kafka's own file unchanged | a warning |
| `--config ottla.toml` | TOML; tables flatten: `[log.retention]` and `ms = 60_000` | an error, with the nearest name |

A bad value refuses the start and names file and line, variable or flag. A name that is also the beginning of another one
is written in quotes in TOML: `\x22max.connections\x22 = 100`. What only a Java machine reads (`KAFKA_HEAP_OPTS`, `KAFKA_OPTS`,
...) is accepted and has no effect.

Security is never ignored: as long as TLS, SASL and authorization do not exist here, setting `ssl.*`, `sasl.*`, an
authorizer, a policy class or a listener with such a protocol refuses the start. A listener that other machines reach is
refused as well, unless `--insecure-listen` (or `allow.insecure.listeners=true`) says that this is meant; a listener
without a host, as in Kafka's stock file, is bound to loopback then.

Names marked with `+` are our own. A topic's own value wins over the broker's: its default is the value of the broker's
setting whose text says so. DescribeConfigs tells the same texts, and `ottla config show --all --output json` too.
";

struct Row<'a> {
    scope: &'a str,
    name: &'a str,
    kind: &'a str,
    default: &'a str,
    valid: &'a str,
    effect: &'a str,
    is_own: bool,
    text: &'a str,
}

pub fn write(root: &Path) -> Result<()> {
    let page = root.join(PAGE);
    fs::create_dir_all(page.parent().context("find the folder of the page")?)?;
    let text = render(root)?;
    if fs::read_to_string(&page).ok().as_ref() != Some(&text) {
        fs::write(&page, text)?;
        println!("codegen: wrote {PAGE}");
    }
    Ok(())
}

pub fn check(root: &Path) -> Result<()> {
    let is_current = fs::read_to_string(root.join(PAGE)).ok().as_ref() == Some(&render(root)?);
    ensure!(is_current, "{PAGE} differs from {TABLE}; run `cargo xtask codegen`");
    Ok(())
}

fn render(root: &Path) -> Result<String> {
    let table = fs::read_to_string(root.join(TABLE)).with_context(|| format!("read {TABLE}"))?;
    let rows: Vec<Row<'_>> = table
        .lines()
        .filter(|line| !line.starts_with('#'))
        .skip(1)
        .map(|line| parse(line).with_context(|| format!("parse `{line}` of {TABLE}")))
        .collect::<Result<_>>()?;
    let mut page = INTRODUCTION.replace(r"\x22", "\"");
    section(&mut page, &rows, "Topics", "They work.", |row| row.scope == "topic" && row.effect == "real")?;
    section(&mut page, &rows, "Broker", "They work.", |row| row.scope == "broker" && row.effect == "real")?;
    section(
        &mut page,
        &rows,
        "Quotas",
        "They work, and are no settings: AlterClientQuotas changes them, for clients, users and addresses.",
        |row| row.scope == "quota" && row.effect == "real",
    )?;
    section(
        &mut page,
        &rows,
        "No effect yet",
        "Checked, kept and shown; what they ask for does not happen so far. One line at the start, or at the creation of \
         a topic, names those that are set.",
        |row| row.effect == "taken",
    )?;
    section(
        &mut page,
        &rows,
        "Later",
        "Their feature is missing. The default is taken and shown. For a topic any other value is refused; for the broker \
         one line at the start names them, and those that promise security refuse the start.",
        |row| row.effect == "later",
    )?;
    section(
        &mut page,
        &rows,
        "Accepted",
        "Checked, kept and shown; they have no meaning on one node or in this design, and need none.",
        |row| row.effect == "accept",
    )?;
    Ok(page)
}

fn section(
    page: &mut String,
    rows: &[Row<'_>],
    title: &str,
    about: &str,
    is_in: impl Fn(&Row<'_>) -> bool,
) -> Result<()> {
    write!(page, "\n## {title}\n\n{about}\n")?;
    let chosen: Vec<&Row<'_>> = rows.iter().filter(|row| is_in(row)).collect();
    ensure!(!chosen.is_empty(), "no setting is in the section {title}");
    let has_scopes = chosen.iter().any(|row| row.scope != chosen[0].scope);
    let scope = if has_scopes { " Of |" } else { "" };
    write!(page, "\n| Name |{scope} Type | Default | Values | What it does |\n|---|")?;
    writeln!(page, "{}---|---|---|---|", if has_scopes { "---|" } else { "" })?;
    for row in chosen {
        let mark = if row.is_own { " +" } else { "" };
        let scope = if has_scopes { format!(" {} |", row.scope) } else { String::new() };
        let default = match row.default {
            "null" | "<required>" => "none".to_owned(),
            "\"\"" => "empty".to_owned(),
            text => format!("`{}`", cell(text)),
        };
        let valid = if row.valid == "-" { String::new() } else { cell(row.valid) };
        let text = cell(row.text);
        writeln!(page, "| `{}`{mark} |{scope} {} | {default} | {valid} | {text} |", row.name, row.kind)?;
    }
    Ok(())
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

fn parse(line: &str) -> Option<Row<'_>> {
    let columns: Vec<&str> = line.split('\t').collect();
    let [scope, name, kind, default, valid, _importance, _mode, effect, of, text] = columns[..] else {
        return None;
    };
    Some(Row { scope, name, kind, default, valid, effect, is_own: of == "own", text })
}
