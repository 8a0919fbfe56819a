//! One protocol over any stream: messages with their length in front, over TCP and over a Unix socket.
//!
//! From the articles: "efficient protocols using transports". A stream carries bytes without the bounds
//! of messages. A codec finds where one message ends and the next begins.
//!
//! ```text
//! cargo run --release --example framed_messages
//! ```
//!
//! Notice that `serve` and `talk` work over any stream, and that the pieces in which the bytes arrive
//! do not matter. The codec checks a length *before* it waits for the bytes, so a peer can't make the
//! server reserve memory.

#[path = "shared/demo.rs"]
mod demo;

use std::io::{self, ErrorKind};
use std::process::ExitCode;
use std::time::Duration;

use asynchronous_codec::{BytesMut, Decoder, Encoder, Framed};
use demo::{Outcome, say};
use futures::{SinkExt, StreamExt};
use oneloop::Runtime;
use oneloop::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use oneloop::net::{TcpListener, TcpStream};
use oneloop::time::sleep;

fn main() -> ExitCode {
    demo::run("Speaks one framed protocol over different streams.", || {
        Runtime::new()?.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            let client = TcpStream::connect(listener.local_addr()?).await?;
            // Without this the system may gather small writes into one segment.
            client.set_nodelay(true)?;
            let (server, _) = listener.accept().await?;
            show("TCP", client, server).await?;

            #[cfg(unix)]
            {
                let (client, server) = oneloop::net::UnixStream::pair()?;
                show("a Unix socket", client, server).await?;
            }
            Ok(())
        })
    })
}

/// A frame is the length of its text, as two bytes in network order, and the text.
struct Text;

impl Text {
    const HEADER_BYTES: usize = 2;
    const BYTES_MAX: usize = 32;
}

fn invalid(reason: impl ToString) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, reason.to_string())
}

/// Refuses a frame that is too long to send or to receive.
fn check_length(bytes: usize) -> io::Result<()> {
    if bytes <= Text::BYTES_MAX {
        return Ok(());
    }
    Err(invalid(format!("a frame of {bytes} bytes; at most {} are allowed", Text::BYTES_MAX)))
}

impl Encoder for Text {
    type Item<'a> = &'a str;
    type Error = io::Error;

    fn encode(&mut self, text: &str, buffer: &mut BytesMut) -> io::Result<()> {
        check_length(text.len())?;
        buffer.extend_from_slice(&(text.len() as u16).to_be_bytes());
        buffer.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

impl Decoder for Text {
    type Item = String;
    type Error = io::Error;

    /// Decodes the bytes that have arrived so far. Returns `None` if it needs more.
    fn decode(&mut self, buffer: &mut BytesMut) -> io::Result<Option<String>> {
        let Some(header) = buffer.first_chunk() else { return Ok(None) };
        let length = u16::from_be_bytes(*header).into();
        check_length(length)?;
        let end = Text::HEADER_BYTES + length;
        if buffer.len() < end {
            return Ok(None);
        }
        let frame = buffer.split_to(end);
        String::from_utf8(frame[Text::HEADER_BYTES..].to_vec()).map(Some).map_err(invalid)
    }
}

/// Runs the same exchange over any kind of stream. Both ends run on this loop.
async fn show<S>(name: &str, client: S, server: S) -> Outcome
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    say!("over {name}:");
    let server = oneloop::spawn(serve(server));
    talk(client).await?;
    match server.await? {
        Err(error) => say!("  server: refused: {error}"),
        Ok(()) => say!("  server: the client is done"),
    }
    Ok(())
}

/// Answers each frame, until the stream ends or the bytes are not a frame.
async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<()> {
    let mut frames = Framed::new(stream, Text);
    while let Some(text) = frames.next().await {
        let text = text?;
        say!("  server: {text:?}");
        frames.send(&text.to_uppercase()).await?;
    }
    Ok(())
}

async fn talk(stream: impl AsyncRead + AsyncWrite + Unpin) -> Outcome {
    let mut frames = Framed::new(stream, Text);
    frames.send("a whole frame").await?;
    expect_answers(&mut frames, 1).await?;

    // From here on the client writes its own bytes without the codec, to the stream that `Framed` gives
    // access to.
    let bytes = b"\x00\x0cbyte by byte";
    say!("  client: {} writes of one byte each", bytes.len());
    for byte in bytes.chunks(1) {
        frames.write_all(byte).await?;
        sleep(Duration::from_millis(1)).await;
    }
    expect_answers(&mut frames, 1).await?;

    say!("  client: two frames in one write");
    frames.write_all(b"\x00\x03one\x00\x03two").await?;
    expect_answers(&mut frames, 2).await?;

    say!("  client: a header that announces 65535 bytes");
    frames.write_all(b"\xff\xff").await?;
    // The server closes the connection.
    let left = frames.read(&mut [0; 1]).await?;
    say!("  client: {}", if left == 0 { "the server has closed the connection" } else { "an answer?" });
    Ok(())
}

async fn expect_answers<S>(frames: &mut Framed<S, Text>, count: usize) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    for _ in 0..count {
        let answer = frames.next().await.ok_or(ErrorKind::UnexpectedEof)??;
        say!("  client: the answer is {answer:?}");
    }
    Ok(())
}
