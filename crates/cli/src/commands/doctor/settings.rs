//! Settings: what is wrong with them, and what of them has no effect.

use super::report::Report;
use crate::args::Global;
use crate::commands::up::{self, Own};
use ottla_broker::settings::{Origin, Settings};
use std::collections::BTreeMap;

const AREA: &str = "settings";

/// The settings in force. `None`: they are wrong, and what depends on them is not looked at.
pub fn check(report: &mut Report, own: &Own, global: &Global) -> Option<Settings> {
    let settings = match up::settings_of(own, global) {
        Ok(settings) => settings,
        Err(error) => {
            for problem in error.to_string().lines() {
                let next =
                    "correct it; `ottla config show --all` lists all names, docs/config.md explains them";
                report.fail_with(AREA, problem, next);
            }
            let why = "data directory, ports and exposure depend on the settings; correct those first";
            report.skip(AREA, why);
            return None;
        }
    };
    report.ok(AREA, summary(&settings));
    for warning in settings.warnings() {
        let next = "take out what is not meant; docs/config.md says what each one waits for";
        report.warn(AREA, warning.as_str(), next);
    }
    Some(settings)
}

/// How many are set, and where.
fn summary(settings: &Settings) -> String {
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    for (_, _, origin) in settings.entries().filter(|(_, _, origin)| **origin != Origin::Default) {
        let place = match origin {
            Origin::File { path, .. } => path.display().to_string(),
            Origin::Environment(_) => "the environment".to_owned(),
            Origin::Flag | Origin::Default => "the command line".to_owned(),
        };
        *places.entry(place).or_default() += 1;
    }
    if places.is_empty() {
        return "nothing is set; all defaults hold".to_owned();
    }
    let each: Vec<String> = places.iter().map(|(place, count)| format!("{count} by {place}")).collect();
    format!("{} set: {}", places.values().sum::<usize>(), each.join(", "))
}

#[cfg(test)]
mod tests {
    use super::super::report::Level;
    use super::*;

    fn seen(settings: &[&str]) -> (bool, Vec<Level>) {
        let mut global = Global::for_test();
        global.settings = settings.iter().map(ToString::to_string).collect();
        let mut report = Report::for_test();
        let found = check(&mut report, &Own::default(), &global);
        (found.is_some(), report.levels())
    }

    #[test]
    fn each_problem_and_each_warning_is_a_finding() {
        assert_eq!(seen(&["num.partitions=3"]), (true, vec![Level::Ok]));
        assert_eq!(seen(&["transaction.max.timeout.ms=60000"]), (true, vec![Level::Ok, Level::Warn]));
        let wrong = seen(&["num.partition=3", "log.retention.ms=soon"]);
        assert_eq!(wrong, (false, vec![Level::Fail, Level::Fail, Level::Skip]));
        assert_eq!(seen(&["broken"]), (false, vec![Level::Fail, Level::Skip]));
    }

    #[test]
    fn a_misspelt_name_comes_with_the_one_that_is_meant() {
        let mut global = Global::for_test();
        global.settings = vec!["log.retention.m=5".to_owned()];
        let mut report = Report::for_test();
        assert!(check(&mut report, &Own::default(), &global).is_none());
        assert!(report.seen()[0].1.contains("unknown setting log.retention.m"), "{:?}", report.seen());
    }
}
