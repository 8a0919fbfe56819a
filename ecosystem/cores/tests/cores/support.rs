//! The shared parts of these tests: an echo server on cores, its clients, and flags that tests raise.

use std::future::Future;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use common::sockets::LIMIT;
pub use common::sockets::wait_until;
use oneloop::io::copy;
use oneloop_cores::{Control, Core, Cores, Listener, Port, Report};

/// Stops the cores when the test's own part ends, also if it panics.
struct StopAtEnd(Control);

impl Drop for StopAtEnd {
    fn drop(&mut self) {
        self.0.stop();
    }
}

/// Runs the cores on a separate thread, and `test` on this thread. Stops the cores after `test`.
pub fn beside<F, Fut, R>(
    cores: Cores,
    closure: F,
    test: impl FnOnce(&Control) -> R,
) -> (Report<Fut::Output>, R)
where
    F: Fn(Core) -> Fut + Send + Sync + 'static,
    Fut: Future + 'static,
    Fut::Output: Send + 'static,
{
    let control = StopAtEnd(cores.control());
    thread::scope(|scope| {
        let running = scope.spawn(|| cores.run(closure));
        let result = test(&control.0);
        drop(control);
        (running.join().expect("run does not panic").expect("the cores start"), result)
    })
}

/// Echoes until the stop, and then until the clients have left.
pub async fn echo(core: Core, port: Port) {
    serve(core.listener(port).expect("a listener")).await;
}

pub async fn serve(mut listener: Listener) {
    let mut tasks = oneloop::JoinSet::new();
    while let Some((connection, _)) = listener.accept().await {
        tasks.spawn(async move { copy(&connection, &connection).await });
    }
    while tasks.join_next().await.is_some() {}
}

/// Returns a loopback address with port 0. No other test uses an address with the same last byte, so a
/// port of it that was closed stays free.
pub fn address_of_its_own(last: u8) -> SocketAddr {
    let address = if cfg!(target_os = "linux") { [127, 19, 83, last] } else { [127, 0, 0, 1] };
    SocketAddr::from((address, 0))
}

/// Connects a client with a timeout of `LIMIT` for reads and writes.
pub fn connect(port: Port) -> TcpStream {
    let stream = TcpStream::connect(port.local_addr()).expect("the port listens");
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    stream.set_write_timeout(Some(LIMIT)).unwrap();
    stream
}

pub fn connect_many(port: Port, count: usize) -> Vec<TcpStream> {
    (0..count).map(|_| connect(port)).collect()
}

/// Sends a byte and expects it back.
#[track_caller]
pub fn assert_echoes(mut stream: &TcpStream) {
    stream.write_all(b"x").unwrap();
    assert_answered(stream);
}

#[track_caller]
pub fn assert_answered(mut stream: &TcpStream) {
    let mut back = [0];
    stream.read_exact(&mut back).expect("the server answers");
    assert_eq!(&back, b"x");
}

/// Asserts that the server has closed this connection, with or without a reset.
#[track_caller]
pub fn assert_closed(mut stream: &TcpStream) {
    match stream.read(&mut [0]) {
        Ok(0) => {}
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => {}
        other => panic!("the connection is open: {other:?}"),
    }
}

/// A flag that any thread raises once. Tasks wait for it.
#[derive(Clone)]
pub struct Flag(async_channel::Sender<()>, async_channel::Receiver<()>);

impl Flag {
    pub fn new() -> Flag {
        let (sender, receiver) = async_channel::bounded(1);
        Flag(sender, receiver)
    }

    pub fn raise(&self) {
        self.0.close();
    }

    pub fn is_raised(&self) -> bool {
        self.0.is_closed()
    }

    pub async fn wait(&self) {
        let _ = self.1.recv().await;
    }
}

/// The texts of the events.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    pub fn of(cores: Cores) -> (Cores, Log) {
        let log = Log::default();
        let theirs = log.clone();
        (cores.on_event(move |event| theirs.0.lock().unwrap().push(event.to_string())), log)
    }

    pub fn texts(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}
