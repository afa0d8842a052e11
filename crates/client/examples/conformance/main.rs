//! Checks of this client against a live broker: `conformance BOOTSTRAP [WORD...]`.
//!
//! Only the public API is used, and nothing here knows which broker answers, so the same program runs against Ottla and
//! against Apache Kafka. It prints one line per check and ends with 1 when any of them fails. Words pick the checks whose
//! name contains one of them. Topics are named after the moment of the start and deleted at the end. `lab` holds what
//! the checks share; the other modules hold one group of checks each.

/// Ends a check with a message unless the condition holds.
macro_rules! ensure {
    ($condition:expr, $($message:tt)+) => {
        if !$condition {
            return Err(format!($($message)+).into());
        }
    };
}

mod admin;
mod cuts;
mod failures;
mod group_admin;
mod group_lab;
mod groups;
mod lab;
mod offsets;
mod reading;
mod records;
mod writing;

use lab::Lab;
use ottla_client::Codec;
use std::future::Future;
use std::pin::Pin;
use std::process::ExitCode;
use std::time::Duration;
use tokio::time::Instant;

type Problem = Box<dyn std::error::Error + Send + Sync>;
/// What a check that passed has to tell, in a few words.
type Outcome = Result<String, Problem>;
type Check = for<'a> fn(&'a Lab) -> Pin<Box<dyn Future<Output = Outcome> + 'a>>;

/// A check that hangs is one that fails.
const CHECK_LIMIT: Duration = Duration::from_secs(120);

const CHECKS: &[(&str, Check)] = &[
    ("the cluster is described", |lab| Box::pin(admin::cluster(lab))),
    ("topics are created, listed and described", |lab| Box::pin(admin::creation(lab))),
    ("a validated topic is not created", |lab| Box::pin(admin::validation(lab))),
    ("bad topics are refused beside a good one", |lab| Box::pin(admin::refusals(lab))),
    ("settings of topics and brokers", |lab| Box::pin(admin::settings(lab))),
    ("topics are deleted", |lab| Box::pin(admin::deletion(lab))),
    ("offsets by end and by time", |lab| Box::pin(offsets::ends_and_times(lab))),
    ("offsets of what is not there", |lab| Box::pin(offsets::missing(lab))),
    ("records uncompressed", |lab| Box::pin(records::round_trip(lab, Codec::None))),
    ("records in gzip", |lab| Box::pin(records::round_trip(lab, Codec::Gzip))),
    ("records in snappy", |lab| Box::pin(records::round_trip(lab, Codec::Snappy))),
    ("records in lz4", |lab| Box::pin(records::round_trip(lab, Codec::Lz4))),
    ("records in zstd", |lab| Box::pin(records::round_trip(lab, Codec::Zstd))),
    ("timestamps of the broker", |lab| Box::pin(records::log_append_time(lab))),
    ("20,000 records over 4 partitions", |lab| Box::pin(writing::many(lab))),
    ("producers side by side", |lab| Box::pin(writing::side_by_side(lab))),
    ("keys go where Kafka puts them", |lab| Box::pin(writing::keys(lab))),
    ("records without a key use every partition", |lab| Box::pin(writing::without_keys(lab))),
    ("acks 0, 1 and all", |lab| Box::pin(writing::acks(lab))),
    ("a record too large is refused alone", |lab| Box::pin(writing::too_large(lab))),
    ("a producer creates its topic", |lab| Box::pin(writing::auto_creation(lab))),
    ("records that cannot be sent are refused", |lab| Box::pin(writing::refusals(lab))),
    ("connections cut at any byte", |lab| Box::pin(cuts::idempotence(lab))),
    ("starts at offsets, ends and times", |lab| Box::pin(reading::starts(lab))),
    ("small fetches read everything", |lab| Box::pin(reading::small_fetches(lab))),
    ("a consumer at the end waits", |lab| Box::pin(reading::waits_at_the_end(lab))),
    ("offsets out of range", |lab| Box::pin(reading::out_of_range(lab))),
    ("a topic that is not there", |lab| Box::pin(failures::unknown_topic(lab))),
    ("a topic deleted under its consumer", |lab| Box::pin(failures::deleted_topic(lab))),
    ("nobody listens", |lab| Box::pin(failures::nobody_listens(lab))),
    ("a listener that is no broker", |lab| Box::pin(failures::silent_listener(lab))),
    ("a group of three reads everything once", |lab| Box::pin(groups::three_members(lab))),
    ("a killed member's partitions move", |lab| Box::pin(groups::killed_member(lab))),
    ("a group goes on where it has committed", |lab| Box::pin(groups::commits_resume(lab))),
    ("a static member keeps its partitions", |lab| Box::pin(groups::static_member(lab))),
    ("a cooperative group moves only what it must", |lab| Box::pin(groups::cooperative_moves(lab))),
    ("eager groups divide by every assignor", |lab| Box::pin(groups::eager_assignors(lab))),
    ("a group chooses what all members have", |lab| Box::pin(groups::mixed_assignors(lab))),
    ("seek, pause and resume in a group", |lab| Box::pin(groups::seek_and_pause(lab))),
    ("an application that stays away leaves its group", |lab| Box::pin(groups::absent_application(lab))),
    ("offsets of a group without members", |lab| Box::pin(group_admin::offsets_without_members(lab))),
    ("a group with members is left alone", |lab| Box::pin(group_admin::live_group(lab))),
];

#[tokio::main]
async fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let Some(bootstrap) = arguments.next() else {
        eprintln!("usage: conformance BOOTSTRAP [WORD...]");
        return ExitCode::from(2);
    };
    let words: Vec<String> = arguments.collect();
    let chosen = |name: &str| words.is_empty() || words.iter().any(|word| name.contains(word.as_str()));
    let lab = match Lab::connect(&bootstrap).await {
        Ok(lab) => lab,
        Err(error) => {
            eprintln!("conformance: {error}");
            return ExitCode::FAILURE;
        }
    };
    let (mut passed, mut failed) = (0, 0);
    for (name, check) in CHECKS.iter().filter(|(name, _)| chosen(name)) {
        let begin = Instant::now();
        let outcome = match tokio::time::timeout(CHECK_LIMIT, check(&lab)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(format!("it did not end within {} s", CHECK_LIMIT.as_secs()).into()),
        };
        match outcome {
            Ok(told) => {
                passed += 1;
                println!("ok      {name}: {told} ({:.1} s)", begin.elapsed().as_secs_f64());
            }
            Err(problem) => {
                failed += 1;
                println!("FAILED  {name}: {problem}");
            }
        }
    }
    if let Err(error) = lab.clean().await {
        failed += 1;
        println!("FAILED  topics are deleted at the end: {error}");
    }
    println!("{passed} of {} checks passed", passed + failed);
    if failed == 0 && passed > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
