//! The progress bar. It is one line at every width of the terminal.

use indicatif::ProgressStyle;

/// Returns the style of the bar. The text is its last part, because a line that does not fit into the
/// terminal loses its end.
pub fn style() -> ProgressStyle {
    ProgressStyle::with_template("[{bar:10}] {percent}% {wide_msg}").expect("the template is valid")
}
