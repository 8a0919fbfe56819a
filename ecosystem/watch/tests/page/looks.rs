//! The page is readable at 400 and 1,400 pixels, light and dark.

use serde_json::Value;
use thirtyfour::Key;

use crate::browser::{Page, slow};

/// Returns the texts that are too small, or whose contrast with their background is below 4.5.
const HARD_TO_READ: &str = r"(() => {
  const parse = (color) => (color.match(/[\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
    .map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const backgroundOf = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const color = parse(getComputedStyle(at).backgroundColor);
      if (color.length === 3 || color[3] === 1) return color;
    }
    return [255, 255, 255];
  };
  const bad = [];
  for (const node of document.querySelectorAll('body *')) {
    const text = [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim());
    if (!text || node.tagName === 'SCRIPT' || node.tagName === 'NOSCRIPT' || !node.checkVisibility()) continue;
    const style = getComputedStyle(node);
    const [a, b] = [light(parse(style.color)), light(backgroundOf(node))];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (contrast < 4.5 || parseFloat(style.fontSize) < 12) {
      bad.push(`${node.tagName}.${node.className}: ${contrast.toFixed(1)}, ${style.fontSize}: ${node.textContent.slice(0, 30)}`);
    }
  }
  return bad;
})()";

/// Returns the same for the colours of the canvas.
const CANVAS_HARD_TO_READ: &str = r"(() => {
  const colors = readColors();
  const light = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16) / 255)
    .map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const pairs = [['text', 'bg'], ['text', 'select'], ['text', 'head'], ['quiet', 'bg'], ['quiet', 'head'],
    ['poll-text', 'poll'], ['slow-text', 'slow'], ['text', 'panel'], ['quiet', 'panel']];
  return pairs.filter(([a, b]) => {
    const [x, y] = [light(colors[a]), light(colors[b])];
    return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05) < 4.5;
  });
})()";

#[test]
fn the_page_can_be_read_narrow_and_wide_light_and_dark() {
    let Some(page) = Page::of(&slow()) else { return };
    for (width, height) in [(400, 800), (1400, 900)] {
        for scheme in ["light", "dark"] {
            page.size(width, height);
            page.scheme(scheme);
            for mode in ["timeline", "study"] {
                page.value(&format!("document.getElementById('mode-{mode}').click()"));
                page.value("oneloop.stepTo(900)");
                page.frame();
                let which = format!("{mode}, {scheme}, {width} pixels");
                let wide = page.number("document.scrollingElement.scrollWidth - innerWidth");
                assert!(wide <= 0.0, "{which}: {wide} pixels too wide");
                assert_eq!(page.value(HARD_TO_READ), Value::Array(vec![]), "{which}");
                assert_eq!(page.value(CANVAS_HARD_TO_READ), Value::Array(vec![]), "{which}");
            }
        }
    }
}

#[test]
fn the_schemes_differ_and_controls_have_names_and_a_visible_focus() {
    let Some(page) = Page::of(&slow()) else { return };
    let background = |scheme| {
        page.scheme(scheme);
        page.text("getComputedStyle(document.body).backgroundColor")
    };
    assert_ne!(background("light"), background("dark"));
    let nameless = page.value(
        "[...document.querySelectorAll('button, input, select, [tabindex]')].filter((node) => \
         !(node.textContent.trim() || node.ariaLabel || node.labels?.length)).map((node) => node.outerHTML)",
    );
    assert_eq!(nameless, Value::Array(vec![]));
    page.key(Key::Tab);
    page.key(Key::Tab);
    assert_ne!(page.text("getComputedStyle(document.activeElement).outlineStyle"), "none");
}
