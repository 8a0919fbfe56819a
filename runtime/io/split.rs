//! The two halves of a stream.

use std::error::Error;
use std::fmt;
use std::io;
use std::rc::Rc;

use super::stream::{forward_read, forward_write};

/// Splits a stream. `close_write` shuts writing down.
pub(crate) fn split<S>(stream: S, close_write: fn(&S) -> io::Result<()>) -> (ReadHalf<S>, WriteHalf<S>) {
    let stream = Rc::new(stream);
    (ReadHalf { stream: stream.clone() }, WriteHalf { stream, close_write })
}

/// The half of a stream that reads, made by `into_split`. `AsRef` returns the whole stream, for its
/// other methods. Dropping this half closes nothing as long as the other half exists.
///
/// # Cancel safety
///
/// Reading is as cancel safe as the stream: the bytes that were read are returned in the same poll.
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use oneloop::io::AsyncReadExt;
///
/// oneloop::block_on(async {
/// #     let listener = oneloop::net::TcpListener::bind("127.0.0.1:0").await?;
/// #     let mut stream = oneloop::net::TcpStream::connect(listener.local_addr()?).await?;
/// #     let (mut peer, _) = listener.accept().await?;
/// #     oneloop::io::AsyncWriteExt::write_all(&mut peer, b"hello").await?;
///     let (mut reader, _writer) = stream.into_split();
///     let mut text = [0; 5];
///     reader.read_exact(&mut text).await?;
///     assert_eq!(&text, b"hello");
///     assert_eq!(reader.as_ref().peer_addr()?, peer.local_addr()?);
/// #   Ok(())
/// })
/// # }
/// ```
#[derive(Debug)]
pub struct ReadHalf<S> {
    stream: Rc<S>,
}

/// The half of a stream that writes, made by `into_split`. `AsRef` returns the whole stream, for
/// its other methods.
///
/// Dropping this half shuts writing down, and the peer reads the end of the stream. The drop does
/// not report an error, and `close` does.
///
/// # Cancel safety
///
/// Writing is as cancel safe as the stream: the number of written bytes is returned in the same
/// poll.
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use oneloop::io::{AsyncReadExt, AsyncWriteExt};
///
/// oneloop::block_on(async {
/// #     let listener = oneloop::net::TcpListener::bind("127.0.0.1:0").await?;
/// #     let mut stream = oneloop::net::TcpStream::connect(listener.local_addr()?).await?;
/// #     let (mut peer, _) = listener.accept().await?;
///     let (_reader, mut writer) = stream.into_split();
///     writer.write_all(b"bye").await?;
///     writer.close().await?;
///     let mut text = String::new();
///     peer.read_to_string(&mut text).await?;
///     assert_eq!(text, "bye");
/// #   Ok(())
/// })
/// # }
/// ```
#[derive(Debug)]
pub struct WriteHalf<S> {
    stream: Rc<S>,
    close_write: fn(&S) -> io::Result<()>,
}

forward_read!(
    [<S>] ReadHalf<S>,
    [where for<'a> &'a S: futures_io::AsyncRead],
    |this| &mut &*this.stream
);
forward_write!(
    [<S>] WriteHalf<S>,
    [where for<'a> &'a S: futures_io::AsyncWrite],
    |this| &mut &*this.stream
);

impl<S> AsRef<S> for ReadHalf<S> {
    /// Returns the whole stream, for its other methods.
    fn as_ref(&self) -> &S {
        &self.stream
    }
}

impl<S> AsRef<S> for WriteHalf<S> {
    /// Returns the whole stream, for its other methods.
    fn as_ref(&self) -> &S {
        &self.stream
    }
}

impl<S> ReadHalf<S> {
    /// Joins the two halves of a stream. Nothing is shut down.
    ///
    /// # Errors
    ///
    /// [`ReuniteError`] if the halves belong to different streams. The error returns both halves.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use oneloop::io::{AsyncReadExt, AsyncWriteExt};
    ///
    /// oneloop::block_on(async {
    /// #     let listener = oneloop::net::TcpListener::bind("127.0.0.1:0").await?;
    /// #     let stream = oneloop::net::TcpStream::connect(listener.local_addr()?).await?;
    /// #     let (mut peer, _) = listener.accept().await?;
    ///     let (reader, writer) = stream.into_split();
    ///     let mut stream = reader.reunite(writer).expect("they are halves of one stream");
    ///     stream.write_all(b"hello").await?;
    ///     peer.read_exact(&mut [0; 5]).await?;
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    pub fn reunite(self, writer: WriteHalf<S>) -> Result<S, ReuniteError<S>> {
        reunite(self, writer)
    }
}

impl<S> WriteHalf<S> {
    /// Joins the two halves of a stream. Nothing is shut down. [`ReadHalf::reunite`] has an
    /// example.
    ///
    /// # Errors
    ///
    /// [`ReuniteError`] if the halves belong to different streams. The error returns both halves.
    pub fn reunite(self, reader: ReadHalf<S>) -> Result<S, ReuniteError<S>> {
        reunite(reader, self)
    }
}

fn reunite<S>(reader: ReadHalf<S>, mut writer: WriteHalf<S>) -> Result<S, ReuniteError<S>> {
    if !Rc::ptr_eq(&reader.stream, &writer.stream) {
        return Err(ReuniteError(reader, writer));
    }
    writer.close_write = |_| Ok(());
    drop(writer);
    Ok(Rc::into_inner(reader.stream).expect("the halves are all that refers to the stream"))
}

/// The error of [`ReadHalf::reunite`] for two halves of different streams. It contains both halves.
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use oneloop::net::{ReuniteError, TcpListener, TcpStream};
///
/// oneloop::block_on(async {
///     let listener = TcpListener::bind("127.0.0.1:0").await?;
///     let one = TcpStream::connect(listener.local_addr()?).await?;
///     let (other, _) = listener.accept().await?;
///     let ((reader, _writer), (_reader, writer)) = (one.into_split(), other.into_split());
///     let ReuniteError(reader, writer) = reader.reunite(writer).unwrap_err();
/// #   drop((reader, writer));
/// #   Ok(())
/// })
/// # }
/// ```
#[derive(Debug)]
pub struct ReuniteError<S>(pub ReadHalf<S>, pub WriteHalf<S>);

impl<S> fmt::Display for ReuniteError<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("these halves are of different streams")
    }
}

impl<S: fmt::Debug> Error for ReuniteError<S> {}

impl<S> Drop for WriteHalf<S> {
    fn drop(&mut self) {
        // A drop can't report an error. The peer reads the end of the connection in any case.
        let _ = (self.close_write)(&self.stream);
    }
}
