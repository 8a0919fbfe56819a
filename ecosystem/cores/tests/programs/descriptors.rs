//! A process that has no free descriptor.

use oneloop_cores::{Cores, ListenOptions, Spread};
use socket2::{Domain, Socket, Type};

use crate::support::{Log, assert_echoes, beside, connect, echo, wait_until};

#[test]
fn accepting_pauses_while_there_are_no_descriptors_and_continues_after() {
    const TEST: &str = "accepting_pauses_while_there_are_no_descriptors_and_continues_after";
    common::sockets::in_child(TEST, || {
        let mut spreads = vec![Spread::LeastLoaded];
        spreads.extend((Spread::default() == Spread::Kernel).then_some(Spread::Kernel));
        // A connection takes one descriptor. With a single free one, it must be served.
        let cases = spreads.into_iter().flat_map(|spread| [(spread, 0), (spread, 1)]);
        for (spread, free) in cases {
            let (mut cores, log) = Log::of(Cores::new().count(1));
            let port = cores.listen_with("127.0.0.1:0", ListenOptions::new().spread(spread)).unwrap();
            beside(
                cores,
                move |core| echo(core, port),
                |control| {
                    assert_echoes(&connect(port)); // After this, the server needs no more descriptors.
                    wait_until("it is closed", || control.figures()[0].open == 0);
                    let clients: Vec<_> =
                        (0..8).map(|_| Socket::new(Domain::IPV4, Type::STREAM, None).unwrap()).collect();
                    let (soft, hard) = rlimit::Resource::NOFILE.get().unwrap();
                    rlimit::Resource::NOFILE.set(lowest_that_is_free() + free, hard).unwrap();
                    for client in &clients {
                        client.connect(&port.local_addr().into()).unwrap(); // It waits in the queue.
                    }
                    wait_until("the server reports the failure", || {
                        log.texts()
                            .iter()
                            .any(|text| text.contains("can't accept") && text.contains("open files"))
                    });
                    rlimit::Resource::NOFILE.set(soft, hard).unwrap();
                    clients.into_iter().for_each(|client| assert_echoes(&client.into()));
                },
            );
        }
    });
}

/// Returns the lowest free descriptor number. With this number as the limit, the process can't open
/// another descriptor.
fn lowest_that_is_free() -> u64 {
    use std::os::fd::AsRawFd;
    std::fs::File::open("/dev/null").unwrap().as_raw_fd() as u64
}
