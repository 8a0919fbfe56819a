//! `TcpStream`: what of it no other stream has. What all streams promise is in `streams`.

use std::io::{IoSlice, IoSliceMut, Write};
use std::time::Duration;

#[cfg(target_os = "linux")]
use oneloop::io::AsyncReadExt;

use common::sockets::{Outcome, run, tcp_from_std};

#[test]
fn options_and_addresses() -> Outcome {
    run(async {
        let (client, server) = tcp_from_std().await?;
        assert_eq!(server.peer_addr()?, client.local_addr()?);
        assert_eq!(server.local_addr()?, client.peer_addr()?);
        assert!(!server.nodelay()?);
        server.set_nodelay(true)?;
        assert!(server.nodelay()?);
        server.set_linger(Some(Duration::ZERO))?;
        let options = socket2::SockRef::from(&server);
        assert_eq!(options.linger()?, Some(Duration::ZERO));
        server.set_linger(None)?;
        assert_eq!(options.linger()?, None);
        options.set_keepalive(true)?;
        assert!(options.keepalive()?);
        assert!(server.take_error()?.is_none());
        assert!(format!("{server:?}").contains(&server.local_addr()?.port().to_string()));
        Ok(())
    })
}

#[test]
fn the_halves_give_the_whole_stream_for_its_other_methods() -> Outcome {
    run(async {
        let (client, server) = tcp_from_std().await?;
        let (read, write) = server.into_split();
        assert_eq!(read.as_ref().peer_addr()?, client.local_addr()?);
        write.as_ref().set_nodelay(true)?;
        assert!(read.as_ref().nodelay()?);
        assert!(format!("{read:?} {write:?}").contains("WriteHalf"));
        (&client).write_all(b"x")?;
        read.as_ref().readable().await?;
        assert_eq!(read.as_ref().peek(&mut [0; 8]).await?, 1);
        assert_eq!(read.as_ref().try_read_vectored(&mut [IoSliceMut::new(&mut [0; 8])])?, 1);
        assert_eq!(write.as_ref().try_write_vectored(&[IoSlice::new(b"y")])?, 1);
        Ok(())
    })
}

/// Urgent data (RFC 9293, 3.8.5) makes a read stop short in the middle of what is there.
#[cfg(target_os = "linux")]
#[test]
fn a_read_that_stops_at_urgent_data_is_no_short_read() -> Outcome {
    run(async {
        let (mut client, mut server) = tcp_from_std().await?;
        let mut buf = [0; 1024];
        let mut first = Box::pin(server.read(&mut buf));
        assert!(futures::poll!(&mut first).is_pending());
        client.write_all(b"before")?;
        socket2::SockRef::from(&client).send_out_of_band(b"!")?;
        client.write_all(b"after")?;
        let mut n = first.await?;
        while n < 11 {
            n += server.read(&mut buf[n..]).await?; // the urgent byte itself is not in the stream
        }
        assert_eq!(&buf[..n], b"beforeafter");
        Ok(())
    })
}
