//! Limits of the process: open files, and memory against what a broker may take.

use super::report::Report;
use crate::units::show_size;
use ottla_broker::settings::Settings;
use ottla_broker::{files_for_sockets, memory_max};
use ottla_env::host::{self, Memory};
use ottla_env::process;

/// Below this a broker of many partitions and clients runs out.
const FILES_WARN: u64 = 8_192;
const FILES_FAIL: u64 = 256;

pub fn check(report: &mut Report, settings: Option<&Settings>) {
    files(report, process::open_file_limit_max());
    let Some(memory_found) = host::memory() else {
        return report.skip("memory", "how much there is, is not known on this system");
    };
    match settings {
        Some(settings) => {
            let config = settings.broker();
            memory(report, memory_found, memory_max(config.max_queued_bytes, config.max_frame_bytes));
        }
        None => report.skip("memory", "what a broker takes depends on the settings; correct those first"),
    }
}

fn files(report: &mut Report, limit: Option<u64>) {
    let Some(limit) = limit else { return report.ok("files", "open files are not limited") };
    let what = format!("{limit} open files: {} for connections, the rest for logs", files_for_sockets(limit));
    let next =
        "raise the hard limit: `ulimit -Hn`, LimitNOFILE= of a service, --ulimit nofile= of a container";
    if limit < FILES_FAIL {
        report.fail("files", what, next);
    } else if limit < FILES_WARN {
        report.warn("files", what, next);
    } else {
        report.ok("files", what);
    }
}

fn memory(report: &mut Report, found: Memory, most: u64) {
    let (there, whose) = match found.limit_bytes {
        Some(limit) => (limit, "allowed by the control group"),
        None => (found.total_bytes, "in this machine"),
    };
    let (all, now) = (show_size(there), show_size(found.available_bytes));
    let what =
        format!("{all} {whose}, {now} to be had; a broker under full load takes up to {}", show_size(most));
    let next = "lower `queued.max.request.bytes` (and `socket.request.max.bytes`), or allow more memory";
    if most > there / 4 * 3 || most > found.available_bytes {
        report.warn("memory", what, next);
    } else {
        report.ok("memory", what);
    }
}

#[cfg(test)]
mod tests {
    use super::super::report::{Level, levels};
    use super::*;

    #[test]
    fn few_open_files_are_a_warning_and_very_few_a_failure() {
        for (limit, level) in [
            (None, Level::Ok),
            (Some(65_536), Level::Ok),
            (Some(1_024), Level::Warn),
            (Some(64), Level::Fail),
        ] {
            assert_eq!(levels(|report| files(report, limit)), [level], "{limit:?}");
        }
    }

    #[test]
    fn a_limit_of_the_control_group_counts_more_than_the_machine() {
        let of = |limit_bytes: Option<u64>, available_bytes: u64| {
            let found = Memory { total_bytes: 8 << 30, available_bytes, limit_bytes };
            levels(|report| memory(report, found, memory_max(256 << 20, 100 << 20)))
        };
        assert_eq!(of(None, 6 << 30), [Level::Ok]);
        assert_eq!(of(None, 100 << 20), [Level::Warn]);
        assert_eq!(of(Some(256 << 20), 6 << 30), [Level::Warn]);
        assert_eq!(of(Some(4 << 30), 6 << 30), [Level::Ok]);
        let all = Memory { total_bytes: 1, available_bytes: 1, limit_bytes: None };
        assert_eq!(levels(|report| memory(report, all, u64::MAX)), [Level::Warn]);
    }
}
