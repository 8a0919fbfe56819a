//! `TcpStream::connect`: every end that an attempt can come to.

use std::io::{ErrorKind, Write};
use std::net::Ipv4Addr;
use std::rc::Rc;
use std::time::Duration;

use futures::future::join_all;
use oneloop::io::{AsyncReadExt, AsyncWriteExt};
use oneloop::net::{TcpListener, TcpStream};

#[cfg(target_os = "linux")]
use common::sockets::settle;
#[cfg(unix)]
use common::sockets::within;
use common::sockets::{self, Outcome, refusing, run};

const ANY_PORT: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 0);

#[test]
fn a_connection_is_there_when_connect_returns() -> Outcome {
    run(async {
        let listener = std::net::TcpListener::bind(ANY_PORT)?;
        let mut stream = TcpStream::connect(listener.local_addr()?).await?;
        let (mut server, peer) = listener.accept()?;
        assert_eq!(peer, stream.local_addr()?);
        assert_eq!(stream.peer_addr()?, listener.local_addr()?);
        server.write_all(b"hello")?;
        stream.read_exact(&mut [0; 5]).await?;
        stream.write_all(b"hello").await?;
        std::io::Read::read_exact(&mut server, &mut [0; 5])
    })
}

#[test]
fn every_form_of_address_connects() -> Outcome {
    run(async {
        let listener = std::net::TcpListener::bind(ANY_PORT)?;
        let addr = listener.local_addr()?;
        TcpStream::connect(addr).await?;
        TcpStream::connect(&addr).await?;
        TcpStream::connect(addr.to_string()).await?;
        TcpStream::connect(addr.to_string().as_str()).await?;
        TcpStream::connect(("127.0.0.1", addr.port())).await?;
        TcpStream::connect((addr.ip(), addr.port())).await?;
        #[cfg(feature = "unblock")]
        TcpStream::connect(("localhost", addr.port())).await?;
        Ok(())
    })
}

#[test]
fn a_port_without_a_listener_refuses() -> Outcome {
    run(async {
        let (_socket, addr) = refusing()?;
        for _ in 0..20 {
            assert_eq!(TcpStream::connect(addr).await.unwrap_err().kind(), ErrorKind::ConnectionRefused);
        }
        Ok(())
    })
}

#[test]
fn many_attempts_at_once_each_get_their_own_answer() -> Outcome {
    run(async {
        let listener = TcpListener::bind(ANY_PORT).await?;
        let good = listener.local_addr()?;
        let (_socket, bad) = refusing()?;
        let attempts = (0..100).map(|n| TcpStream::connect(if n % 2 == 0 { good } else { bad }));
        for (n, result) in join_all(attempts).await.into_iter().enumerate() {
            match result {
                Ok(stream) => assert!(n % 2 == 0 && stream.peer_addr()? == good),
                Err(error) => assert!(n % 2 == 1 && error.kind() == ErrorKind::ConnectionRefused, "{error}"),
            }
        }
        Ok(())
    })
}

#[test]
fn addresses_are_tried_in_turn_and_the_last_error_is_reported() -> Outcome {
    run(async {
        let listener = TcpListener::bind(ANY_PORT).await?;
        let good = listener.local_addr()?;
        let (_socket, bad) = refusing()?;
        let stream = TcpStream::connect([bad, bad, good]).await?;
        assert_eq!(stream.peer_addr()?, good);
        let (_, peer) = listener.accept().await?;
        assert_eq!(peer, stream.local_addr()?);
        let error = TcpStream::connect([bad, bad]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        Ok(())
    })
}

#[test]
fn a_bad_address_is_an_error_before_anything_is_sent() {
    run(async {
        let error = TcpStream::connect("no port").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains("`no port`"), "{error}");
        let error = TcpStream::connect(Vec::new()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    });
}

#[test]
fn a_connection_that_is_reset_at_once_still_came_to_be() -> Outcome {
    run(async {
        let listener = TcpListener::bind(ANY_PORT).await?;
        let addr = listener.local_addr()?;
        for _ in 0..20 {
            let connecting = oneloop::spawn(TcpStream::connect(addr));
            let (server, _) = listener.accept().await?;
            server.set_linger(Some(Duration::ZERO))?;
            drop(server);
            // Either answer is true, depending on what the task saw first; a hang is not.
            match connecting.await.unwrap() {
                Ok(mut stream) => sockets::assert_reset(stream.read(&mut [0; 8]).await),
                Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
            }
        }
        Ok(())
    })
}

#[cfg(target_os = "linux")]
#[test]
fn connect_timeout_gives_up_in_time() -> Outcome {
    run(async {
        let (_socket, addr, _connected) = sockets::full().await?;
        let (start, limit) = (std::time::Instant::now(), Duration::from_millis(30));
        let error = TcpStream::connect_timeout(addr, limit).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert!(start.elapsed() >= limit);
        // The limit is for all addresses together. (So many that even the busiest machine tells the two apart.)
        let start = std::time::Instant::now();
        let error = TcpStream::connect_timeout([addr; 1000], limit).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert!(start.elapsed() < 1000 * limit);
        Ok(())
    })
}

#[test]
fn connect_timeout_reports_what_comes_in_time() -> Outcome {
    run(async {
        let listener = TcpListener::bind(ANY_PORT).await?;
        let (_socket, refusing) = refusing()?;
        TcpStream::connect_timeout(listener.local_addr()?, sockets::LIMIT).await?;
        let error = TcpStream::connect_timeout(refusing, sockets::LIMIT).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        Ok(())
    })
}

#[cfg(target_os = "linux")]
#[test]
fn an_attempt_that_waits_succeeds_when_there_is_room() -> Outcome {
    run(async {
        let (socket, addr, connected) = sockets::full().await?;
        let waiting = oneloop::spawn(TcpStream::connect(addr));
        sockets::settle().await;
        assert!(!waiting.is_finished());
        let listener = TcpListener::try_from(std::net::TcpListener::from(socket))?;
        for _ in &connected {
            listener.accept().await?;
        }
        // The system asks again after a second.
        let stream = waiting.await.unwrap()?;
        assert_eq!(stream.peer_addr()?, addr);
        Ok(())
    })
}

#[test]
fn dropping_a_task_that_connects_is_clean() -> Outcome {
    run(async {
        let listener = Rc::new(TcpListener::bind(ANY_PORT).await?);
        let addr = listener.local_addr()?;
        for turns in 0..10 {
            let connecting = oneloop::spawn(TcpStream::connect(addr));
            for _ in 0..turns {
                oneloop::yield_now().await;
            }
            connecting.abort();
            let _ = connecting.await;
        }
        // Whatever came of them, the next one is served.
        let stream = TcpStream::connect(addr).await?;
        while listener.accept().await?.1 != stream.local_addr()? {}
        Ok(())
    })
}

#[test]
fn connecting_outside_a_runtime_says_so() {
    use futures::FutureExt;
    let listener = std::net::TcpListener::bind(ANY_PORT).unwrap();
    let connecting = TcpStream::connect(listener.local_addr().unwrap());
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| connecting.now_or_never()));
    let message = *panic.unwrap_err().downcast::<String>().expect("a message");
    assert!(message.contains("outside a oneloop runtime"), "{message}");
}

/// A socket of std's that has begun to connect, without waiting for the end.
#[cfg(unix)]
fn begun(addr: std::net::SocketAddr) -> std::io::Result<std::net::TcpStream> {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    match socket.connect(&addr.into()) {
        Err(error) if error.raw_os_error() != Some(libc::EINPROGRESS) => Err(error),
        _ => Ok(socket.into()),
    }
}

#[cfg(unix)]
#[test]
fn a_stream_that_is_taken_over_while_it_connects_is_writable_when_that_has_ended() -> Outcome {
    run(async {
        let (_socket, addr) = sockets::refusing()?;
        match begun(addr) {
            Ok(stream) => {
                let stream = TcpStream::try_from(stream)?;
                within(stream.writable()).await?;
                let error = stream.take_error()?.expect("it was refused");
                assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
            }
            // Some systems say so at once.
            Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionRefused),
        }
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let stream = TcpStream::try_from(begun(listener.local_addr()?)?)?;
        within(stream.writable()).await?;
        assert!(stream.take_error()?.is_none());
        assert_eq!(stream.peer_addr()?, listener.local_addr()?);
        // One that never began says so at once.
        let idle = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)?;
        let idle = TcpStream::try_from(std::net::TcpStream::from(idle))?;
        within(idle.writable()).await
    })
}

#[cfg(target_os = "linux")]
#[test]
fn a_stream_that_still_connects_is_not_writable() -> Outcome {
    run(async {
        let (_socket, addr, _connected) = sockets::full().await?;
        let stream = TcpStream::try_from(begun(addr)?)?;
        settle().await;
        assert!(futures::poll!(stream.writable()).is_pending());
        Ok(())
    })
}
