//! A stream in two halves: `into_split`, `io::split`, and shared references.

use std::io::{Read, Write};
use std::rc::Rc;

use futures::future::join;
use oneloop::io::{AsyncReadExt, AsyncWriteExt};

use common::sockets::{self, Outcome, pattern, run, tcp_from_std, tcp_pair};

#[test]
fn the_halves_work_in_different_tasks() -> Outcome {
    run(async {
        let (a, b) = tcp_pair().await?;
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
    })
}

#[test]
fn dropping_the_writing_half_ends_what_is_written_and_reading_goes_on() -> Outcome {
    run(async {
        let (mut client, server) = tcp_from_std().await?;
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
    })
}

#[test]
fn dropping_the_reading_half_leaves_the_writing_half_alone() -> Outcome {
    run(async {
        let (mut client, server) = tcp_from_std().await?;
        let (read, mut write) = server.into_split();
        drop(read);
        write.write_all(b"still here").await?;
        drop(write);
        let mut text = String::new();
        client.read_to_string(&mut text)?;
        assert_eq!(text, "still here");
        Ok(())
    })
}

#[test]
fn dropping_the_writing_half_of_a_broken_connection_is_quiet() -> Outcome {
    run(async {
        let (client, server) = tcp_from_std().await?;
        socket2::SockRef::from(&client).set_linger(Some(std::time::Duration::ZERO))?;
        let (mut read, mut write) = server.into_split();
        drop(client);
        sockets::assert_reset(read.read(&mut [0; 8]).await);
        write.close().await?; // there is nobody left to tell
        drop(write);
        Ok(())
    })
}

#[test]
fn closing_the_writing_half_and_then_dropping_it_ends_once() -> Outcome {
    run(async {
        let (a, mut b) = tcp_pair().await?;
        let (mut read, mut write) = a.into_split();
        write.close().await?;
        assert_eq!(b.read(&mut [0; 8]).await?, 0);
        drop(write);
        b.write_all(b"x").await?;
        read.read_exact(&mut [0; 1]).await
    })
}

#[test]
fn the_halves_give_the_whole_stream_for_its_other_methods() -> Outcome {
    run(async {
        let (client, server) = tcp_from_std().await?;
        let (read, write) = server.into_split();
        assert_eq!(read.as_ref().peer_addr()?, client.local_addr()?);
        write.as_ref().set_nodelay(true)?;
        assert!(read.as_ref().nodelay()?);
        assert!(format!("{read:?} {write:?}").contains("WriteHalf"));
        (&client).write_all(b"x")?;
        read.as_ref().readable().await?;
        assert_eq!(read.as_ref().peek(&mut [0; 8]).await?, 1);
        Ok(())
    })
}

#[test]
fn the_split_of_the_io_module_works_on_our_streams() -> Outcome {
    run(async {
        let (a, b) = tcp_pair().await?;
        let bytes = pattern(1 << 20, 2);
        let (mut read, mut write) = oneloop::io::split(a);
        let echo = oneloop::spawn(async move { oneloop::io::copy(&b, &b).await });
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
    })
}

#[test]
fn one_task_reads_while_another_writes_through_shared_references() -> Outcome {
    run(async {
        let (client, server) = tcp_from_std().await?;
        let echo = std::thread::spawn(move || {
            let mut buf = [0; 4096];
            loop {
                match sockets::uninterrupted(|| (&client).read(&mut buf))? {
                    0 => return Ok::<_, std::io::Error>(()),
                    n => (&client).write_all(&buf[..n])?,
                }
            }
        });
        let server = Rc::new(server);
        let bytes = pattern(1 << 20, 5);
        let reader = oneloop::spawn({
            let server = server.clone();
            async move {
                let mut all = Vec::new();
                (&*server).read_to_end(&mut all).await.map(|_| all)
            }
        });
        (&*server).write_all(&bytes).await?;
        (&*server).close().await?;
        assert!(reader.await.unwrap()? == bytes);
        echo.join().expect("the echo thread")
    })
}

#[cfg(unix)]
#[test]
fn unix_streams_split_as_well() -> Outcome {
    run(async {
        let (a, mut b) = oneloop::net::UnixStream::pair()?;
        let (mut read, mut write) = a.into_split();
        write.write_all(b"there").await?;
        drop(write);
        let mut text = Vec::new();
        b.read_to_end(&mut text).await?;
        b.write_all(b" and back").await?;
        drop(b);
        read.read_to_end(&mut text).await?;
        assert_eq!(text, b"there and back");
        Ok(())
    })
}
