//! The queue on a broker with Redis Streams.
//!
//! | file | content |
//! |---|---|
//! | `mod.rs` | [`Broker`] with the queue's keys, its figures and its dead letters |
//! | `scripts.rs`, `scripts/` | the scripts, one atomic script for each step of a job |
//! | `adder.rs` | a producer's side |
//! | `backend.rs` | a worker's side; its tasks are in the next three files |
//! | `fetch.rs` | takes new jobs, and the jobs of dead workers |
//! | `periodic.rs` | sends heartbeats, and moves scheduled jobs that are due |
//! | `settle.rs` | sends the verdict on a job to the broker |
//! | `link.rs`, `stream.rs`, `address.rs` | connections, which are made again after a failure |
//! | `broker_error.rs` | the kinds of failures |
//!
//! # Keys
//!
//! | key | type | content |
//! |---|---|---|
//! | `oneloop:{NAME}:jobs` | stream, with one group, `workers` | jobs that are due: `id`, `attempt`, `added`, `payload` |
//! | `oneloop:{NAME}:later` | sorted set by time | jobs that are due later, each packed into its member |
//! | `oneloop:{NAME}:dead` | stream | dead letters: a job's fields, `reason`, `died` |
//! | `oneloop:{NAME}:workers` | sorted set by time | the last heartbeat of each worker |
//! | `oneloop:{NAME}:id:ID` | string with an expiry | exists while the queue keeps the id |

mod adder;
mod address;
mod backend;
mod broker_error;
mod fetch;
mod link;
mod periodic;
mod scripts;
mod settle;
mod stream;

use std::fmt;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use oneloop::event_loop::EventLoop;

use crate::Error;
use crate::queue::{Limits, check_name};
use crate::status::{DeadLetter, Status, WorkerStatus};
use crate::worker::Options;
use crate::worker::backend::Backend;
use crate::worker::message::Message;
pub(crate) use adder::Adder;
use address::Address;
use backend::RedisBackend;
use link::{Call, Link};
use scripts::Scripts;

/// The fields of an entry in the form of the library.
type Fields = std::collections::HashMap<String, Vec<u8>>;

/// The group of consumers of a queue's workers.
const GROUP: &str = "workers";

/// The names of a queue's keys. The part in braces decides a cluster's slot.
pub(crate) struct Keys {
    pub jobs: String,
    pub later: String,
    pub dead: String,
    pub workers: String,
    id_prefix: String,
}

impl Keys {
    fn new(name: &str) -> Keys {
        let key = |what: &str| format!("oneloop:{{{name}}}:{what}");
        Keys {
            jobs: key("jobs"),
            later: key("later"),
            dead: key("dead"),
            workers: key("workers"),
            id_prefix: key("id:"),
        }
    }

    fn id(&self, id: &str) -> String {
        format!("{}{id}", self.id_prefix)
    }
}

pub(crate) struct Broker {
    address: Rc<Address>,
    name: String,
    keys: Keys,
    limits: Limits,
    scripts: Scripts,
}

impl Broker {
    pub fn new(url: &str, name: &str, limits: Limits) -> Result<Rc<Broker>, Error> {
        let (address, keys) = (Rc::new(Address::parse(url)?), Keys::new(name));
        Ok(Rc::new(Broker { address, name: name.to_owned(), keys, limits, scripts: Scripts::new() }))
    }

    fn link(&self) -> Link {
        Link::new(self.address.clone())
    }

    pub async fn status(&self) -> Result<Status, Error> {
        type Answer = (u64, u64, u64, u64, i64, Vec<(String, u64, u64)>);
        let script = scripts::on(&self.scripts.status, &self.keys);
        let answer: Answer =
            self.link().call_within(&Call::Script(&script), self.limits.answer_timeout).await?;
        let (entries, in_flight, scheduled, dead, oldest, workers) = answer;
        let worker = |(name, in_flight, heartbeat)| WorkerStatus {
            name,
            in_flight,
            heartbeat: Duration::from_millis(heartbeat),
        };
        Ok(Status {
            backlog: entries.saturating_sub(in_flight),
            in_flight,
            scheduled,
            dead,
            oldest: u64::try_from(oldest).ok().map(Duration::from_millis),
            workers: workers.into_iter().map(worker).collect(),
        })
    }

    pub async fn dead_letters(&self, count: usize) -> Result<Vec<DeadLetter>, Error> {
        let mut command = redis::cmd("XRANGE");
        command.arg(&self.keys.dead).arg("-").arg("+").arg("COUNT").arg(count);
        let answer: Vec<(String, Fields)> =
            self.link().call_within(&Call::Command(&command), self.limits.answer_timeout).await?;
        let letter = |(_, mut fields): (String, Fields)| DeadLetter {
            id: text(&mut fields, "id"),
            attempts: number(&mut fields, "attempt") as u32,
            reason: text(&mut fields, "reason"),
            added: time(number(&mut fields, "added")),
            died: time(number(&mut fields, "died")),
            payload: fields.remove("payload").unwrap_or_default(),
        };
        Ok(answer.into_iter().map(letter).collect())
    }

    pub async fn clear_dead_letters(&self, count: usize, again: bool) -> Result<usize, Error> {
        const BATCH: usize = 1000; // The batch has a bound, because a script blocks the broker.
        let link = self.link();
        let mut cleared = 0;
        while cleared < count {
            let batch = BATCH.min(count - cleared);
            let mut script = scripts::on(&self.scripts.select_dead, &self.keys);
            script.arg(batch);
            let (last, done): (String, usize) =
                link.call_within(&Call::Script(&script), self.limits.answer_timeout).await?;
            if done == 0 {
                break;
            }
            // An operation may be repeated because its answer was lost. It names the last dead letter,
            // so that a repetition removes no others.
            let mut script = scripts::on(&self.scripts.clear_dead, &self.keys);
            script.arg(last).arg(again as u8);
            let _: String = link.call_within(&Call::Script(&script), self.limits.answer_timeout).await?;
            cleared += done;
            if done < batch {
                break;
            }
        }
        Ok(cleared)
    }

    pub fn attach(
        self: &Rc<Broker>,
        options: &Options,
    ) -> Result<(EventLoop<Message>, Box<dyn Backend>), Error> {
        let name = options.name.clone().unwrap_or_else(worker_name);
        check_name("a worker", &name, 128)?;
        let events = EventLoop::new()?;
        let backend = RedisBackend::new(self.clone(), name, options.clone(), &events);
        Ok((events, Box::new(backend)))
    }
}

/// The output has the broker's address and the queue's name, and no password.
impl fmt::Display for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {}", self.name, self.address)
    }
}

fn worker_name() -> String {
    let host: String = gethostname::gethostname().to_string_lossy().chars().take(64).collect();
    let host = host.replace(|c: char| !c.is_ascii_alphanumeric() && c != '.' && c != '-', "-");
    format!("{host}-{}-{:08x}", std::process::id(), fastrand::u32(..))
}

fn text(fields: &mut Fields, name: &str) -> String {
    let bytes = fields.remove(name).unwrap_or_default();
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

fn number(fields: &mut Fields, name: &str) -> u64 {
    text(fields, name).parse().unwrap_or_default()
}

/// Returns the time in whole milliseconds, as the broker takes it. A longer time than 2⁵² ms counts as
/// 2⁵² ms.
fn millis(time: Duration) -> u64 {
    time.as_millis().min(1 << 52) as u64
}

/// Converts a time of the broker's clock.
fn time(ms: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(ms)).unwrap_or(SystemTime::UNIX_EPOCH)
}
