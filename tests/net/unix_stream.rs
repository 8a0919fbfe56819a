//! `UnixStream`: what of it no other stream has. What all streams promise is in `streams`.
#![cfg(unix)]

#[cfg(target_os = "linux")]
use std::io::Write;

use oneloop::io::{AsyncReadExt, AsyncWriteExt};
use oneloop::net::{UnixListener, UnixStream};

#[cfg(target_os = "linux")]
use common::sockets::{LIMIT, skip};
use common::sockets::{Outcome, SocketPath, run};

#[cfg(target_os = "linux")]
type StdStream = std::os::unix::net::UnixStream;

/// A blocking socket of std's, connected to one of ours.
#[cfg(target_os = "linux")]
fn from_std() -> std::io::Result<(StdStream, UnixStream)> {
    let (client, server) = StdStream::pair()?;
    client.set_read_timeout(Some(LIMIT))?;
    Ok((client, UnixStream::try_from(server)?))
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
        assert!(client.take_error()?.is_none());
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
