//! `UnixStream`: what a TCP stream does, and what only a Unix socket can.
#![cfg(unix)]

use std::io::{ErrorKind, IoSlice, Read, Write};
use std::net::Shutdown;
use std::rc::Rc;

use futures::future::join;
use oneloop::io::{AsyncReadExt, AsyncWriteExt};
use oneloop::net::{UnixListener, UnixStream};

use common::sockets::{LIMIT, Outcome, SocketPath, pattern, run, settle, skip, uninterrupted, within};

type StdStream = std::os::unix::net::UnixStream;

/// A blocking socket of std's, connected to one of ours.
fn from_std() -> std::io::Result<(StdStream, UnixStream)> {
    let (client, server) = StdStream::pair()?;
    client.set_read_timeout(Some(LIMIT))?;
    Ok((client, UnixStream::try_from(server)?))
}

fn would_block<T>(result: std::io::Result<T>) -> bool {
    result.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
}

#[test]
fn a_pair_talks_both_ways() -> Outcome {
    run(async {
        let (mut a, mut b) = UnixStream::pair()?;
        for round in 0..100u8 {
            a.write_all(&[round; 10]).await?;
            let mut buf = [0; 10];
            b.read_exact(&mut buf).await?;
            b.write_all(&buf).await?;
            a.read_exact(&mut buf).await?;
            assert_eq!(buf, [round; 10]);
        }
        Ok(())
    })
}

#[test]
fn connecting_gives_a_stream_with_addresses() -> Outcome {
    run(async {
        let path = SocketPath::default();
        let listener = UnixListener::bind(&path)?;
        let mut client = UnixStream::connect(&path).await?;
        let (mut server, _) = listener.accept().await?;
        assert_eq!(client.peer_addr()?.as_pathname(), Some(path.as_ref()));
        assert!(client.local_addr()?.is_unnamed());
        assert_eq!(server.local_addr()?.as_pathname(), Some(path.as_ref()));
        client.write_all(b"hello").await?;
        server.read_exact(&mut [0; 5]).await?;
        assert!(format!("{client:?}").contains("fd"));
        Ok(())
    })
}

#[test]
fn the_end_is_seen_when_a_client_writes_and_at_once_closes() -> Outcome {
    const BUFFER: usize = 1024;
    run(async {
        for round in 0..50 {
            for size in [0, 1, BUFFER - 1, BUFFER, BUFFER + 1, 3 * BUFFER] {
                let (mut client, mut server) = from_std()?;
                let bytes = pattern(size, size as u64);
                let (mut all, mut buf) = (Vec::new(), [0; BUFFER]);
                let mut reading = Box::pin(server.read(&mut buf));
                if round % 2 == 0 {
                    assert!(futures::poll!(&mut reading).is_pending());
                }
                client.write_all(&bytes)?;
                drop(client);
                let mut n = reading.await?;
                while n > 0 {
                    all.extend_from_slice(&buf[..n]);
                    n = server.read(&mut buf).await?;
                }
                assert!(all == bytes, "{} of {size}", all.len());
            }
        }
        Ok(())
    })
}

#[test]
fn a_half_closed_stream_answers() -> Outcome {
    run(async {
        let (mut client, mut server) = from_std()?;
        client.write_all(b"question")?;
        client.shutdown(Shutdown::Write)?;
        let mut text = Vec::new();
        server.read_to_end(&mut text).await?;
        server.write_all(&text).await?;
        server.close().await?;
        let mut answer = Vec::new();
        client.read_to_end(&mut answer)?;
        assert_eq!(answer, b"question");
        Ok(())
    })
}

#[test]
fn a_peer_that_is_gone_is_an_error_of_the_write() -> Outcome {
    run(async {
        let (client, mut server) = from_std()?;
        drop(client);
        assert_eq!(server.write(b"x").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
        assert_eq!(
            server.write_vectored(&[IoSlice::new(b"x")]).await.unwrap_err().kind(),
            ErrorKind::BrokenPipe
        );
        assert_eq!(server.read(&mut [0; 8]).await?, 0);
        Ok(())
    })
}

#[test]
fn a_peer_that_leaves_unread_bytes_behind_is_a_reset() -> Outcome {
    run(async {
        let (client, mut server) = from_std()?;
        server.write_all(b"never read").await?;
        drop(client);
        // Linux says so; elsewhere it is the ordinary end.
        match server.read(&mut [0; 8]).await {
            Ok(n) => assert_eq!(n, 0),
            Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
        }
        Ok(())
    })
}

#[test]
fn a_closing_peer_wakes_a_writer_that_waits_for_room() -> Outcome {
    run(async {
        let (client, mut server) = from_std()?;
        let writing = oneloop::spawn(async move {
            loop {
                if let Err(error) = server.write(&[0; 4096]).await {
                    return error.kind();
                }
            }
        });
        settle().await;
        assert!(!writing.is_finished());
        drop(client);
        assert!(matches!(within(writing).await.unwrap(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset));
        Ok(())
    })
}

#[test]
fn eight_mebibytes_go_both_ways_at_once() -> Outcome {
    run(async {
        let (a, b) = UnixStream::pair()?;
        let bytes = pattern(8 << 20, 3);
        let transfer = async |mut writer: &UnixStream, mut reader: &UnixStream| {
            let mut received = vec![0; bytes.len()];
            let (written, read) = join(writer.write_all(&bytes), reader.read_exact(&mut received)).await;
            written.and(read)?;
            assert!(received == bytes);
            Outcome::Ok(())
        };
        let (there, back) = join(transfer(&a, &b), transfer(&b, &a)).await;
        there.and(back)
    })
}

#[test]
fn a_writer_that_filled_the_socket_goes_on_when_it_is_drained() -> Outcome {
    run(async {
        let (mut client, server) = from_std()?;
        // Of every size: the last write before the socket is full may be a short one, or not.
        for size in [1 << 10, 3000, 10_000, 100_000, 1 << 20] {
            let bytes = pattern(size, 1);
            let mut sent = 0;
            while let Ok(n) = server.try_write(&bytes) {
                sent += n;
            }
            let mut writable = server.writable();
            assert!(futures::poll!(&mut writable).is_pending());
            let mut buf = vec![0; 1 << 16];
            while sent > 0 {
                let len = sent.min(buf.len());
                sent -= uninterrupted(|| client.read(&mut buf[..len]))?;
            }
            within(writable).await?;
        }
        Ok(())
    })
}

#[test]
fn try_read_and_try_write_say_would_block() -> Outcome {
    run(async {
        let (mut client, server) = from_std()?;
        let mut buf = [0; 8];
        for _ in 0..20 {
            assert!(would_block(server.try_read(&mut buf)));
            let mut readable = server.readable();
            assert!(futures::poll!(&mut readable).is_pending());
            client.write_all(b"abc")?;
            readable.await?;
            assert_eq!(server.try_read(&mut buf)?, 3);
        }
        assert_eq!(server.try_write(b"there")?, 5);
        client.read_exact(&mut buf[..5])?;
        drop(client);
        server.readable().await?;
        assert_eq!(server.try_read(&mut buf)?, 0);
        Ok(())
    })
}

#[test]
fn several_tasks_wait_for_one_stream() -> Outcome {
    run(async {
        let (mut client, server) = from_std()?;
        let server = Rc::new(server);
        assert!(would_block(server.try_read(&mut [0; 8])));
        let tasks = [(); 3].map(|()| {
            let server = server.clone();
            oneloop::spawn(async move { server.readable().await })
        });
        settle().await;
        assert!(tasks.iter().all(|task| !task.is_finished()));
        client.write_all(b"x")?;
        for task in tasks {
            within(task).await.unwrap()?;
        }
        Ok(())
    })
}

#[test]
fn shutting_down_wakes_our_own_reader() -> Outcome {
    run(async {
        let (_client, server) = from_std()?;
        let server = Rc::new(server);
        let reading = oneloop::spawn({
            let server = server.clone();
            async move { (&*server).read(&mut [0; 8]).await }
        });
        settle().await;
        assert!(!reading.is_finished());
        server.shutdown(Shutdown::Both)?;
        assert_eq!(within(reading).await.unwrap()?, 0);
        Ok(())
    })
}

/// A message that carries a descriptor ends a read in the middle of what is there.
#[cfg(target_os = "linux")]
#[test]
fn a_read_that_stops_after_a_passed_descriptor_is_no_short_read() -> Outcome {
    run(async {
        let (mut client, mut server) = from_std()?;
        let mut buf = [0; 64];
        let mut reading = Box::pin(server.read(&mut buf));
        assert!(futures::poll!(&mut reading).is_pending());
        send_with_descriptor(&client, b"before")?;
        client.write_all(b"after")?;
        let mut n = reading.await?;
        while n < 11 {
            n += server.read(&mut buf[n..]).await?;
        }
        assert_eq!(&buf[..n], b"beforeafter");
        Ok(())
    })
}

/// Sends bytes together with a duplicate of the stream's own descriptor: unix(7), `SCM_RIGHTS`.
#[cfg(target_os = "linux")]
fn send_with_descriptor(stream: &StdStream, bytes: &[u8]) -> Outcome {
    use std::os::fd::AsRawFd;
    #[repr(C)]
    struct Rights {
        header: libc::cmsghdr,
        descriptor: libc::c_int,
        padding: libc::c_int, // the system reads that, too
    }
    let header = libc::cmsghdr {
        cmsg_len: size_of::<libc::cmsghdr>() + size_of::<libc::c_int>(),
        cmsg_level: libc::SOL_SOCKET,
        cmsg_type: libc::SCM_RIGHTS,
    };
    let mut rights = Rights { header, descriptor: stream.as_raw_fd(), padding: 0 };
    let mut piece = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
    // SAFETY: all-zero bytes are a valid `msghdr`.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = &mut piece;
    message.msg_iovlen = 1;
    message.msg_control = (&raw mut rights).cast();
    message.msg_controllen = size_of::<Rights>();
    // SAFETY: all that the message points to lives during the call, and is only read.
    let sent = unsafe { libc::sendmsg(stream.as_raw_fd(), &message, 0) };
    if sent < 0 { Err(std::io::Error::last_os_error()) } else { Ok(()) }
}

/// Urgent bytes exist on Unix sockets since Linux 5.15.
#[cfg(target_os = "linux")]
#[test]
fn a_unix_read_that_stops_at_urgent_data_is_no_short_read() -> Outcome {
    run(async {
        let (mut client, mut server) = from_std()?;
        let mut buf = [0; 64];
        let mut reading = Box::pin(server.read(&mut buf));
        assert!(futures::poll!(&mut reading).is_pending());
        client.write_all(b"before")?;
        if let Err(error) = socket2::SockRef::from(&client).send_out_of_band(b"!") {
            let missing = format!("Unix sockets have no urgent data here ({error})");
            skip(
                "a_unix_read_that_stops_at_urgent_data_is_no_short_read",
                &missing,
                "Linux 5.15 and later have it",
            );
            return Ok(());
        }
        client.write_all(b"after")?;
        let mut n = reading.await?;
        while n < 11 {
            n += server.read(&mut buf[n..]).await?;
        }
        assert_eq!(&buf[..n], b"beforeafter");
        Ok(())
    })
}

#[test]
fn a_stream_of_std_is_taken_over_and_made_non_blocking() -> Outcome {
    run(async {
        let (_client, server) = from_std()?;
        assert!(would_block(server.try_read(&mut [0; 8])), "a blocking read never returns");
        assert!(socket2::SockRef::from(&server).nonblocking()?);
        assert!(server.take_error()?.is_none());
        Ok(())
    })
}
