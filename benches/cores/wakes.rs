//! Measures wakes from core to core, and from up to four threads at once.

use std::error::Error;
use std::future::poll_fn;
use std::sync::Barrier;
use std::sync::mpsc;
use std::task::{Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use oneloop::Runtime;
use oneloop_bench::stats::{Summary, median};
use oneloop_bench::sys::{self, CpuClock};
use oneloop_bench::table::{Table, figure};
use oneloop_cores::{Core, Cores, End, Mesh};

use crate::Options;

const RUNTIMES: [usize; 3] = [1, 8, 64];
const THREADS: [usize; 3] = [1, 2, 4];
/// The number of wakes between two readings of the clock.
const BATCH: u64 = 1000;

pub fn compare(options: &Options) -> Result<(), Box<dyn Error>> {
    let header = ["subject", "µs, median", "lowest", "highest"].map(str::to_owned).to_vec();
    let mut table = Table::new("a message from core to core and back", header);
    let subjects = [
        ("oneloop, Mesh", mesh as fn(Duration) -> _),
        ("two threads on two CPUs, std's channels", threads_alone),
        ("tokio, 2 workers", tokio_channels),
    ];
    for (name, measure) in subjects {
        let figures: Result<Vec<f64>, _> = (0..options.rounds).map(|_| measure(options.time)).collect();
        let summary = Summary::of(&figures?).expect("there is a round");
        let cells = [figure(summary.median), figure(summary.min), figure(summary.max)];
        table.row([name.to_owned()].into_iter().chain(cells).collect());
    }
    println!("{table}");
    from_threads(options)
}

/// Returns the time of one message and its answer, in µs.
fn mesh(time: Duration) -> Result<f64, Box<dyn Error>> {
    let mesh = Mesh::<bool>::new(4);
    let report = Cores::new().count(2).run(move |core: Core| {
        let ours = mesh.on(&core);
        async move {
            if core.number() == 1 {
                loop {
                    let (_, more) = ours.recv().await;
                    if !more {
                        return 0.0;
                    }
                    let _ = ours.send(0, more).await;
                }
            }
            let (begun, mut count) = (Instant::now(), 0_u32);
            while begun.elapsed() < time {
                let _ = ours.send(1, true).await;
                ours.recv().await;
                count += 1;
            }
            let each = begun.elapsed().as_secs_f64() * 1e6 / f64::from(count);
            let _ = ours.send(1, false).await;
            each
        }
    })?;
    match report.cores[0].end {
        End::Returned(each) => Ok(each),
        _ => Err(report.to_string().into()),
    }
}

/// Returns the same time for two threads that are bound to CPUs and run no loop. It is the cost of a
/// sleep and a wake of a thread.
fn threads_alone(time: Duration) -> Result<f64, Box<dyn Error>> {
    let cpus = sys::cores()?;
    let (to, at) = mpsc::sync_channel::<()>(4);
    let (back, answers) = mpsc::sync_channel::<()>(4);
    let other = *cpus.last().ok_or("there is no CPU")?;
    let answering = thread::spawn(move || {
        sys::pin_to(other)?;
        while at.recv().is_ok() && back.send(()).is_ok() {}
        std::io::Result::Ok(())
    });
    let asking = thread::spawn(move || {
        sys::pin_to(cpus[0])?;
        let (begun, mut count) = (Instant::now(), 0_u32);
        while begun.elapsed() < time && to.send(()).is_ok() && answers.recv().is_ok() {
            count += 1;
        }
        std::io::Result::Ok(begun.elapsed().as_secs_f64() * 1e6 / f64::from(count))
    });
    let each = asking.join().map_err(|_| "a thread panicked")??;
    answering.join().map_err(|_| "a thread panicked")??;
    Ok(each)
}

/// Returns the same time for two tasks of tokio's multi-thread runtime. The runtime may run both tasks
/// on one worker.
fn tokio_channels(time: Duration) -> Result<f64, Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build()?;
    let (to, at) = async_channel::bounded::<()>(4);
    let (back, answers) = async_channel::bounded::<()>(4);
    runtime.spawn(async move {
        while at.recv().await.is_ok() {
            let _ = back.send(()).await;
        }
    });
    let asking = runtime.spawn(async move {
        let (begun, mut count) = (Instant::now(), 0_u32);
        while begun.elapsed() < time {
            let _ = to.send(()).await;
            let _ = answers.recv().await;
            count += 1;
        }
        begun.elapsed().as_secs_f64() * 1e6 / f64::from(count)
    });
    Ok(runtime.block_on(asking)?)
}

/// Measures threads that wake tasks of runtimes whose loops do not run. The figure is the cost of the
/// look-up in the table of all runtimes and of the push onto the inbox, without the loops. Each thread
/// wakes a task of one runtime after the other.
fn from_threads(options: &Options) -> Result<(), Box<dyn Error>> {
    let header = ["runtimes", "1 thread, ns", "2 threads", "4 threads"].map(str::to_owned).to_vec();
    let mut table =
        Table::new("a wake of a task whose runtime does not run, from several threads at once", header);
    for count in RUNTIMES {
        let runtimes = (0..count).map(|_| Runtime::new()).collect::<Result<Vec<_>, _>>()?;
        let wakers: Vec<Waker> = runtimes.iter().map(waker).collect::<Result<_, _>>()?;
        let mut row = vec![count.to_string()];
        for threads in THREADS {
            let rounds: Vec<f64> = (0..options.rounds)
                .map(|_| wakes(&wakers, threads, options.time / 4))
                .collect::<Result<_, _>>()?;
            row.push(figure(median(&rounds)));
        }
        table.row(row);
    }
    table.note(
        "processor time of the process for each wake, without the time in which a thread waits for a CPU"
            .to_owned(),
    );
    println!("{table}");
    Ok(())
}

/// Returns the waker of a task that is always pending.
fn waker(runtime: &Runtime) -> Result<Waker, mpsc::RecvError> {
    let (sender, receiver) = mpsc::channel();
    drop(runtime.spawn(poll_fn(move |cx| {
        let _ = sender.send(cx.waker().clone());
        Poll::<()>::Pending
    })));
    runtime.turn();
    receiver.recv()
}

/// Returns the processor time of a wake while `threads` threads wake at once, in ns.
fn wakes(wakers: &[Waker], threads: usize, time: Duration) -> std::io::Result<f64> {
    let barrier = Barrier::new(threads);
    let one = |first: usize| {
        barrier.wait();
        let (begun, mut count, mut next) = (Instant::now(), 0_u64, first);
        while begun.elapsed() < time {
            for _ in 0..BATCH {
                wakers[next % wakers.len()].wake_by_ref();
                next += 1;
            }
            count += BATCH;
        }
        count
    };
    let before = CpuClock::OWN.now()?;
    let count: u64 = thread::scope(|scope| {
        // Each thread begins at a different runtime.
        let first = |thread: usize| thread * wakers.len() / threads;
        let running: Vec<_> = (0..threads)
            .map(|thread| {
                let one = &one;
                scope.spawn(move || one(first(thread)))
            })
            .collect();
        running.into_iter().map(|thread| thread.join().expect("it does not panic")).sum()
    });
    Ok((CpuClock::OWN.now()? - before).as_nanos() as f64 / count as f64)
}
