//! Tasks that give way, and tasks that don't.
//!
//! From the articles: cooperative multitasking. Tasks share one thread, nobody interrupts a task, and each gives the
//! thread back of its own accord. One that never does keeps all others waiting.
//!
//! ```text
//! cargo run --release --example cooperative_yield
//! ```
//!
//! Notice the shape of the two timelines: the steps are the same and take as long together, but with `yield_now` no task
//! waits for all of another's. And that a task which does I/O gives way also if it never yields: the runtime sees to it.

#[path = "shared/demo.rs"]
mod demo;

use std::cell::RefCell;
use std::hint::black_box;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::{Duration, Instant};

use demo::{Outcome, say};
use oneloop::net::UdpSocket;
use oneloop::{JoinError, Runtime, yield_now};

const TASKS: [char; 3] = ['A', 'B', 'C'];
const STEPS: usize = 4;

/// Datagrams that the task which only does I/O sends to itself, and receives.
const DATAGRAMS: usize = 1_000;

fn main() -> ExitCode {
    demo::run("Shows what tasks on one thread get, with and without giving way.", || {
        Runtime::new()?.block_on(async {
            compare_timelines().await?;
            compare_shares().await
        })
    })
}

async fn compare_timelines() -> Outcome {
    say!("tasks A, B and C are ready at the same moment; each has {STEPS} steps to compute");
    let without = run_tasks(false).await?;
    say!("\nwithout yield_now, each keeps the thread until it is done:");
    without.print();
    let with = run_tasks(true).await?;
    say!("\nwith yield_now after each step, they take turns:");
    with.print();
    let ratio = ms(without.longest_wait().1) / ms(with.longest_wait().1);
    say!("\nthe longest wait without yield_now is {ratio:.1} times as long as with it");
    Ok(())
}

/// What ran when: the steps of all tasks in their order.
struct Timeline {
    began: Instant,
    steps: Vec<Step>,
}

struct Step {
    task: char,
    number: usize,
    began: Instant,
    ended: Instant,
}

async fn run_tasks(gives_way: bool) -> Result<Timeline, JoinError> {
    let steps = Rc::new(RefCell::new(Vec::new()));
    let began = Instant::now();
    let tasks = TASKS.map(|name| oneloop::spawn(take_steps(name, gives_way, steps.clone())));
    for task in tasks {
        task.await?;
    }
    Ok(Timeline { began, steps: steps.take() })
}

async fn take_steps(task: char, gives_way: bool, log: Rc<RefCell<Vec<Step>>>) {
    for number in 1..=STEPS {
        let began = Instant::now();
        compute();
        log.borrow_mut().push(Step { task, number, began, ended: Instant::now() });
        if gives_way {
            yield_now().await;
        }
    }
}

/// The work of one step: some milliseconds of real computing, which the optimiser must not skip.
fn compute() {
    let is_prime = |n: u32| (2..).take_while(|d| d * d <= n).all(|d| !n.is_multiple_of(d));
    black_box((2..black_box(40_000)).filter(|&n| is_prime(n)).count());
}

impl Timeline {
    fn print(&self) {
        let order: Vec<String> =
            self.steps.iter().map(|step| format!("{}{}", step.task, step.number)).collect();
        say!("  order  {}", order.join(" "));
        for task in TASKS {
            let row: Vec<&str> =
                self.steps.iter().map(|step| if step.task == task { "■■" } else { "· " }).collect();
            say!("      {task}  {}", row.join(" ").trim_end());
        }
        let (steps, time) = self.longest_wait();
        say!("  longest wait of a task for its next step: {steps} steps of others, {:.1} ms", ms(time));
        let end = self.steps.last().map_or(self.began, |step| step.ended);
        say!("  all done after {:.1} ms", ms(end - self.began));
    }

    /// The most steps of others, and the most time, that a task waited for a step of its own.
    fn longest_wait(&self) -> (usize, Duration) {
        let (mut most_steps, mut longest) = (0, Duration::ZERO);
        for task in TASKS {
            let (mut ready_since, mut next) = (self.began, 0);
            for (place, step) in self.steps.iter().enumerate().filter(|(_, step)| step.task == task) {
                most_steps = most_steps.max(place - next);
                longest = longest.max(step.began - ready_since);
                (ready_since, next) = (step.ended, place + 1);
            }
        }
        (most_steps, longest)
    }
}

/// Three busy tasks, each beside one that only counts its own turns.
async fn compare_shares() -> Outcome {
    say!("\na task that counts its turns, beside one that");
    beside("computes, and never gives way", async { (0..STEPS).for_each(|_| compute()) }).await?;
    let yields = async {
        for _ in 0..STEPS {
            compute();
            yield_now().await;
        }
    };
    beside("computes, and yields after each step", yields).await?;

    // A socket that is connected to itself: each datagram is there as soon as it is sent, so that neither `send` nor
    // `recv` ever has to wait.
    let socket = UdpSocket::bind("127.0.0.1:0").await?;
    socket.connect(socket.local_addr()?).await?;
    let talks = async move {
        for _ in 0..DATAGRAMS {
            socket.send(b"x").await?;
            socket.recv(&mut [0; 1]).await?;
        }
        std::io::Result::Ok(())
    };
    beside("sends and receives, and never yields", talks).await??;
    say!("the last one's socket is always ready, yet it did not block the loop: after 128 operations the");
    say!("runtime makes a task give way; it can't do so to one that computes, which has to yield by itself");
    Ok(())
}

/// Runs `busy` beside a task that counts its own turns; prints how many it gets, and how long it has to wait for one.
async fn beside<T: 'static>(what: &str, busy: impl Future<Output = T> + 'static) -> Result<T, JoinError> {
    let turns = Rc::new(RefCell::new(vec![]));
    let theirs = turns.clone();
    let counter = oneloop::spawn(async move {
        loop {
            theirs.borrow_mut().push(Instant::now());
            yield_now().await;
        }
    });
    let busy = oneloop::spawn(async move {
        // The counter was spawned first and has begun. Its turns from here on are those beside `busy`.
        *turns.borrow_mut() = vec![Instant::now()];
        let output = busy.await;
        turns.borrow_mut().push(Instant::now());
        (output, turns.take())
    });
    let (output, times) = busy.await?;
    counter.abort();

    // The first and the last of the times are when `busy` began and ended.
    let turns = times.len() - 2;
    let longest = times.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or_default();
    let whole = times[times.len() - 1] - times[0];
    say!("  {what:<37}{turns:>3} turns, longest wait {:.1} of {:.1} ms", ms(longest), ms(whole));
    Ok(output)
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
