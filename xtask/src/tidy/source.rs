//! A Rust source, seen as a tidy rule needs it: with strings, characters and comments blanked out.
//!
//! This is a scanner for well-formed code, not a parser: rustc has read the same file. Blanking keeps every line
//! break, so positions in the masked text are positions in the file.

use super::Tracked;

#[derive(Debug)]
pub struct Source {
    pub path: String,
    pub text: String,
    /// The text with literals and comments replaced by blanks.
    pub code: String,
    /// The text with everything but string and character literals replaced by blanks.
    pub literals: String,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Function {
    pub name: String,
    /// 1-based.
    pub line: usize,
    pub lines: usize,
}

impl Source {
    pub fn of(file: &Tracked) -> Option<Self> {
        let text = file.text.as_ref()?;
        file.path.ends_with(".rs").then(|| {
            let (code, literals) = mask(text);
            Self { path: file.path.clone(), text: text.clone(), code, literals }
        })
    }

    pub fn is_generated(&self) -> bool {
        self.path.starts_with("crates/wire/src/generated/")
    }

    /// A file that holds tests only.
    pub fn is_test(&self) -> bool {
        self.path.contains("/tests/")
            || self.path.contains("/benches/")
            || self.path.ends_with("/tests.rs")
            || self.path.ends_with("_tests.rs")
            || self.path.ends_with("/test_support.rs")
    }

    /// Bytes where the tests inside this file begin; its length when there are none. Tests come last (style).
    pub fn tests_begin(&self) -> usize {
        let mut from = 0;
        while let Some(found) = self.code[from..].find("#[cfg(test)]") {
            let after = self.code[from + found + "#[cfg(test)]".len()..].trim_start();
            if after.starts_with("mod ")
                && after.find('{').is_some_and(|b| after.find(';').is_none_or(|s| b < s))
            {
                return from + found;
            }
            from += found + 1;
        }
        self.code.len()
    }

    /// Lines without the tests at the end.
    pub fn lines(&self) -> usize {
        self.code[..self.tests_begin()].lines().count()
    }

    /// Every function with a body, nested ones included, tests left out.
    pub fn functions(&self) -> Vec<Function> {
        let code = &self.code[..self.tests_begin()];
        let bytes = code.as_bytes();
        let mut functions = Vec::new();
        for (at, _) in code.match_indices("fn ") {
            let starts_word = at == 0 || !is_word(bytes[at - 1]);
            let name: String =
                code[at + 3..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            if !starts_word || name.is_empty() {
                continue;
            }
            let Some(open) = body(code, at) else { continue };
            let close = matching_brace(bytes, open);
            let line = code[..at].matches('\n').count() + 1;
            functions.push(Function { name, line, lines: code[at..close].matches('\n').count() + 1 });
        }
        functions
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Where the body of the function at `at` opens; `None` for a declaration without one.
fn body(code: &str, at: usize) -> Option<usize> {
    let mut depth = 0i32;
    for (offset, byte) in code.as_bytes()[at..].iter().enumerate() {
        match byte {
            b'(' | b'[' => depth += 1,
            b')' | b']' => depth -= 1,
            b'{' if depth == 0 => return Some(at + offset),
            b';' if depth == 0 => return None,
            _ => {}
        }
    }
    None
}

fn matching_brace(bytes: &[u8], open: usize) -> usize {
    let mut depth = 0usize;
    for (offset, byte) in bytes[open..].iter().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return open + offset;
        }
    }
    bytes.len()
}

/// What stands at a position of the text.
enum Token {
    Code,
    Comment(usize),
    Literal(usize),
}

/// Splits a text into its code and its literals, both as long as the text.
fn mask(text: &str) -> (String, String) {
    let bytes = text.as_bytes();
    let mut code = vec![b' '; bytes.len()];
    let mut literals = code.clone();
    let mut at = 0;
    while at < bytes.len() {
        let (len, target) = match token(bytes, at) {
            Token::Code => (1, Some(&mut code)),
            Token::Comment(len) => (len, None),
            Token::Literal(len) => (len, Some(&mut literals)),
        };
        let end = (at + len.max(1)).min(bytes.len());
        if let Some(target) = target {
            target[at..end].copy_from_slice(&bytes[at..end]);
        }
        at = end;
    }
    for (i, byte) in bytes.iter().enumerate() {
        if *byte == b'\n' {
            code[i] = b'\n';
            literals[i] = b'\n';
        }
    }
    let own = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (own(code), own(literals))
}

fn token(bytes: &[u8], at: usize) -> Token {
    let rest = &bytes[at..];
    let after_word = at > 0 && is_word(bytes[at - 1]);
    match rest {
        [b'/', b'/', ..] => Token::Comment(rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len())),
        [b'/', b'*', ..] => Token::Comment(block_comment(rest)),
        [b'"', ..] => Token::Literal(string(rest, 0)),
        [b'\'', ..] => character(rest, 0),
        [b'b', b'"', ..] if !after_word => Token::Literal(string(rest, 1)),
        [b'b', b'\'', ..] if !after_word => character(rest, 1),
        [b'r', b'"' | b'#', ..] if !after_word => raw_string(rest, 1),
        [b'b', b'r', b'"' | b'#', ..] if !after_word => raw_string(rest, 2),
        _ => Token::Code,
    }
}

fn block_comment(rest: &[u8]) -> usize {
    let (mut depth, mut at) = (0usize, 0);
    while at < rest.len() {
        match rest[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    rest.len()
}

/// Length of a string literal whose quote stands at `quote`.
fn string(rest: &[u8], quote: usize) -> usize {
    let mut at = quote + 1;
    while at < rest.len() {
        match rest[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

fn raw_string(rest: &[u8], prefix: usize) -> Token {
    let hashes = rest[prefix..].iter().take_while(|b| **b == b'#').count();
    if rest.get(prefix + hashes) != Some(&b'"') {
        return Token::Code;
    }
    let start = prefix + hashes + 1;
    let mut end = vec![b'"'];
    end.extend(std::iter::repeat_n(b'#', hashes));
    let found = rest[start..].windows(end.len()).position(|window| window == end);
    Token::Literal(found.map_or(rest.len(), |f| start + f + end.len()))
}

/// A character literal, or a lifetime (which is code).
fn character(rest: &[u8], quote: usize) -> Token {
    match rest[quote + 1..] {
        [b'\\', _, ..] => {
            let close = rest[quote + 3..].iter().position(|b| *b == b'\'');
            Token::Literal(close.map_or(rest.len(), |c| quote + 3 + c + 1))
        }
        [first, ..] => {
            let width = match first {
                0..=0x7f => 1,
                0xc0..=0xdf => 2,
                0xe0..=0xef => 3,
                _ => 4,
            };
            let closed = rest.get(quote + 1 + width) == Some(&b'\'');
            if closed { Token::Literal(quote + width + 2) } else { Token::Code }
        }
        [] => Token::Code,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tracked_for_test;

    fn source(text: &str) -> Source {
        Source::of(&tracked_for_test("crates/x/src/a.rs", text)).unwrap()
    }

    #[test]
    fn literals_and_comments_are_blanked_and_code_stays() {
        let text = "let a = \"fn x {\"; // fn y {\nlet b = 'a'; /* { /* } */ */ fn f<'a>(x: &'a str) {}\n\
                    let c = r#\"{\"}\"#; let d = b'\\''; let e = '\\u{7b}'; let g = br\"{\";\n";
        let source = source(text);
        assert_eq!(source.code.len(), text.len());
        assert_eq!(source.code.lines().count(), text.lines().count());
        assert_eq!(source.code.matches('{').count(), 1);
        assert_eq!(source.functions(), [Function { name: "f".to_owned(), line: 2, lines: 1 }]);
        assert!(source.literals.contains("fn x {") && !source.literals.contains("fn y"));
    }

    #[test]
    fn lengths_leave_out_the_tests() {
        let source = source("fn a() {\n    b()\n}\n\n#[cfg(test)]\nmod tests {\n    fn c() {\n    }\n}\n");
        assert_eq!(source.lines(), 4);
        assert_eq!(source.functions(), [Function { name: "a".to_owned(), line: 1, lines: 3 }]);
    }

    #[test]
    fn declarations_without_body_are_no_functions() {
        assert!(source("trait T {\n    fn a(&self, b: [u8; 4]);\n}\n").functions().is_empty());
    }
}
