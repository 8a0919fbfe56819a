//! This script makes one page of the files in `page/`. It inserts the style and the scripts that
//! `index.html` names.
//!
//! The build fails if the page would differ from its files: if a script contains its own end tag, or a
//! marker is missing or occurs twice.

use std::path::Path;
use std::{env, fs};

const STYLE: (&str, &str) = ("<link rel=\"stylesheet\" href=\"", "\">");
const SCRIPT: (&str, &str) = ("<script src=\"", "\"></script>");
/// The markers where the program inserts text. Each must occur once in the page.
const TITLE: [&str; 2] = ["<title>", "</title>"];
const RECORD: [&str; 1] = ["<script id=\"record\" type=\"application/octet-stream;base64\"></script>"];

fn main() {
    println!("cargo::rerun-if-changed=page");
    let page = read("index.html");
    check_once(&page, &TITLE);
    let page = inline(&page, STYLE, "<style>\n", "</style>", &["</style"]);
    let page = inline(&page, SCRIPT, "<script>\n", "</script>", &["</script", "<!--"]);
    check_once(&page, &RECORD);
    let out = env::var_os("OUT_DIR").expect("cargo sets OUT_DIR");
    fs::write(Path::new(&out).join("page.html"), page).expect("the page is written to OUT_DIR");
}

fn check_once(page: &str, markers: &[&str]) {
    for marker in markers {
        assert_eq!(page.matches(marker).count(), 1, "page/index.html with its files must have {marker} once");
    }
}

/// Replaces each element that names a file by an element that contains the file.
fn inline(page: &str, (before, after): (&str, &str), open: &str, close: &str, refused: &[&str]) -> String {
    let mut parts = page.split(before);
    let mut whole = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) =
            part.split_once(after).unwrap_or_else(|| panic!("page/index.html: {before} has no {after}"));
        let text = read(name);
        for end in refused {
            let found = text.to_ascii_lowercase().contains(end);
            assert!(!found, "page/{name} holds {end}, which would end or change the element around it");
        }
        whole.extend([open, &text, close, rest]);
    }
    whole
}

fn read(name: &str) -> String {
    assert!(!name.contains(['/', '\\']), "page/index.html names {name}, which is not a file beside it");
    fs::read_to_string(Path::new("page").join(name)).unwrap_or_else(|error| panic!("page/{name}: {error}"))
}
