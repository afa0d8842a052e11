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

/// Stops a process where it stands, as SIGSTOP does, until it is resumed.
pub fn pause(pid: u32) -> io::Result<()> {
    signal(pid, Signal::STOP)
}

pub fn resume(pid: u32) -> io::Result<()> {
    signal(pid, Signal::CONT)
}

fn signal(pid: u32, signal: Signal) -> io::Result<()> {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    let pid = pid.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
    Ok(rustix::process::kill_process(pid, signal)?)
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
    /// `None` where the process is another user's.
    pub disk: Option<DiskBytes>,
}

/// What a process caused to be read from devices, and to be written to them: a page counts when it becomes dirty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiskBytes {
    pub read: u64,
    pub written: u64,
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
        disk: std::fs::read_to_string(format!("/proc/{pid}/io")).ok().as_deref().and_then(disk_bytes),
    })
}

fn disk_bytes(io: &str) -> Option<DiskBytes> {
    let of = |name: &str| io.lines().find_map(|line| line.strip_prefix(name))?.trim().parse().ok();
    Some(DiskBytes { read: of("read_bytes:")?, written: of("write_bytes:")? })
}

/// Flushes that the machine's disks have completed since it started, those of all disks together. `None` where there is
/// no `/sys`, or no disk that counts them.
pub fn device_flushes() -> Option<u64> {
    let disks = std::fs::read_dir("/sys/block").ok()?.filter_map(Result::ok);
    let flushes =
        disks.filter_map(|disk| flushes_of(&std::fs::read_to_string(disk.path().join("stat")).ok()?));
    flushes.reduce(u64::saturating_add)
}

/// The sixteenth field of a disk's `stat`, which old kernels do not have.
fn flushes_of(stat: &str) -> Option<u64> {
    stat.split_ascii_whitespace().nth(15)?.parse().ok()
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
    fn bytes_and_flushes_are_found_by_their_names_and_places() {
        let io = "rchar: 1\nwchar: 2\nread_bytes: 3\nwrite_bytes: 4\ncancelled_write_bytes: 5\n";
        assert_eq!(disk_bytes(io), Some(DiskBytes { read: 3, written: 4 }));
        assert_eq!(disk_bytes("rchar: 1\n"), None);
        assert_eq!(flushes_of(" 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17\n"), Some(16));
        assert_eq!(flushes_of("1 2 3 4 5 6 7 8 9 10 11"), None);
    }

    #[test]
    fn a_process_is_paused_and_goes_on() {
        use std::os::unix::process::ExitStatusExt;
        let mut child =
            std::process::Command::new("cat").stdin(std::process::Stdio::piped()).spawn().unwrap();
        let stands =
            || std::fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap().contains(") T ");
        assert!(!stands());
        pause(child.id()).unwrap();
        while !stands() {
            std::thread::yield_now();
        }
        assert!(is_alive(child.id()));
        resume(child.id()).unwrap();
        assert!(!stands());
        drop(child.stdin.take());
        assert_eq!(child.wait().unwrap().into_raw(), 0);
        assert!(pause(0).is_err() && resume(u32::MAX).is_err());
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
