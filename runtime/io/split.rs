//! The two halves of a stream.

use std::error::Error;
use std::fmt;
use std::io;
use std::rc::Rc;

use super::stream::{forward_read, forward_write};

/// `close_write` shuts writing down.
pub(crate) fn split<S>(stream: S, close_write: fn(&S) -> io::Result<()>) -> (ReadHalf<S>, WriteHalf<S>) {
    let stream = Rc::new(stream);
    (ReadHalf { stream: stream.clone() }, WriteHalf { stream, close_write })
}

/// The half of a stream that reads; made by `into_split`. What `AsRef` gives is the whole stream,
/// for its other methods. Dropping it closes nothing while the other half lives.
///
/// # Cancel safety
///
/// As the stream's own reading: bytes that were read are returned in the same poll.
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

/// The half of a stream that writes; made by `into_split`. What `AsRef` gives is the whole stream,
/// for its other methods.
///
/// Dropping it shuts writing down: the peer sees the end of what was written. An error of that is
/// not reported; `close` reports it.
///
/// # Cancel safety
///
/// As the stream's own writing: bytes count as written in the poll in which they were.
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
    /// The whole stream, for its other methods.
    fn as_ref(&self) -> &S {
        &self.stream
    }
}

impl<S> AsRef<S> for WriteHalf<S> {
    /// The whole stream, for its other methods.
    fn as_ref(&self) -> &S {
        &self.stream
    }
}

impl<S> ReadHalf<S> {
    /// Puts the two halves of a stream together again. Nothing is shut down.
    ///
    /// # Errors
    ///
    /// [`ReuniteError`] if the halves are of different streams; it gives both back.
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
    /// Puts the two halves of a stream together again. Nothing is shut down.
    ///
    /// # Errors
    ///
    /// [`ReuniteError`] if the halves are of different streams; it gives both back.
    ///
    /// # Examples
    ///
    /// See [`ReadHalf::reunite`].
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

/// Two halves that are not of one stream: the error of [`ReadHalf::reunite`], which gives them back.
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
        // A drop can't report a failure; the peer sees the end of the connection in any case.
        let _ = (self.close_write)(&self.stream);
    }
}
