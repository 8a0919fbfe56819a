//! These tests cover the timeline: zoom and pan by wheel, drag and keys, the search, and the pointer.

use thirtyfour::Key;

use crate::browser::{Page, slow, small};

const SPAN: &str = "oneloop.view().to - oneloop.view().from";
const FROM: &str = "oneloop.view().from";

#[test]
fn the_wheel_zooms_at_the_pointer() {
    let Some(page) = Page::of(&small()) else { return };
    let whole = page.number(SPAN);
    let middle = page.middle("#canvas");
    page.wheel(middle, -400);
    let near = page.number(SPAN);
    assert!(near < whole * 0.6, "{near} of {whole}");
    page.wheel(middle, 4000);
    assert!((page.number(SPAN) - whole).abs() < 1.0);
}

#[test]
fn keys_zoom_and_pan() {
    let Some(page) = Page::of(&small()) else { return };
    page.value("document.getElementById('scroller').focus()");
    let whole = page.number(SPAN);
    page.key('+');
    page.key('+');
    let (span, from) = (page.number(SPAN), page.number(FROM));
    assert!(span < whole / 2.0);
    page.key(Key::Right);
    assert!(page.number(FROM) > from);
    page.key(Key::Left);
    assert!((page.number(FROM) - from).abs() < 1.0);
    page.key(Key::End);
    assert!(page.number(FROM) > from);
    page.key('-');
    assert!(page.number(SPAN) > span);
    page.key('0');
    assert!((page.number(SPAN) - whole).abs() < 1.0);
    page.key(Key::Down);
    assert!(page.number("oneloop.view().top") > 0.0);
}

#[test]
fn a_drag_pans() {
    let Some(page) = Page::of(&small()) else { return };
    page.value("document.getElementById('scroller').focus()");
    page.key('+');
    page.key('+');
    let from = page.number(FROM);
    let (x, y) = page.middle("#canvas");
    page.drag(&[(x, y), (x - 60, y), (x - 120, y)]);
    assert!(page.number(FROM) > from);
    assert!(page.is("oneloop.selected() === null"), "a drag is no click");
}

#[test]
fn the_search_finds_tasks_places_and_addresses() {
    let Some(page) = Page::of(&small()) else { return };
    for (text, expected) in [
        ("connection 7", "connection 7"),
        ("report.rs", "(src/metrics/report.rs:104)"),
        ("30003", "Socket tcp 127.0.0.1:7878"),
    ] {
        page.value("document.getElementById('search').value = ''");
        page.click("#search");
        page.write(text);
        assert!(page.text("document.getElementById('hits').textContent").contains("hit"), "{text}");
        page.key(Key::Enter);
        let selected = page.text("oneloop.selected()");
        assert!(selected.contains(expected), "{text}: {selected}");
    }
    page.value("document.getElementById('search').value = ''");
    page.click("#search");
    page.write("no such thing");
    assert_eq!(page.text("document.getElementById('hits').textContent"), "No hit");
}

#[test]
fn related_lanes_alone_and_all_again() {
    let Some(page) = Page::of(&slow()) else { return };
    page.click("#slow-go");
    let all = page.number("oneloop.lanes()");
    page.click("#item-only");
    let related = page.number("oneloop.lanes()");
    assert!(related > 2.0 && related < all / 4.0, "{related} of {all}");
    assert_eq!(page.text("oneloop.selected()"), "Task 'report' (src/metrics/report.rs:104)");
    page.click("#item-only");
    assert_eq!(page.number("oneloop.lanes()"), all);
}

#[test]
fn n_and_p_go_from_poll_to_poll() {
    let Some(page) = Page::of(&slow()) else { return };
    page.click("#slow-go");
    page.value("document.getElementById('scroller').focus()");
    let at = page.text("document.getElementById('item-lines').innerText");
    page.key('p');
    assert_ne!(page.text("document.getElementById('item-lines').innerText"), at);
    page.key('n');
    assert_eq!(page.text("document.getElementById('item-lines').innerText"), at);
    page.key(Key::Escape);
    assert!(page.is("oneloop.selected() === null"));
}

#[test]
fn the_panel_describes_the_item_under_the_pointer() {
    let Some(page) = Page::of(&small()) else { return };
    page.click(".row"); // The slowest poll is now in the middle of the timeline.
    let bounds = page.value("document.getElementById('canvas').getBoundingClientRect().toJSON()");
    let left = bounds["x"].as_f64().expect("x");
    let width = bounds["width"].as_f64().expect("width");
    // The lane of the loop has a poll at this point, with any selected lane.
    let at = (left + 190.0 + (width - 190.0) / 2.0, bounds["y"].as_f64().expect("y") + 40.0);
    page.point((at.0 as i64, at.1 as i64));
    let text = page.text("document.getElementById('item').innerText");
    assert!(text.contains("was polled for"), "{text}");
    assert!(text.contains("earlier by"), "{text}");
}
