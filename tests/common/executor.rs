//! What the tests of the executor and the timers share.

use std::any::Any;
use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::JoinHandle;
use std::time::Duration;

use oneloop::net::{TcpListener, TcpStream};

pub use crate::runner::{self, in_child, in_child_with, need_descriptors};

/// Far more than any test needs: what takes longer waits for a wake-up that was lost.
pub const LIMIT: Duration = Duration::from_secs(90);

/// Ends the process if it is not dropped in time: for a loop that not even its timers can wake any more.
///
/// Its thread waits from the return of `start` to the drop, and has ended after the drop. A thread that
/// begins or ends holds locks of std, and a test may fork: in the child no new thread could start then.
pub struct Watchdog {
    alive: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    process: u32,
}

impl Watchdog {
    pub fn start() -> Watchdog {
        let (alive, dropped) = mpsc::channel();
        let (started, starts) = mpsc::channel();
        let test = std::thread::current().name().unwrap_or("a thread of a test").to_owned();
        let thread = std::thread::spawn(move || {
            started.send(()).expect("the test waits for it");
            if dropped.recv_timeout(2 * LIMIT) == Err(mpsc::RecvTimeoutError::Timeout) {
                eprintln!("{test} hangs: its loop is not even woken by its timers");
                std::process::abort();
            }
        });
        starts.recv().expect("the watchdog's thread starts");
        Watchdog { alive: Some(alive), thread: Some(thread), process: std::process::id() }
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        let (alive, thread) = (self.alive.take(), self.thread.take());
        if std::process::id() != self.process {
            return std::mem::forget((alive, thread)); // a fork has no such thread, which may hold the channel's lock
        }
        drop(alive);
        thread.expect("it is taken here only").join().expect("the watchdog's thread ends");
    }
}

/// Runs a test on a new runtime; one that hangs fails.
#[track_caller]
pub fn finish<T>(test: impl Future<Output = T>) -> T {
    finish_on(&oneloop::Runtime::new().expect("a runtime can be made"), test)
}

/// The same on a runtime that is there already.
#[track_caller]
pub fn finish_on<T>(runtime: &oneloop::Runtime, test: impl Future<Output = T>) -> T {
    let _watchdog = Watchdog::start();
    runtime.block_on(oneloop::time::timeout(LIMIT, test)).expect("it hangs: a wake-up was lost")
}

/// Counts how many of its tokens were dropped, on whatever thread.
#[derive(Clone, Default)]
pub struct Drops(Arc<AtomicUsize>);

/// Counts itself when it is dropped.
pub struct Token(Arc<AtomicUsize>);

impl Drops {
    pub fn new() -> Drops {
        Drops::default()
    }

    pub fn token(&self) -> Token {
        Token(self.0.clone())
    }

    pub fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Calls a function when it is dropped.
pub struct OnDrop<F: FnMut()>(pub F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// Panics when it is dropped.
pub struct Bomb(pub &'static str);

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("{}", self.0);
    }
}

/// A future that counts its polls and is never ready.
#[derive(Clone, Default)]
pub struct Polled(pub Rc<Cell<usize>>);

impl Polled {
    pub fn count(&self) -> usize {
        self.0.get()
    }
}

impl Future for Polled {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        self.0.set(self.0.get() + 1);
        Poll::Pending
    }
}

/// Somebody else's waker: it counts how often it was woken.
#[derive(Default)]
pub struct Wakes(AtomicUsize);

impl Wakes {
    pub fn new() -> (Arc<Wakes>, Waker) {
        let wakes = Arc::new(Wakes::default());
        (wakes.clone(), Waker::from(wakes))
    }

    pub fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Polls a future once, with a waker of the caller's.
pub fn poll_with<F: Future + Unpin>(future: &mut F, waker: &Waker) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(waker))
}

/// The waker of the task that calls this.
pub async fn own_waker() -> Waker {
    poll_fn(|cx| Poll::Ready(cx.waker().clone())).await
}

/// What an error says of its task, behind the task's id.
pub fn said(error: &oneloop::JoinError) -> String {
    let text = error.to_string();
    let id = error.id().map_or_else(|| "task ".into(), |id| format!("task {id} "));
    text.strip_prefix(&id).unwrap_or_else(|| panic!("{text:?} does not begin with {id:?}")).to_owned()
}

/// Waits until a condition holds, giving every other task a turn in between.
pub async fn until(mut condition: impl FnMut() -> bool) {
    while !condition() {
        oneloop::yield_now().await;
    }
}

/// Lets every task that is ready run, and those that they wake.
pub async fn settle() {
    for _ in 0..8 {
        oneloop::yield_now().await;
    }
}

/// What a panic said.
pub fn text_of(payload: &(dyn Any + Send)) -> String {
    match (payload.downcast_ref::<&'static str>(), payload.downcast_ref::<String>()) {
        (Some(text), _) => (*text).to_owned(),
        (_, Some(text)) => text.clone(),
        _ => String::from("(not a text)"),
    }
}

/// Calls a function that must panic; returns what the panic said.
#[track_caller]
pub fn panic_of<R>(f: impl FnOnce() -> R) -> String {
    match catch_unwind(AssertUnwindSafe(f)) {
        Ok(_) => panic!("it should have panicked"),
        Err(payload) => text_of(&*payload),
    }
}

/// Both ends of a TCP connection.
pub async fn tcp_pair() -> io::Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let addr = listener.local_addr()?;
    let (ours, theirs) = futures::join!(TcpStream::connect(addr), listener.accept());
    Ok((ours?, theirs?.0))
}
