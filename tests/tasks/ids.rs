//! Ids and names of tasks: unique, and in all that is printed.

use std::collections::HashSet;
use std::future::pending;

use oneloop::task::{self, Builder};
use oneloop::{Handle, Runtime, spawn, yield_now};

use common::executor::*;

#[test]
fn a_task_knows_its_id_in_each_poll_and_in_its_drop() {
    finish(async {
        let task = spawn(async {
            let id = task::id();
            yield_now().await;
            assert_eq!(task::id(), id);
            id
        });
        let id = task.id();
        assert_eq!(task.abort_handle().id(), Some(id));
        assert_eq!(task.await.unwrap(), id);
        let (sender, receiver) = std::sync::mpsc::channel();
        let dropped = OnDrop(move || sender.send(task::try_id()).unwrap());
        let aborted = spawn(async move {
            let _dropped = dropped;
            pending::<()>().await;
        });
        yield_now().await;
        let id = aborted.id();
        aborted.abort();
        assert!(aborted.await.unwrap_err().is_cancelled());
        assert_eq!(receiver.recv().unwrap(), Some(id));
        assert_eq!(task::try_id(), None, "the future of block_on is no task");
    });
    assert_eq!(task::try_id(), None);
    let text = panic_of(|| {
        task::id();
    });
    assert!(text.contains("task::id was called outside a task"), "{text}");
}

#[test]
fn no_two_tasks_have_one_id_also_not_one_after_the_other() {
    finish(async {
        let mut ids = HashSet::new();
        for _ in 0..1000 {
            let task = spawn(async {});
            assert!(ids.insert(task.id()));
            task.await.unwrap();
        }
        let alive: Vec<_> = (0..1000).map(|_| spawn(pending::<()>())).collect();
        assert!(alive.iter().all(|task| ids.insert(task.id())));
    });
    let other = Runtime::new().unwrap();
    let runtime = Runtime::new().unwrap();
    assert_ne!(other.spawn(async {}).id(), runtime.spawn(async {}).id());
}

#[test]
fn a_name_is_in_debug_and_in_errors_and_is_removed_with_the_result() {
    finish(async {
        let task = Builder::new().name("resizer").spawn(async {
            assert_eq!(task::name().as_deref(), Some("resizer"));
            panic!("out of cheese")
        });
        let (id, abort) = (task.id(), task.abort_handle());
        for text in [format!("{task:?}"), format!("{abort:?}")] {
            assert!(text.contains(&id.to_string()) && text.contains("\"resizer\""), "{text}");
        }
        let error = task.await.unwrap_err();
        assert_eq!((error.id(), error.name()), (Some(id), Some("resizer")));
        assert_eq!(error.to_string(), format!("task \"resizer\" ({id}) panicked: out of cheese"));
        assert!(format!("{error:?}").contains("resizer"));
        assert!(!format!("{abort:?}").contains("resizer"), "the place may be another task's");

        let mut cancelled = Builder::new().name("idle").spawn(pending::<()>());
        cancelled.abort();
        yield_now().await;
        let error = cancelled.try_join().unwrap().unwrap_err();
        assert!(error.is_cancelled() && error.name() == Some("idle"));
    });
}

#[test]
fn a_place_that_had_a_named_task_has_no_name_afterwards() {
    finish(async {
        for way in 0..3 {
            let task = Builder::new().name("first").spawn(async { 1 });
            match way {
                0 => drop(task.await),
                1 => drop(task), // detached before it ends
                _ => {
                    yield_now().await;
                    drop(task); // and after
                }
            }
            yield_now().await;
            let next = spawn(async { task::name() });
            assert!(!format!("{next:?}").contains("first"));
            assert_eq!(next.await.unwrap(), None);
        }
    });
}

#[test]
fn a_task_from_another_thread_has_an_id_in_its_panic() {
    let runtime = Runtime::new().unwrap();
    let error =
        finish_on(&runtime, async { Handle::current().spawn(async { panic!("remote") }).await.unwrap_err() });
    assert!(error.id().is_some());
    assert_eq!(said(&error), "panicked: remote");
    let never = runtime.handle().spawn(pending::<()>());
    drop(runtime);
    assert_eq!(finish(never).unwrap_err().to_string(), "task was cancelled");
}
