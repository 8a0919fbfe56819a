//! These tests cover the shutdown of a server.

use std::time::Duration;

use oneloop::net::TcpStream;

use crate::client::{self, Raw, body, get};
use crate::frames::{self, Frame};
use crate::server::{Running, start, within};

/// Starts a server that ends when the sender is dropped.
async fn start_with_end(grace: Duration) -> (Running, async_channel::Sender<()>) {
    let (end, ended) = async_channel::bounded::<()>(1);
    let asked = async move { ended.recv().await };
    (start(|serve| serve.shutdown(asked, grace)).await, end)
}

const LONG: Duration = Duration::from_secs(60);

#[test]
fn requests_that_have_begun_are_answered_on_both_versions() {
    oneloop::block_on(async {
        let (server, end) = start_with_end(LONG).await;
        let mut first = Raw::connect(server.addr).await;
        first.get("/slow").await;
        let mut second = client::http2(server.addr).await;
        let answer = second.send_request(get("/slow"));
        // The server has received a byte of a third request, so it answers this request, too.
        let mut third = Raw::connect(server.addr).await;
        third.send("GET / HTTP/1.1\r\nHost").await;
        let slow = oneloop::spawn(answer);
        oneloop::time::sleep(Duration::from_millis(50)).await;
        drop(end);
        let received = first.receive_all().await;
        assert!(received.ends_with("slow"), "{received}");
        assert_eq!(body(within(slow).await.unwrap().unwrap()).await, "slow");
        third.send(": test\r\n\r\n").await;
        assert!(third.receive_all().await.ends_with("hello"));
        drop((first, second, third));
        let summary = within(server.task).await.unwrap();
        assert_eq!((summary.connections, summary.cut_off), (3, 0));
        assert!(TcpStream::connect(server.addr).await.is_err(), "it still listens");
    });
}

#[test]
fn idle_connections_are_closed_at_once_resting_or_not() {
    oneloop::block_on(async {
        let (server, end) = start_with_end(LONG).await;
        let mut silent = Raw::connect(server.addr).await;
        let mut idle = Raw::connect(server.addr).await;
        idle.get("/").await;
        idle.receive_until("hello").await;
        let mut second = frames::connect(server.addr).await;
        second.send(frames::get(1)).await;
        // This time is long enough to rest: a limit of 60 s means a sweep a second.
        oneloop::time::sleep(Duration::from_millis(3500)).await;
        let mut fresh = Raw::connect(server.addr).await;
        fresh.get("/").await;
        fresh.receive_until("hello").await;
        drop(end);
        assert_eq!(silent.receive_all().await, "");
        assert_eq!(idle.receive_all().await, "");
        assert_eq!(fresh.receive_all().await, "");
        // This client acknowledges nothing, and closes the connection when it receives the GOAWAY.
        drop(second);
        let summary = within(server.task).await.unwrap();
        assert_eq!((summary.connections, summary.cut_off), (4, 0));
    });
}

#[test]
fn connections_open_after_the_grace_are_cut_off_and_counted() {
    oneloop::block_on(async {
        let (server, end) = start_with_end(Duration::from_millis(100)).await;
        let mut first = Raw::connect(server.addr).await;
        first.get("/never").await;
        let mut second = client::http2(server.addr).await;
        let never = oneloop::spawn(second.send_request(get("/never")));
        oneloop::time::sleep(Duration::from_millis(50)).await;
        drop(end);
        assert_eq!(first.receive_all().await, "");
        assert!(within(never).await.unwrap().is_err());
        let summary = within(server.task).await.unwrap();
        assert_eq!((summary.connections, summary.cut_off), (2, 2));
    });
}

#[test]
fn a_request_that_arrived_with_the_end_is_answered() {
    oneloop::block_on(async {
        let (server, end) = start_with_end(LONG).await;
        for _ in 0..20 {
            let mut client = Raw::connect(server.addr).await;
            client.get("/").await;
            client.receive_until("hello").await;
        }
        // The server accepts this connection, and the shutdown begins before the server reads the first
        // byte.
        let mut client = Raw::connect(server.addr).await;
        client.get("/").await;
        let mut other = Raw::connect(server.addr).await;
        other.get("/").await;
        other.receive_until("hello").await;
        drop(end);
        assert!(client.receive_all().await.ends_with("hello"));
        within(server.task).await.unwrap();
    });
}

#[test]
fn a_dropped_server_closes_its_listener_and_its_connections() {
    oneloop::block_on(async {
        let server = start(|serve| serve).await;
        let mut client = Raw::connect(server.addr).await;
        client.get("/never").await;
        let mut idle = Raw::connect(server.addr).await;
        idle.get("/").await;
        idle.receive_until("hello").await;
        server.task.abort();
        assert_eq!(client.receive_all().await, "");
        assert_eq!(idle.receive_all().await, "");
        assert!(within(server.task).await.unwrap_err().is_cancelled());
        assert!(TcpStream::connect(server.addr).await.is_err(), "it still listens");
    });
}

#[test]
fn clients_in_the_listeners_queue_are_served_before_it_is_closed() {
    oneloop::block_on(async {
        let socket = oneloop::net::TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(1024).unwrap();
        let addr = listener.local_addr().unwrap();
        // This count exceeds the operations that one poll of a task may make.
        let mut clients: Vec<Raw> = Vec::new();
        for number in 0..200 {
            let client = std::net::TcpStream::connect(addr).unwrap();
            client.set_nonblocking(true).unwrap();
            let mut client = Raw(client.try_into().unwrap());
            if number % 2 == 0 {
                client.get("/").await;
            } else {
                let settings = Frame::new(frames::SETTINGS, 0, 0, []).bytes();
                client.send([frames::PREFACE, &settings, &frames::get(1)].concat()).await;
            }
            clients.push(client);
        }
        let serve = oneloop_hyper::serve(listener, hyper::service::service_fn(crate::server::answer))
            .shutdown(async {}, LONG);
        let summary = oneloop::spawn(serve.into_future());
        for client in &mut clients {
            client.receive_until("hello").await;
        }
        drop(clients);
        assert_eq!(within(summary).await.unwrap().connections, 200);
    });
}
