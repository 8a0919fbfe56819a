//! What sockets do otherwise on Windows: where an event means less than elsewhere, and what there is of `Source`.
#![cfg(windows)]

use std::io::{ErrorKind, Write};

use oneloop::io::{AsyncReadExt, AsyncWriteExt};
use oneloop::{Driver, Interest, Runtime, Source};

use common::sockets::{self, Outcome, run, settle, tcp_from_std, within};

/// Elsewhere a read that fills only a part of its buffer proves that nothing is left. Here the next event comes only after a
/// read has said `WouldBlock`, so the socket counts as readable until one does.
#[test]
fn a_short_read_is_followed_by_one_that_says_would_block() -> Outcome {
    run(async {
        let (mut client, mut server) = tcp_from_std().await?;
        let mut buf = [0; 64];
        for round in 0..20 {
            client.write_all(b"short")?;
            assert_eq!(within(server.read(&mut buf)).await?, 5);
            within(server.readable()).await?;
            match server.try_read(&mut buf) {
                Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock, "round {round}"),
                Ok(n) => panic!("{n} bytes of nothing in round {round}"),
            }
            assert!(futures::poll!(&mut server.readable()).is_pending());
        }
        Ok(())
    })
}

/// Both directions wait at once, and each event must leave the other's watch alone.
#[test]
fn a_reader_and_a_writer_of_one_socket_are_each_woken() -> Outcome {
    run(async {
        let (client, server) = sockets::tcp_pair().await?;
        let (mut reader, mut writer) = server.into_split();
        let writing = oneloop::spawn(async move { writer.write_all(&vec![7; 4 << 20]).await });
        let reading = oneloop::spawn(async move { reader.read(&mut [0; 8]).await });
        settle().await;
        assert!(!writing.is_finished() && !reading.is_finished());
        (&client).write_all(b"x").await?;
        assert_eq!(within(reading).await.unwrap()?, 1);
        assert!(!writing.is_finished());
        let mut left = 4 << 20;
        let mut buf = vec![0; 1 << 16];
        while left > 0 {
            left -= within((&client).read(&mut buf)).await?;
        }
        within(writing).await.unwrap()
    })
}

#[test]
fn a_source_of_mios_own_type_is_woken_again_and_again() -> Outcome {
    Runtime::builder().driver(Driver::Mio).build()?.block_on(async {
        let here = mio::net::UdpSocket::bind("127.0.0.1:0".parse().unwrap())?;
        let addr = here.local_addr()?;
        let here = Source::from_mio(here)?;
        let there = std::net::UdpSocket::bind("127.0.0.1:0")?;
        let mut buf = [0; 8];
        for _ in 0..20 {
            let mut receiving = Box::pin(here.async_io(Interest::Readable, |socket| socket.recv(&mut buf)));
            assert!(futures::poll!(&mut receiving).is_pending());
            there.send_to(b"ping", addr)?;
            assert_eq!(within(receiving).await?, 4);
        }
        Ok(())
    })
}
