//! Reads into memory that need not be initialised: `poll_read_uninit`, and what is built as it is.

use std::cell::Cell;
use std::future::poll_fn;
use std::io::Write;
use std::mem::MaybeUninit;
use std::net::Shutdown;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use super::kinds::{BothWays, ReadEnd, StdStream, Stream};
use super::*;
use common::sockets::pattern;

/// What stands in memory that the test says is not initialised.
const BEFORE: u8 = 0xa5;

/// Reads once, into memory of `size` bytes, and returns what came. The rest is as it was.
async fn read_once(stream: &impl Stream, size: usize) -> io::Result<Vec<u8>> {
    let mut buf = vec![MaybeUninit::new(BEFORE); size];
    let read = poll_fn(|cx| stream.poll_read_uninit(cx, &mut buf).map_ok(|bytes| bytes.to_vec())).await?;
    // SAFETY: it was initialised when it was made.
    let buf: Vec<u8> = buf.iter().map(|byte| unsafe { byte.assume_init() }).collect();
    assert_eq!(buf[..read.len()], read, "the result is not the front of the buffer");
    assert!(buf[read.len()..].iter().all(|&byte| byte == BEFORE), "bytes behind the result were written");
    Ok(read)
}

/// Polls once, with a waker that does nothing.
fn poll_once(stream: &impl Stream, buf: &mut [MaybeUninit<u8>]) -> Poll<io::Result<usize>> {
    let read = stream.poll_read_uninit(&mut Context::from_waker(Waker::noop()), buf);
    read.map_ok(|bytes| bytes.len())
}

/// Reads to the end, into memory that was never written to.
async fn read_to_end(stream: &impl Stream, size: usize) -> io::Result<Vec<u8>> {
    let mut all = Vec::new();
    loop {
        let mut buf = Vec::with_capacity(size);
        let read = poll_fn(|cx| {
            let room = &mut buf.spare_capacity_mut()[..size];
            stream.poll_read_uninit(cx, room).map_ok(|bytes| {
                all.extend_from_slice(bytes);
                bytes.len()
            })
        });
        if within(read).await? == 0 {
            return Ok(all);
        }
    }
}

pub async fn a_read_returns_the_bytes_that_it_has_initialised_and_leaves_the_rest<K: BothWays>() -> Outcome {
    let (mut client, server) = K::stream_from_std().await?;
    for size in [1, 5, 6, 64, 100_000] {
        client.write_all(b"hello")?;
        let mut text = Vec::new();
        while text.len() < 5 {
            text.extend(within(read_once(&server, size)).await?);
        }
        assert_eq!(text, b"hello", "with {size} bytes");
    }
    drop(client);
    assert_eq!(within(read_once(&server, 8)).await?, b"");
    assert_eq!(within(read_once(&server, 8)).await?, b"");
    Ok(())
}

pub async fn every_byte_arrives_in_order_in_memory_that_was_not_initialised<K: BothWays>() -> Outcome {
    for size in [BUFFER, 100_000] {
        let (mut client, server) = K::stream_from_std().await?;
        let sent = pattern(1 << 20, size as u64);
        let thread = std::thread::spawn({
            let sent = sent.clone();
            move || client.write_all(&sent)
        });
        let read = read_to_end(&server, size).await?;
        thread.join().expect("the client's thread")?;
        assert!(read == sent, "{} of {} bytes", read.len(), sent.len());
    }
    Ok(())
}

pub async fn the_end_of_a_client_that_writes_and_at_once_shuts_down_is_an_empty_read<K: BothWays>() -> Outcome
{
    for round in 0..30 {
        for size in SIZES {
            for waits in [false, true] {
                let bytes = pattern(size, round);
                let (mut client, accept) = K::client().await?;
                if !waits {
                    client.write_all(&bytes)?;
                    client.shutdown(Shutdown::Write)?;
                }
                let server = accept.await?;
                let mut reading = Box::pin(read_to_end(&server, BUFFER));
                if waits {
                    assert!(futures::poll!(&mut reading).is_pending());
                    client.write_all(&bytes)?;
                    client.shutdown(Shutdown::Write)?;
                }
                let read = reading.await?;
                assert!(read == bytes, "{} of {size} bytes, the server waits: {waits}", read.len());
            }
        }
    }
    Ok(())
}

/// As `poll_read` does, on the same stream: both leave it as ready as the other.
pub async fn a_short_read_clears_the_readiness_where_it_drains<K: BothWays>() -> Outcome {
    let (mut client, server) = K::stream_from_std().await?;
    let mut ready_after = Vec::new();
    for uninit in [false, true] {
        client.write_all(b"hello")?;
        within(server.readable()).await?;
        let read = match uninit {
            false => server.try_read(&mut [0; 8])?,
            true => within(read_once(&server, 8)).await?.len(),
        };
        assert_eq!(read, 5);
        ready_after.push(futures::poll!(&mut server.readable()).is_ready());
        assert!(would_block(server.try_read(&mut [0; 8])));
    }
    assert_eq!(ready_after[0], ready_after[1]);
    Ok(())
}

pub async fn a_read_into_nothing_is_done_at_once_whatever_the_stream_is<K: BothWays>() -> Outcome {
    let (mut client, server) = K::stream_from_std().await?;
    for _ in 0..2 {
        assert!(matches!(poll_once(&server, &mut []), Poll::Ready(Ok(0)))); // it counts as ready, or not
        assert!(poll_once(&server, &mut [MaybeUninit::uninit(); 8]).is_pending());
    }
    client.write_all(b"x")?;
    within(server.readable()).await?;
    assert!(matches!(poll_once(&server, &mut []), Poll::Ready(Ok(0))));
    assert_eq!(within(read_once(&server, 8)).await?, b"x");

    // A system call would say what has become of the connection.
    let (client, server) = K::stream_from_std().await?;
    K::reset(client)?;
    settle().await;
    assert!(matches!(poll_once(&server, &mut []), Poll::Ready(Ok(0))));
    Ok(())
}

pub async fn a_read_waits_for_bytes_and_one_that_gave_up_has_taken_none<K: BothWays>() -> Outcome {
    let (mut client, server) = K::stream_from_std().await?;
    for round in 0..20u8 {
        let mut reading = Box::pin(read_once(&server, 8));
        assert!(futures::poll!(&mut reading).is_pending());
        if round % 2 == 0 {
            drop(reading);
            client.write_all(&[round])?;
            assert_eq!(within(read_once(&server, 8)).await?, [round]);
        } else {
            client.write_all(&[round])?;
            assert_eq!(within(reading).await?, [round]);
        }
    }
    Ok(())
}

pub async fn two_tasks_read_every_byte_once<K: BothWays>() -> Outcome {
    let (mut client, server) = K::stream_from_std().await?;
    let (server, sum) = (Rc::new(server), Rc::new(Cell::new(0)));
    let tasks = [(); 2].map(|()| {
        let (server, sum) = (server.clone(), sum.clone());
        oneloop::spawn(async move {
            loop {
                match &*read_once(&*server, 100).await? {
                    [] => return Outcome::Ok(()),
                    bytes => sum.set(sum.get() + bytes.iter().map(|&byte| u64::from(byte)).sum::<u64>()),
                }
            }
        })
    });
    let bytes = pattern(20_000, 1);
    for piece in bytes.chunks(333) {
        client.write_all(piece)?;
        oneloop::yield_now().await;
    }
    drop(client);
    for task in tasks {
        within(task).await.unwrap()?;
    }
    assert_eq!(sum.get(), bytes.iter().map(|&byte| u64::from(byte)).sum::<u64>());
    Ok(())
}

pub async fn a_task_that_always_finds_bytes_gives_way<K: BothWays>() -> Outcome {
    let (mut client, server) = K::stream_from_std().await?;
    client.write_all(&[7; 1000])?;
    within(server.readable()).await?;
    let others = Rc::new(Cell::new(false));
    oneloop::spawn({
        let others = others.clone();
        async move { others.set(true) }
    });
    let mut left = 1000;
    while left > 0 && !others.get() {
        left -= within(read_once(&server, 1)).await?.len();
    }
    assert!(others.get(), "1000 reads in one poll");
    Ok(())
}

pub async fn a_reset_is_an_error<K: BothWays>() -> Outcome {
    let (client, server) = K::stream_from_std().await?;
    server.writing().write_all(b"never read").await?;
    K::reset(client.try_clone()?)?;
    drop(client);
    K::assert_reset(within(read_once(&server, 8)).await.map(|bytes| bytes.len()));
    Ok(())
}

pub async fn the_half_that_reads_lends_the_stream<K: BothWays>() -> Outcome {
    let (mut client, server) = K::stream_from_std().await?;
    let (reader, _writer) = server.into_split();
    client.write_all(b"hello")?;
    assert_eq!(within(read_once(reader.as_ref(), 8)).await?, b"hello");
    Ok(())
}

/// With more, less and exactly what there is.
pub async fn peek_sees_as_much_as_fits<K: BothWays>() -> Outcome {
    let (mut client, server) = K::stream_from_std().await?;
    let bytes = pattern(10_000, 3);
    client.write_all(&bytes)?;
    for size in [0, 1, 9_999, 10_000, 20_000] {
        let mut buf = vec![BEFORE; size];
        let expected = size.min(bytes.len());
        let mut seen = within(server.peek(&mut buf)).await?;
        while seen < expected {
            settle().await; // it has come in parts
            seen = within(server.peek(&mut buf)).await?;
        }
        assert_eq!(seen, expected);
        assert!(buf[..seen] == bytes[..seen] && buf[seen..].iter().all(|&byte| byte == BEFORE));
    }
    assert!(read_to_end_of(&server, bytes.len()).await? == bytes);
    Ok(())
}

/// Reads as many bytes.
async fn read_to_end_of(stream: &impl Stream, len: usize) -> io::Result<Vec<u8>> {
    let mut all = Vec::new();
    while all.len() < len {
        all.extend(within(read_once(stream, len)).await?);
    }
    Ok(all)
}
