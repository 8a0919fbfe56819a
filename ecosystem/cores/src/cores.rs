//! `Cores`, which holds the options and starts the threads.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::ToSocketAddrs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use async_channel::Sender;
use oneloop::{Builder, Runtime};

use crate::affinity;
use crate::control::Control;
use crate::core::Core;
use crate::core_thread::{CoreThread, Make, Message};
use crate::event::Event;
use crate::net::{Bound, ListenOptions, Port, PortState};
use crate::policy::Policy;
use crate::report::{End, Report};
use crate::shared::{self, Shared};
use crate::supervise::Supervisor;

/// Sets the options of the cores, and [runs](Cores::run) a oneloop runtime on each.
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use std::cell::Cell;
/// use std::rc::Rc;
/// use oneloop_cores::Cores;
///
/// let report = Cores::new().count(2).run(|core| async move {
///     let state = Rc::new(Cell::new(core.number())); // Each core has its own state, without locks.
///     oneloop::spawn({
///         let state = state.clone();
///         async move { state.set(state.get() + 40) }
///     })
///     .await
///     .unwrap();
///     state.get()
/// })?;
/// assert!(report.all_returned());
/// println!("{report}");
/// # Ok(()) }
/// ```
pub struct Cores {
    count: Option<usize>,
    /// The CPUs of the affinity mask, or `None` if the system has no such list.
    cpus: Option<Vec<usize>>,
    pin: bool,
    policy: Policy,
    stop_deadline: Duration,
    abandon_after: Duration,
    make: Option<Make>,
    report: Option<shared::Report>,
    ports: Vec<Bound>,
    shared: Arc<Shared>,
}

impl Default for Cores {
    fn default() -> Cores {
        Cores::new()
    }
}

impl Cores {
    /// Returns the default options, with a core for each CPU in the affinity mask of the calling thread.
    /// This is the mask of the process unless the thread has its own. On a system without such a mask,
    /// the number of cores is that of [`available_parallelism`](std::thread::available_parallelism).
    ///
    /// The mask does not contain a limit of processor time, such as a container's quota. Set a smaller
    /// number with [`count`](Cores::count) under such a limit.
    pub fn new() -> Cores {
        static IDS: AtomicU64 = AtomicU64::new(0);
        Cores {
            count: None,
            cpus: affinity::cpus(),
            pin: true,
            policy: Policy::default(),
            stop_deadline: Duration::from_secs(10),
            abandon_after: Duration::from_secs(1),
            make: None,
            report: None,
            ports: Vec::new(),
            shared: Arc::new(Shared::new(IDS.fetch_add(1, Ordering::Relaxed))),
        }
    }

    /// Sets the number of cores. The default is one for each CPU. If there are more cores than CPUs,
    /// several cores share a CPU.
    pub fn count(mut self, cores: usize) -> Cores {
        self.count = Some(cores);
        self
    }

    /// Sets whether each core's thread is bound to one CPU, on a system that can do it. The default is
    /// `true`. [`Figures::cpu`](crate::Figures) has the number of the CPU. A thread that a core starts
    /// inherits the binding, and so do the threads of `oneloop::unblock`.
    pub fn pin(mut self, pin: bool) -> Cores {
        self.pin = pin;
        self
    }

    /// Sets the policy for a panic in the future of a core. The default is [`Policy::default`].
    ///
    /// A program with `panic = "abort"` in its build profile ends at its first panic.
    pub fn on_panic(mut self, policy: Policy) -> Cores {
        self.policy = policy;
        self
    }

    /// Sets the time in which the cores must return after a stop. The default is 10 s. A core that has
    /// not returned by then drops its future and its tasks, and its connections close.
    pub fn stop_deadline(mut self, deadline: Duration) -> Cores {
        self.stop_deadline = deadline;
        self
    }

    /// Sets the time that a core may block its thread after the deadline of the stop. The default is 1
    /// s. After this time [`run`](Cores::run) returns and leaves the thread.
    pub fn abandon_after(mut self, time: Duration) -> Cores {
        self.abandon_after = time;
        self
    }

    /// Sets the options for the runtime of each core. Each core calls `make` on its own thread, also
    /// when it starts again.
    ///
    /// # Examples
    ///
    /// ```
    /// use oneloop_cores::Cores;
    ///
    /// let cores = Cores::new().runtime(|builder| builder.event_interval(64));
    /// # drop(cores);
    /// ```
    pub fn runtime(mut self, make: impl Fn(Builder) -> Builder + Send + Sync + 'static) -> Cores {
        self.make = Some(Arc::new(make));
        self
    }

    /// Sets the function that receives events: panics, failures to accept, and cores that do not end.
    /// The thread on which the event happens calls `report`.
    ///
    /// # Examples
    ///
    /// ```
    /// use oneloop_cores::Cores;
    ///
    /// let cores = Cores::new().on_event(|event| eprintln!("{event}"));
    /// # drop(cores);
    /// ```
    pub fn on_event(mut self, report: impl Fn(&Event) + Send + Sync + 'static) -> Cores {
        self.report = Some(Arc::new(report));
        self
    }

    /// Listens at a port that all cores serve. The port has the first of the addresses that works. With
    /// port 0 the system chooses a port, the same for all cores. The call blocks while it resolves a
    /// name.
    ///
    /// The port listens at once, and connections that come before the cores run wait in its queues. With
    /// either [`Spread`](crate::Spread) each core gets a share of the connections, so each core should
    /// take its [`listener`](Core::listener). Call [`count`](Cores::count) before this function. If a
    /// later call raises the number, the sockets of the added cores join the port when the cores run. If
    /// a later call lowers it, the kernel resets the connections in the queues of the removed cores.
    ///
    /// # Errors
    ///
    /// Returns `AddrInUse` if another program, or another instance of this program, listens at the
    /// address. Returns any other error of the system or of the resolver. [The crate](crate) has an
    /// example.
    pub fn listen(&mut self, addr: impl ToSocketAddrs) -> io::Result<Port> {
        self.listen_with(addr, ListenOptions::new())
    }

    /// Does the same as [`listen`](Cores::listen), with options. [`ListenOptions`] has an example.
    ///
    /// # Errors
    ///
    /// Returns the errors of `listen`. Returns `Unsupported` for [`Spread::Kernel`](crate::Spread) on a
    /// system without support for it, and `InvalidInput` for a shared port with an acceptor.
    pub fn listen_with(&mut self, addr: impl ToSocketAddrs, options: ListenOptions) -> io::Result<Port> {
        let bound = Bound::new(addr, options, self.number_of_cores())?;
        let port = Port { index: self.ports.len(), cores: self.shared.id, addr: bound.addr };
        self.ports.push(bound);
        Ok(port)
    }

    fn number_of_cores(&self) -> usize {
        let cpus = || self.cpus.as_ref().map_or_else(affinity::parallelism, Vec::len);
        self.count.unwrap_or_else(cpus)
    }

    /// Returns a handle that stops the cores and reads their figures from other threads.
    pub fn control(&self) -> Control {
        Control { shared: self.shared.clone() }
    }

    /// Starts the cores and blocks until all have ended. When all cores have a runtime, the thread of
    /// each core calls `closure` and runs the future that it returns.
    ///
    /// The future, and the values that the closure makes for it, need not be `Send`. A core that starts
    /// again calls the closure again.
    ///
    /// A core ends when its future completes. Its tasks are dropped and its port closes, and the other
    /// cores continue. With [`Spread::LeastLoaded`](crate::Spread), the connections that wait for the
    /// core are handed to the other cores. With [`Spread::Kernel`](crate::Spread), the kernel resets the
    /// connections in its queue. `run` returns when the last core has ended.
    ///
    /// After a stop, [`stop_deadline`](Cores::stop_deadline) and [`abandon_after`](Cores::abandon_after)
    /// bound the time until `run` returns. [`Cores`] has an example.
    ///
    /// # Errors
    ///
    /// Returns `InvalidInput` if [`count`](Cores::count) is 0. Returns an error if a thread, a socket or
    /// a runtime can't be made. In that case no core calls `closure`.
    ///
    /// # Panics
    ///
    /// Panics inside a oneloop runtime, because it would block the loop of that runtime.
    pub fn run<F, Fut>(self, closure: F) -> io::Result<Report<Fut::Output>>
    where
        F: Fn(Core) -> Fut + Send + Sync + 'static,
        Fut: Future + 'static,
        Fut::Output: Send + 'static,
    {
        let count = self.number_of_cores();
        if count == 0 {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "count is 0: no core would run"));
        }
        let runtime = Runtime::new()?;
        // This panics inside a runtime, before any thread starts.
        runtime.block_on(async {});
        let ports = self.ports.into_iter().map(|port| port.spread(count)).collect::<io::Result<_>>()?;
        self.shared.begin(count, ports, self.report);

        // The bound is three messages for each core.
        let (sender, messages) = async_channel::unbounded();
        let closure = Arc::new(closure);
        let cpus = self.cpus.filter(|_| self.pin);
        let core_thread = |core: usize| CoreThread {
            core,
            cpu: cpus.as_ref().map(|cpus| cpus[core % cpus.len()]),
            shared: self.shared.clone(),
            closure: closure.clone(),
            make: self.make.clone(),
            policy: self.policy,
            supervisor: sender.clone(),
        };
        let threads = start((0..count).map(core_thread), &sender);
        let supervisor = Supervisor {
            shared: self.shared.clone(),
            messages,
            stop_deadline: self.stop_deadline,
            abandon_after: self.abandon_after,
            ends: (0..count).map(|_| None).collect(),
        };
        let report = runtime.block_on(supervisor.run());
        if report.is_err() {
            // A `Control` may keep the sockets alive after this function returns.
            self.shared.ports().iter().for_each(PortState::close_all);
        }
        join(threads, report.as_ref().ok());
        report
    }
}

type Threads = Vec<JoinHandle<()>>;

/// Starts a thread for each core. Sends the supervisor a message if a thread can't be started.
fn start<F, Fut>(
    threads_to_start: impl Iterator<Item = CoreThread<F, Fut::Output>>,
    supervisor: &Sender<Message<Fut::Output>>,
) -> Threads
where
    F: Fn(Core) -> Fut + Send + Sync + 'static,
    Fut: Future + 'static,
    Fut::Output: Send + 'static,
{
    let mut threads = Vec::new();
    for core_thread in threads_to_start {
        let thread = thread::Builder::new()
            .name(format!("core-{}", core_thread.core))
            .spawn(move || core_thread.run());
        match thread {
            Ok(thread) => threads.push(thread),
            Err(error) => {
                let _ = supervisor.try_send(Message::NotStarted(error));
                break;
            }
        }
    }
    threads
}

/// Waits for all threads except those that hang.
fn join<T>(threads: Threads, report: Option<&Report<T>>) {
    for (core, thread) in threads.into_iter().enumerate() {
        if report.is_none_or(|report| !matches!(report.cores[core].end, End::Hung)) {
            // The thread itself catches a panic of the program.
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for Cores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cores")
            .field("count", &self.count)
            .field("pin", &self.pin)
            .field("policy", &self.policy)
            .field("stop_deadline", &self.stop_deadline)
            .field("ports", &self.ports)
            .finish_non_exhaustive()
    }
}
