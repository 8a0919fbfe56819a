//! Not every program ignores SIGPIPE: a host in C, or one that sets it back to end quietly in a shell's pipe. Writing to a peer that
//! has closed must be an error there, too.
#![cfg(unix)]

use std::io::IoSlice;

use oneloop::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use oneloop::net::UnixStream;

use common::sockets::{self, run, tcp_pair};

fn with_deadly_sigpipe(test: &str, body: impl FnOnce()) {
    sockets::in_child(test, || {
        // SAFETY: the default action is no function of ours that could be unsound.
        unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
        body();
    });
}

async fn write_plain<S: AsyncRead + AsyncWrite + Unpin>((mut ours, theirs): (S, S)) {
    drop(theirs);
    while ours.write(b"anybody there?").await.is_ok() {
        oneloop::yield_now().await;
    }
}

async fn write_vectored<S: AsyncRead + AsyncWrite + Unpin>((mut ours, theirs): (S, S)) {
    drop(theirs);
    let text = [IoSlice::new(b"anybody "), IoSlice::new(b"there?")];
    while ours.write_vectored(&text).await.is_ok() {
        oneloop::yield_now().await;
    }
}

#[test]
fn tcp_write_is_an_error() {
    with_deadly_sigpipe("tcp_write_is_an_error", || {
        run(async { write_plain(tcp_pair().await.unwrap()).await });
        run(async {
            let (ours, _) = tcp_pair().await.unwrap();
            while ours.try_write(b"anybody there?").is_ok() {
                oneloop::yield_now().await;
            }
        });
    });
}

#[test]
fn tcp_vectored_write_is_an_error() {
    with_deadly_sigpipe("tcp_vectored_write_is_an_error", || {
        run(async { write_vectored(tcp_pair().await.unwrap()).await });
    });
}

#[test]
fn unix_write_is_an_error() {
    with_deadly_sigpipe("unix_write_is_an_error", || {
        run(async { write_plain(UnixStream::pair().unwrap()).await });
        run(async {
            let (ours, _) = UnixStream::pair().unwrap();
            assert!(ours.try_write(b"anybody there?").is_err());
        });
    });
}

#[test]
fn unix_vectored_write_is_an_error() {
    with_deadly_sigpipe("unix_vectored_write_is_an_error", || {
        run(async { write_vectored(UnixStream::pair().unwrap()).await });
    });
}
