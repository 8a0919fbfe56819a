//! The page is one file that contains the record. No name of the record changes the rest of the page.

use data_encoding::BASE64;
use oneloop_watch::{Record, write_page};

use crate::hostile_server;

const BEGIN: &str = "<script id=\"record\" type=\"application/octet-stream;base64\">";

fn page(bytes: &[u8], name: &str) -> String {
    let record = Record::parse(bytes).unwrap();
    let mut page = Vec::new();
    write_page(&record, name, &mut page).unwrap();
    String::from_utf8(page).unwrap()
}

fn embedded(page: &str) -> &str {
    page.split_once(BEGIN).unwrap().1.split_once("</script>").unwrap().0
}

#[test]
fn the_page_holds_the_checked_record() {
    let mut bytes = hostile_server(3_000).record();
    let whole = bytes.len();
    for extra in 0..4 {
        assert!(BASE64.decode(embedded(&page(&bytes, "a")).as_bytes()).unwrap() == bytes[..whole]);
        bytes.push(extra); // The byte begins an entry that is not whole.
    }
}

#[test]
fn the_title_is_the_name_of_the_file_as_text() {
    let bytes = hostile_server(100).record();
    let page = page(&bytes, "</title><script>alert('1')</script>&\u{1b}");
    let title = page.split_once("<title>").unwrap().1.split_once("</title>").unwrap().0;
    assert_eq!(title, "&lt;/title&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;\u{fffd}");
}

#[test]
fn the_page_names_no_other_file() {
    let page = page(&hostile_server(100).record(), "a");
    for other in ["<script src", "<link rel=\"stylesheet", "@import", "url(http", "src=\"http", "href=\"http"]
    {
        assert!(!page.contains(other), "the page holds {other}");
    }
}
