//! What a program does that only tries: several buffers at once, and operations of its own.

use std::future::poll_fn;
use std::io::{IoSlice, IoSliceMut, Read, Write};

use super::kinds::{Kind, ReadEnd, WriteEnd, same_file};
use super::*;
use common::sockets::pattern;

pub async fn several_buffers_are_tried_at_once<K: Kind>() -> Outcome {
    let (reader, writer) = K::pair().await?;
    assert_eq!(reader.try_read_vectored(&mut [])?, 0);
    assert_eq!(reader.try_read_vectored(&mut [IoSliceMut::new(&mut [])])?, 0);
    assert_eq!(writer.try_write_vectored(&[])?, 0);
    assert_eq!(writer.try_write_vectored(&[IoSlice::new(b"")])?, 0);
    for round in 0..20u8 {
        let (mut head, mut body) = ([0; 2], [0; 16]);
        let mut bufs = [IoSliceMut::new(&mut []), IoSliceMut::new(&mut head), IoSliceMut::new(&mut body)];
        assert!(would_block(reader.try_read_vectored(&mut bufs)));
        let mut readable = reader.readable();
        assert!(futures::poll!(&mut readable).is_pending());
        let text = [b'h', b'e', b'l', b'l', round];
        let pieces = [IoSlice::new(b""), IoSlice::new(&text[..1]), IoSlice::new(&text[1..])];
        assert_eq!(writer.try_write_vectored(&pieces)?, 5);
        within(readable).await?;
        assert_eq!(reader.try_read_vectored(&mut bufs)?, 5);
        assert_eq!((&head, &body[..3]), (b"he", &text[2..]));
    }
    Ok(())
}

pub async fn a_full_stream_takes_nothing_of_several_buffers<K: Kind>() -> Outcome {
    let (mut reader, writer) = K::pair().await?;
    for _ in 0..3 {
        let (written, writable) = fill::<K>(&writer, &[7; 5000]).await?;
        assert!(would_block(writer.try_write_vectored(&[IoSlice::new(b"x"), IoSlice::new(b"y")])));
        within(reader.read_exact(&mut vec![0; written])).await?;
        within(writable).await?;
        while would_block(writer.try_write_vectored(&[IoSlice::new(b""), IoSlice::new(b"x")])) {
            within(writer.writable()).await?; // a spurious wake-up is allowed
        }
        within(reader.read_exact(&mut [0])).await?;
    }
    Ok(())
}

pub async fn buffers_beyond_what_is_used_at_once_are_no_short_read<K: Kind>() -> Outcome {
    let (mut writer, reader) = K::from_std().await?;
    let bytes = pattern(3000, 5);
    writer.write_all(&bytes)?; // and the stream stays open: no other event comes
    let mut all = Vec::new();
    while all.len() < bytes.len() {
        let mut buf = [0; 100];
        let mut pieces: Vec<_> = buf.chunks_mut(1).map(IoSliceMut::new).collect();
        match reader.try_read_vectored(&mut pieces) {
            Ok(n) => all.extend_from_slice(&buf[..n]),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                within(reader.readable()).await?;
            }
        }
    }
    assert_eq!(all, bytes);
    Ok(())
}

pub async fn an_operation_of_the_programs_own_is_tried_while_the_stream_counts_as_ready<K: Kind>() -> Outcome
{
    let (reader, writer) = K::pair().await?;
    let (mut read_from, mut write_to) = (same_file(&reader)?, same_file(&writer)?);
    let mut buf = [0; 16];
    for round in 0..20u8 {
        assert!(would_block(reader.try_to_read(|| read_from.read(&mut buf))));
        let not_called = reader.try_to_read(|| -> Outcome { panic!("nothing is there") });
        assert!(would_block(not_called));
        let mut readable = reader.readable();
        assert!(futures::poll!(&mut readable).is_pending());
        assert_eq!(writer.try_to_write(|| write_to.write(&[round; 5]))?, 5);
        within(readable).await?;
        assert_eq!(reader.try_to_read(|| read_from.read(&mut buf))?, 5);
        assert_eq!(buf[..5], [round; 5]);
    }
    Ok(())
}

/// It may have asked for a part, which the library doesn't know.
pub async fn an_operation_of_the_programs_own_that_moves_a_part_leaves_the_stream_ready<K: Kind>() -> Outcome
{
    let (reader, writer) = K::pair().await?;
    let mut read_from = same_file(&reader)?;
    let mut buf = [0; 16];
    assert!(would_block(reader.try_read(&mut buf)));
    assert_eq!(writer.try_write(b"hello")?, 5);
    within(reader.readable()).await?;
    assert_eq!(reader.try_to_read(|| read_from.read(&mut buf))?, 5);
    let mut called = false;
    let drained = reader.try_to_read(|| {
        called = true;
        read_from.read(&mut buf)
    });
    assert!(would_block(drained) && called);
    assert!(futures::poll!(&mut reader.readable()).is_pending());
    Ok(())
}

pub async fn an_operation_of_the_programs_own_waits_until_the_stream_is_ready<K: Kind>() -> Outcome {
    let (reader, writer) = K::pair().await?;
    let (mut read_from, mut write_to) = (same_file(&reader)?, same_file(&writer)?);
    for round in 0..20u8 {
        let mut buf = [0; 16];
        let mut reading = Box::pin(reader.wait_to_read(|| read_from.read(&mut buf)));
        assert!(futures::poll!(&mut reading).is_pending());
        let mut ready = Box::pin(poll_fn(|cx| reader.poll_readable(cx)));
        assert!(futures::poll!(&mut ready).is_pending());
        poll_fn(|cx| writer.poll_writable(cx)).await?;
        assert_eq!(writer.wait_to_write(|| write_to.write(&[round; 3])).await?, 3);
        within(ready).await?;
        assert_eq!(within(reading).await?, 3);
        assert_eq!(buf[..3], [round; 3]);
    }

    // Room, too, is waited for.
    let (written, writable) = fill::<K>(&writer, &[7; 5000]).await?;
    drop(writable);
    let mut writing = Box::pin(writer.wait_to_write(|| write_to.write(b"x")));
    assert!(futures::poll!(&mut writing).is_pending());
    let mut left = written;
    let mut buf = vec![0; 1 << 16];
    while left > 0 {
        let len = left.min(buf.len());
        left -= within(reader.wait_to_read(|| read_from.read(&mut buf[..len]))).await?;
    }
    assert_eq!(within(writing).await?, 1);
    Ok(())
}

pub async fn an_error_of_the_programs_own_operation_is_passed_on_and_readiness_stays<K: Kind>() -> Outcome {
    let (mut theirs, reader) = K::from_std().await?;
    let mut read_from = same_file(&reader)?;
    theirs.write_all(b"x")?;
    within(reader.readable()).await?;
    let error = reader.try_to_read(|| -> Outcome { Err(ErrorKind::InvalidData.into()) });
    assert_eq!(error.unwrap_err().kind(), ErrorKind::InvalidData);
    let error: Outcome = reader.wait_to_read(|| Err(ErrorKind::InvalidData.into())).await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::InvalidData);
    let mut interruptions = 0;
    let read = reader.wait_to_read(|| {
        interruptions += 1;
        if interruptions < 3 { Err(ErrorKind::Interrupted.into()) } else { read_from.read(&mut [0; 8]) }
    });
    assert_eq!(within(read).await?, 1);
    Ok(())
}
