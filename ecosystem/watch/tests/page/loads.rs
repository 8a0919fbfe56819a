//! Records of all kinds make a page that loads, with no output on the console and no request.

use data_encoding::BASE64;
use oneloop::trace::format::{MAGIC, VERSION};
use oneloop_watch::{Model, Record};

use crate::browser::{Page, slow, small};
use crate::common::queue;
use crate::common::server::{self, Plan};

#[test]
fn the_page_counts_what_the_reader_counts() {
    let record = small();
    let Some(page) = Page::of(&record) else { return };
    let model = Model::of(&Record::parse(&record).expect("the record is whole"));
    assert_eq!(page.number("oneloop.counts.units") as usize, model.units.len());
    assert_eq!(page.number("oneloop.counts.polls") as usize, model.polls.len());
    assert_eq!(page.number("oneloop.counts.parks") as usize, model.parks.len());
    assert_eq!(page.number("oneloop.counts.sockets") as usize, model.sockets.len());
    assert_eq!(page.number("oneloop.counts.timers") as usize, model.timers.len());
    assert!(page.is("document.getElementById('error').hidden"));
}

#[test]
fn the_slow_task_is_announced_with_its_name_and_place() {
    let Some(page) = Page::of(&slow()) else { return };
    let text = page.text("document.getElementById('slow').innerText");
    assert!(text.contains("Task 'report' held the loop for"), "{text}");
    assert!(text.contains("src/metrics/report.rs:104"), "{text}");
    assert_eq!(page.text("oneloop.slowest[0].name"), "report");
    page.click("#slow-go");
    assert_eq!(page.text("oneloop.selected()"), "Task 'report' (src/metrics/report.rs:104)");
    assert!(page.text("document.getElementById('item').innerText").contains("was polled for"));
}

#[test]
fn overwritten_events_are_shown_as_unknown() {
    let record =
        server::record(Plan { events: 6_000, tasks: 40, hostile: false, seed: 2 }).overwritten(1_000);
    let Some(page) = Page::at(&record, "#mode=study&event=0") else { return };
    assert!(page.text("document.getElementById('warnings').innerText").contains("overwritten"));
    assert!(page.text("document.getElementById('boxes').innerText").contains("unknown"));
}

#[test]
fn an_event_loop_is_shown_too() {
    let Some(page) = Page::of(&queue::record(200).record()) else { return };
    let said = page.value(
        "Array.from({length: oneloop.counts.events}, (_, i) => { oneloop.stepTo(i); \
         return document.getElementById('sentence').textContent; })",
    );
    let said = said.to_string();
    assert!(said.contains("The program takes event Message"), "{said}");
    assert!(said.contains("The program has handled the event"), "{said}");
}

fn with_text(base64: &str) -> Vec<u8> {
    let record: Vec<u8> = [MAGIC, u64::from(VERSION)].into_iter().flat_map(u64::to_le_bytes).collect();
    let mut html = Vec::new();
    oneloop_watch::write_page(&Record::parse(&record).expect("a header"), "test", &mut html).expect("a Vec");
    let html = String::from_utf8(html).expect("UTF-8");
    html.replace(&BASE64.encode(&record), base64).into_bytes()
}

#[test]
fn a_record_without_events_or_damaged_has_a_text() {
    let newer: Vec<u8> = [MAGIC, 7].into_iter().flat_map(u64::to_le_bytes).collect();
    let empty: Vec<u8> = [MAGIC, 1].into_iter().flat_map(u64::to_le_bytes).collect();
    for (base64, expected) in [
        (String::new(), "contains no record"),
        ("!!!".into(), "damaged"),
        (BASE64.encode(b"0123456789abcdef"), "damaged"),
        (BASE64.encode(&newer), "version 7"),
        (BASE64.encode(&empty), "has no events"),
    ] {
        let Some(page) = Page::of_html(&with_text(&base64), "") else { return };
        let text = page.text("document.getElementById('error').innerText");
        assert!(text.contains(expected), "{expected}: {text}");
    }
}

#[test]
fn a_record_that_is_cut_off_is_shown_up_to_there() {
    let record = small();
    let Some(page) = Page::of_html(&with_text(&BASE64.encode(&record[..record.len() / 2 + 3])), "") else {
        return;
    };
    assert!(page.text("document.getElementById('warnings').innerText").contains("cut off"));
    assert!(page.number("oneloop.counts.polls") > 10.0);
}

#[test]
fn an_error_of_a_page_fails_its_test() {
    let html = "<!doctype html><title>wrong</title><script>console.debug('a word'); \
                setTimeout(() => { throw new Error('thrown'); }); \
                fetch('http://127.0.0.1:9/asked').catch(() => { document.title = 'refused'; });</script>";
    let Some(page) = Page::of_html(html.as_bytes(), "") else { return };
    page.wait_until("document.title === 'refused'");
    let complaints = page.complaints().join("\n");
    for expected in ["a word", "thrown", "request: http://127.0.0.1:9/asked"] {
        assert!(complaints.contains(expected), "{expected}: {complaints}");
    }
}
