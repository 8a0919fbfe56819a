//! What TCP, Unix streams and pipes promise alike: each promise is one function, and a test for every kind
//! of stream that makes it. What only one type can do is in that type's own module.

mod both_ways;
mod by_hand;
mod bytes;
mod kinds;
mod uninit;
mod waiting;

use std::io::{self, ErrorKind, IoSlice, Read};

use oneloop::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use common::sockets::{Outcome, run, settle, uninterrupted, within};
use kinds::{Kind, WriteEnd};

/// Makes a test of each promise, for each kind of stream in a module of its own: `tcp::NAME`,
/// `unix::NAME`, `pipe::NAME`.
macro_rules! test_each_kind {
    (all: $all:tt sockets: $sockets:tt) => {
        mod tcp {
            test_each_kind!(@of Tcp $all);
            test_each_kind!(@of Tcp $sockets);
        }
        #[cfg(unix)]
        mod unix {
            test_each_kind!(@of Unix $all);
            test_each_kind!(@of Unix $sockets);
        }
        #[cfg(unix)]
        mod pipe {
            test_each_kind!(@of Pipe $all);
        }
    };
    (@of $kind:ident { $($module:ident { $($promise:ident)* })* }) => {
        $($(
            #[test]
            fn $promise() -> super::Outcome {
                super::run(super::$module::$promise::<super::kinds::$kind>())
            }
        )*)*
    };
}

test_each_kind! {
    all: {
        bytes {
            every_byte_arrives_in_order_although_the_buffers_are_small
            the_end_comes_after_the_bytes_that_were_written_before_it
            the_end_is_seen_when_it_comes_after_the_bytes_were_read
            the_end_is_reported_as_often_as_one_asks
            vectored_reads_see_the_end_too
            a_writer_that_filled_the_stream_goes_on_when_it_is_drained
            a_vectored_writer_that_filled_the_stream_goes_on_when_it_is_drained
            several_buffers_are_read_and_written_at_once
            vectored_writes_join_their_pieces
            more_pieces_than_the_system_takes_at_once_are_no_short_write
            more_buffers_than_the_system_takes_at_once_are_no_short_read
            one_byte_at_a_time
            reads_and_writes_of_nothing_are_done_at_once
            a_read_or_write_that_is_cancelled_loses_nothing
            a_read_that_lost_a_select_leaves_its_bytes_to_the_next
            writing_to_a_closed_peer_is_an_error_and_no_signal
            writing_after_close_is_an_error_and_closing_twice_is_not
            buffered_lines_and_copies_work
            the_traits_can_be_used_through_trait_objects
            a_std_object_is_taken_over_and_made_non_blocking
            taking_over_a_std_object_outside_a_runtime_says_so
            a_stream_of_a_dropped_runtime_returns_an_error_and_never_waits
        }
        by_hand {
            several_buffers_are_tried_at_once
            a_full_stream_takes_nothing_of_several_buffers
            buffers_beyond_what_is_used_at_once_are_no_short_read
            an_operation_of_the_programs_own_is_tried_while_the_stream_counts_as_ready
            an_operation_of_the_programs_own_that_moves_a_part_leaves_the_stream_ready
            an_operation_of_the_programs_own_waits_until_the_stream_is_ready
            an_error_of_the_programs_own_operation_is_passed_on_and_readiness_stays
        }
        waiting {
            try_read_says_would_block_and_readable_says_when_to_try_again
            try_write_says_would_block_and_writable_says_when_to_try_again
            a_full_stream_keeps_the_writer_waiting_until_it_is_drained
            a_reader_that_waits_sees_the_end
            a_reader_that_waits_is_woken_from_another_thread
            a_closing_peer_wakes_a_writer_that_waits_for_room
            all_tasks_that_wait_at_one_end_are_woken
            two_tasks_that_read_one_stream_get_every_byte_once
            a_waiter_that_is_dropped_takes_no_wake_up_from_the_others
            a_woken_wait_that_is_dropped_late_takes_no_wake_up_from_a_later_one
            a_task_that_waits_can_be_aborted_and_the_stream_used_on
            foreign_wakers_of_a_combinator_over_many_streams_are_all_woken
            own_and_foreign_wakers_wait_for_one_stream_together
            a_foreign_waker_may_use_and_drop_the_stream_that_wakes_it
            wakers_of_dropped_waits_do_not_accumulate
            many_reads_that_are_ready_at_once_are_all_done
        }
    }
    sockets: {
        both_ways {
            a_pair_talks_both_ways
            the_end_is_seen_when_a_client_writes_and_at_once_shuts_down
            a_half_closed_stream_answers
            eight_mebibytes_go_both_ways_at_once
            many_reads_that_are_ready_at_once_are_all_answered
            peek_takes_nothing
            a_closed_peer_is_the_end_for_reads_and_an_error_of_the_write
            a_peer_that_leaves_unread_bytes_behind_is_a_reset
            closing_leaves_the_other_direction_open
            shutting_down_wakes_our_own_reader
            each_direction_is_shut_down_for_itself
            a_std_stream_that_is_taken_over_talks_both_ways
            both_traits_can_be_used_through_one_trait_object
            the_halves_work_in_different_tasks
            dropping_the_writing_half_ends_what_is_written_and_reading_goes_on
            dropping_the_reading_half_leaves_the_writing_half_alone
            dropping_the_writing_half_of_a_broken_connection_is_quiet
            closing_the_writing_half_and_then_dropping_it_ends_once
            the_split_of_the_io_module_works_on_our_streams
            one_task_reads_while_another_writes_through_shared_references
        }
        uninit {
            a_read_returns_the_bytes_that_it_has_initialised_and_leaves_the_rest
            every_byte_arrives_in_order_in_memory_that_was_not_initialised
            the_end_of_a_client_that_writes_and_at_once_shuts_down_is_an_empty_read
            a_short_read_clears_the_readiness_where_it_drains
            a_read_into_nothing_is_done_at_once_whatever_the_stream_is
            a_read_waits_for_bytes_and_one_that_gave_up_has_taken_none
            two_tasks_read_every_byte_once
            a_task_that_always_finds_bytes_gives_way
            a_reset_is_an_error
            the_half_that_reads_lends_the_stream
            peek_sees_as_much_as_fits
        }
    }
}

/// The size of the buffer with which `read_all` reads.
const BUFFER: usize = 1024;

/// Sizes around the buffer's: the last read is short, or just not, or the end comes alone.
const SIZES: [usize; 8] = [0, 1, BUFFER - 1, BUFFER, BUFFER + 1, 3 * BUFFER - 1, 3 * BUFFER, 3 * BUFFER + 1];

/// Reads to the end.
async fn read_all(mut stream: impl AsyncRead + Unpin) -> io::Result<Vec<u8>> {
    let mut all = Vec::new();
    let mut buf = [0; BUFFER];
    loop {
        match stream.read(&mut buf).await? {
            0 => return Ok(all),
            n => all.extend_from_slice(&buf[..n]),
        }
    }
}

fn would_block<T>(result: io::Result<T>) -> bool {
    result.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
}

/// Writes pieces until the stream is full and the writer waits. Returns how many bytes that took, and the
/// writer's wait.
async fn fill<'w, K: Kind>(
    writer: &'w K::Writer,
    piece: &[u8],
) -> io::Result<(usize, impl Future<Output = io::Result<()>> + Unpin + use<'w, K>)> {
    let mut written = 0;
    loop {
        loop {
            match writer.try_write(piece) {
                Ok(n) => written += n,
                Err(error) => break assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}"),
            }
        }
        let mut writable = writer.writable();
        assert!(futures::poll!(&mut writable).is_pending(), "nothing fits, and it counts as writable");
        assert!(would_block(writer.try_write(piece)));
        settle().await;
        if futures::poll!(&mut writable).is_pending() {
            assert!(written >= 512, "only {written} bytes fit");
            return Ok((written, writable));
        }
        assert!(K::ROOM_COMES_LATE, "there is room after {written} bytes, although nothing was read");
    }
}

/// Reads as many bytes as were written, and no more.
fn drain(reader: &mut impl Read, mut written: usize) -> Outcome {
    let mut buf = vec![0; 1 << 16];
    while written > 0 {
        let len = written.min(buf.len());
        match uninterrupted(|| reader.read(&mut buf[..len]))? {
            0 => return Err(ErrorKind::UnexpectedEof.into()),
            n => written -= n,
        }
    }
    Ok(())
}

/// Writes a byte now, although the stream may count as full for a moment still.
async fn write_byte(writer: &impl WriteEnd) -> Outcome {
    while would_block(writer.try_write(b"x")) {
        within(writer.writable()).await?;
    }
    Ok(())
}

/// Writes until that is an error. The first write need not be one: TCP learns from the answer to a write
/// that the other end is closed, and a process that another test is just starting has a copy of the other
/// end until it runs its own program.
async fn error_of_writing(mut writer: impl AsyncWrite + Unpin) -> io::Error {
    loop {
        match within(writer.write(b"x")).await {
            Ok(n) => assert_eq!(n, 1),
            Err(error) => return error,
        }
        oneloop::yield_now().await;
    }
}

/// The same with several pieces.
async fn error_of_writing_vectored(mut writer: impl AsyncWrite + Unpin) -> io::Error {
    loop {
        match within(writer.write_vectored(&[IoSlice::new(b""), IoSlice::new(b"x")])).await {
            Ok(n) => assert_eq!(n, 1),
            Err(error) => return error,
        }
        oneloop::yield_now().await;
    }
}
