//! Each assignor by tables, then what both sticky ones promise over many random groups.

use super::*;
use ottla_env::rng::{Rng, SeededRng};

fn topics(counts: &[(&str, i32)]) -> BTreeMap<String, i32> {
    counts.iter().map(|(topic, count)| ((*topic).to_owned(), *count)).collect()
}

fn member(id: &str, subscribed: &[&str]) -> Member {
    let subscription = Subscription {
        topics: subscribed.iter().map(ToString::to_string).collect(),
        generation: -1,
        ..Default::default()
    };
    Member { id: id.to_owned(), instance_id: None, subscription }
}

fn shown(assignments: &Assignments) -> Vec<String> {
    let one = |(id, keys): (&String, &BTreeSet<PartitionKey>)| {
        let keys: Vec<_> = keys.iter().map(|key| format!("{}{}", key.topic, key.partition)).collect();
        format!("{id}: {}", keys.join(" "))
    };
    assignments.iter().map(one).collect()
}

#[test]
fn range_and_roundrobin_divide_as_kafka_does() {
    use Assignor::{Range, RoundRobin};
    let both = &["t", "u"][..];
    let cases = [
        (Range, vec![("a", both), ("b", both)], vec!["a: t0 t1 u0 u1", "b: t2 u2"]),
        (RoundRobin, vec![("a", both), ("b", both)], vec!["a: t0 t2 u1", "b: t1 u0 u2"]),
        (Range, vec![("a", both), ("b", &["u"])], vec!["a: t0 t1 t2 u0 u1", "b: u2"]),
        (RoundRobin, vec![("a", both), ("b", &["u"])], vec!["a: t0 t1 t2 u1", "b: u0 u2"]),
        (
            Range,
            vec![("a", both), ("b", both), ("c", both), ("d", both)],
            vec!["a: t0 u0", "b: t1 u1", "c: t2 u2", "d: "],
        ),
        (
            RoundRobin,
            vec![("a", both), ("b", both), ("c", both), ("d", both)],
            vec!["a: t0 u1", "b: t1 u2", "c: t2", "d: u0"],
        ),
        (Range, vec![("a", &["missing"])], vec!["a: "]),
        (RoundRobin, vec![("a", &[])], vec!["a: "]),
    ];
    for (assignor, members, expected) in cases {
        let members: Vec<_> = members.iter().map(|(id, subscribed)| member(id, subscribed)).collect();
        assert_eq!(shown(&assign(assignor, &members, &topics(&[("t", 3), ("u", 3)]))), expected);
    }
}

#[test]
fn static_members_come_first_by_their_instance_id() {
    let mut members = [member("a", &["t"]), member("b", &["t"]), member("c", &["t"])];
    members[2].instance_id = Some("1".to_owned());
    members[1].instance_id = Some("2".to_owned());
    let given = assign(Assignor::Range, &members, &topics(&[("t", 3)]));
    assert_eq!(shown(&given), ["a: t2", "b: t1", "c: t0"]);
}

/// What the members say after they got this, in the way of the assignor.
fn told(assignor: Assignor, members: &mut [Member], given: &Assignments, generation: i32) {
    for member in members {
        let held = given.get(&member.id).cloned().unwrap_or_default();
        member.subscription.user_data = assignor.user_data(&held, generation);
        member.subscription.generation = generation;
        if assignor.is_cooperative() {
            member.subscription.owned = held;
        }
    }
}

/// Until nobody has to give anything back.
fn settle(
    assignor: Assignor,
    members: &mut [Member],
    counts: &BTreeMap<String, i32>,
    generation: &mut i32,
) -> Assignments {
    for _ in 0..4 {
        let before: Vec<_> = members.iter().map(|member| member.subscription.owned.clone()).collect();
        let given = assign(assignor, members, counts);
        let gives_back = members.iter().zip(&before).any(|(m, before)| !before.is_subset(&given[&m.id]));
        *generation += 1;
        told(assignor, members, &given, *generation);
        if !assignor.is_cooperative() || !gives_back {
            return given;
        }
    }
    panic!("the group does not settle");
}

#[test]
fn a_new_member_takes_only_its_share() {
    for assignor in [Assignor::Sticky, Assignor::CooperativeSticky] {
        let counts = topics(&[("t", 6)]);
        let mut generation = 0;
        let mut members = vec![member("a", &["t"]), member("b", &["t"])];
        let two = settle(assignor, &mut members, &counts, &mut generation);
        members.push(member("0", &["t"]));
        let three = settle(assignor, &mut members, &counts, &mut generation);
        assert!(three.values().all(|keys| keys.len() == 2), "{three:?}");
        assert!(three["a"].is_subset(&two["a"]) && three["b"].is_subset(&two["b"]), "{two:?} {three:?}");
        // One leaves: the others keep what they have.
        members.retain(|member| member.id != "b");
        let after = settle(assignor, &mut members, &counts, &mut generation);
        assert!(three["a"].is_subset(&after["a"]) && three["0"].is_subset(&after["0"]));
    }
}

#[test]
fn nothing_moves_while_it_is_read() {
    let counts = topics(&[("t", 4)]);
    let mut members = vec![member("a", &["t"])];
    let one = assign(Assignor::CooperativeSticky, &members, &counts);
    told(Assignor::CooperativeSticky, &mut members, &one, 1);
    members.push(member("b", &["t"]));
    let first = assign(Assignor::CooperativeSticky, &members, &counts);
    assert_eq!(shown(&first), ["a: t0 t1", "b: "]);
    told(Assignor::CooperativeSticky, &mut members, &first, 2);
    let second = assign(Assignor::CooperativeSticky, &members, &counts);
    assert_eq!(shown(&second), ["a: t0 t1", "b: t2 t3"]);
}

#[test]
fn the_newer_claim_wins_and_two_equal_ones_both_lose() {
    let all = BTreeSet::from([key("t", 0), key("t", 1)]);
    for (generations, keeps) in [((3, 4), Some("b")), ((4, 3), Some("a")), ((4, 4), None)] {
        let mut members = [member("a", &["t"]), member("b", &["t"])];
        members[0].subscription.generation = generations.0;
        members[1].subscription.generation = generations.1;
        members.iter_mut().for_each(|member| member.subscription.owned = BTreeSet::from([key("t", 0)]));
        let given = assign(Assignor::CooperativeSticky, &members, &topics(&[("t", 2)]));
        let owner = given.iter().find(|(_, keys)| keys.contains(&key("t", 0))).map(|(id, _)| id.as_str());
        assert!(keeps.is_none() || owner == keeps, "{generations:?}: {given:?}");
        assert!(given.values().flatten().all(|key| all.contains(key)));
    }
}

#[test]
fn random_groups_settle_even_whole_and_with_few_moves() {
    let rng = SeededRng::new(11);
    let names = ["t", "u", "v"];
    for assignor in [Assignor::Sticky, Assignor::CooperativeSticky] {
        for _ in 0..60 {
            let counts: BTreeMap<String, i32> =
                names.iter().map(|name| ((*name).to_owned(), rng.below(9) as i32)).collect();
            let all: usize = counts.values().map(|count| *count as usize).sum();
            let mut generation = 0;
            let mut members = Vec::new();
            for step in 0..6 {
                let leaves = step > 2 && members.len() > 1 && rng.below(2) == 0;
                if leaves {
                    members.remove(rng.below(members.len() as u64) as usize);
                } else {
                    members.push(member(&format!("m{}-{step}", rng.below(100)), &names));
                }
                let before: Vec<(String, BTreeSet<PartitionKey>)> = members
                    .iter()
                    .map(|m| {
                        let data = m.subscription.user_data.as_ref();
                        let held = match assignor {
                            Assignor::Sticky => data.map(protocol::decode_sticky).unwrap_or_default().0,
                            _ => m.subscription.owned.clone(),
                        };
                        (m.id.clone(), held)
                    })
                    .collect();
                let given = settle(assignor, &mut members, &counts, &mut generation);
                let (least, most) = (all / members.len(), all.div_ceil(members.len()));
                let union: BTreeSet<_> = given.values().flatten().collect();
                assert_eq!(union.len(), all, "every partition has one owner");
                assert_eq!(given.values().map(BTreeSet::len).sum::<usize>(), all);
                assert!(given.values().all(|keys| (least..=most).contains(&keys.len())), "{given:?}");
                for (id, held) in &before {
                    let kept = held.intersection(&given[id]).count();
                    assert!(kept >= held.len().min(least), "{id} lost more than its surplus");
                }
            }
        }
    }
}

#[test]
fn members_with_different_topics_get_only_theirs_and_none_is_left() {
    let counts = topics(&[("t", 5), ("u", 1), ("v", 4)]);
    let members =
        [member("a", &["t"]), member("b", &["t", "u"]), member("c", &["t", "u", "v"]), member("d", &[])];
    for assignor in Assignor::ALL {
        let given = assign(assignor, &members, &counts);
        assert_eq!(given.values().map(BTreeSet::len).sum::<usize>(), 10, "{assignor:?}");
        for member in &members {
            let wanted = |key: &PartitionKey| member.subscription.topics.contains(&key.topic);
            assert!(given[&member.id].iter().all(wanted), "{assignor:?} {given:?}");
        }
    }
    let given = assign(Assignor::Sticky, &members, &counts);
    let counts: Vec<usize> = given.values().map(BTreeSet::len).collect();
    assert_eq!(counts, [3, 3, 4, 0], "{given:?}");
}
