//! The smallest echo server on monoio.

use monoio::io::{AsyncReadRent, AsyncWriteRentExt};
use monoio::net::{TcpListener, TcpStream};

fn main() -> std::io::Result<()> {
    monoio::RuntimeBuilder::<monoio::FusionDriver>::new().build()?.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:7000")?;
        loop {
            let (stream, _) = listener.accept().await?;
            monoio::spawn(echo(stream));
        }
    })
}

async fn echo(mut stream: TcpStream) -> std::io::Result<()> {
    let mut buffer: Vec<u8> = Vec::with_capacity(4096);
    loop {
        let outcome;
        (outcome, buffer) = stream.read(buffer).await;
        if outcome? == 0 {
            return Ok(());
        }
        let outcome;
        (outcome, buffer) = stream.write_all(buffer).await;
        outcome?;
        buffer.clear();
    }
}
