//! A thousand clients at once, and each byte right.

use std::cell::Cell;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::{Arc, Barrier};

use futures::future::join_all;
use oneloop::io::{AsyncReadExt, AsyncWriteExt};
use oneloop::net::{TcpListener, TcpStream};

use common::sockets::{self, LIMIT, Outcome, pattern, run, uninterrupted};

/// Each has two descriptors, and the tests of this file run at the same time.
fn clients() -> usize {
    sockets::need_descriptors(4_500);
    sockets::many(1000)
}

/// Serves echo; `open` and `most` count connections.
async fn serve(listener: TcpListener, open: Rc<Cell<usize>>, most: Rc<Cell<usize>>) -> Outcome {
    loop {
        let (mut stream, _) = listener.accept().await?;
        let (open, most) = (open.clone(), most.clone());
        open.set(open.get() + 1);
        most.set(most.get().max(open.get()));
        oneloop::spawn(async move {
            let mut buf = [0; 512];
            while let Ok(n @ 1..) = stream.read(&mut buf).await {
                if stream.write_all(&buf[..n]).await.is_err() {
                    break; // a client that didn't wait for its answer
                }
            }
            open.set(open.get() - 1);
        });
    }
}

/// Many blocking sockets in one thread: all of them write before any of them reads.
fn std_clients(addr: SocketAddr, first: usize, count: usize, all: &Barrier) -> Outcome {
    let mut streams = Vec::new();
    for _ in 0..count {
        let stream = std::net::TcpStream::connect(addr)?;
        stream.set_read_timeout(Some(LIMIT))?;
        streams.push(stream);
    }
    for round in 0..3 {
        let message = |client: usize| pattern(50 + client % 1500, (client * 100 + round) as u64);
        for (index, stream) in streams.iter_mut().enumerate() {
            stream.write_all(&message(first + index))?;
        }
        for (index, stream) in streams.iter_mut().enumerate() {
            let expected = message(first + index);
            let mut got = vec![0; expected.len()];
            stream.read_exact(&mut got)?;
            assert!(got == expected, "client {}, round {round}", first + index);
        }
        all.wait(); // after the first round all the clients of all threads are being served
    }
    // Half of them end politely, the others just go.
    for stream in streams.iter_mut().step_by(2) {
        stream.shutdown(std::net::Shutdown::Write)?;
        assert_eq!(uninterrupted(|| stream.read(&mut [0; 8]))?, 0);
    }
    Ok(())
}

#[test]
fn a_thousand_clients_of_std_at_once() -> Outcome {
    const THREADS: usize = 4;
    run(async {
        let each = clients() / THREADS;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let addr = listener.local_addr()?;
        let (open, most) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
        let serving = oneloop::spawn(serve(listener, open.clone(), most.clone()));
        let all = Arc::new(Barrier::new(THREADS));
        let threads: Vec<_> = (0..THREADS)
            .map(|number| {
                let (done, is_done) = futures::channel::oneshot::channel();
                let all = all.clone();
                let thread = std::thread::spawn(move || {
                    let result = std_clients(addr, number * each, each, &all);
                    let _ = done.send(());
                    result
                });
                (thread, is_done)
            })
            .collect();
        for (thread, is_done) in threads {
            let _ = is_done.await;
            thread.join().expect("a thread of clients")?;
        }
        while open.get() > 0 {
            sockets::settle().await;
        }
        assert_eq!(most.get(), THREADS * each);
        assert!(!serving.is_finished());
        Ok(())
    })
}

#[test]
fn a_thousand_clients_and_their_server_on_one_loop() -> Outcome {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let addr = listener.local_addr()?;
        let (open, most) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
        oneloop::spawn(serve(listener, open.clone(), most.clone()));
        let count = clients();
        let done = Rc::new(Cell::new(0));
        let tasks = (0..count).map(|number| {
            let done = done.clone();
            oneloop::spawn(async move {
                let mut stream = TcpStream::connect(addr).await?;
                for round in 0..3 {
                    let message = pattern(1 + (number * 7) % 1200, (number * 10 + round) as u64);
                    stream.write_all(&message).await?;
                    let mut got = vec![0; message.len()];
                    stream.read_exact(&mut got).await?;
                    assert!(got == message, "client {number}, round {round}");
                }
                done.set(done.get() + 1);
                while done.get() < count {
                    sockets::settle().await;
                }
                stream.close().await?;
                assert_eq!(stream.read(&mut [0; 8]).await?, 0);
                Outcome::Ok(())
            })
        });
        for task in join_all(tasks).await {
            task.unwrap()?;
        }
        while open.get() > 0 {
            sockets::settle().await;
        }
        assert_eq!(most.get(), count);
        Ok(())
    })
}

#[test]
fn clients_that_come_and_go_leave_room_for_the_next() -> Outcome {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let addr = listener.local_addr()?;
        let (open, most) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
        oneloop::spawn(serve(listener, open.clone(), most));
        for wave in 0..10u8 {
            let tasks = (0..50u8).map(|number| {
                oneloop::spawn(async move {
                    let mut stream = TcpStream::connect(addr).await?;
                    let mut got = [0; 2];
                    stream.write_all(&[wave, number]).await?;
                    if number % 5 == 0 {
                        return Ok(()); // without waiting for the answer
                    }
                    stream.read_exact(&mut got).await?;
                    assert_eq!(got, [wave, number]);
                    Outcome::Ok(())
                })
            });
            for task in join_all(tasks).await {
                task.unwrap()?;
            }
        }
        Ok(())
    })
}
