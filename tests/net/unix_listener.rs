//! `UnixListener`: binding to a path, and accepting at it.
#![cfg(unix)]

use std::io::{ErrorKind, Write};
use std::rc::Rc;
use std::time::Duration;

use futures::StreamExt;
use oneloop::io::{AsyncReadExt, AsyncWriteExt};
use oneloop::net::{UnixListener, UnixStream};

use common::sockets::{Outcome, SocketPath, run, settle};

#[test]
fn a_client_of_std_is_served() -> Outcome {
    run(async {
        let path = SocketPath::default();
        let listener = UnixListener::bind(&path)?;
        assert_eq!(listener.local_addr()?.as_pathname(), Some(path.as_ref()));
        let mut client = std::os::unix::net::UnixStream::connect(&path)?;
        client.write_all(b"hello")?;
        let (mut server, peer) = listener.accept().await?;
        assert!(peer.is_unnamed());
        server.read_exact(&mut [0; 5]).await?;
        server.write_all(b"hello").await?;
        std::io::Read::read_exact(&mut client, &mut [0; 5])
    })
}

#[test]
fn a_path_that_exists_is_in_use() -> Outcome {
    run(async {
        let path = SocketPath::default();
        let listener = UnixListener::bind(&path)?;
        assert_eq!(UnixListener::bind(&path).unwrap_err().kind(), ErrorKind::AddrInUse);
        drop(listener);
        assert!(path.as_ref().exists(), "the path is its owner's to remove");
        assert_eq!(UnixListener::bind(&path).unwrap_err().kind(), ErrorKind::AddrInUse);
        std::fs::remove_file(&path)?;
        UnixListener::bind(&path).map(drop)
    })
}

#[test]
fn a_path_that_can_not_be_is_an_error() {
    run(async {
        let missing = SocketPath::default();
        let error = UnixListener::bind(missing.as_ref().join("socket")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        let error = UnixListener::bind("x".repeat(300)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    });
}

#[test]
fn two_tasks_accept_at_once_and_no_connection_is_lost() -> Outcome {
    run(async {
        let path = SocketPath::default();
        let listener = Rc::new(UnixListener::bind(&path)?);
        let tasks = [(); 2].map(|()| {
            let listener = listener.clone();
            oneloop::spawn(async move { listener.accept().await })
        });
        settle().await;
        let _clients = [
            std::os::unix::net::UnixStream::connect(&path)?,
            std::os::unix::net::UnixStream::connect(&path)?,
        ];
        for task in tasks {
            task.await.unwrap()?;
        }
        Ok(())
    })
}

#[test]
fn incoming_yields_all_that_came_in_one_event() -> Outcome {
    run(async {
        let path = SocketPath::default();
        let listener = UnixListener::bind(&path)?;
        let mut incoming = listener.incoming();
        assert!(futures::poll!(incoming.next()).is_pending());
        let mut clients = Vec::new();
        for number in 0..50u8 {
            let mut client = std::os::unix::net::UnixStream::connect(&path)?;
            client.write_all(&[number])?;
            clients.push(client);
        }
        for number in 0..50 {
            let mut byte = [0];
            incoming.next().await.expect("it never ends")?.read_exact(&mut byte).await?;
            assert_eq!(byte, [number]);
        }
        assert!(futures::poll!(incoming.next()).is_pending());
        Ok(())
    })
}

#[test]
fn try_accept_says_would_block_and_readable_says_when_to_try_again() -> Outcome {
    run(async {
        let path = SocketPath::default();
        let listener = UnixListener::bind(&path)?;
        for round in 0..10u8 {
            assert_eq!(listener.try_accept().unwrap_err().kind(), ErrorKind::WouldBlock);
            let mut readable = listener.readable();
            assert!(futures::poll!(&mut readable).is_pending());
            // Two in one event.
            for number in [round, round + 100] {
                std::os::unix::net::UnixStream::connect(&path)?.write_all(&[number])?;
            }
            readable.await?;
            for number in [round, round + 100] {
                let (mut stream, peer) = listener.try_accept()?;
                assert!(peer.is_unnamed());
                let mut byte = [0];
                stream.read_exact(&mut byte).await?;
                assert_eq!(byte, [number]);
            }
        }
        Ok(())
    })
}

#[test]
fn an_accept_that_is_cancelled_loses_no_connection() -> Outcome {
    run(async {
        let path = SocketPath::default();
        let listener = UnixListener::bind(&path)?;
        for round in 0..10u8 {
            let mut accept = Box::pin(listener.accept());
            assert!(futures::poll!(&mut accept).is_pending());
            std::os::unix::net::UnixStream::connect(&path)?.write_all(&[round])?;
            settle().await;
            drop(accept);
            let mut byte = [0];
            listener.accept().await?.0.read_exact(&mut byte).await?;
            assert_eq!(byte, [round]);
        }
        Ok(())
    })
}

#[test]
fn a_path_that_is_missing_is_not_found() {
    run(async {
        let error = UnixStream::connect(SocketPath::default()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
    });
}

#[test]
fn a_path_whose_listener_was_dropped_refuses() -> Outcome {
    run(async {
        let path = SocketPath::default();
        drop(UnixListener::bind(&path)?);
        let error = UnixStream::connect(&path).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        // Nor does a file that is no socket.
        let file = SocketPath::default();
        std::fs::write(&file, "")?;
        assert_eq!(UnixStream::connect(&file).await.unwrap_err().kind(), ErrorKind::ConnectionRefused);
        Ok(())
    })
}

#[test]
fn connecting_waits_while_the_backlog_is_full() -> Outcome {
    run(async {
        let path = SocketPath::default();
        let listener = UnixListener::bind(&path)?;
        socket2::SockRef::from(&listener).listen(1)?;
        // More than the backlog holds: the later ones wait and delay no other task.
        let clients = [(); 8].map(|()| {
            let path = path.as_ref().to_owned();
            oneloop::spawn(async move {
                let mut stream = UnixStream::connect(path).await?;
                stream.write_all(b"hello").await?;
                std::io::Result::Ok(stream)
            })
        });
        settle().await;
        assert!(clients.iter().any(|client| !client.is_finished()));
        for _ in 0..clients.len() {
            listener.accept().await?.0.read_exact(&mut [0; 5]).await?;
        }
        for client in clients {
            client.await.unwrap()?;
        }
        Ok(())
    })
}

#[test]
fn a_connect_that_waits_sees_the_listener_go() -> Outcome {
    run(async {
        let path = SocketPath::default();
        let listener = UnixListener::bind(&path)?;
        socket2::SockRef::from(&listener).listen(0)?;
        let mut connected = Vec::new();
        let connect = || oneloop::time::timeout(Duration::from_millis(20), UnixStream::connect(&path));
        while let Ok(stream) = connect().await {
            connected.push(stream?);
        }
        let mut waiting = Box::pin(UnixStream::connect(&path));
        assert!(futures::poll!(&mut waiting).is_pending());
        drop(listener);
        assert_eq!(waiting.await.unwrap_err().kind(), ErrorKind::ConnectionRefused);
        Ok(())
    })
}

#[test]
fn a_listener_of_std_is_taken_over_and_made_non_blocking() -> Outcome {
    run(async {
        let path = SocketPath::default();
        let listener = UnixListener::try_from(std::os::unix::net::UnixListener::bind(&path)?)?;
        assert!(futures::poll!(Box::pin(listener.accept())).is_pending(), "a blocking accept never returns");
        let _client = UnixStream::connect(&path).await?;
        listener.accept().await?;
        assert!(listener.take_error()?.is_none());
        Ok(())
    })
}

#[test]
fn a_clone_accepts_from_the_same_queue() -> Outcome {
    run(async {
        let path = SocketPath::default();
        let listener = UnixListener::bind(&path)?;
        let clone = listener.try_clone()?;
        for _ in 0..3 {
            for accepts in [&listener, &clone] {
                let _client = UnixStream::connect(&path).await?;
                accepts.accept().await?;
            }
        }
        drop(listener);
        let _client = UnixStream::connect(&path).await?;
        clone.accept().await.map(drop)
    })
}
