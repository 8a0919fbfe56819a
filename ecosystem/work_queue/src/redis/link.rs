//! `Link`, a connection to the broker that is replaced after a failure.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use oneloop::AbortHandle;
use oneloop::time::{sleep, sleep_until, timeout};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Cmd, FromRedisValue, ScriptInvocation};
use tokio::sync::Mutex;

use super::address::Address;
use super::broker_error::BrokerError;
use super::stream::Stream;
use crate::Error;
use crate::worker::pause_after;

/// The time limit of a connection attempt, and of an answer that does not wait for an event.
pub(crate) const ANSWER_MAX: Duration = Duration::from_secs(5);
/// The first and the longest pause between attempts to connect.
const PAUSE_FIRST: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(2);

pub(crate) struct Link {
    pub address: Rc<Address>,
    current: RefCell<Option<Current>>,
    /// The number of connections that were made. By this number the link ignores a late failure of an
    /// earlier connection.
    made: Cell<u64>,
    /// Locked by the task that connects.
    connecting: Mutex<()>,
    /// The number of consecutive failed attempts to connect.
    failures: Cell<u32>,
    /// The earliest time of the next attempt to connect.
    next_attempt: Cell<Option<Instant>>,
    /// The time of the last failure of an operation or of an attempt to connect.
    failed: Cell<Option<Instant>>,
    /// Called with the reason after a failure, and with `None` when the link is connected again.
    on_change: RefCell<Option<OnChange>>,
}

type OnChange = Box<dyn Fn(Option<&str>)>;

/// The connection of a link. The link has not yet received a failure of it.
struct Current {
    connection: MultiplexedConnection,
    /// The task that moves its bytes.
    driver: AbortHandle,
    /// The broker's id of the connection, or 0 if the broker does not return it.
    number: i64,
}

impl Drop for Current {
    fn drop(&mut self) {
        // The task might wait without end for answers.
        self.driver.abort();
    }
}

/// An operation for the broker.
pub(crate) enum Call<'a> {
    Command(&'a Cmd),
    Script(&'a ScriptInvocation<'a>),
}

impl Link {
    pub fn new(address: Rc<Address>) -> Link {
        Link {
            address,
            current: RefCell::default(),
            made: Cell::new(0),
            connecting: Mutex::new(()),
            failures: Cell::new(0),
            next_attempt: Cell::new(None),
            failed: Cell::new(None),
            on_change: RefCell::default(),
        }
    }

    pub fn on_change(&self, on_change: impl Fn(Option<&str>) + 'static) {
        *self.on_change.borrow_mut() = Some(Box::new(on_change));
    }

    /// Makes one attempt of an operation. The answer may take `limit`.
    pub async fn call<T: FromRedisValue>(&self, call: &Call<'_>, limit: Duration) -> Result<T, BrokerError> {
        let (mut connection, made) = self.connection().await?;
        let answer = async {
            match call {
                Call::Command(command) => command.query_async(&mut connection).await,
                Call::Script(script) => script.invoke_async(&mut connection).await,
            }
        };
        let failure = match timeout(limit, answer).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => BrokerError::from(error),
            Err(_elapsed) => BrokerError::Connection(format!("no answer within {limit:?}")),
        };
        match &failure {
            BrokerError::Connection(reason) => self.mark_broken(made, reason),
            BrokerError::Moved(node) => {
                self.address.redirect(node);
                self.mark_broken(made, "the queue is on another node of the cluster");
            }
            // A server that fails over may stay a replica, and a new connection may reach another
            // server.
            BrokerError::NotNow(reason) => self.mark_broken(made, reason),
            BrokerError::NoGroup | BrokerError::Refused(_) => {}
        }
        Err(failure)
    }

    /// Repeats an operation until the broker has answered, or until `limit` has passed.
    pub async fn call_within<T: FromRedisValue>(&self, call: &Call<'_>, limit: Duration) -> Result<T, Error> {
        let begun = oneloop::time::now();
        let mut failures = 0;
        let mut last = String::from("there was no time for an attempt");
        let attempts = async {
            loop {
                match self.call(call, ANSWER_MAX).await {
                    Ok(answer) => return Ok(answer),
                    Err(failure @ (BrokerError::Refused(_) | BrokerError::NoGroup)) => {
                        return Err(self.refused(failure.to_string()));
                    }
                    Err(failure) => last = failure.to_string(),
                }
                failures += 1;
                sleep(pause_after(failures, PAUSE_FIRST, PAUSE_MAX)).await;
            }
        };
        match timeout(limit, attempts).await {
            Ok(answer) => answer,
            Err(_elapsed) => Err(Error::Unavailable {
                broker: self.address.to_string(),
                tried: begun.elapsed(),
                reason: last,
            }),
        }
    }

    pub fn refused(&self, reason: String) -> Error {
        Error::Refused { broker: self.address.to_string(), reason }
    }

    /// Returns the broker's id of the connection, if the link is connected.
    pub fn number(&self) -> Option<i64> {
        self.current.borrow().as_ref().map(|current| current.number).filter(|number| *number != 0)
    }

    /// Returns the last time at which the broker was out of reach or could not answer.
    pub fn failed(&self) -> Option<Instant> {
        self.failed.get()
    }

    fn mark_broken(&self, made: u64, reason: &str) {
        self.failed.set(Some(oneloop::time::now()));
        if self.made.get() == made && self.current.take().is_some() {
            self.notify(Some(reason));
        }
    }

    fn notify(&self, change: Option<&str>) {
        if let Some(on_change) = &*self.on_change.borrow() {
            on_change(change);
        }
    }

    async fn connection(&self) -> Result<(MultiplexedConnection, u64), BrokerError> {
        let _one = self.connecting.lock().await;
        if let Some(current) = &*self.current.borrow() {
            return Ok((current.connection.clone(), self.made.get()));
        }
        if let Some(next) = self.next_attempt.get() {
            sleep_until(next).await;
        }
        match self.connect().await {
            Ok(current) => {
                let connection = current.connection.clone();
                *self.current.borrow_mut() = Some(current);
                self.made.set(self.made.get() + 1);
                self.failures.set(0);
                self.next_attempt.set(None);
                self.notify(None);
                Ok((connection, self.made.get()))
            }
            Err(failure) => {
                self.failed.set(Some(oneloop::time::now()));
                self.failures.set(self.failures.get().saturating_add(1));
                let pause = pause_after(self.failures.get(), PAUSE_FIRST, PAUSE_MAX);
                self.next_attempt.set(oneloop::time::now().checked_add(pause));
                Err(failure)
            }
        }
    }

    async fn connect(&self) -> Result<Current, BrokerError> {
        let attempt = async {
            let stream = Stream::connect(&self.address.target(), ANSWER_MAX).await;
            let stream = stream.map_err(|error| BrokerError::Connection(error.to_string()))?;
            // The link has its own limit on answers, because the library's limit would start a thread.
            let config = AsyncConnectionConfig::new().set_response_timeout(None);
            let made = MultiplexedConnection::new_with_config(&self.address.login, stream, config).await;
            let (mut connection, driver) = made?;
            let driver = oneloop::spawn(driver).abort_handle();
            let mut current = Current { connection: connection.clone(), driver, number: 0 };
            // The broker may refuse the id to a user. The link can work without it, and only the end of
            // a blocking read is then slower.
            current.number = redis::cmd("CLIENT").arg("ID").query_async(&mut connection).await.unwrap_or(0);
            Ok(current)
        };
        let limit = || BrokerError::Connection(format!("no connection within {ANSWER_MAX:?}"));
        timeout(ANSWER_MAX, attempt).await.map_err(|_elapsed| limit())?
    }
}
