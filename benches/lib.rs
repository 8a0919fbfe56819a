//! The parts of the benchmark that no runtime takes part in: figures, their record, the targets and the page.
//!
//! | file | holds |
//! |---|---|
//! | `record.rs` | a run as data: the format of the JSON file |
//! | `counts/` | instructions and system calls: the parser of callgrind's output, the table of our own |
//! | `host.rs` | what the machine is |
//! | `targets.rs`, `verdict.rs` | what the figures ought to be; whether they are |
//! | `page/` | the same data as one HTML page with plots |
//! | `library/` | build times, sizes, lines: the facts about the libraries themselves |
//! | the others | see the table in `main.rs` |

#![cfg(target_os = "linux")]

pub mod counts;
pub mod host;
pub mod library;
pub mod machine;
pub mod page;
pub mod record;
#[allow(missing_docs, reason = "what its names say is not said again")]
pub mod stats;
#[allow(missing_docs, reason = "what its names say is not said again")]
pub mod sys;
#[allow(missing_docs, reason = "what its names say is not said again")]
pub mod table;
pub mod targets;
pub mod verdict;
