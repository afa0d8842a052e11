//! Which names a topic may have, and which names would be confused with each other.
//!
//! The rules are Kafka's: at most 249 characters of `[a-zA-Z0-9._-]`, and no two topics whose names differ in dots and
//! underscores only, because metric names fold the one into the other.

pub const MAX_LEN: usize = 249;

/// The log that Kafka keeps its own metadata in. Nobody may create a topic of that name.
pub const CLUSTER_METADATA: &str = "__cluster_metadata";

/// The topic that keeps consumer groups and their offsets.
pub const CONSUMER_OFFSETS: &str = "__consumer_offsets";

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadName {
    #[error("a topic name must not be empty")]
    Empty,
    #[error("'.' and '..' cannot be topic names")]
    Dots,
    #[error("a topic name has at most {MAX_LEN} characters, this one has {0}")]
    TooLong(usize),
    #[error("a topic name consists of ASCII letters, digits, '.', '_' and '-'; this one holds {0:?}")]
    Character(char),
}

pub fn check(name: &str) -> Result<(), BadName> {
    match name {
        "" => return Err(BadName::Empty),
        "." | ".." => return Err(BadName::Dots),
        _ => {}
    }
    let legal = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if let Some(c) = name.chars().find(|c| !legal(c)) {
        return Err(BadName::Character(c));
    }
    if name.len() > MAX_LEN { Err(BadName::TooLong(name.len())) } else { Ok(()) }
}

/// What two colliding names have in common. `None` for a name without dot and underscore: it collides with nothing.
pub fn collision_key(name: &str) -> Option<String> {
    name.contains(['.', '_']).then(|| name.replace('.', "_"))
}

/// Topics that Kafka itself keeps state in.
pub fn is_internal(name: &str) -> bool {
    matches!(name, CONSUMER_OFFSETS | "__transaction_state" | "__share_group_state")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked_as_kafka_does() {
        let long = "x".repeat(MAX_LEN);
        for good in ["a", "A-1._", "...", "-", long.as_str()] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for (bad, why) in [
            ("", BadName::Empty),
            (".", BadName::Dots),
            ("..", BadName::Dots),
            ("a/b", BadName::Character('/')),
            ("sp ace", BadName::Character(' ')),
            ("\u{fc}ml", BadName::Character('\u{fc}')),
            ("x\0", BadName::Character('\0')),
        ] {
            assert_eq!(check(bad), Err(why), "{bad}");
        }
        assert_eq!(check(&"x".repeat(250)), Err(BadName::TooLong(250)));
    }

    #[test]
    fn dots_and_underscores_collide() {
        assert_eq!(collision_key("a.b_c"), collision_key("a_b.c"));
        assert_ne!(collision_key("a.b"), collision_key("ab."));
        assert_eq!(collision_key("ab-c"), None);
    }
}
