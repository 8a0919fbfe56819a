//! Tasks and wakers that wait for a stream: each of them is woken, and none takes a wake-up from another.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::io::{Read, Write};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};

use futures::StreamExt;
use futures::future::join_all;
use futures::stream::FuturesUnordered;
use oneloop::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};

use super::kinds::{Kind, ReadEnd, WriteEnd};
use super::*;
use common::sockets::{CountingWaker, pattern};

pub async fn try_read_says_would_block_and_readable_says_when_to_try_again<K: Kind>() -> Outcome {
    for &how in K::ENDS {
        let (mut writer, reader) = K::from_std().await?;
        let mut buf = [0; 8];
        for round in 0..20u8 {
            assert!(would_block(reader.try_read(&mut buf)));
            let mut readable = reader.readable();
            assert!(futures::poll!(&mut readable).is_pending());
            writer.write_all(&[round; 3])?;
            within(readable).await?;
            assert_eq!(reader.try_read(&mut buf)?, 3);
            assert_eq!(buf[..3], [round; 3]);
        }
        let _open = K::end(writer, how)?;
        within(reader.readable()).await?;
        let mut read = reader.try_read(&mut buf);
        while read.as_ref().is_err_and(|error| error.kind() == ErrorKind::WouldBlock) {
            within(reader.readable()).await?;
            read = reader.try_read(&mut buf);
        }
        assert_eq!(read?, 0);
    }
    Ok(())
}

pub async fn try_write_says_would_block_and_writable_says_when_to_try_again<K: Kind>() -> Outcome {
    let (mut reader, writer) = K::pair().await?;
    assert_eq!(writer.try_write(b"there")?, 5);
    reader.read_exact(&mut [0; 5]).await?;
    for _ in 0..3 {
        let (written, writable) = fill::<K>(&writer, &[7; 5000]).await?;
        within(reader.read_exact(&mut vec![0; written])).await?;
        within(writable).await?;
        write_byte(&writer).await?; // a spurious wake-up is allowed
        within(reader.read_exact(&mut [0])).await?;
    }
    Ok(())
}

pub async fn a_full_stream_keeps_the_writer_waiting_until_it_is_drained<K: Kind>() -> Outcome {
    let (writer, mut reader) = K::to_std().await?;
    // Of every size: the last write before the stream is full may be a short one, or not.
    for size in [1 << 10, 3000, 10_000, 100_000, 1 << 20] {
        for _ in 0..3 {
            let (written, writable) = fill::<K>(&writer, &pattern(size, 1)).await?;
            drain(&mut reader, written)?;
            within(writable).await?;
            write_byte(&writer).await?;
            reader.read_exact(&mut [0])?;
        }
    }
    Ok(())
}

pub async fn a_reader_that_waits_sees_the_end<K: Kind>() -> Outcome {
    for closed in [false, true] {
        let (reader, mut writer) = K::pair().await?;
        let reading = oneloop::spawn(async move { reader.reading().read(&mut [0; 8]).await });
        settle().await;
        assert!(!reading.is_finished());
        if closed {
            writer.close().await?;
        } else {
            drop(writer);
        }
        assert_eq!(within(reading).await.unwrap()?, 0);
    }
    Ok(())
}

pub async fn a_reader_that_waits_is_woken_from_another_thread<K: Kind>() -> Outcome {
    let (mut theirs, mut reader) = K::from_std().await?;
    let mut buf = [0; 8];
    let mut reading = Box::pin(reader.read(&mut buf));
    assert!(futures::poll!(&mut reading).is_pending());
    let thread = std::thread::spawn(move || theirs.write_all(b"x"));
    assert_eq!(within(reading).await?, 1);
    thread.join().expect("the writing thread")
}

pub async fn a_closing_peer_wakes_a_writer_that_waits_for_room<K: Kind>() -> Outcome {
    // A writer that has waited before, and one that has not.
    for filled in [false, true] {
        let (mut writer, reader) = K::to_std().await?;
        if filled {
            drop(fill::<K>(&writer, &[7; 5000]).await?);
        }
        let writing = oneloop::spawn(async move {
            loop {
                if let Err(error) = writer.write(&[0; 4096]).await {
                    return error;
                }
            }
        });
        settle().await;
        assert!(!writing.is_finished());
        drop(reader);
        let error = within(writing).await.unwrap();
        assert!(K::is_broken(error.kind(), true), "{error}");
    }
    Ok(())
}

/// Three tasks that wait.
async fn three<F: Future<Output = Outcome> + 'static>(
    wait: impl Fn() -> F,
) -> [oneloop::JoinHandle<Outcome>; 3] {
    let tasks = [(); 3].map(|()| oneloop::spawn(wait()));
    settle().await;
    tasks
}

pub async fn all_tasks_that_wait_at_one_end_are_woken<K: Kind>() -> Outcome {
    let (mut theirs, reader) = K::from_std().await?;
    let reader = Rc::new(reader);
    for _ in 0..10 {
        assert!(would_block(reader.try_read(&mut [0; 8])));
        let tasks = three(|| wait_to_read(&reader)).await;
        assert!(tasks.iter().all(|task| !task.is_finished()));
        theirs.write_all(b"x")?;
        for task in tasks {
            within(task).await.unwrap()?;
        }
        assert_eq!(reader.try_read(&mut [0; 8])?, 1);
    }

    let (mut reader, writer) = K::pair().await?;
    let writer = Rc::new(writer);
    let (written, waiting) = fill::<K>(&writer, &[7; 5000]).await?;
    drop(waiting);
    let tasks = three(|| {
        let writer = writer.clone();
        async move { writer.writable().await }
    });
    let tasks = tasks.await;
    assert!(K::ROOM_COMES_LATE || tasks.iter().all(|task| !task.is_finished()));
    within(reader.read_exact(&mut vec![0; written])).await?;
    for task in tasks {
        within(task).await.unwrap()?;
    }

    assert!(would_block(reader.try_read(&mut [0; 8])));
    let reader = Rc::new(reader);
    let tasks = three(|| wait_to_read(&reader)).await;
    assert!(tasks.iter().all(|task| !task.is_finished()));
    write_byte(&*writer).await?;
    for task in tasks {
        within(task).await.unwrap()?;
    }
    Ok(())
}

fn wait_to_read<R: ReadEnd>(reader: &Rc<R>) -> impl Future<Output = Outcome> + use<R> {
    let reader = reader.clone();
    async move { reader.readable().await }
}

pub async fn two_tasks_that_read_one_stream_get_every_byte_once<K: Kind>() -> Outcome {
    for &how in K::ENDS {
        let (mut writer, reader) = K::from_std().await?;
        let reader = Rc::new(reader);
        let sum = Rc::new(Cell::new(0u64));
        let tasks = [(); 3].map(|()| {
            let (reader, sum) = (reader.clone(), sum.clone());
            oneloop::spawn(async move {
                let mut buf = [0; 100];
                loop {
                    match reader.reading().read(&mut buf).await? {
                        0 => return Outcome::Ok(()),
                        n => sum.set(sum.get() + buf[..n].iter().map(|&b| u64::from(b)).sum::<u64>()),
                    }
                }
            })
        });
        let bytes = pattern(20_000, 1);
        for piece in bytes.chunks(333) {
            writer.write_all(piece)?;
            oneloop::yield_now().await;
        }
        let _open = K::end(writer, how)?;
        for task in tasks {
            within(task).await.unwrap()?; // the end is for all of them
        }
        assert_eq!(sum.get(), bytes.iter().map(|&b| u64::from(b)).sum::<u64>());
    }
    Ok(())
}

pub async fn a_waiter_that_is_dropped_takes_no_wake_up_from_the_others<K: Kind>() -> Outcome {
    let (mut writer, reader) = K::from_std().await?;
    assert!(would_block(reader.try_read(&mut [0; 8])));
    let reader = Rc::new(reader);
    let [first, second, third] = three(|| wait_to_read(&reader)).await;
    first.abort();
    drop(first);
    third.abort();
    assert!(third.await.unwrap_err().is_cancelled());
    writer.write_all(b"x")?;
    within(second).await.unwrap()?;
    // A later one in the place of the aborted ones.
    assert_eq!(reader.try_read(&mut [0; 8])?, 1);
    assert!(would_block(reader.try_read(&mut [0; 8])));
    let fourth = oneloop::spawn(wait_to_read(&reader));
    settle().await;
    assert!(!fourth.is_finished());
    writer.write_all(b"x")?;
    within(fourth).await.unwrap()
}

/// A key of the wait list that an event freed would go to the third future, and the second one's drop would free it again.
pub async fn a_woken_wait_that_is_dropped_late_takes_no_wake_up_from_a_later_one<K: Kind>() -> Outcome {
    let (mut writer, reader) = K::from_std().await?;
    assert!(would_block(reader.try_read(&mut [0; 8])));
    let counts = [(); 3].map(|()| Arc::new(CountingWaker::default()));
    let [mut first, mut second, mut third] = [(); 3].map(|()| reader.readable());
    let poll = |wait: &mut oneloop::Ready<'_>, count: usize| {
        let waker = Waker::from(counts[count].clone());
        Pin::new(wait).poll(&mut Context::from_waker(&waker)).is_pending()
    };
    assert!(poll(&mut first, 0) && poll(&mut second, 1));
    writer.write_all(b"x")?;
    within(reader.readable()).await?;
    assert_eq!(reader.try_read(&mut [0; 8])?, 1);
    assert!(would_block(reader.try_read(&mut [0; 8])));
    assert!(poll(&mut third, 2));
    drop(second);
    writer.write_all(b"x")?;
    within(reader.readable()).await?;
    settle().await;
    assert_eq!(counts.map(|count| count.count()), [1; 3]);
    Ok(())
}

pub async fn a_task_that_waits_can_be_aborted_and_the_stream_used_on<K: Kind>() -> Outcome {
    let (reader, mut writer) = K::pair().await?;
    let reader = Rc::new(reader);
    let waiting = oneloop::spawn({
        let reader = reader.clone();
        async move { reader.reading().read(&mut [0; 8]).await }
    });
    settle().await;
    waiting.abort();
    assert!(waiting.await.unwrap_err().is_cancelled());
    writer.write_all(b"x").await?;
    assert_eq!(within(reader.reading().read(&mut [0; 8])).await?, 1);
    Ok(())
}

pub async fn foreign_wakers_of_a_combinator_over_many_streams_are_all_woken<K: Kind>() -> Outcome {
    let mut pairs = Vec::new();
    for _ in 0..50 {
        pairs.push(K::from_std().await?);
    }
    for _ in 0..3 {
        assert!(pairs.iter().all(|(_, reader)| would_block(reader.try_read(&mut [0; 8]))));
        let (writers, readers): (Vec<_>, Vec<_>) =
            pairs.iter_mut().map(|(writer, reader)| (writer, &*reader)).unzip();
        let mut waits: FuturesUnordered<_> = (readers.iter().enumerate())
            .map(|(number, reader)| async move { reader.readable().await.map(|()| number) })
            .collect();
        assert!(futures::poll!(waits.next()).is_pending());
        for (number, writer) in writers.into_iter().enumerate().rev() {
            writer.write_all(b"x")?;
            // In the order of their readiness, and each woken by its own stream.
            assert_eq!(within(waits.next()).await.expect("there are more")?, number);
            assert_eq!(readers[number].try_read(&mut [0; 8])?, 1);
        }
        assert!(waits.next().await.is_none());
    }
    Ok(())
}

pub async fn own_and_foreign_wakers_wait_for_one_stream_together<K: Kind>() -> Outcome {
    let (mut writer, reader) = K::from_std().await?;
    assert!(would_block(reader.try_read(&mut [0; 8])));
    let reader = Rc::new(reader);
    let task = oneloop::spawn(wait_to_read(&reader));
    let counts = [(); 3].map(|()| Arc::new(CountingWaker::default()));
    let mut waits = [(); 3].map(|()| reader.readable());
    for (count, wait) in counts.iter().zip(&mut waits) {
        let waker = Waker::from(count.clone());
        let mut cx = Context::from_waker(&waker);
        // Twice: the same waker is woken once.
        for _ in 0..2 {
            assert!(Pin::new(&mut *wait).poll(&mut cx).is_pending());
        }
    }
    settle().await;
    writer.write_all(b"x")?;
    within(task).await.unwrap()?;
    reader.readable().await?;
    assert_eq!(counts.map(|count| count.count()), [1; 3]);
    Ok(())
}

thread_local! {
    /// What the waker of the test below does. It owns the stream.
    static ON_WAKE: RefCell<Option<Box<dyn FnOnce()>>> = const { RefCell::new(None) };
}

/// Foreign wakers are foreign code: nothing of the loop may be borrowed while they run.
pub async fn a_foreign_waker_may_use_and_drop_the_stream_that_wakes_it<K: Kind>() -> Outcome {
    struct DropStream;
    impl Wake for DropStream {
        fn wake(self: Arc<Self>) {
            ON_WAKE.take().expect("woken once")();
        }
    }
    let (mut writer, reader) = K::from_std().await?;
    assert!(would_block(reader.try_read(&mut [0; 8])));
    let waker = Waker::from(Arc::new(DropStream));
    // Through a `poll_*` form, whose waiter is no future that would borrow the reader.
    let polled = Pin::new(&mut reader.reading()).poll_read(&mut Context::from_waker(&waker), &mut [0; 8]);
    assert!(polled.is_pending());
    ON_WAKE.set(Some(Box::new(move || {
        assert_eq!(reader.try_read(&mut [0; 8]).unwrap(), 1);
        let (another, _writer) = K::std_pair().unwrap();
        drop((K::take_over_reader(another).unwrap(), reader));
    })));
    writer.write_all(b"x")?;
    while ON_WAKE.with_borrow(Option::is_some) {
        settle().await;
    }
    // The stream is closed. (See `error_of_writing`.)
    let error = loop {
        match uninterrupted(|| writer.write(b"x")) {
            Ok(n) => assert_eq!(n, 1),
            Err(error) => break error,
        }
        settle().await;
    };
    assert!(K::is_broken(error.kind(), true), "{error}");
    Ok(())
}

/// A loop that serves an idle connection for months must not keep a waker of every look at it.
pub async fn wakers_of_dropped_waits_do_not_accumulate<K: Kind>() -> Outcome {
    let (mut writer, mut reader) = K::from_std().await?;
    let counts: Vec<_> = (0..10_000).map(|_| Arc::new(CountingWaker::default())).collect();
    let mut buf = [0; 8];
    for (number, count) in counts.iter().enumerate() {
        let waker = Waker::from(count.clone());
        let polled = Pin::new(&mut reader).poll_read(&mut Context::from_waker(&waker), &mut buf);
        assert!(polled.is_pending());
        if number % 10 == 0 {
            oneloop::yield_now().await;
        }
    }
    let kept = counts.iter().filter(|count| Arc::strong_count(count) > 1).count();
    assert!(kept < counts.len() / 10, "{kept} of {} wakers are kept", counts.len());
    // The reactor can't tell which futures were dropped, so each waker has been woken: earlier, or by the
    // event.
    writer.write_all(b"x")?;
    within(reader.read_exact(&mut buf[..1])).await?;
    assert!(counts.iter().all(|count| count.count() > 0));
    Ok(())
}

pub async fn many_reads_that_are_ready_at_once_are_all_done<K: Kind>() -> Outcome {
    let mut pairs = Vec::new();
    for number in 0..100u8 {
        let (mut writer, reader) = K::from_std().await?;
        writer.write_all(&[number])?;
        pairs.push((writer, reader));
    }
    // More at once than the budget of one poll allows, in one task.
    let reads = pairs.iter().map(|(_, reader)| async move {
        let mut byte = [0];
        reader.reading().read_exact(&mut byte).await?;
        io::Result::Ok(byte[0])
    });
    let all: Result<Vec<_>, _> = join_all(reads).await.into_iter().collect();
    assert!(all?.into_iter().eq(0..100));
    Ok(())
}
