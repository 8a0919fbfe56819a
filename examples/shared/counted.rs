//! Numbers in sentences, for the examples that print them.

use std::fmt::Display;

/// Formats a number and what it counts: `1 connection`, `2 connections`. `one` is the singular, and the
/// plural adds an `s`.
pub fn counted(number: impl Display, one: &str) -> String {
    let number = number.to_string();
    if number == "1" { format!("1 {one}") } else { format!("{number} {one}s") }
}
