use super::*;

/// Here, because no test can make the system say so.
#[test]
fn a_connection_that_was_broken_off_is_passed_over_and_what_else_an_accept_says_is_not() {
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
        assert_eq!(errors.count(), 0, "each was tried");
    }
}
