//! A run as one HTML page that needs nothing beside it: no scripts, no network, no fonts of its own.
//!
//! | file | holds |
//! |---|---|
//! | `intro.rs` | what was measured, how, where, and who is missing |
//! | `verdicts.rs` | the targets and whether they are met |
//! | `cases.rs` | the counts; a plot and a table for each case and each sweep |
//! | `facts.rs` | the table of the library facts |
//! | `bars.rs`, `lines.rs`, `paint.rs` | the plots |
//! | `html.rs`, `style.css` | escaping; how it looks |

mod bars;
mod cases;
mod facts;
mod html;
mod intro;
mod lines;
mod paint;
mod verdicts;

use html::Html;

use crate::record::{Family, Record};

/// The whole page.
pub fn page(record: &Record) -> String {
    let mut body = intro::section(record);
    body.push(cases::counts(record));
    body.push(verdicts::section(record));
    body.push(cases::section(record, Family::Servers, "Times: servers"));
    body.push(cases::section(record, Family::Http, "Times: HTTP servers"));
    body.push(cases::section(record, Family::Operations, "Times: runtime operations"));
    body.push(facts::section(&record.facts));
    let head = concat!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n",
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n",
        "<title>oneloop: benchmark</title>\n<style>\n",
        include_str!("style.css"),
        "</style>\n</head>\n"
    );
    let mut page = Html::ready(head);
    page.push(Html::element("body", "", body));
    page.push(Html::ready("\n</html>\n"));
    page.into_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{SweepPoint, samples};

    fn point(value: usize, figures: &[f64]) -> crate::record::CaseRecord {
        let mut case = samples::case("echo-50", "CPU", &[("epoll", &[10.0, 11.0]), ("oneloop", figures)]);
        case.name = format!("echo-{value}");
        case.sweep = Some(SweepPoint { name: "echo".into(), parameter: "connections".into(), value });
        case
    }

    #[test]
    fn a_page_is_whole_and_safe() {
        let record = samples::record(vec![point(50, &[11.0, 12.0]), point(1_000, &[10.1, 10.9])]);
        let page = page(&record);
        assert!(page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>\n"));
        assert!(!page.contains("<script") && !page.contains("<case>") && !page.contains("<here>"));
        assert!(page.contains("&lt;script&gt;") && page.contains("a &lt;case&gt; &amp; more"));
        for external in ["src=", "href=", "url(", "@import"] {
            assert!(!page.contains(external), "{external}");
        }
        // Two points: a bar plot each, and one with lines.
        assert_eq!(page.matches("<svg").count(), 3);
        // At 50 connections: 1.09 times epoll. 'Below every peer' is not known without a peer.
        assert_eq!(page.matches("class=\"bad\"").count(), 1);
    }

    #[test]
    fn counts_come_first() {
        let mut record =
            samples::record(vec![samples::case("yield", "CPU", &[("tokio", &[1.0]), ("oneloop", &[0.5])])]);
        let counts = [("tokio", &[400.0][..]), ("oneloop", &[193.5])];
        record.counts = vec![samples::case("echo-1", "instructions", &counts)];
        let page = page(&record);
        let at = |text: &str| page.find(text).unwrap();
        assert!(at(">Counts<") < at(">Times: servers<") && at("194 (0.48)") < at(">Times: servers<"));
        // There is no spread in one round.
        assert!(!page.contains("<th>min"));
    }

    #[test]
    fn a_page_of_nothing_is_a_page() {
        assert!(page(&samples::record(Vec::new())).contains("<h1>"));
        let broken = samples::case("churn", "CPU", &[("epoll", &[]), ("oneloop", &[])]);
        assert!(page(&samples::record(vec![broken])).contains("no figures"));
    }
}
