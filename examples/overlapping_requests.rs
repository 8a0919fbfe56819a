//! Requests to a slow database: one after the other, then with overlapping waits.
//!
//! From the articles: `get_employees` and `get_active_projects` each connect to a database and fetch a
//! list, which takes two seconds. Both take four seconds one after the other, and two seconds at once.
//!
//! ```text
//! cargo run --release --example overlapping_requests
//! ```
//!
//! Notice the times. The clients and the database share one thread. The thread waits for all answers at
//! once, and continues each request when its answer arrives. With `--slow` the database takes the
//! article's two seconds. Otherwise it takes a fifth of a second.

#[path = "shared/demo.rs"]
mod demo;

use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use demo::{Outcome, say};
use futures::future::try_join_all;
use oneloop::Runtime;
use oneloop::future::try_zip;
use oneloop::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use oneloop::net::{TcpListener, TcpStream};
use oneloop::time::sleep;

/// The number of requests of each kind that are sent at once at the end.
const MANY: usize = 50;

fn main() -> ExitCode {
    demo::run_timed("Two requests to a slow database, one after the other and at once.", |slow| {
        let answer_time = Duration::from_millis(if slow { 2_000 } else { 200 });
        Runtime::new()?.block_on(compare(answer_time))
    })
}

async fn compare(answer_time: Duration) -> Outcome {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let database = listener.local_addr()?;
    oneloop::spawn(serve(listener, answer_time));
    say!("  a database at {database} takes {answer_time:?} for an answer");

    say!("\none after the other:");
    let began = Instant::now();
    get_employees(database).await?;
    get_active_projects(database).await?;
    let sequential = began.elapsed().as_secs_f64();
    say!("  both answers after {sequential:.2} s");

    say!("\nboth at once:");
    let began = Instant::now();
    try_zip(get_employees(database), get_active_projects(database)).await?;
    let concurrent = began.elapsed().as_secs_f64();
    say!("  both answers after {concurrent:.2} s");

    let requests = (0..MANY).flat_map(|_| ["employees", "active projects"]);
    let began = Instant::now();
    let answers = try_join_all(requests.map(|what| get(database, what))).await?;
    say!("\n{} requests at once:\n  all answers after {:.2} s", answers.len(), began.elapsed().as_secs_f64());
    say!("\nboth at once was {:.1} times as fast as one after the other", sequential / concurrent);
    Ok(())
}

async fn get_employees(database: SocketAddr) -> io::Result<()> {
    say!("  get_employees: connects to the database");
    let names = get(database, "employees").await?;
    say!("  get_employees: {names}");
    Ok(())
}

async fn get_active_projects(database: SocketAddr) -> io::Result<()> {
    say!("  get_active_projects: connects to the database");
    let projects = get(database, "active projects").await?;
    say!("  get_active_projects: {projects}");
    Ok(())
}

/// Sends a request, which is one line. Returns the answer, which is a text up to the end of the
/// connection.
async fn get(database: SocketAddr, what: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(database).await?;
    stream.write_all(format!("{what}\n").as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

async fn serve(listener: TcpListener, answer_time: Duration) -> io::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        oneloop::spawn(answer(stream, answer_time));
    }
}

async fn answer(stream: TcpStream, answer_time: Duration) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut what = String::new();
    stream.read_line(&mut what).await?;
    sleep(answer_time).await;
    let answer = match what.trim_end() {
        "employees" => "Ada, Grace, Edsger",
        "active projects" => "a compiler, a moon landing",
        _ => "what?",
    };
    stream.get_mut().write_all(answer.as_bytes()).await
}
