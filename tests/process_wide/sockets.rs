//! Sockets and pipes give their descriptors back, pass none on, and say when there are none.
#![cfg(target_os = "linux")]

use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::time::Duration;

use oneloop::io::{AsyncReadExt, AsyncWriteExt};
use oneloop::net::{TcpListener, TcpStream, UdpSocket};
use oneloop::pipe::pipe;
use oneloop::{Interest, Runtime, Source};

use crate::clock::Waiting;
use common::sockets::{self, Outcome, full, run, settle, tcp_from_std, tcp_pair, within};

#[test]
fn a_runtime_that_is_dropped_closes_all_that_its_tasks_hold() {
    sockets::in_child("a_runtime_that_is_dropped_closes_all_that_its_tasks_hold", || {
        let before = sockets::open_descriptors();
        for _ in 0..3 {
            let runtime = Runtime::new().unwrap();
            runtime.block_on(async {
                for number in 0..50 {
                    let (mut reader, mut filler) = tcp_pair().await.unwrap();
                    let listener = Rc::new(TcpListener::bind("127.0.0.1:0").await.unwrap());
                    let held = listener.clone();
                    oneloop::spawn(async move { reader.read(&mut [0; 8]).await });
                    oneloop::spawn(async move { held.accept().await });
                    oneloop::spawn(async move { while filler.write(&[0; 4096]).await.is_ok() {} });
                    if number % 2 == 0 {
                        oneloop::spawn(async move {
                            let (read, _write) = tcp_pair().await.unwrap().0.into_split();
                            let _accepted = listener.accept().await;
                            drop(read);
                        });
                    }
                }
                settle().await;
            });
            drop(runtime);
            assert_eq!(sockets::open_descriptors(), before);
        }
    });
}

#[test]
fn dropping_both_halves_closes_the_socket() {
    sockets::in_child("dropping_both_halves_closes_the_socket", || {
        run(async {
            let before = sockets::open_descriptors();
            for order in [true, false] {
                let (client, server) = tcp_from_std().await.unwrap();
                let (read, write) = server.into_split();
                let (first, second): (Box<dyn std::any::Any>, Box<dyn std::any::Any>) =
                    if order { (Box::new(read), Box::new(write)) } else { (Box::new(write), Box::new(read)) };
                drop(first);
                assert_eq!(sockets::open_descriptors(), before + 2);
                drop(second);
                assert_eq!(sockets::open_descriptors(), before + 1);
                drop(client);
            }
        });
    });
}

#[test]
fn pipes_give_their_descriptors_back() {
    sockets::in_child("pipes_give_their_descriptors_back", || {
        run(async {
            drop(pipe().unwrap());
            let before = sockets::open_descriptors();
            for _ in 0..50 {
                let (reader, mut writer) = pipe().unwrap();
                writer.close().await.unwrap();
                drop(reader.into_owned_fd().unwrap());
                drop(pipe().unwrap());
            }
            assert_eq!(sockets::open_descriptors(), before);
        });
    });
}

#[test]
fn sockets_that_leave_take_their_descriptors_along() {
    sockets::in_child("sockets_that_leave_take_their_descriptors_along", || {
        run(async {
            let before = sockets::open_descriptors();
            for _ in 0..50 {
                let (client, server) = tcp_from_std().await.unwrap();
                let (reader, writer) = server.into_split();
                let server = reader.reunite(writer).unwrap().into_std().unwrap();
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap().into_std().unwrap();
                let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap().into_std().unwrap();
                assert_eq!(sockets::open_descriptors(), before + 4);
                drop((client, server, listener, udp));
            }
            assert_eq!(sockets::open_descriptors(), before);
        });
    });
}

#[test]
fn an_attempt_that_is_dropped_is_broken_off_and_leaves_nothing_behind() {
    sockets::in_child("an_attempt_that_is_dropped_is_broken_off_and_leaves_nothing_behind", || {
        run(async {
            let (_socket, addr, _connected) = full().await.unwrap();
            let (mut a, mut b) = sockets::tcp_pair().await.unwrap();
            let before = sockets::open_descriptors();
            for round in 0..20 {
                let mut connecting = Box::pin(TcpStream::connect(addr));
                assert!(futures::poll!(&mut connecting).is_pending());
                assert_eq!(sockets::open_descriptors(), before + 1);
                if round % 2 == 0 {
                    sockets::settle().await;
                }
                drop(connecting);
                assert_eq!(sockets::open_descriptors(), before);
                a.write_all(b"ping").await.unwrap();
                b.read_exact(&mut [0; 4]).await.unwrap();
            }
        });
    });
}

fn pair() -> std::io::Result<(UnixStream, UnixStream)> {
    let (a, b) = UnixStream::pair()?;
    b.set_nonblocking(true)?;
    Ok((a, b))
}

/// The loop sleeps while it has nothing to do.
async fn assert_idle() {
    let waiting = Waiting::begin();
    oneloop::time::sleep(Duration::from_millis(40)).await;
    waiting.assert_slept("with a source that was dropped");
}

/// The kernel knows a watched object by number *and* file. While a duplicate keeps the file alive, its old
/// number may come back with the same file behind it.
#[test]
fn the_number_of_a_dropped_socket_is_watched_again_while_a_duplicate_lives() {
    use oneloop::io::AsyncReadExt;
    sockets::in_child("the_number_of_a_dropped_socket_is_watched_again_while_a_duplicate_lives", || {
        run(async {
            let (mut ours, theirs) = pair().unwrap();
            let duplicate = theirs.try_clone().unwrap();
            let socket = oneloop::net::UnixStream::try_from(theirs).unwrap();
            let number = socket.as_raw_fd();
            drop(socket);

            // The number with another file behind it: none of the old one's events.
            let (mut ours_2, other) = pair().unwrap();
            assert!([ours_2.as_raw_fd(), other.as_raw_fd()].contains(&number));
            let other = Source::new(other).unwrap();
            ours.write_all(b"for the duplicate").unwrap();
            assert!(futures::poll!(other.readable()).is_pending());
            settle().await;
            assert!(futures::poll!(other.readable()).is_pending());
            ours_2.write_all(b"x").unwrap();
            within(other.readable()).await.unwrap();
            drop((other, ours_2));

            // The number with the same file behind it again: as a socket, as a source, and as a socket.
            let again = || {
                // SAFETY: no other code has the number: it was just closed, in a process of one thread.
                assert_eq!(unsafe { libc::dup2(duplicate.as_raw_fd(), number) }, number);
                // SAFETY: the number is open and no other code owns it.
                let again: std::os::fd::OwnedFd = unsafe { std::os::fd::FromRawFd::from_raw_fd(number) };
                UnixStream::from(again)
            };
            for _ in 0..2 {
                let socket = oneloop::net::UnixStream::try_from(again()).unwrap();
                assert_eq!(within((&socket).read(&mut [0; 32])).await.unwrap(), 17);
                ours.write_all(b"more").unwrap();
                assert_eq!(within((&socket).read(&mut [0; 32])).await.unwrap(), 4);
                drop(socket);
                let source = Source::new(again()).unwrap();
                ours.write_all(b"more").unwrap();
                let read = source.async_io(Interest::Readable, |mut io| io.read(&mut [0; 32]));
                assert_eq!(within(read).await.unwrap(), 4);
                drop(source);
                ours.write_all(b"for the duplicate").unwrap();
                assert_idle().await;
            }
            drop((ours, duplicate));
            assert_idle().await;
        });
    });
}

#[test]
fn out_of_descriptors_is_an_error_and_accepting_goes_on_afterwards() {
    sockets::in_child("out_of_descriptors_is_an_error_and_accepting_goes_on_afterwards", || {
        let accept_with_none_left = async {
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            let addr = listener.local_addr()?;
            let (mut a, mut b) = sockets::tcp_pair().await?;
            let mut clients = [(); 3].map(|()| std::net::TcpStream::connect(addr).unwrap());
            for client in &mut clients {
                client.write_all(b"hello")?;
            }
            let (mut left, leaves) = tcp_from_std().await?;
            let mut spare = Vec::new();
            while let Ok(descriptor) = clients[0].try_clone() {
                spare.push(descriptor);
            }
            assert_eq!(leaves.into_std().unwrap_err().raw_os_error(), Some(libc::EMFILE));
            assert_eq!(left.read(&mut [0; 8])?, 0, "a socket that can't leave is closed");
            spare.push(clients[0].try_clone()?);
            for _ in 0..3 {
                for error in [listener.accept().await.unwrap_err(), listener.try_accept().unwrap_err()] {
                    assert_eq!(error.raw_os_error(), Some(libc::EMFILE), "{error}");
                }
                a.write_all(b"those we have are served").await?;
                b.read_exact(&mut [0; 24]).await?;
                settle().await;
            }
            assert!(TcpStream::connect(addr).await.is_err());
            assert!(oneloop::Runtime::new().is_err());
            let mut served = Vec::new();
            for _ in 0..3 {
                spare.pop();
                let (mut stream, peer) = listener.accept().await?;
                stream.read_exact(&mut [0; 5]).await?;
                served.push((stream, peer));
            }
            assert!(clients.iter().all(|c| served.iter().any(|(_, peer)| c.local_addr().unwrap() == *peer)));
            Outcome::Ok(())
        };
        let (_, hard) = rlimit::Resource::NOFILE.get().unwrap();
        rlimit::Resource::NOFILE.set(64, hard).unwrap();
        run(accept_with_none_left).unwrap();
    });
}

#[test]
fn no_descriptor_is_inherited_by_programs_that_are_started() {
    sockets::in_child("no_descriptor_is_inherited_by_programs_that_are_started", || {
        let before: Vec<i32> = open_numbers();
        run(async {
            let path = sockets::SocketPath::default();
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let tcp = tcp_pair().await.unwrap();
            let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
            let unix_listener = oneloop::net::UnixListener::bind(&path).unwrap();
            let unix = oneloop::net::UnixStream::connect(&path).await.unwrap();
            let accepted = unix_listener.accept().await.unwrap();
            let datagrams = oneloop::net::UnixDatagram::pair().unwrap();
            for number in open_numbers().into_iter().filter(|number| !before.contains(number)) {
                // SAFETY: a call without pointers; a number that is not open is an error.
                let flags = unsafe { libc::fcntl(number, libc::F_GETFD) };
                assert!(flags == -1 || flags & libc::FD_CLOEXEC != 0, "descriptor {number}");
            }
            drop((listener, tcp, udp, unix, accepted, datagrams));
        });
    });
}

fn open_numbers() -> Vec<i32> {
    let entries = std::fs::read_dir("/proc/self/fd").unwrap();
    entries.map(|entry| entry.unwrap().file_name().to_str().unwrap().parse().unwrap()).collect()
}
