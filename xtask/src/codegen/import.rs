//! Reads Kafka's message definitions and writes our schema: names, types and version ranges, nothing else.
//!
//! Several jars may be given, the newest Kafka first. An older jar adds what the newest no longer has: versions below
//! its range, for the APIs that we serve further down ([`OLDER`]).

use super::schema::{self, Field, Message, NONE, Struct, Type, Versions};
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

/// APIs that are served below the range of the newest Kafka, and from which version on.
const OLDER: [(&str, i16); 3] = [("CreateTopics", 0), ("DeleteTopics", 0), ("ListOffsets", 0)];
/// Talk between brokers and controllers of Kafka itself, and what is not served: never on our listeners.
const LEFT_OUT: [i16; 37] = [
    4, 5, 6, 7, 38, 39, 40, 41, 52, 53, 54, 56, 58, 59, 62, 63, 67, 70, 71, 72, 73, 80, 81, 82, 83, 84, 85,
    86, 87, 88, 89, 93, 94, 95, 96, 97, 98,
];
const DATA: [&str; 5] = [
    "RequestHeader",
    "ResponseHeader",
    "ConsumerProtocolSubscription",
    "ConsumerProtocolAssignment",
    "DefaultPrincipalData",
];
/// Prefixes of the records of the internal topics that we write.
const RECORDS: [&str; 5] = ["OffsetCommit", "GroupMetadata", "ConsumerGroup", "TransactionLog", "Share"];

pub fn run(target: &Path, jars: &[&str]) -> Result<()> {
    let mut newest: BTreeMap<String, Value> = BTreeMap::new();
    let mut older: BTreeMap<String, Value> = BTreeMap::new();
    for jar in jars {
        let found = definitions(jar)?;
        let list = if found.keys().any(|name| newest.contains_key(name)) { &mut older } else { &mut newest };
        list.extend(found);
    }
    let mut files: BTreeMap<String, Vec<Message>> = BTreeMap::new();
    for (name, definition) in &newest {
        let role = definition["type"].as_str().unwrap_or("data");
        let key = definition["apiKey"].as_i64().unwrap_or(-1) as i16;
        let api = name.strip_suffix("Request").or_else(|| name.strip_suffix("Response"));
        let file = match (role, api) {
            ("request" | "response", Some(api)) if !LEFT_OUT.contains(&key) => snake(api),
            ("header", _) => "headers".to_owned(),
            ("data", _) if DATA.contains(&name.as_str()) => snake("ConsumerProtocol"),
            ("coordinator-key" | "coordinator-value", _) if RECORDS.iter().any(|p| name.starts_with(p)) => {
                "records".to_owned()
            }
            _ => continue,
        };
        let mut message = message(definition).with_context(|| format!("read {name}"))?;
        if let Some((_, first)) = OLDER.iter().find(|(older, _)| api == Some(older)) {
            let past = older.get(name).with_context(|| format!("{name} needs an older jar"))?;
            extend(&mut message, &self::message(past)?, *first)?;
        }
        files.entry(file).or_default().push(message);
    }
    ensure!(
        files.len() > 60,
        "only {} APIs found: give the jars of kafka-clients and both coordinators",
        files.len()
    );
    fs::create_dir_all(target)?;
    for (name, messages) in &files {
        fs::write(target.join(format!("{name}.schema")), schema::print(messages))?;
    }
    println!("codegen: {} schema files written", files.len());
    Ok(())
}

fn definitions(jar: &str) -> Result<BTreeMap<String, Value>> {
    let dir = std::env::temp_dir().join(format!("ottla-codegen-{}", std::process::id()));
    fs::create_dir_all(&dir)?;
    let jar = fs::canonicalize(jar).with_context(|| format!("find {jar}"))?;
    let status = Command::new("jar").arg("xf").arg(&jar).arg("common/message").current_dir(&dir).status();
    ensure!(status.context("start jar")?.success(), "jar could not read {}", jar.display());
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(dir.join("common/message")).context("list the definitions")? {
        let path = entry?.path();
        if path.extension().is_some_and(|e| e == "json") {
            let text: String =
                fs::read_to_string(&path)?.lines().map(|l| format!("{}\n", without_comment(l))).collect();
            let value: Value =
                serde_json::from_str(&text).with_context(|| format!("parse {}", path.display()))?;
            found.insert(value["name"].as_str().context("a message has a name")?.to_owned(), value);
        }
    }
    fs::remove_dir_all(dir)?;
    Ok(found)
}

/// The definitions are JSON with `//` comments, never inside a string that matters to us.
fn without_comment(line: &str) -> &str {
    let mut in_string = false;
    for (i, c) in line.char_indices() {
        match c {
            '"' => in_string = !in_string,
            '/' if !in_string && line[i..].starts_with("//") => return &line[..i],
            _ => {}
        }
    }
    line
}

fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name)?.as_str()
}

fn message(definition: &Value) -> Result<Message> {
    let name = text(definition, "name").context("a name")?;
    let versions = Versions::parse(text(definition, "validVersions").context("validVersions")?)?;
    let mut structs = vec![Struct { name: name.to_owned(), versions, fields: Vec::new() }];
    let empty = Vec::new();
    for common in definition["commonStructs"].as_array().unwrap_or(&empty) {
        let name = text(common, "name").context("a name")?.to_owned();
        let versions = Versions::parse(text(common, "versions").unwrap_or("0+"))?.intersect(versions);
        let index = structs.len();
        structs.push(Struct { name, versions, fields: Vec::new() });
        structs[index].fields = fields(&common["fields"], versions, &mut structs)?;
    }
    structs[0].fields = fields(&definition["fields"], versions, &mut structs)?;
    let role = match text(definition, "type").unwrap_or("data") {
        "coordinator-key" => "key",
        "coordinator-value" => "value",
        other => other,
    };
    Ok(Message {
        role: role.to_owned(),
        key: definition["apiKey"].as_i64().unwrap_or(-1) as i16,
        versions,
        flexible: Versions::parse(text(definition, "flexibleVersions").unwrap_or("none"))?
            .intersect(versions),
        structs,
    })
}

fn fields(list: &Value, parent: Versions, structs: &mut Vec<Struct>) -> Result<Vec<Field>> {
    let empty = Vec::new();
    let mut out = Vec::new();
    for field in list.as_array().unwrap_or(&empty) {
        let name = text(field, "name").context("a name")?;
        let given = text(field, "taggedVersions").or_else(|| text(field, "versions")).context("versions")?;
        let versions = Versions::parse(given)?.intersect(parent);
        if versions.is_empty() {
            continue;
        }
        let kind = Type::parse(text(field, "type").context("a type")?);
        if field["fields"].is_array() {
            let mut element = &kind;
            while let Type::Array(inner) = element {
                element = inner;
            }
            let Type::Struct(name) = element else { anyhow::bail!("fields below {element}") };
            let index = structs.len();
            structs.push(Struct { name: name.clone(), versions, fields: Vec::new() });
            structs[index].fields = fields(&field["fields"], versions, structs)?;
        }
        let default = match &field["default"] {
            Value::Null => None,
            Value::String(text) if text.is_empty() => None,
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        };
        out.push(Field {
            name: snake(name),
            kind,
            versions,
            nullable: Versions::parse(text(field, "nullableVersions").unwrap_or("none"))?.intersect(versions),
            tag: field["tag"].as_u64().map(|tag| tag as u32),
            default,
            never_flexible: text(field, "flexibleVersions") == Some("none"),
        });
    }
    Ok(out)
}

/// Adds to a message the versions of its past from `first` up to where it starts today.
fn extend(message: &mut Message, past: &Message, first: i16) -> Result<()> {
    let start = message.versions.first;
    let gone = Versions { first, last: start - 1 };
    ensure!(past.versions.contains(gone), "the older jar does not reach down to version {first}");
    // What starts with the message today starts where it did in the past.
    let reach = |now: Versions, then: Versions| {
        if now.is_empty() && then.intersect(gone).is_empty() {
            NONE
        } else if now.is_empty() {
            then.intersect(gone)
        } else if now.first == start && !then.is_empty() {
            Versions { first: then.first.max(first), ..now }
        } else {
            now
        }
    };
    message.versions.first = first;
    for old in &past.structs {
        let Some(index) = message.structs.iter().position(|s| s.name == old.name) else {
            if !old.versions.intersect(gone).is_empty() {
                message.structs.push(old.clone());
            }
            continue;
        };
        let today = &mut message.structs[index];
        today.versions = reach(today.versions, old.versions);
        for (place, field) in old.fields.iter().enumerate() {
            match today.fields.iter_mut().find(|f| f.name == field.name) {
                Some(now) => {
                    now.versions = reach(now.versions, field.versions);
                    now.nullable = reach(now.nullable, field.nullable);
                }
                None if !field.versions.intersect(gone).is_empty() => {
                    let versions = field.versions.intersect(gone);
                    let place = place.min(today.fields.len());
                    today.fields.insert(place, Field { versions, ..field.clone() });
                }
                None => {}
            }
        }
    }
    Ok(())
}

/// `ISRNodes` -> `isr_nodes`, `TopicIds` -> `topic_ids`.
pub fn snake(name: &str) -> String {
    let chars: Vec<char> = name.chars().collect();
    let mut out = String::new();
    for (i, c) in chars.iter().enumerate() {
        let starts_word = c.is_uppercase()
            && i > 0
            && (chars[i - 1].is_lowercase()
                || chars[i - 1].is_ascii_digit()
                || chars.get(i + 1).is_some_and(|next| next.is_lowercase()));
        if starts_word {
            out.push('_');
        }
        out.extend(c.to_lowercase());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_comments_are_read_as_meant() {
        for (from, to) in [
            ("TopicId", "topic_id"),
            ("ISRNodes", "isr_nodes"),
            ("timeoutMs", "timeout_ms"),
            ("V3AndBelowTopics", "v3_and_below_topics"),
        ] {
            assert_eq!(snake(from), to);
        }
        assert_eq!(without_comment("{ \"a\": 1 } // note"), "{ \"a\": 1 } ");
        assert_eq!(without_comment("\"about\": \"http://x\""), "\"about\": \"http://x\"");
    }
}
