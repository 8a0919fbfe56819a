//! This file writes the page, which is the template with a record and its name.

use std::io::{self, BufWriter, Write};

use data_encoding::BASE64;

use crate::record::Record;

/// The files of `page/` as one file. `build.rs` makes it, and has checked that each marker occurs once.
const TEMPLATE: &str = include_str!(concat!(env!("OUT_DIR"), "/page.html"));
const TITLE: (&str, &str) = ("<title>", "</title>");
const RECORD: (&str, &str) = ("<script id=\"record\" type=\"application/octet-stream;base64\">", "</script>");

/// A multiple of three bytes needs no padding in base64.
const CHUNK_BYTES: usize = 3 * 1024;

/// Writes a page that shows the record. The page needs no other file and no network.
///
/// `name` is the page's title. The program passes the file name of the record.
///
/// # Errors
///
/// An error is that of the writer.
pub fn write_page(record: &Record, name: &str, to: impl Write) -> io::Result<()> {
    let mut to = BufWriter::new(to);
    let (before, rest) = around(TEMPLATE, TITLE.0);
    let (_, rest) = around(rest, TITLE.1);
    let (between, after) = around(rest, RECORD.0);
    write!(to, "{before}{}{}{}{between}{}", TITLE.0, escaped(name), TITLE.1, RECORD.0)?;
    let mut bytes = record.checked_bytes();
    let mut chunk = Vec::with_capacity(CHUNK_BYTES);
    loop {
        chunk.clear();
        chunk.extend(bytes.by_ref().take(CHUNK_BYTES));
        if chunk.is_empty() {
            break;
        }
        to.write_all(BASE64.encode(&chunk).as_bytes())?;
    }
    write!(to, "{after}")?;
    to.flush()
}

fn around<'a>(page: &'a str, marker: &str) -> (&'a str, &'a str) {
    page.split_once(marker).unwrap_or((page, ""))
}

/// Returns the name as text of an HTML element. Control characters, which HTML text must not have,
/// become U+FFFD.
fn escaped(name: &str) -> String {
    let mut escaped = String::new();
    for character in name.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            character if character.is_control() => escaped.push('\u{fffd}'),
            character => escaped.push(character),
        }
    }
    escaped
}
