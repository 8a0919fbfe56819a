//! The server that receives the requests, on a loop of its own.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::mpsc;
use std::thread;

use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use oneloop::net::TcpListener;

/// The body of every response.
pub const BODY: &str = "hello\n";

/// Starts the server and returns its address. Its thread ends with the process.
pub fn start() -> io::Result<SocketAddr> {
    let (sender, address) = mpsc::sync_channel(1);
    thread::Builder::new().name("server".to_owned()).spawn(move || {
        oneloop::block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await;
            let address = listener.as_ref().map_err(io::Error::kind).map(TcpListener::local_addr);
            let _ = sender.send(address.map_err(io::Error::from).and_then(|address| address));
            if let Ok(listener) = listener {
                oneloop_hyper::serve(listener, service_fn(hello)).await;
            }
        })
    })?;
    address.recv().map_err(io::Error::other)?
}

async fn hello(_request: Request<Incoming>) -> Result<Response<String>, Infallible> {
    Ok(Response::new(BODY.to_owned()))
}
