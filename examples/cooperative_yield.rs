//! Tasks that yield, and tasks that don't.
//!
//! From the articles: cooperative multitasking. Tasks share one thread. The runtime interrupts no task,
//! so each task yields by itself. A task that never yields keeps all others waiting.
//!
//! ```text
//! cargo run --release --example cooperative_yield
//! ```
//!
//! Notice the shape of the two timelines. The steps are the same and take the same time in total, but
//! with `yield_now` no task waits for all steps of another. Notice also that a task that does I/O
//! yields without calling `yield_now`, because the runtime makes it yield. `--trace FILE` writes a
//! record of the loop. The README of the examples says how to make a page of it.

#[path = "shared/demo.rs"]
mod demo;

use std::cell::RefCell;
use std::hint::black_box;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::{Duration, Instant};

use demo::{Outcome, say};
use oneloop::net::UdpSocket;
use oneloop::{JoinError, task, yield_now};

const TASKS: [char; 3] = ['A', 'B', 'C'];
const STEPS: usize = 4;

/// The number of datagrams that the task with I/O sends to itself and receives.
const DATAGRAMS: usize = 1_000;

fn main() -> ExitCode {
    let about = "Shows how tasks share one thread, with and without yield_now.";
    demo::run_traced(about, |trace| {
        let runtime = trace.runtime()?;
        runtime.block_on(async {
            compare_timelines().await?;
            compare_shares().await
        })?;
        trace.save(&runtime)
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

/// The steps of all tasks, in the order in which they ran.
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

async fn run_tasks(yields: bool) -> Result<Timeline, JoinError> {
    let steps = Rc::new(RefCell::new(Vec::new()));
    let began = Instant::now();
    let named = |name| task::Builder::new().name(format!("{name}"));
    let tasks = TASKS.map(|name| named(name).spawn(take_steps(name, yields, steps.clone())));
    for task in tasks {
        task.await?;
    }
    Ok(Timeline { began, steps: steps.take() })
}

async fn take_steps(task: char, yields: bool, log: Rc<RefCell<Vec<Step>>>) {
    for number in 1..=STEPS {
        let began = Instant::now();
        compute();
        log.borrow_mut().push(Step { task, number, began, ended: Instant::now() });
        if yields {
            yield_now().await;
        }
    }
}

/// Does the work of one step: some milliseconds of real computing, which the optimiser must not remove.
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

    /// Returns the most steps of other tasks, and the longest time, that a task waited for its next
    /// step.
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

/// Runs three busy tasks, each beside a task that only counts its own turns.
async fn compare_shares() -> Outcome {
    say!("\na task that counts its turns, beside one that");
    beside("computes, and never gives way", async { (0..STEPS).for_each(|_| compute()) }).await?;
    let computes = async {
        for _ in 0..STEPS {
            compute();
            yield_now().await;
        }
    };
    beside("computes, and yields after each step", computes).await?;

    // The socket is connected to itself. Each datagram arrives as soon as it is sent, so neither `send`
    // nor `recv` ever waits.
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
    say!("the last one's socket is always ready, and it did not block the loop: after");
    say!("128 operations the runtime makes a task yield; it can't do this to a task that");
    say!("computes, which must call yield_now");
    Ok(())
}

/// Runs `busy` beside a task that counts its own turns. Prints the number of turns, and the longest
/// wait for one.
async fn beside<T: 'static>(what: &str, busy: impl Future<Output = T> + 'static) -> Result<T, JoinError> {
    let turns = Rc::new(RefCell::new(vec![]));
    let theirs = turns.clone();
    let counter = task::Builder::new().name("counts").spawn(async move {
        loop {
            theirs.borrow_mut().push(Instant::now());
            yield_now().await;
        }
    });
    let busy = task::Builder::new().name(what).spawn(async move {
        // The counter is spawned first and has begun. Its turns after this line are those beside
        // `busy`.
        *turns.borrow_mut() = vec![Instant::now()];
        let output = busy.await;
        turns.borrow_mut().push(Instant::now());
        (output, turns.take())
    });
    let (output, times) = busy.await?;
    counter.abort();

    // The first and the last time are the beginning and the end of `busy`.
    let turns = times.len() - 2;
    let longest = times.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or_default();
    let whole = times[times.len() - 1] - times[0];
    say!("  {what:<37}{turns:>3} turns, longest wait {} of {} ms", short(longest), short(whole));
    Ok(output)
}

/// Formats a time in milliseconds. A slow machine needs seconds, and then a tenth of a millisecond
/// would make the line too wide for a terminal.
fn short(time: Duration) -> String {
    let decimals = usize::from(time < Duration::from_micros(999_950)); // More would be printed as 1000.0.
    format!("{:.decimals$}", ms(time))
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
