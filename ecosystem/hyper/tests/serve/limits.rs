//! Each limit ends its own connection and reports the reason.

use std::time::Duration;

use futures_lite::AsyncReadExt;
use oneloop::time::sleep;
use oneloop_hyper::server::{Error, Limit};

use crate::client::{self, Raw, body, get, post};
use crate::frames::{self, Frame, SETTINGS};
use crate::server::{BIG, Running, start, within};

/// This time is long enough for a test's own requests on a busy machine, and short for the test.
const SHORT: Duration = Duration::from_millis(300);

async fn expect_limit(server: &Running, expected: Limit) {
    match server.error().await {
        Error::Limit { limit, remote_addr } => {
            assert_eq!(limit, expected);
            assert!(remote_addr.is_some());
        }
        other => panic!("{other}"),
    }
}

#[test]
fn a_connection_that_sends_nothing_is_closed_at_the_header_timeout() {
    oneloop::block_on(async {
        let server = start(|serve| serve.header_timeout(SHORT)).await;
        let mut client = Raw::connect(server.addr).await;
        assert_eq!(client.receive_all().await, "");
        expect_limit(&server, Limit::Header).await;
    });
}

#[test]
fn half_a_head_is_closed_at_the_header_timeout_the_first_and_a_later_one() {
    oneloop::block_on(async {
        let server = start(|serve| serve.header_timeout(SHORT)).await;
        let mut first = Raw::connect(server.addr).await;
        first.send("GET / HTTP/1.1\r\nHost: te").await;
        assert_eq!(first.receive_all().await, "");
        expect_limit(&server, Limit::Header).await;

        let mut later = Raw::connect(server.addr).await;
        later.get("/").await;
        later.receive_until("hello").await;
        later.send("GET / HT").await;
        assert_eq!(later.receive_all().await, "");
        expect_limit(&server, Limit::Header).await;
    });
}

#[test]
fn half_a_head_that_came_with_the_request_before_is_closed_at_the_header_timeout() {
    oneloop::block_on(async {
        let server = start(|serve| serve.header_timeout(SHORT)).await;
        let mut client = Raw::connect(server.addr).await;
        client.send("GET / HTTP/1.1\r\nHost: test\r\n\r\nGET / HT").await;
        assert!(client.receive_all().await.ends_with("hello"));
        expect_limit(&server, Limit::Header).await;

        // The rest of the head arrives within the limit, and no byte is lost.
        let mut client = Raw::connect(server.addr).await;
        client.send("GET / HTTP/1.1\r\nHost: test\r\n\r\nGET / HT").await;
        client.receive_until("hello").await;
        sleep(SHORT * 3 / 4).await;
        client.send("TP/1.1\r\nHost: test\r\n\r\n").await;
        client.receive_until("hello").await;
    });
}

#[test]
fn a_byte_now_and_then_does_not_extend_the_header_timeout() {
    oneloop::block_on(async {
        let server = start(|serve| serve.header_timeout(SHORT)).await;
        let mut client = Raw::connect(server.addr).await;
        client.0.set_nodelay(true).unwrap();
        within(async {
            use futures_lite::AsyncWriteExt;
            client.send("GET /").await;
            while client.0.write_all(b"x").await.is_ok() {
                sleep(Duration::from_millis(20)).await;
            }
        })
        .await;
        expect_limit(&server, Limit::Header).await;
    });
}

#[test]
fn an_idle_connection_is_closed_in_order_on_both_versions() {
    oneloop::block_on(async {
        let server = start(|serve| serve.idle_timeout(SHORT).header_timeout(SHORT)).await;
        let mut client = Raw::connect(server.addr).await;
        client.get("/").await;
        client.receive_until("hello").await;
        assert_eq!(client.receive_all().await, "");
        assert!(server.errors.borrow().is_empty(), "{:?}", server.errors);

        let mut client = frames::connect(server.addr).await;
        client.send(frames::get(1)).await;
        assert!(client.receive_frames().await.iter().any(|frame| frame.kind == frames::GOAWAY));
        expect_limit(&server, Limit::Idle).await; // The client does not answer to the GOAWAY.
    });
}

#[test]
fn a_ping_now_and_then_does_not_extend_the_idle_timeout() {
    oneloop::block_on(async {
        let server = start(|serve| serve.idle_timeout(SHORT).header_timeout(SHORT)).await;
        let mut client = frames::connect(server.addr).await;
        client.send(frames::get(1)).await;
        // The client answers no ping of the server, either. The server does not wait for an orderly end.
        within(async {
            use futures_lite::AsyncWriteExt;
            let ping = Frame::new(frames::PING, 0, 0, [0; 8]).bytes();
            while client.0.write_all(&ping).await.is_ok() {
                sleep(Duration::from_millis(20)).await;
            }
        })
        .await;
        expect_limit(&server, Limit::Idle).await;
    });
}

#[test]
fn a_handler_that_works_is_not_limited() {
    oneloop::block_on(async {
        let short = Duration::from_millis(40);
        let limits = |serve: crate::server::Plain| {
            serve.idle_timeout(short).header_timeout(short).stall_timeout(short)
        };
        // The clients are quick, but not always within 40 ms. The test therefore checks only their
        // errors.
        let server = start(limits).await;
        let mut client = client::http2(server.addr).await;
        assert_eq!(body(client.send_request(get("/slow")).await.unwrap()).await, "slow");
        let mut client = client::http1(server.addr).await;
        assert_eq!(body(client.send_request(get("/slow")).await.unwrap()).await, "slow");
    });
}

#[test]
fn a_client_that_reads_nothing_is_closed_at_the_stall_timeout() {
    oneloop::block_on(async {
        let server = start(|serve| serve.stall_timeout(SHORT)).await;
        let mut client = Raw::connect(server.addr).await;
        client.get("/big").await;
        expect_limit(&server, Limit::Stall).await;
        assert!(client.receive_all().await.len() < BIG);
    });
}

#[test]
fn a_client_that_gives_no_window_is_closed_at_the_stall_timeout() {
    oneloop::block_on(async {
        let server = start(|serve| serve.stall_timeout(SHORT)).await;
        let mut client = Raw::connect(server.addr).await;
        client.send(frames::PREFACE).await;
        let no_window = [0, 4, 0, 0, 0, 0]; // SETTINGS_INITIAL_WINDOW_SIZE = 0
        client.send(Frame::new(SETTINGS, 0, 0, no_window).bytes()).await;
        client.send(frames::get(1)).await;
        expect_limit(&server, Limit::Stall).await;
        client.receive_all().await;
    });
}

#[cfg(target_os = "linux")] // The buffer of other kernels may hold more than the client receives within the limit.
#[test]
fn a_client_that_reads_slowly_is_served() {
    oneloop::block_on(async {
        let limit = 5 * SHORT;
        let server = start(|serve| serve.stall_timeout(limit)).await;
        // The bounded window lets the server observe that the client is slow. (With less than a few
        // segments of the loopback interface the connection would stop by itself.)
        let socket = oneloop::net::TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(512 << 10).unwrap();
        let mut client = Raw(socket.connect(server.addr).await.unwrap());
        client.get("/big").await;
        // The client reads 2 MB/s. The bytes in the kernel's buffers at first last for less than the
        // limit.
        let mut buffer = vec![0; 16 << 10];
        let (began, mut received) = (std::time::Instant::now(), 0);
        while began.elapsed() < 2 * limit {
            while received < 2 * began.elapsed().as_micros() as usize {
                within(client.0.read_exact(&mut buffer)).await.unwrap();
                received += buffer.len();
            }
            sleep(Duration::from_millis(10)).await;
        }
        assert!(server.errors.borrow().is_empty(), "{:?}", server.errors);
    });
}

#[test]
fn connections_above_the_limit_wait_for_room() {
    oneloop::block_on(async {
        let server = start(|serve| serve.max_connections(2)).await;
        let mut first = Raw::connect(server.addr).await;
        let mut second = Raw::connect(server.addr).await;
        for client in [&mut first, &mut second] {
            client.get("/").await;
            client.receive_until("hello").await;
        }
        let mut third = Raw::connect(server.addr).await;
        third.get("/").await;
        let early = oneloop::time::timeout(Duration::from_millis(100), third.0.readable()).await;
        assert!(early.is_err(), "it was served beside two others");
        drop(first);
        third.receive_until("hello").await;
    });
}

#[test]
fn headers_above_the_limit_are_refused_and_the_next_connection_is_served() {
    oneloop::block_on(async {
        let server = start(|serve| serve.header_bytes_max(4096)).await;
        let mut client = Raw::connect(server.addr).await;
        let cookie = "c".repeat(5000);
        client.send(format!("GET / HTTP/1.1\r\nCookie: {cookie}\r\n\r\n")).await;
        assert!(client.receive_all().await.starts_with("HTTP/1.1 431 "));

        let mut client = Raw::connect(server.addr).await;
        let many: String = (0..101).map(|n| format!("h{n}: v\r\n")).collect();
        client.send(format!("GET / HTTP/1.1\r\n{many}\r\n")).await;
        assert!(client.receive_all().await.starts_with("HTTP/1.1 431 "));

        let mut client = client::http2(server.addr).await;
        let mut request = get("/");
        request.headers_mut().insert("cookie", cookie.parse().unwrap());
        match client.send_request(request).await {
            Ok(response) => assert_eq!(response.status(), 431),
            Err(error) => println!("refused by the client, which knows the limit: {error}"),
        }
        assert_eq!(body(client.send_request(post("/echo", "x")).await.unwrap()).await, "x");
    });
}

#[test]
fn hypers_own_options_can_be_changed() {
    oneloop::block_on(async {
        let pings = |http2: &mut hyper::server::conn::http2::Builder<oneloop_hyper::Executor>| {
            http2.keep_alive_interval(SHORT).keep_alive_timeout(SHORT);
        };
        let server = start(|serve| serve.http1(|http1| _ = http1.keep_alive(false)).http2(pings)).await;
        let mut client = Raw::connect(server.addr).await;
        client.get("/").await;
        assert!(client.receive_all().await.ends_with("hello"));

        // This client answers no ping.
        let mut client = frames::connect(server.addr).await;
        client.send(frames::get(1)).await;
        let frames = client.receive_frames().await;
        assert!(frames.iter().any(|frame| frame.kind == frames::PING));
        assert!(matches!(server.error().await, Error::Connection { .. }));
    });
}

#[test]
fn a_tunnel_is_an_idle_connection_unless_tunnels_are_allowed() {
    oneloop::block_on(async {
        // The request is `CONNECT test`, without scheme and path.
        let connect = Frame::new(frames::HEADERS, frames::END_HEADERS, 1, b"\x02\x07CONNECT\x41\x04test");
        let tunnel = |_request| async {
            Ok::<_, std::convert::Infallible>(http::Response::new(crate::server::text("")))
        };
        for allowed in [false, true] {
            let listener = oneloop::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let addr = listener.local_addr().unwrap();
            let serve = oneloop_hyper::serve(listener, hyper::service::service_fn(tunnel))
                .idle_timeout(SHORT)
                .header_timeout(SHORT)
                .http2_tunnels(allowed);
            let server = crate::server::run(addr, serve);
            let mut client = frames::connect(addr).await;
            client.send(connect.bytes()).await;
            if allowed {
                let closed = oneloop::time::timeout(6 * SHORT, client.receive_frames()).await;
                assert!(closed.is_err(), "the tunnel is open");
            } else {
                client.receive_frames().await; // until the close
            }
            drop(server);
        }
    });
}

#[cfg(target_os = "linux")]
#[test]
fn a_connection_holds_little_that_is_unsent() {
    oneloop::block_on(async {
        use oneloop_hyper::server::Listener;

        let mut listener = oneloop::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.begin();
        let _client = Raw::connect(listener.local_addr().unwrap()).await;
        let accepted = std::future::poll_fn(|cx| Listener::poll_accept(&mut listener, cx));
        let (stream, _) = within(accepted).await.unwrap();
        assert_eq!(socket2::SockRef::from(&stream).tcp_notsent_lowat().unwrap(), 128 << 10);
    });
}
