//! The headline of the page: the ratios of oneloop to its peers, as a sentence, a plot and two tables.

use super::html::{Html, table};
use super::{paint, ratios};
use crate::headline::{self, Of, Row};
use crate::record::Record;
use crate::table::ratio;

/// Returns the section. It is empty if no peer took part.
pub fn section(record: &Record) -> Html {
    let (of, best) = headline::best(record);
    let mut section = Html::default();
    if best.is_empty() {
        return section;
    }
    section.push(Html::element("p", "lead", headline::sentence(&best, of)));
    let mut caption = format!(
        "oneloop \u{f7} peer, {}. Each dot is one peer, at the median of the ratios within each round. oneloop \
         needs less where a dot is left of 1. The axis is logarithmic.",
        of.words()
    );
    if best.iter().any(|row| row.is_doubtful) {
        caption += " A hollow dot is not judged, because the machine was not idle.";
    }
    section.push(paint::figure(&caption, |layout| ratios::svg(&best, layout, 0, 0, |_| Ok(()))));
    for (of, title) in [(Of::Counts, "Counts"), (Of::Times, "Times")] {
        section.push(table_of(&headline::rows(record, of), title));
    }
    section
}

fn table_of(rows: &[Row], title: &str) -> Html {
    if rows.is_empty() {
        return Html::default();
    }
    let peers = ratios::peers(rows);
    let mut header = vec![format!("{title}: oneloop \u{f7} peer")];
    header.extend(peers.iter().map(|it| it.to_string()));
    header.push("ratio of".into());
    let cell = |row: &Row, peer: &str| {
        let Some(value) = row.ratio(peer) else { return Html::text("\u{2013}") };
        let class = match value {
            _ if row.is_doubtful => "unjudged",
            value if value < 1.0 => "less",
            _ => "more",
        };
        Html::element("span", class, ratio(value, row.digits.min(2)))
    };
    let line = |row: &Row| {
        let class = if row.is_doubtful { "unjudged" } else { "" };
        let mut cells = vec![Html::text(&row.case)];
        cells.extend(peers.iter().map(|peer| cell(row, peer)));
        cells.push(Html::text(&row.metric));
        (class.to_owned(), cells)
    };
    let mut html = table(&header, rows.iter().map(line).collect());
    if rows.iter().any(|row| row.is_doubtful) {
        let text = "A grey row is not judged, because other programs used the machine meanwhile.";
        html.push(Html::element("p", "quiet", text));
    }
    html
}
