//! These tests run the crate `tokio-postgres` against Debian's PostgreSQL.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use futures::channel::mpsc;
use futures::future::Either;
use futures::{SinkExt, StreamExt};
use oneloop::net::UnixStream;
use oneloop::process::{Command, Stdio};
use oneloop::signal::SignalKind;
use oneloop::time::sleep;
use tokio_postgres::error::SqlState;
use tokio_postgres::{AsyncMessage, Client, Config, NoTls, Notification};

use crate::support::{Server, alone, has_program, output_of, within};

/// Returns a program's path. Debian has the newest version's programs in a folder, and other systems
/// have them in the path.
fn program(name: &str) -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = versions.max_by_key(|entry| entry.file_name().to_string_lossy().parse::<u32>().ok());
    newest.map_or(name.into(), |entry| entry.path().join("bin").join(name))
}

fn installed(test: &str) -> bool {
    has_program(test, &program("initdb"), "apt-get install postgresql")
}

/// Makes a command of a user who is not root, because PostgreSQL refuses to run as root. Its folder
/// belongs to that user.
fn command(name: &str, folder: &Path) -> Command {
    let mut command = match is_root() {
        false => Command::new(program(name)),
        true => {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(program(name));
            command
        }
    };
    command.current_dir(folder);
    command
}

fn is_root() -> bool {
    Path::new("/proc/self").metadata().is_ok_and(|process| process.uid() == 0)
}

/// Makes an empty cluster, and starts a server that has no port, only a Unix socket.
async fn start() -> Server {
    let folder = tempfile::tempdir().unwrap();
    if is_root() {
        output_of(Command::new("chown").arg("postgres").arg(folder.path())).await;
    }
    let mut initdb = command("initdb", folder.path());
    initdb.args(["--pgdata=data", "--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C"]);
    output_of(initdb.arg("--no-sync")).await;

    let mut postgres = command("postgres", folder.path());
    postgres.args(["-D", "data", "-F", "-h", "", "-c", "max_connections=10"]).arg("-k").arg(folder.path());
    Server::start(
        postgres.stderr(Stdio::piped()),
        |child| child.stderr.take().unwrap(),
        "database system is ready to accept connections",
        SignalKind::QUIT, // QUIT ends the server at once. No data is kept.
        folder,
    )
    .await
    .expect("the server runs")
    .0
}

async fn stream(server: &Server) -> UnixStream {
    UnixStream::connect(server.folder().join(".s.PGSQL.5432")).await.unwrap()
}

/// Connects on the runtime's stream as it is. The connection runs in a task, which passes notifications
/// on.
async fn connect(server: &Server) -> (Client, mpsc::UnboundedReceiver<Notification>) {
    let mut config = Config::new();
    config.user("postgres").dbname("postgres");
    let (client, mut connection) = config.connect_raw(stream(server).await, NoTls).await.unwrap();
    let (sender, notifications) = mpsc::unbounded();
    drop(oneloop::spawn(async move {
        let mut messages = futures::stream::poll_fn(move |cx| connection.poll_message(cx));
        while let Some(message) = messages.next().await {
            if let AsyncMessage::Notification(notification) = message.unwrap() {
                let _ = sender.unbounded_send(notification); // The test may have dropped the receiver.
            }
        }
    }));
    (client, notifications)
}

#[test]
fn tokio_postgres_queries_and_transactions() {
    const TEST: &str = "tokio_postgres_queries_and_transactions";
    if !installed(TEST) {
        return;
    }
    alone(TEST, || async {
        let server = start().await;
        let (mut client, _) = connect(&server).await;
        let setup = "CREATE TABLE accounts (name text PRIMARY KEY, amount bigint NOT NULL)";
        within(client.batch_execute(setup)).await.unwrap();

        let insert = "INSERT INTO accounts VALUES ($1, $2)";
        let transaction = within(client.transaction()).await.unwrap();
        for (name, amount) in [("Ada", 30_i64), ("Grace", 12)] {
            assert_eq!(within(transaction.execute(insert, &[&name, &amount])).await.unwrap(), 1);
        }
        within(transaction.commit()).await.unwrap();

        let transaction = within(client.transaction()).await.unwrap();
        within(transaction.execute("UPDATE accounts SET amount = 0", &[])).await.unwrap();
        drop(transaction); // The drop rolls the transaction back.

        let error = within(client.execute(insert, &[&"Ada", &1_i64])).await.unwrap_err();
        assert_eq!(error.code(), Some(&SqlState::UNIQUE_VIOLATION));

        // Queries of one connection overlap.
        let query = "SELECT amount FROM accounts WHERE name = $1";
        let statement = within(client.prepare(query)).await.unwrap();
        let (ada, grace) = within(futures::future::join(
            client.query_one(&statement, &[&"Ada"]),
            client.query_one(&statement, &[&"Grace"]),
        ))
        .await;
        assert_eq!(ada.unwrap().get::<_, i64>(0) + grace.unwrap().get::<_, i64>(0), 42);
    });
}

#[test]
fn tokio_postgres_copies_more_than_a_socket_holds() {
    const TEST: &str = "tokio_postgres_copies_more_than_a_socket_holds";
    const LINES: i64 = 200_000;
    if !installed(TEST) {
        return;
    }
    alone(TEST, || async {
        let server = start().await;
        let (client, _) = connect(&server).await;
        within(client.batch_execute("CREATE TABLE numbers (number bigint)")).await.unwrap();
        let copy = within(client.copy_in("COPY numbers FROM STDIN")).await.unwrap();
        let mut copy = std::pin::pin!(copy);
        for from in (0..LINES).step_by(1000) {
            let lines: String = (from..from + 1000).map(|number| format!("{number}\n")).collect();
            within(copy.send(Bytes::from(lines))).await.unwrap();
        }
        assert_eq!(within(copy.finish()).await.unwrap(), LINES as u64);

        let rows = within(client.query("SELECT number FROM numbers", &[])).await.unwrap();
        let sum: i64 = rows.iter().map(|row| row.get::<_, i64>(0)).sum();
        assert_eq!(sum, LINES * (LINES - 1) / 2);
    });
}

#[test]
fn tokio_postgres_notifications_arrive() {
    const TEST: &str = "tokio_postgres_notifications_arrive";
    if !installed(TEST) {
        return;
    }
    alone(TEST, || async {
        let server = start().await;
        let (listener, mut notifications) = connect(&server).await;
        within(listener.batch_execute("LISTEN news")).await.unwrap();
        let (speaker, _) = connect(&server).await;
        within(speaker.batch_execute("NOTIFY news, 'one'; NOTIFY news, 'two'")).await.unwrap();
        for expected in ["one", "two"] {
            let notification = within(notifications.next()).await.unwrap();
            assert_eq!((notification.channel(), notification.payload()), ("news", expected));
        }
    });
}

#[test]
fn a_dropped_postgres_query_is_cancelled_and_its_connection_usable() {
    const TEST: &str = "a_dropped_postgres_query_is_cancelled_and_its_connection_usable";
    if !installed(TEST) {
        return;
    }
    alone(TEST, || async {
        let server = start().await;
        let (client, _) = connect(&server).await;
        let (other, _) = connect(&server).await;
        let sleeps = async |count| {
            let query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
            while other.query_one(query, &[]).await.unwrap().get::<_, i64>(0) != count {
                sleep(Duration::from_millis(1)).await; // The loop ends when the server reports the query.
            }
        };
        let query = Box::pin(client.batch_execute("SELECT pg_sleep(3600)"));
        match within(futures::future::select(query, Box::pin(sleeps(1)))).await {
            Either::Left((ended, _)) => panic!("it sleeps for an hour: {ended:?}"),
            Either::Right(((), query)) => drop(query),
        }
        // The drop of the future does not tell the server. A token does, on a connection of its own.
        let token = client.cancel_token();
        within(token.cancel_query_raw(stream(&server).await, NoTls)).await.unwrap();
        within(sleeps(0)).await;
        assert_eq!(within(client.query_one("SELECT 42", &[])).await.unwrap().get::<_, i32>(0), 42);
    });
}
