//! What both kinds of plot share: colours, texts, and a canvas that becomes a string.

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// A canvas to draw on.
pub type Canvas<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// The width of every plot, in its own units.
pub const WIDTH: u32 = 900;

// The page replaces these by colours that suit its background: see `style.css`.
pub const INK: RGBColor = RGBColor(1, 1, 1);
pub const QUIET: RGBColor = RGBColor(2, 2, 2);
pub const BAR: RGBColor = RGBColor(3, 3, 3);
pub const OURS: RGBColor = RGBColor(4, 4, 4);
pub const RULE: RGBColor = RGBColor(5, 5, 5);

/// Colours for lines: of middle lightness, so that they can be seen on white and on black.
const LINES: &[RGBColor] = &[
    RGBColor(0x4e, 0x79, 0xa7),
    RGBColor(0xf2, 0x8e, 0x2b),
    RGBColor(0xe1, 0x57, 0x59),
    RGBColor(0x76, 0xa5, 0xaf),
    RGBColor(0xb0, 0x7a, 0xa1),
    RGBColor(0xc9, 0xa2, 0x27),
    RGBColor(0x9c, 0x75, 0x5f),
    RGBColor(0xd3, 0x72, 0x95),
    RGBColor(0x8c, 0x8c, 0x8c),
    RGBColor(0x6f, 0x8f, 0x2f),
    RGBColor(0x5b, 0x6b, 0xd6),
    RGBColor(0xb8, 0x62, 0x1b),
];

/// The colour of a subject's line.
pub fn line_color(name: &str, index: usize) -> RGBColor {
    if is_ours(name) { OURS } else { LINES[index % LINES.len()] }
}

/// Whether a subject is this project itself.
pub fn is_ours(name: &str) -> bool {
    name == "oneloop" || name.starts_with("oneloop-")
}

/// A font of a size in the plot's own units, of which plotters writes a little less.
pub fn font(size: i32) -> FontDesc<'static> {
    ("sans-serif", f64::from(size) * 1.24).into_font()
}

/// A text of a size, beside or around a point.
pub fn text(canvas: &Canvas, words: &str, at: (i32, i32), size: i32, color: RGBColor, side: HPos) -> Drawn {
    let style = TextStyle::from(font(size)).color(&color).pos(Pos::new(side, VPos::Center));
    canvas.draw_text(words, &style, at).map_err(told)
}

/// A line through points.
pub fn line(canvas: &Canvas, points: Vec<(i32, i32)>, color: RGBColor, width: u32) -> Drawn {
    canvas.draw(&PathElement::new(points, color.stroke_width(width))).map_err(told)
}

/// Plotters fails only where its canvas does; a string does not.
pub type Drawn = Result<(), String>;

/// Its errors are texts for the user.
pub fn told(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// Draws on a canvas of a height; what comes out is SVG, or, should drawing fail, the reason.
pub fn svg(height: u32, label: &str, draw: impl FnOnce(&Canvas) -> Drawn) -> super::html::Html {
    let mut text = String::new();
    let canvas = SVGBackend::with_string(&mut text, (WIDTH, height)).into_drawing_area();
    let outcome = draw(&canvas).and_then(|()| canvas.present().map_err(told));
    drop(canvas);
    match outcome {
        // It shall fit the page's width.
        Ok(()) => {
            let size = format!("width=\"{WIDTH}\" height=\"{height}\"");
            let figure = super::html::Html::ready(text.replacen(&size, "role=\"img\"", 1));
            let mut inner = figure;
            inner.push(super::html::Html::element("figcaption", "", label));
            super::html::Html::element("figure", "", inner)
        }
        Err(reason) => super::html::Html::element("p", "warn", format!("No plot: {reason}")),
    }
}
