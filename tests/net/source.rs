//! `Source`: I/O objects that oneloop knows nothing about.
#![cfg(unix)]

use std::io::{ErrorKind, PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use futures::FutureExt;
use oneloop::{Driver, Interest, Runtime, Source};

#[cfg(target_os = "linux")]
use crate::clock;
use common::drivers::{on_poll_fallback, one_shot};
use common::sockets::{self, LIMIT, Outcome, run, settle, within};

fn pair() -> std::io::Result<(UnixStream, UnixStream)> {
    let (a, b) = UnixStream::pair()?;
    b.set_nonblocking(true)?;
    Ok((a, b))
}

/// A pipe whose both ends don't block.
fn pipe() -> std::io::Result<(PipeReader, PipeWriter)> {
    let (reader, writer) = std::io::pipe()?;
    set_nonblocking(&reader)?;
    set_nonblocking(&writer)?;
    Ok((reader, writer))
}

fn set_nonblocking(object: &impl AsRawFd) -> Outcome {
    // SAFETY: the object is open, and no pointer is passed.
    match unsafe { libc::fcntl(object.as_raw_fd(), libc::F_SETFL, libc::O_NONBLOCK) } {
        0 => Ok(()),
        _ => Err(std::io::Error::last_os_error()),
    }
}

async fn read<T>(source: &Source<T>, buf: &mut [u8]) -> std::io::Result<usize>
where
    for<'a> &'a T: Read,
{
    source.async_io(Interest::Readable, |mut io| io.read(buf)).await
}

async fn read_shared(source: &Source<Arc<UnixStream>>, buf: &mut [u8]) -> std::io::Result<usize> {
    source.async_io(Interest::Readable, |io| (&mut &**io).read(buf)).await
}

fn would_block<T>(result: std::io::Result<T>) -> bool {
    result.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
}

#[test]
fn a_pipe_is_read_and_written_to_its_end() -> Outcome {
    run(async {
        let (reader, writer) = pipe()?;
        let (reader, writer) = (Source::new(reader)?, Source::new(writer)?);
        let bytes = sockets::pattern(300_000, 1); // more than a pipe holds
        let writing = oneloop::spawn({
            let bytes = bytes.clone();
            async move {
                let mut rest = &bytes[..];
                while !rest.is_empty() {
                    let n = writer.async_io(Interest::Writable, |mut pipe| pipe.write(rest)).await?;
                    rest = &rest[n..];
                }
                Outcome::Ok(())
            }
        });
        let (mut all, mut buf) = (Vec::new(), [0; 7000]);
        loop {
            match read(&reader, &mut buf).await? {
                0 => break,
                n => all.extend_from_slice(&buf[..n]),
            }
        }
        writing.await.unwrap()?;
        assert!(all == bytes);
        Ok(())
    })
}

#[test]
fn a_pipe_without_readers_is_an_error_of_the_write() -> Outcome {
    run(async {
        let (reader, writer) = pipe()?;
        let writer = Source::new(writer)?;
        drop(reader);
        // A process that another test is just starting has a copy of the reader until it runs its own program.
        let give_up_at = Instant::now() + LIMIT;
        let error = loop {
            assert!(Instant::now() < give_up_at, "the pipe has readers still");
            if let Err(error) = writer.async_io(Interest::Writable, |mut pipe| pipe.write(b"x")).await {
                break error;
            }
        };
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
        Ok(())
    })
}

#[test]
fn try_io_asks_only_while_the_object_counts_as_ready() -> Outcome {
    run(async {
        let (mut ours, theirs) = pair()?;
        let source = Source::new(theirs)?;
        let mut buf = [0; 8];
        for _ in 0..10 {
            // Nothing is known of it, or that it isn't ready.
            let never_called = source.try_io(Interest::Readable, |_| -> Outcome { unreachable!() });
            assert!(would_block(never_called));
            let mut readable = source.readable();
            assert!(futures::poll!(&mut readable).is_pending());
            ours.write_all(b"hello")?;
            readable.await?;
            assert_eq!(source.try_io(Interest::Readable, |mut io| io.read(&mut buf))?, 5);
            // Readiness stays until the object says otherwise: there is no short-read rule here.
            assert!(would_block(source.try_io(Interest::Readable, |mut io| io.read(&mut buf))));
        }
        source.writable().await?;
        assert_eq!(source.try_io(Interest::Writable, |mut io| io.write(b"hello"))?, 5);
        ours.read_exact(&mut buf[..5])?;
        Ok(())
    })
}

#[test]
fn an_error_of_the_operation_is_passed_on_and_readiness_stays() -> Outcome {
    run(async {
        let (mut ours, theirs) = pair()?;
        let source = Source::new(theirs)?;
        ours.write_all(b"x")?;
        let error: Outcome =
            source.async_io(Interest::Readable, |_| Err(ErrorKind::InvalidData.into())).await;
        assert_eq!(error.unwrap_err().kind(), ErrorKind::InvalidData);
        let mut interruptions = 0;
        let n = source.async_io(Interest::Readable, |mut io| {
            interruptions += 1;
            if interruptions < 3 { Err(ErrorKind::Interrupted.into()) } else { io.read(&mut [0; 8]) }
        });
        assert_eq!(n.await?, 1);
        Ok(())
    })
}

#[test]
fn an_object_that_is_ready_already_is_reported() -> Outcome {
    run(async {
        let (mut ours, theirs) = pair()?;
        ours.write_all(b"before it was watched")?;
        let source = Source::new(theirs)?;
        source.readable().await?;
        let (closed, theirs) = pair()?;
        drop(closed);
        let source_of_closed = Source::new(theirs)?;
        assert_eq!(read(&source_of_closed, &mut [0; 8]).await?, 0);
        Ok(())
    })
}

#[test]
fn several_tasks_wait_for_one_source() -> Outcome {
    run(async {
        let (mut ours, theirs) = pair()?;
        let source = Rc::new(Source::new(theirs)?);
        let tasks = [(); 3].map(|()| {
            let source = source.clone();
            oneloop::spawn(async move { source.readable().await })
        });
        settle().await;
        assert!(tasks.iter().all(|task| !task.is_finished()));
        ours.write_all(b"x")?;
        for task in tasks {
            within(task).await.unwrap()?;
        }
        Ok(())
    })
}

#[test]
fn into_inner_gives_the_object_back_and_it_can_be_watched_again() -> Outcome {
    run(async {
        let (mut ours, theirs) = pair()?;
        let mut theirs = theirs;
        for _ in 0..5 {
            let source = Source::new(theirs)?;
            assert!(source.get_ref().peer_addr()?.is_unnamed());
            ours.write_all(b"one")?;
            assert_eq!(read(&source, &mut [0; 8]).await?, 3);
            theirs = source.into_inner()?;
            assert!(would_block(theirs.read(&mut [0; 8])));
            ours.write_all(b"two")?;
            assert_eq!(theirs.read(&mut [0; 8])?, 3);
        }
        // Nor does the loop hold on to it.
        drop(theirs);
        // (But a process that another test is just starting may, until it runs its own program.)
        let give_up_at = Instant::now() + LIMIT;
        let error = loop {
            assert!(Instant::now() < give_up_at, "the loop holds on to it");
            if let Err(error) = ours.write(b"x") {
                break error;
            }
        };
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
        Ok(())
    })
}

#[test]
fn get_mut_changes_the_object() -> Outcome {
    run(async {
        let (mut ours, theirs) = pair()?;
        let mut source = Source::new(theirs)?;
        source.get_mut().write_all(b"hello")?;
        ours.read_exact(&mut [0; 5])?;
        assert!(format!("{source:?}").starts_with("Source("));
        Ok(())
    })
}

#[test]
fn dropping_a_source_over_a_shared_descriptor_ends_the_watch() -> Outcome {
    run(async {
        let (mut ours, theirs) = pair()?;
        let shared = Arc::new(theirs);
        for _ in 0..5 {
            let source = Source::new(shared.clone())?;
            assert!(futures::poll!(source.readable()).is_pending());
            drop(source);
            // No event of the old one, and the descriptor can be watched anew.
            ours.write_all(b"x")?;
            assert_idle().await;
            let source = Source::new(shared.clone())?;
            assert_eq!(read_shared(&source, &mut [0; 8]).await?, 1);
        }
        drop(ours);
        assert_idle().await;
        Ok(())
    })
}

/// The loop sleeps while it has nothing to do.
async fn assert_idle() {
    #[cfg(target_os = "linux")]
    let waiting = clock::Waiting::begin();
    oneloop::time::sleep(std::time::Duration::from_millis(40)).await;
    #[cfg(target_os = "linux")]
    waiting.assert_slept("with a source that was dropped");
}

/// Two watches of one descriptor at once: the second may be refused. What may not happen is that one of
/// them waits for ever.
#[test]
fn a_second_source_over_a_watched_descriptor_does_not_silence_the_first() -> Outcome {
    run(async {
        let (mut ours, theirs) = pair()?;
        let shared = Arc::new(theirs);
        let first = Source::new(shared.clone())?;
        assert!(futures::poll!(first.readable()).is_pending());
        let second = Source::new(shared.clone());
        ours.write_all(b"x")?;
        within(first.readable()).await?;
        if let Ok(second) = &second {
            within(second.readable()).await?;
        }
        drop(second);
        assert_eq!(read_shared(&first, &mut [0; 8]).await?, 1);
        ours.write_all(b"y")?;
        within(first.readable()).await
    })
}

#[test]
fn a_source_over_a_watched_socket_does_not_silence_the_socket() -> Outcome {
    run(async {
        let (mut ours, theirs) = pair()?;
        let socket = oneloop::net::UnixStream::try_from(theirs)?;
        assert!(would_block(socket.try_read(&mut [0; 8])));
        let number = Rc::new(socket);
        struct Borrowed(Rc<oneloop::net::UnixStream>);
        impl AsFd for Borrowed {
            fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
                self.0.as_fd()
            }
        }
        let source = Source::new(Borrowed(number.clone()));
        ours.write_all(b"x")?;
        within(number.readable()).await?;
        drop(source);
        assert_eq!(number.try_read(&mut [0; 8])?, 1);
        assert!(would_block(number.try_read(&mut [0; 8])));
        ours.write_all(b"x")?;
        within(number.readable()).await
    })
}

#[test]
fn a_regular_file_can_not_be_watched() -> Outcome {
    if on_poll_fallback() {
        return Ok(()); // poll(2) can, and says that it is always ready
    }
    run(async {
        let file = std::fs::File::open(std::env::current_exe()?)?;
        assert_eq!(Source::new(file).unwrap_err().kind(), ErrorKind::PermissionDenied);
        // The slot that it had is free for the next, which gets no ghost of it.
        let (mut ours, theirs) = pair()?;
        let source = Source::new(theirs)?;
        assert!(futures::poll!(source.readable()).is_pending());
        ours.write_all(b"x")?;
        source.readable().await
    })
}

#[test]
fn a_mio_source_is_watched_by_the_mio_driver() -> Outcome {
    let runtime = Runtime::builder().driver(Driver::Mio).build()?;
    runtime.block_on(within(async {
        let (sender, receiver) = mio::unix::pipe::new()?;
        let (sender, receiver) = (Source::from_mio(sender)?, Source::from_mio(receiver)?);
        for round in 0..5u8 {
            let mut buf = [0; 8];
            let mut reading = Box::pin(read(&receiver, &mut buf));
            assert!(futures::poll!(&mut reading).is_pending());
            sender.async_io(Interest::Writable, |mut pipe| pipe.write(&[round; 3])).await?;
            assert_eq!(reading.await?, 3);
            assert_eq!(buf[..3], [round; 3]);
        }
        let again = Source::from_mio(receiver.into_inner()?)?;
        drop(sender);
        assert_eq!(read(&again, &mut [0; 8]).await?, 0);
        Ok(())
    }))
}

#[test]
fn a_mio_source_is_unsupported_on_a_driver_that_watches_descriptors_only() -> Outcome {
    for driver in one_shot() {
        let runtime = Runtime::builder().driver(driver).build()?;
        runtime.block_on(async {
            let (_sender, receiver) = mio::unix::pipe::new()?;
            let error = Source::from_mio(receiver).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unsupported);
            assert!(error.to_string().contains("Driver::Mio"), "{error}");
            Outcome::Ok(())
        })?;
    }
    Ok(())
}

#[test]
fn a_source_of_a_dropped_runtime_returns_an_error_and_its_object() -> Outcome {
    let runtime = Runtime::new()?;
    let (mut ours, theirs) = pair()?;
    let source = runtime.block_on(async { Source::new(theirs) })?;
    drop(runtime);
    assert!(source.readable().now_or_never().expect("no waiting").is_err());
    let mut theirs = source.into_inner()?;
    ours.write_all(b"x")?;
    assert_eq!(theirs.read(&mut [0; 8])?, 1);
    Ok(())
}

#[test]
fn a_source_outside_a_runtime_says_so() {
    let (_ours, theirs) = pair().unwrap();
    let panic = std::panic::catch_unwind(|| Source::new(theirs).map(drop)).unwrap_err();
    let message = *panic.downcast::<String>().expect("a message");
    assert!(message.contains("outside a oneloop runtime"), "{message}");
}
