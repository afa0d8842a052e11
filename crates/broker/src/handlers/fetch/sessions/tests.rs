//! What a session tells, whom it refuses, and who is evicted.

use super::*;
use ottla_env::clock::ManualClock;
use ottla_env::rng::SeededRng;
use ottla_wire::messages::fetch::{FetchTopic, ForgottenTopic};

struct Lab {
    sessions: FetchSessions,
    clock: Arc<ManualClock>,
}

fn lab(slots: usize) -> Lab {
    let clock = Arc::new(ManualClock::at(1_000));
    let rng = Arc::new(SeededRng::new(1));
    Lab { sessions: FetchSessions::new(slots, Arc::clone(&clock) as Arc<dyn Clock>, rng), clock }
}

fn request(session_id: i32, session_epoch: i32, partitions: &[i32]) -> FetchRequest {
    let partitions = partitions
        .iter()
        .map(|partition| FetchPartition { partition: *partition, ..Default::default() })
        .collect();
    FetchRequest {
        session_id,
        session_epoch,
        topics: vec![FetchTopic { topic: "t".into(), partitions, ..Default::default() }],
        ..Default::default()
    }
}

fn quiet(high_watermark: i64) -> News {
    News { shown: Shown { high_watermark, log_start: 0 }, has_records: false, is_error: false }
}

impl Lab {
    /// The session's id, and the partitions that an answer speaks of, in their order.
    fn fetch(
        &self,
        request: &FetchRequest,
        news: impl Fn(i32) -> News,
    ) -> Result<(i32, Vec<i32>), ErrorCode> {
        let plan = self.sessions.begin(request, false)?;
        let indexes: Vec<i32> = plan.wanted.iter().map(|wanted| wanted.partition.partition).collect();
        let news: Vec<News> = indexes.iter().map(|index| news(*index)).collect();
        let Finished { session_id, included } = self.sessions.finish(&plan, &news)?;
        let told = indexes.iter().zip(included).filter(|(_, told)| *told).map(|(index, _)| *index).collect();
        Ok((session_id, told))
    }

    fn kept(&self) -> usize {
        self.sessions.count().open
    }

    fn open(&self, partitions: &[i32]) -> i32 {
        self.fetch(&request(0, 0, partitions), |_| quiet(5)).unwrap().0
    }
}

#[test]
fn only_what_changed_is_told() {
    let lab = lab(10);
    let id = lab.open(&[0, 1, 2]);
    assert!(id > 0);
    let nothing = request(id, 1, &[]);
    assert_eq!(lab.fetch(&nothing, |_| quiet(5)).unwrap(), (id, vec![]));
    let moved = |index| quiet(if index == 1 { 6 } else { 5 });
    assert_eq!(lab.fetch(&request(id, 2, &[]), moved).unwrap(), (id, vec![1]));
    // An error is told every time, and so is its end.
    let failed = |index| News { is_error: index == 2, ..moved(index) };
    assert_eq!(lab.fetch(&request(id, 3, &[]), failed).unwrap().1, [2]);
    assert_eq!(lab.fetch(&request(id, 4, &[]), failed).unwrap().1, [2]);
    assert_eq!(lab.fetch(&request(id, 5, &[]), moved).unwrap().1, [2]);
    assert_eq!(lab.fetch(&request(id, 6, &[]), moved).unwrap().1, [0; 0]);
}

#[test]
fn who_had_records_is_read_last_the_next_time() {
    let lab = lab(10);
    let id = lab.open(&[0, 1, 2]);
    let records = |index| News { has_records: index == 0, ..quiet(5) };
    assert_eq!(lab.fetch(&request(id, 1, &[]), records).unwrap().1, [0]);
    let all = |_| News { has_records: true, ..quiet(5) };
    assert_eq!(lab.fetch(&request(id, 2, &[]), all).unwrap().1, [1, 2, 0]);
}

#[test]
fn partitions_join_change_and_are_forgotten() {
    let lab = lab(10);
    let id = lab.open(&[0]);
    let mut change = request(id, 1, &[3]);
    change.topics[0].partitions[0].fetch_offset = 7;
    assert_eq!(lab.fetch(&change, |_| quiet(5)).unwrap().1, [3]);
    let mut forget = request(id, 2, &[]);
    forget.forgotten_topics_data =
        vec![ForgottenTopic { topic: "t".into(), partitions: vec![0, 9], ..Default::default() }];
    let plan = lab.sessions.begin(&forget, false).unwrap();
    let left: Vec<_> =
        plan.wanted.iter().map(|w| (w.partition.partition, w.partition.fetch_offset)).collect();
    assert_eq!(left, [(3, 7)]);
    // A session without partitions ends.
    let mut forget = request(id, 3, &[]);
    forget.forgotten_topics_data =
        vec![ForgottenTopic { topic: "t".into(), partitions: vec![3], ..Default::default() }];
    assert_eq!(lab.fetch(&forget, |_| quiet(5)).unwrap(), (0, vec![]));
    assert_eq!((lab.kept(), lab.sessions.cache().partitions), (0, 0));
}

#[test]
fn wrong_epochs_and_ids_are_refused_and_leave_the_session_as_it_is() {
    let lab = lab(10);
    let id = lab.open(&[0]);
    let error = |request: &FetchRequest| lab.fetch(request, |_| quiet(5)).unwrap_err();
    assert_eq!(error(&request(id, 9, &[])), ErrorCode::InvalidFetchSessionEpoch);
    assert_eq!(error(&request(id ^ 1, 1, &[])), ErrorCode::FetchSessionIdNotFound);
    let by_id = lab.sessions.begin(&request(id, 1, &[]), true);
    assert_eq!(by_id.unwrap_err(), ErrorCode::FetchSessionTopicIdError);
    // Two requests of one epoch: the second is the wrong one, whoever is answered first.
    let first = lab.sessions.begin(&request(id, 1, &[]), false).unwrap();
    assert_eq!(error(&request(id, 1, &[])), ErrorCode::InvalidFetchSessionEpoch);
    lab.sessions.begin(&request(id, 2, &[]), false).unwrap();
    assert_eq!(lab.sessions.finish(&first, &[quiet(5)]).unwrap_err(), ErrorCode::InvalidFetchSessionEpoch);
    // Closed by its last request; an opening request closes the one before.
    assert_eq!(lab.fetch(&request(id, -1, &[]), |_| quiet(5)).unwrap(), (0, vec![]));
    assert_eq!(error(&request(id, 3, &[])), ErrorCode::FetchSessionIdNotFound);
    let id = lab.open(&[0]);
    assert_ne!(lab.fetch(&request(id, 0, &[0]), |_| quiet(5)).unwrap().0, id);
    assert_eq!(lab.kept(), 1);
}

#[test]
fn a_full_cache_declines_until_a_session_rested_or_a_small_one_is_old() {
    let lab = lab(2);
    let first = lab.open(&[0]);
    let second = lab.open(&[0, 1]);
    assert_eq!((lab.open(&[0, 1, 2]), lab.kept()), (0, 2));
    lab.clock.advance_ms(120_001);
    // Both are old; the first was used since and is smaller than what comes.
    lab.fetch(&request(first, 1, &[]), |_| quiet(5)).unwrap();
    lab.fetch(&request(second, 1, &[]), |_| quiet(5)).unwrap();
    assert_eq!(lab.open(&[0]), 0, "no smaller one is there");
    assert_ne!(lab.open(&[0, 1]), 0);
    let gone = lab.sessions.begin(&request(first, 2, &[]), false);
    assert_eq!(gone.unwrap_err(), ErrorCode::FetchSessionIdNotFound);
    lab.clock.advance_ms(120_001);
    assert_ne!(lab.open(&[0]), 0, "the second one rested");
    assert_eq!(lab.sessions.count(), SessionCount { open: 2, evicted: 2 });
    let none = self::lab(0);
    assert_eq!(none.open(&[0]), 0);
}

#[test]
fn partitions_of_all_sessions_are_bounded_whoever_brings_them() {
    let lab = lab(10);
    // As if other sessions had all but three.
    lab.sessions.cache().partitions = PARTITIONS_MAX - 3;
    assert_eq!(lab.open(&[0, 1, 2, 3]), 0, "one too many");
    let first = lab.open(&[0, 1]);
    assert_ne!(first, 0);
    assert_ne!(lab.open(&[0]), 0, "the last one");
    assert_eq!((lab.open(&[0]), lab.kept()), (0, 2));
    // A session that grows beyond the bound ends, and its request is answered in full.
    assert_eq!(lab.fetch(&request(first, 1, &[2]), |_| quiet(5)).unwrap(), (0, vec![0, 1, 2]));
    assert_eq!((lab.kept(), lab.sessions.cache().partitions), (1, PARTITIONS_MAX - 2));
    let gone = lab.sessions.begin(&request(first, 2, &[]), false);
    assert_eq!(gone.unwrap_err(), ErrorCode::FetchSessionIdNotFound);
    // What it had is free again; when nothing is, a session that rested makes room.
    assert_ne!(lab.open(&[0, 1]), 0);
    assert_eq!(lab.open(&[0]), 0);
    lab.clock.advance_ms(120_001);
    assert_ne!(lab.open(&[0]), 0);
    assert_eq!(lab.sessions.count(), SessionCount { open: 2, evicted: 1 });
}
