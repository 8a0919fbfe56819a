//! These tests measure big records, and print the figures. The bounds are generous, because the machines
//! are shared.

use crate::browser::Page;
use crate::common::server::{self, Plan};

#[test]
fn a_hundred_thousand_events_load_and_scroll() {
    let record = server::record(Plan { events: 100_000, tasks: 10_000, hostile: false, seed: 1 }).record();
    let Some(page) = Page::of(&record) else { return };
    let load_ms = page.number("oneloop.loadMs");
    let draws = page.value(
        "(() => { const times = []; for (let i = 0; i < 60; i++) { \
           document.getElementById('scroller').scrollTop = i * 2000; \
           document.getElementById(i % 2 ? 'zoom-out' : 'zoom-in').click(); \
           times.push(oneloop.draw()); } return times.sort((a, b) => a - b); })()",
    );
    let [median_ms, draw_ms] = [30, 59].map(|at| draws[at].as_f64().expect("a time"));
    let step_ms = page.number(
        "(() => { const begin = performance.now(), n = oneloop.counts.events; \
           for (let i = 1; i <= 20; i++) oneloop.stepTo(n - 1 - i * 4000); \
           return (performance.now() - begin) / 20; })()",
    );
    println!(
        "{} events, {} units: loaded in {load_ms:.0} ms, a draw takes {median_ms:.1} ms ({draw_ms:.1} at most), a jump back {step_ms:.0} ms",
        page.number("oneloop.counts.events"),
        page.number("oneloop.counts.units"),
    );
    assert!(load_ms < 20_000.0, "{load_ms} ms");
    assert!(median_ms < 500.0, "{median_ms} ms");
}

#[test]
fn ten_thousand_tasks_have_a_lane_each() {
    let record = server::record(Plan { events: 250_000, tasks: 10_000, hostile: false, seed: 1 }).record();
    let Some(page) = Page::of(&record) else { return };
    println!(
        "{} events, {} units, {} lanes: loaded in {:.0} ms, drawn in {:.1} ms",
        page.number("oneloop.counts.events"),
        page.number("oneloop.counts.units"),
        page.number("oneloop.lanes()"),
        page.number("oneloop.loadMs"),
        page.number("oneloop.draw()"),
    );
    assert!(page.number("oneloop.counts.units") >= 10_000.0);
    assert!(page.number("oneloop.lanes()") >= 10_000.0);
    page.value("document.getElementById('scroller').scrollTop = 1e9");
    page.frame();
    assert!(page.number("oneloop.view().top") > 200_000.0);
}
