//! This file connects to one of several addresses, as RFC 8305 ("Happy Eyeballs") says.

use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use oneloop::net::TcpStream;
use oneloop::time::timeout;

/// The number of addresses of one name that are tried. It bounds the sockets that one request opens.
const ADDRESSES_MAX: usize = 32;

type Attempt = Pin<Box<dyn Future<Output = io::Result<TcpStream>>>>;

/// Connects to the address that answers first.
///
/// An attempt begins when the attempt before it fails, or `pause` after that attempt began. Attempts
/// continue until one succeeds. The two families take turns, and the family of the first address is
/// tried first.
///
/// # Errors
///
/// The error has the kind of the last failure and a text that names each address and its failure.
///
/// # Cancel safety
///
/// Dropping the future closes all sockets.
pub(super) async fn connect(addrs: Vec<SocketAddr>, pause: Duration) -> io::Result<TcpStream> {
    let mut next = interleaved(addrs).into_iter().take(ADDRESSES_MAX);
    let mut attempts: Vec<(SocketAddr, Attempt)> = Vec::new();
    let mut failures = Vec::new();
    loop {
        if let Some(addr) = next.next() {
            attempts.push((addr, Box::pin(TcpStream::connect(addr))));
        }
        if attempts.is_empty() {
            return Err(all_failed(failures));
        }
        let ended = one_ended(&mut attempts);
        let ended = match next.len() {
            0 => ended.await,
            _ => match timeout(pause, ended).await {
                Ok(ended) => ended,
                Err(_) => continue, // The next attempt begins beside the pending ones.
            },
        };
        match ended {
            (_, Ok(stream)) => return Ok(stream),
            (addr, Err(error)) => failures.push((addr, error)),
        }
    }
}

/// Waits until one attempt has ended, and removes it. Each wake-up polls all attempts, because they are
/// few.
async fn one_ended(attempts: &mut Vec<(SocketAddr, Attempt)>) -> (SocketAddr, io::Result<TcpStream>) {
    poll_fn(|cx| {
        for index in 0..attempts.len() {
            if let Poll::Ready(result) = attempts[index].1.as_mut().poll(cx) {
                let (addr, _) = attempts.remove(index);
                return Poll::Ready((addr, result));
            }
        }
        Poll::Pending
    })
    .await
}

/// Returns the addresses with their families in turn. The order within a family stays.
fn interleaved(addrs: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first_is_v4 = addrs.first().is_some_and(SocketAddr::is_ipv4);
    let (first, second): (Vec<_>, Vec<_>) = addrs.into_iter().partition(|addr| addr.is_ipv4() == first_is_v4);
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut mixed = Vec::with_capacity(first.len() + second.len());
    while first.len() + second.len() > 0 {
        mixed.extend(first.next());
        mixed.extend(second.next());
    }
    mixed
}

fn all_failed(failures: Vec<(SocketAddr, io::Error)>) -> io::Error {
    let Some((_, last)) = failures.last() else {
        return io::Error::new(io::ErrorKind::NotFound, "there is no address to try");
    };
    let kind = last.kind();
    let texts: Vec<String> = failures.iter().map(|(addr, error)| format!("{addr}: {error}")).collect();
    io::Error::new(kind, texts.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addrs(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| text.parse().expect("an address")).collect()
    }

    #[test]
    fn families_take_turns_and_the_first_address_stays_first() {
        let v6_first = addrs(&["[::1]:1", "[::2]:1", "[::3]:1", "1.0.0.1:1", "1.0.0.2:1"]);
        let mixed = addrs(&["[::1]:1", "1.0.0.1:1", "[::2]:1", "1.0.0.2:1", "[::3]:1"]);
        assert_eq!(interleaved(v6_first), mixed);
        let v4_first = addrs(&["1.0.0.1:1", "[::1]:1", "[::2]:1"]);
        assert_eq!(interleaved(v4_first), addrs(&["1.0.0.1:1", "[::1]:1", "[::2]:1"]));
        assert_eq!(interleaved(Vec::new()), Vec::new());
    }
}
