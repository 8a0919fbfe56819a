//! `AsyncRead` and `AsyncWrite` of every stream: each byte once, in order, and then the end. Above all the
//! short-read rule: a read that fills part of its buffer has drained the socket, but not always.

use std::io::{IoSlice, IoSliceMut, Read, Write};
use std::net::Shutdown;

use futures::future::{join, try_join};
use oneloop::io::{
    AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader, BufWriter,
};
use oneloop::net::{TcpListener, TcpStream};

use common::sockets::{self, Outcome, pattern, run, settle, tcp_from_std, tcp_pair, uninterrupted};

const BUFFER: usize = 1024;

/// Reads to the end through a buffer of `BUFFER` bytes.
async fn read_all(mut stream: impl AsyncRead + Unpin) -> std::io::Result<Vec<u8>> {
    let mut all = Vec::new();
    let mut buf = [0; BUFFER];
    loop {
        match stream.read(&mut buf).await? {
            0 => return Ok(all),
            n => all.extend_from_slice(&buf[..n]),
        }
    }
}

/// When the client of a half-close test writes.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Client {
    /// Before the server accepts it.
    First,
    /// While the server waits for its bytes.
    Second,
    /// From another thread, at any time.
    Any,
}

/// A client writes `size` bytes and at once shuts down. The server reads them back to it.
async fn half_close(listener: &TcpListener, size: usize, order: Client) -> Outcome {
    let bytes = pattern(size, size as u64);
    let mut client = std::net::TcpStream::connect(listener.local_addr()?)?;
    client.set_read_timeout(Some(sockets::LIMIT))?;
    let write = move |client: &mut std::net::TcpStream| {
        client.write_all(&pattern(size, size as u64)).and_then(|()| client.shutdown(Shutdown::Write))
    };
    let mut thread = None;
    match order {
        Client::First => write(&mut client)?,
        Client::Second => {}
        Client::Any => {
            let mut client = client.try_clone()?;
            thread = Some(std::thread::spawn(move || write(&mut client)));
        }
    }
    let (mut server, _) = listener.accept().await?;
    let mut reading = Box::pin(read_all(&server));
    if order == Client::Second {
        assert!(futures::poll!(&mut reading).is_pending());
        write(&mut client)?;
    }
    let read = reading.await?;
    assert!(read == bytes, "{} of {size} bytes, {order:?}", read.len());
    if let Some(thread) = thread {
        thread.join().expect("the client's thread")?;
    }
    server.write_all(&read).await?;
    drop(server);
    let mut echoed = Vec::new();
    client.read_to_end(&mut echoed)?;
    assert!(echoed == bytes, "{} of {size} bytes came back, {order:?}", echoed.len());
    Ok(())
}

#[test]
fn the_end_is_seen_when_a_client_writes_and_at_once_shuts_down() -> Outcome {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        for round in 0..30 {
            for size in [0, 1, BUFFER - 1, BUFFER, BUFFER + 1, 3 * BUFFER - 1, 3 * BUFFER, 3 * BUFFER + 1] {
                half_close(&listener, size, Client::First).await?;
                half_close(&listener, size, Client::Second).await?;
                if round < 10 {
                    half_close(&listener, size, Client::Any).await?;
                }
            }
        }
        Ok(())
    })
}

#[test]
fn the_end_is_seen_when_it_comes_after_the_bytes_were_read() -> Outcome {
    run(async {
        for _ in 0..50 {
            let (mut client, mut server) = tcp_from_std().await?;
            let mut buf = [0; BUFFER];
            client.write_all(b"short")?;
            assert_eq!(server.read(&mut buf).await?, 5);
            let mut end = Box::pin(server.read(&mut buf));
            assert!(futures::poll!(&mut end).is_pending());
            client.shutdown(Shutdown::Write)?;
            assert_eq!(end.await?, 0);
        }
        Ok(())
    })
}

#[test]
fn the_end_is_reported_as_often_as_one_asks() -> Outcome {
    run(async {
        let (client, mut server) = tcp_from_std().await?;
        drop(client);
        for _ in 0..300 {
            assert_eq!(server.read(&mut [0; 8]).await?, 0); // more often than the budget
        }
        Ok(())
    })
}

#[test]
fn eight_mebibytes_go_both_ways_at_once() -> Outcome {
    async fn send(mut stream: &TcpStream, bytes: &[u8]) -> Outcome {
        stream.write_all(bytes).await?;
        stream.close().await
    }
    /// Reads to the end, and compares as it goes.
    async fn receive(mut stream: &TcpStream, mut expected: &[u8]) -> Outcome {
        let mut buf = vec![0; 16 << 10];
        loop {
            match stream.read(&mut buf).await? {
                0 => break,
                n => assert!(expected.split_off(..n).is_some_and(|piece| piece == &buf[..n])),
            }
        }
        assert!(expected.is_empty(), "{} bytes are missing", expected.len());
        Ok(())
    }
    run(async {
        let (a, b) = tcp_pair().await?;
        let (there, back) = (pattern(8 << 20, 1), pattern(8 << 20, 2));
        let sending = try_join(send(&a, &there), send(&b, &back));
        let receiving = try_join(receive(&a, &back), receive(&b, &there));
        try_join(sending, receiving).await.map(drop)
    })
}

#[test]
fn a_writer_that_filled_the_socket_goes_on_when_it_is_drained() -> Outcome {
    run(async {
        let (mut client, mut server) = tcp_from_std().await?;
        for round in 0..5 {
            let (mut sent, bytes) = (0, pattern(64 << 10, round));
            // Until one write is short and the next waits.
            while let std::task::Poll::Ready(n) = futures::poll!(server.write(&bytes)) {
                sent += n?;
            }
            let mut received = 0;
            let mut buf = vec![0; 256 << 10];
            let more = server.write_all(b"more");
            let read = async {
                while received < sent {
                    let most = (sent - received).min(256 << 10);
                    received += uninterrupted(|| client.read(&mut buf[..most]))?;
                    oneloop::yield_now().await;
                }
                Ok::<_, std::io::Error>(())
            };
            let (wrote, read) = join(more, read).await;
            wrote.and(read)?;
            client.read_exact(&mut buf[..4])?;
            assert_eq!(&buf[..4], b"more");
        }
        Ok(())
    })
}

#[test]
fn a_vectored_writer_that_filled_the_socket_goes_on_when_it_is_drained() -> Outcome {
    run(async {
        let (mut client, mut server) = tcp_from_std().await?;
        let bytes = pattern(100_000, 4);
        let pieces = [&bytes[..1], &bytes[1..33_333], &bytes[33_333..]].map(IoSlice::new);
        let mut sent = Vec::new();
        while let std::task::Poll::Ready(n) = futures::poll!(server.write_vectored(&pieces)) {
            sent.extend_from_slice(&bytes[..n?]);
        }
        let more = oneloop::spawn(async move { server.write_vectored(&[IoSlice::new(b"more")]).await });
        let mut received = vec![0; sent.len() + 4];
        client.read_exact(&mut received[..sent.len()])?;
        assert_eq!(more.await.unwrap()?, 4);
        client.read_exact(&mut received[sent.len()..])?;
        sent.extend_from_slice(b"more");
        assert!(received == sent);
        Ok(())
    })
}

#[test]
fn one_byte_at_a_time() -> Outcome {
    run(async {
        let (mut a, mut b) = tcp_pair().await?;
        let bytes = pattern(3000, 7);
        let write = async {
            for byte in &bytes {
                assert_eq!(a.write(std::slice::from_ref(byte)).await?, 1);
            }
            a.close().await
        };
        let read = async {
            let mut all = Vec::new();
            let mut byte = [0];
            while b.read(&mut byte).await? == 1 {
                all.push(byte[0]);
            }
            Ok::<_, std::io::Error>(all)
        };
        let (written, read) = join(write, read).await;
        written?;
        assert_eq!(read?, bytes);
        Ok(())
    })
}

#[test]
fn reads_and_writes_of_nothing_are_done_at_once() -> Outcome {
    run(async {
        let (mut a, mut b) = tcp_pair().await?;
        assert_eq!(a.read(&mut []).await?, 0);
        assert_eq!(a.write(&[]).await?, 0);
        assert_eq!(a.read_vectored(&mut []).await?, 0);
        assert_eq!(a.write_vectored(&[IoSlice::new(&[]), IoSlice::new(&[])]).await?, 0);
        assert_eq!(a.try_read(&mut [])?, 0);
        assert_eq!(a.try_write(&[])?, 0);
        a.flush().await?;
        // And nothing has happened to the connection.
        b.write_all(b"x").await?;
        assert_eq!(a.read(&mut [0; 8]).await?, 1);
        Ok(())
    })
}

#[test]
fn vectored_reads_see_the_end_too() -> Outcome {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        for size in [1, 11, 12, 13, 14, 15, 16, 27, 28, 40] {
            let mut client = std::net::TcpStream::connect(listener.local_addr()?)?;
            let (mut server, _) = listener.accept().await?;
            let bytes = pattern(size, 3);
            let (mut all, mut buf) = (Vec::new(), [0; 14]);
            let mut first = true;
            loop {
                let mut slices: Vec<_> = buf.chunks_mut(5).map(IoSliceMut::new).collect();
                let mut read = Box::pin(server.read_vectored(&mut slices));
                if std::mem::take(&mut first) {
                    assert!(futures::poll!(&mut read).is_pending());
                    client.write_all(&bytes)?;
                    client.shutdown(Shutdown::Write)?;
                }
                let n = read.await?;
                if n == 0 {
                    break;
                }
                all.extend_from_slice(&buf[..n]);
            }
            assert_eq!(all, bytes);
        }
        Ok(())
    })
}

#[test]
fn vectored_writes_join_their_pieces() -> Outcome {
    run(async {
        let (mut a, b) = tcp_pair().await?;
        let pieces = [&b"one"[..], b"", b" two", b" three"];
        assert_eq!(a.write_vectored(&pieces.map(IoSlice::new)).await?, 13);
        a.close().await?;
        assert_eq!(read_all(b).await?, b"one two three");
        Ok(())
    })
}

/// The system takes 1,024 pieces at once on Linux. To have moved less than was asked is no short write then.
#[test]
fn more_pieces_than_the_system_takes_at_once_are_no_short_write() -> Outcome {
    run(async {
        let (mut a, b) = tcp_pair().await?;
        let bytes = pattern(5000, 9);
        let reading = oneloop::spawn(read_all(b));
        let mut rest: &[u8] = &bytes;
        while !rest.is_empty() {
            let pieces: Vec<_> = rest.chunks(1).map(IoSlice::new).collect();
            let n = a.write_vectored(&pieces).await?;
            rest = &rest[n..];
        }
        a.close().await?;
        assert_eq!(reading.await.unwrap()?, bytes);
        Ok(())
    })
}

/// See above.
#[test]
fn more_buffers_than_the_system_takes_at_once_are_no_short_read() -> Outcome {
    run(async {
        let (mut client, mut server) = tcp_from_std().await?;
        let bytes = pattern(5000, 9);
        client.write_all(&bytes)?; // and the connection stays open
        let mut all = Vec::new();
        while all.len() < bytes.len() {
            let mut buf = [0; 2000];
            let mut pieces: Vec<_> = buf.chunks_mut(1).map(IoSliceMut::new).collect();
            let n = server.read_vectored(&mut pieces).await?;
            all.extend_from_slice(&buf[..n]);
        }
        assert_eq!(all, bytes);
        Ok(())
    })
}

/// Urgent data (RFC 9293, 3.8.5) makes a read stop short in the middle of what is there.
#[cfg(target_os = "linux")]
#[test]
fn a_read_that_stops_at_urgent_data_is_no_short_read() -> Outcome {
    run(async {
        let (mut client, mut server) = tcp_from_std().await?;
        let mut buf = [0; BUFFER];
        let mut first = Box::pin(server.read(&mut buf));
        assert!(futures::poll!(&mut first).is_pending());
        client.write_all(b"before")?;
        socket2::SockRef::from(&client).send_out_of_band(b"!")?;
        client.write_all(b"after")?;
        let mut n = first.await?;
        while n < 11 {
            n += server.read(&mut buf[n..]).await?; // the urgent byte itself is not in the stream
        }
        assert_eq!(&buf[..n], b"beforeafter");
        Ok(())
    })
}

#[test]
fn buffered_lines_and_copies_work_on_every_stream() -> Outcome {
    run(async {
        let (mut a, b) = tcp_pair().await?;
        a.write_all(b"one\ntwo\nthree").await?;
        a.close().await?;
        let lines: Vec<_> = futures::TryStreamExt::try_collect(BufReader::new(b).lines()).await?;
        assert_eq!(lines, ["one", "two", "three"]);

        let (a, b) = tcp_pair().await?;
        let (c, d) = tcp_pair().await?;
        let bytes = pattern(300_000, 11);
        let relay = oneloop::spawn(async move {
            let copied = oneloop::io::copy(&b, &c).await?;
            drop(c);
            Ok::<_, std::io::Error>(copied)
        });
        let writing = async {
            let mut writer = BufWriter::new(&a);
            for chunk in bytes.chunks(777) {
                writer.write_all(chunk).await?;
            }
            writer.close().await
        };
        let (wrote, read) = join(writing, read_all(d)).await;
        wrote?;
        assert!(read? == bytes);
        assert_eq!(relay.await.unwrap()?, 300_000);
        Ok(())
    })
}

#[test]
fn writing_after_close_is_an_error_and_closing_twice_is_not() -> Outcome {
    run(async {
        let (mut a, mut b) = tcp_pair().await?;
        a.close().await?;
        a.close().await?;
        assert!(sockets::is_shut_down(&a.write(b"x").await.unwrap_err()));
        assert_eq!(b.read(&mut [0; 8]).await?, 0);
        b.write_all(b"still open this way").await?;
        drop(b);
        assert_eq!(read_all(&a).await?, b"still open this way");
        settle().await;
        a.close().await // there is no other side any more
    })
}

#[test]
fn the_traits_can_be_used_through_trait_objects() -> Outcome {
    trait Stream: AsyncRead + AsyncWrite + Unpin {}
    impl<T: AsyncRead + AsyncWrite + Unpin> Stream for T {}
    run(async {
        let (a, b) = tcp_pair().await?;
        let (mut a, mut b): (Box<dyn Stream>, Box<dyn Stream>) = (Box::new(a), Box::new(b));
        a.write_all(b"hello").await?;
        b.read_exact(&mut [0; 5]).await
    })
}
