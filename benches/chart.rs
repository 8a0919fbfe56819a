//! The headline of a run as one SVG file, for a document. The file has a background of its own, and
//! colours for light and dark schemes.
//!
//! GitHub shows such a file as an image. An image loads nothing, runs no script, and follows the colour
//! scheme of the reader.

use plotters::style::RGBColor;
use plotters::style::text_anchor::HPos;

use crate::headline;
use crate::page::paint::{self, Canvas, Drawn, Layout, PAPER, QUIET};
use crate::page::{PLOT_STYLE, ratios};
use crate::record::Record;

/// The text column of a document on GitHub is about 830 pixels wide.
const LAYOUT: Layout = Layout { width: 830, is_narrow: false };
/// The margin between the background's edge and the texts.
const MARGIN: i32 = 16;
const LINE: i32 = 22;

/// Returns the picture.
///
/// # Errors
///
/// The error is a message with the reason, if no case has figures of oneloop and of a peer, or if
/// plotters fails.
pub fn svg(record: &Record) -> Result<String, String> {
    let (of, rows) = headline::best(record);
    if rows.is_empty() {
        return Err("there is nothing to draw: no case has figures of oneloop and of a peer".into());
    }
    let title = format!("oneloop \u{f7} peer: {}", of.words());
    let about = "oneloop needs less where a dot is left of 1. Each dot is the median of the \
                 ratios within each round.";
    let machine = &record.machine;
    let place = if machine.virtual_machine { "a virtual machine, " } else { "" };
    let day = machine.date.split('T').next().unwrap_or_default();
    let hollow = if rows.iter().any(|row| row.is_doubtful) {
        " A dot is hollow if the machine was not idle."
    } else {
        ""
    };
    // The rest of a release names a distribution's or a host's build.
    let kernel = machine.kernel.split('-').next().unwrap_or_default();
    let source =
        format!("{} cores of {}, {place}Linux {}, {day}.{hollow}", machine.cores, machine.cpu, kernel);
    let sources = wrapped(&source, (LAYOUT.width - 2 * MARGIN) / paint::width_of("m"));
    let (head, foot) = (MARGIN + 2 * LINE + 6, MARGIN + LINE * sources.len() as i32);
    let drawn = ratios::svg(&rows, LAYOUT, head, foot, |canvas| {
        let (width, height) = canvas.dim_in_pixel();
        paint::area(canvas, [(0, 0), (width as i32, height as i32)], PAPER)?;
        let write = |canvas: &Canvas, words: &str, y: i32, color: RGBColor| -> Drawn {
            paint::text(canvas, words, (MARGIN, y), color, HPos::Left)
        };
        paint::title(canvas, &title, (MARGIN, MARGIN + 6))?;
        write(canvas, about, MARGIN + LINE + 6, QUIET)?;
        let below = |line: usize| height as i32 - MARGIN - LINE * (sources.len() - 1 - line) as i32;
        sources.iter().enumerate().try_for_each(|(line, words)| write(canvas, words, below(line), QUIET))
    })?;
    let (tag, rest) = drawn.split_once(">\n").ok_or("no picture")?;
    Ok(format!("{tag} role=\"img\">\n<title>{title}</title>\n<style>\n{PLOT_STYLE}</style>\n{rest}"))
}

/// Breaks a text between words, into lines of at most `characters_max` characters. A longer word has a
/// line of its own.
fn wrapped(text: &str, characters_max: i32) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last_mut().expect("there is a line");
        if line.is_empty() {
            *line = word.to_owned();
        } else if line.chars().count() + 1 + word.chars().count() <= characters_max as usize {
            *line += " ";
            *line += word;
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::samples;

    #[test]
    fn the_chart_is_one_file_with_both_schemes() {
        let figures: &[(&str, &[f64])] = &[("tokio", &[4.0]), ("epoll", &[1.0]), ("oneloop", &[2.0])];
        let svg = svg(&samples::record(vec![samples::case("echo-50", "CPU", figures)])).unwrap();
        assert!(svg.starts_with("<svg ") && svg.trim_end().ends_with("</svg>"));
        assert!(
            svg.contains("prefers-color-scheme: dark") && svg.contains("echo-50") && svg.contains("tokio")
        );
        for external in ["href", "url(", "@import", "<script"] {
            assert!(!svg.contains(external), "{external}");
        }
    }

    #[test]
    fn long_lines_are_wrapped() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("longer-than-a-line one", 7), ["longer-than-a-line", "one"]);
    }

    #[test]
    fn without_a_peer_there_is_no_chart_and_a_reason() {
        let error = svg(&samples::record(Vec::new())).unwrap_err();
        assert!(error.starts_with("there is nothing to draw"), "{error}");
    }
}
