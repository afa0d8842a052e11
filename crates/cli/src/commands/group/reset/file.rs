//! The lines of `--from-file`: `TOPIC,PARTITION,OFFSET`, or with the group in front as Kafka's tool writes them for
//! several groups.

use crate::exit::Failure;
use anyhow::Result;
use ottla_client::PartitionKey;
use ottla_env::disk::{Disk, OsDisk};
use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

/// A file beyond it holds no offsets.
const MAX_FILE: u64 = 64 << 20;

pub fn read(path: &Path, group: &str) -> Result<BTreeMap<PartitionKey, i64>> {
    let problem =
        |error: &dyn std::fmt::Display| Failure::usage(format!("cannot read {}: {error}", path.display()));
    let bytes = if path == Path::new("-") {
        let mut bytes = Vec::new();
        std::io::stdin().lock().take(MAX_FILE).read_to_end(&mut bytes).map_err(|error| problem(&error))?;
        bytes
    } else {
        OsDisk.read(path, MAX_FILE).map_err(|error| problem(&error))?
    };
    let text = String::from_utf8(bytes).map_err(|_| problem(&"it is not a text file"))?;
    parse(&text, group).map_err(|error| Failure::usage(format!("{}: {error}", path.display())).into())
}

fn parse(text: &str, group: &str) -> Result<BTreeMap<PartitionKey, i64>, String> {
    let mut offsets = BTreeMap::new();
    for (line, number) in text.lines().zip(1..) {
        if line.trim().is_empty() {
            continue;
        }
        let fields: Vec<&str> = line.split(',').map(|field| field.trim().trim_matches('"')).collect();
        let (topic, partition, offset) = match fields[..] {
            [topic, partition, offset] => (topic, partition, offset),
            [of, topic, partition, offset] if of == group => (topic, partition, offset),
            [_, _, _, _] => continue,
            _ => return Err(format!("line {number} is not TOPIC,PARTITION,OFFSET")),
        };
        let partition = partition.parse().ok().filter(|partition| *partition >= 0);
        let partition = partition
            .ok_or_else(|| format!("line {number}: `{}` is no partition", fields[fields.len() - 2]))?;
        let offset = offset.parse().ok().filter(|offset: &i64| *offset >= 0);
        let offset =
            offset.ok_or_else(|| format!("line {number}: `{}` is no offset", fields[fields.len() - 1]))?;
        let key = PartitionKey { topic: topic.to_owned(), partition };
        if offsets.insert(key, offset).is_some() {
            return Err(format!("line {number}: {topic},{partition} is there twice"));
        }
    }
    if offsets.is_empty() {
        return Err(format!("it has no offset for group {group}"));
    }
    Ok(offsets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_with_and_without_a_group_are_read() {
        let key = |topic: &str, partition| PartitionKey { topic: topic.to_owned(), partition };
        let text = "t,0,5\n\n\"t\", 1 ,6\nreaders,u,0,7\nothers,u,0,8\n";
        let expected = BTreeMap::from([(key("t", 0), 5), (key("t", 1), 6), (key("u", 0), 7)]);
        assert_eq!(parse(text, "readers"), Ok(expected));
        for bad in ["", "t,0", "t,0,x", "t,-1,5", "t,0,-5", "t,0,5\nt,0,6", "a,b,c,d,e", "others,t,0,1"] {
            assert!(parse(bad, "readers").is_err(), "{bad}");
        }
    }
}
