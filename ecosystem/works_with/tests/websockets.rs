//! These tests run `async-tungstenite` on both ends, and Python's `websockets` on either.

use std::convert::Infallible;

use async_tungstenite::tungstenite::handshake::derive_accept_key;
use async_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use async_tungstenite::tungstenite::protocol::{CloseFrame, Role};
use async_tungstenite::tungstenite::{Bytes, Message};
use async_tungstenite::{WebSocketStream, client_async};
use futures::StreamExt;
use http::header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, UPGRADE};
use http::{HeaderValue, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::upgrade::Upgraded;
use oneloop::net::{TcpListener, TcpStream};
use oneloop::process::Stdio;
use oneloop::signal::SignalKind;
use oneloop_hyper::{Io, serve};

use crate::support::{Server, alone, client, has_python_module, output_of, within};

/// The size exceeds the buffers of a connection.
const BIG: usize = 16 << 20;

/// Answers the handshake, and returns the stream after the upgrade. A request that is not a handshake is
/// answered with 426.
async fn upgrade(mut request: Request<Incoming>) -> Result<Response<String>, Infallible> {
    let mut response = Response::new(String::new());
    let Some(key) = request.headers().get(SEC_WEBSOCKET_KEY) else {
        *response.status_mut() = StatusCode::UPGRADE_REQUIRED;
        return Ok(response);
    };
    let accept = HeaderValue::try_from(derive_accept_key(key.as_bytes())).expect("base64 is text");
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("upgrade"));
    response.headers_mut().insert(UPGRADE, HeaderValue::from_static("websocket"));
    response.headers_mut().insert(SEC_WEBSOCKET_ACCEPT, accept);
    let upgraded = hyper::upgrade::on(&mut request);
    drop(oneloop::spawn(async move {
        if let Ok(upgraded) = upgraded.await {
            echo(WebSocketStream::from_raw_socket(Io::new(upgraded), Role::Server, None).await).await;
        }
    }));
    Ok(response)
}

/// Sends each message back until the client closes.
async fn echo(mut socket: WebSocketStream<Io<Upgraded>>) {
    while let Some(Ok(message)) = socket.next().await {
        if (message.is_text() || message.is_binary()) && socket.send(message).await.is_err() {
            break;
        }
    }
}

/// Starts the server on a port that the system chooses, and returns its address.
async fn start() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    drop(oneloop::spawn(serve(listener, service_fn(upgrade)).into_future()));
    url
}

/// Connects a client on the runtime's stream as it is.
async fn connect(url: &str) -> WebSocketStream<TcpStream> {
    let addr = url.trim_start_matches("ws://").trim_end_matches('/');
    let stream = TcpStream::connect(addr).await.unwrap();
    let (socket, response) = within(client_async(url, stream)).await.unwrap();
    assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);
    socket
}

/// Checks the answers of a server that sends each message back.
async fn talk(mut socket: WebSocketStream<TcpStream>) {
    let big = Bytes::from(vec![b'x'; BIG]);
    for message in [Message::text("grüß dich"), Message::binary(&b"\0\x01"[..]), Message::Binary(big)] {
        within(socket.send(message.clone())).await.unwrap();
        let answer = within(socket.next()).await.unwrap().unwrap();
        assert!(answer == message, "{} bytes came back, of {}", answer.len(), message.len());
    }
    within(socket.send(Message::Ping(Bytes::from_static(b"ping")))).await.unwrap();
    let pong = within(socket.next()).await.unwrap().unwrap();
    assert_eq!(pong, Message::Pong(Bytes::from_static(b"ping")));

    let frame = CloseFrame { code: CloseCode::Normal, reason: "done".into() };
    within(socket.close(Some(frame.clone()))).await.unwrap();
    assert_eq!(within(socket.next()).await.unwrap().unwrap(), Message::Close(Some(frame)));
    assert!(within(socket.next()).await.is_none());
}

#[test]
fn async_tungstenite_after_an_upgrade_and_as_client() {
    const TEST: &str = "async_tungstenite_after_an_upgrade_and_as_client";
    alone(TEST, || async {
        let url = start().await;
        let sockets = futures::future::join(connect(&url), connect(&url)).await;
        futures::future::join(talk(sockets.0), talk(sockets.1)).await;
    });
}

#[test]
fn a_python_client_talks_to_async_tungstenite_after_an_upgrade() {
    const TEST: &str = "a_python_client_talks_to_async_tungstenite_after_an_upgrade";
    if !has_python_module(TEST, "websockets", "websockets") {
        return;
    }
    alone(TEST, || async {
        let url = start().await;
        assert_eq!(output_of(client("websockets_client.py").arg(url)).await, "done\n");
    });
}

#[test]
fn async_tungstenite_talks_to_a_python_server() {
    const TEST: &str = "async_tungstenite_talks_to_a_python_server";
    if !has_python_module(TEST, "websockets", "websockets") {
        return;
    }
    alone(TEST, || async {
        let mut command = client("websockets_server.py");
        let started = Server::start(
            command.stdout(Stdio::piped()),
            |child| child.stdout.take().unwrap(),
            "ws://",
            SignalKind::TERMINATE,
            tempfile::tempdir().unwrap(),
        );
        let (_server, url) = started.await.expect("the server runs");
        talk(connect(&url).await).await;
    });
}
