//! Each byte arrives once, in order, and then the end. Above all these test the short-read rule: a read
//! that fills part of its buffer has drained the stream, but not always.

use std::io::{IoSlice, IoSliceMut, Read, Write};
use std::task::Poll;

use futures::FutureExt;
use futures::future::{Either, join, select};
use oneloop::io::{
    AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader, BufWriter,
};
#[cfg(unix)]
use socket2::SockRef;

use super::kinds::{Kind, ReadEnd, WriteEnd};
use super::*;
use common::executor::text_of;
use common::sockets::{is_shut_down, pattern};

/// More than any pipe holds.
const MUCH: usize = 1 << 20;

pub async fn every_byte_arrives_in_order_although_the_buffers_are_small<K: Kind>() -> Outcome {
    for small in [false, true] {
        let (mut reader, mut writer) = K::pair().await?;
        if small {
            K::shrink(&writer)?;
        }
        let bytes = pattern(MUCH, 1);
        let writing = oneloop::spawn({
            let bytes = bytes.clone();
            async move { writer.write_all(&bytes).await } // and drops the writer
        });
        let mut all = Vec::new();
        reader.read_to_end(&mut all).await?;
        assert!(all == bytes);
        writing.await.unwrap()?;
    }
    Ok(())
}

pub async fn the_end_comes_after_the_bytes_that_were_written_before_it<K: Kind>() -> Outcome {
    for round in 0..50 {
        for (size, &how) in SIZES.iter().flat_map(|&size| K::ENDS.iter().map(move |how| (size, how))) {
            let (mut writer, mut reader) = K::from_std().await?;
            let bytes = pattern(size, size as u64);
            let (mut all, mut buf) = (Vec::new(), [0; BUFFER]);
            let mut reading = Box::pin(reader.read(&mut buf));
            if round % 2 == 0 {
                assert!(futures::poll!(&mut reading).is_pending());
            }
            writer.write_all(&bytes)?;
            let _open = K::end(writer, how)?;
            let mut n = within(reading).await?;
            while n > 0 {
                all.extend_from_slice(&buf[..n]);
                n = within(reader.read(&mut buf)).await?;
            }
            assert!(all == bytes, "{} of {size} bytes, {how:?}", all.len());
            for _ in 0..3 {
                assert_eq!(within(reader.read(&mut buf)).await?, 0);
            }
        }
    }
    // A writer of ours, too.
    for dropped_before_the_first_read in [true, false] {
        let (mut reader, mut writer) = K::pair().await?;
        writer.write_all(b"last words").await?;
        let open = (!dropped_before_the_first_read).then_some(writer);
        let mut buf = [0; 64];
        assert_eq!(within(reader.read(&mut buf)).await?, 10);
        assert_eq!(&buf[..10], b"last words");
        drop(open);
        for _ in 0..3 {
            assert_eq!(within(reader.read(&mut buf)).await?, 0);
        }
    }
    Ok(())
}

pub async fn the_end_is_seen_when_it_comes_after_the_bytes_were_read<K: Kind>() -> Outcome {
    for _ in 0..50 {
        for &how in K::ENDS {
            let (mut writer, mut reader) = K::from_std().await?;
            let mut buf = [0; BUFFER];
            writer.write_all(b"short")?;
            assert_eq!(within(reader.read(&mut buf)).await?, 5);
            assert_eq!(&buf[..5], b"short");
            let mut end = Box::pin(reader.read(&mut buf));
            assert!(futures::poll!(&mut end).is_pending());
            let _open = K::end(writer, how)?;
            assert_eq!(within(end).await?, 0);
            for _ in 0..3 {
                assert_eq!(within(reader.read(&mut buf)).await?, 0);
            }
        }
    }
    Ok(())
}

pub async fn the_end_is_reported_as_often_as_one_asks<K: Kind>() -> Outcome {
    for &how in K::ENDS {
        let (writer, mut reader) = K::from_std().await?;
        let _open = K::end(writer, how)?;
        for _ in 0..300 {
            assert_eq!(reader.read(&mut [0; 8]).await?, 0); // more often than the budget
        }
    }
    Ok(())
}

pub async fn vectored_reads_see_the_end_too<K: Kind>() -> Outcome {
    for size in [1, 11, 12, 13, 14, 15, 16, 27, 28, 40] {
        for &how in K::ENDS {
            let (writer, mut reader) = K::from_std().await?;
            let (mut writer, mut open) = (Some(writer), None);
            let bytes = pattern(size, 3);
            let (mut all, mut buf) = (Vec::new(), [0; 14]);
            loop {
                let mut slices: Vec<_> = buf.chunks_mut(5).map(IoSliceMut::new).collect();
                let mut read = Box::pin(reader.read_vectored(&mut slices));
                if let Some(mut writer) = writer.take() {
                    assert!(futures::poll!(&mut read).is_pending());
                    writer.write_all(&bytes)?;
                    open = K::end(writer, how)?;
                }
                match within(read).await? {
                    0 => break,
                    n => all.extend_from_slice(&buf[..n]),
                }
            }
            assert_eq!(all, bytes);
            drop(open);
        }
    }
    Ok(())
}

pub async fn a_writer_that_filled_the_stream_goes_on_when_it_is_drained<K: Kind>() -> Outcome {
    let (mut writer, mut reader) = K::to_std().await?;
    for round in 0..5 {
        let (mut sent, bytes) = (Vec::new(), pattern(64 << 10, round));
        // Until one write is short and the next waits.
        while let Poll::Ready(n) = futures::poll!(writer.write(&bytes)) {
            sent.extend_from_slice(&bytes[..n?]);
        }
        let mut received = vec![0; sent.len()];
        let more = writer.write_all(b"more");
        let read = async {
            let mut done = 0;
            while done < received.len() {
                let len = (received.len() - done).min(256 << 10);
                done += uninterrupted(|| reader.read(&mut received[done..done + len]))?;
                oneloop::yield_now().await;
            }
            Outcome::Ok(())
        };
        let (wrote, read) = join(more, read).await;
        wrote.and(read)?;
        assert!(received == sent);
        let mut last = [0; 4];
        reader.read_exact(&mut last)?;
        assert_eq!(&last, b"more");
    }
    Ok(())
}

pub async fn a_vectored_writer_that_filled_the_stream_goes_on_when_it_is_drained<K: Kind>() -> Outcome {
    let (mut writer, mut reader) = K::to_std().await?;
    let bytes = pattern(100_000, 4);
    let pieces = [&bytes[..1], &bytes[1..33_333], &bytes[33_333..]].map(IoSlice::new);
    let mut sent = Vec::new();
    while let Poll::Ready(n) = futures::poll!(writer.write_vectored(&pieces)) {
        sent.extend_from_slice(&bytes[..n?]);
    }
    let more = oneloop::spawn(async move { writer.write_vectored(&[IoSlice::new(b"more")]).await });
    let mut received = vec![0; sent.len() + 4];
    reader.read_exact(&mut received[..sent.len()])?;
    assert_eq!(within(more).await.unwrap()?, 4);
    reader.read_exact(&mut received[sent.len()..])?;
    sent.extend_from_slice(b"more");
    assert!(received == sent);
    Ok(())
}

pub async fn several_buffers_are_read_and_written_at_once<K: Kind>() -> Outcome {
    let (mut reader, mut writer) = K::pair().await?;
    let parts = [IoSlice::new(b""), IoSlice::new(b"hel"), IoSlice::new(b"lo")];
    assert_eq!(writer.write_vectored(&parts).await?, 5);
    let (mut a, mut b) = ([0; 2], [0; 8]);
    let mut bufs = [IoSliceMut::new(&mut []), IoSliceMut::new(&mut a), IoSliceMut::new(&mut b)];
    assert_eq!(reader.read_vectored(&mut bufs).await?, 5);
    assert_eq!((&a, &b[..3]), (b"he", &b"llo"[..]));
    Ok(())
}

pub async fn vectored_writes_join_their_pieces<K: Kind>() -> Outcome {
    let (reader, mut writer) = K::pair().await?;
    let pieces = [&b"one"[..], b"", b" two", b" three"];
    assert_eq!(writer.write_vectored(&pieces.map(IoSlice::new)).await?, 13);
    writer.close().await?;
    assert_eq!(read_all(reader).await?, b"one two three");
    Ok(())
}

/// The system takes 1,024 pieces at once on Linux. To have moved less than was asked is no short write
/// then.
pub async fn more_pieces_than_the_system_takes_at_once_are_no_short_write<K: Kind>() -> Outcome {
    let (reader, mut writer) = K::pair().await?;
    let bytes = pattern(5000, 9);
    let reading = oneloop::spawn(read_all(reader));
    let mut rest: &[u8] = &bytes;
    while !rest.is_empty() {
        let pieces: Vec<_> = rest.chunks(1).map(IoSlice::new).collect();
        let n = writer.write_vectored(&pieces).await?;
        rest = &rest[n..];
    }
    writer.close().await?;
    assert_eq!(reading.await.unwrap()?, bytes);
    Ok(())
}

/// The system reads into as many pieces at once as it writes.
pub async fn more_buffers_than_the_system_takes_at_once_are_no_short_read<K: Kind>() -> Outcome {
    let (mut writer, mut reader) = K::from_std().await?;
    let bytes = pattern(5000, 9);
    writer.write_all(&bytes)?; // and the stream stays open
    let mut all = Vec::new();
    while all.len() < bytes.len() {
        let mut buf = [0; 2000];
        let mut pieces: Vec<_> = buf.chunks_mut(1).map(IoSliceMut::new).collect();
        let n = within(reader.read_vectored(&mut pieces)).await?;
        all.extend_from_slice(&buf[..n]);
    }
    assert_eq!(all, bytes);
    Ok(())
}

pub async fn one_byte_at_a_time<K: Kind>() -> Outcome {
    let (mut reader, mut writer) = K::pair().await?;
    let bytes = pattern(3000, 7);
    let write = async {
        for byte in &bytes {
            assert_eq!(writer.write(std::slice::from_ref(byte)).await?, 1);
        }
        writer.close().await
    };
    let read = async {
        let mut all = Vec::new();
        let mut byte = [0];
        while reader.read(&mut byte).await? == 1 {
            all.push(byte[0]);
        }
        io::Result::Ok(all)
    };
    let (written, read) = join(write, read).await;
    written?;
    assert_eq!(read?, bytes);
    Ok(())
}

pub async fn reads_and_writes_of_nothing_are_done_at_once<K: Kind>() -> Outcome {
    let (mut reader, mut writer) = K::pair().await?;
    for _ in 0..2 {
        let done_at_once = async {
            assert_eq!(reader.read(&mut []).await?, 0);
            assert_eq!(writer.write(&[]).await?, 0);
            assert_eq!(reader.read_vectored(&mut []).await?, 0);
            assert_eq!(writer.write_vectored(&[IoSlice::new(b"")]).await?, 0);
            assert_eq!(writer.write_vectored(&[IoSlice::new(&[]), IoSlice::new(&[])]).await?, 0);
            assert_eq!(reader.try_read(&mut [])?, 0);
            assert_eq!(writer.try_write(&[])?, 0);
            writer.flush().await
        };
        done_at_once.now_or_never().expect("no waiting")?;
        // And nothing has happened to the stream: to move nothing is not the end.
        writer.write_all(b"x").await?;
        assert_eq!(within(reader.read(&mut [0; 8])).await?, 1);
    }
    Ok(())
}

pub async fn a_read_or_write_that_is_cancelled_loses_nothing<K: Kind>() -> Outcome {
    let (mut reader, mut writer) = K::pair().await?;
    for _ in 0..5 {
        assert!(reader.read(&mut [0; 8]).now_or_never().is_none());
        writer.write_all(b"hello").await?;
        let mut buf = [0; 8];
        assert_eq!(within(reader.read(&mut buf)).await?, 5);
        assert_eq!(&buf[..5], b"hello");
    }
    let (written, waiting) = fill::<K>(&writer, &[7; 5000]).await?;
    drop(waiting);
    assert!(writer.write(b"never").now_or_never().is_none());
    let (mut all, mut read) = (vec![0; written + 8], 0);
    while read < written {
        read += within(reader.read(&mut all[read..])).await?;
    }
    assert_eq!(read, written);
    assert!(all[..written].iter().all(|&byte| byte == 7));
    settle().await;
    assert!(reader.read(&mut all).now_or_never().is_none());
    Ok(())
}

pub async fn a_read_that_lost_a_select_leaves_its_bytes_to_the_next<K: Kind>() -> Outcome {
    let (mut writer, mut reader) = K::from_std().await?;
    for round in 0..20u8 {
        let mut buf = [0; 8];
        let never_read = select(reader.read(&mut buf), Box::pin(settle())).await;
        assert!(matches!(never_read, Either::Right(_)));
        writer.write_all(&[round])?;
        assert_eq!(within(reader.read(&mut buf)).await?, 1);
        assert_eq!(buf[0], round);
    }
    Ok(())
}

pub async fn writing_to_a_closed_peer_is_an_error_and_no_signal<K: Kind>() -> Outcome {
    for vectored in [false, true] {
        let (mut writer, reader) = K::to_std().await?;
        drop(reader);
        let error = match vectored {
            false => error_of_writing(&mut writer).await,
            true => error_of_writing_vectored(&mut writer).await,
        };
        // And it stays one.
        let again = [
            writer.write(b"x").await,
            writer.write_vectored(&[IoSlice::new(b"x")]).await,
            writer.try_write(b"x"),
        ];
        for error in again.map(Result::unwrap_err).into_iter().chain([error]) {
            assert!(K::is_broken(error.kind(), false), "{error}");
        }
    }
    let (reader, mut writer) = K::pair().await?;
    drop(reader);
    let error = error_of_writing(&mut writer).await;
    assert!(K::is_broken(error.kind(), false), "{error}");
    Ok(())
}

pub async fn writing_after_close_is_an_error_and_closing_twice_is_not<K: Kind>() -> Outcome {
    let (mut reader, mut writer) = K::pair().await?;
    writer.write_all(b"bye").await?;
    writer.flush().await?;
    writer.close().await?;
    writer.close().await?; // harmless
    assert!(is_shut_down(&writer.write(b"x").await.unwrap_err()));
    assert!(is_shut_down(&writer.try_write(b"x").unwrap_err()));
    let mut text = String::new();
    within(reader.read_to_string(&mut text)).await?;
    assert_eq!(text, "bye");
    drop(reader);
    settle().await;
    writer.close().await // there is no other side any more
}

pub async fn buffered_lines_and_copies_work<K: Kind>() -> Outcome {
    let (reader, mut writer) = K::pair().await?;
    writer.write_all(b"one\ntwo\nthree").await?;
    writer.close().await?;
    let lines: Vec<_> = futures::TryStreamExt::try_collect(BufReader::new(reader).lines()).await?;
    assert_eq!(lines, ["one", "two", "three"]);

    let (from, writer) = K::pair().await?;
    let (reader, mut to) = K::pair().await?;
    let bytes = pattern(300_000, 11);
    let relay = oneloop::spawn(async move {
        let copied = oneloop::io::copy(from.reading(), &mut to).await?;
        drop(to);
        io::Result::Ok(copied)
    });
    let writing = async {
        let mut writer = BufWriter::new(writer);
        for chunk in bytes.chunks(777) {
            writer.write_all(chunk).await?;
        }
        writer.close().await
    };
    let (wrote, read) = join(writing, read_all(reader)).await;
    wrote?;
    assert!(read? == bytes);
    assert_eq!(relay.await.unwrap()?, 300_000);
    Ok(())
}

pub async fn the_traits_can_be_used_through_trait_objects<K: Kind>() -> Outcome {
    let (reader, writer) = K::pair().await?;
    let mut reader: Box<dyn AsyncRead + Unpin> = Box::new(reader);
    let mut writer: Box<dyn AsyncWrite + Unpin> = Box::new(writer);
    writer.write_all(b"hello").await?;
    within(reader.read_exact(&mut [0; 5])).await
}

pub async fn a_std_object_is_taken_over_and_made_non_blocking<K: Kind>() -> Outcome {
    let (reader, writer) = K::std_pair()?;
    let (mut reader, mut writer) = (K::take_over_reader(reader)?, K::take_over_writer(writer)?);
    #[cfg(unix)]
    assert!(SockRef::from(&reader).nonblocking()? && SockRef::from(&writer).nonblocking()?);
    assert!(would_block(reader.try_read(&mut [0; 8])), "a blocking read never returns");
    let mut buf = [0; 5];
    let (read, written) = join(reader.read_exact(&mut buf), writer.write_all(b"hello")).await;
    read.and(written)?;
    assert_eq!(&buf, b"hello");
    Ok(())
}

pub async fn taking_over_a_std_object_outside_a_runtime_says_so<K: Kind>() -> Outcome {
    for reading in [true, false] {
        let (reader, writer) = K::std_pair()?;
        let thread = std::thread::spawn(move || match reading {
            true => drop(K::take_over_reader(reader)),
            false => drop(K::take_over_writer(writer)),
        });
        let message = text_of(&*thread.join().unwrap_err());
        assert!(message.contains("outside a oneloop runtime"), "{message}");
    }
    Ok(())
}

pub async fn a_stream_of_a_dropped_runtime_returns_an_error_and_never_waits<K: Kind>() -> Outcome {
    // On a thread of its own, which has no runtime.
    std::thread::spawn(outlive_the_runtime::<K>).join().expect("the thread without a runtime")
}

fn outlive_the_runtime<K: Kind>() -> Outcome {
    let runtime = oneloop::Runtime::new()?;
    let (mut reader, mut writer) = runtime.block_on(async {
        let (reader, writer) = K::pair().await?;
        assert!(would_block(reader.try_read(&mut [0; 8])));
        writer.try_write(b"x")?;
        within(reader.readable()).await?;
        io::Result::Ok((reader, writer))
    })?;
    drop(runtime);

    // Neither without a runtime nor inside another one. What is there is read still.
    let mut buf = [0; 8];
    assert_eq!(reader.read(&mut buf).now_or_never().expect("no waiting")?, 1);
    assert!(reader.read(&mut buf).now_or_never().expect("no waiting").is_err());
    assert!(reader.readable().now_or_never().expect("no waiting").is_err());
    assert_eq!(writer.try_write(b"y")?, 1);
    run(async {
        let error = reader.read(&mut buf).await.unwrap_err();
        assert!(error.to_string().contains("runtime"), "{error}");
        assert!(reader.readable().await.is_err());
        while writer.write(&[0; 4096]).await.is_ok() {
            oneloop::yield_now().await;
        }
        assert!(writer.writable().await.is_err());
    });
    assert!(writer.write(b"x").now_or_never().expect("no waiting").is_err());
    assert!(writer.writable().now_or_never().expect("no waiting").is_err());
    Ok(())
}
