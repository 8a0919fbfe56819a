//! A queue of jobs, which workers on any number of machines share. Each worker runs the event loop: take
//! a job, handle it, take the next.
//!
//! A queue is in this process or on a broker. The broker has Redis Streams with a group of consumers.
//! The program is the same for both.
//!
//! ```no_run
//! use std::time::Duration;
//! use oneloop_work_queue::{Failure, Job, NewJob, Queue, Worker};
//!
//! async fn handle(job: Job) -> Result<(), Failure> {
//!     let text = std::str::from_utf8(job.payload())?;
//!     println!("{}: {text}", job.id());
//!     Ok(())
//! }
//!
//! fn main() -> Result<(), oneloop_work_queue::Error> {
//!     let queue = match std::env::var("REDIS_URL") {
//!         Ok(url) => Queue::builder("mails").redis(&url)?,
//!         Err(_) => Queue::builder("mails").in_process()?,
//!     };
//!     let producer = queue.producer();
//!     let summary = Worker::new(&queue).at_once(8).run(handle, async move {
//!         let job = NewJob::new("dear Ada").id("ada-1").after(Duration::from_secs(1));
//!         if let Err(error) = producer.add(job).await {
//!             eprintln!("not added: {error}");
//!         }
//!         let _ = oneloop::signal::ctrl_c().await; // The worker stops at Ctrl+C.
//!     })?;
//!     println!("{summary:?}");
//!     Ok(())
//! }
//! ```
//!
//! # Guarantees
//!
//! * **At least once.** After [`add`](Producer::add) has returned, the job is handled or becomes a dead
//!   letter, as long as the broker keeps its data. The worker acknowledges a job after its handler has
//!   completed.
//! * **Sometimes more than once.** If a worker dies, hangs, or loses its broker between a job's effect
//!   and its acknowledgement, another worker handles the job again. Both may handle it at the same time.
//!   No setting changes this, so **a second call of a handler for one job must do no harm.** There are
//!   three ways. The effect can be idempotent (set a value, do not add to it). The handler can record
//!   the job's [`id`](Job::id) in one transaction with the effect. Or the handler can pass the id to a
//!   service that recognizes repeated ids.
//! * **Added once.** The queue adds an id once in its [retention time](Builder::id_retention), also if
//!   the producer repeats the operation because it received no answer. A producer that dies before the
//!   answer must add its job again with the same id.
//! * **No order.** Jobs begin approximately in the order in which they were added. A job that failed is
//!   tried again later.
//!
//! The configuration of the broker decides how much data a crash loses. With `appendonly yes` and
//! `appendfsync always`, an added job survives a crash of the broker and of its machine. With
//! `everysec`, a crash of the machine may lose the last second. Without `appendonly`, a crash loses all
//! jobs since the last snapshot. Replicas are asynchronous, so a failover may lose the jobs that were
//! added just before. `maxmemory-policy` must be `noeviction`, its default, because a server that evicts
//! keys loses queues.
//!
//! # The states of a job
//!
//! ```text
//!    add ──▶ waits ──▶ in flight ──▶ handled: the job leaves the queue
//!     │        ▲        │  │  │
//!     │ later  │ due    │  │  └────▶ failed too often, or its workers died: a dead letter
//!     ▼        │        │  └── its worker has died: another worker claims the job
//!    scheduled ┘◀───────┘ failed: tried again, after a pause that grows
//! ```
//!
//! On a broker each arrow is one atomic script, so a job is always in exactly one place.
//!
//! # Bounds
//!
//! | quantity | bound | at the bound |
//! |---|---|---|
//! | a job's payload | 1 MiB ([`job_bytes_max`](Builder::job_bytes_max)) | [`Error::TooLarge`] |
//! | unfinished jobs | 100,000 ([`backlog_max`](Builder::backlog_max)) | [`add`](Producer::add) returns an error, [`add_wait`](Producer::add_wait) waits |
//! | dead letters | 100,000 ([`dead_letters_max`](Builder::dead_letters_max)) | the queue takes no more jobs |
//! | known ids | the ids of 24 hours ([`id_retention`](Builder::id_retention)) | the queue removes the id |
//! | a worker's jobs at one time | 16 ([`at_once`](Worker::at_once)) | the worker takes no job |
//! | the time of an attempt | 60 seconds ([`job_timeout`](Worker::job_timeout)) | the attempt fails |
//! | attempts of a job | 5 ([`attempts`](Worker::attempts)) | a dead letter |
//! | workers that die during one attempt | 3 ([`deliveries`](Worker::deliveries)) | a dead letter |
//! | the time without a heartbeat of a worker | 20 seconds ([`heartbeat`](Worker::heartbeat)) | other workers claim its jobs |
//! | the time of a worker's end | 10 seconds ([`grace`](Worker::grace)), and 5 for the broker's answers | jobs go back, or other workers claim them later |
//!
//! A handler that blocks its thread blocks the worker, its other jobs and its heartbeat. Use
//! `oneloop::unblock` for such work.
//!
//! # Faults
//!
//! | fault | reaction |
//! |---|---|
//! | a handler fails, panics, or takes too long | the job is tried again after a pause; after the last attempt it becomes a dead letter with the reason |
//! | a worker dies | other workers claim its jobs after 20 seconds without a heartbeat |
//! | a worker hangs | the same; its late acknowledgement changes nothing, and the worker [reports](Report::Lost) it |
//! | the broker dies or is out of reach | workers and producers connect again, with pauses of 50 ms to 2 s; a producer returns an error after 30 seconds |
//! | the broker loads its data, fails over, or has no memory | the same |
//! | the broker answers again | no worker claims a job for 6 seconds, so that live workers send a heartbeat first |
//! | the broker has lost its data | the workers make the group again, and report their jobs as lost |
//!
//! # Features
//!
//! | feature | default | content |
//! |---|---|---|
//! | `redis` | yes | queues on a broker |
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(
    feature = "redis",
    doc = "\n[Scaling](growth) describes several queues, Redis Cluster, and other brokers."
)]

mod error;
#[cfg(all(doc, feature = "redis"))]
#[doc = include_str!("growth.md")]
pub mod growth {}
mod job;
mod local;
mod producer;
mod queue;
#[cfg(feature = "redis")]
mod redis;
mod status;
mod worker;

pub use error::Error;
pub use job::{Added, Failure, Job, NewJob};
pub use producer::Producer;
pub use queue::{Builder, Queue};
pub use status::{DeadLetter, Status, WorkerStatus};
pub use worker::{Report, Summary, Worker};

/// Compiles the README's example as a test.
#[cfg(all(doctest, feature = "redis"))]
#[doc = include_str!("../README.md")]
mod readme {}
