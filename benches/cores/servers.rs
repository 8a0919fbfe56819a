//! The echo servers. Each runs in a process of its own, which ends when its standard input ends.

use std::error::Error;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::thread;

use oneloop::io::{AsyncReadExt, AsyncWriteExt};
use oneloop_bench::sys::{self, CpuClock};
use oneloop_cores::{Connection, Cores, ListenOptions, Spread};

/// The first word of a server's command line.
pub const MARKER: &str = "__serve";

/// The names of all servers. The first one is the baseline of the comparison.
pub const ALL: [&str; 6] =
    ["oneloop, 1 core", "oneloop, 2 cores, kernel", "oneloop, 2 cores, least", TOKIO_1, TOKIO_2, GLOMMIO_2];
const TOKIO_1: &str = "tokio, 1 worker";
const TOKIO_2: &str = "tokio, 2 workers";
const GLOMMIO_2: &str = "glommio, 2 shards";

const BUFFER_BYTES: usize = 4096;

/// Runs the server with this name until standard input ends.
pub fn serve(name: &str) -> Result<(), Box<dyn Error>> {
    sys::end_with_parent()?;
    sys::raise_descriptor_limit()?;
    match name {
        TOKIO_1 => tokio_server(1),
        TOKIO_2 => tokio_server(2),
        GLOMMIO_2 => glommio_server(2),
        _ => match name.strip_prefix("oneloop, ").and_then(|rest| rest.split_once(" core")) {
            Some((count, rest)) => {
                let spread = if rest.ends_with("least") { Spread::LeastLoaded } else { Spread::Kernel };
                oneloop_server(count.parse()?, spread)
            }
            None => Err(format!("no server is called {name:?}").into()),
        },
    }
}

fn listens_at(address: SocketAddr) {
    println!("{address}");
}

fn until_input_ends() {
    let _ = io::stdin().lock().read_to_end(&mut Vec::new());
}

fn oneloop_server(count: usize, spread: Spread) -> Result<(), Box<dyn Error>> {
    let mut cores = Cores::new().count(count);
    let port = cores.listen_with("127.0.0.1:0", ListenOptions::new().spread(spread))?;
    listens_at(port.local_addr());
    let control = cores.control();
    thread::spawn(move || {
        until_input_ends();
        control.stop();
    });
    let report = cores.run(move |core| async move {
        let mut listener = core.listener(port)?;
        while let Some((connection, _)) = listener.accept().await {
            oneloop::spawn(echo(connection));
        }
        io::Result::Ok(())
    })?;
    let accepted: Vec<_> = report.cores.iter().map(|core| core.figures.accepted.to_string()).collect();
    println!("{}", accepted.join(" "));
    Ok(())
}

async fn echo(mut stream: Connection) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let count = stream.read(&mut buffer).await?;
        if count == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..count]).await?;
    }
}

fn tokio_server(workers: usize) -> Result<(), Box<dyn Error>> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(workers).enable_all().build()?;
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))?;
    listens_at(listener.local_addr()?);
    // The accept loop is a task, so that a worker accepts, and not the thread that waits for standard
    // input.
    runtime.spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                stream.set_nodelay(true)?;
                let mut buffer = vec![0; BUFFER_BYTES];
                loop {
                    let count = stream.read(&mut buffer).await?;
                    if count == 0 {
                        return io::Result::Ok(());
                    }
                    stream.write_all(&buffer[..count]).await?;
                }
            });
        }
    });
    until_input_ends();
    runtime.shutdown_background();
    Ok(())
}

/// Runs glommio's server. A shard is an executor on a CPU of its own. glommio sets `SO_REUSEPORT` by
/// itself.
fn glommio_server(shards: usize) -> Result<(), Box<dyn Error>> {
    use futures_lite::{AsyncReadExt, AsyncWriteExt};
    use glommio::{LocalExecutorPoolBuilder, PoolPlacement};
    // This listener finds a free port and is dropped at once. All shards bind the port afterwards.
    let address = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let (bound, all_bound) = std::sync::mpsc::channel();
    let shard = move || {
        let bound = bound.clone();
        async move {
            let listener = match glommio::net::TcpListener::bind(address) {
                Ok(listener) => {
                    let _ = bound.send(Ok(()));
                    listener
                }
                Err(error) => return drop(bound.send(Err(error.to_string()))),
            };
            while let Ok(mut stream) = listener.accept().await {
                glommio::spawn_local(async move {
                    stream.set_nodelay(true).map_err(io::Error::from)?;
                    let mut buffer = vec![0; BUFFER_BYTES];
                    loop {
                        let count = stream.read(&mut buffer).await?;
                        if count == 0 {
                            return io::Result::Ok(());
                        }
                        stream.write_all(&buffer[..count]).await?;
                    }
                })
                .detach();
            }
        }
    };
    let pool = LocalExecutorPoolBuilder::new(PoolPlacement::MaxSpread(shards, None))
        .on_all_shards(shard)
        .map_err(|error| error.to_string())?;
    for _ in 0..shards {
        // If an executor can't be created, its sender is dropped without a message.
        all_bound
            .recv()
            .map_err(|_| "glommio can't create an executor: io_uring is missing or too old")??;
    }
    listens_at(address);
    until_input_ends();
    drop(pool); // the threads of the pool end with the process
    Ok(())
}

/// A server that runs. Dropping this value ends the process.
pub struct Server {
    child: Child,
    lines: BufReader<std::process::ChildStdout>,
    pub address: SocketAddr,
    pub clock: CpuClock,
}

impl Server {
    /// Starts a server.
    ///
    /// # Errors
    ///
    /// The error is the last line of the server's standard error, or the reason why the process can't be
    /// started.
    pub fn start(name: &str) -> Result<Server, String> {
        let message = |error: io::Error| error.to_string();
        let program = std::env::current_exe().map_err(message)?;
        let mut command = Command::new(program);
        command.args([MARKER, name]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(message)?;
        let clock = CpuClock::of_process(child.id()).map_err(message)?;
        let mut lines = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut line = String::new();
        lines.read_line(&mut line).map_err(message)?;
        match line.trim().parse() {
            Ok(address) => Ok(Server { child, lines, address, clock }),
            Err(_) => {
                let _ = child.kill();
                let output = child.wait_with_output().map_err(message)?;
                let text = String::from_utf8_lossy(&output.stderr).into_owned();
                Err(text
                    .lines()
                    .rfind(|line| !line.trim().is_empty())
                    .unwrap_or("the server ended")
                    .to_owned())
            }
        }
    }

    /// Ends the server, and returns the number of connections that each core accepted. Only the servers
    /// of oneloop print these numbers.
    pub fn accepted(mut self) -> io::Result<Vec<u64>> {
        drop(self.child.stdin.take());
        let mut line = String::new();
        self.lines.read_line(&mut line)?;
        let numbers: Result<Vec<u64>, _> = line.split_whitespace().map(str::parse).collect();
        numbers.map_err(io::Error::other)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = io::stdout().flush();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
