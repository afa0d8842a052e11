//! How much memory this process may have: the machine's, and the limit of its control group.

use std::fs;
use std::path::{Path, PathBuf};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    pub total_bytes: u64,
    /// What could be taken now without swapping.
    pub available_bytes: u64,
    /// The lowest limit of the control groups around this process.
    pub limit_bytes: Option<u64>,
}

/// `None` where there is no `/proc`.
pub fn memory() -> Option<Memory> {
    let (total_bytes, available_bytes) = of_machine(&fs::read_to_string("/proc/meminfo").ok()?)?;
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let limits = limit_files(&groups).into_iter().filter_map(|file| limit(&fs::read_to_string(file).ok()?));
    Some(Memory {
        total_bytes,
        available_bytes,
        limit_bytes: limits.min().filter(|limit| *limit < total_bytes),
    })
}

fn of_machine(text: &str) -> Option<(u64, u64)> {
    let bytes = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        let number = line.strip_prefix(':')?.trim().strip_suffix("kB")?;
        number.trim().parse::<u64>().ok()?.checked_mul(1024)
    };
    Some((bytes("MemTotal")?, bytes("MemAvailable")?))
}

/// Where the limits of the groups are, from the innermost out; version 2 has one tree for everything, version 1 one for
/// memory. A container may see its own group as the root.
fn limit_files(groups: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for line in groups.lines() {
        let mut fields = line.splitn(3, ':');
        let (Some(_), Some(controllers), Some(group)) = (fields.next(), fields.next(), fields.next()) else {
            continue;
        };
        let (root, name) = match controllers {
            "" => ("/sys/fs/cgroup", "memory.max"),
            _ if controllers.split(',').any(|controller| controller == "memory") => {
                ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")
            }
            _ => continue,
        };
        let around = Path::new(group.trim_start_matches('/')).ancestors();
        files.extend(around.map(|group| Path::new(root).join(group).join(name)));
    }
    files
}

/// `max`, and the large number that version 1 has instead, are no limit; the second is above any machine's memory.
fn limit(text: &str) -> Option<u64> {
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_of_the_machine_is_read_from_its_lines() {
        let text = "MemTotal:       8123456 kB\nMemFree:  5 kB\nMemAvailable:    4000000 kB\n";
        assert_eq!(of_machine(text), Some((8_123_456 << 10, 4_000_000 << 10)));
        assert_eq!(of_machine("MemTotal: 1 kB\n"), None);
        assert_eq!(of_machine("MemTotal: x kB\nMemAvailable: 1 kB\n"), None);
        let own = memory().unwrap();
        assert!(own.total_bytes > own.limit_bytes.unwrap_or(0) && own.available_bytes > 0);
    }

    #[test]
    fn limits_are_looked_for_in_every_group_around_the_process() {
        let found = |groups| limit_files(groups).iter().map(|f| f.display().to_string()).collect::<Vec<_>>();
        assert_eq!(
            found("0::/system.slice/ottla.service\n"),
            [
                "/sys/fs/cgroup/system.slice/ottla.service/memory.max",
                "/sys/fs/cgroup/system.slice/memory.max",
                "/sys/fs/cgroup/memory.max",
            ]
        );
        let first = "5:cpu,cpuacct:/a\n4:memory:/docker/x\nbroken\n";
        assert_eq!(
            found(first),
            [
                "/sys/fs/cgroup/memory/docker/x/memory.limit_in_bytes",
                "/sys/fs/cgroup/memory/docker/memory.limit_in_bytes",
                "/sys/fs/cgroup/memory/memory.limit_in_bytes",
            ]
        );
        assert_eq!((limit("1048576\n"), limit("max\n")), (Some(1_048_576), None));
    }
}
