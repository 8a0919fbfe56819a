//! Progress: bars on a terminal, lines otherwise.

use std::cell::Cell;
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::process::{complain, say};

/// The shortest time between two updates of the terminal.
const REDRAW: Duration = Duration::from_millis(100);

/// The message is the last part of the line, because a line that does not fit into the terminal loses
/// its end.
const OF_KNOWN_LENGTH: &str = "[{bar:10}] {percent:>3}% {wide_msg}";
const OF_UNKNOWN_LENGTH: &str = "{wide_msg}";

/// All bars. They are drawn only if standard error is a terminal.
pub struct Progress {
    bars: MultiProgress,
}

impl Progress {
    pub fn new() -> Progress {
        Progress::on(ProgressDrawTarget::stderr())
    }

    pub fn on(target: ProgressDrawTarget) -> Progress {
        Progress { bars: MultiProgress::with_draw_target(target) }
    }

    /// Adds a bar for a file.
    pub fn begin(&self, name: &str) -> Bar {
        let bar = self.bars.add(ProgressBar::no_length().with_style(style(OF_UNKNOWN_LENGTH)));
        bar.set_message(name.to_owned());
        Bar { bar, name: name.to_owned(), shown: Cell::new(None) }
    }

    /// Prints a line to standard output, above the bars.
    pub fn say(&self, text: &str) {
        self.bars.suspend(|| say(text));
    }

    /// Prints a line to standard error, above the bars.
    pub fn complain(&self, text: &str) {
        self.bars.suspend(|| complain(text));
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the template is valid").progress_chars("=> ")
}

/// The bar of one file. Dropping the value removes the bar.
pub struct Bar {
    bar: ProgressBar,
    name: String,
    shown: Cell<Option<Instant>>,
}

impl Bar {
    /// Resets the bar for a new attempt. `length` is `None` if the server does not give the length.
    pub fn restart(&self, length: Option<u64>) {
        self.bar.set_position(0);
        self.bar.reset_eta();
        match length {
            Some(length) => {
                self.bar.set_style(style(OF_KNOWN_LENGTH));
                self.bar.set_length(length);
            }
            None => {
                self.bar.set_style(style(OF_UNKNOWN_LENGTH));
                self.bar.unset_length();
            }
        }
        self.show();
    }

    pub fn received(&self, bytes: usize) {
        self.bar.inc(bytes as u64);
        if self.shown.get().is_none_or(|shown| shown.elapsed() >= REDRAW) {
            self.show();
        }
    }

    fn show(&self) {
        self.shown.set(Some(Instant::now()));
        let (received, rate) = (HumanBytes(self.bar.position()), HumanBytes(self.bar.per_sec() as u64));
        let total = self.bar.length().map(|length| format!(" of {}", HumanBytes(length)));
        let total = total.unwrap_or_default();
        self.bar.set_message(format!("{}: {received}{total}, {rate}/s", self.name));
    }

    pub fn note(&self, text: &str) {
        self.bar.set_message(format!("{}: {text}", self.name));
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
