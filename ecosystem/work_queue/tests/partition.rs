//! A network partition of five seconds between a worker and its broker.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::pin::Pin;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use common::examples::{Program, binary, uninterrupted};
use oneloop_work_queue::{Failure, Job, NewJob, Queue};

use crate::support::{Redis, Running, Seen, ms, run, status, until, until_empty};

/// The length of the partition.
const PARTITION: Duration = Duration::from_secs(5);

/// A relay between a TCP port and the server's socket, which can stop forwarding. While it is stopped,
/// bytes wait. This is like a network that drops packets, which TCP sends again later.
struct Relay {
    port: u16,
    cut: Arc<AtomicBool>,
}

impl Relay {
    fn start(socket: PathBuf) -> Relay {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("it is bound").port();
        let cut = Arc::new(AtomicBool::new(false));
        let theirs = cut.clone();
        thread::spawn(move || {
            while let Ok((client, _)) = uninterrupted(|| listener.accept()) {
                let Ok(server) = UnixStream::connect(&socket) else { continue };
                let (client_too, server_too) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                let (there, back) = (theirs.clone(), theirs.clone());
                let close = |client: &TcpStream, server: &UnixStream| {
                    let _ = (client.shutdown(Shutdown::Both), server.shutdown(Shutdown::Both));
                };
                thread::spawn(move || {
                    forward(&client, &server, &there);
                    close(&client, &server);
                });
                thread::spawn(move || {
                    forward(&server_too, &client_too, &back);
                    close(&client_too, &server_too);
                });
            }
        });
        Relay { port, cut }
    }
}

fn forward(mut from: impl Read, mut to: impl Write, cut: &AtomicBool) {
    let mut buffer = [0; 65536];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        while cut.load(Ordering::SeqCst) {
            thread::sleep(ms(1));
        }
        if to.write_all(&buffer[..count]).is_err() {
            return;
        }
    }
}

/// Makes a handler that records each job, and finishes when `may_finish` is set.
fn handler(
    seen: &Seen,
    may_finish: &Arc<AtomicBool>,
) -> impl Fn(Job) -> Pin<Box<dyn Future<Output = Result<(), Failure>>>> + Send + 'static {
    let (seen, may_finish) = (seen.clone(), may_finish.clone());
    move |job| {
        seen.see(&job);
        let may_finish = may_finish.clone();
        Box::pin(async move {
            while !may_finish.load(Ordering::SeqCst) {
                oneloop::time::sleep(ms(1)).await;
            }
            Ok(())
        })
    }
}

#[test]
fn a_partition_of_five_seconds_moves_a_workers_jobs_and_loses_none() {
    let test = "a_partition_of_five_seconds_moves_a_workers_jobs_and_loses_none";
    let Some(redis) = Redis::start(test) else { return };
    let relay = Relay::start(redis.file("socket"));
    let queue = redis.queue();
    let seen = Seen::default();
    let url = format!("redis://127.0.0.1:{}", relay.port);
    let options = |worker: oneloop_work_queue::Worker| worker.at_once(4).heartbeat(ms(200), ms(3000));
    let (far_seen, cut_once) = (Seen::default(), Arc::new(AtomicBool::new(false)));
    let far = Running::start(
        move || Queue::builder("test").redis(&url).unwrap(),
        options,
        handler(&far_seen, &cut_once),
    );
    run(async {
        let producer = queue.producer();
        for n in 0..4 {
            producer.add(NewJob::new("x").id(format!("early-{n}"))).await.unwrap();
        }
    });
    far_seen.wait_for(4);
    relay.cut.store(true, Ordering::SeqCst);
    cut_once.store(true, Ordering::SeqCst); // The far worker's jobs end during the partition.
    let near = Running::start(redis.maker(), options, handler(&seen, &cut_once));
    run(async {
        let producer = queue.producer();
        for n in 0..200 {
            producer.add(NewJob::new("x").id(format!("late-{n:03}"))).await.unwrap();
        }
    });
    thread::sleep(PARTITION); // This is the fault. The partition lasts for this time.
    // The near worker handles all jobs. These include the jobs of the far worker, although its handlers
    // have already finished.
    until_empty(&queue);
    relay.cut.store(false, Ordering::SeqCst);
    // The far worker works again.
    run(async {
        let producer = queue.producer();
        for n in 0..20 {
            producer.add(NewJob::new("x").id(format!("after-{n:02}"))).await.unwrap();
        }
    });
    until_empty(&queue);
    until("the far worker handles jobs again", || {
        run(queue.producer().add("x")).unwrap();
        until_empty(&queue);
        (far_seen.count() > 4).then_some(())
    });
    let (far, near) = (far.stop(), near.stop());
    println!("far: {far:?}\nnear: {near:?}");
    assert!(near.claimed >= 4 && far.lost >= 4, "both workers handled the jobs of the partition");
    assert_eq!(seen.ids().iter().filter(|id| id.starts_with("early-")).count(), 4);
    let ids: std::collections::BTreeSet<String> = seen.ids().into_iter().chain(far_seen.ids()).collect();
    for kind in ["early-", "late-", "after-"] {
        let count = ids.iter().filter(|id| id.starts_with(kind)).count();
        assert_eq!(
            count,
            if kind == "late-" {
                200
            } else if kind == "early-" {
                4
            } else {
                20
            },
            "{kind}"
        );
    }
    assert_eq!((status(&queue).dead, status(&queue).unfinished()), (0, 0));
}

/// A network namespace with a link to this one, in the role of another host. The drop of the value
/// removes it.
struct Host {
    name: String,
    /// The address of this end of the link.
    ours: String,
}

fn ip(arguments: &[&str]) -> Result<(), String> {
    let output = Command::new("ip").args(arguments).output().map_err(|error| error.to_string())?;
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

impl Host {
    fn new() -> Result<Host, String> {
        let process = std::process::id();
        let host = Host {
            name: format!("wq{process}"),
            ours: format!("10.{}.{}.1", 200 + process / 256 % 50, process % 256),
        };
        let (outer, inner) = (format!("wqo{process}"), format!("wqi{process}"));
        let theirs = format!("{}2/24", host.ours.strip_suffix('1').unwrap());
        let net = ["-n", &host.name];
        ip(&["netns", "add", &host.name])?;
        ip(&["link", "add", &outer, "type", "veth", "peer", "name", &inner, "netns", &host.name])?;
        ip(&["address", "add", &format!("{}/24", host.ours), "dev", &outer])?;
        ip(&["link", "set", &outer, "up"])?;
        ip(&[&net[..], &["address", "add", &theirs, "dev", &inner]].concat())?;
        ip(&[&net[..], &["link", "set", &inner, "up"]].concat())?;
        Ok(host)
    }

    /// Sets the link up or down.
    fn link(&self, state: &str) {
        ip(&["link", "set", &format!("wqo{}", std::process::id()), state]).expect("the link exists");
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = ip(&["netns", "delete", &self.name]); // This also deletes the link.
    }
}

#[test]
fn a_worker_in_another_network_outlasts_a_cut_link() {
    let test = "a_worker_in_another_network_outlasts_a_cut_link";
    let host = match Host::new() {
        Ok(host) => host,
        Err(reason) => {
            // The skip is allowed also in the gate, because the test with the relay checks the same
            // guarantee, and needs no privilege.
            eprintln!("{test} is skipped: no network namespace can be made here: {}", reason.trim());
            return;
        }
    };
    let probe = TcpListener::bind((host.ours.as_str(), 0)).expect("the address is local");
    let port = probe.local_addr().unwrap().port().to_string();
    drop(probe);
    let bound = ["--port", &port, "--bind", &host.ours, "--protected-mode", "no"];
    let Some(redis) = Redis::start_with(test, &bound) else { return };
    let record = redis.file("record");
    let mut command = Command::new("ip");
    command.args(["netns", "exec", &host.name]).arg(binary("work_queue"));
    let url = format!("redis://{}:{port}", host.ours);
    command.args([
        "work",
        "--redis",
        &url,
        "--queue",
        "test",
        "--fail",
        "0",
        "--work",
        "10",
        "--heartbeat",
        "500",
    ]);
    let mut far = Program::start(command.arg("--record").arg(&record)).unwrap();
    let queue = redis.queue();
    let add = |ids: std::ops::Range<u32>| {
        run(async {
            let producer = queue.producer();
            for n in ids {
                producer.add(NewJob::new(n.to_string()).id(format!("job-{n}"))).await.unwrap();
            }
        })
    };
    let lines = || std::fs::read_to_string(&record).unwrap_or_default().lines().count();
    add(1..101);
    until("the worker handles jobs", || (lines() >= 10).then_some(()));
    host.link("down");
    add(101..201);
    thread::sleep(PARTITION); // This is the fault. The link is down for this time.
    // The timeout of an operation is as long as the partition. The link must stay down until it has
    // passed.
    until("the far worker reports the failure", || {
        far.stderr.so_far().contains("the connection to the broker failed").then_some(())
    });
    host.link("up");
    until_empty(&queue);
    far.signal(15);
    assert_eq!(far.wait().code(), Some(0));
    let text = std::fs::read_to_string(&record).unwrap();
    let mut ids: Vec<&str> = text.lines().filter_map(|line| line.split(' ').next()).collect();
    let all = ids.len();
    ids.sort();
    ids.dedup();
    println!("{} jobs, {} handled again", ids.len(), all - ids.len());
    assert_eq!(ids.len(), 200);
}
