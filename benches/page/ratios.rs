//! The plot of the headline. Each case has a row, and each peer has a dot on it, at the ratio of oneloop
//! to this peer.

use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::paint::{self, Canvas, Drawn, INK, Layout, PAPER, QUIET, RULE, line, message, text};
use super::runtimes::color;
use super::ticks;
use crate::headline::{Ratio, Row};

const ROW: i32 = 25;
/// The height of a line of the legend.
const LEGEND: i32 = 22;
const AXIS: i32 = 34;
const RADIUS: i32 = 5;
/// The left edge of the legend.
const LEFT: i32 = 16;

/// The ends of the axis, on the canvas and in ratios.
struct Axis {
    left: i32,
    right: i32,
    low: f64,
    high: f64,
}

impl Axis {
    fn x(&self, ratio: f64) -> i32 {
        let part = (ratio / self.low).ln() / (self.high / self.low).ln();
        self.left + (f64::from(self.right - self.left) * part).round() as i32
    }
}

/// Returns the SVG of the rows, for a page or a file. `head` and `foot` are the heights of the free
/// space above and below.
pub fn svg(
    rows: &[Row],
    layout: Layout,
    head: i32,
    foot: i32,
    decorate: impl Fn(&Canvas) -> Drawn,
) -> Result<String, String> {
    let peers = peers(rows);
    let legend = legend(&peers, layout);
    let legend_height = legend.last().map_or(0, |(_, (_, y))| y + LEGEND);
    let top = head + legend_height + 4;
    let height = top + ROW * rows.len() as i32 + AXIS + foot;
    let names = rows.iter().map(|row| paint::width_of(&row.case)).max().unwrap_or(0);
    let all = || rows.iter().flat_map(|row| &row.ratios).map(|it| it.ratio);
    let axis = Axis {
        left: (names + 20).min(layout.pick(220, 150)),
        right: layout.width - layout.pick(30, 16),
        // The range always includes the line at one, and keeps the dots away from the edges.
        low: all().fold(0.8, f64::min) * 0.85,
        high: all().fold(1.2, f64::max) * 1.15,
    };
    paint::svg(layout, height, |canvas| {
        decorate(canvas)?;
        for (peer, (x, y)) in &legend {
            dot(canvas, (x + RADIUS + 1, head + y + LEGEND / 2), peer, true)?;
            text(canvas, peer, (x + 2 * RADIUS + 7, head + y + LEGEND / 2), INK, HPos::Left)?;
        }
        let bottom = top + ROW * rows.len() as i32;
        draw_axis(canvas, &axis, top, bottom)?;
        rows.iter()
            .enumerate()
            .try_for_each(|(at, row)| draw_row(canvas, row, top + ROW * at as i32 + ROW / 2, &axis))
    })
}

/// Returns the peers of all rows, each once, in the order of [`PEERS`](super::runtimes::PEERS).
pub fn peers(rows: &[Row]) -> Vec<&'static str> {
    let order = super::runtimes::PEERS.into_iter();
    order.filter(|peer| rows.iter().any(|row| row.ratio(peer).is_some())).collect()
}

/// Returns the positions of the peers' names, in as many lines as they need.
fn legend<'a>(peers: &[&'a str], layout: Layout) -> Vec<(&'a str, (i32, i32))> {
    let (mut x, mut y) = (LEFT, 0);
    let mut place = |peer: &&'a str| {
        let width = 2 * RADIUS + 7 + paint::width_of(peer) + 14;
        if x + width > layout.width {
            (x, y) = (LEFT, y + LEGEND);
        }
        let at = (x, y);
        x += width;
        (*peer, at)
    };
    peers.iter().map(&mut place).collect()
}

fn draw_axis(canvas: &Canvas, axis: &Axis, top: i32, bottom: i32) -> Drawn {
    let values = ticks::logarithmic(axis.low, axis.high);
    let at: Vec<i32> = values.iter().map(|it| axis.x(*it)).collect();
    let label = |value: f64| format!("{}", (value * 1_000.0).round() / 1_000.0);
    let widths: Vec<i32> = values.iter().map(|it| paint::width_of(&label(*it))).collect();
    let labelled = ticks::labelled(&at, &widths);
    for ((value, at), labelled) in values.iter().zip(at).zip(labelled) {
        line(canvas, vec![(at, top), (at, bottom + 4)], RULE, 1)?;
        if labelled {
            text(canvas, &label(*value), (at, bottom + 16), QUIET, HPos::Center)?;
        }
    }
    line(canvas, vec![(axis.x(1.0), top), (axis.x(1.0), bottom + 4)], QUIET, 2)
}

fn draw_row(canvas: &Canvas, row: &Row, middle: i32, axis: &Axis) -> Drawn {
    let ink = if row.is_doubtful { QUIET } else { INK };
    text(canvas, &row.case, (axis.left - 12, middle), ink, HPos::Right)?;
    line(canvas, vec![(axis.left, middle), (axis.right, middle)], RULE, 1)?;
    let mut ratios: Vec<&Ratio> = row.ratios.iter().collect();
    // The first peer is on top.
    ratios.reverse();
    ratios.into_iter().try_for_each(|it| dot(canvas, (axis.x(it.ratio), middle), it.peer, !row.is_doubtful))
}

/// Draws a dot. The dot is hollow if its figures are not reliable.
fn dot(canvas: &Canvas, at: (i32, i32), peer: &str, is_full: bool) -> Drawn {
    let rim = if is_full { PAPER.stroke_width(1) } else { color(peer).stroke_width(2) };
    let inside = if is_full { color(peer) } else { PAPER };
    canvas.draw(&Circle::new(at, RADIUS, inside.filled())).map_err(message)?;
    canvas.draw(&Circle::new(at, RADIUS, rim)).map_err(message)
}
