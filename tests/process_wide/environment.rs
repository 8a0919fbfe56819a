//! What a process's environment and its user decide.

use std::io::ErrorKind;

#[cfg(target_os = "linux")]
use oneloop::net::TcpListener;
#[cfg(feature = "unblock")]
use oneloop::net::ToSocketAddrs;
use oneloop::{Driver, Runtime};

use common::sockets::{self, run};

#[test]
fn the_environment_names_the_driver() {
    for name in ["steam", "", "mio", "polling", "epoll"] {
        let vars = [("ONELOOP_DRIVER", name)];
        sockets::in_child_with("the_environment_names_the_driver", &vars, || {
            // An explicit choice goes before it.
            Runtime::builder().driver(Driver::Mio).build().unwrap();
            let name = std::env::var("ONELOOP_DRIVER").unwrap();
            let expected = match name.as_str() {
                "steam" => Err(ErrorKind::InvalidInput),
                "epoll" if cfg!(not(oneloop_driver_epoll)) => Err(ErrorKind::InvalidInput),
                "polling" if cfg!(not(feature = "polling")) => Err(ErrorKind::Unsupported),
                _ => Ok(()),
            };
            let made = Runtime::new().map(drop);
            assert!(made.as_ref().is_ok() || made.as_ref().is_err_and(|e| e.to_string().contains(&name)));
            assert_eq!(made.map_err(|error| error.kind()), expected);
        });
    }
}

#[cfg(feature = "unblock")]
#[test]
fn names_are_resolved_on_the_pool_while_the_loop_goes_on() {
    const TEST: &str = "names_are_resolved_on_the_pool_while_the_loop_goes_on";
    // A pool of one thread, which is busy: no name can be resolved there.
    sockets::in_child_with(TEST, &[("ONELOOP_UNBLOCK_THREADS", "1")], || {
        run(async {
            let (go_on, may_go_on) = std::sync::mpsc::channel();
            let busy = oneloop::spawn(oneloop::unblock(move || may_go_on.recv()));
            sockets::settle().await;
            let resolving = oneloop::spawn(async { "localhost:80".to_socket_addrs().await });
            sockets::settle().await;
            assert!(!resolving.is_finished());
            go_on.send(()).unwrap();
            assert!(resolving.await.unwrap().unwrap().next().is_some());
            busy.await.unwrap().unwrap();
        });
    });
}

#[cfg(target_os = "linux")]
#[test]
fn a_privileged_port_is_refused_to_an_ordinary_user() {
    let first_free = std::fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start");
    if first_free.is_ok_and(|port| port.trim().parse::<u32>().is_ok_and(|port| port <= 1)) {
        let remedy = "`sysctl net.ipv4.ip_unprivileged_port_start=1024` is Linux's default";
        return sockets::skip(
            "a_privileged_port_is_refused_to_an_ordinary_user",
            "no port is privileged",
            remedy,
        );
    }
    sockets::in_child("a_privileged_port_is_refused_to_an_ordinary_user", || {
        // SAFETY: a system call without pointers. It fails if we are an ordinary user already.
        unsafe { libc::setuid(65534) };
        let error = run(TcpListener::bind("127.0.0.1:1")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    });
}
