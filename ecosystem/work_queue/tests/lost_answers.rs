//! Operations that are tried again because their answer is lost.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::thread;

use common::examples::uninterrupted;
use oneloop_work_queue::{NewJob, Queue, Worker};

use crate::support::{Redis, run, status, until_empty};

/// Makes a queue behind a relay. The relay breaks the connection instead of forwarding the first answer
/// with this word.
fn queue_that_loses(redis: &Redis, word: &'static str) -> Queue {
    let (path, socket) = (redis.file("relay"), redis.file("socket"));
    let listener = UnixListener::bind(&path).expect("a socket");
    thread::spawn(move || {
        let mut has_lost = false;
        while let Ok((client, _)) = uninterrupted(|| listener.accept()) {
            let Ok(server) = UnixStream::connect(&socket) else { return };
            let (mut from, mut to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            thread::spawn(move || {
                let _ = std::io::copy(&mut from, &mut to);
                let _ = to.shutdown(Shutdown::Both);
            });
            // The relay serves one connection at a time, because the queue has one until it breaks.
            has_lost |= answers(server, client, (!has_lost).then_some(word));
        }
    });
    Queue::builder("test").redis(&format!("redis+unix://{}", path.display())).unwrap()
}

/// Forwards answers until the connection ends, or until an answer has the word. Returns whether an
/// answer had the word.
fn answers(mut server: UnixStream, mut client: UnixStream, word: Option<&str>) -> bool {
    let mut buffer = [0; 65536];
    let mut lost = false;
    while let Ok(count @ 1..) = uninterrupted(|| server.read(&mut buffer)) {
        lost =
            word.is_some_and(|word| buffer[..count].windows(word.len()).any(|part| part == word.as_bytes()));
        if lost || client.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    let _ = (server.shutdown(Shutdown::Both), client.shutdown(Shutdown::Both));
    lost
}

#[test]
fn an_add_whose_answer_is_lost_is_new_and_added_once() {
    let Some(redis) = Redis::start("an_add_whose_answer_is_lost_is_new_and_added_once") else { return };
    let queue = queue_that_loses(&redis, "added");
    run(async {
        let producer = queue.producer();
        assert!(producer.add(NewJob::new("x").id("a")).await.unwrap().is_new);
        assert!(!producer.add(NewJob::new("x").id("a")).await.unwrap().is_new);
    });
    assert_eq!(status(&redis.queue()).backlog, 1);
}

#[test]
fn a_removal_of_dead_letters_whose_answer_is_lost_removes_no_others() {
    let test = "a_removal_of_dead_letters_whose_answer_is_lost_removes_no_others";
    let Some(redis) = Redis::start(test) else { return };
    let queue = redis.queue();
    let (theirs, producer) = (queue.clone(), queue.producer());
    let worker = Worker::new(&queue).at_once(1).attempts(1);
    let handler = |_| async { Err("it fails".parse::<u8>().unwrap_err().into()) };
    let summary = worker.run(handler, async move {
        for id in ["a", "b", "c"] {
            producer.add(NewJob::new("x").id(id)).await.unwrap();
            while theirs.status().await.unwrap().unfinished() > 0 {
                oneloop::time::sleep(crate::support::ms(1)).await;
            }
        }
    });
    assert_eq!(summary.unwrap().dead, 3);
    until_empty(&queue);
    assert_eq!(run(queue_that_loses(&redis, "cleared").clear_dead_letters(1, false)).unwrap(), 1);
    let left = run(queue.dead_letters(10)).unwrap();
    assert_eq!(left.iter().map(|letter| letter.id.as_str()).collect::<Vec<_>>(), ["b", "c"]);
}
