//! Names from a record are text, with any content.

use thirtyfour::Key;

use crate::browser::Page;
use crate::common::server::{self, HOSTILE, Plan};

#[test]
fn hostile_names_show_as_text() {
    let record = server::record(Plan { events: 3_000, tasks: 30, hostile: true, seed: 3 }).record();
    let Some(page) = Page::of(&record) else { return };
    let scripts = page.number("document.scripts.length");
    page.value("[...Array(oneloop.counts.events).keys()].forEach((i) => { oneloop.stepTo(i); })");
    let shown = page.text("document.body.textContent");
    assert!(shown.contains(HOSTILE[0]), "the name is in the page as text");
    assert_eq!(page.number("document.scripts.length"), scripts);
    assert_eq!(page.number("document.querySelectorAll('#main img, #main script').length"), 0.0);
    assert_eq!(page.number("document.querySelectorAll('iframe, object, embed').length"), 0.0);
    assert!(!shown.contains(['\u{202e}', '\u{1b}']), "what changes the direction of text is escaped");
    assert!(shown.contains("\\u{202e}desrever"));
    for name in &HOSTILE[..3] {
        page.value("document.getElementById('mode-timeline').click()");
        page.value("document.getElementById('search').focus()");
        page.value(&format!("document.getElementById('search').value = {}", serde_json::json!(name)));
        page.value("document.getElementById('search').dispatchEvent(new Event('input'))");
        page.key(Key::Enter);
        assert!(page.text("document.getElementById('item').textContent").contains(name), "{name}");
    }
}
