//! `BrokerError`, the kinds of failures of an operation on the broker. The kind decides the reaction.

use std::fmt;

use redis::{ErrorKind, RedisError};

pub(crate) enum BrokerError {
    /// The connection is broken, or could not be made.
    Connection(String),
    /// The broker can't run the operation now, for instance while it loads its data or fails over.
    NotNow(String),
    /// The queue's stream or group does not exist, because the broker was flushed or is new.
    NoGroup,
    /// Another node of the cluster has the queue.
    Moved(String),
    /// Another attempt does not help, for instance with a wrong password or a key of another type.
    Refused(String),
}

/// The codes of answers after which another attempt may succeed.
const NOT_NOW: [&str; 11] = [
    "LOADING",
    "BUSY",
    "TRYAGAIN",
    "CLUSTERDOWN",
    "MASTERDOWN",
    "READONLY",
    "NOREPLICAS",
    "MISCONF",
    "OOM",
    "UNKILLABLE",
    // The scripts were removed during the load of one of them.
    "NOSCRIPT",
];

impl From<RedisError> for BrokerError {
    fn from(error: RedisError) -> BrokerError {
        let text = error.to_string();
        if let Some((node, _slot)) = error.redirect_node() {
            return BrokerError::Moved(node.to_owned());
        }
        // The place of the code in the text of a script's error depends on the version.
        let words = |code: &str| text.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| word == code);
        let has = |code: &str| error.code() == Some(code) || words(code);
        match error.kind() {
            ErrorKind::Io | ErrorKind::Parse => BrokerError::Connection(text),
            // `UNBLOCKED` is the answer to a blocked read when the stream is deleted.
            _ if has("NOGROUP") || has("UNBLOCKED") => BrokerError::NoGroup,
            _ if NOT_NOW.iter().any(|code| has(code)) => BrokerError::NotNow(text),
            _ if text.contains("max number of clients") => BrokerError::NotNow(text),
            _ => BrokerError::Refused(text),
        }
    }
}

impl fmt::Display for BrokerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BrokerError::Connection(text) | BrokerError::NotNow(text) | BrokerError::Refused(text) => {
                f.write_str(text)
            }
            BrokerError::NoGroup => f.write_str("the queue has no consumer group"),
            BrokerError::Moved(node) => write!(f, "the queue is on the node {node} of the cluster"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::BrokerError;
    use redis::{RedisError, ServerErrorKind, make_extension_error};

    fn failure(code: &str, detail: &str) -> BrokerError {
        make_extension_error(code.to_owned(), Some(detail.to_owned())).into()
    }

    #[test]
    fn temporary_failures_are_distinguished_from_refusals() {
        for code in ["LOADING", "MASTERDOWN", "OOM", "CLUSTERDOWN"] {
            assert!(matches!(failure(code, "Redis says so"), BrokerError::NotNow(_)), "{code}");
        }
        let too_many = failure("ERR", "max number of clients reached");
        assert!(matches!(too_many, BrokerError::NotNow(_)));
        for code in ["WRONGPASS", "NOPERM", "BUSYGROUP", "WRONGTYPE"] {
            assert!(matches!(failure(code, "Redis says so"), BrokerError::Refused(_)), "{code}");
        }
        let loading = RedisError::from((ServerErrorKind::BusyLoading.into(), "Redis is loading"));
        assert!(matches!(loading.into(), BrokerError::NotNow(_)));
    }

    #[test]
    fn a_missing_group_is_recognized_also_in_a_scripts_error() {
        let old = "Error running script (call to f_0): @user_script:9: NOGROUP No such key 'x'";
        for failure in
            [failure("NOGROUP", "No such key"), failure("ERR", old), failure("UNBLOCKED", "the stream")]
        {
            assert!(matches!(failure, BrokerError::NoGroup), "{failure}");
        }
    }
}
