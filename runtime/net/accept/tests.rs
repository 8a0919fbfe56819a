use super::*;

/// A unit test, because no test can make the system return these errors.
#[test]
fn an_aborted_connection_is_skipped_and_any_other_error_of_accept_is_returned() {
    use libc::{EAGAIN, ECONNABORTED, EMFILE, ENETUNREACH};
    for (errors, expected) in [
        (&[ECONNABORTED, ENETUNREACH][..], None),
        (&[ECONNABORTED, EAGAIN], Some(EAGAIN)),
        (&[EMFILE], Some(EMFILE)),
    ] {
        let mut errors = errors.iter();
        let next = || errors.next().map_or(Ok("stream"), |&error| Err(io::Error::from_raw_os_error(error)));
        let outcome = skip_broken(next);
        assert_eq!(outcome.err().and_then(|error| error.raw_os_error()), expected);
        assert_eq!(errors.count(), 0, "each error was tried");
    }
}
