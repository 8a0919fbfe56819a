//! A run as one HTML page that needs no other file. It has no scripts and no fonts of its own, and loads
//! nothing from the network.
//!
//! plotters draws the plots as SVG without a script. Crates that draw in the browser (charming, plotly)
//! add a library of several megabytes to each page, or need a JavaScript engine in this program. poloto
//! draws only lines and histograms. plotters provides the coordinates, the logarithmic axes and the
//! escaping. This module places the names and labels.
//!
//! | file | holds |
//! |---|---|
//! | `headline.rs`, `ratios.rs` | the headline: the most important ratios, as a table and as a plot |
//! | `intro.rs` | the title; the last section with the method, the machine, and the runtimes that are left out |
//! | `verdicts.rs` | the targets and the verdict on each |
//! | `cases.rs` | the counts; a plot and a table for each case and each sweep |
//! | `facts.rs` | the table of the library facts |
//! | `bars.rs`, `lines.rs`, `ticks.rs`, `paint.rs` | the plots, their ticks, and their common parts |
//! | `runtimes.rs`, `colors.css`, `plot.css` | one colour for each runtime, in both schemes |
//! | `html.rs`, `style.css` | the escaping; the style of the page |

mod bars;
mod cases;
mod facts;
mod headline;
mod html;
mod intro;
mod lines;
pub(crate) mod paint;
pub(crate) mod ratios;
pub(crate) mod runtimes;
mod ticks;
mod verdicts;

use html::Html;

use crate::record::{Family, Record};

/// The colours of the page and of its plots, and the rules that apply them to the plots.
pub(crate) const PLOT_STYLE: &str = concat!(include_str!("colors.css"), include_str!("plot.css"));

/// Returns the whole page.
pub fn page(record: &Record) -> String {
    let mut sections = verdicts::section(record);
    sections.push(cases::counts(record));
    sections.push(cases::section(record, Family::Servers, "servers", "Times: servers"));
    sections.push(cases::section(record, Family::Http, "http", "Times: HTTP servers"));
    sections.push(cases::section(record, Family::Operations, "operations", "Times: runtime operations"));
    sections.push(facts::section(&record.facts));
    sections.push(intro::how(record));
    let mut body = intro::title(record);
    body.push(headline::section(record));
    body.push(links(&sections));
    body.push(sections);
    let head = concat!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n",
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n",
        "<title>oneloop: benchmark</title>\n<style>\n",
        include_str!("colors.css"),
        include_str!("plot.css"),
        include_str!("style.css"),
        "</style>\n</head>\n"
    );
    let mut page = Html::ready(head);
    page.push(Html::element("body", "", body));
    page.push(Html::ready("\n</html>\n"));
    page.into_string()
}

/// Returns links to the sections of this page.
fn links(sections: &Html) -> Html {
    let all = [
        ("targets", "Targets"),
        ("counts", "Counts"),
        ("servers", "Servers"),
        ("http", "HTTP servers"),
        ("operations", "Runtime operations"),
        ("facts", "Library facts"),
        ("how", "How it was measured"),
    ];
    let there = all.into_iter().filter(|(id, _)| sections.has_heading(id));
    Html::element("nav", "", there.map(|(id, text)| Html::link(id, text)).collect::<Html>())
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
        for external in ["src=", "href=\"h", "href=\"/", "url(", "@import"] {
            assert!(!page.contains(external), "{external}");
        }
        // The page has four plots in two widths each: the headline, a bar plot for each of two points,
        // and a line plot.
        assert_eq!(page.matches("<svg").count(), 8);
        // The ratio to epoll is 1.09 at 50 connections. Without a peer the target 'below every peer' is
        // not known.
        assert_eq!(page.matches("class=\"bad\"").count(), 1);
    }

    #[test]
    fn on_a_busy_machine_no_target_is_red() {
        let mut case = point(50, &[11.0, 12.0]);
        case.notes.push("Other work took 90 % of a core meanwhile. Do not trust this case.".into());
        let page = page(&samples::record(vec![case]));
        assert_eq!(page.matches("class=\"bad\"").count(), 0);
        assert!(page.contains("<td>not judged</td>"));
    }

    #[test]
    fn the_headline_comes_first() {
        let page = page(&samples::record(vec![point(50, &[11.0, 12.0])]));
        let at = |text: &str| page.find(text).unwrap_or_else(|| panic!("{text} is missing"));
        assert!(at("<h1>") < at("<svg") && at("<svg") < at("oneloop ÷ peer</th>"));
        assert!(at("oneloop ÷ peer</th>") < at("id=\"targets\"") && at("id=\"servers\"") < at("id=\"how\""));
    }

    #[test]
    fn counts_come_first() {
        let mut record =
            samples::record(vec![samples::case("yield", "CPU", &[("tokio", &[1.0]), ("oneloop", &[0.5])])]);
        let counts = [("tokio", &[400.0][..]), ("oneloop", &[193.5])];
        record.counts = vec![samples::case("echo-1", "instructions", &counts)];
        let page = page(&record);
        let at = |text: &str| page.find(text).unwrap();
        assert!(at("id=\"counts\"") < at("id=\"servers\"") && at("194 (0.48)") < at("id=\"servers\""));
        // One round has no spread.
        assert!(!page.contains("<th>min"));
    }

    #[test]
    fn a_page_of_nothing_is_a_page() {
        assert!(page(&samples::record(Vec::new())).contains("<h1>"));
        let broken = samples::case("churn", "CPU", &[("epoll", &[]), ("oneloop", &[])]);
        assert!(page(&samples::record(vec![broken])).contains("no figures"));
    }
}
