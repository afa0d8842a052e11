//! What was measured of whom. Bounded: who rested for a whole window is forgotten, for then a new measurement is the
//! same; and clients beyond [`SENSORS_MAX`] that do something at once share one, which holds all of them to the limit of
//! one.

use ottla_state::quota::{Applied, Key};
use ottla_state::rate::{Rate, Window};
use ottla_state::token_bucket::TokenBucket;
use std::collections::HashMap;

/// About 10 MiB with long names.
const SENSORS_MAX: usize = 16_384;
/// Fewer are never looked through.
const SENSORS_FEW: usize = 64;
/// Between two searches for those that rest.
const SEARCH_MS: i64 = 1_000;
/// Names that begin with the same so many bytes are one.
const NAME_MAX: usize = 256;

/// Whose doing is measured together.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Who {
    key: Key,
    /// User, and client id or address. `None`: those for whom there is no room.
    name: Option<(String, String)>,
}

#[derive(Debug)]
enum Sensor {
    Rate { rate: Rate, window: Window },
    Bucket { bucket: TokenBucket, limit: f64 },
}

#[derive(Debug, Default)]
pub struct Sensors {
    all: HashMap<Who, Sensor>,
    searched_ms: i64,
    /// So many were left by the last search.
    left: usize,
}

impl Who {
    pub fn new(key: Key, user: &str, name: &str) -> Self {
        Self { key, name: Some((cut(user), cut(name))) }
    }

    pub fn of(key: Key, applied: &Applied<'_>) -> Self {
        Self::new(key, applied.user, applied.client_id)
    }
}

fn cut(name: &str) -> String {
    name[..name.floor_char_boundary(NAME_MAX)].to_owned()
}

impl Sensors {
    pub fn rate(&mut self, who: Who, window: Window, now_ms: i64) -> &mut Rate {
        let new = || Sensor::Rate { rate: Rate::default(), window };
        match self.sensor(who, now_ms, new) {
            Sensor::Rate { rate, .. } => rate,
            Sensor::Bucket { .. } => unreachable!("a key is measured in one way"),
        }
    }

    pub fn bucket(&mut self, who: Who, limit: f64, now_ms: i64) -> &mut TokenBucket {
        let new = || Sensor::Bucket { bucket: TokenBucket::default(), limit };
        match self.sensor(who, now_ms, new) {
            Sensor::Bucket { bucket, limit: last } => {
                *last = limit;
                bucket
            }
            Sensor::Rate { .. } => unreachable!("a key is measured in one way"),
        }
    }

    fn sensor(&mut self, who: Who, now_ms: i64, new: impl Fn() -> Sensor) -> &mut Sensor {
        let who = if self.all.contains_key(&who) || self.has_room(now_ms) {
            who
        } else {
            Who { name: None, ..who }
        };
        self.all.entry(who).or_insert_with(new)
    }

    /// Looks for those that rest when there are twice as many as after the last search.
    fn has_room(&mut self, now_ms: i64) -> bool {
        let is_many = self.all.len() >= (2 * self.left).clamp(SENSORS_FEW, SENSORS_MAX);
        // A clock that was set back does not put it off for ever.
        let is_due = !(0..SEARCH_MS).contains(&(now_ms - self.searched_ms));
        if is_many && is_due {
            self.all.retain(|_, sensor| match sensor {
                Sensor::Rate { rate, window } => !rate.is_idle(*window, now_ms),
                Sensor::Bucket { bucket, limit } => !bucket.is_idle(*limit, now_ms),
            });
            (self.searched_ms, self.left) = (now_ms, self.all.len());
        }
        self.all.len() < SENSORS_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Window = Window { samples: 11, sample_ms: 1_000 };

    fn record(sensors: &mut Sensors, name: &str, now_ms: i64) {
        let who = Who::new(Key::ProducerByteRate, "", name);
        sensors.rate(who, WINDOW, now_ms).record(WINDOW, 1.0, now_ms);
    }

    #[test]
    fn those_who_rest_are_forgotten() {
        let mut sensors = Sensors::default();
        for client in 0..10_000_i64 {
            record(&mut sensors, &format!("client {client}"), client * 100);
        }
        // 110 of them in a window, and as many again before the next search.
        assert!(sensors.all.len() <= 300, "{}", sensors.all.len());
        let bucket = Who::new(Key::ControllerMutationRate, "", "a");
        sensors.bucket(bucket.clone(), 1.0, 1_000_000).take(1.0, 5.0, 1_000_000);
        assert!(sensors.all.contains_key(&bucket));
        for client in 0..300_i64 {
            record(&mut sensors, &format!("later {client}"), 1_006_000 + client * 10);
        }
        assert!(!sensors.all.contains_key(&bucket), "it is full again");
    }

    #[test]
    fn who_rests_is_told_by_the_limit_that_holds_now() {
        let (mut sensors, start_ms) = (Sensors::default(), 1_000_000);
        let who = Who::new(Key::ControllerMutationRate, "", "a");
        sensors.bucket(who.clone(), 1_000.0, start_ms).take(1_000.0, 1.0, start_ms);
        sensors.bucket(who.clone(), 1.0, start_ms).take(1.0, 50.0, start_ms);
        for client in 0..70 {
            record(&mut sensors, &format!("client {client}"), start_ms + 1_000);
        }
        assert!(sensors.all.contains_key(&who), "it fills for 50 s");
    }

    #[test]
    fn those_for_whom_there_is_no_room_share_one() {
        let mut sensors = Sensors::default();
        for client in 0..SENSORS_MAX + 500 {
            record(&mut sensors, &format!("client {client}"), 5_000);
        }
        assert_eq!(sensors.all.len(), SENSORS_MAX + 1);
        let shared = Who { key: Key::ProducerByteRate, name: None };
        let rate = sensors.rate(shared, WINDOW, 5_000);
        assert_eq!(rate.per_second(WINDOW, 5_000), 50.0);
        record(&mut sensors, "client 7", 5_000);
        let known = sensors.rate(Who::new(Key::ProducerByteRate, "", "client 7"), WINDOW, 5_000);
        assert_eq!(known.per_second(WINDOW, 5_000), 0.2, "who has one keeps it");
    }

    #[test]
    fn names_are_cut_between_characters() {
        let long = "\u{20ac}".repeat(1_000);
        let [a, b] = ["a", "b"].map(|end| Who::new(Key::ProducerByteRate, "", &format!("{long}{end}")));
        assert_eq!(a, b);
        assert_eq!(cut(&long).len(), 255);
    }
}
