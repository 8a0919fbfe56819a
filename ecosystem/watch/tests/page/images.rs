//! This test makes the images of README and DESIGN:
//! `cargo test -p oneloop-watch --test page -- --ignored images`. `ONELOOP_WATCH_RECORD` can name
//! another record.

use std::path::Path;

use crate::browser::{Page, slow};

#[test]
#[ignore = "writes into the repository"]
fn images() {
    let record = match std::env::var_os("ONELOOP_WATCH_RECORD") {
        Some(file) => std::fs::read(file).expect("the record can be read"),
        None => slow(),
    };
    let Some(page) = Page::of(&record) else { return };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("images");
    std::fs::create_dir_all(&folder).expect("the folder");
    let write = |name: &str| {
        let picture = page.picture();
        assert!(picture.len() < 200_000, "{name}: {} bytes", picture.len());
        std::fs::write(folder.join(name), picture).expect("the picture is written");
    };
    page.scheme("light");
    page.size(1400, 820);
    page.value("document.getElementById('slow-go').click()");
    write("timeline.png");
    // The image shows a poll in a turn in which some units are ready.
    page.value("document.getElementById('mode-study').click()");
    let event = page.number(
        "(() => { const record = readPageRecord(); const replay = makeReplay(buildModel(record)); \
           for (let at = Math.floor(record.count / 4); at < record.count; at++) { \
             if (record.kind[at] === KIND.PollBegins && seek(replay, at).queue.size >= 5) return at; } \
           return 0; })()",
    );
    page.value(&format!("oneloop.stepTo({event})"));
    page.scheme("dark");
    page.size(1400, 900);
    write("study.png");
}
