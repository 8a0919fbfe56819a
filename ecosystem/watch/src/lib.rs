//! This crate reads the records of the [oneloop] runtime, which hold the events of its loop and their
//! times.
//!
//! The program `oneloop-watch` makes a page of a record with the functions of this library.
//! [`Record::parse`] checks the bytes of a file. [`Model::of`] makes a model of the record.
//! [`write_page`], [`write_trace_events`] and [`write_summary`] write it in three forms.
//!
//! # Examples
//!
//! ```
//! use oneloop::trace::format::{MAGIC, VERSION};
//! use oneloop_watch::{Model, Record, write_summary};
//!
//! // This record has no event.
//! let bytes: Vec<u8> = [MAGIC, u64::from(VERSION)].into_iter().flat_map(u64::to_le_bytes).collect();
//! let record = Record::parse(&bytes)?;
//! let model = Model::of(&record);
//! assert!(model.units.is_empty());
//!
//! let mut text = Vec::new();
//! write_summary(&record, &model, &mut text)?;
//! assert!(String::from_utf8(text)?.contains("0 events"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [oneloop]: https://docs.rs/oneloop
#![cfg_attr(docsrs, feature(doc_cfg))]

mod entry;
pub mod model;
mod page;
pub mod printable;
mod record;
mod shape;
mod summary;
mod trace_events;

pub use model::Model;
pub use page::write_page;
pub use record::{Flaws, ParseError, Record};
pub use summary::write_summary;
pub use trace_events::write_trace_events;

/// The doc tests compile the examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
