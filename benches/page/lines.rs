//! The line plot of a sweep: the cost for growing sizes of the work. Each subject has a line, and both
//! axes are logarithmic.

use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::html::Html;
use super::paint::{self, Canvas, Drawn, Layout, QUIET, RULE, line, message, text};
use super::runtimes::{color, is_ours, line_color};
use super::ticks;
use crate::record::CaseRecord;
use crate::table::{figure, thousands};

const HEIGHT: i32 = 460;
const MARGIN: i32 = 10;
/// The space for the labels below the axis.
const BELOW: i32 = 48;
/// The minimum distance of two names. Closer names are not readable.
const NAME_GAP: i32 = 18;

/// The line of a subject. A point has the size of the work and the median.
struct Line<'a> {
    name: &'a str,
    points: Vec<(f64, f64)>,
}

/// The ranges of both axes.
struct Ranges {
    across: (f64, f64),
    up: (f64, f64),
}

/// Returns the plot of the first metric of a sweep's points. The points must be in order.
pub fn plot(points: &[&CaseRecord]) -> Html {
    let mut lines = lines(points);
    // The last line is drawn on top of the others.
    lines.sort_by_key(|line| is_ours(line.name));
    let (metric, sweep) = (&points[0].metrics[0], points[0].sweep.as_ref());
    let parameter = sweep.map_or("", |sweep| &sweep.parameter);
    let caption = format!(
        "{} {} by the number of {parameter}: medians. Both axes are logarithmic. A lower and a flatter \
         line is better. Dashed lines are variants of a runtime.",
        metric.name, metric.unit
    );
    paint::figure(&caption, |layout| {
        paint::svg(layout, HEIGHT, |canvas| draw(canvas, &lines, parameter, layout))
    })
}

fn lines<'a>(points: &[&'a CaseRecord]) -> Vec<Line<'a>> {
    let line = |name: &'a str| {
        let median = |case: &&CaseRecord| {
            let median = case.summary(case.subject(name)?, 0)?.median;
            // Zero has no logarithm.
            (median > 0.0).then_some((case.sweep.as_ref()?.value as f64, median))
        };
        Line { name, points: points.iter().filter_map(median).collect() }
    };
    let names = points[0].subjects.iter().map(|it| it.name.as_str());
    names.map(line).filter(|line| !line.points.is_empty()).collect()
}

fn ranges(lines: &[Line]) -> Ranges {
    let all = || lines.iter().flat_map(|line| &line.points);
    let range = |values: &mut dyn Iterator<Item = f64>| {
        values.fold((f64::INFINITY, 0.0), |(least, most): (f64, f64), it| (least.min(it), most.max(it)))
    };
    let across = range(&mut all().map(|point| point.0));
    let (low, high) = range(&mut all().map(|point| point.1));
    Ranges { across, up: (low * 0.8, high * 1.25) }
}

fn draw(canvas: &Canvas, lines: &[Line], parameter: &str, layout: Layout) -> Drawn {
    if lines.is_empty() {
        return text(canvas, "no figures", (layout.width / 2, HEIGHT / 2), QUIET, HPos::Center);
    }
    let names = lines.iter().map(|line| paint::width_of(line.name)).max().unwrap_or(0);
    let Ranges { across, up } = ranges(lines);
    let heights = ticks::logarithmic(up.0, up.1);
    let costs = heights.iter().map(|it| paint::width_of(&figure(*it))).max().unwrap_or(0);
    let (left, right) = (MARGIN + costs + 14, names + layout.pick(32, 20));
    let sizes = sizes(lines);
    let labelled = labelled(&sizes, across, layout.width - left - right - MARGIN);
    let mut chart = ChartBuilder::on(canvas);
    chart.margin(MARGIN).margin_right(right).x_label_area_size(BELOW).y_label_area_size(left - MARGIN);
    let across = (across.0..across.1).log_scale().with_key_points(sizes);
    let up = (up.0..up.1).log_scale().with_key_points(heights);
    let mut chart = chart.build_cartesian_2d(across, up).map_err(message)?;
    let style = TextStyle::from(paint::font()).color(&QUIET);
    let mut mesh = chart.configure_mesh();
    mesh.light_line_style(TRANSPARENT).bold_line_style(RULE).axis_style(QUIET).label_style(style);
    let size = |x: &f64| if labelled.contains(x) { thousands(x.round() as u64) } else { String::new() };
    mesh.x_desc(parameter).x_label_formatter(&size);
    mesh.y_label_formatter(&|y| figure(*y)).draw().map_err(message)?;
    let mut ends = Vec::new();
    for it in lines {
        // Several subjects are variants of oneloop. The line of the default one is wider.
        let width = if it.name == "oneloop" { 3 } else { 2 };
        let style = line_color(it.name).stroke_width(width);
        chart.draw_series(LineSeries::new(it.points.iter().copied(), style)).map_err(message)?;
        let dot = |at: &(f64, f64)| Circle::new(*at, width + 1, color(it.name).filled());
        chart.draw_series(it.points.iter().map(dot)).map_err(message)?;
        let last = it.points.last().expect("lines without points were left out");
        ends.push((chart.backend_coord(last), it.name));
    }
    write_names(canvas, ends, layout.width - right + layout.pick(20, 12))
}

/// Returns the measured sizes, which are the positions of the ticks.
fn sizes(lines: &[Line]) -> Vec<f64> {
    let mut sizes: Vec<f64> = lines.iter().flat_map(|line| line.points.iter().map(|point| point.0)).collect();
    sizes.sort_by(f64::total_cmp);
    sizes.dedup();
    sizes
}

/// Returns the sizes whose labels do not touch on an axis of this length.
fn labelled(sizes: &[f64], (first, last): (f64, f64), length: i32) -> Vec<f64> {
    let whole = (last / first).ln().max(f64::MIN_POSITIVE);
    let at = |size: &f64| (f64::from(length) * (size / first).ln() / whole) as i32;
    let middles: Vec<i32> = sizes.iter().map(at).collect();
    let widths: Vec<i32> = sizes.iter().map(|size| paint::width_of(&thousands(*size as u64))).collect();
    let labelled = ticks::labelled(&middles, &widths);
    sizes.iter().zip(labelled).filter_map(|(size, is_labelled)| is_labelled.then_some(*size)).collect()
}

/// Writes each name behind the end of its line, or as near to it as the other names allow.
fn write_names(canvas: &Canvas, mut ends: Vec<((i32, i32), &str)>, name_x: i32) -> Drawn {
    ends.sort_by_key(|((_, y), _)| *y);
    let wanted: Vec<i32> = ends.iter().map(|((_, y), _)| *y).collect();
    let heights = ticks::apart(&wanted, NAME_GAP, MARGIN, HEIGHT - MARGIN);
    for (((x, y), name), height) in ends.into_iter().zip(heights) {
        line(canvas, vec![(x + 5, y), (name_x - 3, height)], RULE, 1)?;
        paint::name(canvas, name, (name_x, height), color(name), HPos::Left)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_size_has_a_label_where_there_is_room() {
        let sizes = [1.0, 10.0, 50.0, 100.0, 1_000.0, 10_000.0];
        assert_eq!(labelled(&sizes, (1.0, 10_000.0), 700), sizes);
        assert_eq!(labelled(&sizes, (1.0, 10_000.0), 200), [1.0, 10.0, 100.0, 1_000.0, 10_000.0]);
        assert_eq!(labelled(&[50.0], (50.0, 50.0), 200), [50.0]);
    }
}
