//! What only streams promise that go both ways: a direction ends without the other, and a stream can
//! be used in two halves.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::rc::Rc;

use futures::future::{join, join_all, try_join};
use oneloop::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::kinds::{BothWays, Kind, ReadEnd, StdStream, Stream};
use super::*;
use common::sockets::{is_shut_down, pattern};

pub async fn a_pair_talks_both_ways<K: BothWays>() -> Outcome {
    let (mut a, mut b) = K::streams().await?;
    for round in 0..100u8 {
        a.write_all(&[round; 10]).await?;
        let mut buf = [0; 10];
        b.read_exact(&mut buf).await?;
        b.write_all(&buf).await?;
        a.read_exact(&mut buf).await?;
        assert_eq!(buf, [round; 10]);
    }
    Ok(())
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
async fn half_close<K: BothWays>(size: usize, order: Client) -> Outcome {
    let bytes = pattern(size, size as u64);
    let (mut client, accept) = K::client().await?;
    let write = move |client: &mut K::Std| {
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
    let mut server = accept.await?;
    let mut reading = Box::pin(read_all(server.reading()));
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

pub async fn the_end_is_seen_when_a_client_writes_and_at_once_shuts_down<K: BothWays>() -> Outcome {
    for round in 0..30 {
        for size in SIZES {
            half_close::<K>(size, Client::First).await?;
            half_close::<K>(size, Client::Second).await?;
            if round < 10 {
                half_close::<K>(size, Client::Any).await?;
            }
        }
    }
    Ok(())
}

pub async fn a_half_closed_stream_answers<K: BothWays>() -> Outcome {
    let (mut client, mut server) = K::stream_from_std().await?;
    client.write_all(b"question")?;
    client.shutdown(Shutdown::Write)?;
    let mut text = Vec::new();
    server.read_to_end(&mut text).await?;
    server.write_all(&text).await?;
    server.close().await?;
    let mut answer = Vec::new();
    client.read_to_end(&mut answer)?;
    assert_eq!(answer, b"question");
    Ok(())
}

pub async fn eight_mebibytes_go_both_ways_at_once<K: BothWays>() -> Outcome {
    async fn send(stream: &impl Stream, bytes: &[u8]) -> Outcome {
        stream.writing().write_all(bytes).await?;
        stream.writing().close().await
    }
    /// Reads to the end, and compares as it goes.
    async fn receive(stream: &impl Stream, mut expected: &[u8]) -> Outcome {
        let mut buf = vec![0; 16 << 10];
        loop {
            match stream.reading().read(&mut buf).await? {
                0 => break,
                n => assert!(expected.split_off(..n).is_some_and(|piece| piece == &buf[..n])),
            }
        }
        assert!(expected.is_empty(), "{} bytes are missing", expected.len());
        Ok(())
    }
    let (a, b) = K::streams().await?;
    let (there, back) = (pattern(8 << 20, 1), pattern(8 << 20, 2));
    let sending = try_join(send(&a, &there), send(&b, &back));
    let receiving = try_join(receive(&a, &back), receive(&b, &there));
    try_join(sending, receiving).await.map(drop)
}

pub async fn many_reads_that_are_ready_at_once_are_all_answered<K: BothWays>() -> Outcome {
    let mut pairs = Vec::new();
    for number in 0..100u8 {
        let (mut client, server) = K::stream_from_std().await?;
        client.write_all(&[number])?;
        pairs.push((client, server));
    }
    // More at once than the budget of one poll allows, in one task.
    let answers = pairs.iter().map(|(_, server)| async move {
        let mut byte = [0];
        server.reading().read_exact(&mut byte).await?;
        server.writing().write_all(&byte).await?;
        io::Result::Ok(byte[0])
    });
    let all: Result<Vec<_>, _> = join_all(answers).await.into_iter().collect();
    assert!(all?.into_iter().eq(0..100));
    for (number, (client, _)) in (0..).zip(&mut pairs) {
        let mut byte = [0];
        client.read_exact(&mut byte)?;
        assert_eq!(byte, [number]);
    }
    Ok(())
}

pub async fn peek_takes_nothing<K: BothWays>() -> Outcome {
    let (mut client, mut server) = K::stream_from_std().await?;
    let mut buf = [0; 64];
    let mut peeking = Box::pin(server.peek(&mut buf));
    assert!(futures::poll!(&mut peeking).is_pending());
    client.write_all(b"hello")?;
    assert_eq!(within(peeking).await?, 5);
    for _ in 0..3 {
        assert_eq!(server.peek(&mut buf).await?, 5); // the buffer is larger: not a short read
    }
    assert_eq!(server.peek(&mut buf[..2]).await?, 2);
    assert_eq!(server.read(&mut buf).await?, 5);
    assert_eq!(&buf[..5], b"hello");
    client.shutdown(Shutdown::Write)?;
    assert_eq!(within(server.peek(&mut buf)).await?, 0);
    assert_eq!(server.read(&mut buf).await?, 0);
    Ok(())
}

pub async fn a_closed_peer_is_the_end_for_reads_and_an_error_of_the_write<K: BothWays>() -> Outcome {
    for written_first in [false, true] {
        let (client, mut server) = K::stream_from_std().await?;
        drop(client);
        if !written_first {
            assert_eq!(within(server.read(&mut [0; 8])).await?, 0);
        }
        let error = error_of_writing(&mut server).await;
        assert!(K::is_broken(error.kind(), false), "{error}");
        let read = within(server.read(&mut [0; 8])).await;
        // TCP's write was answered with a reset, and the error of the write has told of that.
        assert!(matches!(read, Ok(0)) || K::LATE && K::is_broken(read.unwrap_err().kind(), true));
    }
    // Not so TCP, which has to ask: here already the first write is one.
    if !K::LATE {
        for vectored in [false, true] {
            let (client, mut server) = K::stream_from_std().await?;
            client.shutdown(Shutdown::Both)?; // of all its copies
            drop(client);
            let written = match vectored {
                false => server.write(b"x").await,
                true => server.write_vectored(&[IoSlice::new(b"x")]).await,
            };
            assert_eq!(written.unwrap_err().kind(), ErrorKind::BrokenPipe);
            assert_eq!(server.read(&mut [0; 8]).await?, 0);
        }
    }
    Ok(())
}

pub async fn a_peer_that_leaves_unread_bytes_behind_is_a_reset<K: BothWays>() -> Outcome {
    let (mut client, mut server) = K::stream_from_std().await?;
    server.write_all(b"never read").await?;
    client.read_exact(&mut [0])?; // so the others have arrived, too
    drop(client);
    K::assert_reset(within(server.read(&mut [0; 8])).await);
    Ok(())
}

pub async fn closing_leaves_the_other_direction_open<K: BothWays>() -> Outcome {
    let (mut a, mut b) = K::streams().await?;
    a.close().await?;
    a.close().await?;
    assert!(is_shut_down(&a.write(b"x").await.unwrap_err()));
    assert_eq!(b.read(&mut [0; 8]).await?, 0);
    b.write_all(b"still open this way").await?;
    drop(b);
    assert_eq!(read_all(a.reading()).await?, b"still open this way");
    settle().await;
    a.close().await // there is no other side any more
}

pub async fn shutting_down_wakes_our_own_reader<K: BothWays>() -> Outcome {
    for how in [Shutdown::Both, Shutdown::Read] {
        let (_client, server) = K::stream_from_std().await?;
        let server = Rc::new(server);
        let reading = oneloop::spawn({
            let server = server.clone();
            async move { server.reading().read(&mut [0; 8]).await }
        });
        settle().await;
        assert!(!reading.is_finished());
        server.shutdown(how)?;
        assert_eq!(within(reading).await.unwrap()?, 0);
    }
    Ok(())
}

pub async fn each_direction_is_shut_down_for_itself<K: BothWays>() -> Outcome {
    let (mut a, mut b) = K::streams().await?;
    a.shutdown(Shutdown::Read)?;
    assert_eq!(a.read(&mut [0; 8]).await?, 0);
    a.write_all(b"out").await?;
    b.read_exact(&mut [0; 3]).await?;
    a.shutdown(Shutdown::Write)?;
    assert_eq!(b.read(&mut [0; 8]).await?, 0);
    assert!(is_shut_down(&a.write(b"x").await.unwrap_err()));
    Ok(())
}

pub async fn a_std_stream_that_is_taken_over_talks_both_ways<K: BothWays>() -> Outcome {
    let (client, mut server) = K::stream_from_std().await?;
    let mut client = K::take_over(client)?;
    assert!(would_block(client.try_read(&mut [0; 8])), "a blocking read never returns");
    let (mut a, mut b) = ([0; 4], [0; 4]);
    let (read, written) = join(client.read_exact(&mut a), server.write_all(b"ping")).await;
    read.and(written)?;
    let (read, written) = join(server.read_exact(&mut b), client.write_all(b"pong")).await;
    read.and(written)?;
    assert_eq!((&a, &b), (b"ping", b"pong"));
    Ok(())
}

pub async fn both_traits_can_be_used_through_one_trait_object<K: BothWays>() -> Outcome {
    trait Object: AsyncRead + AsyncWrite + Unpin {}
    impl<T: AsyncRead + AsyncWrite + Unpin> Object for T {}
    let (a, b) = K::streams().await?;
    let (mut a, mut b): (Box<dyn Object>, Box<dyn Object>) = (Box::new(a), Box::new(b));
    a.write_all(b"hello").await?;
    b.read_exact(&mut [0; 5]).await?;
    b.write_all(b"back").await?;
    a.read_exact(&mut [0; 4]).await
}

pub async fn the_halves_work_in_different_tasks<K: BothWays>() -> Outcome {
    let (a, b) = K::streams().await?;
    let bytes = pattern(2 << 20, 1);
    let (mut a_read, mut a_write) = a.into_split();
    let (b_read, mut b_write) = b.into_split();
    let echo = oneloop::spawn(async move { oneloop::io::copy(b_read, &mut b_write).await });
    let writing = oneloop::spawn({
        let bytes = bytes.clone();
        async move { a_write.write_all(&bytes).await } // and the half is dropped
    });
    let mut back = Vec::new();
    a_read.read_to_end(&mut back).await?;
    assert!(back == bytes);
    writing.await.unwrap()?;
    assert_eq!(echo.await.unwrap()?, bytes.len() as u64);
    Ok(())
}

pub async fn dropping_the_writing_half_ends_what_is_written_and_reading_goes_on<K: BothWays>() -> Outcome {
    let (mut client, server) = K::stream_from_std().await?;
    let (mut read, mut write) = server.into_split();
    write.write_all(b"last words").await?;
    drop(write);
    let mut text = String::new();
    client.read_to_string(&mut text)?;
    assert_eq!(text, "last words");
    client.write_all(b"answer")?;
    drop(client);
    text.clear();
    read.read_to_string(&mut text).await?;
    assert_eq!(text, "answer");
    Ok(())
}

pub async fn dropping_the_reading_half_leaves_the_writing_half_alone<K: BothWays>() -> Outcome {
    let (mut client, server) = K::stream_from_std().await?;
    let (read, mut write) = server.into_split();
    drop(read);
    write.write_all(b"still here").await?;
    drop(write);
    let mut text = String::new();
    client.read_to_string(&mut text)?;
    assert_eq!(text, "still here");
    Ok(())
}

pub async fn dropping_the_writing_half_of_a_broken_connection_is_quiet<K: BothWays>() -> Outcome {
    let (client, server) = K::stream_from_std().await?;
    let (mut read, mut write) = server.into_split();
    K::reset(client)?;
    K::assert_reset(within(read.read(&mut [0; 8])).await);
    write.close().await?; // the peer's end has come already
    drop(write);
    Ok(())
}

pub async fn closing_the_writing_half_and_then_dropping_it_ends_once<K: BothWays>() -> Outcome {
    let (a, mut b) = K::streams().await?;
    let (mut read, mut write) = a.into_split();
    write.close().await?;
    assert_eq!(b.read(&mut [0; 8]).await?, 0);
    drop(write);
    b.write_all(b"x").await?;
    read.read_exact(&mut [0; 1]).await
}

pub async fn the_split_of_the_io_module_works_on_our_streams<K: BothWays>() -> Outcome {
    let (a, b) = K::streams().await?;
    let bytes = pattern(1 << 20, 2);
    let (mut read, mut write) = oneloop::io::split(a);
    let echo = oneloop::spawn(async move { oneloop::io::copy(b.reading(), b.writing()).await });
    let writing = async {
        write.write_all(&bytes).await?;
        write.close().await
    };
    let mut back = vec![0; bytes.len()];
    let (written, read) = join(writing, read.read_exact(&mut back)).await;
    written.and(read)?;
    assert!(back == bytes);
    assert_eq!(echo.await.unwrap()?, bytes.len() as u64);
    Ok(())
}

pub async fn one_task_reads_while_another_writes_through_shared_references<K: BothWays>() -> Outcome {
    let (mut client, server) = K::stream_from_std().await?;
    let echo = std::thread::spawn(move || {
        let mut buf = [0; 4096];
        loop {
            match uninterrupted(|| client.read(&mut buf))? {
                0 => return Outcome::Ok(()),
                n => client.write_all(&buf[..n])?,
            }
        }
    });
    let server = Rc::new(server);
    let bytes = pattern(1 << 20, 5);
    let reader = oneloop::spawn({
        let server = server.clone();
        async move {
            let mut all = Vec::new();
            server.reading().read_to_end(&mut all).await.map(|_| all)
        }
    });
    server.writing().write_all(&bytes).await?;
    server.writing().close().await?;
    assert!(reader.await.unwrap()? == bytes);
    echo.join().expect("the echo thread")
}
