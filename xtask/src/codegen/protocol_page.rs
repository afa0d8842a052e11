//! The tables of `docs/protocol.md`: what is served in which versions, and where answers differ from Kafka's on purpose.
//!
//! The prose of the page is written by hand; only what stands between two markers is made here, from the sources that
//! decide it: the broker's list of served APIs, the codec's table and schemas, and the list that `cargo xtask answers`
//! holds every answer against. Like the whole tool this reads text and depends on no crate of the product.

use super::schema::{self, Versions};
use anyhow::{Context, Result, ensure};
use std::fmt::Write;
use std::fs;
use std::path::Path;

const PAGE: &str = "docs/protocol.md";
const SERVED: &str = "crates/broker/src/call.rs";
const TABLE: &str = "crates/wire/src/apis.rs";
const SCHEMA: &str = "crates/wire/schema";
const DIFFERENCES: &str = "crates/cli/tests/answers/known-differences.tsv";

/// One line of the codec's table.
#[derive(Debug, PartialEq, Eq)]
struct Api {
    constant: String,
    module: String,
    name: String,
    /// `None`: the last version of the schema.
    max: Option<i16>,
    /// `None`: the first version of the schema.
    announce: Option<i16>,
}

pub fn write(root: &Path) -> Result<()> {
    let page = read(root, PAGE)?;
    let current = render(root, &page)?;
    if page != current {
        fs::write(root.join(PAGE), current)?;
        println!("codegen: wrote the tables of {PAGE}");
    }
    Ok(())
}

pub fn check(root: &Path) -> Result<()> {
    let page = read(root, PAGE)?;
    ensure!(render(root, &page)? == page, "the tables of {PAGE} are not current; run `cargo xtask codegen`");
    Ok(())
}

fn read(root: &Path, path: &str) -> Result<String> {
    fs::read_to_string(root.join(path)).with_context(|| format!("read {path}"))
}

fn render(root: &Path, page: &str) -> Result<String> {
    let page = replaced(page, "served APIs", &served_table(root)?)?;
    replaced(&page, "known differences", &differences_table(&read(root, DIFFERENCES)?)?)
}

/// The page with the lines between the two markers of this name replaced.
fn replaced(page: &str, name: &str, block: &str) -> Result<String> {
    let missing = || format!("find the markers of `{name}` in {PAGE}");
    let (begin, end) = (format!("<!-- {name}: "), format!("<!-- end of {name} -->"));
    let start = page.find(&begin).with_context(missing)?;
    let start = start + page[start..].find('\n').with_context(missing)? + 1;
    let len = page[start..].find(&end).with_context(missing)?;
    Ok(format!("{}\n{block}\n{}", &page[..start], &page[start + len..]))
}

fn served_table(root: &Path) -> Result<String> {
    let table = apis(&read(root, TABLE)?);
    let mut rows = Vec::new();
    for constant in served(&read(root, SERVED)?)? {
        let api = table.iter().find(|api| api.constant == constant);
        let api = api.with_context(|| format!("find {constant} in {TABLE}"))?;
        let path = format!("{SCHEMA}/{}.schema", api.module);
        let messages = schema::parse(&read(root, &path)?).with_context(|| format!("parse {path}"))?;
        let request = messages.iter().find(|message| message.role == "request");
        let request = request.with_context(|| format!("find the request in {path}"))?;
        let served = Versions {
            first: request.versions.first,
            last: api.max.unwrap_or(i16::MAX).min(request.versions.last),
        };
        let announced =
            Versions { first: api.announce.unwrap_or(served.first).min(served.first), last: served.last };
        rows.push((request.key, api.name.as_str(), served, announced, request.flexible.intersect(served)));
    }
    rows.sort_unstable_by_key(|row| row.0);
    let mut text = "| Key | API | Versions served | Versions announced | Tagged fields from |\n".to_owned();
    text.push_str("|---|---|---|---|---|\n");
    for (key, name, served, announced, flexible) in rows {
        let flexible = if flexible.is_empty() { "never".to_owned() } else { flexible.first.to_string() };
        writeln!(text, "| {key} | {name} | {served} | {announced} | {flexible} |")?;
    }
    Ok(text)
}

/// The constants in the broker's list.
fn served(text: &str) -> Result<Vec<String>> {
    let list = text.split_once("pub const SERVED").and_then(|(_, rest)| rest.split_once("= &["));
    let (list, _) = list
        .and_then(|(_, rest)| rest.split_once("];"))
        .with_context(|| format!("find the list of served APIs in {SERVED}"))?;
    let names = list.split(',').map(str::trim).filter(|name| !name.is_empty());
    names
        .map(|name| {
            let name = name.strip_prefix("apis::").with_context(|| format!("read `{name}` in {SERVED}"))?;
            Ok(name.to_owned())
        })
        .collect()
}

/// Lines of the form `FETCH fetch FetchRequest "Fetch" ALL, ALL;`.
fn apis(text: &str) -> Vec<Api> {
    let rows = text.lines().filter_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [constant, module, _, name, max, announce] = words[..] else { return None };
        Some(Api {
            constant: constant.to_owned(),
            module: module.to_owned(),
            name: name.strip_prefix('"')?.strip_suffix('"')?.to_owned(),
            max: max.strip_suffix(',')?.parse().ok(),
            announce: announce.strip_suffix(';')?.parse().ok(),
        })
    });
    rows.collect()
}

fn differences_table(text: &str) -> Result<String> {
    let mut table = "| Scenario | Step | Field | Why |\n|---|---|---|---|\n".to_owned();
    for line in text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
        let columns: Vec<&str> = line.split('\t').collect();
        let [scenario, step, path, reason] = columns[..] else {
            anyhow::bail!("{DIFFERENCES}: `{line}` has not four columns");
        };
        let [step, path] = [step, path].map(|text| text.trim().replace('|', "\\|"));
        writeln!(table, "| {scenario} | `{step}` | `{path}` | {} |", reason.replace('|', "\\|"))?;
    }
    Ok(table)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stands_between_the_markers_is_replaced() {
        let page = "a\n<!-- x: made -->\nold\n<!-- end of x -->\nb\n";
        let made = replaced(page, "x", "new\n").unwrap();
        assert_eq!(made, "a\n<!-- x: made -->\n\nnew\n\n<!-- end of x -->\nb\n");
        assert_eq!(replaced(&made, "x", "new\n").unwrap(), made);
        assert!(replaced(page, "y", "").is_err());
    }

    #[test]
    fn lists_are_read_from_the_sources() {
        let list = "pub const SERVED: &[i16] = &[\n    apis::FETCH,\n    apis::PRODUCE,\n];\nrest [];\n";
        assert_eq!(served(list).unwrap(), ["FETCH", "PRODUCE"]);
        let rows = apis("    FETCH fetch FetchRequest \"Fetch\" 5, ALL;\nfn a() { let b = c d; }\n");
        let [row] = &rows[..] else { panic!("{rows:?}") };
        assert_eq!((row.constant.as_str(), row.name.as_str()), ("FETCH", "Fetch"));
        assert_eq!((row.max, row.announce), (Some(5), None));
    }

    #[test]
    fn each_known_difference_is_a_row() {
        let table = differences_table("# a\tb\tc\td\ns\tdo x|y*\t.A[*]\tbecause\n").unwrap();
        assert!(table.ends_with("| s | `do x\\|y*` | `.A[*]` | because |\n"), "{table}");
        assert!(differences_table("s\tx\n").is_err());
    }
}
