//! Pipes: what of them no other stream has. What all streams promise is in `streams`.
#![cfg(unix)]

use std::ffi::CString;
use std::io::{ErrorKind, IoSlice, Read};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use futures::FutureExt;
use oneloop::Interest;
use oneloop::io::{AsyncReadExt, AsyncWriteExt};
use oneloop::pipe::{PipeReader, PipeWriter, pipe};

use common::drivers::on_poll_fallback;
use common::sockets::{Outcome, SocketPath, run, settle, within};

#[track_caller]
fn assert_kind<T>(result: std::io::Result<T>, kind: ErrorKind) {
    match result {
        Ok(_) => panic!("it should have been {kind:?}"),
        Err(error) => assert_eq!(error.kind(), kind, "{error}"),
    }
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
fn a_writer_that_was_closed_has_no_descriptor() -> Outcome {
    run(async {
        let (_reader, mut writer) = pipe()?;
        writer.close().await?;
        assert_kind(writer.write(b"x").await, ErrorKind::BrokenPipe);
        assert_kind(writer.try_write(b"x"), ErrorKind::BrokenPipe);
        assert_kind(writer.try_write_vectored(&[IoSlice::new(b"x")]), ErrorKind::BrokenPipe);
        assert_kind(writer.try_io(Interest::Writable, || Ok(())), ErrorKind::BrokenPipe);
        assert_kind(writer.async_io(Interest::Writable, || Ok(())).await, ErrorKind::BrokenPipe);
        assert_kind(
            std::future::poll_fn(|cx| writer.poll_ready(cx, Interest::Writable)).await,
            ErrorKind::BrokenPipe,
        );
        assert_kind(writer.writable().await, ErrorKind::BrokenPipe);
        assert_eq!(format!("{writer:?}"), "PipeWriter(None)");
        assert_kind(writer.into_owned_fd(), ErrorKind::BrokenPipe);
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
fn a_descriptor_is_taken_over_and_made_non_blocking_for_all_its_duplicates() -> Outcome {
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
fn an_object_that_is_not_a_pipe_is_refused() -> Outcome {
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
        let no_reader = PipeWriter::open(&path).unwrap_err();
        assert_eq!(no_reader.raw_os_error(), Some(libc::ENXIO));

        let mut reader = PipeReader::open(&path)?;
        let mut buf = [0; 8];
        if cfg!(target_os = "linux") {
            let mut waiting = Box::pin(reader.read(&mut buf));
            assert!(futures::poll!(&mut waiting).is_pending());
            settle().await;
            assert!(
                futures::poll!(&mut waiting).is_pending(),
                "no bytes were written yet: that is not the end"
            );
        }
        let mut text = String::new();
        let mut writer = PipeWriter::open(&path)?;
        writer.write_all(b"hello").await?;
        drop(writer);
        reader.read_to_string(&mut text).await?;
        assert_eq!(text, "hello");

        // The reader also receives from a writer that opens the pipe after the end.
        // (mio's fallback no longer watches the descriptor.)
        if !on_poll_fallback() {
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
fn a_pipe_of_a_dropped_runtime_returns_an_error_and_its_descriptor() -> Outcome {
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
