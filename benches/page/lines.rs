//! Cost as the work grows: a line for each subject, both axes logarithmic.

use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::html::Html;
use super::paint::{self, Canvas, Drawn, QUIET, RULE, line, line_color, text, told};
use crate::record::CaseRecord;
use crate::table::{figure, thousands};

const HEIGHT: u32 = 460;
/// Room for the names behind the ends of the lines.
const RIGHT: u32 = 140;
/// Names that stand closer to each other than this cannot be read.
const NAME_GAP: i32 = 15;

/// A subject's line: the size of the work, and the median.
struct Line<'a> {
    name: &'a str,
    color: RGBColor,
    points: Vec<(f64, f64)>,
}

/// A plot of the first metric of a sweep's points, which are in order.
pub fn plot(points: &[&CaseRecord]) -> Html {
    let lines = lines(points);
    let (metric, sweep) = (&points[0].metrics[0], points[0].sweep.as_ref());
    let parameter = sweep.map_or("", |sweep| &sweep.parameter);
    let caption = format!(
        "{} {} by the number of {parameter}: medians, both axes logarithmic. Less is better; flat is good.",
        metric.name, metric.unit
    );
    paint::svg(HEIGHT, &caption, |canvas| draw(canvas, &lines, parameter))
}

fn lines<'a>(points: &[&'a CaseRecord]) -> Vec<Line<'a>> {
    let line = |(index, name): (usize, &'a str)| {
        let median = |case: &&CaseRecord| {
            let median = case.summary(case.subject(name)?, 0)?.median;
            // A logarithm of nothing cannot be drawn.
            (median > 0.0).then_some((case.sweep.as_ref()?.value as f64, median))
        };
        Line { name, color: line_color(name, index), points: points.iter().filter_map(median).collect() }
    };
    let names = points[0].subjects.iter().map(|it| it.name.as_str()).enumerate();
    names.map(line).filter(|line| !line.points.is_empty()).collect()
}

fn draw(canvas: &Canvas, lines: &[Line], parameter: &str) -> Drawn {
    let all = || lines.iter().flat_map(|line| &line.points);
    let range = |values: &mut dyn Iterator<Item = f64>| {
        values.fold((f64::INFINITY, 0.0), |(least, most): (f64, f64), it| (least.min(it), most.max(it)))
    };
    let (left, right) = range(&mut all().map(|point| point.0));
    let (low, high) = range(&mut all().map(|point| point.1));
    if lines.is_empty() {
        return text(canvas, "no figures", (450, 230), 14, QUIET, HPos::Center);
    }
    let mut chart = ChartBuilder::on(canvas);
    chart.margin(10).margin_right(RIGHT).x_label_area_size(48).y_label_area_size(64);
    let (across, up) = ((left..right).log_scale(), (low * 0.8..high * 1.25).log_scale());
    let mut chart = chart.build_cartesian_2d(across, up).map_err(told)?;
    let style = TextStyle::from(paint::font(12)).color(&QUIET);
    let mut mesh = chart.configure_mesh();
    mesh.light_line_style(TRANSPARENT).bold_line_style(RULE).axis_style(QUIET).label_style(style);
    mesh.x_desc(parameter).x_label_formatter(&|x| thousands(x.round() as u64));
    mesh.y_label_formatter(&|y| figure(*y)).draw().map_err(told)?;
    let mut ends = Vec::new();
    for it in lines {
        // Ours are several; the plain one stands out.
        let width = if it.name == "oneloop" { 3 } else { 2 };
        let drawn = LineSeries::new(it.points.iter().copied(), it.color.stroke_width(width));
        chart.draw_series(drawn.point_size(width + 1)).map_err(told)?;
        let last = it.points.last().expect("lines without points were left out");
        ends.push((chart.backend_coord(last), it));
    }
    names(canvas, ends)
}

/// Writes each name behind the end of its line, or a little lower where another stands there already.
fn names(canvas: &Canvas, mut ends: Vec<((i32, i32), &Line)>) -> Drawn {
    ends.sort_by_key(|((_, y), _)| *y);
    let heights = spread(&ends.iter().map(|((_, y), _)| *y).collect::<Vec<_>>(), HEIGHT as i32 - 10);
    for (((x, y), it), height) in ends.into_iter().zip(heights) {
        let name_x = paint::WIDTH as i32 - RIGHT as i32 + 22;
        line(canvas, vec![(x + 6, y), (name_x - 4, height)], RULE, 1)?;
        text(canvas, it.name, (name_x, height), 13, it.color, HPos::Left)?;
    }
    Ok(())
}

/// Moves heights, which are in order, apart; the last is at most `lowest`.
fn spread(heights: &[i32], lowest: i32) -> Vec<i32> {
    let mut free = i32::MIN;
    let mut down = |&height: &i32| {
        let height = height.max(free);
        free = height + NAME_GAP;
        height
    };
    let mut apart: Vec<i32> = heights.iter().map(&mut down).collect();
    let mut floor = lowest;
    for height in apart.iter_mut().rev() {
        *height = (*height).min(floor);
        floor = *height - NAME_GAP;
    }
    apart
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_do_not_cover_each_other() {
        assert_eq!(spread(&[10, 12, 100], 400), [10, 25, 100]);
        assert_eq!(spread(&[385, 395, 399], 400), [370, 385, 400]);
    }
}
