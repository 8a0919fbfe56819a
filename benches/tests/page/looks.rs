//! Tests that the page is readable at 400 and at 1,200 pixels, in light and dark schemes.

use oneloop_bench::{chart, page};
use serde_json::{Value, json};

use crate::browser::Page;
use crate::sample;

const LOOKS: [(u32, &str); 4] = [(400, "light"), (400, "dark"), (1_200, "light"), (1_200, "dark")];

/// A script that returns the texts of the page and of its plots that are too small, or whose contrast
/// with their background is below 4.5.
const HARD_TO_READ: &str = r"(() => {
  const parse = (color) => (color.match(/[\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
    .map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const contrast = (one, other) => {
    const [a, b] = [light(parse(one)), light(parse(other))];
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  };
  const htmlBehind = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const color = parse(getComputedStyle(at).backgroundColor);
      if (color.length === 3 || color[3] === 1) return getComputedStyle(at).backgroundColor;
    }
    return 'rgb(255, 255, 255)';
  };
  // The background of a text of a plot is the last rectangle that was drawn behind it.
  const plotBehind = (node) => {
    const box = node.getBoundingClientRect();
    const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
    const areas = [...node.closest('svg').querySelectorAll('rect')].filter((area) => {
      const at = area.getBoundingClientRect();
      return at.left <= x && x <= at.right && at.top <= y && y <= at.bottom;
    });
    return areas.length ? getComputedStyle(areas.pop()).fill : htmlBehind(node);
  };
  const bad = [];
  for (const node of document.querySelectorAll('body *')) {
    const text = [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim());
    if (!text || !node.checkVisibility() || ['STYLE', 'style', 'title'].includes(node.tagName)) continue;
    const style = getComputedStyle(node);
    const plot = node.closest('svg');
    const scale = plot ? plot.getBoundingClientRect().width / plot.viewBox.baseVal.width : 1;
    const pixels = parseFloat(style.fontSize) * scale;
    const seen = plot ? contrast(style.fill, plotBehind(node)) : contrast(style.color, htmlBehind(node));
    if (seen < 4.5 || pixels < 11.5) bad.push(`${seen.toFixed(1)}, ${pixels.toFixed(1)} px: ${node.textContent.trim().slice(0, 40)}`);
  }
  return bad;
})()";

/// A script that returns the texts of plots that cover each other, or reach beyond their plot.
const COLLISIONS: &str = r"(() => {
  const bad = [];
  for (const plot of document.querySelectorAll('svg')) {
    if (!plot.checkVisibility()) continue;
    const edge = plot.getBoundingClientRect();
    const texts = [...plot.querySelectorAll('text')].map((node) => [node.textContent.trim(), node.getBoundingClientRect()])
      .filter(([text]) => text);
    texts.forEach(([text, box], at) => {
      if (box.left < edge.left - 1 || box.right > edge.right + 1 || box.top < edge.top - 1 || box.bottom > edge.bottom + 1) {
        bad.push(`${text} reaches beyond its plot`);
      }
      for (const [other, beside] of texts.slice(at + 1)) {
        const across = Math.min(box.right, beside.right) - Math.max(box.left, beside.left);
        const down = Math.min(box.bottom, beside.bottom) - Math.max(box.top, beside.top);
        if (across > 1 && down > 2) bad.push(`${text} and ${other}`);
      }
    });
  }
  return bad;
})()";

/// Shows the page of the sample, with all its details open.
fn open() -> Option<Page> {
    let page = Page::of(&page::page(&sample::record()), "html")?;
    page.value("document.querySelectorAll('details').forEach((it) => { it.open = true; })");
    Some(page)
}

#[test]
fn the_page_can_be_read_narrow_and_wide_light_and_dark() {
    let Some(page) = open() else { return };
    for (width, scheme) in LOOKS {
        page.look(width, 900, scheme);
        let which = format!("{scheme}, {width} pixels");
        let wide = page.number("document.scrollingElement.scrollWidth - innerWidth");
        assert!(wide <= 0.0, "{which}: {wide} pixels too wide");
        assert_eq!(page.value(HARD_TO_READ), json!([]), "{which}");
        assert_eq!(page.value(COLLISIONS), json!([]), "{which}");
    }
    assert_eq!(page.complaints(), Vec::<String>::new());
}

#[test]
fn each_width_has_its_plot_and_each_scheme_its_colours() {
    let Some(page) = open() else { return };
    let mut backgrounds = Vec::new();
    for (width, scheme) in LOOKS {
        page.look(width, 900, scheme);
        let shown = "[...document.querySelectorAll('svg')].filter((it) => it.checkVisibility())";
        let classes = page.value(&format!("[...new Set({shown}.map((it) => it.getAttribute('class')))]"));
        assert_eq!(classes, json!([if width == 400 { "narrow" } else { "broad" }]));
        // A placeholder that no rule replaces is nearly black, because it has no channel above 0x11.
        let raw = page.value(&format!(
            "{shown}.flatMap((plot) => [...plot.querySelectorAll('[fill], [stroke]')]).flatMap((it) => \
             [getComputedStyle(it).fill, getComputedStyle(it).stroke]).filter((color) => {{ \
             const parts = color.match(/\\d+/g); return parts && parts.slice(0, 3).every((it) => it < 0x14) \
             && color !== 'rgb(0, 0, 0)'; }})"
        ));
        assert_eq!(raw, json!([]), "{scheme}, {width} pixels");
        backgrounds.push(page.value("getComputedStyle(document.body).backgroundColor"));
    }
    assert_ne!(backgrounds[0], backgrounds[1]);
    assert_eq!(backgrounds[..2], backgrounds[2..]);
}

#[test]
fn what_is_not_judged_is_grey_and_what_is_not_met_is_red() {
    let Some(page) = open() else { return };
    page.look(1_200, 900, "light");
    let color =
        |class: &str| page.value(&format!("getComputedStyle(document.querySelector('tr.{class} td')).color"));
    let quiet = page.value("getComputedStyle(document.querySelector('p.quiet')).color");
    assert_eq!(color("unjudged"), quiet);
    assert_ne!(color("bad"), quiet);
    let doubtful = "[...document.querySelectorAll('#targets ~ .words tr')].filter((it) => /^(echo-50|churn):/.test(it.textContent))";
    let classes = page.value(&format!("[...new Set({doubtful}.map((it) => it.className))]"));
    assert_eq!(classes, json!(["unjudged"]));
}

#[test]
fn a_link_leads_to_each_section() {
    let Some(page) = open() else { return };
    let targets = page.value("[...document.querySelectorAll('nav a')].map((it) => it.getAttribute('href'))");
    assert_eq!(targets, json!(["#targets", "#counts", "#servers", "#http", "#operations", "#facts", "#how"]));
    let dead = page.value("[...document.querySelectorAll('nav a')].filter((it) => !document.querySelector(it.getAttribute('href')))");
    assert_eq!(dead, json!([]));
}

#[test]
fn the_chart_of_a_document_can_be_read_light_and_dark() {
    let svg = chart::svg(&sample::record()).expect("there are peers");
    // The page contains only the image, as in a document.
    let Some(page) = Page::of(&format!("<!DOCTYPE html><body>{svg}</body>"), "html") else { return };
    for scheme in ["light", "dark"] {
        page.look(870, 900, scheme);
        assert_eq!(page.value(HARD_TO_READ), Value::Array(vec![]), "{scheme}");
        assert_eq!(page.value(COLLISIONS), Value::Array(vec![]), "{scheme}");
    }
}
