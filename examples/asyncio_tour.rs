//! The features of asyncio's high-level interface, point by point, and their counterparts here.
//!
//! From the articles: with asyncio one can "run coroutines concurrently", "perform network I/O and
//! IPC", "control subprocesses", "distribute tasks via queues" and "synchronize concurrent code".
//!
//! ```text
//! cargo run --example asyncio_tour
//! ```
//!
//! Notice which crate each counterpart comes from. This library has the parts that use the loop: tasks,
//! sockets, pipes, child processes, timers. Queues, locks and files on a thread pool only wait, and
//! come from crates that run on any executor.

#[path = "shared/demo.rs"]
mod demo;

use std::env;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use demo::{Outcome, say};
use futures::future::try_join_all;
use oneloop::Runtime;
use oneloop::io::{AsyncReadExt, AsyncWriteExt};
use oneloop::net::{TcpListener, TcpStream};
use oneloop::process::{Command, Stdio};
use oneloop::time::{sleep, timeout};

const ABOUT: &str = "The features of asyncio's high-level interface, point by point.";

/// The argument that makes this program the child.
const CHILD: &str = "--be-the-child";

fn main() -> ExitCode {
    if env::args_os().nth(1).is_some_and(|argument| argument == CHILD) {
        return child();
    }
    demo::run(ABOUT, || {
        Runtime::new()?.block_on(async {
            run_coroutines_concurrently().await?;
            perform_network_io().await?;
            communicate_between_processes().await?;
            control_subprocesses().await?;
            distribute_tasks_via_queues().await?;
            synchronize_concurrent_code().await?;
            read_and_write_files().await
        })
    })
}

/// Shows `asyncio.gather`, `asyncio.create_task` and `asyncio.timeout`: tasks, futures' combinators,
/// `time`.
async fn run_coroutines_concurrently() -> Outcome {
    let doubled = (1..=3).map(|n| async move {
        sleep(Duration::from_millis(20 * (4 - n))).await;
        n * 2
    });
    let results = try_join_all(doubled.map(oneloop::spawn)).await?;
    let late = timeout(Duration::from_millis(10), sleep(Duration::from_secs(60))).await;
    say!(
        "run coroutines concurrently: {results:?}; a long sleep: {}",
        late.err().map_or_else(|| "over".to_owned(), |elapsed| elapsed.to_string())
    );
    Ok(())
}

/// Shows `asyncio.start_server` and `asyncio.open_connection`: `net`.
async fn perform_network_io() -> Outcome {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let addr = listener.local_addr()?;
    let server = oneloop::spawn(async move {
        let (mut stream, _) = listener.accept().await?;
        let mut request = [0; 4];
        stream.read_exact(&mut request).await?;
        request.make_ascii_uppercase();
        stream.write_all(&request).await
    });
    let mut stream = TcpStream::connect(addr).await?;
    stream.write_all(b"ping").await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    server.await??;
    say!("perform network I/O: sent \"ping\", received {:?}", String::from_utf8_lossy(&answer));
    Ok(())
}

/// Shows `connect_read_pipe` and `open_unix_connection`: `pipe` and Unix sockets.
async fn communicate_between_processes() -> Outcome {
    #[cfg(unix)]
    {
        let (mut reader, mut writer) = oneloop::pipe::pipe()?;
        let writing = oneloop::spawn(async move { writer.write_all(b"through a pipe").await });
        let mut text = Vec::new();
        reader.read_to_end(&mut text).await?; // the writer's end is dropped with its task
        writing.await??;
        say!("perform IPC: {:?}", String::from_utf8_lossy(&text));
    }
    Ok(())
}

/// Shows `asyncio.create_subprocess_exec`: `process`.
async fn control_subprocesses() -> Outcome {
    let mut command = Command::new(env::current_exe()?);
    let mut child = command.arg(CHILD).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    child.stdin.take().expect("it is piped").write_all(b"one two three").await?;
    let output = child.wait_with_output().await?;
    say!("control subprocesses: the child counted {}", String::from_utf8_lossy(&output.stdout).trim_end());
    Ok(())
}

fn child() -> ExitCode {
    let words = std::io::stdin().lines().map_while(Result::ok).map(|line| line.split_whitespace().count());
    say!("{} words", words.sum::<usize>());
    ExitCode::SUCCESS
}

/// Shows `asyncio.Queue`: the crate `async-channel`.
async fn distribute_tasks_via_queues() -> Outcome {
    let (jobs, queue) = async_channel::bounded(2);
    let workers = (0..3).map(|_| {
        let queue = queue.clone();
        oneloop::spawn(async move {
            let mut sum = 0;
            while let Ok(job) = queue.recv().await {
                sum += job;
            }
            sum
        })
    });
    let workers: Vec<_> = workers.collect();
    for job in 1..=100 {
        jobs.send(job).await?; // waits while two jobs are queued
    }
    drop(jobs);
    let sums = try_join_all(workers).await?;
    say!("distribute tasks via queues: three workers' sums are {} together", sums.iter().sum::<u32>());
    Ok(())
}

/// Shows `asyncio.Lock`, `Semaphore` and `Event`: the crate `async-lock`. A change without an `await`
/// in between needs no lock.
async fn synchronize_concurrent_code() -> Outcome {
    let counter = Rc::new(async_lock::Mutex::new(0));
    let tasks = (0..10).map(|_| {
        let counter = counter.clone();
        oneloop::spawn(async move {
            let mut counter = counter.lock().await;
            let before = *counter;
            oneloop::yield_now().await; // other tasks run, and wait for the lock
            *counter = before + 1;
        })
    });
    try_join_all(tasks).await?;
    say!("synchronize concurrent code: ten tasks counted to {}", counter.lock().await);
    Ok(())
}

/// Shows files, which asyncio does not have: the crate `async-fs`, on the same pool of threads as
/// `oneloop::unblock`.
async fn read_and_write_files() -> Outcome {
    let path = env::temp_dir().join(format!("oneloop-tour-{}.txt", std::process::id()));
    async_fs::write(&path, "kept in a file").await?;
    let text = async_fs::read_to_string(&path).await?;
    async_fs::remove_file(&path).await?;
    say!("and files: {text:?}");
    Ok(())
}
