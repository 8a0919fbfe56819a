//! The event loop with callbacks, as in asyncio's low-level interface. The loop calls functions soon,
//! later, when a socket is readable, and for another thread.
//!
//! ```text
//! cargo run --example callbacks
//! ```
//!
//! Notice that this is the loop of `event_queue` with a map from events to functions. A callback gets
//! the loop, so it can register the next one. A callback that panics ends the loop only if the policy
//! says so.

#[path = "shared/demo.rs"]
mod demo;

use std::convert::Infallible;
use std::io;
use std::process::ExitCode;
use std::time::Duration;

use demo::{Outcome, say};
use oneloop::Interest;
use oneloop::event_loop::{Callbacks, Event, Failure, Policy, Watched};
use oneloop::net::TcpStream;

const ABOUT: &str = "The event loop with callbacks, as in asyncio's low-level interface.";

fn main() -> ExitCode {
    // This hook hides the message that Rust prints at a panic. The policy below prints the panic.
    std::panic::set_hook(Box::new(|_| {}));
    demo::run(ABOUT, demo)
}

fn demo() -> Outcome {
    let mut calls = Callbacks::new()?;

    // loop.call_soon, loop.call_later. The time counts from the call.
    calls.call_later(Duration::from_millis(20), |_| say!("call_later, after 20 ms"))?;
    calls.call_later(Duration::from_millis(40), |_| say!("call_later, after 40 ms"))?;
    let never = calls.call_later(Duration::from_secs(3600), |_| say!("never"))?;
    calls.cancel(never);
    calls.call_soon(|calls| {
        say!("call_soon");
        calls.call_soon(|_| say!("call_soon, from a callback"));
    });
    calls.call_soon(|_| panic!("a mistake"));

    // loop.create_server
    let listener = calls.listen("127.0.0.1:0")?;
    let addr = listener.local_addr();
    calls.on(listener.id(), |calls, event| {
        if let Event::Accepted(_, Ok((stream, _))) = event {
            serve(calls, stream).unwrap_or_else(|error| say!("server: {error}"));
        }
    });

    // loop.add_signal_handler. Without it Ctrl+C ends the process, which is the default.
    let ctrl_c = calls.ctrl_c()?;
    calls.on(ctrl_c, |calls, _signal| calls.stop());

    // loop.call_soon_threadsafe
    let handle = calls.handle();
    let client = std::thread::spawn(move || {
        let answer = ask(addr).unwrap_or_else(|error| error.to_string());
        handle.call_soon(move |calls| {
            say!("call_soon from another thread: its server answered {answer:?}");
            calls.call_later(Duration::from_millis(60), |calls| calls.stop()).expect("a timer can be set");
        })
    });

    // loop.run_forever, loop.set_exception_handler
    let ended = calls.run(|failure: &Failure<Infallible>| {
        say!("{failure}; the loop goes on");
        Policy::Continue
    })?;
    say!("Stopped after {} events, {} of which failed", ended.handled, ended.failed);
    drop(calls); // closes the connections, so a client that waits for its answer ends, too
    let _ = client.join().expect("the client doesn't panic"); // an error if Ctrl+C came first
    Ok(())
}

/// Registers a callback that answers a client, like loop.add_reader. The callback owns the client's
/// stream, so cancelling the callback closes the stream.
fn serve(calls: &mut Callbacks, stream: TcpStream) -> io::Result<()> {
    let stream: Watched<TcpStream> = calls.watch(stream, Interest::Readable)?;
    let id = stream.id();
    calls.on(id, move |calls, _readable| {
        let mut buffer = [0; 64];
        match stream.try_read(&mut buffer) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Ok(length @ 1..) => {
                buffer.make_ascii_uppercase();
                say!("server: a few bytes to read, and to answer");
                // The socket's buffer takes a few bytes at once. A real server stores the bytes that it
                // could not send (see `event_queue_echo`).
                let _ = stream.try_write(&buffer[..length]);
            }
            _ => calls.cancel(id), // the end of the stream, or an error
        }
    });
    Ok(())
}

/// Sends a request and waits for its answer. It blocks, so it runs on its own thread.
fn ask(addr: std::net::SocketAddr) -> io::Result<String> {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(addr)?;
    stream.write_all(b"hello")?;
    stream.shutdown(std::net::Shutdown::Write)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}
