//! tokio's traits on the streams of a child, with the feature `tokio-io`.
#![cfg(all(feature = "process", feature = "tokio-io"))]

use futures::future::try_join;
use oneloop::process::{Command, Stdio};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use common::sockets::{Outcome, pattern, run, within};

/// Both ways at once, more than any pipe holds.
#[test]
#[cfg_attr(windows, ignore = "there is no such program")]
fn bytes_written_to_a_child_come_back() -> Outcome {
    run(async {
        let mut child = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut stdin = child.stdin.take().expect("it is piped");
        let mut stdout = child.stdout.take().expect("it is piped");
        let bytes = pattern(1 << 20, 1);
        let writing = async {
            stdin.write_all(&bytes).await?;
            stdin.shutdown().await
        };
        let mut all = Vec::new();
        try_join(writing, stdout.read_to_end(&mut all)).await?;
        assert!(all == bytes);
        assert!(within(child.wait()).await?.success());
        Ok(())
    })
}

#[test]
fn the_error_output_of_a_child_is_read() -> Outcome {
    run(async {
        let (shell, option) = if cfg!(windows) { ("cmd", "/C") } else { ("sh", "-c") };
        let mut child = Command::new(shell).args([option, "echo no>&2"]).stderr(Stdio::piped()).spawn()?;
        let mut text = String::new();
        let mut stderr = child.stderr.take().expect("it is piped");
        within(stderr.read_to_string(&mut text)).await?;
        assert_eq!(text.trim(), "no");
        within(child.wait()).await.map(drop)
    })
}
