//! The construction of HTML. All text is escaped, except text that the caller declares as HTML.

/// A piece of HTML.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Html(String);

impl Html {
    /// Escapes a text.
    pub fn text(text: &str) -> Html {
        Html(escaped(text))
    }

    /// Takes a text that is already HTML: a constant of this program, or a plot.
    pub fn ready(html: impl Into<String>) -> Html {
        Html(html.into())
    }

    /// Returns an element. `class` may be empty.
    pub fn element(tag: &'static str, class: &str, inner: impl Into<Html>) -> Html {
        let class = if class.is_empty() { String::new() } else { format!(" class=\"{}\"", escaped(class)) };
        Html(format!("<{tag}{class}>{}</{tag}>", inner.into().0))
    }

    /// Returns a heading with an id, so that a link on the page can refer to it.
    pub fn heading(id: &'static str, text: &str) -> Html {
        Html(format!("<h2 id=\"{id}\">{}</h2>", escaped(text)))
    }

    /// Returns a link to a heading.
    pub fn link(id: &'static str, text: &str) -> Html {
        Html(format!("<a href=\"#{id}\">{}</a>", escaped(text)))
    }

    /// Whether the HTML contains the heading that a link refers to.
    pub fn has_heading(&self, id: &str) -> bool {
        self.0.contains(&format!("<h2 id=\"{id}\">"))
    }

    /// Appends HTML.
    pub fn push(&mut self, more: impl Into<Html>) {
        self.0 += &more.into().0;
    }

    /// Returns the text for a file.
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

/// Returns a table. Each row has a class.
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
