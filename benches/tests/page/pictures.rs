//! Writes pictures of the page, for a review and for documents: `ONELOOP_BENCH_PICTURES=FOLDER cargo
//! test -p oneloop-bench --no-default-features --features browser --test page -- --ignored`,
//! `ONELOOP_BENCH_RECORD=RESULTS.json` replaces the sample by the results of a run.

use std::path::PathBuf;

use oneloop_bench::record::Record;
use oneloop_bench::{chart, page};

use crate::browser::Page;
use crate::sample;

#[test]
#[ignore = "writes pictures"]
fn pictures() {
    let folder = std::env::var_os("ONELOOP_BENCH_PICTURES").expect("ONELOOP_BENCH_PICTURES names a folder");
    let folder = PathBuf::from(folder);
    let record = match std::env::var_os("ONELOOP_BENCH_RECORD") {
        Some(file) => {
            let text = std::fs::read_to_string(file).expect("the results can be read");
            Record::from_json(&text).expect("the file has the results of a run")
        }
        None => sample::record(),
    };
    let Some(page) = Page::of(&page::page(&record), "html") else { return };
    let write = |page: &Page, name: String| {
        std::fs::write(folder.join(name), page.picture()).expect("the picture is written");
    };
    for (width, scheme) in [(400, "light"), (400, "dark"), (1_200, "light"), (1_200, "dark")] {
        page.look(width, 900, scheme);
        let height = page.number("document.scrollingElement.scrollHeight").min(15_000.0);
        page.look(width, height as u32, scheme);
        write(&page, format!("page-{width}-{scheme}.png"));
    }
    let Ok(svg) = chart::svg(&record) else { return };
    let Some(chart) = Page::of(&svg, "svg") else { return };
    for scheme in ["light", "dark"] {
        chart.look(830, 620, scheme);
        write(&chart, format!("chart-{scheme}.png"));
    }
}
