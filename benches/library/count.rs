//! The number of lines of code and of `unsafe` blocks. A lexer counts tokens, so that comments and
//! string literals do not count.

use std::collections::BTreeSet;
use std::path::Path;

use proc_macro2::{Delimiter, Span, TokenStream, TokenTree};

/// The counts of a file or a directory.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Count {
    /// The lines that contain code.
    pub lines: usize,
    /// The blocks `unsafe { .. }`.
    pub unsafe_blocks: usize,
}

/// Counts all Rust files below a directory, without the files of tests.
pub fn directory(directory: &Path) -> Result<Count, String> {
    let message = |error: std::io::Error| format!("{}: {error}", directory.display());
    let mut sum = Count::default();
    for entry in std::fs::read_dir(directory).map_err(message)? {
        let path = entry.map_err(message)?.path();
        let stem = path.file_stem().unwrap_or_default();
        if stem == "tests" || stem == "test" {
            continue;
        }
        let count = if path.is_dir() {
            self::directory(&path)?
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            text(&std::fs::read_to_string(&path).map_err(message)?)?
        } else {
            Count::default()
        };
        sum.lines += count.lines;
        sum.unsafe_blocks += count.unsafe_blocks;
    }
    Ok(sum)
}

/// Counts one file.
pub fn text(text: &str) -> Result<Count, String> {
    let tokens: TokenStream = text.parse().map_err(|error| format!("not Rust: {error}"))?;
    let mut counter = Counter::default();
    counter.take(tokens);
    Ok(Count { lines: counter.lines.len(), unsafe_blocks: counter.unsafe_blocks })
}

#[derive(Default)]
struct Counter {
    lines: BTreeSet<usize>,
    unsafe_blocks: usize,
}

impl Counter {
    fn take(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut at = 0;
        while at < tokens.len() {
            match attribute(&tokens[at..]) {
                Some((length, attribute)) if says(&attribute, "doc") => at += length,
                Some((_, attribute)) if is_for_tests(attribute.clone()) => at += item_length(&tokens[at..]),
                _ => {
                    self.token(&tokens[at], tokens.get(at + 1));
                    at += 1;
                }
            }
        }
    }

    fn token(&mut self, token: &TokenTree, next: Option<&TokenTree>) {
        match token {
            TokenTree::Group(group) => {
                self.mark(group.span_open());
                self.mark(group.span_close());
                self.take(group.stream());
            }
            TokenTree::Ident(word) => {
                let block = matches!(next, Some(TokenTree::Group(it)) if it.delimiter() == Delimiter::Brace);
                self.unsafe_blocks += usize::from(word == "unsafe" && block);
                self.mark(word.span());
            }
            other => self.mark(other.span()),
        }
    }

    fn mark(&mut self, span: Span) {
        self.lines.extend(span.start().line..=span.end().line);
    }
}

fn is_punct(token: &TokenTree, character: char) -> bool {
    matches!(token, TokenTree::Punct(it) if it.as_char() == character)
}

/// Returns the number of tokens of the attribute that begins here, and the tokens between its brackets.
/// Returns `None` if no attribute begins here.
fn attribute(tokens: &[TokenTree]) -> Option<(usize, TokenStream)> {
    let (first, mut rest) = tokens.split_first()?;
    let mut length = 2;
    if let Some((mark, behind)) = rest.split_first()
        && is_punct(mark, '!')
    {
        (rest, length) = (behind, 3);
    }
    match rest.first()? {
        TokenTree::Group(it) if it.delimiter() == Delimiter::Bracket && is_punct(first, '#') => {
            Some((length, it.stream()))
        }
        _ => None,
    }
}

fn says(tokens: &TokenStream, name: &str) -> bool {
    matches!(tokens.clone().into_iter().next(), Some(TokenTree::Ident(word)) if word == name)
}

/// Whether the attribute is `cfg(test)` or `cfg(all(test, ..))`.
fn is_for_tests(attribute: TokenStream) -> bool {
    let inner = |tokens: TokenStream, name: &str| match tokens.into_iter().collect::<Vec<_>>()[..] {
        [TokenTree::Ident(ref word), TokenTree::Group(ref group)] if word == name => Some(group.stream()),
        _ => None,
    };
    let Some(condition) = inner(attribute, "cfg") else { return false };
    let all = inner(condition.clone(), "all").unwrap_or(condition);
    all.into_iter().any(|token| matches!(token, TokenTree::Ident(word) if word == "test"))
}

/// Returns the number of tokens of an item, including its attributes. An item ends with braces or a
/// semicolon.
fn item_length(tokens: &[TokenTree]) -> usize {
    let is_end = |token: &TokenTree| match token {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        other => is_punct(other, ';'),
    };
    tokens.iter().position(is_end).map_or(tokens.len(), |last| last + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_tests_do_not_count() {
        let code = "//! doc\n\n/// unsafe { }\nfn main() { // more\n    let text = \"unsafe { }\";\n    /* unsafe { } */\n\
                    \x20   m!(unsafe { 1 });\n}\n#[cfg(test)]\n#[allow(x)]\nmod tests {\n    fn f() { unsafe { } }\n}\n";
        assert_eq!(text(code), Ok(Count { lines: 4, unsafe_blocks: 1 }));
    }

    #[test]
    fn code_for_other_than_tests_counts() {
        let code = "#[cfg(not(test))]\nunsafe fn f() {}\n#[cfg(all(test, loom))]\nmod m;\nunsafe impl Send for X {}\n";
        assert_eq!(text(code), Ok(Count { lines: 3, unsafe_blocks: 0 }));
        assert!(text("fn f( {").is_err());
    }
}
