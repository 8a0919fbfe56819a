//! A core's thread. It makes a runtime and runs the program's future, and does both again after a panic.

use std::any::Any;
use std::future::Future;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use async_channel::Sender;
use oneloop::future::or;
use oneloop::{Builder, Runtime};

use crate::affinity;
use crate::core::Core;
use crate::event::Event;
use crate::policy::{Policy, Restarts};
use crate::report::End;
use crate::shared::Shared;

pub(crate) type Make = Arc<dyn Fn(Builder) -> Builder + Send + Sync>;

/// A message from a core to the supervisor.
pub(crate) enum Message<T> {
    /// The core has made its first runtime.
    Ready,
    /// The core could not make its first runtime, and has ended.
    NotStarted(io::Error),
    /// The core has ended and does not start again.
    Ended(usize, End<T>),
}

/// The data that a core's thread starts with.
pub(crate) struct CoreThread<F, T> {
    pub(crate) core: usize,
    /// The CPU to bind the thread to.
    pub(crate) cpu: Option<usize>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) closure: Arc<F>,
    pub(crate) make: Option<Make>,
    pub(crate) policy: Policy,
    pub(crate) supervisor: Sender<Message<T>>,
}

/// The end of one runtime of the core.
enum Outcome<T> {
    Returned(T),
    /// The supervisor raised `cut`, and the core dropped its future.
    Dropped,
    Panicked(String),
}

impl<F, Fut> CoreThread<F, Fut::Output>
where
    F: Fn(Core) -> Fut,
    Fut: Future,
{
    /// The thread's body.
    pub(crate) fn run(self) {
        let cpu = self.cpu.filter(|&cpu| affinity::pin(cpu));
        self.shared.gauge(self.core).set_cpu(cpu);
        let runtime = match self.runtime() {
            Ok(runtime) => runtime,
            Err(error) => return self.notify(Message::NotStarted(error)),
        };
        self.notify(Message::Ready);
        let end = self.run_with_restarts(runtime);
        self.notify(Message::Ended(self.core, end));
    }

    /// Sends a message to the supervisor. The supervisor may have ended. In that case it has recorded
    /// this core as hung, and the message is dropped.
    fn notify(&self, message: Message<Fut::Output>) {
        let _ = self.supervisor.try_send(message);
    }

    fn runtime(&self) -> io::Result<Runtime> {
        let builder = Runtime::builder();
        let make = || match &self.make {
            Some(make) => make(builder).build(),
            None => builder.build(),
        };
        catch_unwind(AssertUnwindSafe(make)).unwrap_or_else(|panic| {
            Err(io::Error::other(format!("the closure for the runtime's options panicked: {}", text(panic))))
        })
    }

    fn run_with_restarts(&self, runtime: Runtime) -> End<Fut::Output> {
        let mut restarts = Restarts::default();
        let mut outcome = self.run_once(runtime);
        loop {
            let reason = match outcome {
                Outcome::Returned(value) => return End::Returned(value),
                Outcome::Dropped => return End::CutOff,
                Outcome::Panicked(reason) => reason,
            };
            if self.shared.asked.is_raised() {
                return End::Panicked(reason);
            }
            if !restarts.allow(&self.policy, Instant::now()) {
                self.shared.report(Event::Stopping { core: self.core, panic: reason.clone() });
                return End::Panicked(reason);
            }
            let pause = self.policy.before_restart();
            self.shared.report(Event::Restarting { core: self.core, panic: reason.clone(), pause });
            if self.shared.stopping.block_for(pause) {
                return End::StoppedInPause(reason);
            }
            outcome = match self.runtime() {
                Ok(runtime) => {
                    self.shared.gauge(self.core).counters.restarted();
                    self.run_once(runtime)
                }
                Err(error) => Outcome::Panicked(format!("no event loop can be made: {error}")),
            };
        }
    }

    /// Runs the program's future on one runtime, and drops the runtime.
    fn run_once(&self, runtime: Runtime) -> Outcome<Fut::Output> {
        let gauge = self.shared.gauge(self.core);
        gauge.begin(runtime.handle());
        let future = async {
            self.shared.started.wait().await;
            Some((self.closure)(Core::new(&self.shared, self.core)).await)
        };
        let cut = async {
            self.shared.cut.wait().await;
            None
        };
        let result = catch_unwind(AssertUnwindSafe(|| runtime.block_on(or(future, cut))));
        // The drop of the runtime drops the remaining tasks and their connections.
        gauge.counters.set_failing(result.is_err());
        let dropped = catch_unwind(AssertUnwindSafe(|| drop(runtime)));
        gauge.counters.set_failing(false);
        gauge.end();
        match (result, dropped) {
            (Ok(Some(value)), Ok(())) => Outcome::Returned(value),
            (Ok(None), Ok(())) => Outcome::Dropped,
            (Err(panic), _) | (Ok(_), Err(panic)) => Outcome::Panicked(text(panic)),
        }
    }
}

/// Returns the message of a panic.
fn text(panic: Box<dyn Any + Send>) -> String {
    let text = match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(text), _) => (*text).to_owned(),
        (_, Some(text)) => text.clone(),
        _ => "a value that is not text".to_owned(),
    };
    // The drop of a panic's payload may panic, too.
    let _ = catch_unwind(AssertUnwindSafe(|| drop(panic))).map_err(std::mem::forget);
    text
}
