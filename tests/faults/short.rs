//! Short reads and short writes, at every turn: sockets whose buffers are as small as the system makes them, with plain and
//! vectored operations of awkward sizes, through TCP, Unix streams and pipes, both ways at once. Every byte arrives, in its
//! place.
#![cfg(unix)]

use std::io::{IoSlice, IoSliceMut};
use std::os::fd::AsFd;

use futures::future::{join, try_join_all};
use oneloop::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use oneloop::net::UnixStream;

use common::sockets::{Outcome, pattern, run, tcp_pair};

const BYTES: usize = 300_000;

/// How the bytes are moved.
#[derive(Clone, Copy, Debug)]
enum Way {
    Plain,
    Vectored,
}

/// Sizes of pieces that fit nothing.
fn sizes(seed: u64) -> impl Iterator<Item = usize> {
    (seed..).map(|n| 1 + (n.wrapping_mul(2_654_435_761) % 9973) as usize)
}

/// As small as the system allows: some kilobytes. The side that sends is enough for short writes, and those make short
/// reads; if a TCP receiver had room for less than a packet, the system's timers would have to help each one along.
fn shrink(socket: &impl AsFd) -> Outcome {
    socket2::SockRef::from(socket).set_send_buffer_size(1)
}

/// Writes everything; returns how many of the writes were short.
async fn send(mut to: impl AsyncWrite + Unpin, bytes: &[u8], way: Way, seed: u64) -> std::io::Result<usize> {
    let (mut sent, mut short) = (0, 0);
    for size in sizes(seed) {
        let piece = &bytes[sent..bytes.len().min(sent + 3 * size)];
        if piece.is_empty() {
            break;
        }
        let n = match way {
            Way::Plain => to.write(piece).await?,
            Way::Vectored => {
                let (a, rest) = piece.split_at(piece.len() / 3);
                let (b, c) = rest.split_at(rest.len() / 5);
                to.write_vectored(&[a, &[], b, c].map(IoSlice::new)).await?
            }
        };
        short += usize::from(n < piece.len());
        sent += n;
    }
    to.close().await?;
    Ok(short)
}

/// Reads to the end; returns how many of the reads were short.
async fn receive(
    mut from: impl AsyncRead + Unpin,
    bytes: &[u8],
    way: Way,
    seed: u64,
) -> std::io::Result<usize> {
    let (mut buf, mut all, mut short) = (vec![0; 40_000], Vec::new(), 0);
    for size in sizes(seed + 77) {
        let n = match way {
            Way::Plain => from.read(&mut buf[..4 * size]).await?,
            Way::Vectored => {
                let (a, b) = buf[..4 * size].split_at_mut(size);
                from.read_vectored(&mut [a, &mut [], b].map(IoSliceMut::new)).await?
            }
        };
        if n == 0 {
            break;
        }
        short += usize::from(n < 4 * size);
        all.extend_from_slice(&buf[..n]);
    }
    assert!(all == bytes, "{} bytes of {} arrived, or others", all.len(), bytes.len());
    Ok(short)
}

/// Both ways at once. Returns how many operations were short.
async fn both_ways<S>(a: S, b: S, way: Way, seed: u64) -> std::io::Result<usize>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (there, back) = (pattern(BYTES, seed), pattern(BYTES, seed + 1));
    let (a_read, a_write) = oneloop::io::split(a);
    let (b_read, b_write) = oneloop::io::split(b);
    let one = join(send(a_write, &there, way, seed), receive(b_read, &there, way, seed));
    let other = join(send(b_write, &back, way, seed + 1), receive(a_read, &back, way, seed + 1));
    let ((sent, received), (answered, heard)) = join(one, other).await;
    Ok(sent? + received? + answered? + heard?)
}

/// Ten pairs at once, each both ways; of all operations many must have been short, or nothing was tested.
fn many<S, F>(pair: impl Fn() -> F) -> Outcome
where
    S: AsyncRead + AsyncWrite + AsFd + Unpin + 'static,
    F: Future<Output = std::io::Result<(S, S)>>,
{
    run(async {
        let mut tasks = Vec::new();
        for seed in 0..10 {
            let (a, b) = pair().await?;
            shrink(&a)?;
            shrink(&b)?;
            let way = if seed % 2 == 0 { Way::Plain } else { Way::Vectored };
            tasks.push(oneloop::spawn(both_ways(a, b, way, 100 * seed)));
        }
        let short = try_join_all(tasks).await.expect("no task panics");
        let short = short.into_iter().sum::<std::io::Result<usize>>()?;
        println!("{short} operations were short for {} bytes", 20 * BYTES);
        assert!(short >= 100, "only {short} operations were short");
        Ok(())
    })
}

#[test]
fn tcp_streams_with_tiny_buffers_lose_nothing() -> Outcome {
    many(tcp_pair)
}

#[test]
fn unix_streams_with_tiny_buffers_lose_nothing() -> Outcome {
    many(async || UnixStream::pair())
}

#[test]
fn pipes_lose_nothing() -> Outcome {
    run(async {
        let mut short = 0;
        for (seed, way) in [(1, Way::Plain), (2, Way::Vectored)] {
            let bytes = pattern(BYTES, seed);
            let (reader, writer) = oneloop::pipe::pipe()?;
            let (sent, received) =
                join(send(writer, &bytes, way, seed), receive(reader, &bytes, way, seed)).await;
            short += sent? + received?;
        }
        assert!(short >= 10, "only {short} operations were short");
        Ok(())
    })
}
