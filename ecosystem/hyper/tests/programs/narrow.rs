//! The example `http_client` on narrow terminals: each download has one line.

use indicatif::{InMemoryTerm, ProgressDrawTarget};

use crate::progress::Progress;

#[test]
fn a_download_is_one_line_however_narrow_the_terminal_is() {
    for columns in [20, 40, 60, 80, 200] {
        let terminal = InMemoryTerm::new(10, columns);
        let progress = Progress::on(ProgressDrawTarget::term_like(Box::new(terminal.clone())));
        let bars = ["a-file-with-a-rather-long-name.tar.gz", "b", "c"].map(|name| progress.begin(name));
        bars[0].restart(Some(3_000_000));
        bars[0].received(1_500_000);
        bars[1].restart(None);
        bars[1].received(1_500_000);
        bars[2].note("waits");
        let text = terminal.contents();
        assert_eq!(text.lines().count(), 3, "{columns}: {text}");
        assert!(text.lines().nth(1).is_some_and(|line| line.starts_with("b: ")), "{columns}: {text}");
        drop(bars);
        assert_eq!(terminal.contents(), "", "{columns}");
    }
}
