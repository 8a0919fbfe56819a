//! The smallest echo server on compio.

use compio::BufResult;
use compio::io::{AsyncRead, AsyncWriteExt};
use compio::net::{TcpListener, TcpStream};

fn main() -> std::io::Result<()> {
    compio::runtime::Runtime::new()?.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:7000").await?;
        loop {
            let (stream, _) = listener.accept().await?;
            compio::runtime::spawn(echo(stream)).detach();
        }
    })
}

async fn echo(mut stream: TcpStream) -> std::io::Result<()> {
    let mut buffer = Vec::with_capacity(4096);
    loop {
        let BufResult(outcome, filled) = stream.read(buffer).await;
        if outcome? == 0 {
            return Ok(());
        }
        let BufResult(outcome, sent) = stream.write_all(filled).await;
        outcome?;
        buffer = sent;
        buffer.clear();
    }
}
