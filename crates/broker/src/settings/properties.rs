//! Java's properties format, as `server.properties` is written: keys, values, escapes, comments, continued lines.
//!
//! The rules are those of `java.util.Properties`. A key that is repeated keeps its last value, which is the caller's to
//! do: every entry is returned with the line its key stood on.

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub name: String,
    pub value: String,
    /// 1-based.
    pub line: usize,
}

/// The entries in order, and what is wrong with a line.
pub fn parse(text: &str) -> (Vec<Entry>, Vec<(usize, String)>) {
    let mut entries = Vec::new();
    let mut problems = Vec::new();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines = text.lines().enumerate();
    while let Some((index, first)) = lines.next() {
        let first = trim_start(first);
        if first.is_empty() || first.starts_with(['#', '!']) {
            continue;
        }
        let mut logical = first.to_owned();
        while ends_with_continuation(&logical) {
            logical.pop();
            let Some((_, next)) = lines.next() else { break };
            logical.push_str(trim_start(next));
        }
        match split(&logical) {
            Ok((name, value)) => entries.push(Entry { name, value, line: index + 1 }),
            Err(problem) => problems.push((index + 1, problem)),
        }
    }
    (entries, problems)
}

fn trim_start(line: &str) -> &str {
    line.trim_start_matches(is_blank)
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\u{c}')
}

/// An odd number of backslashes at the end.
fn ends_with_continuation(line: &str) -> bool {
    line.bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 1
}

/// The key ends at the first `=`, `:` or blank that is not escaped; one `=` or `:` among blanks separates.
fn split(line: &str) -> Result<(String, String), String> {
    let mut escaped = false;
    let is_end = |c: char| {
        let ends = !escaped && (matches!(c, '=' | ':') || is_blank(c));
        escaped = c == '\\' && !escaped;
        ends
    };
    let end = line.find(is_end).unwrap_or(line.len());
    let (key, rest) = line.split_at(end);
    let rest = trim_start(rest);
    let value = rest.strip_prefix(['=', ':']).map_or(rest, trim_start);
    Ok((unescape(key)?, unescape(value)?))
}

fn unescape(text: &str) -> Result<String, String> {
    if !text.contains('\\') {
        return Ok(text.to_owned());
    }
    let mut out = String::with_capacity(text.len());
    let mut units = Vec::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            flush(&mut units, &mut out);
            out.push(c);
            continue;
        }
        let Some(escape) = chars.next() else { break };
        if escape == 'u' {
            let digits: String = chars.by_ref().take(4).collect();
            let is_hex = digits.len() == 4 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
            let unit = if is_hex { u16::from_str_radix(&digits, 16).ok() } else { None };
            units.push(unit.ok_or_else(|| format!("\\u{digits} is not four hexadecimal digits"))?);
            continue;
        }
        flush(&mut units, &mut out);
        out.push(match escape {
            't' => '\t',
            'n' => '\n',
            'r' => '\r',
            'f' => '\u{c}',
            other => other,
        });
    }
    flush(&mut units, &mut out);
    Ok(out)
}

/// Code units of UTF-16: a character beyond the first plane is written as two escapes.
fn flush(units: &mut Vec<u16>, out: &mut String) {
    out.extend(char::decode_utf16(units.drain(..)).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &str) -> Vec<(String, String, usize)> {
        let (entries, problems) = parse(text);
        assert!(problems.is_empty(), "{problems:?}");
        entries.into_iter().map(|e| (e.name, e.value, e.line)).collect()
    }

    #[test]
    fn lines_are_read_as_java_reads_them() {
        for (text, name, value) in [
            ("a=b", "a", "b"),
            ("  a : b ", "a", "b "),
            ("a b", "a", "b"),
            ("a\t=\tb=c", "a", "b=c"),
            ("a", "a", ""),
            ("a=", "a", ""),
            ("a\\ b=c", "a b", "c"),
            ("a\\=b=c", "a=b", "c"),
            ("a=x\\\n   y", "a", "xy"),
            ("a=x\\\\\nb=c", "a", "x\\"),
            ("a=\\u0041\\t\\q", "a", "A\tq"),
            ("a=\\ud83d\\ude00!", "a", "\u{1f600}!"),
            ("a=x\\", "a", "x"),
        ] {
            let first = pairs(text).remove(0);
            assert_eq!((first.0.as_str(), first.1.as_str()), (name, value), "{text:?}");
        }
        assert!(pairs("# c\n\n  ! d \\\n").is_empty());
    }

    #[test]
    fn an_entry_stands_on_the_line_of_its_key() {
        let found = pairs("# top\r\na=1\\\r\n 2\r\nb=3\r\na=4\r\n");
        let expected = [("a", "12", 2), ("b", "3", 4), ("a", "4", 5)];
        assert_eq!(found, expected.map(|(n, v, l)| (n.to_owned(), v.to_owned(), l)));
    }

    #[test]
    fn a_bad_escape_is_a_problem_of_its_line() {
        let (entries, problems) = parse("a=1\nb=\\u12g4\nc=2\nd=\\u+123");
        assert_eq!(entries.len(), 2);
        assert_eq!(problems.iter().map(|p| p.0).collect::<Vec<_>>(), [2, 4]);
    }
}
