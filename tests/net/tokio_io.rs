//! tokio's traits on our streams, with the feature `tokio-io`: tokio's own readers, writers and copies work with
//! them, and no byte of a buffer is written but those that were read.
#![cfg(feature = "tokio-io")]

use std::future::poll_fn;
use std::io::{self, ErrorKind, IoSlice, Write};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use futures::FutureExt;
use futures::future::{join, try_join};
use oneloop::net::TcpStream;
#[cfg(unix)]
use oneloop::net::UnixStream;
use tokio::io::{
    AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader, ReadBuf, copy,
    copy_bidirectional,
};

use common::sockets::{Outcome, pattern, run, settle, tcp_from_std, tcp_pair, within};

/// More than any buffer of the system holds.
const MUCH: usize = 8 << 20;

/// What tokio's functions want of a stream.
trait Stream: AsyncRead + AsyncWrite + Unpin {}
impl<S: AsyncRead + AsyncWrite + Unpin> Stream for S {}

/// Makes a test of each promise for TCP and for Unix streams.
macro_rules! test_each_stream {
    ($($promise:ident)*) => {
        mod tcp {
            $(#[test]
            fn $promise() -> super::Outcome {
                super::run(async {
                    let (a, b) = super::tcp_pair().await?;
                    super::$promise(a, b).await
                })
            })*
        }
        #[cfg(unix)]
        mod unix {
            $(#[test]
            fn $promise() -> super::Outcome {
                super::run(async {
                    let (a, b) = super::UnixStream::pair()?;
                    super::$promise(a, b).await
                })
            })*
        }
    };
}

test_each_stream! {
    bytes_go_both_ways_and_shutting_down_is_their_end
    much_is_copied_both_ways_at_once
    lines_and_sizes_are_read_through_tokios_buffer
    only_the_bytes_that_came_count_as_initialised
    a_buffer_that_was_filled_in_part_keeps_what_it_had
    a_poll_in_vain_leaves_the_buffer_alone_and_one_later_is_woken
    several_buffers_are_written_at_once
    trait_objects_read_and_write
    both_crates_traits_are_called_by_their_paths
    a_closed_peer_is_an_error_of_the_write
}

async fn bytes_go_both_ways_and_shutting_down_is_their_end(
    mut a: impl Stream,
    mut b: impl Stream,
) -> Outcome {
    for round in 0..100u8 {
        a.write_all(&[round; 10]).await?;
        let mut buf = [0; 10];
        b.read_exact(&mut buf).await?;
        assert_eq!(buf, [round; 10]);
        b.write_u32(u32::from(round)).await?;
        b.flush().await?;
        assert_eq!(a.read_u32().await?, u32::from(round));
    }
    a.write_all(b"the last").await?;
    a.shutdown().await?;
    a.shutdown().await?;
    let mut text = String::new();
    within(b.read_to_string(&mut text)).await?;
    assert_eq!(text, "the last");
    assert_eq!(b.read(&mut [0; 8]).await?, 0);
    b.write_all(b"still open this way").await?;
    drop(b);
    let mut rest = Vec::new();
    within(a.read_to_end(&mut rest)).await?;
    assert_eq!(rest, b"still open this way");
    Ok(())
}

/// Through a proxy in the middle: `a`, `b`, and two more.
async fn much_is_copied_both_ways_at_once(a: impl Stream, mut b: impl Stream) -> Outcome {
    let (mut c, d) = tcp_pair().await?;
    let proxy = copy_bidirectional(&mut b, &mut c);
    let talk = |mut stream: Box<dyn Stream>, seed| async move {
        let (mut read, mut write) = tokio::io::split(&mut stream);
        let (ours, theirs) = (pattern(MUCH, seed), pattern(MUCH, 3 - seed));
        let writing = async {
            write.write_all(&ours).await?;
            write.shutdown().await
        };
        let mut all = Vec::new();
        try_join(writing, read.read_to_end(&mut all)).await?;
        assert!(all == theirs, "{} bytes", all.len());
        io::Result::Ok(())
    };
    let (a, d): (Box<dyn Stream + '_>, Box<dyn Stream>) = (Box::new(a), Box::new(d));
    let (copied, talks) = join(proxy, join(talk(a, 1), talk(d, 2))).await;
    talks.0.and(talks.1)?;
    assert_eq!(copied?, (MUCH as u64, MUCH as u64));
    Ok(())
}

async fn lines_and_sizes_are_read_through_tokios_buffer(mut a: impl Stream, b: impl Stream) -> Outcome {
    a.write_all(b"one\ntwo\nrest").await?;
    a.shutdown().await?;
    let mut lines = BufReader::with_capacity(2, b).lines();
    let mut all = Vec::new();
    while let Some(line) = within(lines.next_line()).await? {
        all.push(line);
    }
    assert_eq!(all, ["one", "two", "rest"]);
    Ok(())
}

/// Nothing else was written: no zeros, however large the buffer.
async fn only_the_bytes_that_came_count_as_initialised(mut a: impl Stream, mut b: impl Stream) -> Outcome {
    for size in [1, 5, 6, 1 << 20] {
        let mut memory = vec![MaybeUninit::uninit(); size];
        a.write_all(b"hello").await?;
        let mut left: &[u8] = b"hello";
        while !left.is_empty() {
            let mut buf = ReadBuf::uninit(&mut memory);
            within(poll_fn(|cx| Pin::new(&mut b).poll_read(cx, &mut buf))).await?;
            assert_eq!(buf.initialized().len(), buf.filled().len());
            assert!(!buf.filled().is_empty(), "there is more to come");
            left = left.strip_prefix(buf.filled()).expect("the bytes that were written");
        }
    }
    drop(a);
    let mut memory = [MaybeUninit::uninit(); 8];
    let mut buf = ReadBuf::uninit(&mut memory);
    within(poll_fn(|cx| Pin::new(&mut b).poll_read(cx, &mut buf))).await?;
    assert!(buf.initialized().is_empty());
    Ok(())
}

async fn a_buffer_that_was_filled_in_part_keeps_what_it_had(
    mut a: impl Stream,
    mut b: impl Stream,
) -> Outcome {
    a.write_all(b"hello, world").await?;
    let mut memory = [b'.'; 10];
    let mut buf = ReadBuf::new(&mut memory);
    buf.put_slice(b"<<<");
    let mut seen = 3;
    while buf.remaining() > 0 {
        within(poll_fn(|cx| Pin::new(&mut b).poll_read(cx, &mut buf))).await?;
        assert!(buf.filled().len() > seen, "nothing came");
        seen = buf.filled().len();
    }
    assert_eq!(buf.filled(), b"<<<hello, ");
    // A full buffer takes nothing, at once.
    let full = poll_fn(|cx| Pin::new(&mut b).poll_read(cx, &mut buf)).now_or_never();
    assert!(full.expect("there is nothing to wait for").is_ok());
    let mut rest = [0; 5];
    within(b.read_exact(&mut rest)).await?;
    assert_eq!(&rest, b"world");

    // Initialised beyond what is filled: it stays so.
    a.write_all(b"x").await?;
    let mut memory = [b'.'; 4];
    let mut buf = ReadBuf::new(&mut memory);
    within(poll_fn(|cx| Pin::new(&mut b).poll_read(cx, &mut buf))).await?;
    assert_eq!((buf.filled(), buf.initialized()), (&b"x"[..], &b"x..."[..]));
    Ok(())
}

async fn a_poll_in_vain_leaves_the_buffer_alone_and_one_later_is_woken(
    mut a: impl Stream,
    mut b: impl Stream,
) -> Outcome {
    for round in 0..20u8 {
        let mut memory = [MaybeUninit::uninit(); 8];
        let mut buf = ReadBuf::uninit(&mut memory);
        let mut reading = Box::pin(poll_fn(|cx| Pin::new(&mut b).poll_read(cx, &mut buf)));
        assert!(futures::poll!(&mut reading).is_pending());
        if round % 2 == 0 {
            drop(reading); // and has taken nothing
            assert!(buf.initialized().is_empty());
            a.write_all(&[round]).await?;
            assert_eq!(within(b.read_u8()).await?, round);
        } else {
            a.write_all(&[round]).await?;
            within(reading).await?;
            assert_eq!(buf.filled(), [round]);
        }
    }
    Ok(())
}

async fn several_buffers_are_written_at_once(mut a: impl Stream, mut b: impl Stream) -> Outcome {
    assert!(a.is_write_vectored());
    let pieces = [IoSlice::new(b""), IoSlice::new(b"head"), IoSlice::new(b"body")];
    assert_eq!(a.write_vectored(&pieces).await?, 8);
    let mut all = [0; 8];
    within(b.read_exact(&mut all)).await?;
    assert_eq!(&all, b"headbody");
    Ok(())
}

async fn trait_objects_read_and_write(a: impl Stream, b: impl Stream) -> Outcome {
    let (mut a, mut b): (Box<dyn Stream + '_>, Box<dyn Stream + '_>) = (Box::new(a), Box::new(b));
    a.write_all(b"hello").await?;
    let mut text = Vec::with_capacity(64);
    assert_eq!(within(b.read_buf(&mut text)).await?, 5);
    assert_eq!(text, b"hello");
    Ok(())
}

async fn both_crates_traits_are_called_by_their_paths<S>(mut a: S, mut b: S) -> Outcome
where
    S: Stream + oneloop::io::AsyncRead + oneloop::io::AsyncWrite,
{
    #[allow(unused_imports)] // as a module has them that needs both
    use oneloop::io::{AsyncReadExt as _, AsyncWriteExt as _};

    tokio::io::AsyncWriteExt::write_all(&mut a, b"from tokio").await?;
    let mut text = [0; 10];
    within(oneloop::io::AsyncReadExt::read_exact(&mut b, &mut text)).await?;
    assert_eq!(&text, b"from tokio");
    oneloop::io::AsyncWriteExt::write_all(&mut b, b"to tokio..").await?;
    within(tokio::io::AsyncReadExt::read_exact(&mut a, &mut text)).await?;
    assert_eq!(&text, b"to tokio..");
    Ok(())
}

async fn a_closed_peer_is_an_error_of_the_write(mut a: impl Stream, b: impl Stream) -> Outcome {
    drop(b);
    let error = loop {
        match within(a.write(b"x")).await {
            Ok(n) => assert_eq!(n, 1), // TCP learns it from the answer to a write
            Err(error) => break error,
        }
        settle().await;
    };
    assert!(matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset), "{error}");
    Ok(())
}

#[test]
fn halves_are_copied_and_the_writing_one_ends_the_stream_when_it_is_dropped() -> Outcome {
    run(async {
        let (a, b) = tcp_pair().await?;
        let (mut a_read, mut a_write) = a.into_split();
        let (mut b_read, mut b_write) = b.into_split();
        let echo = oneloop::spawn(async move { copy(&mut b_read, &mut b_write).await });
        let bytes = pattern(MUCH, 1);
        let writing = oneloop::spawn({
            let bytes = bytes.clone();
            async move {
                assert!(a_write.is_write_vectored());
                a_write.write_all(&bytes).await
            }
        });
        let mut back = Vec::new();
        a_read.read_to_end(&mut back).await?;
        assert!(back == bytes);
        writing.await.unwrap()?;
        assert_eq!(echo.await.unwrap()?, bytes.len() as u64);
        Ok(())
    })
}

#[test]
fn one_task_reads_while_another_writes_through_shared_references() -> Outcome {
    run(async {
        let (mut client, server) = tcp_from_std().await?;
        let server = Rc::new(server);
        let reading = oneloop::spawn({
            let server = server.clone();
            async move { (&*server).read_u8().await }
        });
        settle().await;
        (&*server).write_all(b"written meanwhile").await?;
        assert!(!reading.is_finished());
        client.write_all(&[7])?;
        assert_eq!(within(reading).await.unwrap()?, 7);
        AsyncWriteExt::shutdown(&mut &*server).await?; // the stream has one of its own
        let mut text = String::new();
        io::Read::read_to_string(&mut client, &mut text)?;
        assert_eq!(text, "written meanwhile");
        Ok(())
    })
}

/// A task whose every poll finds bytes shares the loop.
#[test]
fn a_reader_that_always_finds_bytes_gives_way() -> Outcome {
    run(async {
        let (mut client, mut server) = tcp_from_std().await?;
        client.write_all(&[7; 1000])?;
        within(server.readable()).await?;
        let mut cx = Context::from_waker(Waker::noop());
        let mut byte = [0];
        let polls = (0..1000).take_while(|_| {
            let read = Pin::new(&mut server).poll_read(&mut cx, &mut ReadBuf::new(&mut byte));
            matches!(read, Poll::Ready(Ok(())))
        });
        assert!(polls.count() < 1000);
        Ok(())
    })
}

#[test]
fn a_stream_whose_runtime_was_dropped_gives_an_error() -> Outcome {
    let (_client, mut server): (_, TcpStream) = oneloop::block_on(tcp_from_std())?;
    run(async {
        let error = within(server.read(&mut [0; 8])).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Other);
        Ok(())
    })
}

#[cfg(unix)]
mod pipes {
    use super::*;
    use oneloop::pipe::pipe;

    #[test]
    fn much_goes_through_and_shutting_down_closes_the_writing_end() -> Outcome {
        run(async {
            let (mut reader, mut writer) = pipe()?;
            assert!(writer.is_write_vectored());
            let bytes = pattern(MUCH, 1);
            let writing = async {
                writer.write_all(&bytes).await?;
                writer.flush().await?;
                writer.shutdown().await?;
                assert_eq!(writer.write(b"more").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
                writer.shutdown().await
            };
            let mut all = Vec::new();
            try_join(writing, reader.read_to_end(&mut all)).await?;
            assert!(all == bytes);
            Ok(())
        })
    }

    /// Zeros are written into a part of the buffer, and the bytes that came stand in front.
    #[test]
    fn a_large_buffer_is_filled_with_zeros_in_its_front_only() -> Outcome {
        run(async {
            let (reader, mut writer) = pipe()?;
            writer.write_all(b"hello").await?;
            let mut memory = vec![MaybeUninit::uninit(); 1 << 20];
            let mut buf = ReadBuf::uninit(&mut memory);
            within(poll_fn(|cx| Pin::new(&mut &reader).poll_read(cx, &mut buf))).await?;
            assert_eq!(buf.filled(), b"hello");
            assert_eq!(buf.initialized().len(), 64 << 10);
            Ok(())
        })
    }
}
