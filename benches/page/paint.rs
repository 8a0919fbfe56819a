//! The common parts of all plots: colours, texts, and a canvas that becomes a string.

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::html::Html;
use super::runtimes::is_ours;

/// The canvas of a plot.
pub type Canvas<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// The width of a plot in its own units. Each plot is drawn for a wide page and for a narrow page, so
/// that its texts have the size of the page's texts on both.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Layout {
    pub width: i32,
    pub is_narrow: bool,
}

/// The layout for a page that is 700 pixels wide or wider.
pub const BROAD: Layout = Layout { width: 900, is_narrow: false };
/// The layout for a narrower page.
pub const NARROW: Layout = Layout { width: 370, is_narrow: true };

impl Layout {
    /// Returns the length for this layout.
    pub fn pick(self, broad: i32, narrow: i32) -> i32 {
        if self.is_narrow { narrow } else { broad }
    }
}

// `plot.css` replaces these placeholders by colours that fit the background of the page.
pub const INK: RGBColor = RGBColor(1, 1, 1);
pub const QUIET: RGBColor = RGBColor(2, 2, 2);
pub const PAPER: RGBColor = RGBColor(3, 3, 3);
pub const RULE: RGBColor = RGBColor(5, 5, 5);
pub const TINT: RGBColor = RGBColor(6, 6, 6);

/// The size of all texts in a plot, in units of the plot. The page shows the texts at 12 to 14 pixels.
pub const TEXT: i32 = 13;

/// Returns the font of the texts. plotters writes a smaller size into the SVG than the font has, so that
/// the font is larger by a factor.
pub fn font() -> FontDesc<'static> {
    ("sans-serif", f64::from(TEXT) * 1.24).into_font()
}

/// Returns the approximate maximum width of a text. The program loads no font, so that it cannot measure
/// the text.
pub fn width_of(words: &str) -> i32 {
    words.chars().count() as i32 * TEXT * 6 / 10
}

/// Draws a text beside or around a point.
pub fn text(canvas: &Canvas, words: &str, at: (i32, i32), color: RGBColor, side: HPos) -> Drawn {
    write(canvas, words, at, TextStyle::from(font()).color(&color), side)
}

/// Draws the name of a subject. The names of oneloop and its variants are bold.
pub fn name(canvas: &Canvas, words: &str, at: (i32, i32), color: RGBColor, side: HPos) -> Drawn {
    let font = if is_ours(words) { font().style(FontStyle::Bold) } else { font() };
    write(canvas, words, at, TextStyle::from(font).color(&color), side)
}

/// Draws the title of a picture.
pub fn title(canvas: &Canvas, words: &str, at: (i32, i32)) -> Drawn {
    let font = ("sans-serif", f64::from(TEXT) * 1.6).into_font().style(FontStyle::Bold);
    write(canvas, words, at, TextStyle::from(font).color(&INK), HPos::Left)
}

fn write(canvas: &Canvas, words: &str, at: (i32, i32), style: TextStyle, side: HPos) -> Drawn {
    canvas.draw_text(words, &style.pos(Pos::new(side, VPos::Center)), at).map_err(message)
}

/// Draws a line through points.
pub fn line(canvas: &Canvas, points: Vec<(i32, i32)>, color: RGBColor, width: u32) -> Drawn {
    canvas.draw(&PathElement::new(points, color.stroke_width(width))).map_err(message)
}

/// Draws a rectangle between two corners.
pub fn area(canvas: &Canvas, corners: [(i32, i32); 2], color: RGBColor) -> Drawn {
    canvas.draw(&Rectangle::new(corners, color.filled())).map_err(message)
}

/// The result of drawing. plotters fails only if its canvas fails, and a string never does.
pub type Drawn = Result<(), String>;

/// Turns an error of plotters into a text for the user.
pub fn message(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// Draws on a canvas of this height, and returns the SVG.
pub fn svg(layout: Layout, height: i32, draw: impl FnOnce(&Canvas) -> Drawn) -> Result<String, String> {
    let mut text = String::new();
    let canvas = SVGBackend::with_string(&mut text, (layout.width as u32, height as u32)).into_drawing_area();
    draw(&canvas).and_then(|()| canvas.present().map_err(message))?;
    drop(canvas);
    Ok(text)
}

/// Returns a plot in both widths with its caption. If drawing fails, it returns the reason.
pub fn figure(caption: &str, draw: impl Fn(Layout) -> Result<String, String>) -> Html {
    let drawn = |layout: Layout, class: &str| {
        let text = draw(layout)?;
        // Without its fixed width the picture gets the width of the page.
        let (_, rest) = text.split_once("viewBox").ok_or("no picture")?;
        Ok(Html::ready(format!("<svg class=\"{class}\" role=\"img\" viewBox{rest}")))
    };
    let both = drawn(BROAD, "broad").and_then(|broad| Ok::<_, String>([broad, drawn(NARROW, "narrow")?]));
    match both {
        Ok(both) => {
            let mut inner: Html = both.into_iter().collect();
            inner.push(Html::element("figcaption", "", caption));
            Html::element("figure", "", inner)
        }
        Err(reason) => Html::element("p", "warn", format!("No plot: {reason}")),
    }
}
