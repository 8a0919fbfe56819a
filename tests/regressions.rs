//! Bugs that were found, each with the program that showed it. (Those found while the suite was written are pinned in
//! the file of the type that they belong to.)

use std::cell::Cell;
use std::io::Write;
use std::rc::Rc;

use oneloop::net::{TcpStream, UdpSocket};

/// The loop counted polls only, and a poll may hold 128 operations: one task that was busy with I/O kept every socket and
/// timer waiting for 256 × 128 system calls, a tenth of a second.
#[test]
fn a_task_that_is_busy_with_io_keeps_others_waiting_for_few_operations_only() {
    oneloop::block_on(async {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let server = TcpStream::try_from(listener.accept().unwrap().0).unwrap();

        // Datagrams that nobody reads: sending them never has to wait.
        let operations = Rc::new(Cell::new(0));
        let count = operations.clone();
        let busy = oneloop::spawn(async move {
            let sink = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
            let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
            socket.connect(sink.local_addr().unwrap()).await.unwrap();
            loop {
                socket.send(b"x").await.unwrap();
                count.set(count.get() + 1);
            }
        });

        for _ in 0..20 {
            assert_eq!(server.try_read(&mut [0; 8]).unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
            client.write_all(b"x").unwrap();
            let before = operations.get();
            server.readable().await.unwrap();
            let meanwhile = operations.get() - before;
            assert!(
                meanwhile <= 1024,
                "{meanwhile} operations of another task before a socket was looked at"
            );
            assert_eq!(server.try_read(&mut [0; 8]).unwrap(), 1);
        }
        busy.abort();
    });
}
