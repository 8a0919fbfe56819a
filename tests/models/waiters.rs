//! The waiters of one direction of a socket against a list of them: futures that are polled with wakers of tasks and of other
//! crates, moved from waker to waker, woken, and dropped before or after that; and `poll_read`, which has no future. In random
//! order, with events and with tasks that end in between.
//!
//! What is checked: an event wakes the waker that each future was polled with last, and each waker that `poll_read` was called
//! with, since the event before; a future that is dropped takes no wake-up from another one, above all not from one that began
//! to wait after it was woken; and at the end nothing is left.

use std::future::{Future, poll_fn};
use std::io::Write;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use oneloop::io::AsyncRead;
use oneloop::net::{TcpListener, TcpStream};
use oneloop::{JoinHandle, Runtime};

use super::counting;
use super::steps::Step;

/// Far more than an event needs: a waker that is called later was lost.
const LIMIT: Duration = Duration::from_secs(50);

const FUTURES: usize = 6;
/// The even ones are those of tasks.
const WAKERS: usize = 8;

#[derive(Clone, Copy, Debug)]
enum Op {
    /// Polls a future, made if it isn't there, with a waker.
    Poll(usize, usize),
    Drop(usize),
    PollRead(usize),
    Event,
    /// Reads all that is there.
    Drain,
    /// Ends a task, whose ticket stays where it waited, and begins another one.
    Replace(usize),
}

impl Op {
    fn of([what, a, b, _]: Step) -> Op {
        let (future, waker) = (usize::from(a) % FUTURES, usize::from(b) % WAKERS);
        match what % 16 {
            0..=5 => Op::Poll(future, waker),
            6..=8 => Op::Drop(future),
            9 | 10 => Op::PollRead(waker),
            11 | 12 => Op::Event,
            13 | 14 => Op::Drain,
            _ => Op::Replace(waker),
        }
    }
}

pub fn explain(steps: &[Step]) -> String {
    steps.iter().map(|&step| format!("{:?}\n", Op::of(step))).collect()
}

#[derive(Default)]
struct Counting(AtomicUsize);

impl Wake for Counting {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A waker, and how often it was called.
struct Caller {
    waker: Waker,
    count: Arc<Counting>,
    task: Option<JoinHandle<()>>,
}

impl Caller {
    async fn new(of_a_task: bool) -> Caller {
        let count = Arc::new(Counting::default());
        if !of_a_task {
            return Caller { waker: Waker::from(count.clone()), count, task: None };
        }
        let waker = Rc::new(std::cell::Cell::new(None));
        let (theirs, polls) = (waker.clone(), count.clone());
        let task = oneloop::spawn(poll_fn(move |cx| {
            theirs.set(Some(cx.waker().clone()));
            polls.clone().wake();
            Poll::Pending
        }));
        oneloop::yield_now().await;
        let waker = waker.take().expect("it was polled");
        Caller { waker, count, task: Some(task) }
    }

    fn count(&self) -> usize {
        self.count.0.load(Ordering::Relaxed)
    }
}

type Wait = Pin<Box<dyn Future<Output = std::io::Result<()>>>>;

struct World {
    reader: Rc<TcpStream>,
    writer: std::net::TcpStream,
    callers: Vec<Caller>,
    /// A future, and the waker that it waits with, unless that was called.
    futures: [Option<(Wait, Option<usize>)>; FUTURES],
    /// The wakers that `poll_read` waits with.
    forms: [bool; WAKERS],
}

impl World {
    async fn new() -> std::io::Result<World> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let writer = std::net::TcpStream::connect(listener.local_addr()?)?;
        let (reader, _) = listener.accept().await?;
        let mut callers = Vec::new();
        for number in 0..WAKERS {
            callers.push(Caller::new(number % 2 == 0).await);
        }
        let mut world = World {
            reader: Rc::new(reader),
            writer,
            callers,
            futures: [const { None }; FUTURES],
            forms: [false; WAKERS],
        };
        world.drain();
        Ok(world)
    }

    async fn act(&mut self, op: Op) -> Result<(), String> {
        match op {
            Op::Poll(future, waker) => self.poll(future, waker),
            Op::Drop(future) => self.futures[future] = None,
            Op::PollRead(waker) => {
                let mut cx = Context::from_waker(&self.callers[waker].waker);
                if Pin::new(&mut &*self.reader).poll_read(&mut cx, &mut [0; 1]).is_pending() {
                    self.forms[waker] = true;
                }
            }
            Op::Event => return self.event().await,
            Op::Drain => self.drain(),
            Op::Replace(waker) => self.replace(waker).await,
        }
        Ok(())
    }

    fn poll(&mut self, future: usize, waker: usize) {
        let reader = self.reader.clone();
        let (mut wait, _) = self.futures[future]
            .take()
            .unwrap_or_else(|| (Box::pin(async move { reader.readable().await }), None));
        let polled = wait.as_mut().poll(&mut Context::from_waker(&self.callers[waker].waker));
        if polled.is_pending() {
            self.futures[future] = Some((wait, Some(waker)));
        }
    }

    /// Makes the socket readable, and waits until each waker was called that must be.
    async fn event(&mut self) -> Result<(), String> {
        let mut due = self.forms;
        self.futures.iter().flatten().filter_map(|(_, waker)| *waker).for_each(|waker| due[waker] = true);
        let before: Vec<_> = self.callers.iter().map(Caller::count).collect();
        self.writer.write_all(b"x").map_err(|error| error.to_string())?;
        let begin = Instant::now();
        while let Some(missing) = (0..WAKERS).find(|&n| due[n] && self.callers[n].count() == before[n]) {
            if begin.elapsed() > LIMIT {
                return Err(format!("waker {missing} waits and was not called"));
            }
            oneloop::yield_now().await;
        }
        // The event was one for all, also if nothing waited for it: until then it would come amid the next steps.
        self.reader.readable().await.map_err(|error| error.to_string())?;
        self.forms = [false; WAKERS];
        self.futures.iter_mut().flatten().for_each(|(_, waker)| *waker = None);
        Ok(())
    }

    fn drain(&mut self) {
        while self.reader.try_read(&mut [0; 64]).is_ok() {}
    }

    /// Ends the task of a waker. The waker of its successor polls the futures that waited with it.
    async fn replace(&mut self, waker: usize) {
        if self.callers[waker].task.is_none() {
            return;
        }
        let successor = Caller::new(true).await;
        let ended = std::mem::replace(&mut self.callers[waker], successor);
        let task = ended.task.expect("it is a task's");
        task.abort();
        assert!(task.await.is_err_and(|error| error.is_cancelled()));
        self.forms[waker] = false;
        for future in 0..FUTURES {
            if self.futures[future].as_ref().is_some_and(|(_, waits)| *waits == Some(waker)) {
                self.poll(future, waker);
            }
        }
    }
}

/// Runs a program. An error says what promise it breaks.
pub fn run(steps: &[Step]) -> Result<(), String> {
    let runtime = Runtime::new().expect("a runtime can be made");
    runtime.block_on(oneloop::yield_now());
    let before = counting::alive();
    let failure = runtime.block_on(async {
        let mut world = World::new().await.expect("there are sockets");
        for &step in steps {
            world.act(Op::of(step)).await?;
        }
        world.event().await
    });
    drop(runtime);
    match (failure, counting::alive() - before) {
        (Err(failure), _) => Err(failure),
        (Ok(()), left) if left > 0 => Err(format!("{left} allocations are left")),
        (Ok(()), _) => Ok(()),
    }
}
