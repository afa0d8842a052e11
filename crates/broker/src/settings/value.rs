//! Values of settings: text to type, the range a type may be held to, and the text Kafka shows.
//!
//! Parsing follows Kafka's configuration definitions, so that a value is good here exactly when it is good there:
//! numbers, lists and truth values are trimmed, text is not. A reason is a fragment in Kafka's words; who reads it adds
//! which setting it is about and where it stood.

use std::borrow::Cow;
use std::fmt;

/// The type of a setting, by Kafka's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Boolean,
    String,
    Int,
    Short,
    Long,
    Double,
    List,
    Class,
    Password,
}

impl Kind {
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "boolean" => Self::Boolean,
            "string" => Self::String,
            "int" => Self::Int,
            "short" => Self::Short,
            "long" => Self::Long,
            "double" => Self::Double,
            "list" => Self::List,
            "class" => Self::Class,
            "password" => Self::Password,
            _ => return None,
        })
    }

    /// The number DescribeConfigs has for the type.
    pub fn code(self) -> i8 {
        match self {
            Self::Boolean => 1,
            Self::String => 2,
            Self::Int => 3,
            Self::Short => 4,
            Self::Long => 5,
            Self::Double => 6,
            Self::List => 7,
            Self::Class => 8,
            Self::Password => 9,
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Bool(bool),
    Number(i64),
    Double(f64),
    Text(String),
    List(Vec<String>),
}

impl Value {
    pub fn parse(kind: Kind, text: &str) -> Result<Self, &'static str> {
        let trimmed = text.trim();
        match kind {
            Kind::Boolean if trimmed.eq_ignore_ascii_case("true") => Ok(Self::Bool(true)),
            Kind::Boolean if trimmed.eq_ignore_ascii_case("false") => Ok(Self::Bool(false)),
            Kind::Boolean => Err("Expected value to be either true or false"),
            Kind::Int => whole::<i32>(trimmed, "Not a number of type INT"),
            Kind::Short => whole::<i16>(trimmed, "Not a number of type SHORT"),
            Kind::Long => whole::<i64>(trimmed, "Not a number of type LONG"),
            Kind::Double => match trimmed.parse::<f64>() {
                Ok(number) if !number.is_nan() => Ok(Self::Double(number)),
                _ => Err("Not a number of type DOUBLE"),
            },
            Kind::List if trimmed.is_empty() => Ok(Self::List(Vec::new())),
            Kind::List => Ok(Self::List(trimmed.split(',').map(|item| item.trim().to_owned()).collect())),
            Kind::String => Ok(Self::Text(text.to_owned())),
            Kind::Class | Kind::Password => Ok(Self::Text(trimmed.to_owned())),
        }
    }

    pub fn as_bool(&self) -> Option<bool> {
        if let Self::Bool(value) = self { Some(*value) } else { None }
    }

    pub fn as_number(&self) -> Option<i64> {
        if let Self::Number(value) = self { Some(*value) } else { None }
    }

    pub fn as_text(&self) -> Option<&str> {
        if let Self::Text(value) = self { Some(value) } else { None }
    }

    pub fn as_list(&self) -> Option<&[String]> {
        if let Self::List(value) = self { Some(value) } else { None }
    }
}

fn whole<T: std::str::FromStr + Into<i64>>(text: &str, reason: &'static str) -> Result<Value, &'static str> {
    text.parse::<T>().map(|number| Value::Number(number.into())).map_err(|_| reason)
}

/// As Kafka prints it.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => value.fmt(f),
            Self::Number(value) => value.fmt(f),
            Self::Double(value) => f.write_str(&java_double(*value)),
            Self::Text(value) => f.write_str(value),
            Self::List(value) => f.write_str(&value.join(",")),
        }
    }
}

/// Java's text of a double: plain between 10^-3 and 10^7, else with an exponent; always with a decimal point.
fn java_double(value: f64) -> String {
    if value.is_infinite() {
        return if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    if value == 0.0 || (1e-3..1e7).contains(&value.abs()) {
        return format!("{value:?}");
    }
    let text = format!("{value:e}");
    match text.split_once('e') {
        Some((digits, exponent)) if digits.contains('.') => format!("{digits}E{exponent}"),
        Some((digits, exponent)) => format!("{digits}.0E{exponent}"),
        None => text,
    }
}

/// The values a setting allows.
#[derive(Debug, Clone, PartialEq)]
pub enum Valid {
    Any,
    AtLeast(f64),
    Between(f64, f64),
    /// A range, and -1 for "the default of the codec".
    BetweenOrDefault(i64, i64),
    /// One of these; of a list, each element.
    OneOf(Vec<String>),
    OneOfAnyCase(Vec<String>),
    NotEmpty,
    /// `*`, or pairs of partition and broker.
    Replicas,
    /// `latest`, `earliest` or `by_duration:` and an ISO 8601 duration.
    OffsetReset,
}

impl Valid {
    /// From the table's notation.
    pub(super) fn named(text: &str) -> Option<Self> {
        let items = |list: &str| list.split(',').map(|item| item.trim().to_owned()).collect::<Vec<_>>();
        match text {
            // An empty text cannot be told from a missing one in any source, so there is nothing to check.
            "-" | "non-null string" => return Some(Self::Any),
            "non-empty string" | "non-empty list" => return Some(Self::NotEmpty),
            _ if text.starts_with("[partitionId]") => return Some(Self::Replicas),
            _ if text.contains("by_duration") => return Some(Self::OffsetReset),
            _ => {}
        }
        if let Some(range) = text.strip_suffix(" or -1") {
            let (from, to) = range.strip_prefix('[')?.strip_suffix(']')?.split_once(",...,")?;
            return Some(Self::BetweenOrDefault(from.parse().ok()?, to.parse().ok()?));
        }
        if let Some(list) = text.strip_prefix("(case insensitive) ") {
            return Some(Self::OneOfAnyCase(items(list.strip_prefix('[')?.strip_suffix(']')?)));
        }
        let inner = text.strip_prefix('[')?.strip_suffix(']')?;
        if let Some(from) = inner.strip_suffix(",...") {
            return Some(Self::AtLeast(from.parse().ok()?));
        }
        if let Some((from, to)) = inner.split_once(",...,") {
            return Some(Self::Between(from.parse().ok()?, to.parse().ok()?));
        }
        Some(Self::OneOf(items(inner)))
    }

    /// Why the value is refused.
    pub fn check(&self, name: &str, value: &Value) -> Result<(), Cow<'static, str>> {
        match (self, value) {
            (Self::Any, _) => Ok(()),
            (Self::AtLeast(from), Value::Number(n)) => at_least(*n as f64, *from),
            (Self::AtLeast(from), Value::Double(n)) => at_least(*n, *from),
            (Self::Between(from, to), Value::Number(n)) => between(*n as f64, *from, *to),
            (Self::Between(from, to), Value::Double(n)) => between(*n, *from, *to),
            (Self::BetweenOrDefault(from, to), Value::Number(n)) => {
                if *n == -1 || (from..=to).contains(&n) {
                    Ok(())
                } else {
                    Err(format!("Value must be between {from} and {to} or equal to -1").into())
                }
            }
            (Self::OneOf(known), Value::Text(text)) => one_of(known, text.trim(), false),
            (Self::OneOf(known), Value::List(list)) => {
                list.iter().try_for_each(|item| one_of(known, item, false))
            }
            (Self::OneOfAnyCase(known), Value::Text(text)) => one_of(known, text.trim(), true),
            (Self::NotEmpty, Value::Text(text)) if text.is_empty() => Err("String must be non-empty".into()),
            (Self::NotEmpty, Value::List(list)) if list.is_empty() => {
                Err("Configuration must not be empty".into())
            }
            (Self::Replicas, Value::List(list)) if !are_replicas(list) => Err(format!(
                "{name} must be the literal '*' or a list of replicas in the following format: \
                 [partitionId]:[brokerId],[partitionId]:[brokerId],..."
            )
            .into()),
            (Self::OffsetReset, Value::Text(text))
                if !matches!(text.as_str(), "latest" | "earliest") && !text.starts_with("by_duration:") =>
            {
                Err("String must be one of: latest, earliest, by_duration:PnDTnHnMn.nS".into())
            }
            _ => Ok(()),
        }
    }
}

fn at_least(number: f64, from: f64) -> Result<(), Cow<'static, str>> {
    if number >= from { Ok(()) } else { Err(format!("Value must be at least {from}").into()) }
}

fn between(number: f64, from: f64, to: f64) -> Result<(), Cow<'static, str>> {
    at_least(number, from)?;
    if number <= to { Ok(()) } else { Err(format!("Value must be no more than {to}").into()) }
}

fn one_of(known: &[String], text: &str, any_case: bool) -> Result<(), Cow<'static, str>> {
    let is = |item: &String| if any_case { item.eq_ignore_ascii_case(text) } else { item == text };
    if known.iter().any(is) {
        return Ok(());
    }
    let case = if any_case { "(case insensitive) " } else { "" };
    Err(format!("String must be one of{}: {}", case.trim_end(), known.join(", ")).into())
}

fn are_replicas(list: &[String]) -> bool {
    let is_pair = |item: &String| {
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        item.split_once(':').is_some_and(|(partition, broker)| digits(partition) && digits(broker))
    };
    list == ["*"] || list.iter().all(is_pair)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_parse_and_print_as_in_kafka() {
        for (kind, text, shown) in [
            (Kind::Boolean, " TRUE ", Some("true")),
            (Kind::Boolean, "yes", None),
            (Kind::Int, " 2097152 ", Some("2097152")),
            (Kind::Int, "+5", Some("5")),
            (Kind::Int, "99999999999", None),
            (Kind::Int, "", None),
            (Kind::Short, "40000", None),
            (Kind::Long, "9223372036854775807", Some("9223372036854775807")),
            (Kind::Double, "0.50", Some("0.5")),
            (Kind::Double, "1e-5", Some("1.0E-5")),
            (Kind::Double, "1.7976931348623157E308", Some("1.7976931348623157E308")),
            (Kind::Double, "2.147483647E9", Some("2.147483647E9")),
            (Kind::Double, "NaN", None),
            (Kind::List, " a , b", Some("a,b")),
            (Kind::List, "", Some("")),
            (Kind::String, " a ", Some(" a ")),
        ] {
            let value = Value::parse(kind, text).ok().map(|value| value.to_string());
            assert_eq!(value.as_deref(), shown, "{kind:?} {text:?}");
        }
    }

    #[test]
    fn ranges_refuse_in_the_words_of_kafka() {
        let check = |valid: &str, kind, text: &str| {
            let valid = Valid::named(valid).expect("the notation is known");
            let value = Value::parse(kind, text).expect("the type is right");
            valid.check("a.b", &value).err().map(Cow::into_owned)
        };
        assert_eq!(check("[1048576,...]", Kind::Int, "5").as_deref(), Some("Value must be at least 1048576"));
        assert_eq!(check("[0,...,1]", Kind::Double, "3").as_deref(), Some("Value must be no more than 1"));
        assert_eq!(check("[0,...,1]", Kind::Double, "0.5"), None);
        assert_eq!(
            check("[1,...,9] or -1", Kind::Int, "0").as_deref(),
            Some("Value must be between 1 and 9 or equal to -1")
        );
        assert_eq!(check("[1,...,9] or -1", Kind::Int, "-1"), None);
        assert_eq!(
            check("[compact, delete]", Kind::List, "delete, shred").as_deref(),
            Some("String must be one of: compact, delete")
        );
        let replicas = "[partitionId]:[brokerId],[partitionId]:[brokerId],...";
        for good in ["", "*", "1:2,3:4"] {
            assert_eq!(check(replicas, Kind::List, good), None);
        }
        for bad in ["none", "1:2:3", "*,1:2", ":"] {
            assert!(check(replicas, Kind::List, bad).is_some(), "{bad}");
        }
    }
}
