//! Pipes: every byte arrives, the end is seen, nobody blocks the loop.
#![cfg(unix)]

use std::cell::Cell;
use std::ffi::CString;
use std::io::{ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::rc::Rc;

use futures::FutureExt;
use oneloop::io::{AsyncReadExt, AsyncWriteExt};
use oneloop::pipe::{PipeReader, PipeWriter, pipe};

use common::sockets::{Outcome, POLL_FALLBACK, SocketPath, pattern, run, settle, within};

/// More than any pipe holds.
const MUCH: usize = 1 << 20;

#[track_caller]
fn assert_kind<T>(result: std::io::Result<T>, kind: ErrorKind) {
    match result {
        Ok(_) => panic!("it should have been {kind:?}"),
        Err(error) => assert_eq!(error.kind(), kind, "{error}"),
    }
}

/// Writes until nothing fits any more; how much did.
fn fill(writer: &PipeWriter) -> usize {
    let mut written = 0;
    loop {
        match writer.try_write(&[7; 5000]) {
            Ok(n) => written += n,
            Err(error) => break assert_eq!(error.kind(), ErrorKind::WouldBlock),
        }
    }
    written
}

/// Writes until that is an error. Not at once, if another test starts a process now: that has a copy of the other end
/// until it runs its program.
async fn error_of_writing(writer: &mut PipeWriter) -> ErrorKind {
    loop {
        match within(writer.write(b"x")).await {
            Ok(n) => assert_eq!(n, 1),
            Err(error) => break error.kind(),
        }
    }
}

/// Makes a named pipe.
fn mkfifo(path: &Path) {
    let path = CString::new(path.as_os_str().as_bytes()).unwrap();
    // SAFETY: the text ends with a zero and lives during the call.
    assert_eq!(unsafe { libc::mkfifo(path.as_ptr(), 0o600) }, 0);
}

fn is_nonblocking(fd: &impl AsRawFd) -> bool {
    // SAFETY: a call without pointers.
    let flags = unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_GETFL) };
    assert!(flags >= 0);
    flags & libc::O_NONBLOCK != 0
}

#[test]
fn every_byte_arrives_in_order_although_the_pipe_holds_few() -> Outcome {
    run(async {
        let (mut reader, mut writer) = pipe()?;
        let bytes = pattern(MUCH, 1);
        let writing = oneloop::spawn({
            let bytes = bytes.clone();
            async move { writer.write_all(&bytes).await } // and drops the writer
        });
        let mut all = Vec::new();
        reader.read_to_end(&mut all).await?;
        assert!(all == bytes);
        writing.await.unwrap()
    })
}

#[test]
fn the_end_comes_after_the_bytes_that_were_written_before_it() -> Outcome {
    run(async {
        for dropped_before_the_first_read in [true, false] {
            let (mut reader, mut writer) = pipe()?;
            writer.write_all(b"last words").await?;
            let mut open = Some(writer);
            if dropped_before_the_first_read {
                open = None;
            }
            let mut buf = [0; 64];
            assert_eq!(within(reader.read(&mut buf)).await?, 10);
            assert_eq!(&buf[..10], b"last words");
            drop(open);
            for _ in 0..3 {
                assert_eq!(within(reader.read(&mut buf)).await?, 0);
            }
        }
        Ok(())
    })
}

#[test]
fn a_reader_that_waits_sees_the_end() -> Outcome {
    run(async {
        let (reader, writer) = pipe()?;
        let reading = oneloop::spawn(async move { (&reader).read(&mut [0; 8]).await });
        settle().await;
        assert!(!reading.is_finished());
        drop(writer);
        assert_eq!(within(reading).await.unwrap()?, 0);
        Ok(())
    })
}

#[test]
fn a_reader_that_waits_is_woken_from_another_thread() -> Outcome {
    run(async {
        let (reader, mut theirs) = std::io::pipe()?;
        let mut reader = PipeReader::try_from(OwnedFd::from(reader))?;
        let mut buf = [0; 8];
        let mut reading = Box::pin(reader.read(&mut buf));
        assert!(futures::poll!(&mut reading).is_pending());
        let thread = std::thread::spawn(move || theirs.write_all(b"x"));
        assert_eq!(reading.await?, 1);
        thread.join().expect("the writing thread")
    })
}

#[test]
fn closing_ends_it_for_the_reader_and_for_later_writes() -> Outcome {
    run(async {
        let (mut reader, mut writer) = pipe()?;
        writer.write_all(b"bye").await?;
        writer.flush().await?;
        writer.close().await?;
        writer.close().await?; // harmless
        assert_kind(writer.write(b"x").await, ErrorKind::BrokenPipe);
        assert_kind(writer.try_write(b"x"), ErrorKind::BrokenPipe);
        assert_kind(writer.writable().await, ErrorKind::BrokenPipe);
        assert_eq!(format!("{writer:?}"), "PipeWriter(None)");
        assert_kind(writer.into_owned_fd(), ErrorKind::BrokenPipe);
        let mut text = String::new();
        reader.read_to_string(&mut text).await?;
        assert_eq!(text, "bye");
        Ok(())
    })
}

#[test]
fn writing_when_nobody_reads_is_an_error_and_no_signal() -> Outcome {
    run(async {
        let (reader, mut writer) = pipe()?;
        drop(reader);
        assert_eq!(error_of_writing(&mut writer).await, ErrorKind::BrokenPipe);
        assert_kind(writer.try_write(b"x"), ErrorKind::BrokenPipe);

        // Also for one who waits for room.
        let (reader, mut writer) = pipe()?;
        fill(&writer);
        let waiting = oneloop::spawn(async move { writer.write(b"x").await });
        settle().await;
        assert!(!waiting.is_finished());
        drop(reader);
        assert_kind(within(waiting).await.unwrap(), ErrorKind::BrokenPipe);
        Ok(())
    })
}

#[test]
fn a_full_pipe_keeps_the_writer_waiting_until_somebody_reads() -> Outcome {
    run(async {
        let (mut reader, writer) = pipe()?;
        for _ in 0..3 {
            let written = fill(&writer);
            assert!(written >= 512);
            let mut writable = Box::pin(writer.writable());
            assert!(futures::poll!(&mut writable).is_pending());
            settle().await;
            assert!(futures::poll!(&mut writable).is_pending());
            reader.read_exact(&mut vec![0; written]).await?;
            within(writable).await?;
        }
        Ok(())
    })
}

#[test]
fn all_who_wait_at_one_end_are_woken() -> Outcome {
    run(async {
        let (mut reader, writer) = pipe()?;
        let (reading, writing) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));

        let written = fill(&writer);
        let writer = Rc::new(writer);
        let tasks = [(); 3].map(|()| {
            let (writer, writing) = (writer.clone(), writing.clone());
            oneloop::spawn(async move {
                writer.writable().await?;
                writing.set(writing.get() + 1);
                Outcome::Ok(())
            })
        });
        settle().await;
        assert_eq!(writing.get(), 0);
        reader.read_exact(&mut vec![0; written]).await?;
        for task in tasks {
            within(task).await.unwrap()?;
        }

        assert_kind(reader.try_read(&mut [0; 8]), ErrorKind::WouldBlock);
        let reader = Rc::new(reader);
        let tasks = [(); 3].map(|()| {
            let (reader, reading) = (reader.clone(), reading.clone());
            oneloop::spawn(async move {
                reader.readable().await?;
                reading.set(reading.get() + 1);
                Outcome::Ok(())
            })
        });
        settle().await;
        assert_eq!(reading.get(), 0);
        writer.try_write(b"x")?;
        for task in tasks {
            within(task).await.unwrap()?;
        }
        Ok(())
    })
}

#[test]
fn a_read_or_write_that_is_cancelled_loses_nothing() -> Outcome {
    run(async {
        let (mut reader, mut writer) = pipe()?;
        for _ in 0..5 {
            assert!(reader.read(&mut [0; 8]).now_or_never().is_none());
            writer.write_all(b"hello").await?;
            let mut buf = [0; 8];
            assert_eq!(within(reader.read(&mut buf)).await?, 5);
            assert_eq!(&buf[..5], b"hello");
        }
        let written = fill(&writer);
        assert!(writer.write(b"never").now_or_never().is_none());
        let mut all = vec![0; written + 8];
        assert_eq!(reader.read(&mut all).await?, written);
        assert!(within(reader.read(&mut all)).now_or_never().is_none());
        Ok(())
    })
}

#[test]
fn a_task_that_waits_can_be_aborted_and_the_pipe_used_on() -> Outcome {
    run(async {
        let (reader, mut writer) = pipe()?;
        let reader = Rc::new(reader);
        let waiting = oneloop::spawn({
            let reader = reader.clone();
            async move { (&*reader).read(&mut [0; 8]).await }
        });
        settle().await;
        waiting.abort();
        assert!(waiting.await.unwrap_err().is_cancelled());
        writer.write_all(b"x").await?;
        assert_eq!(within((&*reader).read(&mut [0; 8])).await?, 1);
        Ok(())
    })
}

#[test]
fn several_buffers_are_read_and_written_at_once() -> Outcome {
    run(async {
        let (mut reader, mut writer) = pipe()?;
        let parts = [IoSlice::new(b""), IoSlice::new(b"hel"), IoSlice::new(b"lo")];
        assert_eq!(writer.write_vectored(&parts).await?, 5);
        let (mut a, mut b) = ([0; 2], [0; 8]);
        let mut bufs = [IoSliceMut::new(&mut []), IoSliceMut::new(&mut a), IoSliceMut::new(&mut b)];
        assert_eq!(reader.read_vectored(&mut bufs).await?, 5);
        assert_eq!((&a, &b[..3]), (b"he", &b"llo"[..]));
        // To move nothing is not the end.
        assert_eq!(reader.read(&mut []).await?, 0);
        assert_eq!(writer.write(&[]).await?, 0);
        assert_eq!(writer.write_vectored(&[IoSlice::new(b"")]).await?, 0);
        Ok(())
    })
}

/// Its reads stop at each packet with more behind, so none of them may count as draining it.
#[cfg(target_os = "linux")]
#[test]
fn a_pipe_in_packet_mode_is_read_packet_by_packet() -> Outcome {
    run(async {
        let (mut reader, writer) = pipe()?;
        // SAFETY: a call without pointers.
        let set =
            unsafe { libc::fcntl(writer.as_raw_fd(), libc::F_SETFL, libc::O_DIRECT | libc::O_NONBLOCK) };
        assert_eq!(set, 0);
        for packet in [&b"one"[..], b"two", b"three"] {
            writer.try_write(packet)?;
        }
        let mut buf = [0; 64];
        for length in [3, 3, 5] {
            assert_eq!(within(reader.read(&mut buf)).await?, length);
        }
        Ok(())
    })
}

#[test]
fn a_descriptor_is_taken_over_and_made_non_blocking_for_all_who_share_it() -> Outcome {
    run(async {
        let (reader, writer) = std::io::pipe()?;
        let shared = reader.try_clone()?;
        assert!(!is_nonblocking(&shared));
        let mut reader = PipeReader::try_from(OwnedFd::from(reader))?;
        let mut writer = PipeWriter::try_from(OwnedFd::from(writer))?;
        assert!(is_nonblocking(&shared));
        writer.write_all(b"hello").await?;
        reader.read_exact(&mut [0; 5]).await
    })
}

#[test]
fn what_is_no_pipe_is_refused() -> Outcome {
    run(async {
        let file = std::fs::File::open(std::env::current_exe()?)?;
        assert_kind(PipeReader::try_from(OwnedFd::from(file.try_clone()?)), ErrorKind::InvalidInput);
        assert_kind(PipeWriter::try_from(OwnedFd::from(file)), ErrorKind::InvalidInput);
        assert_kind(PipeReader::open(std::env::current_exe()?), ErrorKind::InvalidInput);
        assert_kind(PipeReader::open("/no/such/pipe"), ErrorKind::NotFound);
        assert_kind(PipeWriter::open("/no/such/pipe"), ErrorKind::NotFound);
        Ok(())
    })
}

#[test]
fn a_descriptor_is_given_back_and_can_be_watched_again() -> Outcome {
    run(async {
        let (mut reader, mut writer) = pipe()?;
        for _ in 0..5 {
            writer.write_all(b"one").await?;
            reader.read_exact(&mut [0; 3]).await?;
            let (read_fd, write_fd) = (reader.into_owned_fd()?, writer.into_owned_fd()?);
            assert!(is_nonblocking(&read_fd) && is_nonblocking(&write_fd));
            (reader, writer) = (read_fd.try_into()?, write_fd.try_into()?);
        }
        // Nor does the loop hold on to it.
        drop(reader.into_owned_fd()?);
        assert_eq!(error_of_writing(&mut writer).await, ErrorKind::BrokenPipe);
        Ok(())
    })
}

#[test]
fn an_end_for_a_child_blocks_again() -> Outcome {
    run(async {
        let (reader, writer) = pipe()?;
        let (reader_twin, writer_twin) =
            (reader.as_fd().try_clone_to_owned()?, writer.as_fd().try_clone_to_owned()?);
        drop((std::process::Stdio::try_from(reader)?, std::process::Stdio::try_from(writer)?));
        assert!(!is_nonblocking(&reader_twin) && !is_nonblocking(&writer_twin));
        Ok(())
    })
}

#[test]
fn a_named_pipe_is_opened_without_waiting() -> Outcome {
    run(async {
        let path = SocketPath::default();
        mkfifo(path.as_ref());
        let nobody_reads = PipeWriter::open(&path).unwrap_err();
        assert_eq!(nobody_reads.raw_os_error(), Some(libc::ENXIO));

        let mut reader = PipeReader::open(&path)?;
        let mut buf = [0; 8];
        if cfg!(target_os = "linux") {
            let mut waiting = Box::pin(reader.read(&mut buf));
            assert!(futures::poll!(&mut waiting).is_pending());
            settle().await;
            assert!(futures::poll!(&mut waiting).is_pending(), "nobody has written yet: that is no end");
        }
        let mut text = String::new();
        let mut writer = PipeWriter::open(&path)?;
        writer.write_all(b"hello").await?;
        drop(writer);
        reader.read_to_string(&mut text).await?;
        assert_eq!(text, "hello");

        // A writer that comes after the end is heard, too. (mio's fallback has forgotten the descriptor.)
        if !POLL_FALLBACK {
            let mut writer = PipeWriter::open(&path)?;
            let mut waiting = Box::pin(reader.read(&mut buf));
            assert!(futures::poll!(&mut waiting).is_pending());
            writer.write_all(b"x").await?;
            assert_eq!(within(waiting).await?, 1);
        }
        Ok(())
    })
}

#[test]
fn a_pipe_whose_runtime_is_gone_gives_an_error_and_its_descriptor_back() -> Outcome {
    let runtime = oneloop::Runtime::new()?;
    let (mut reader, writer) = runtime.block_on(async { pipe() })?;
    drop(runtime);
    writer.try_write(b"x")?;
    assert_eq!(reader.read(&mut [0; 8]).now_or_never().expect("no waiting")?, 1);
    assert!(reader.read(&mut [0; 8]).now_or_never().expect("no waiting").is_err());
    let mut file = std::fs::File::from(reader.into_owned_fd()?);
    writer.try_write(b"y")?;
    assert_eq!(file.read(&mut [0; 8])?, 1);
    Ok(())
}

#[test]
fn a_pipe_outside_a_runtime_says_so() {
    let (reader, writer) = std::io::pipe().unwrap();
    let twin = reader.try_clone().unwrap();
    let makers: [Box<dyn FnOnce() + std::panic::UnwindSafe>; 4] = [
        Box::new(|| drop(pipe())),
        Box::new(|| drop(PipeReader::try_from(OwnedFd::from(reader)))),
        Box::new(|| drop(PipeWriter::try_from(OwnedFd::from(writer)))),
        Box::new(|| drop(PipeReader::open("/no/such/pipe"))),
    ];
    for make in makers {
        let panic = std::panic::catch_unwind(make).unwrap_err();
        let message = *panic.downcast::<String>().expect("a message");
        assert!(message.starts_with("a oneloop pipe was made outside a oneloop runtime"), "{message}");
    }
    assert!(!is_nonblocking(&twin), "nothing was done before it was refused");
}
