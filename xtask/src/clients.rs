//! The clients of other people that tests run: where each one is, and how it gets there.
//!
//! Everything that is built or fetched lies under `target/clients`, with versions pinned here or in the client's own
//! lock file, so a second run starts at once. What cannot be had is an error that names it, never a skipped cell.

use crate::process::{cargo, run};
use crate::toolchains::{self, Tool};
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The release that Ottla is compared with.
pub const KAFKA_VERSION: &str = "4.4.0";
/// Kafka's command-line tools; `kafka-tools` of 4.4.0 is not published.
pub const TOOLS_VERSION: &str = "4.3.1";
const PROGRAMS: &str = "crates/cli/tests/interop";

/// Everything that the clients below need to be built and run.
pub const TOOLCHAINS: &[Tool] = &[
    toolchains::KILL,
    toolchains::PYTHON,
    toolchains::JAVA,
    toolchains::MAVEN,
    toolchains::KCAT,
    toolchains::CPP,
    toolchains::GO,
    toolchains::NODE,
];
/// Modules in Go, each built to a program of its own.
const GO_PROGRAMS: &[&str] = &["kafka-go", "franz-go", "sarama"];
/// Packages for Node, each with its lock file, and the file that is run.
const NODE_PROGRAMS: &[(&str, &str)] = &[("kafkajs", "interop.js"), ("platformatic", "interop.mjs")];

/// Programs that are ready to run.
#[derive(Debug)]
pub struct Clients {
    /// The class path of `Interop` with kafka-clients.
    pub java: String,
    /// The class path of Kafka's console tools.
    pub console: String,
    pub rdkafka: PathBuf,
    /// A Python that has the clients in Python.
    python: PathBuf,
    /// The sources of the programs.
    sources: PathBuf,
    /// Where they are built.
    built: PathBuf,
}

impl Clients {
    /// Installs, fetches and builds what is missing.
    pub fn prepare(root: &Path) -> Result<Self> {
        toolchains::ensure(root, TOOLCHAINS)?;
        for name in GO_PROGRAMS {
            go(root, name)?;
        }
        for (name, file) in NODE_PROGRAMS {
            node(root, name, file)?;
        }
        Ok(Self {
            java: java(root)?,
            console: console(root)?,
            rdkafka: rdkafka(root)?,
            python: python(root)?,
            sources: root.join(PROGRAMS),
            built: folder(root),
        })
    }

    /// The program of a client in Go.
    pub fn go(&self, name: &str) -> Command {
        Command::new(self.built.join(name).join("interop"))
    }

    /// The program of a client in Python.
    pub fn python(&self, name: &str) -> Command {
        let mut command = Command::new(&self.python);
        command.arg(self.sources.join(name).join("interop.py"));
        command
    }

    /// The program of a client for Node.
    pub fn node(&self, name: &str) -> Command {
        let file = NODE_PROGRAMS.iter().find(|(program, _)| *program == name).map_or("", |(_, file)| file);
        let mut command = Command::new("node");
        command.arg(self.built.join(name).join(file));
        command
    }
}

/// kafka-clients of the reference release, whose jar also holds the definitions of its messages.
pub fn kafka_clients_jar(root: &Path) -> Result<PathBuf> {
    let libs = jars(root, "kafka-clients", &[("org.apache.kafka", "kafka-clients", KAFKA_VERSION)])?;
    let jar = libs.join(format!("kafka-clients-{KAFKA_VERSION}.jar"));
    if !jar.is_file() {
        bail!("Maven did not bring {}", jar.display());
    }
    Ok(jar)
}

/// Where everything that is fetched or built for a client lies.
pub fn folder(root: &Path) -> PathBuf {
    root.join("target/clients")
}

fn java(root: &Path) -> Result<String> {
    let jar = kafka_clients_jar(root)?;
    let libs = jar.parent().context("find the folder of kafka-clients")?;
    let classes = folder(root).join("java");
    fs::create_dir_all(&classes).context("create the folder of the Java program")?;
    let path = format!("{}/*", libs.display());
    let source = format!("{PROGRAMS}/java/Interop.java");
    run(root, "javac", &["-nowarn", "-cp", &path, "-d", text(&classes)?, &source])?;
    Ok(format!("{}:{path}", classes.display()))
}

/// The class path of Kafka's command-line tools.
pub fn console(root: &Path) -> Result<String> {
    let coordinates = [
        ("org.apache.kafka", "kafka-tools", TOOLS_VERSION),
        // kafka-configs is still a part of the server.
        ("org.apache.kafka", "kafka_2.13", TOOLS_VERSION),
    ];
    let libs = jars(root, "kafka-tools", &coordinates)?;
    Ok(format!("{}/*", libs.display()))
}

/// The class path of `Tools` with all of Kafka's command-line tools.
pub fn tools(root: &Path) -> Result<String> {
    let path = console(root)?;
    let classes = folder(root).join("tools");
    fs::create_dir_all(&classes).context("create the folder of the tools' program")?;
    let source = format!("{PROGRAMS}/tools/Tools.java");
    run(root, "javac", &["-nowarn", "-cp", &path, "-d", text(&classes)?, &source])?;
    Ok(format!("{}:{path}", classes.display()))
}

fn go(root: &Path, name: &str) -> Result<()> {
    let program = folder(root).join(name).join("interop");
    run(&root.join(PROGRAMS).join(name), "go", &["build", "-o", text(&program)?, "."])
        .with_context(|| format!("build the program of {name}"))
}

/// The package with what its lock file names, beside a copy of the program, because Node looks there.
fn node(root: &Path, name: &str, file: &str) -> Result<()> {
    let (sources, built) = (root.join(PROGRAMS).join(name), folder(root).join(name));
    fs::create_dir_all(&built).with_context(|| format!("create the folder of {name}"))?;
    for file in ["package.json", "package-lock.json", file] {
        fs::copy(sources.join(file), built.join(file)).with_context(|| format!("copy {name}/{file}"))?;
    }
    let lock = fs::read_to_string(sources.join("package-lock.json")).context("read a lock file")?;
    once(&built.join("installed"), &lock, || {
        run(&built, "npm", &["ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"])
            .with_context(|| format!("install {name} by npm"))
    })
}

fn rdkafka(root: &Path) -> Result<PathBuf> {
    let target = folder(root).join("rdkafka");
    let manifest = format!("{PROGRAMS}/rdkafka/Cargo.toml");
    let args = ["build", "--release", "--locked", "--quiet", "--manifest-path", &manifest, "--target-dir"];
    run(root, &cargo(), &[&args[..], &[text(&target)?]].concat())?;
    Ok(target.join("release/ottla-interop-rdkafka"))
}

/// A Python that has the clients in Python, with versions pinned in one file.
pub fn python(root: &Path) -> Result<PathBuf> {
    let venv = folder(root).join("venv");
    let python = venv.join("bin/python");
    let requirements = format!("{PROGRAMS}/requirements.txt");
    let wanted = fs::read_to_string(root.join(&requirements)).context("read the Python requirements")?;
    once(&venv.join("installed"), &wanted, || {
        run(root, "python3", &["-m", "venv", text(&venv)?])?;
        let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", &requirements];
        run(root, text(&python)?, &install)
    })?;
    Ok(python)
}

/// Resolves Maven coordinates (group, artifact, version) with what they need into a folder, and returns it.
fn jars(root: &Path, name: &str, coordinates: &[(&str, &str, &str)]) -> Result<PathBuf> {
    let folder = folder(root).join(name);
    let libs = folder.join("libs");
    fs::create_dir_all(&folder).with_context(|| format!("create the folder of {name}"))?;
    let pom = pom(coordinates);
    once(&folder.join("resolved"), &pom, || {
        let _ = fs::remove_dir_all(&libs);
        fs::write(folder.join("pom.xml"), &pom).context("write a Maven project")?;
        let goal = ["-q", "-B", "dependency:copy-dependencies", "-DincludeScope=runtime"];
        run(&folder, "mvn", &[&goal[..], &["-DoutputDirectory=libs"]].concat())
            .with_context(|| format!("resolve {name} by Maven"))
    })?;
    Ok(libs)
}

fn pom(coordinates: &[(&str, &str, &str)]) -> String {
    let dependencies: String = coordinates
        .iter()
        .map(|(group, artifact, version)| {
            format!(
                "<dependency><groupId>{group}</groupId><artifactId>{artifact}</artifactId>\
                 <version>{version}</version></dependency>\n"
            )
        })
        .collect();
    format!(
        "<project xmlns=\"http://maven.apache.org/POM/4.0.0\"><modelVersion>4.0.0</modelVersion>\
         <groupId>ottla</groupId><artifactId>clients</artifactId><version>1</version>\
         <dependencies>\n{dependencies}</dependencies></project>\n"
    )
}

/// Does the work unless `stamp` says that it was done for the same `wanted`.
fn once(stamp: &Path, wanted: &str, work: impl FnOnce() -> Result<()>) -> Result<()> {
    if fs::read_to_string(stamp).is_ok_and(|done| done == wanted) {
        return Ok(());
    }
    work()?;
    fs::write(stamp, wanted).with_context(|| format!("write {}", stamp.display()))
}

/// A Java program that starts fast rather than runs long, and prints UTF-8 whatever the language of the machine is.
pub fn java_command(class_path: &str, class: &str) -> Command {
    let mut command = Command::new("java");
    command.env("LC_ALL", "C.UTF-8");
    command.args(["-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto"]);
    command.args(["-cp", class_path, class]);
    command
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().with_context(|| format!("{} is not UTF-8", path.display()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn work_is_done_again_only_for_something_else() {
        let stamp = std::env::temp_dir().join(format!("ottla-stamp-{}", std::process::id()));
        let mut done = 0;
        for wanted in ["a", "a", "b"] {
            once(&stamp, wanted, || {
                done += 1;
                Ok(())
            })
            .unwrap();
        }
        assert!(once(&stamp, "c", || bail!("no")).is_err());
        assert_eq!((done, fs::read_to_string(&stamp).unwrap().as_str()), (2, "b"));
        fs::remove_file(&stamp).unwrap();
    }

    #[test]
    fn a_project_names_each_coordinate() {
        let pom = pom(&[("g", "a", "1"), ("g", "b", "2")]);
        assert_eq!(pom.matches("<dependency>").count(), 2);
        assert!(pom.contains("<artifactId>b</artifactId><version>2</version>"));
    }
}
