//! A socket leaves its loop: as std's type, and as a descriptor. From then on it costs the loop nothing.

use std::io::{self, ErrorKind, Read, Write};
use std::net::Ipv4Addr;
use std::time::Duration;

use oneloop::Runtime;
use oneloop::io::{AsyncReadExt, AsyncWriteExt};
use oneloop::net::{ReadHalf, ReuniteError, TcpListener, TcpStream, UdpSocket, WriteHalf};
#[cfg(unix)]
use oneloop::net::{UnixDatagram, UnixListener, UnixStream};

#[cfg(unix)]
use common::sockets::{LIMIT, SocketPath, uninterrupted};
use common::sockets::{Outcome, run, tcp_from_std, tcp_pair};

const ANY_PORT: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 0);

#[track_caller]
fn assert_would_block<T>(result: io::Result<T>) {
    let error = result.err().expect("there is nothing more");
    assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}");
}

/// What was not read stays, and the next call doesn't block.
fn reads(mut stream: impl Read, text: &[u8]) -> Outcome {
    let mut buf = [0; 64];
    let n = stream.read(&mut buf)?;
    assert_eq!(&buf[..n], text);
    assert_would_block(stream.read(&mut buf));
    Ok(())
}

#[test]
fn a_stream_leaves_with_what_was_not_read_and_is_non_blocking_still() -> Outcome {
    run(async {
        let (mut client, server) = tcp_from_std().await?;
        client.write_all(b"hello")?;
        server.readable().await?;
        let std = server.into_std()?;
        reads(&std, b"hello")?;

        // And back, and out again, with readiness in the meantime.
        let mut server = TcpStream::try_from(std)?;
        client.write_all(b"again")?;
        server.read_exact(&mut [0; 3]).await?;
        reads(server.into_std()?, b"in")
    })
}

#[test]
fn a_listener_leaves_with_its_connections() -> Outcome {
    run(async {
        let listener = TcpListener::bind(ANY_PORT).await?;
        let client = std::net::TcpStream::connect(listener.local_addr()?)?;
        listener.readable().await?;
        let listener = listener.into_std()?;
        assert_eq!(listener.accept()?.1, client.local_addr()?);
        assert_would_block(listener.accept());
        let _client = std::net::TcpStream::connect(listener.local_addr()?)?;
        TcpListener::try_from(listener)?.accept().await.map(drop)
    })
}

#[test]
fn a_connection_for_another_loop_is_non_blocking_and_in_no_loop() -> Outcome {
    run(async {
        let listener = TcpListener::bind(ANY_PORT).await?;
        let mut client = TcpStream::connect(listener.local_addr()?).await?;
        let (std, peer) = listener.accept_std().await?;
        assert_eq!(peer, client.local_addr()?);
        assert_would_block((&std).read(&mut [0; 8]));

        // A loop that watched it already would refuse a second registration, except on kqueue, where the
        // second one replaces the first.
        let mut server = TcpStream::try_from(std)?;
        client.write_all(b"hello").await?;
        server.read_exact(&mut [0; 5]).await
    })
}

#[cfg(unix)]
#[test]
fn a_unix_connection_for_another_loop_is_non_blocking_and_in_no_loop() -> Outcome {
    run(async {
        let path = SocketPath::default();
        let listener = UnixListener::bind(&path)?;
        let mut client = UnixStream::connect(&path).await?;
        let (std, _) = listener.accept_std().await?;
        assert_would_block((&std).read(&mut [0; 8]));

        let mut server = UnixStream::try_from(std)?;
        client.write_all(b"hello").await?;
        server.read_exact(&mut [0; 5]).await
    })
}

#[test]
fn a_dropped_wait_for_a_connection_for_another_loop_loses_none() -> Outcome {
    run(async {
        let listener = TcpListener::bind(ANY_PORT).await?;
        let early = Duration::from_millis(1);
        assert!(oneloop::time::timeout(early, listener.accept_std()).await.is_err());
        let client = std::net::TcpStream::connect(listener.local_addr()?)?;
        assert_eq!(listener.accept_std().await?.1, client.local_addr()?);
        Ok(())
    })
}

#[test]
fn a_udp_socket_leaves_with_its_datagrams() -> Outcome {
    run(async {
        let socket = UdpSocket::bind(ANY_PORT).await?;
        let addr = socket.local_addr()?;
        socket.send_to(b"hello", addr).await?;
        socket.readable().await?;
        let socket = socket.into_std()?;
        assert_eq!(socket.recv_from(&mut [0; 8])?, (5, addr));
        assert_would_block(socket.recv(&mut [0; 8]));
        Ok(())
    })
}

#[cfg(unix)]
#[test]
fn unix_sockets_leave_with_what_has_come() -> Outcome {
    run(async {
        let (mut a, b) = UnixStream::pair()?;
        a.write_all(b"hello").await?;
        reads(b.into_std()?, b"hello")?;

        let (a, b) = UnixDatagram::pair()?;
        a.send(b"hello").await?;
        let b = b.into_std()?;
        assert_eq!(b.recv(&mut [0; 8])?, 5);
        assert_would_block(b.recv(&mut [0; 8]));

        let path = SocketPath::default();
        let listener = UnixListener::bind(&path)?;
        let _client = UnixStream::connect(&path).await?;
        let listener = listener.into_std()?;
        listener.accept()?;
        assert_would_block(listener.accept());
        Ok(())
    })
}

#[test]
fn a_socket_of_a_dropped_runtime_leaves_it_as_well() -> Outcome {
    let runtime = Runtime::new()?;
    let (mut client, server) = runtime.block_on(tcp_from_std())?;
    let listener = runtime.block_on(TcpListener::bind(ANY_PORT))?;
    drop(runtime);
    client.write_all(b"hello")?;
    let server = server.into_std()?;
    server.set_nonblocking(false)?;
    (&server).read_exact(&mut [0; 5])?;
    listener.into_std().map(drop)
}

#[test]
fn a_socket_leaves_without_its_type_and_is_taken_over_again() -> Outcome {
    #[cfg(unix)]
    use std::os::fd::OwnedFd as Owned;
    #[cfg(windows)]
    use std::os::windows::io::OwnedSocket as Owned;
    run(async {
        let (mut client, server) = tcp_from_std().await?;
        let owned = Owned::try_from(server)?;
        client.write_all(b"hello")?;
        let mut server = TcpStream::try_from(std::net::TcpStream::from(owned))?;
        server.read_exact(&mut [0; 5]).await?;

        let socket = UdpSocket::bind(ANY_PORT).await?;
        let addr = socket.local_addr()?;
        let socket = std::net::UdpSocket::from(Owned::try_from(socket)?);
        assert_eq!(socket.local_addr()?, addr);
        #[cfg(unix)]
        {
            let (reader, writer) = oneloop::pipe::pipe()?;
            writer.try_write(b"hello")?;
            reads(std::fs::File::from(Owned::try_from(reader)?), b"hello")?;
            std::fs::File::from(Owned::try_from(writer)?).write(b"x").unwrap_err();
        }
        Ok(())
    })
}

/// A loop that another program's loop would watch. `None` where the driver has no descriptor for it.
#[cfg(unix)]
struct Watched {
    runtime: Runtime,
    descriptor: std::os::fd::OwnedFd,
}

#[cfg(unix)]
impl Watched {
    fn new() -> io::Result<Option<Watched>> {
        let runtime = Runtime::new()?;
        match runtime.descriptor() {
            Ok(descriptor) => Ok(Some(Watched { runtime, descriptor })),
            Err(error) if error.kind() == ErrorKind::Unsupported => Ok(None), // mio's poll(2) fallback
            Err(error) => Err(error),
        }
    }

    /// Makes an object on the loop, and lets the loop see all that has happened to it.
    fn make<T>(&self, make: impl AsyncFnOnce() -> io::Result<T>) -> io::Result<T> {
        let made = self.runtime.block_on(make())?;
        while is_readable(&self.descriptor)? {
            self.runtime.turn();
        }
        Ok(made)
    }

    #[track_caller]
    fn assert_sleeps(&self, what: &str) -> Outcome {
        assert!(!is_readable(&self.descriptor)?, "the loop is woken by {what}");
        Ok(())
    }
}

/// Waits until a descriptor is readable, `timeout` at most.
#[cfg(unix)]
fn wait(descriptor: &impl std::os::fd::AsRawFd, timeout: std::time::Duration) -> io::Result<bool> {
    let raw = descriptor.as_raw_fd();
    let mut poll = mio::Poll::new()?;
    poll.registry().register(&mut mio::unix::SourceFd(&raw), mio::Token(0), mio::Interest::READABLE)?;
    let mut events = mio::Events::with_capacity(1);
    uninterrupted(|| poll.poll(&mut events, Some(timeout)))?;
    Ok(!events.is_empty())
}

#[cfg(unix)]
fn is_readable(descriptor: &impl std::os::fd::AsRawFd) -> io::Result<bool> {
    wait(descriptor, std::time::Duration::ZERO)
}

/// The object is readable now, and every loop that watches it was told.
#[cfg(unix)]
fn assert_news(object: &impl std::os::fd::AsRawFd) -> Outcome {
    assert!(wait(object, LIMIT)?, "nothing came");
    Ok(())
}

#[cfg(unix)]
#[test]
fn a_connection_that_moved_to_another_loop_costs_the_first_one_nothing() -> Outcome {
    const ROUND_TRIPS: u32 = 2_000;
    let Some(first) = Watched::new()? else { return Ok(()) };
    let (mut client, stream) = first.make(async || {
        let (mut client, mut server) = tcp_from_std().await?;
        client.write_all(b"first")?;
        server.read_exact(&mut [0; 5]).await?;
        Ok((client, server))
    })?;
    let stream = stream.into_std()?;
    let second = std::thread::spawn(move || {
        run(async {
            let mut stream = TcpStream::try_from(stream)?;
            let mut buf = [0; 64];
            loop {
                match stream.read(&mut buf).await? {
                    0 => return Outcome::Ok(()),
                    n => stream.write_all(&buf[..n]).await?,
                }
            }
        })
    });
    let (sender, receiver) = async_channel::bounded::<()>(1);
    let clients = std::thread::spawn(move || {
        client.set_nodelay(true)?;
        for number in 0..ROUND_TRIPS {
            let mut echo = [0; 4];
            client.write_all(&number.to_ne_bytes())?;
            client.read_exact(&mut echo)?;
            assert_eq!(echo, number.to_ne_bytes());
        }
        drop(sender);
        Outcome::Ok(())
    });

    // The first loop, with a task that waits for the end.
    let over = first.runtime.spawn(async move { receiver.recv().await.is_err() });
    let mut turns = 0;
    while !over.is_finished() {
        first.runtime.turn();
        turns += 1;
        if !over.is_finished() {
            assert_news(&first.descriptor)?;
        }
    }
    clients.join().expect("it does not panic")?;
    second.join().expect("it does not panic")?;
    assert!(turns < 20, "{turns} turns of the first loop");
    Ok(())
}

#[cfg(unix)]
#[test]
fn no_type_of_socket_costs_a_loop_that_it_has_left() -> Outcome {
    let Some(first) = Watched::new()? else { return Ok(()) };
    let listener = first.make(async || TcpListener::bind(ANY_PORT).await)?.into_std()?;
    let client = std::net::TcpStream::connect(listener.local_addr()?)?;
    assert_news(&listener)?;
    first.assert_sleeps("a TCP listener")?;

    let server = listener.accept()?.0;
    let server = first.make(async || TcpStream::try_from(server))?.into_std()?;
    (&client).write_all(b"x")?;
    assert_news(&server)?;
    first.assert_sleeps("a TCP stream")?;

    let socket = first.make(async || UdpSocket::bind(ANY_PORT).await)?.into_std()?;
    socket.send_to(b"x", socket.local_addr()?)?;
    assert_news(&socket)?;
    first.assert_sleeps("a UDP socket")?;

    let path = SocketPath::default();
    let listener = first.make(async || UnixListener::bind(&path))?.into_std()?;
    let _client = std::os::unix::net::UnixStream::connect(&path)?;
    assert_news(&listener)?;
    first.assert_sleeps("a Unix listener")?;

    let (theirs, ours) = std::os::unix::net::UnixStream::pair()?;
    let ours = first.make(async || UnixStream::try_from(ours))?.into_std()?;
    (&theirs).write_all(b"x")?;
    assert_news(&ours)?;
    first.assert_sleeps("a Unix stream")?;

    let (theirs, ours) = std::os::unix::net::UnixDatagram::pair()?;
    let ours = first.make(async || UnixDatagram::try_from(ours))?.into_std()?;
    theirs.send(b"x")?;
    assert_news(&ours)?;
    first.assert_sleeps("a Unix datagram socket")?;

    let (reader, mut writer) = std::io::pipe()?;
    let reader = std::os::fd::OwnedFd::from(reader);
    let reader = first.make(async || oneloop::pipe::PipeReader::try_from(reader))?.into_owned_fd()?;
    writer.write_all(b"x")?;
    assert_news(&reader)?;
    first.assert_sleeps("a pipe")
}

/// They may be duplicates that several loops share.
#[cfg(unix)]
#[test]
fn a_listener_or_datagram_socket_that_was_dropped_costs_nothing_while_a_duplicate_lives() -> Outcome {
    let Some(first) = Watched::new()? else { return Ok(()) };
    let listener = std::net::TcpListener::bind(ANY_PORT)?;
    let ours = listener.try_clone()?;
    drop(first.make(async || TcpListener::try_from(ours))?);
    let _client = std::net::TcpStream::connect(listener.local_addr()?)?;
    assert_news(&listener)?;
    first.assert_sleeps("a TCP listener")?;

    let socket = std::net::UdpSocket::bind(ANY_PORT)?;
    let ours = socket.try_clone()?;
    drop(first.make(async || UdpSocket::try_from(ours))?);
    socket.send_to(b"x", socket.local_addr()?)?;
    assert_news(&socket)?;
    first.assert_sleeps("a UDP socket")?;

    let path = SocketPath::default();
    let listener = std::os::unix::net::UnixListener::bind(&path)?;
    let ours = listener.try_clone()?;
    drop(first.make(async || UnixListener::try_from(ours))?);
    let _client = std::os::unix::net::UnixStream::connect(&path)?;
    assert_news(&listener)?;
    first.assert_sleeps("a Unix listener")?;

    let (theirs, socket) = std::os::unix::net::UnixDatagram::pair()?;
    let ours = socket.try_clone()?;
    drop(first.make(async || UnixDatagram::try_from(ours))?);
    theirs.send(b"x")?;
    assert_news(&socket)?;
    first.assert_sleeps("a Unix datagram socket")
}

#[cfg(unix)]
#[test]
fn a_listener_whose_clone_went_to_another_loop_costs_nothing_after_its_drop() -> Outcome {
    let Some(first) = Watched::new()? else { return Ok(()) };
    let listener = first.make(async || TcpListener::bind(ANY_PORT).await)?;
    let clone = listener.try_clone()?.into_std()?;
    drop(listener);
    let client = std::net::TcpStream::connect(clone.local_addr()?)?;
    assert_news(&clone)?;
    first.assert_sleeps("a TCP listener")?;
    assert_eq!(clone.accept()?.1, client.local_addr()?);

    let path = SocketPath::default();
    let listener = first.make(async || UnixListener::bind(&path))?;
    let clone = listener.try_clone()?.into_std()?;
    drop(listener);
    let _client = std::os::unix::net::UnixStream::connect(&path)?;
    assert_news(&clone)?;
    first.assert_sleeps("a Unix listener")?;
    clone.accept().map(drop)
}

/// The halves of a stream, and its peer.
type Halved<S> = ((ReadHalf<S>, WriteHalf<S>), S);

async fn tcp_halves() -> io::Result<Halved<TcpStream>> {
    let (ours, peer) = tcp_pair().await?;
    Ok((ours.into_split(), peer))
}

#[cfg(unix)]
async fn unix_halves() -> io::Result<Halved<UnixStream>> {
    let (ours, peer) = UnixStream::pair()?;
    Ok((ours.into_split(), peer))
}

/// Makes the tests of a stream type's halves.
macro_rules! halves {
    ($halves:ident) => {
        #[test]
        fn halves_make_a_stream_again_that_is_open_both_ways() -> Outcome {
            run(async {
                for from_the_reader in [true, false] {
                    let ((reader, writer), mut peer) = $halves().await?;
                    let united =
                        if from_the_reader { reader.reunite(writer) } else { writer.reunite(reader) };
                    let mut stream = united.expect("they are halves of one stream");
                    stream.write_all(b"ping").await?;
                    peer.read_exact(&mut [0; 4]).await?;
                    peer.write_all(b"pong").await?;
                    stream.read_exact(&mut [0; 4]).await?;
                    assert!(futures::poll!(Box::pin(peer.read(&mut [0; 4]))).is_pending(), "that is no end");

                    // And it can leave, and be split again.
                    let stream = stream.into_std()?;
                    (&stream).write_all(b"bye")?;
                    peer.read_exact(&mut [0; 3]).await?;
                    drop(stream);
                    assert_eq!(peer.read(&mut [0; 4]).await?, 0);
                }
                Ok(())
            })
        }

        #[test]
        fn halves_of_two_streams_are_given_back_and_work_on() -> Outcome {
            run(async {
                let ((reader, other_writer), mut peer) = $halves().await?;
                let ((other_reader, writer), mut other_peer) = $halves().await?;
                let error = reader.reunite(writer).unwrap_err();
                assert_eq!(error.to_string(), "these halves are of different streams");
                let ReuniteError(reader, writer) = error;
                let ReuniteError(mut reader, mut writer) = writer.reunite(reader).unwrap_err();
                peer.write_all(b"ping").await?;
                reader.read_exact(&mut [0; 4]).await?;
                writer.write_all(b"pong").await?;
                other_peer.read_exact(&mut [0; 4]).await?;
                assert!(reader.reunite(other_writer).is_ok());
                assert!(writer.reunite(other_reader).is_ok());
                Ok(())
            })
        }
    };
}

mod tcp {
    use super::*;
    halves!(tcp_halves);
}

#[cfg(unix)]
mod unix {
    use super::*;
    halves!(unix_halves);
}
