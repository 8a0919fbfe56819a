//! These tests run the crate `redis` against Debian's redis-server.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use oneloop::net::TcpStream;
use oneloop::process::{Command, Stdio};
use oneloop::signal::SignalKind;
use oneloop::time::timeout;
use oneloop_hyper::Io;
use redis::aio::MultiplexedConnection;
use redis::streams::{StreamReadOptions, StreamReadReply};
use redis::{
    AsyncCommands, AsyncConnectionConfig, ProtocolVersion, PushInfo, PushKind, RedisConnectionInfo, Value,
};
use tokio::sync::mpsc;

use crate::support::{Server, alone, has_program, within};

fn installed(test: &str) -> bool {
    has_program(test, Path::new("redis-server"), "apt-get install redis-server")
}

/// Starts a server on a port that was free a moment before. If another program has taken the port, it
/// tries another one.
async fn start() -> (Server, SocketAddr) {
    for _ in 0..10 {
        let probe = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let addr = probe.local_addr().unwrap();
        drop(probe);
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("redis-server");
        command
            .args(["--bind", "127.0.0.1", "--port", &addr.port().to_string()])
            .args(["--save", "", "--appendonly", "no", "--daemonize", "no", "--dir"])
            .arg(folder.path())
            .stdout(Stdio::piped());
        let started = Server::start(
            &mut command,
            |child| child.stdout.take().unwrap(),
            "Ready to accept connections",
            SignalKind::TERMINATE,
            folder,
        );
        if let Some((server, _)) = started.await {
            return (server, addr);
        }
    }
    panic!("redis-server has not started")
}

/// Returns a configuration without the library's own time limit, which would start a thread of smol.
/// `oneloop::time::timeout` has the same effect.
fn config() -> AsyncConnectionConfig {
    AsyncConnectionConfig::new().set_response_timeout(None)
}

/// Connects. `Io` is `Send`, as the library requires, and the second `Io` has tokio's traits again.
async fn connect(addr: SocketAddr, config: AsyncConnectionConfig) -> MultiplexedConnection {
    let stream = Io::new(Io::new(TcpStream::connect(addr).await.unwrap()));
    let info = RedisConnectionInfo::default().set_protocol(ProtocolVersion::RESP3);
    let (connection, driver) = MultiplexedConnection::new_with_config(&info, stream, config).await.unwrap();
    drop(oneloop::spawn(driver));
    connection
}

#[test]
fn redis_commands_of_many_tasks_share_a_connection() {
    const TEST: &str = "redis_commands_of_many_tasks_share_a_connection";
    if !installed(TEST) {
        return;
    }
    alone(TEST, || async {
        let (_server, addr) = start().await;
        let mut connection = connect(addr, config()).await;
        let big = "0123456789".repeat(100_000);
        () = within(connection.set("key", &big)).await.unwrap();
        assert_eq!(within(connection.get::<_, String>("key")).await.unwrap(), big);

        let mut tasks = oneloop::JoinSet::new();
        for number in 0..100 {
            let mut connection = connection.clone();
            tasks.spawn(async move {
                let key = format!("key{number}");
                let (): () = connection.set(&key, number).await.unwrap();
                let read: usize = connection.get(&key).await.unwrap();
                let (): () = connection.incr("all", 1).await.unwrap();
                read
            });
        }
        let mut read = within(tasks.join_all()).await;
        read.sort();
        assert!(read.into_iter().eq(0..100));
        assert_eq!(within(connection.get::<_, usize>("all")).await.unwrap(), 100);
    });
}

#[test]
fn redis_pipelines_and_transactions() {
    const TEST: &str = "redis_pipelines_and_transactions";
    if !installed(TEST) {
        return;
    }
    alone(TEST, || async {
        let (_server, addr) = start().await;
        let mut connection = connect(addr, config()).await;
        let mut pipeline = redis::pipe();
        pipeline.atomic().set("a", 1).ignore().incr("a", 41).cmd("GET").arg("a");
        let answers: (i64, i64) = within(pipeline.query_async(&mut connection)).await.unwrap();
        assert_eq!(answers, (42, 42));

        let wrong = within(connection.lpush::<_, _, i64>("a", "no list")).await.unwrap_err();
        assert_eq!(wrong.code(), Some("WRONGTYPE"));
        assert_eq!(within(connection.get::<_, i64>("a")).await.unwrap(), 42);
    });
}

#[test]
fn redis_messages_reach_their_subscriber() {
    const TEST: &str = "redis_messages_reach_their_subscriber";
    if !installed(TEST) {
        return;
    }
    alone(TEST, || async {
        let (_server, addr) = start().await;
        let (sender, mut pushes) = mpsc::unbounded_channel::<PushInfo>();
        let mut subscriber = connect(addr, config().set_push_sender(sender)).await;
        within(subscriber.subscribe("news")).await.unwrap();

        let mut publisher = connect(addr, config()).await;
        for text in ["one", "two"] {
            assert_eq!(within(publisher.publish::<_, _, usize>("news", text)).await.unwrap(), 1);
        }
        for (kind, text) in
            [(PushKind::Subscribe, None), (PushKind::Message, Some("one")), (PushKind::Message, Some("two"))]
        {
            let push = within(pushes.recv()).await.unwrap();
            assert_eq!(push.kind, kind);
            if let Some(text) = text {
                assert_eq!(push.data.last(), Some(&Value::BulkString(text.into())));
            }
        }
    });
}

#[test]
fn redis_streams_wake_a_blocked_reader() {
    const TEST: &str = "redis_streams_wake_a_blocked_reader";
    if !installed(TEST) {
        return;
    }
    alone(TEST, || async {
        let (_server, addr) = start().await;
        let mut writer = connect(addr, config()).await;
        let (): () = within(writer.xgroup_create_mkstream("jobs", "group", "$")).await.unwrap();

        // The server answers a connection's commands in order, so a command that blocks needs a
        // connection of its own.
        let mut blocked = connect(addr, config()).await;
        let reader = oneloop::spawn(async move {
            let options = StreamReadOptions::default().group("group", "reader").block(0);
            let reply: StreamReadReply = blocked.xread_options(&["jobs"], &[">"], &options).await.unwrap();
            let entry = &reply.keys[0].ids[0];
            let count: usize = blocked.xack("jobs", "group", &[&entry.id]).await.unwrap();
            (entry.get::<String>("job"), count)
        });
        let id: String = within(writer.xadd("jobs", "*", &[("job", "dig")])).await.unwrap();
        assert!(id.contains('-'), "{id}");
        assert_eq!(within(reader).await.unwrap(), (Some("dig".to_owned()), 1));
    });
}

#[test]
fn a_dropped_redis_command_leaves_its_connection_usable() {
    const TEST: &str = "a_dropped_redis_command_leaves_its_connection_usable";
    if !installed(TEST) {
        return;
    }
    alone(TEST, || async {
        let (_server, addr) = start().await;
        let mut connection = connect(addr, config()).await;
        let mut other = connect(addr, config()).await;
        let mut waits = connection.clone();
        let popped = timeout(Duration::from_millis(20), waits.blpop::<_, Value>("empty", 0.0)).await;
        assert!(popped.is_err(), "{popped:?}");
        // The answer to the dropped command arrives now. No other command gets it.
        let (): () = within(other.rpush("empty", "late")).await.unwrap();
        let (): () = within(connection.set("key", "value")).await.unwrap();
        assert_eq!(within(connection.get::<_, String>("key")).await.unwrap(), "value");
    });
}
