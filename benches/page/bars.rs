//! A bar for each subject of a case: its median, with whiskers from the least to the most.

use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::html::Html;
use super::paint::{self, BAR, Canvas, Drawn, INK, OURS, QUIET, RULE, WIDTH, line, text, told};
use crate::record::CaseRecord;
use crate::stats::Summary;
use crate::table::figure;

const ROW: i32 = 26;
const TOP: i32 = 6;
const LEFT: i32 = 130;
/// Room for the figure behind the longest bar.
const RIGHT: i32 = 110;
const AXIS: i32 = 34;

/// A plot of a case's first metric.
pub fn plot(case: &CaseRecord) -> Html {
    let bars: Vec<(&str, Option<Summary>)> =
        case.subjects.iter().enumerate().map(|(at, it)| (it.name.as_str(), case.summary(at, 0))).collect();
    let limit = axis_limit(bars.iter().filter_map(|(_, summary)| summary.map(|it| it.max)).collect());
    let metric = &case.metrics[0];
    let title = format!("{} {}", metric.name, metric.unit);
    let height = TOP + ROW * bars.len() as i32 + AXIS;
    let is_cut = bars.iter().any(|(_, summary)| summary.is_some_and(|it| it.max > limit));
    let cut = if is_cut { " An arrow marks a bar that is cut: it goes on beyond the axis." } else { "" };
    let many = case.subjects.iter().any(|it| it.rounds.len() > 1);
    let whiskers = if many { ": medians; whiskers from the least to the most of all rounds" } else { "" };
    let caption = format!("{title}{whiskers}. Less is better.{cut}");
    paint::svg(height as u32, &caption, |canvas| {
        axis(canvas, limit, height - AXIS)?;
        let mut rows = bars.iter().enumerate();
        rows.try_for_each(|(row, bar)| draw(canvas, row, bar, limit))
    })
}

/// Where the axis ends. One bar that is many times longer than the others is cut, so that these can be seen.
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

fn x(value: f64, limit: f64) -> i32 {
    let width = f64::from(WIDTH as i32 - LEFT - RIGHT);
    LEFT + (width * (value / limit).min(1.0)).round() as i32
}

fn draw(canvas: &Canvas, row: usize, (name, summary): &(&str, Option<Summary>), limit: f64) -> Drawn {
    let (top, middle) = (TOP + ROW * row as i32, TOP + ROW * row as i32 + ROW / 2);
    let color = if paint::is_ours(name) { OURS } else { BAR };
    let label = if paint::is_ours(name) { OURS } else { INK };
    text(canvas, name, (LEFT - 10, middle), 14, label, HPos::Right)?;
    let Some(summary) = summary else {
        return text(canvas, "no figures", (LEFT + 8, middle), 13, QUIET, HPos::Left);
    };
    let corners = [(LEFT, top + 5), (x(summary.median, limit), top + ROW - 5)];
    canvas.draw(&Rectangle::new(corners, color.filled())).map_err(told)?;
    let (from, to) = (x(summary.min, limit), x(summary.max, limit));
    line(canvas, vec![(from, middle), (to, middle)], INK, 1)?;
    for end in [from, to] {
        line(canvas, vec![(end, middle - 4), (end, middle + 4)], INK, 1)?;
    }
    let cut = if summary.max > limit { "\u{2192} " } else { "" };
    text(canvas, &format!("{cut}{}", figure(summary.median)), (to + 8, middle), 13, label, HPos::Left)
}

fn axis(canvas: &Canvas, limit: f64, bottom: i32) -> Drawn {
    let step = step(limit);
    let ticks = (limit / step).floor() as i32;
    for tick in 0..=ticks {
        let value = step * f64::from(tick);
        let at = x(value, limit);
        line(canvas, vec![(at, TOP), (at, bottom + 4)], RULE, 1)?;
        text(canvas, &figure(value), (at, bottom + 16), 12, QUIET, HPos::Center)?;
    }
    Ok(())
}

/// A round number that goes into the limit some five times.
fn step(limit: f64) -> f64 {
    let decade = 10f64.powf((limit / 5.0).log10().floor());
    let fits = [1.0, 2.0, 5.0].into_iter().map(|it| it * decade).find(|step| limit / step <= 6.0);
    fits.unwrap_or(10.0 * decade)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_giant_does_not_hide_the_others() {
        assert_eq!(axis_limit(vec![1.0, 2.0, 3.0]), 3.0);
        assert_eq!(axis_limit(vec![40.0, 50.0, 60.0, 5_000.0]), 84.0);
        assert_eq!(axis_limit(vec![0.0]), 1.0);
    }

    #[test]
    fn steps_are_round() {
        assert_eq!(step(100.0), 20.0);
        assert_eq!(step(7.0), 2.0);
        assert_eq!(step(0.5), 0.1);
    }
}
