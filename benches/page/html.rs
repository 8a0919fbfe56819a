//! HTML in the making: text is escaped unless it says that it is HTML already.

/// A piece of HTML.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Html(String);

impl Html {
    /// Text, escaped.
    pub fn text(text: &str) -> Html {
        Html(escaped(text))
    }

    /// What is HTML already: the program's own words, or a plot.
    pub fn ready(html: impl Into<String>) -> Html {
        Html(html.into())
    }

    /// An element. `class` may be empty.
    pub fn element(tag: &'static str, class: &str, inner: impl Into<Html>) -> Html {
        let class = if class.is_empty() { String::new() } else { format!(" class=\"{}\"", escaped(class)) };
        Html(format!("<{tag}{class}>{}</{tag}>", inner.into().0))
    }

    /// Puts something behind.
    pub fn push(&mut self, more: impl Into<Html>) {
        self.0 += &more.into().0;
    }

    /// The text for a file.
    pub fn into_string(self) -> String {
        self.0
    }
}

impl From<&str> for Html {
    fn from(text: &str) -> Html {
        Html::text(text)
    }
}

impl From<String> for Html {
    fn from(text: String) -> Html {
        Html::text(&text)
    }
}

impl FromIterator<Html> for Html {
    fn from_iter<T: IntoIterator<Item = Html>>(pieces: T) -> Html {
        Html(pieces.into_iter().map(|piece| piece.0).collect())
    }
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe += "&amp;",
            '<' => safe += "&lt;",
            '>' => safe += "&gt;",
            '"' => safe += "&quot;",
            '\'' => safe += "&#39;",
            other => safe.push(other),
        }
    }
    safe
}

/// A table: its header, and rows with a class each.
pub fn table(header: &[String], rows: Vec<(String, Vec<Html>)>) -> Html {
    let cells =
        |tag, cells: Vec<Html>| cells.into_iter().map(|cell| Html::element(tag, "", cell)).collect::<Html>();
    let header = header.iter().map(|cell| Html::text(cell)).collect();
    let mut table = Html::element("thead", "", Html::element("tr", "", cells("th", header)));
    let rows = rows.into_iter().map(|(class, row)| Html::element("tr", &class, cells("td", row)));
    table.push(Html::element("tbody", "", rows.collect::<Html>()));
    Html::element("div", "wide", Html::element("table", "", table))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_become_markup() {
        let html = Html::element("p", "a\"b", "<script>alert('&')</script>").into_string();
        assert_eq!(html, "<p class=\"a&quot;b\">&lt;script&gt;alert(&#39;&amp;&#39;)&lt;/script&gt;</p>");
    }
}
