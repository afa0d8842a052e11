//! What was found, and how it is shown: an aligned list for people, as the checks go on, or JSON at the end.

use crate::args::Global;
use crate::exit::Exit;
use crate::render::{self, Output, Row};
use anyhow::Result;
use serde_json::Value;
use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    Ok,
    /// Worth knowing; everything runs.
    Warn,
    /// Something does not run, or is damaged.
    Fail,
    /// Not looked at.
    Skip,
}

impl Level {
    fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
            Self::Skip => "skip",
        }
    }

    /// The colour of a terminal.
    fn colour(self) -> &'static str {
        match self {
            Self::Ok => "32",
            Self::Warn => "33",
            Self::Fail => "31",
            Self::Skip => "2",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub area: String,
    pub level: Level,
    pub what: String,
    /// What to do about it.
    pub next: Option<String>,
}

#[derive(Debug)]
pub struct Report {
    findings: Vec<Finding>,
    /// So many of them are on standard output already.
    shown: usize,
    output: Option<Output>,
    is_quiet: bool,
    is_coloured: bool,
}

impl Report {
    pub fn new(global: &Global) -> Self {
        let is_plain = global.no_color || std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self {
            findings: Vec::new(),
            shown: 0,
            output: global.output,
            is_quiet: global.quiet,
            is_coloured: !is_plain && io::stdout().is_terminal(),
        }
    }

    pub fn ok(&mut self, area: &str, what: impl Into<String>) {
        self.add(area, Level::Ok, what.into(), None);
    }

    pub fn warn(&mut self, area: &str, what: impl Into<String>, next: impl Into<String>) {
        self.add(area, Level::Warn, what.into(), Some(next.into()));
    }

    pub fn fail(&mut self, area: &str, what: impl Into<String>, next: impl Into<String>) {
        self.add(area, Level::Fail, what.into(), Some(next.into()));
    }

    /// `why` says what to do if that is wrong.
    pub fn skip(&mut self, area: &str, why: impl Into<String>) {
        self.add(area, Level::Skip, why.into(), None);
    }

    /// A problem whose text ends with what to do, behind a semicolon.
    pub fn fail_with(&mut self, area: &str, problem: &str, otherwise: &str) {
        let (what, next) = problem.split_once("; ").unwrap_or((problem, otherwise));
        self.fail(area, what, next);
    }

    fn add(&mut self, area: &str, level: Level, what: String, next: Option<String>) {
        self.findings.push(Finding { area: area.to_owned(), level, what, next });
    }

    fn is_for_people(&self) -> bool {
        !self.output.is_some_and(Output::is_structured)
    }

    /// Prints what is new, for people; others get everything at the end.
    pub fn show(&mut self) -> io::Result<()> {
        if !self.is_for_people() {
            return Ok(());
        }
        let new = self.findings[self.shown..].iter();
        let wanted =
            new.filter(|finding| !self.is_quiet || matches!(finding.level, Level::Warn | Level::Fail));
        let text: String = wanted.map(|finding| line(finding, self.is_coloured)).collect();
        self.shown = self.findings.len();
        let mut stdout = io::stdout().lock();
        stdout.write_all(text.as_bytes())?;
        stdout.flush()
    }

    pub fn finish(&mut self) -> Result<Exit> {
        self.show()?;
        let count = |level| self.findings.iter().filter(|finding| finding.level == level).count();
        let (ok, warn, fail) = (count(Level::Ok), count(Level::Warn), count(Level::Fail));
        if !self.is_for_people() {
            let rows: Vec<Row> = self.findings.iter().map(row).collect();
            render::rows(self.output, &[], &rows)?;
        } else if !self.is_quiet {
            eprintln!("{ok} ok, {warn} to look at, {fail} failed");
        }
        Ok(if fail == 0 { Exit::Done } else { Exit::Failed })
    }

    #[cfg(test)]
    pub fn for_test() -> Self {
        Self { findings: Vec::new(), shown: 0, output: None, is_quiet: false, is_coloured: false }
    }

    /// Level and text of what was found.
    #[cfg(test)]
    pub fn seen(&self) -> Vec<(Level, String)> {
        self.findings.iter().map(|finding| (finding.level, finding.what.clone())).collect()
    }

    #[cfg(test)]
    pub fn levels(&self) -> Vec<Level> {
        self.findings.iter().map(|finding| finding.level).collect()
    }
}

fn line(finding: &Finding, is_coloured: bool) -> String {
    let Finding { area, level, what, next } = finding;
    let name = level.name();
    let mut text = String::new();
    let padded = format!("{name:<5}");
    let padded = if is_coloured { format!("\x1b[{}m{padded}\x1b[0m", level.colour()) } else { padded };
    let _ = writeln!(text, "{padded} {area:<9} {what}");
    if let Some(next) = next.as_ref().filter(|_| *level != Level::Ok) {
        let _ = writeln!(text, "{:<16}do: {next}", "");
    }
    text
}

fn row(finding: &Finding) -> Row {
    let fields = [
        ("area", Value::from(finding.area.as_str())),
        ("level", Value::from(finding.level.name())),
        ("what", Value::from(finding.what.as_str())),
        ("next", Value::from(finding.next.clone())),
    ];
    fields.into_iter().map(|(field, value)| (field.to_owned(), value)).collect()
}

/// What a check finds.
#[cfg(test)]
pub fn levels(check: impl FnOnce(&mut Report)) -> Vec<Level> {
    let mut report = Report::for_test();
    check(&mut report);
    report.levels()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_aligned_and_says_what_to_do() {
        let mut report = Report::for_test();
        report.ok("data", "fine");
        report.warn("exposure", "open", "close it");
        report.fail_with("ports", "port 1 is taken; choose another", "-");
        report.fail_with("ports", "odd", "look");
        let text: String = report.findings.iter().map(|finding| line(finding, false)).collect();
        let expected = "ok    data      fine\n\
                        warn  exposure  open\n\
                        \x20               do: close it\n\
                        fail  ports     port 1 is taken\n\
                        \x20               do: choose another\n\
                        fail  ports     odd\n\
                        \x20               do: look\n";
        assert_eq!(text, expected);
        assert!(line(&report.findings[1], true).starts_with("\x1b[33mwarn \x1b[0m "));
    }

    #[test]
    fn a_failure_is_exit_code_1_and_a_warning_is_none() {
        let mut report = Report::for_test();
        report.warn("a", "b", "c");
        report.skip("a", "b");
        assert_eq!(report.finish().unwrap(), Exit::Done);
        report.fail("a", "b", "c");
        assert_eq!(report.finish().unwrap(), Exit::Failed);
        let row = row(&report.findings[0]);
        assert_eq!((&row["level"], &row["next"]), (&Value::from("warn"), &Value::from("c")));
    }
}
