//! `consume -f`: a text with letters for the parts of a record, as kcat has them.
//!
//! `%t` topic, `%p` partition, `%o` offset, `%k` key, `%K` its length, `%s` or `%v` value, `%S` its length (-1 for
//! null), `%h` headers, `%T` timestamp, `%%` a percent sign. `%k{hex}`, `%s{base64}`, `%s{json}` change how bytes are
//! written. `\n \t \r \0 \\ \xNN` are bytes. A template is parsed once, so that a mistake is told before any record.

use super::{ConsumedRecord, base64};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(Vec<u8>),
    Topic,
    Partition,
    Offset,
    Timestamp,
    Headers,
    Key(Form),
    KeyLength,
    Value(Form),
    ValueLength,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Raw,
    Hex,
    Base64,
    Json,
}

impl Template {
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut literal = Vec::new();
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            rest = &rest[c.len_utf8()..];
            match c {
                '%' if rest.starts_with('%') => {
                    literal.push(b'%');
                    rest = &rest[1..];
                }
                '%' => {
                    let (piece, after) = letter(rest)?;
                    if !literal.is_empty() {
                        pieces.push(Piece::Text(std::mem::take(&mut literal)));
                    }
                    pieces.push(piece);
                    rest = after;
                }
                '\\' => {
                    let (byte, after) = escape(rest)?;
                    literal.push(byte);
                    rest = after;
                }
                c => literal.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        if !literal.is_empty() {
            pieces.push(Piece::Text(literal));
        }
        Ok(Self(pieces))
    }

    /// Appends the record. `null` stands for a null key or value where the bytes themselves are written.
    pub fn render(&self, record: &ConsumedRecord, null: &str, out: &mut Vec<u8>) {
        let number = |out: &mut Vec<u8>, n: i64| out.extend_from_slice(n.to_string().as_bytes());
        for piece in &self.0 {
            match piece {
                Piece::Text(bytes) => out.extend_from_slice(bytes),
                Piece::Topic => out.extend_from_slice(record.topic.as_bytes()),
                Piece::Partition => number(out, i64::from(record.partition)),
                Piece::Offset => number(out, record.offset),
                Piece::Timestamp => number(out, record.timestamp),
                Piece::Headers => headers(record, out),
                Piece::Key(form) => field(record.key.as_deref(), *form, null, out),
                Piece::Value(form) => field(record.value.as_deref(), *form, null, out),
                Piece::KeyLength => number(out, length(record.key.as_deref())),
                Piece::ValueLength => number(out, length(record.value.as_deref())),
            }
        }
    }
}

fn length(bytes: Option<&[u8]>) -> i64 {
    bytes.map_or(-1, |bytes| i64::try_from(bytes.len()).unwrap_or(i64::MAX))
}

fn letter(text: &str) -> Result<(Piece, &str), String> {
    let letter = text.chars().next().ok_or("ends with a lone `%`; write `%%` for a percent sign")?;
    let rest = &text[letter.len_utf8()..];
    let plain = match letter {
        't' => Some(Piece::Topic),
        'p' => Some(Piece::Partition),
        'o' => Some(Piece::Offset),
        'T' => Some(Piece::Timestamp),
        'h' => Some(Piece::Headers),
        'K' => Some(Piece::KeyLength),
        'S' => Some(Piece::ValueLength),
        _ => None,
    };
    if let Some(piece) = plain {
        return Ok((piece, rest));
    }
    let (form, rest) = form(rest)?;
    match letter {
        'k' => Ok((Piece::Key(form), rest)),
        's' | 'v' => Ok((Piece::Value(form), rest)),
        other => Err(format!("`%{other}` is no letter; use t p o k K s v S h T or %%")),
    }
}

/// A form in braces behind the letter. Braces around anything else are text, as in `{"key":"%k"}`.
fn form(text: &str) -> Result<(Form, &str), String> {
    let Some((name, rest)) = text.strip_prefix('{').and_then(|inner| inner.split_once('}')) else {
        return Ok((Form::Raw, text));
    };
    match name {
        "hex" => Ok((Form::Hex, rest)),
        "base64" => Ok((Form::Base64, rest)),
        "json" => Ok((Form::Json, rest)),
        other => Err(format!("`{{{other}}}` is no form; use {{hex}}, {{base64}} or {{json}}")),
    }
}

fn escape(text: &str) -> Result<(u8, &str), String> {
    let simple = |byte: u8| Ok((byte, &text[1..]));
    match text.chars().next() {
        Some('n') => simple(b'\n'),
        Some('t') => simple(b'\t'),
        Some('r') => simple(b'\r'),
        Some('0') => simple(0),
        Some('\\') => simple(b'\\'),
        Some('x') => {
            let digits = text.get(1..3).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
            let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
            byte.map(|byte| (byte, &text[3..])).ok_or_else(|| "`\\x` needs two hexadecimal digits".to_owned())
        }
        Some(other) => Err(format!("`\\{other}` is no escape; use \\n \\t \\r \\0 \\\\ or \\xNN")),
        None => Err("ends with a lone backslash; write `\\\\` for a backslash".to_owned()),
    }
}

/// A separator given on the command line: the same escapes, no letters.
pub fn unescape(text: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        if c == '\\' {
            let (byte, after) = escape(rest)?;
            bytes.push(byte);
            rest = after;
        } else {
            bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }
    Ok(bytes)
}

fn headers(record: &ConsumedRecord, out: &mut Vec<u8>) {
    for (i, (key, value)) in record.headers.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        out.extend_from_slice(key);
        out.push(b'=');
        out.extend_from_slice(value.as_deref().unwrap_or(b"NULL"));
    }
}

fn field(bytes: Option<&[u8]>, form: Form, null: &str, out: &mut Vec<u8>) {
    let Some(bytes) = bytes else {
        out.extend_from_slice(if form == Form::Json { "null" } else { null }.as_bytes());
        return;
    };
    match form {
        Form::Raw => out.extend_from_slice(bytes),
        Form::Hex => bytes.iter().for_each(|byte| out.extend_from_slice(format!("{byte:02x}").as_bytes())),
        Form::Base64 => out.extend_from_slice(base64::encode(bytes).as_bytes()),
        Form::Json => {
            out.extend_from_slice(serde_json::json!(String::from_utf8_lossy(bytes)).to_string().as_bytes())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::record_for_test;
    use super::*;

    fn render(template: &str, change: impl FnOnce(&mut ConsumedRecord)) -> String {
        let mut record = record_for_test();
        change(&mut record);
        let mut out = Vec::new();
        Template::parse(template).unwrap().render(&record, "NULL", &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_letter_and_form_is_rendered() {
        let cases = [
            ("%t/%p@%o %T\\n", "t1/2@41 1700000000123\n"),
            ("%k(%K)=%s(%S) %v", "k(1)=hello(5) hello"),
            ("%h", "a=1,a=NULL"),
            ("%s{hex} %s{base64} %s{json}", "68656c6c6f aGVsbG8= \"hello\""),
            ("100%% {%k} \\x41\\t\\\\", "100% {k} A\t\\"),
            ("", ""),
        ];
        for (template, expected) in cases {
            assert_eq!(render(template, |_| ()), expected, "{template}");
        }
    }

    #[test]
    fn null_differs_from_empty() {
        assert_eq!(render("%k %K %s{json}", |r| (r.key, r.value) = (None, None)), "NULL -1 null");
        assert_eq!(render("%k|%K", |r| r.key = Some(Default::default())), "|0");
    }

    #[test]
    fn mistakes_are_named() {
        for template in ["%", "%q", "%k{xml}", "\\", "\\q", "\\x4", "\\xzz"] {
            assert!(Template::parse(template).is_err(), "{template}");
        }
    }
}
