//! Log lines of long-running commands: JSON on standard output when that is not a terminal, short lines on standard
//! error when it is. One schema: `time`, `level`, `msg`, then the fields.
//!
//! Other commands have none unless asked for; then they are short and on standard error.
//!
//! Nothing else writes to standard output while a broker runs, so that a log collector can parse every line.

use crate::args::Global;
use ottla_env::clock::Clock;
use serde_json::{Map, Value};
use std::fmt;
use std::io::{self, IsTerminal};
use std::sync::Arc;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// Short names for `--log`, and the modules they stand for.
const PARTS: &[(&str, &[&str])] = &[
    ("storage", &["ottla_log", "ottla_broker::partition"]),
    ("cluster", &["ottla_broker::cluster", "ottla_state"]),
    ("broker", &["ottla_broker"]),
    ("client", &["ottla_client"]),
    ("env", &["ottla_env"]),
    ("wire", &["ottla_wire"]),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    Never,
    Auto,
}

impl Colour {
    pub fn of(global: &Global) -> Self {
        if global.no_color { Self::Never } else { Self::Auto }
    }
}

/// Installs the one subscriber of this process.
pub fn install(directives: &str, colour: Colour, clock: Arc<dyn Clock>) -> Result<(), String> {
    if io::stdout().is_terminal() {
        return install_short(directives, colour, clock);
    }
    let builder = tracing_subscriber::fmt().with_env_filter(filter(directives)?);
    let result = builder.with_ansi(false).event_format(Json { clock }).with_writer(io::stdout).try_init();
    result.map_err(|error| error.to_string())
}

/// The same on standard error, whatever standard output is.
pub fn install_short(directives: &str, colour: Colour, clock: Arc<dyn Clock>) -> Result<(), String> {
    let ansi = colour == Colour::Auto && io::stderr().is_terminal();
    let builder = tracing_subscriber::fmt().with_env_filter(filter(directives)?).with_ansi(ansi);
    let result = builder.event_format(Short { clock, ansi }).with_writer(io::stderr).try_init();
    result.map_err(|error| error.to_string())
}

fn filter(directives: &str) -> Result<EnvFilter, String> {
    EnvFilter::builder().parse(expand(directives)).map_err(|error| error.to_string())
}

/// `info,storage=debug` becomes directives for modules; what has no short name stays.
fn expand(directives: &str) -> String {
    let mut expanded = Vec::new();
    for directive in directives.split(',').map(str::trim).filter(|d| !d.is_empty()) {
        let modules = directive
            .split_once('=')
            .and_then(|(name, level)| Some((PARTS.iter().find(|(part, _)| *part == name)?.1, level)));
        match modules {
            Some((modules, level)) => {
                expanded.extend(modules.iter().map(|module| format!("{module}={level}")))
            }
            None => expanded.push(directive.to_owned()),
        }
    }
    expanded.join(",")
}

fn time(clock: &dyn Clock) -> String {
    jiff::Timestamp::from_millisecond(clock.now_ms())
        .map_or_else(|_| "-".to_owned(), |time| format!("{time:.3}"))
}

struct Json {
    clock: Arc<dyn Clock>,
}

impl<S, N> FormatEvent<S, N> for Json
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let fields = Fields::of(event);
        let level = event.metadata().level().as_str().to_ascii_lowercase();
        write!(
            writer,
            "{{\"time\":{:?},\"level\":{level:?},\"msg\":{}",
            time(&*self.clock),
            json(&fields.message)
        )?;
        for (name, value) in &fields.others {
            write!(writer, ",{}:{value}", json(name))?;
        }
        writeln!(writer, "}}")
    }
}

fn json(text: &str) -> Value {
    Value::String(text.to_owned())
}

struct Short {
    clock: Arc<dyn Clock>,
    ansi: bool,
}

impl<S, N> FormatEvent<S, N> for Short
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let fields = Fields::of(event);
        let level = *event.metadata().level();
        let time = time(&*self.clock);
        let time = time.split_once('T').map_or("-", |(_, time)| time.trim_end_matches('Z'));
        let (on, off) = if self.ansi { (colour(level), "\x1b[0m") } else { ("", "") };
        write!(writer, "{time} {on}{:<5}{off} {}", level.as_str().to_ascii_lowercase(), fields.message)?;
        for (name, value) in &fields.others {
            match value {
                Value::String(text) if !text.contains([' ', '"']) => write!(writer, " {name}={text}")?,
                value => write!(writer, " {name}={value}")?,
            }
        }
        writeln!(writer)
    }
}

fn colour(level: Level) -> &'static str {
    match level {
        Level::ERROR => "\x1b[31m",
        Level::WARN => "\x1b[33m",
        Level::INFO => "\x1b[32m",
        Level::DEBUG | Level::TRACE => "\x1b[2m",
    }
}

/// The fields of an event, in order of their names.
#[derive(Default)]
struct Fields {
    message: String,
    others: Map<String, Value>,
}

impl Fields {
    fn of(event: &Event<'_>) -> Self {
        let mut fields = Self::default();
        event.record(&mut fields);
        fields
    }

    fn set(&mut self, field: &Field, value: Value) {
        match (field.name(), value) {
            ("message", Value::String(text)) => self.message = text,
            (name, value) => {
                self.others.insert(name.trim_start_matches("r#").to_owned(), value);
            }
        }
    }
}

impl Visit for Fields {
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.set(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field, value.into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field, value.into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.set(field, format!("{value:?}").into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ottla_env::clock::ManualClock;
    use std::sync::Mutex;
    use tracing_subscriber::fmt::MakeWriter;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl<'a> MakeWriter<'a> for Lines {
        type Writer = Self;

        fn make_writer(&'a self) -> Self {
            self.clone()
        }
    }

    fn written(lines: &Lines) -> String {
        String::from_utf8(lines.0.lock().unwrap().clone()).unwrap()
    }

    fn log() {
        tracing::info!(topic = "a \"b\"", partition = 3, "segment rolled");
    }

    #[test]
    fn json_lines_have_time_level_msg_and_the_fields() {
        let lines = Lines::default();
        let clock = Arc::new(ManualClock::at(1_700_000_000_123));
        let subscriber =
            tracing_subscriber::fmt().event_format(Json { clock }).with_writer(lines.clone()).finish();
        tracing::subscriber::with_default(subscriber, log);
        let text = written(&lines);
        assert_eq!(
            text,
            "{\"time\":\"2023-11-14T22:13:20.123Z\",\"level\":\"info\",\"msg\":\"segment rolled\",\
             \"partition\":3,\"topic\":\"a \\\"b\\\"\"}\n"
        );
        assert!(serde_json::from_str::<Value>(&text).is_ok());
    }

    #[test]
    fn short_lines_fit_a_terminal() {
        let lines = Lines::default();
        let clock = Arc::new(ManualClock::at(1_700_000_000_123));
        let subscriber = tracing_subscriber::fmt()
            .event_format(Short { clock, ansi: false })
            .with_writer(lines.clone())
            .finish();
        tracing::subscriber::with_default(subscriber, log);
        assert_eq!(written(&lines), "22:13:20.123 info  segment rolled partition=3 topic=\"a \\\"b\\\"\"\n");
    }

    #[test]
    fn short_names_stand_for_modules() {
        assert_eq!(expand("info, storage=debug"), "info,ottla_log=debug,ottla_broker::partition=debug");
        assert_eq!(expand("hyper=warn"), "hyper=warn");
    }
}
