//! Progress: bars on a terminal, lines otherwise.

use std::borrow::Cow;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::process::{complain, say};

/// All bars. Without a terminal on standard error they are not drawn.
pub struct Progress {
    bars: MultiProgress,
}

impl Progress {
    pub fn new() -> Progress {
        Progress { bars: MultiProgress::new() }
    }

    /// A bar for a file that is being downloaded.
    pub fn begin(&self, name: &str) -> Bar {
        let style = ProgressStyle::with_template(
            "{prefix:24!} {bytes:>10} {bar:20} {total_bytes:10} {bytes_per_sec:>12} {msg}",
        )
        .expect("a template that is right")
        .progress_chars("=> ");
        let bar = self.bars.add(ProgressBar::no_length().with_style(style).with_prefix(name.to_owned()));
        Bar(bar)
    }

    /// A line on standard output, above the bars.
    pub fn say(&self, text: &str) {
        self.bars.suspend(|| say(text));
    }

    /// A line on standard error, above the bars.
    pub fn complain(&self, text: &str) {
        self.bars.suspend(|| complain(text));
    }
}

/// One file's bar; dropping it removes it.
pub struct Bar(ProgressBar);

impl Bar {
    /// An attempt begins: nothing has arrived. The server says how much to expect, or does not.
    pub fn restart(&self, length: Option<u64>) {
        self.0.set_position(0);
        self.0.set_message("");
        match length {
            Some(length) => self.0.set_length(length),
            None => self.0.unset_length(),
        }
    }

    pub fn received(&self, bytes: usize) {
        self.0.inc(bytes as u64);
    }

    pub fn note(&self, text: impl Into<Cow<'static, str>>) {
        self.0.set_message(text);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
