//! Study mode steps forwards and back.

use thirtyfour::Key;

use crate::browser::{Page, slow, small};

#[test]
fn a_step_back_restores_the_state() {
    let Some(page) = Page::of(&slow()) else { return };
    let same = page.value(
        "(() => { const n = oneloop.counts.events, texts = []; \
           const at = Array.from({length: 400}, (_, i) => Math.floor(i * n / 400)); \
           for (const i of at) { oneloop.stepTo(i); texts.push(oneloop.state()); } \
           const back = at.map((_, i) => at.length - 1 - i); \
           return back.filter((i) => { oneloop.stepTo(at[i]); return oneloop.state() !== texts[i]; }).map((i) => at[i]); })()",
    );
    assert_eq!(same.as_array().map(Vec::len), Some(0), "other states after these events: {same}");
}

#[test]
fn buttons_and_keys_step_by_event_and_by_turn() {
    let Some(page) = Page::of(&small()) else { return };
    page.click("#mode-study");
    page.click("#step-forward");
    assert_eq!(page.number("oneloop.step()"), 1.0);
    let state = page.text("oneloop.state()");
    for (there, back) in [("#step-forward", "#step-back"), ("#step-turn", "#step-turn-back")] {
        page.click(there);
        assert_ne!(page.text("oneloop.state()"), state);
        page.click(back);
    }
    page.key(Key::Home);
    assert_eq!(page.number("oneloop.step()"), 0.0);
    page.key(Key::Right);
    assert_eq!(page.text("oneloop.state()"), state);
    page.key(Key::Down);
    let turn = page.text("document.getElementById('position').textContent");
    page.key(Key::Down);
    page.key(Key::Up);
    assert_eq!(page.text("document.getElementById('position').textContent"), turn);
    page.key(Key::End);
    assert_eq!(page.number("oneloop.step()"), page.number("oneloop.counts.events - 1"));
}

#[test]
fn each_box_is_marked_and_has_its_content() {
    let Some(page) = Page::of(&small()) else { return };
    page.click("#mode-study");
    let seen = page.value(
        "(() => { const seen = [0, 0, 0, 0]; \
           for (let i = 0; i < oneloop.counts.events; i++) { oneloop.stepTo(i); \
             const boxes = [...document.querySelectorAll('.box')]; \
             const now = boxes.findIndex((box) => box.classList.contains('active')); \
             seen[now] += boxes[now].querySelectorAll('.entry').length; } \
           return seen; })()",
    );
    for entries in seen.as_array().expect("four figures") {
        assert!(entries.as_f64() > Some(0.0), "a box was never lit with anything in it: {seen}");
    }
    let said = page.text("document.getElementById('source').textContent");
    assert!(said.starts_with("Read ") && said.contains("runtime/"), "{said}");
}

#[test]
fn the_address_keeps_the_position() {
    let Some(page) = Page::at(&small(), "#mode=study&event=700") else { return };
    assert_eq!(page.number("oneloop.step()"), 700.0);
    assert!(page.is("document.getElementById('timeline').hidden"));
    page.click("#step-forward");
    page.wait_until("location.hash.includes('event=701')");
}
