//! `UdpSocket`: datagrams, whole or cut, one for each receive.

use std::cell::RefCell;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use oneloop::Interest;
use oneloop::net::UdpSocket;

use common::sockets::{self, LIMIT, Outcome, run, settle, uninterrupted, within};

async fn bind() -> std::io::Result<(UdpSocket, SocketAddr)> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let addr = socket.local_addr()?;
    Ok((socket, addr))
}

fn std_socket() -> std::io::Result<std::net::UdpSocket> {
    let socket = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.set_read_timeout(Some(LIMIT))?;
    Ok(socket)
}

#[test]
fn datagrams_come_with_their_senders_address() -> Outcome {
    run(async {
        let (server, addr) = bind().await?;
        let mut buf = [0; 64];
        let clients = [std_socket()?, std_socket()?, std_socket()?];
        for (number, client) in clients.iter().enumerate() {
            client.send_to(format!("client {number}").as_bytes(), addr)?;
            let (n, peer) = server.recv_from(&mut buf).await?;
            assert_eq!((&buf[..n], peer), (format!("client {number}").as_bytes(), client.local_addr()?));
            assert_eq!(server.send_to(b"hello", peer).await?, 5);
            let (n, from) = uninterrupted(|| client.recv_from(&mut buf))?;
            assert_eq!((&buf[..n], from), (&b"hello"[..], addr));
        }
        Ok(())
    })
}

#[test]
fn every_form_of_address_can_be_bound_and_sent_to() -> Outcome {
    run(async {
        let (server, addr) = bind().await?;
        let socket = UdpSocket::bind("127.0.0.1:0").await?;
        socket.send_to(b"1", addr.to_string()).await?;
        socket.send_to(b"2", ("127.0.0.1", addr.port())).await?;
        socket.send_to(b"3", &addr).await?;
        #[cfg(feature = "unblock")]
        UdpSocket::bind("localhost:0").await?;
        let mut buf = [0; 8];
        for expected in [b"1", b"2", b"3"] {
            assert_eq!(server.recv_from(&mut buf).await?, (1, socket.local_addr()?));
            assert_eq!(&buf[..1], expected);
        }
        let taken = UdpSocket::bind(addr).await.unwrap_err();
        assert_eq!(taken.kind(), ErrorKind::AddrInUse);
        let unparsable = UdpSocket::bind("127.0.0.1").await.unwrap_err();
        assert_eq!(unparsable.kind(), ErrorKind::InvalidInput);
        Ok(())
    })
}

#[test]
fn a_connected_socket_sends_to_its_peer_and_receives_only_from_it() -> Outcome {
    run(async {
        let ((a, a_addr), (b, b_addr)) = (bind().await?, bind().await?);
        assert_eq!(a.peer_addr().unwrap_err().kind(), ErrorKind::NotConnected);
        a.connect(b_addr).await?;
        assert_eq!(a.peer_addr()?, b_addr);
        b.connect(a_addr.to_string()).await?;
        std_socket()?.send_to(b"stranger", a_addr)?;
        assert_eq!(b.send(b"friend").await?, 6);
        let mut buf = [0; 64];
        let n = a.recv(&mut buf).await?;
        assert_eq!(&buf[..n], b"friend");
        assert_eq!(a.send(b"thanks").await?, 6);
        assert_eq!(b.recv_from(&mut buf).await?, (6, a_addr));
        Ok(())
    })
}

#[test]
fn sending_without_a_peer_is_an_error() -> Outcome {
    run(async {
        let (socket, _) = bind().await?;
        let error = socket.send(b"to whom?").await.unwrap_err();
        assert!(error.raw_os_error().is_some(), "{error}");
        Ok(())
    })
}

/// The system passes the peer's "port unreachable" on to a connected socket, once.
#[cfg(target_os = "linux")]
#[test]
fn a_missing_peer_is_an_error_of_the_next_operation_and_not_the_end() -> Outcome {
    run(async {
        let (socket, addr) = bind().await?;
        for _ in 0..5 {
            // No other test uses this address, so that its port stays free.
            let gone_addr = UdpSocket::bind("127.19.82.1:0").await?.local_addr()?;
            socket.connect(gone_addr).await?;
            let mut buf = [0; 8];
            assert_eq!(socket.try_recv_from(&mut buf).unwrap_err().kind(), ErrorKind::WouldBlock);
            let mut receiving = Box::pin(socket.recv(&mut buf));
            assert!(futures::poll!(&mut receiving).is_pending());
            socket.send(b"anybody there?").await?;
            assert_eq!(receiving.await.unwrap_err().kind(), ErrorKind::ConnectionRefused);
            if common::drivers::on_poll_fallback() {
                return Ok(()); // mio forgets a socket that had an error there
            }
            let (there, there_addr) = bind().await?;
            socket.connect(there_addr).await?;
            let mut receiving = Box::pin(socket.recv(&mut buf));
            assert!(futures::poll!(&mut receiving).is_pending());
            there.send_to(b"yes", addr).await?;
            assert_eq!(receiving.await?, 3);
        }
        Ok(())
    })
}

#[test]
fn bytes_that_do_not_fit_are_lost_and_the_next_datagram_is_whole() -> Outcome {
    run(async {
        let ((server, addr), (client, _)) = (bind().await?, bind().await?);
        client.send_to(b"a long datagram", addr).await?;
        client.send_to(b"", addr).await?;
        client.send_to(b"next", addr).await?;
        let mut buf = [0; 6];
        #[cfg(unix)]
        {
            assert_eq!(server.recv_from(&mut buf).await?.0, 6);
            assert_eq!(&buf, b"a long");
        }
        #[cfg(windows)]
        assert!(server.recv_from(&mut buf).await.is_err()); // it says so there
        assert_eq!(server.recv_from(&mut buf).await?.0, 0, "an empty datagram is one, too");
        assert_eq!(server.recv_from(&mut buf).await?.0, 4);
        assert_eq!(&buf[..4], b"next");
        assert_eq!(server.try_recv_from(&mut buf).unwrap_err().kind(), ErrorKind::WouldBlock);
        Ok(())
    })
}

#[test]
fn a_burst_that_came_in_one_event_is_all_received() -> Outcome {
    run(async {
        let ((server, addr), client) = (bind().await?, std_socket()?);
        let mut buf = [0; 8];
        assert!(futures::poll!(Box::pin(server.recv_from(&mut buf))).is_pending());
        for number in 0..100 {
            client.send_to(&[number], addr)?;
        }
        for number in 0..100 {
            assert_eq!(server.recv_from(&mut buf).await?.0, 1); // each a short one: no short read
            assert_eq!(buf[0], number);
        }
        Ok(())
    })
}

#[test]
fn peeking_takes_nothing() -> Outcome {
    run(async {
        let ((server, addr), (client, client_addr)) = (bind().await?, bind().await?);
        client.send_to(b"hello", addr).await?;
        let mut buf = [0; 64];
        for _ in 0..3 {
            assert_eq!(server.peek_from(&mut buf).await?, (5, client_addr));
            assert_eq!(server.try_peek_from(&mut buf)?, (5, client_addr));
        }
        assert_eq!(server.recv_from(&mut buf).await?, (5, client_addr));
        assert_eq!(&buf[..5], b"hello");
        assert_eq!(server.try_peek_from(&mut buf).unwrap_err().kind(), ErrorKind::WouldBlock);
        Ok(())
    })
}

#[test]
fn trying_says_would_block_and_readable_says_when_to_try_again() -> Outcome {
    run(async {
        let ((server, addr), (client, client_addr)) = (bind().await?, bind().await?);
        let mut buf = [0; 64];
        for _ in 0..10 {
            assert_eq!(server.try_recv_from(&mut buf).unwrap_err().kind(), ErrorKind::WouldBlock);
            let mut readable = server.readable();
            assert!(futures::poll!(&mut readable).is_pending());
            client.writable().await?;
            assert_eq!(client.try_send_to(b"hello", addr)?, 5);
            readable.await?;
            assert_eq!(server.try_recv_from(&mut buf)?, (5, client_addr));
        }
        Ok(())
    })
}

#[test]
fn a_connected_socket_is_tried_without_an_address() -> Outcome {
    run(async {
        let ((a, a_addr), (b, b_addr)) = (bind().await?, bind().await?);
        assert!(a.try_send(b"to whom?").unwrap_err().raw_os_error().is_some());
        a.connect(b_addr).await?;
        b.connect(a_addr).await?;
        let mut buf = [0; 64];
        for _ in 0..10 {
            assert_eq!(b.try_recv(&mut buf).unwrap_err().kind(), ErrorKind::WouldBlock);
            let mut readable = b.readable();
            assert!(futures::poll!(&mut readable).is_pending());
            a.writable().await?;
            assert_eq!(a.try_send(b"first")?, 5);
            assert_eq!(a.try_send(b"second")?, 6);
            readable.await?;
            assert_eq!(b.try_recv(&mut buf)?, 5); // a short one, and yet there is more
            assert_eq!(b.try_recv(&mut buf)?, 6);
            assert_eq!(&buf[..6], b"second");
        }
        Ok(())
    })
}

#[test]
fn several_tasks_receive_and_each_datagram_goes_to_one() -> Outcome {
    run(async {
        let (server, addr) = bind().await?;
        let server = Rc::new(server);
        let got = Rc::new(RefCell::new(Vec::new()));
        let tasks = [(); 4].map(|()| {
            let (server, got) = (server.clone(), got.clone());
            oneloop::spawn(async move {
                let mut buf = [0; 8];
                loop {
                    let (n, _) = server.recv_from(&mut buf).await?;
                    if n == 0 {
                        return Outcome::Ok(());
                    }
                    got.borrow_mut().push(buf[0]);
                }
            })
        });
        settle().await;
        let client = std_socket()?;
        for number in 0..80 {
            client.send_to(&[number], addr)?;
            if number % 20 == 19 {
                settle().await; // waits of one, of several, and a burst
            }
        }
        for _ in 0..4 {
            client.send_to(&[], addr)?;
        }
        for task in tasks {
            within(task).await.unwrap()?;
        }
        let mut got = got.take();
        got.sort();
        assert_eq!(got, (0..80).collect::<Vec<_>>());
        Ok(())
    })
}

mod heap {
    //! An allocator that counts the bytes that each thread holds.

    use std::alloc::{GlobalAlloc, Layout, System};
    use std::cell::Cell;

    struct Counting;

    #[global_allocator]
    static ALLOCATOR: Counting = Counting;

    thread_local! {
        static HELD: Cell<isize> = const { Cell::new(0) };
    }

    fn count(bytes: isize) {
        let _ = HELD.try_with(|held| held.set(held.get() + bytes));
    }

    /// The bytes that this thread has allocated and not freed.
    pub fn held() -> isize {
        HELD.get()
    }

    // SAFETY: every call is passed on to the system's allocator as it is.
    unsafe impl GlobalAlloc for Counting {
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            count(layout.size() as isize);
            // SAFETY: the caller keeps this method's contract, which is the same.
            unsafe { System.alloc(layout) }
        }

        unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
            count(-(layout.size() as isize));
            // SAFETY: the caller keeps this method's contract, which is the same.
            unsafe { System.dealloc(pointer, layout) }
        }
    }
}

/// A socket that all tasks share (think of one that says "shut down") is silent for months while tasks come
/// and go. The reactor must not remember each that ever waited for it, nor search through them.
#[test]
fn tasks_that_ended_while_they_waited_do_not_pile_up() -> Outcome {
    run(async {
        let (socket, _) = bind().await?;
        let socket = Rc::new(socket);
        let come_and_go = async || {
            for _ in 0..1000 {
                let socket = socket.clone();
                let task = oneloop::spawn(async move { socket.recv(&mut [0; 8]).await });
                oneloop::yield_now().await;
                task.abort();
                assert!(task.await.unwrap_err().is_cancelled());
            }
        };
        come_and_go().await;
        let before = heap::held();
        for _ in 0..5 {
            come_and_go().await;
        }
        let grown = heap::held() - before;
        assert!(grown < 4096, "5,000 tasks have left {grown} bytes behind");
        Ok(())
    })
}

#[test]
fn two_that_wait_in_one_task_each_get_a_datagram() -> Outcome {
    run(async {
        let (server, addr) = bind().await?;
        let receive = async || {
            let mut buf = [0; 8];
            server.recv_from(&mut buf).await.map(|_| buf[0])
        };
        let mut both: FuturesUnordered<_> = [receive(), receive()].into_iter().collect();
        assert!(futures::poll!(both.next()).is_pending());
        let client = std_socket()?;
        client.send_to(&[1], addr)?;
        let first = both.next().await.expect("there are two")?;
        assert!(futures::poll!(both.next()).is_pending());
        client.send_to(&[2], addr)?;
        assert_eq!((first, both.next().await.expect("there is one")?), (1, 2));
        Ok(())
    })
}

#[test]
fn one_task_receives_while_another_sends() -> Outcome {
    // At once on their way: no more than the system's buffers hold, or datagrams are lost.
    const WINDOW: usize = 20;
    run(async {
        let ((a, _), (b, b_addr)) = (bind().await?, bind().await?);
        a.connect(b_addr).await?;
        let a = Rc::new(a);
        oneloop::spawn(async move {
            let mut buf = [0; 2048];
            loop {
                let (n, peer) = b.recv_from(&mut buf).await.unwrap();
                b.send_to(&buf[..n], peer).await.unwrap();
            }
        });
        let (came_back, mut arrivals) = futures::channel::mpsc::unbounded();
        oneloop::spawn({
            let a = a.clone();
            async move {
                let mut buf = [0; 2048];
                while let Ok(n) = a.recv(&mut buf).await {
                    came_back.unbounded_send(buf[..n].to_vec()).unwrap();
                }
            }
        });
        for round in 0..10 {
            let datagrams: Vec<_> = (0..WINDOW).map(|n| sockets::pattern(1400, (round + n) as u64)).collect();
            for datagram in &datagrams {
                assert_eq!(a.send(datagram).await?, 1400);
            }
            assert!(datagrams == arrivals.by_ref().take(WINDOW).collect::<Vec<_>>().await);
        }
        Ok(())
    })
}

#[test]
fn a_datagram_that_is_too_large_is_an_error() -> Outcome {
    run(async {
        let ((socket, _), (_other, addr)) = (bind().await?, bind().await?);
        assert!(socket.send_to(&vec![0; 70_000], addr).await.is_err());
        assert_eq!(socket.send_to(b"that fits", addr).await?, 9);
        Ok(())
    })
}

#[test]
fn a_socket_of_std_is_taken_over_and_made_non_blocking() -> Outcome {
    run(async {
        let theirs = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        let addr = theirs.local_addr()?;
        let socket = UdpSocket::try_from(theirs)?;
        let mut buf = [0; 8];
        assert!(
            futures::poll!(Box::pin(socket.recv(&mut buf))).is_pending(),
            "a blocking receive never returns"
        );
        std_socket()?.send_to(b"hello", addr)?;
        assert_eq!(socket.recv(&mut buf).await?, 5);
        #[cfg(unix)]
        {
            let options = socket2::SockRef::from(&socket);
            options.set_broadcast(true)?;
            assert!(options.broadcast()?);
        }
        assert!(socket.take_error()?.is_none());
        Ok(())
    })
}

#[test]
fn ipv6_datagrams() -> Outcome {
    if !sockets::has_ipv6("ipv6_datagrams") {
        return Ok(());
    }
    run(async {
        let (a, b) = (UdpSocket::bind("[::1]:0").await?, UdpSocket::bind("[::1]:0").await?);
        a.send_to(b"six", b.local_addr()?).await?;
        assert_eq!(b.recv_from(&mut [0; 8]).await?, (3, a.local_addr()?));
        Ok(())
    })
}

#[test]
fn peeking_leaves_the_datagram_there() -> Outcome {
    run(async {
        let ((a, _), (b, _)) = (bind().await?, bind().await?);
        a.connect(b.local_addr()?).await?;
        b.connect(a.local_addr()?).await?;
        let mut buf = [0; 16];
        assert_eq!(b.try_peek(&mut buf).unwrap_err().kind(), ErrorKind::WouldBlock);
        let mut peeking = Box::pin(b.peek(&mut buf));
        assert!(futures::poll!(&mut peeking).is_pending());
        a.send(b"hello").await?;
        assert_eq!(within(peeking).await?, 5);
        for _ in 0..3 {
            buf = [0; 16];
            assert_eq!(b.peek(&mut buf).await?, 5);
            assert_eq!(b.try_peek(&mut buf)?, 5);
            assert_eq!(&buf[..5], b"hello");
        }
        assert_eq!(b.recv(&mut buf).await?, 5);
        assert_eq!(b.try_peek(&mut buf).unwrap_err().kind(), ErrorKind::WouldBlock);
        Ok(())
    })
}

#[test]
fn operations_of_the_programs_own_send_and_receive() -> Outcome {
    use std::io::Read;
    run(async {
        let ((a, _), (b, _)) = (bind().await?, bind().await?);
        let to = b.local_addr()?.into();
        let mut buf = [0; 16];
        for _ in 0..10 {
            let mut receive = || (&*socket2::SockRef::from(&b)).read(&mut buf);
            let nothing = b.try_io(Interest::Readable, &mut receive);
            assert_eq!(nothing.unwrap_err().kind(), ErrorKind::WouldBlock);
            let mut receiving = Box::pin(b.async_io(Interest::Readable, receive));
            assert!(futures::poll!(&mut receiving).is_pending());
            std::future::poll_fn(|cx| a.poll_ready(cx, Interest::Writable)).await?;
            let send = || socket2::SockRef::from(&a).send_to(b"hello", &to);
            assert_eq!(a.try_io(Interest::Writable, send)?, 5);
            assert_eq!(within(receiving).await?, 5);
        }
        Ok(())
    })
}
