//! `io::Unblock`: objects that block, with the traits of futures-io.

#![cfg(feature = "unblock")]

use std::io::{self, Cursor, ErrorKind, Read, SeekFrom, Write};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};

use futures::future::FutureExt;
use oneloop::io::{AsyncBufReadExt, AsyncReadExt, AsyncSeekExt, AsyncWriteExt, BufReader, Unblock};

use common::executor::*;

/// Gives what it receives, one message a read; the end when the sender is dropped.
struct Messages(Receiver<io::Result<&'static str>>);

impl Read for Messages {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let Ok(message) = self.0.recv() else { return Ok(0) };
        let message = message?;
        buf[..message.len()].copy_from_slice(message.as_bytes());
        Ok(message.len())
    }
}

/// Counts what is written and flushed, and fails as often as it was told to.
#[derive(Clone, Default)]
struct Sink(Arc<Mutex<(Vec<u8>, usize, usize)>>);

impl Write for Sink {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let mut sink = self.0.lock().unwrap();
        if sink.2 > 0 {
            sink.2 -= 1;
            return Err(ErrorKind::StorageFull.into());
        }
        sink.0.extend_from_slice(buf);
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.lock().unwrap().1 += 1;
        Ok(())
    }
}

#[test]
fn a_read_that_is_dropped_loses_nothing() {
    finish(async {
        let (sender, messages) = mpsc::channel();
        let mut lines = BufReader::new(Unblock::new(Messages(messages)));
        let mut line = String::new();
        assert!(lines.read_line(&mut line).now_or_never().is_none());
        sender.send(Ok("one\ntwo\n")).unwrap();
        for expected in ["one\n", "two\n"] {
            line.clear();
            lines.read_line(&mut line).await.unwrap();
            assert_eq!(line, expected);
        }
        drop(sender);
        assert_eq!(lines.read_line(&mut String::new()).await.unwrap(), 0);
        assert_eq!(lines.read_line(&mut String::new()).await.unwrap(), 0, "the end stays");
    });
}

#[test]
fn an_error_of_a_read_is_reported_once_and_the_next_read_goes_on() {
    finish(async {
        let (sender, messages) = mpsc::channel();
        let mut reader = Unblock::new(Messages(messages));
        sender.send(Err(ErrorKind::Interrupted.into())).unwrap();
        sender.send(Err(ErrorKind::TimedOut.into())).unwrap();
        sender.send(Ok("after")).unwrap();
        assert_eq!(reader.read(&mut [0; 9]).await.unwrap_err().kind(), ErrorKind::TimedOut);
        let mut buf = [0; 9];
        assert_eq!(reader.read(&mut buf).await.unwrap(), 5);
    });
}

#[test]
fn written_bytes_are_collected_until_a_flush_which_reaches_the_object() {
    finish(async {
        let sink = Sink::default();
        let mut writer = Unblock::new(sink.clone());
        writer.write_all(b"one").await.unwrap();
        writer.write_all(b"two").await.unwrap();
        assert!(sink.0.lock().unwrap().0.is_empty());
        writer.flush().await.unwrap();
        assert_eq!(sink.0.lock().unwrap().0, b"onetwo");
        let flushes = sink.0.lock().unwrap().1;
        writer.flush().await.unwrap();
        assert_eq!(sink.0.lock().unwrap().1, flushes, "nothing was written since");
        writer.write_all(&vec![b'x'; 1_000_000]).await.unwrap();
        writer.close().await.unwrap();
        assert_eq!(sink.0.lock().unwrap().0.len(), 1_000_006);
        writer.close().await.unwrap();
        assert_eq!(writer.write(b"late").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
    });
}

#[test]
fn a_write_that_failed_on_the_thread_is_reported_by_the_flush_and_not_repeated() {
    finish(async {
        let sink = Sink::default();
        sink.0.lock().unwrap().2 = 1;
        let mut writer = Unblock::new(sink.clone());
        writer.write_all(b"lost").await.unwrap();
        assert_eq!(writer.flush().await.unwrap_err().kind(), ErrorKind::StorageFull);
        writer.write_all(b"kept").await.unwrap();
        writer.flush().await.unwrap();
        assert_eq!(sink.0.lock().unwrap().0, b"kept");
    });
}

#[test]
fn seeking_counts_from_what_was_taken_and_writes_out_first() {
    finish(async {
        let mut file = Unblock::new(Cursor::new(b"0123456789".to_vec()));
        let mut three = [0; 3];
        file.read_exact(&mut three).await.unwrap();
        assert_eq!(file.seek(SeekFrom::Current(1)).await.unwrap(), 4);
        file.write_all(b"##").await.unwrap();
        assert_eq!(file.seek(SeekFrom::Current(-4)).await.unwrap(), 2);
        file.read_exact(&mut three).await.unwrap();
        assert_eq!(&three, b"23#");
        assert!(file.seek(SeekFrom::Current(-9)).await.is_err());
        assert_eq!(file.seek(SeekFrom::End(-1)).await.unwrap(), 9);
        let mut rest = String::new();
        file.read_to_string(&mut rest).await.unwrap();
        assert_eq!(rest, "9");
        assert_eq!(file.into_inner().await.unwrap().into_inner(), b"0123##6789");
    });
}

/// The end of one operation that was dropped is not taken for that of another.
#[test]
fn a_flush_or_a_seek_that_is_dropped_is_no_end_of_a_read() {
    finish(async {
        let mut file = Unblock::new(Cursor::new(b"0123456789".to_vec()));
        file.write_all(b"a").await.unwrap();
        drop(file.flush().now_or_never()); // ready at once only if the thread was as fast
        assert_eq!(file.read(&mut [0; 4]).await.unwrap(), 4);
        drop(file.seek(SeekFrom::Start(7)).now_or_never());
        assert_eq!(file.seek(SeekFrom::Start(2)).await.unwrap(), 2);
        let mut buf = [0; 4];
        file.read_exact(&mut buf).await.unwrap();
        assert_eq!(&buf, b"2345");
    });
}

#[test]
fn an_object_that_panics_is_lost_and_later_operations_say_so() {
    struct Panics;
    impl Read for Panics {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            panic!("in a read")
        }
    }
    finish(async {
        let mut reader = Unblock::new(Panics);
        let reading = std::panic::AssertUnwindSafe(reader.read(&mut [0; 1])).catch_unwind().await;
        assert_eq!(text_of(&*reading.unwrap_err()), "in a read");
        assert_eq!(reader.read(&mut [0; 1]).await.unwrap_err().kind(), ErrorKind::BrokenPipe);
        assert!(reader.into_inner().await.is_err());
    });
}

/// A compressor writes its trailer in its drop.
#[test]
fn close_waits_until_the_object_is_dropped() {
    struct Slow(Sink);
    impl Write for Slow {
        fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
            self.0.write(buf)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    impl Drop for Slow {
        fn drop(&mut self) {
            std::thread::sleep(std::time::Duration::from_millis(20));
            self.0.write_all(b" trailer").unwrap();
        }
    }
    finish(async {
        let sink = Sink::default();
        let mut writer = Unblock::new(Slow(sink.clone()));
        writer.write_all(b"body").await.unwrap();
        drop(writer.close().now_or_never());
        writer.close().await.unwrap();
        assert_eq!(sink.0.lock().unwrap().0, b"body trailer");

        let failing = Sink::default();
        failing.0.lock().unwrap().2 = 1;
        let mut writer = Unblock::new(Slow(failing.clone()));
        writer.write_all(b"lost").await.unwrap();
        assert_eq!(writer.close().await.unwrap_err().kind(), ErrorKind::StorageFull);
        assert_eq!(failing.0.lock().unwrap().0, b" trailer");
    });
}
