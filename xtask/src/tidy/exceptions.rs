//! The one list of exceptions: `rule  subject  reason`, two blanks or more between the columns.
//!
//! Every line needs a reason, and every line has to excuse something.

use super::Finding;
use anyhow::{Context, Result, bail};
use std::collections::BTreeSet;
use std::path::Path;

pub const FILE: &str = "xtask/tidy-exceptions.txt";

#[derive(Debug, Default)]
pub struct Exceptions {
    /// (rule, subject).
    lines: BTreeSet<(String, String)>,
}

impl Exceptions {
    pub fn load(root: &Path) -> Result<Self> {
        Self::parse(&std::fs::read_to_string(root.join(FILE)).with_context(|| format!("read {FILE}"))?)
    }

    fn parse(text: &str) -> Result<Self> {
        let mut lines = BTreeSet::new();
        for (number, line) in text.lines().enumerate() {
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            let columns: Vec<&str> =
                line.split("  ").map(str::trim).filter(|column| !column.is_empty()).collect();
            let [rule, subject, _reason] = columns[..] else {
                bail!("{FILE}:{}: three columns are expected: rule, subject, reason", number + 1);
            };
            if !lines.insert((rule.to_owned(), subject.to_owned())) {
                bail!("{FILE}:{}: `{rule} {subject}` is listed twice", number + 1);
            }
        }
        Ok(Self { lines })
    }

    /// Excused findings, then the others.
    pub fn split(&self, findings: Vec<Finding>) -> (Vec<Finding>, Vec<Finding>) {
        findings.into_iter().partition(|f| self.lines.contains(&(f.rule.to_owned(), f.subject.clone())))
    }

    pub fn unused(&self, excused: &[Finding]) -> Vec<Finding> {
        let used: BTreeSet<_> = excused.iter().map(|f| (f.rule.to_owned(), f.subject.clone())).collect();
        let unused = self.lines.difference(&used);
        unused
            .map(|(rule, subject)| {
                Finding::new(
                    "exceptions",
                    FILE,
                    format!("`{rule} {subject}` excuses nothing; remove the line"),
                )
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exception_excuses_its_finding_and_an_idle_one_is_found() {
        let list =
            Exceptions::parse("# why\n\nsizes  a.rs  one table of facts\nsizes  b.rs  gone\n").unwrap();
        let finding = |subject| Finding::new("sizes", subject, "too long");
        let (excused, left) = list.split(vec![finding("a.rs"), finding("c.rs")]);
        assert_eq!((excused.len(), left), (1, vec![finding("c.rs")]));
        assert_eq!(list.unused(&excused).len(), 1);
    }

    #[test]
    fn a_line_without_reason_is_refused() {
        assert!(Exceptions::parse("sizes  a.rs\n").is_err());
        assert!(Exceptions::parse("sizes  a.rs  x\nsizes  a.rs  y\n").is_err());
    }
}
