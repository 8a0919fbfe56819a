//! The parts of the benchmark that need no runtime: figures, their record, the targets and the page.
//!
//! | file | holds |
//! |---|---|
//! | `record.rs` | a run as data: the format of the JSON file |
//! | `counts/` | instructions and system calls: the parser of callgrind's output, the table of oneloop's counts |
//! | `host.rs` | the description of the machine |
//! | `rounds.rs`, `estimate.rs` | the order of measurements and the rounds of an interrupted run; the remaining time of a run |
//! | `files.rs`, `merge.rs` | the names of a run's files; several runs as one record |
//! | `targets.rs`, `verdict.rs` | the targets for the figures; their comparison with a run |
//! | `headline.rs` | the most important ratios |
//! | `page/`, `chart.rs` | the same data as one HTML page with plots; the headline as a picture for a document |
//! | `library/` | build times, sizes, lines: the facts about the libraries themselves |
//! | the other files | the table in `main.rs` lists them |

#![cfg(target_os = "linux")]

pub mod chart;
pub mod counts;
pub mod estimate;
pub mod files;
pub mod headline;
pub mod host;
pub mod library;
pub mod machine;
pub mod merge;
pub mod page;
pub mod record;
pub mod rounds;
#[allow(missing_docs, reason = "what its names say is not said again")]
pub mod stats;
#[allow(missing_docs, reason = "what its names say is not said again")]
pub mod sys;
#[allow(missing_docs, reason = "what its names say is not said again")]
pub mod table;
pub mod targets;
pub mod verdict;
