//! The bar plot of a case. Each subject has a bar for its median, with whiskers from the lowest to the
//! highest figure. The shortest bar is on top.

use plotters::style::text_anchor::HPos;

use super::html::Html;
use super::paint::{self, Canvas, Drawn, INK, Layout, QUIET, RULE, TINT, area, line, text};
use super::runtimes::{color, is_ours};
use super::ticks;
use crate::record::CaseRecord;
use crate::stats::Summary;
use crate::table::figure;

const ROW: i32 = 26;
const TOP: i32 = 6;
const AXIS: i32 = 30;

/// A subject, and the summary of its figures if it has any.
type Bar<'a> = (&'a str, Option<Summary>);

/// The axis of a plot.
struct Axis {
    left: i32,
    /// The position of the limit.
    right: i32,
    limit: f64,
}

impl Axis {
    fn x(&self, value: f64) -> i32 {
        self.left + (f64::from(self.right - self.left) * (value / self.limit).min(1.0)).round() as i32
    }
}

/// Returns the plot of a case's first metric.
pub fn plot(case: &CaseRecord) -> Html {
    let bars = sorted(case);
    let limit = axis_limit(bars.iter().filter_map(|(_, summary)| summary.map(|it| it.max)).collect());
    let metric = &case.metrics[0];
    let title = format!("{} {}", metric.name, metric.unit);
    let is_cut = bars.iter().any(|(_, summary)| summary.is_some_and(|it| it.max > limit));
    let cut = if is_cut { " An arrow marks a bar that continues beyond the axis." } else { "" };
    let many = case.subjects.iter().any(|it| it.rounds.len() > 1);
    let whiskers =
        if many { ": medians, with whiskers from the lowest to the highest of all rounds" } else { "" };
    let caption = format!("{title}{whiskers}. A lower figure is better.{cut}");
    let height = TOP + ROW * bars.len() as i32 + AXIS;
    paint::figure(&caption, |layout| {
        let names = bars.iter().map(|(name, _)| paint::width_of(name)).max().unwrap_or(0);
        let left = (names + 16).min(layout.pick(200, 140));
        let axis = Axis { left, right: layout.width - layout.pick(110, 76), limit };
        paint::svg(layout, height, |canvas| {
            for (row, _) in bars.iter().enumerate().filter(|(_, bar)| is_ours(bar.0)) {
                let top = TOP + ROW * row as i32;
                area(canvas, [(0, top + 1), (layout.width, top + ROW - 1)], TINT)?;
            }
            draw_axis(canvas, &axis, height - AXIS)?;
            bars.iter().enumerate().try_for_each(|(row, bar)| draw(canvas, row, bar, &axis, layout))
        })
    })
}

/// Returns the subjects in the order of their medians. The subjects without figures are last.
fn sorted(case: &CaseRecord) -> Vec<Bar<'_>> {
    let subjects = case.subjects.iter().enumerate();
    let mut bars: Vec<Bar> = subjects.map(|(at, it)| (it.name.as_str(), case.summary(at, 0))).collect();
    let median = |bar: &Bar| bar.1.map_or(f64::INFINITY, |it| it.median);
    bars.sort_by(|one, other| median(one).total_cmp(&median(other)));
    bars
}

/// Returns the limit of the axis. If one bar is many times longer than the others, the limit cuts this
/// bar, so that the others stay visible.
fn axis_limit(mut highest: Vec<f64>) -> f64 {
    highest.sort_by(f64::total_cmp);
    let Some(most) = highest.last().copied() else { return 1.0 };
    let middle = highest[highest.len() / 2];
    let limit = if most > 8.0 * middle {
        highest.iter().rfind(|it| **it <= 8.0 * middle).map_or(most, |it| it * 1.4)
    } else {
        most
    };
    if limit > 0.0 { limit } else { 1.0 }
}

fn draw(canvas: &Canvas, row: usize, (name, summary): &Bar, axis: &Axis, layout: Layout) -> Drawn {
    let (top, middle) = (TOP + ROW * row as i32, TOP + ROW * row as i32 + ROW / 2);
    let label = if is_ours(name) { color(name) } else { INK };
    paint::name(canvas, name, (axis.left - 8, middle), label, HPos::Right)?;
    let Some(summary) = summary else {
        return text(canvas, "no figures", (axis.left + 8, middle), QUIET, HPos::Left);
    };
    area(canvas, [(axis.left, top + 6), (axis.x(summary.median), top + ROW - 6)], color(name))?;
    let (from, to) = (axis.x(summary.min), axis.x(summary.max));
    if summary.min < summary.max {
        line(canvas, vec![(from, middle), (to, middle)], INK, 1)?;
        for end in [from, to] {
            line(canvas, vec![(end, middle - 4), (end, middle + 4)], INK, 1)?;
        }
    }
    let cut = if summary.max > axis.limit { "\u{2192} " } else { "" };
    let value = format!("{cut}{}", figure(summary.median));
    text(canvas, &value, (to + layout.pick(8, 5), middle), label, HPos::Left)
}

fn draw_axis(canvas: &Canvas, axis: &Axis, bottom: i32) -> Drawn {
    let values = ticks::linear(axis.limit);
    let at: Vec<i32> = values.iter().map(|it| axis.x(*it)).collect();
    let widths: Vec<i32> = values.iter().map(|it| paint::width_of(&figure(*it))).collect();
    let labelled = ticks::labelled(&at, &widths);
    for ((value, at), labelled) in values.iter().zip(at).zip(labelled) {
        line(canvas, vec![(at, TOP), (at, bottom + 4)], RULE, 1)?;
        if labelled {
            text(canvas, &figure(*value), (at, bottom + 16), QUIET, HPos::Center)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::samples;

    #[test]
    fn one_giant_does_not_hide_the_others() {
        assert_eq!(axis_limit(vec![1.0, 2.0, 3.0]), 3.0);
        assert_eq!(axis_limit(vec![40.0, 50.0, 60.0, 5_000.0]), 84.0);
        assert_eq!(axis_limit(vec![0.0]), 1.0);
    }

    #[test]
    fn the_least_is_on_top_and_what_failed_is_last() {
        let subjects: [(&str, &[f64]); 4] =
            [("epoll", &[]), ("tokio", &[3.0]), ("oneloop", &[1.0]), ("smol", &[2.0])];
        let case = samples::case("echo-50", "CPU", &subjects);
        let names: Vec<&str> = sorted(&case).iter().map(|bar| bar.0).collect();
        assert_eq!(names, ["oneloop", "smol", "tokio", "epoll"]);
    }
}
