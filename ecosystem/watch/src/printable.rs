//! This file formats names and times for a terminal.

use std::borrow::Cow;

/// Returns the text with an escape for each character on which a terminal would act: control characters,
/// marks of direction, and separators of lines.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(acts) {
        return Cow::Borrowed(text);
    }
    let mut printable = String::with_capacity(text.len());
    for character in text.chars() {
        if acts(character) {
            printable.extend(character.escape_unicode());
        } else {
            printable.push(character);
        }
    }
    Cow::Owned(printable)
}

fn acts(character: char) -> bool {
    let direction = matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    character.is_control() || direction || matches!(character, '\u{2028}' | '\u{2029}')
}

/// Formats a time with three significant digits and its unit.
pub fn time(ns: u64) -> String {
    let (unit, per_unit) = match ns {
        0..1_000 => return format!("{ns} ns"),
        1_000..999_500 => ("µs", 1e3),
        999_500..999_500_000 => ("ms", 1e6),
        _ => ("s", 1e9),
    };
    let value = ns as f64 / per_unit;
    let decimals = if value < 9.995 {
        2
    } else if value < 99.95 {
        1
    } else {
        0
    };
    format!("{value:.decimals$} {unit}")
}

/// Formats a count with a comma between thousands.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// Formats a number of bytes in decimal units.
pub fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..999_950 => format!("{:.1} kB", bytes as f64 / 1e3),
        999_950..999_950_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::{count, printable, size, time};

    #[test]
    fn a_name_cannot_move_the_cursor_or_turn_the_line() {
        assert_eq!(printable("\u{1b}[31m\u{7}\n\u{202e}x\u{9b}"), r"\u{1b}[31m\u{7}\u{a}\u{202e}x\u{9b}");
        assert_eq!(printable("connection é 🦀"), "connection é 🦀");
    }

    #[test]
    fn a_time_has_three_digits_that_count() {
        let shown = [999, 1_000, 12_345, 999_499, 999_500, 9_994_999, 9_995_000, 1_500_000_000].map(time);
        assert_eq!(
            shown,
            ["999 ns", "1.00 µs", "12.3 µs", "999 µs", "1.00 ms", "9.99 ms", "10.0 ms", "1.50 s"]
        );
        assert_eq!(time(u64::MAX), "18446744074 s");
    }

    #[test]
    fn counts_and_sizes_are_easy_to_read() {
        assert_eq!(
            [0, 999, 1_000, 40_123, 1_234_567].map(count),
            ["0", "999", "1,000", "40,123", "1,234,567"]
        );
        assert_eq!([0, 999, 1_000, 1_234_567].map(size), ["0 B", "999 B", "1.0 kB", "1.2 MB"]);
    }
}
