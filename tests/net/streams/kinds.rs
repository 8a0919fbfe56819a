//! The kinds of streams, and what each of them tells the suite about itself.

use std::fmt::Debug;
use std::future::Future;
use std::io::{self, ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::net::Shutdown;
#[cfg(unix)]
use std::os::fd::AsFd as AsSystemObject;
#[cfg(windows)]
use std::os::windows::io::AsSocket as AsSystemObject;
use std::task::{Context, Poll};

use oneloop::Interest;
use oneloop::io::{AsyncRead, AsyncWrite};
use oneloop::net::{TcpListener, TcpStream};
use socket2::SockRef;

use common::sockets::{self, Outcome, tcp_from_std, tcp_pair};

/// Streams of bytes in one direction: a reader and a writer of ours, or one of ours and a blocking object
/// of std's at the other end.
pub trait Kind: 'static {
    type Reader: ReadEnd;
    type Writer: WriteEnd;
    type StdReader: Read + Send + 'static;
    type StdWriter: Write + Send + 'static;

    /// The ways in which the other end can end the stream.
    const ENDS: &[End];

    /// Whether a full stream may get room although the reader takes nothing: TCP moves bytes between its
    /// two buffers at any time.
    const ROOM_COMES_LATE: bool;

    async fn pair() -> io::Result<(Self::Reader, Self::Writer)>;
    async fn from_std() -> io::Result<(Self::StdWriter, Self::Reader)>;
    async fn to_std() -> io::Result<(Self::Writer, Self::StdReader)>;
    fn std_pair() -> io::Result<(Self::StdReader, Self::StdWriter)>;

    fn take_over_reader(reader: Self::StdReader) -> io::Result<Self::Reader>;
    fn take_over_writer(writer: Self::StdWriter) -> io::Result<Self::Writer>;

    /// Ends the stream; returns the writer if that is open still.
    fn end(writer: Self::StdWriter, how: End) -> io::Result<Option<Self::StdWriter>>;

    /// Makes the buffers as small as the system allows, where it can be told.
    fn shrink(writer: &Self::Writer) -> Outcome;

    /// Whether a write may fail with this because the other end is closed; `unread` if that end may have
    /// left bytes unread.
    fn is_broken(kind: ErrorKind, unread: bool) -> bool;
}

/// How the other end ends a stream.
#[derive(Clone, Copy, Debug)]
pub enum End {
    Close,
    ShutDown,
}

/// An end of ours that is read from.
pub trait ReadEnd: AsyncRead + AsSystemObject + Debug + Unpin + 'static {
    fn readable(&self) -> oneloop::Ready<'_>;
    fn try_read(&self, buf: &mut [u8]) -> io::Result<usize>;
    fn try_read_vectored(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize>;

    /// `try_io`, `async_io` and `poll_ready` for reading.
    fn try_to_read<R>(&self, operation: impl FnMut() -> io::Result<R>) -> io::Result<R>;
    async fn wait_to_read<R>(&self, operation: impl FnMut() -> io::Result<R>) -> io::Result<R>;
    fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<Outcome>;

    /// Reads by shared reference.
    fn reading(&self) -> impl AsyncRead + Unpin;
}

/// An end of ours that is written to.
pub trait WriteEnd: AsyncWrite + AsSystemObject + Debug + Unpin + 'static {
    fn writable(&self) -> impl Future<Output = io::Result<()>> + Unpin;
    fn try_write(&self, buf: &[u8]) -> io::Result<usize>;
    fn try_write_vectored(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize>;

    /// `try_io`, `async_io` and `poll_ready` for writing.
    fn try_to_write<R>(&self, operation: impl FnMut() -> io::Result<R>) -> io::Result<R>;
    async fn wait_to_write<R>(&self, operation: impl FnMut() -> io::Result<R>) -> io::Result<R>;
    fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<Outcome>;
}

/// An object of std's over the same open file, non-blocking like that, for operations of a test's own.
#[cfg(unix)]
pub fn same_file(end: &impl AsSystemObject) -> io::Result<std::fs::File> {
    end.as_fd().try_clone_to_owned().map(std::fs::File::from)
}

#[cfg(windows)]
pub fn same_file(end: &impl AsSystemObject) -> io::Result<std::net::TcpStream> {
    let stream = std::net::TcpStream::from(end.as_socket().try_clone_to_owned()?);
    stream.set_nonblocking(true)?;
    Ok(stream)
}

/// Streams that go both ways. Each of them is a `Kind`, too.
pub trait BothWays: 'static {
    type Stream: Stream;
    type Std: StdStream;

    /// See [`Kind::ROOM_COMES_LATE`].
    const LATE: bool;

    async fn streams() -> io::Result<(Self::Stream, Self::Stream)>;
    async fn stream_from_std() -> io::Result<(Self::Std, Self::Stream)>;
    fn std_streams() -> io::Result<(Self::Std, Self::Std)>;
    fn take_over(stream: Self::Std) -> io::Result<Self::Stream>;

    /// A client that is connected, and the call that accepts it.
    async fn client() -> io::Result<(Self::Std, impl Future<Output = io::Result<Self::Stream>>)>;

    /// Closes a stream with a reset instead of an end, if there is such a thing.
    fn reset(stream: Self::Std) -> Outcome;

    /// What a read must say after a reset, or after the other end has closed with bytes unread.
    fn assert_reset(read: io::Result<usize>);

    /// See [`Kind::is_broken`].
    fn is_error_of_closed(kind: ErrorKind, unread: bool) -> bool;
}

/// A stream of ours.
pub trait Stream: ReadEnd + WriteEnd + Sized {
    /// Writes by shared reference.
    fn writing(&self) -> impl AsyncWrite + Unpin;

    fn shutdown(&self, how: Shutdown) -> Outcome;
    fn poll_read_uninit<'b>(
        &self,
        cx: &mut Context<'_>,
        buf: &'b mut [MaybeUninit<u8>],
    ) -> Poll<io::Result<&'b mut [u8]>>;
    async fn peek(&self, buf: &mut [u8]) -> io::Result<usize>;
    fn into_split(
        self,
    ) -> (impl AsyncRead + AsRef<Self> + Unpin + 'static, impl AsyncWrite + Unpin + 'static);
}

/// A blocking stream of std's.
pub trait StdStream: Read + Write + Sized + Send + 'static {
    fn shutdown(&self, how: Shutdown) -> Outcome;
    fn try_clone(&self) -> io::Result<Self>;
}

macro_rules! forward {
    (read $ours:ty) => {
        impl ReadEnd for $ours {
            fn readable(&self) -> oneloop::Ready<'_> {
                self.readable()
            }

            fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
                self.try_read(buf)
            }

            fn try_read_vectored(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
                self.try_read_vectored(bufs)
            }

            fn try_to_read<R>(&self, operation: impl FnMut() -> io::Result<R>) -> io::Result<R> {
                self.try_io(Interest::Readable, operation)
            }

            async fn wait_to_read<R>(&self, operation: impl FnMut() -> io::Result<R>) -> io::Result<R> {
                self.async_io(Interest::Readable, operation).await
            }

            fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<Outcome> {
                self.poll_ready(cx, Interest::Readable)
            }

            fn reading(&self) -> impl AsyncRead + Unpin {
                self
            }
        }
    };
    (write $ours:ty) => {
        impl WriteEnd for $ours {
            fn writable(&self) -> impl Future<Output = io::Result<()>> + Unpin {
                Box::pin(self.writable())
            }

            fn try_write(&self, buf: &[u8]) -> io::Result<usize> {
                self.try_write(buf)
            }

            fn try_write_vectored(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
                self.try_write_vectored(bufs)
            }

            fn try_to_write<R>(&self, operation: impl FnMut() -> io::Result<R>) -> io::Result<R> {
                self.try_io(Interest::Writable, operation)
            }

            async fn wait_to_write<R>(&self, operation: impl FnMut() -> io::Result<R>) -> io::Result<R> {
                self.async_io(Interest::Writable, operation).await
            }

            fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<Outcome> {
                self.poll_ready(cx, Interest::Writable)
            }
        }
    };
    ($ours:ty, $std:ty) => {
        forward!(read $ours);
        forward!(write $ours);

        impl Stream for $ours {
            fn writing(&self) -> impl AsyncWrite + Unpin {
                self
            }

            fn shutdown(&self, how: Shutdown) -> Outcome {
                self.shutdown(how)
            }

            fn poll_read_uninit<'b>(
                &self,
                cx: &mut Context<'_>,
                buf: &'b mut [MaybeUninit<u8>],
            ) -> Poll<io::Result<&'b mut [u8]>> {
                self.poll_read_uninit(cx, buf)
            }

            async fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
                self.peek(buf).await
            }

            fn into_split(
                self,
            ) -> (impl AsyncRead + AsRef<Self> + Unpin + 'static, impl AsyncWrite + Unpin + 'static) {
                self.into_split()
            }
        }

        impl StdStream for $std {
            fn shutdown(&self, how: Shutdown) -> Outcome {
                self.shutdown(how)
            }

            fn try_clone(&self) -> io::Result<$std> {
                self.try_clone()
            }
        }
    };
}

impl<K: BothWays> Kind for K {
    type Reader = K::Stream;
    type Writer = K::Stream;
    type StdReader = K::Std;
    type StdWriter = K::Std;

    const ENDS: &[End] = &[End::Close, End::ShutDown];
    const ROOM_COMES_LATE: bool = K::LATE;

    async fn pair() -> io::Result<(K::Stream, K::Stream)> {
        K::streams().await
    }

    async fn from_std() -> io::Result<(K::Std, K::Stream)> {
        K::stream_from_std().await
    }

    async fn to_std() -> io::Result<(K::Stream, K::Std)> {
        let (theirs, ours) = K::stream_from_std().await?;
        Ok((ours, theirs))
    }

    fn std_pair() -> io::Result<(K::Std, K::Std)> {
        K::std_streams()
    }

    fn take_over_reader(reader: K::Std) -> io::Result<K::Stream> {
        K::take_over(reader)
    }

    fn take_over_writer(writer: K::Std) -> io::Result<K::Stream> {
        K::take_over(writer)
    }

    fn end(writer: K::Std, how: End) -> io::Result<Option<K::Std>> {
        match how {
            End::Close => Ok(None),
            End::ShutDown => writer.shutdown(Shutdown::Write).map(|()| Some(writer)),
        }
    }

    fn shrink(writer: &K::Stream) -> Outcome {
        SockRef::from(writer).set_send_buffer_size(1)
    }

    fn is_broken(kind: ErrorKind, unread: bool) -> bool {
        K::is_error_of_closed(kind, unread)
    }
}

pub enum Tcp {}

forward!(TcpStream, std::net::TcpStream);

impl BothWays for Tcp {
    type Stream = TcpStream;
    type Std = std::net::TcpStream;

    const LATE: bool = true;

    async fn streams() -> io::Result<(TcpStream, TcpStream)> {
        tcp_pair().await
    }

    async fn stream_from_std() -> io::Result<(std::net::TcpStream, TcpStream)> {
        tcp_from_std().await
    }

    fn std_streams() -> io::Result<(std::net::TcpStream, std::net::TcpStream)> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        let client = std::net::TcpStream::connect(listener.local_addr()?)?;
        Ok((client, listener.accept()?.0))
    }

    fn take_over(stream: std::net::TcpStream) -> io::Result<TcpStream> {
        stream.try_into()
    }

    async fn client() -> io::Result<(std::net::TcpStream, impl Future<Output = io::Result<TcpStream>>)> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let client = std::net::TcpStream::connect(listener.local_addr()?)?;
        client.set_read_timeout(Some(sockets::LIMIT))?;
        Ok((client, async move { Ok(listener.accept().await?.0) }))
    }

    fn reset(stream: std::net::TcpStream) -> Outcome {
        SockRef::from(&stream).set_linger(Some(std::time::Duration::ZERO))
    }

    fn assert_reset(read: io::Result<usize>) {
        sockets::assert_reset(read);
    }

    fn is_error_of_closed(kind: ErrorKind, _unread: bool) -> bool {
        matches!(kind, ErrorKind::ConnectionReset | ErrorKind::BrokenPipe)
    }
}

#[cfg(unix)]
pub use of_unix::{Pipe, Unix};

#[cfg(unix)]
mod of_unix {
    use std::os::fd::OwnedFd;
    use std::os::unix::net::UnixStream as StdUnixStream;

    use oneloop::net::{UnixListener, UnixStream};
    use oneloop::pipe::{PipeReader, PipeWriter};

    use super::*;
    use common::sockets::{LIMIT, SocketPath};

    pub enum Unix {}

    forward!(UnixStream, StdUnixStream);

    impl BothWays for Unix {
        type Stream = UnixStream;
        type Std = StdUnixStream;

        const LATE: bool = false;

        async fn streams() -> io::Result<(UnixStream, UnixStream)> {
            UnixStream::pair()
        }

        async fn stream_from_std() -> io::Result<(StdUnixStream, UnixStream)> {
            let (client, server) = StdUnixStream::pair()?;
            client.set_read_timeout(Some(LIMIT))?;
            client.set_write_timeout(Some(LIMIT))?;
            Ok((client, server.try_into()?))
        }

        fn std_streams() -> io::Result<(StdUnixStream, StdUnixStream)> {
            StdUnixStream::pair()
        }

        fn take_over(stream: StdUnixStream) -> io::Result<UnixStream> {
            stream.try_into()
        }

        async fn client() -> io::Result<(StdUnixStream, impl Future<Output = io::Result<UnixStream>>)> {
            let path = SocketPath::default();
            let listener = UnixListener::bind(&path)?;
            let client = StdUnixStream::connect(&path)?;
            client.set_read_timeout(Some(LIMIT))?;
            Ok((client, async move { Ok(listener.accept().await?.0) }))
        }

        /// There is none: closing is a reset only if it leaves bytes unread.
        fn reset(_stream: StdUnixStream) -> Outcome {
            Ok(())
        }

        /// Linux reports it; elsewhere it is the ordinary end.
        fn assert_reset(read: io::Result<usize>) {
            match read {
                Ok(n) => assert_eq!(n, 0),
                Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
            }
        }

        fn is_error_of_closed(kind: ErrorKind, unread: bool) -> bool {
            kind == ErrorKind::BrokenPipe || unread && kind == ErrorKind::ConnectionReset
        }
    }

    pub enum Pipe {}

    forward!(read PipeReader);
    forward!(write PipeWriter);

    impl Kind for Pipe {
        type Reader = PipeReader;
        type Writer = PipeWriter;
        type StdReader = io::PipeReader;
        type StdWriter = io::PipeWriter;

        const ENDS: &[End] = &[End::Close];
        const ROOM_COMES_LATE: bool = false;

        async fn pair() -> io::Result<(PipeReader, PipeWriter)> {
            oneloop::pipe::pipe()
        }

        async fn from_std() -> io::Result<(io::PipeWriter, PipeReader)> {
            let (reader, writer) = io::pipe()?;
            Ok((writer, Pipe::take_over_reader(reader)?))
        }

        async fn to_std() -> io::Result<(PipeWriter, io::PipeReader)> {
            let (reader, writer) = io::pipe()?;
            Ok((Pipe::take_over_writer(writer)?, reader))
        }

        fn std_pair() -> io::Result<(io::PipeReader, io::PipeWriter)> {
            io::pipe()
        }

        fn take_over_reader(reader: io::PipeReader) -> io::Result<PipeReader> {
            OwnedFd::from(reader).try_into()
        }

        fn take_over_writer(writer: io::PipeWriter) -> io::Result<PipeWriter> {
            OwnedFd::from(writer).try_into()
        }

        fn end(_writer: io::PipeWriter, how: End) -> io::Result<Option<io::PipeWriter>> {
            match how {
                End::Close => Ok(None),
                End::ShutDown => Err(ErrorKind::Unsupported.into()),
            }
        }

        /// A pipe's buffer is small.
        fn shrink(_writer: &PipeWriter) -> Outcome {
            Ok(())
        }

        fn is_broken(kind: ErrorKind, _unread: bool) -> bool {
            kind == ErrorKind::BrokenPipe
        }
    }
}
