//! These tests cover `serve` over TLS: clients that read slowly, and the end of a connection.

use std::cell::RefCell;
use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use common::sockets::{Outcome, run, within};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use oneloop::net::{TcpSocket, TcpStream};
use oneloop::time::sleep;
use oneloop_hyper::tls::{Acceptor, Roots};
use rustls::ServerConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::support::Authority;

/// The smallest buffer that the system allows. The socket is full although the response is small.
const SOCKET_BYTES: u32 = 4096;
/// This limit is far shorter than a response takes in these tests.
const STALL_LIMIT: Duration = Duration::from_millis(300);

/// A server of one response, and a client on a TLS connection to it.
struct Served {
    client: TlsStream<TcpStream>,
    errors: Rc<RefCell<Vec<String>>>,
    end: async_channel::Sender<()>,
}

impl Served {
    async fn start(bytes: usize) -> io::Result<Served> {
        let authority = Authority::new();
        let socket = TcpSocket::new_v4()?;
        socket.set_send_buffer_size(SOCKET_BYTES)?;
        socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
        let listener = socket.listen(1)?;
        let addr = listener.local_addr()?;
        let (end, ended) = async_channel::bounded(1);
        let errors = Rc::new(RefCell::new(Vec::new()));
        let reported = errors.clone();
        let service = service_fn(move |_: Request<Incoming>| async move {
            Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(vec![0; bytes]))))
        });
        let serve = oneloop_hyper::serve(listener, service)
            .tls(small_records(authority.acceptor(&["one.test"])))
            .stall_timeout(STALL_LIMIT)
            .on_error(move |error| reported.borrow_mut().push(error.to_string()))
            .shutdown(async move { ended.recv().await }, Duration::from_secs(60));
        drop(oneloop::spawn(serve.into_future()));
        Ok(Served { client: connect(&authority, addr).await?, errors, end })
    }
}

/// Returns the acceptor with small records. The client's rustls reads nothing from its socket while it
/// holds a part of a record, and the pauses of a large record would come close to the limit.
fn small_records(acceptor: Acceptor) -> Acceptor {
    let mut config = ServerConfig::clone(&acceptor.config());
    config.max_fragment_size = Some(1024);
    acceptor.replace(Arc::new(config));
    acceptor
}

async fn connect(authority: &Authority, addr: SocketAddr) -> io::Result<TlsStream<TcpStream>> {
    let mut roots = Roots::empty();
    roots.add_pem(authority.pem().as_bytes())?;
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(SOCKET_BYTES)?;
    let stream = socket.connect(addr).await?;
    let connector = TlsConnector::from(Arc::new(roots.client_config()));
    connector.connect(ServerName::try_from("one.test").expect("a name"), stream).await
}

#[test]
fn a_client_that_reads_slowly_is_served_although_rustls_holds_the_rest() -> Outcome {
    run(async {
        // rustls can buffer the first size as a whole, and not the second.
        for bytes in [60_000, 200_000] {
            let mut served = Served::start(bytes).await?;
            let ask = b"GET / HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n";
            served.client.write_all(ask).await?;
            let mut buffer = [0; 2048];
            let mut count = 0;
            loop {
                match within(served.client.read(&mut buffer)).await? {
                    0 => break,
                    more => count += more,
                }
                sleep(Duration::from_millis(15)).await;
            }
            assert!(count > bytes, "{count}");
            assert!(served.errors.borrow().is_empty(), "{:?}", served.errors);
        }
        Ok(())
    })
}

/// Ends the server, and expects TLS's end of the connection, a `close_notify`.
async fn expect_close_notify(mut served: Served) -> Outcome {
    drop(served.end);
    assert_eq!(within(served.client.read(&mut [0])).await?, 0);
    assert!(served.errors.borrow().is_empty(), "{:?}", served.errors);
    Ok(())
}

#[test]
fn a_connection_without_a_request_ends_with_close_notify() -> Outcome {
    run(async {
        let served = Served::start(1).await?;
        sleep(Duration::from_millis(50)).await;
        expect_close_notify(served).await
    })
}

/// Makes a client whose connection rests after a request.
async fn resting() -> io::Result<Served> {
    let mut served = Served::start(1).await?;
    served.client.write_all(b"GET / HTTP/1.1\r\nHost: t\r\n\r\n").await?;
    let mut received = Vec::new();
    while !received.ends_with(b"\r\n\r\n\0") {
        received.push(within(served.client.read_u8()).await?);
    }
    sleep(2 * STALL_LIMIT).await; // This time is more than two sweeps.
    Ok(served)
}

#[test]
fn a_connection_that_rests_ends_with_close_notify() -> Outcome {
    run(async { expect_close_notify(resting().await?).await })
}

#[test]
fn a_client_that_leaves_between_requests_without_close_notify_is_no_failure() -> Outcome {
    run(async {
        let Served { client, errors, end: _end } = resting().await?;
        drop(client);
        sleep(Duration::from_millis(100)).await;
        assert!(errors.borrow().is_empty(), "{errors:?}");
        Ok(())
    })
}
