//! Clients that do more than they may, on a clock that stands still.

use super::*;
use crate::hosts::Hosts;
use ottla_env::clock::ManualClock;
use ottla_state::Change;
use ottla_state::quota::{Entity, Limit, Limits, Who};
use ottla_wire::ErrorCode;
use std::time::Duration;

const WINDOW: Window = Window { samples: 11, sample_ms: 1_000 };

struct Lab {
    clock: Arc<ManualClock>,
    metrics: Arc<Metrics>,
    quotas: Arc<Quotas>,
}

fn lab(limits: &[(Entity, Key, f64)]) -> Lab {
    let (clock, metrics) = (Arc::new(ManualClock::at(1_000_000)), Arc::new(Metrics::new()));
    let windows = Windows { clients: WINDOW, mutations: Window { samples: 3, sample_ms: 2_000 } };
    let quotas = Arc::new(Quotas::new(windows, Arc::clone(&clock) as Arc<dyn Clock>, Arc::clone(&metrics)));
    let lab = Lab { clock, metrics, quotas };
    lab.limit(limits);
    lab
}

impl Lab {
    /// These and no others; one for each entity.
    fn limit(&self, limits: &[(Entity, Key, f64)]) {
        let changes: Vec<Change> = limits
            .iter()
            .map(|(entity, key, limit)| Change::Quotas {
                entity: entity.clone(),
                limits: Arc::new(Limits::from([(*key, Limit::new(*limit).unwrap())])),
            })
            .collect();
        self.quotas.on_image(&Image::default().apply(&changes));
    }

    fn charge(&self, client_id: &str) -> Arc<Charge> {
        self.quotas.charge(Some(client_id)).unwrap()
    }

    fn produce(&self, client_id: &str, bytes: usize) -> i32 {
        let charge = self.charge(client_id);
        charge.produced(bytes);
        charge.settle()
    }

    /// How long to wait, and whether it was sent nothing.
    fn fetch(&self, client_id: &str, bytes: usize) -> (i32, bool) {
        let charge = self.charge(client_id);
        let is_over = charge.fetched(bytes);
        (charge.settle(), is_over)
    }
}

fn client(name: &str) -> Entity {
    Entity::Client(Who::Named(name.to_owned()))
}

fn any_client() -> Entity {
    Entity::Client(Who::Default)
}

#[test]
fn nobody_is_measured_while_nobody_is_limited() {
    let lab = lab(&[]);
    assert!(lab.quotas.charge(Some("a")).is_none() && lab.quotas.of_addresses().is_none());
    lab.limit(&[(Entity::Ip(Who::Default), Key::ConnectionCreationRate, 1.0)]);
    assert!(lab.quotas.charge(Some("a")).is_none() && lab.quotas.of_addresses().is_some());
    lab.limit(&[(any_client(), Key::ProducerByteRate, 1.0)]);
    assert!(lab.quotas.charge(None).is_some() && lab.quotas.of_addresses().is_none());
}

#[test]
fn bytes_written_wait_for_what_they_are_worth() {
    let lab = lab(&[
        (any_client(), Key::ProducerByteRate, 100_000.0),
        (client("fast"), Key::ProducerByteRate, 1e9),
    ]);
    // The sequence that Apache Kafka 4.4.0 gave at the same instant: a million bytes at 100,000 per second fill 10 s.
    assert_eq!(lab.produce("a", 100_000), 0);
    assert_eq!(lab.produce("a", 900_000), 0);
    assert_eq!(lab.produce("a", 300_000), 3_000);
    assert_eq!(lab.produce("a", 100_000_000), 1_003_000, "longer than the window");
    assert_eq!(lab.produce("b", 1_000_000), 0, "every client has its own");
    assert_eq!(lab.produce("fast", 100_000_000), 0);
    assert_eq!(lab.produce("", 100_000_000), 0, "a client without id is nobody");
    lab.clock.advance_ms(11_000);
    assert_eq!(lab.produce("a", 1_000_000), 0, "the window is over");
    lab.limit(&[(any_client(), Key::ProducerByteRate, 50_000.0)]);
    assert_eq!(lab.produce("a", 0), 10_000, "another limit holds at once");
    lab.limit(&[(any_client(), Key::ConsumerByteRate, 1.0)]);
    assert_eq!(lab.produce("a", 100_000_000), 0);
}

#[test]
fn clients_of_one_user_share_its_limit() {
    let user = Entity::User(Who::Named(ANONYMOUS.to_owned()));
    let lab = lab(&[(user, Key::ProducerByteRate, 100_000.0), (client("a"), Key::ProducerByteRate, 1e9)]);
    assert_eq!(lab.produce("a", 1_000_000), 0);
    assert_eq!(lab.produce("b", 100_000), 1_000);
    assert_eq!(lab.produce("", 0), 1_000);
}

#[test]
fn a_fetch_beyond_the_limit_is_sent_nothing_and_counts_nothing() {
    let lab = lab(&[(any_client(), Key::ConsumerByteRate, 100_000.0)]);
    assert_eq!(lab.charge("a").fetch_max(), 1_000_000);
    assert_eq!(lab.charge("").fetch_max(), usize::MAX);
    assert_eq!(lab.fetch("a", 1_000_000), (0, false));
    assert_eq!(lab.fetch("a", 200_000), (2_000, true));
    assert_eq!(lab.fetch("a", 200_000), (2_000, true), "what was not sent is not counted");
    assert_eq!(lab.fetch("b", 1_000_000), (0, false));
    // A batch that is larger than all the window allows: Kafka would never send it.
    assert_eq!(lab.fetch("c", 2_000_000), (10_000, false));
    assert_eq!(lab.fetch("c", 1), (10_000, true));
}

#[test]
fn the_time_of_threads_is_counted_and_its_wait_is_short() {
    let lab = lab(&[(any_client(), Key::RequestPercentage, 10.0)]);
    let spend = |ms: u32, resting: u32| {
        let charge = lab.charge("a");
        lab.clock.advance_ms(ms);
        charge.pause();
        lab.clock.advance_ms(resting);
        charge.settle()
    };
    // 10 percent of 10 s.
    assert_eq!(spend(900, 50), 0, "a request that waits costs nothing");
    assert_eq!(spend(400, 0), 1_000, "no wait is longer than a sample");
    let charge = lab.charge("a");
    assert_eq!((charge.settle(), charge.settle()), (1_000, 1_000));
    assert!(lab.fetch("a", 10).1, "and a fetch is sent nothing");
}

#[tokio::test]
async fn a_future_costs_what_its_turns_take_before_the_answer_and_after_it() {
    let lab = lab(&[(any_client(), Key::RequestPercentage, 1.0)]);
    let charge = lab.charge("a");
    charge.pause();
    let clock = Arc::clone(&lab.clock);
    let work = async {
        clock.advance_ms(60);
        tokio::task::yield_now().await;
        clock.advance_ms(60);
        charge.settle()
    };
    // 12 percent in 10 s at 1 percent: 2 s, which is cut to a sample.
    assert_eq!(charge.timed(work).await, 1_000);
    charge.timed(async { clock.advance_ms(30) }).await;
    charge.sent();
    let later = lab.charge("a");
    assert_eq!(later.settle(), 1_000);
    let sensors = || lab.quotas.sensors();
    let who = || sensors::Who::new(Key::RequestPercentage, "", "a");
    let measured = sensors().rate(who(), WINDOW, lab.clock.now_ms()).per_second(WINDOW, lab.clock.now_ms());
    // 120 ms and 30 ms of one thread within 10.15 s.
    assert!((1.47..1.51).contains(&measured), "{measured}");
}

#[test]
fn partitions_beyond_the_limit_are_refused_or_waited_for() {
    let lab = lab(&[(any_client(), Key::ControllerMutationRate, 2.0)]);
    let change = |client_id: &str, partitions, strictness| {
        let charge = lab.charge(client_id);
        let code = charge.mutations(strictness).take(partitions).map_err(|refusal| refusal.code);
        (code, charge.settle())
    };
    let refused = Err(ErrorCode::ThrottlingQuotaExceeded);
    use Strictness::{Permissive, Strict};
    // A burst of 3 samples of 2 s, and once more than that.
    assert_eq!(change("a", 15, Strict), (Ok(()), 0));
    assert_eq!(change("a", 1, Strict), (refused, 1_500));
    assert_eq!(change("a", 1, Permissive), (Ok(()), 2_000));
    assert_eq!(change("b", 12, Permissive), (Ok(()), 0));
    lab.clock.advance_ms(2_000);
    assert_eq!(change("a", 5, Strict), (Ok(()), 0));
    assert_eq!(change("a", 5, Strict), (refused, 2_500));
}

#[test]
fn connections_beyond_the_limit_of_their_address_wait_a_sample_at_most() {
    let ip = |name: &str| Entity::Ip(Who::Named(name.to_owned()));
    let lab = lab(&[(ip("10.0.0.1"), Key::ConnectionCreationRate, 1.0)]);
    let address: IpAddr = "10.0.0.1".parse().unwrap();
    let mapped: IpAddr = "::ffff:10.0.0.1".parse().unwrap();
    let accepted = (0..30).filter(|_| lab.quotas.connected(mapped, 1.0) == 0).count();
    assert_eq!(accepted, 10);
    assert_eq!(lab.quotas.connected(address, 1.0), 1_000, "11 in 10 s wait a second");
    assert_eq!(lab.quotas.connected("10.0.0.2".parse().unwrap(), 1.0), 0);
    lab.clock.advance_ms(11_000);
    assert_eq!(lab.quotas.connected(address, 1.0), 0, "those that were refused do not count");
}

#[test]
fn addresses_are_found_by_number_by_name_and_by_default() {
    let ip = |who| (Entity::Ip(who), Key::ConnectionCreationRate, 5.0);
    let named = |name: &str| Who::Named(name.to_owned());
    let all = [ip(named("10.0.0.1")), ip(named("known")), ip(named("unknown"))];
    let lab = lab(&all);
    let table = lab.quotas.of_addresses().unwrap();
    let hosts = Arc::new(Hosts::from([("known".to_owned(), vec!["127.0.0.1".parse().unwrap()])]));
    let mut addresses = Addresses::new(Arc::clone(&table), Arc::clone(&hosts));
    assert!(addresses.is_of(&table, &hosts));
    for (address, limit) in [
        ("10.0.0.1", Some(5.0)),
        ("::ffff:10.0.0.1", Some(5.0)),
        ("127.0.0.1", Some(5.0)),
        ("10.0.0.2", None),
    ] {
        assert_eq!(addresses.limit(address.parse().unwrap()), limit, "{address}");
    }
    assert!(!addresses.is_of(&table, &Arc::new(Hosts::new())), "a host may have been found");
    lab.limit(&[&all[..], &[(any_client(), Key::ProducerByteRate, 1.0)]].concat());
    let other = lab.quotas.of_addresses().unwrap();
    assert!(!Arc::ptr_eq(&table, &other) && addresses.is_of(&other, &hosts));
    lab.limit(&all[1..]);
    assert!(!addresses.is_of(&lab.quotas.of_addresses().unwrap(), &hosts));
    lab.limit(&[(Entity::Ip(Who::Default), Key::ConnectionCreationRate, 7.0)]);
    let table = lab.quotas.of_addresses().unwrap();
    assert!(!addresses.is_of(&table, &hosts));
    assert_eq!(Addresses::new(table, hosts).limit("10.0.0.2".parse().unwrap()), Some(7.0));
}

#[test]
fn waits_are_counted_by_their_quota() {
    let lab = lab(&[(any_client(), Key::ProducerByteRate, 100.0)]);
    let charge = lab.charge("a");
    charge.produced(1_500);
    assert_eq!((charge.settle(), charge.wait()), (5_000, Duration::from_secs(5)));
    let text = lab.metrics.text(&crate::metrics::Sample::default()).unwrap();
    for line in [
        "ottla_throttled_total{quota=\"producer_byte_rate\"} 1",
        "ottla_throttle_seconds_total{quota=\"producer_byte_rate\"} 5.0",
    ] {
        assert!(text.contains(line), "{text}");
    }
}
