//! Facts about processes: open-file limit, CPU time, memory, and who is alive. Linux reads `/proc`.

mod listener;

pub use listener::{listeners_of, listening_on};

use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, setrlimit};
use std::io;
use std::time::Duration;

pub fn id() -> u32 {
    std::process::id()
}

/// Raises the soft limit of open files to the hard one and returns the limit now in force (`None` = unlimited).
pub fn raise_open_file_limit() -> io::Result<Option<u64>> {
    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })?;
    }
    Ok(open_file_limit())
}

/// The limit of open files in force (`None` = unlimited).
pub fn open_file_limit() -> Option<u64> {
    getrlimit(Resource::Nofile).current
}

/// What the limit of open files may be raised to by this user (`None` = unlimited).
pub fn open_file_limit_max() -> Option<u64> {
    getrlimit(Resource::Nofile).maximum
}

pub fn is_alive(pid: u32) -> bool {
    i32::try_from(pid)
        .ok()
        .and_then(Pid::from_raw)
        .is_some_and(|pid| !matches!(rustix::process::test_kill_process(pid), Err(rustix::io::Errno::SRCH)))
}

/// Kills every process of the group at once, as `kill -9` does. The group is named by its first process.
pub fn kill_group(leader: u32) -> io::Result<()> {
    let leader = i32::try_from(leader).ok().and_then(Pid::from_raw);
    let leader = leader.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
    Ok(rustix::process::kill_process_group(leader, Signal::KILL)?)
}

/// The machine's load over the last minute; `None` where there is no `/proc`.
pub fn load_average() -> Option<f64> {
    std::fs::read_to_string("/proc/loadavg").ok()?.split_ascii_whitespace().next()?.parse().ok()
}

/// Bytes of memory that nothing uses, the page cache included in what does; `None` where there is no `/proc`.
pub fn free_memory_bytes() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemFree:"))?;
    line.trim().trim_end_matches("kB").trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// What a process has used so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    pub user: Duration,
    pub system: Duration,
    pub rss_bytes: u64,
    pub rss_peak_bytes: u64,
    pub threads: u64,
    pub open_files: u64,
}

/// Reads the usage of a visible process from `/proc`. An error when there is no such process or no `/proc`.
pub fn usage(pid: u32) -> io::Result<Usage> {
    let broken = || io::Error::new(io::ErrorKind::InvalidData, "unexpected form of /proc");
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The command name may hold spaces and brackets: fields are counted behind the last closing one.
    let (_, fields) = stat.rsplit_once(')').ok_or_else(broken)?;
    let fields: Vec<&str> = fields.split_ascii_whitespace().collect();
    let number = |i: usize| fields.get(i).and_then(|f| f.parse::<u64>().ok()).ok_or_else(broken);
    let ticks = rustix::param::clock_ticks_per_second().max(1);
    let time = |n: u64| Duration::from_millis(n.saturating_mul(1000) / ticks);
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let kib = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim_start_matches(':').split_ascii_whitespace().next()?.parse::<u64>().ok()
    };
    Ok(Usage {
        user: time(number(11)?),
        system: time(number(12)?),
        rss_bytes: kib("VmRSS").unwrap_or(0) * 1024,
        rss_peak_bytes: kib("VmHWM").unwrap_or(0) * 1024,
        threads: number(17)?,
        open_files: std::fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, |d| d.count() as u64),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_sees_itself_and_not_the_dead() {
        let own = usage(id()).unwrap();
        assert!(own.rss_bytes > 0 && own.threads > 0 && own.open_files > 0);
        assert!(is_alive(id()));
        assert!(!is_alive(u32::MAX) && usage(u32::MAX).is_err());
        assert_eq!(raise_open_file_limit().unwrap(), open_file_limit_max());
    }

    #[test]
    fn a_group_is_killed_as_a_whole() {
        use std::os::unix::process::{CommandExt, ExitStatusExt};
        let mut child = std::process::Command::new("sleep").arg("600").process_group(0).spawn().unwrap();
        kill_group(child.id()).unwrap();
        assert_eq!(child.wait().unwrap().signal(), Some(9));
        assert!(kill_group(0).is_err() && kill_group(u32::MAX).is_err());
    }
}
