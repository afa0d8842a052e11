//! The schema text: its values, its parser and its printer. crates/wire/schema/README.md explains the notation.

use anyhow::{Context, Result, bail, ensure};
use std::fmt::Write;

/// Inclusive; `first > last` is the empty range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Versions {
    pub first: i16,
    pub last: i16,
}

pub const NONE: Versions = Versions { first: 0, last: -1 };
const OPEN: i16 = i16::MAX;

impl Versions {
    pub fn parse(text: &str) -> Result<Self> {
        let number = |t: &str| t.parse::<i16>().with_context(|| format!("read version {t:?}"));
        Ok(match text {
            "none" | "" => NONE,
            _ if text.ends_with('+') => Self { first: number(&text[..text.len() - 1])?, last: OPEN },
            _ => match text.split_once('-') {
                Some((a, b)) => Self { first: number(a)?, last: number(b)? },
                None => Self { first: number(text)?, last: number(text)? },
            },
        })
    }

    pub fn is_empty(self) -> bool {
        self.first > self.last
    }

    pub fn contains(self, other: Self) -> bool {
        other.is_empty() || (self.first <= other.first && self.last >= other.last)
    }

    pub fn intersect(self, other: Self) -> Self {
        let both = Self { first: self.first.max(other.first), last: self.last.min(other.last) };
        if both.is_empty() { NONE } else { both }
    }
}

impl std::fmt::Display for Versions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match *self {
            v if v.is_empty() => f.write_str("none"),
            Self { first, last: OPEN } => write!(f, "{first}+"),
            Self { first, last } if first == last => write!(f, "{first}"),
            Self { first, last } => write!(f, "{first}-{last}"),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Type {
    Primitive(String),
    Array(Box<Type>),
    Struct(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    pub name: String,
    pub kind: Type,
    pub versions: Versions,
    pub nullable: Versions,
    pub tag: Option<u32>,
    pub default: Option<String>,
    /// The string keeps its old form in flexible versions too (the client id of request headers).
    pub never_flexible: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Struct {
    pub name: String,
    pub versions: Versions,
    pub fields: Vec<Field>,
}

/// The first struct is the message itself; the others are what its fields name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// `request`, `response`, `header`, `data`, `key` or `value`.
    pub role: String,
    pub key: i16,
    pub versions: Versions,
    pub flexible: Versions,
    pub structs: Vec<Struct>,
}

pub const PRIMITIVES: [&str; 13] = [
    "bool", "int8", "int16", "uint16", "int32", "uint32", "int64", "float64", "string", "bytes", "records",
    "uuid", "varint",
];

impl Type {
    pub fn parse(text: &str) -> Self {
        if let Some(element) = text.strip_prefix("[]") {
            Self::Array(Box::new(Self::parse(element)))
        } else if PRIMITIVES.contains(&text) {
            Self::Primitive(text.to_owned())
        } else {
            Self::Struct(text.to_owned())
        }
    }
}

impl std::fmt::Display for Type {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Primitive(name) | Self::Struct(name) => f.write_str(name),
            Self::Array(element) => write!(f, "[]{element}"),
        }
    }
}

pub fn print(messages: &[Message]) -> String {
    let mut out = String::new();
    for message in messages {
        let Message { role, key, versions, flexible, structs } = message;
        writeln!(out, "{role} {} key {key} versions {versions} flexible {flexible}", structs[0].name)
            .expect("a string");
        for (i, s) in structs.iter().enumerate() {
            if i > 0 {
                writeln!(out, "  struct {} {}", s.name, s.versions).expect("a string");
            }
            for f in &s.fields {
                let indent = if i > 0 { "    " } else { "  " };
                write!(out, "{indent}{} {} {}", f.name, f.kind, f.versions).expect("a string");
                if !f.nullable.is_empty() {
                    write!(out, " nullable {}", f.nullable).expect("a string");
                }
                if let Some(tag) = f.tag {
                    write!(out, " tag {tag}").expect("a string");
                }
                if let Some(default) = &f.default {
                    write!(out, " default {default}").expect("a string");
                }
                if f.never_flexible {
                    out.push_str(" never-flexible");
                }
                out.push('\n');
            }
        }
    }
    out
}

pub fn parse(text: &str) -> Result<Vec<Message>> {
    let mut messages: Vec<Message> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let result = match words[..] {
            [] => Ok(()),
            [role, name, "key", key, "versions", versions, "flexible", flexible] => {
                let versions = Versions::parse(versions)?;
                messages.push(Message {
                    role: role.to_owned(),
                    key: key.parse()?,
                    versions,
                    flexible: Versions::parse(flexible)?,
                    structs: vec![Struct { name: name.to_owned(), versions, fields: Vec::new() }],
                });
                Ok(())
            }
            ["struct", name, versions] => {
                let message = messages.last_mut().context("a struct outside a message")?;
                let versions = Versions::parse(versions)?;
                message.structs.push(Struct { name: name.to_owned(), versions, fields: Vec::new() });
                Ok(())
            }
            [name, kind, versions, ref options @ ..] => {
                field(name, kind, versions, options).and_then(|field| {
                    let message = messages.last_mut().context("a field outside a message")?;
                    message.structs.last_mut().context("a field outside a struct")?.fields.push(field);
                    Ok(())
                })
            }
            _ => bail!("line {}: not a message, a struct or a field", number + 1),
        };
        result.with_context(|| format!("line {}", number + 1))?;
    }
    ensure!(!messages.is_empty(), "no message");
    Ok(messages)
}

fn field(name: &str, kind: &str, versions: &str, options: &[&str]) -> Result<Field> {
    let mut field = Field {
        name: name.to_owned(),
        kind: Type::parse(kind),
        versions: Versions::parse(versions)?,
        nullable: NONE,
        tag: None,
        default: None,
        never_flexible: false,
    };
    let mut options = options.iter();
    while let Some(option) = options.next() {
        let mut value = || options.next().with_context(|| format!("{option} wants a value"));
        match *option {
            "nullable" => field.nullable = Versions::parse(value()?)?,
            "tag" => field.tag = Some(value()?.parse()?),
            "default" => field.default = Some((*value()?).to_owned()),
            "never-flexible" => field.never_flexible = true,
            other => bail!("unknown option {other}"),
        }
    }
    Ok(field)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_parses_to_the_same() {
        let text = "request PingRequest key 7 versions 0-3 flexible 2+\n  name string 0+ nullable 1+\n  hops []Hop 2+ tag 0\n  struct Hop 2+\n    host string 2+\n    port int32 2+ default -1\n";
        let messages = parse(text).unwrap();
        assert_eq!(print(&messages), text);
        assert!(parse("  stray string 0+\n").is_err());
        assert!(parse("request P key x versions 0 flexible none\n").is_err());
    }
}
