//! The guide shows how a program does the usual things with this crate. Each page is short and
//! begins with an example or a table.
//!
//! | page | for |
//! |---|---|
//! | [`start`] | the dependency, its features, a first program |
//! | [`from_tokio`] | moving from tokio |
//! | [`from_smol`] | the same for smol, async-std and async-io |
//! | [`from_asyncio`] | the same for Python's asyncio |
//! | [`waiting`] | several futures at once, the first of several, time-outs, retries |
//! | [`tasks`] | groups of tasks, tasks that borrow, cancellation, bounded concurrency |
//! | [`channels`] | channels, locks, semaphores |
//! | [`streams`] | lines, frames, streams of values, copying between two sockets |
//! | [`files`] | files, standard input and output |
//! | [`servers`] | graceful shutdown, limits, rates, logging |
//! | [`threads`] | work that blocks or computes, several cores, calls from other threads |
//! | [`testing`] | a stopped clock, free ports, peers in memory |
//! | [`embedding`] | games, graphical interfaces, programs that fork |
//! | [`platforms`] | differences on macOS, FreeBSD and Windows |
//!
//! The crate itself has no channels, locks or codecs, because other crates have them and they need
//! nothing from a runtime. The pages name crates that work with this one. The tests of this crate
//! run every example of these pages, with each driver.
//!
//! An example that needs a peer connects to itself on the loopback address, so that each example is
//! a whole program.

#[doc = include_str!("channels.md")]
pub mod channels {}

#[doc = include_str!("embedding.md")]
pub mod embedding {}

#[doc = include_str!("files.md")]
pub mod files {}

#[doc = include_str!("from_asyncio.md")]
pub mod from_asyncio {}

#[doc = include_str!("from_smol.md")]
pub mod from_smol {}

#[doc = include_str!("from_tokio.md")]
pub mod from_tokio {}

#[doc = include_str!("platforms.md")]
pub mod platforms {}

#[doc = include_str!("servers.md")]
pub mod servers {}

#[doc = include_str!("start.md")]
pub mod start {}

#[doc = include_str!("streams.md")]
pub mod streams {}

#[doc = include_str!("tasks.md")]
pub mod tasks {}

#[doc = include_str!("testing.md")]
pub mod testing {}

#[doc = include_str!("threads.md")]
pub mod threads {}

#[doc = include_str!("waiting.md")]
pub mod waiting {}
