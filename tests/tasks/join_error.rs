//! `JoinError`: why a task has no value.

use std::error::Error;
use std::future::pending;
use std::panic::{panic_any, resume_unwind};

use oneloop::{JoinError, spawn};

use common::executor::*;

fn panicked(with: impl FnOnce() + 'static) -> JoinError {
    finish(async { spawn(async move { with() }).await.unwrap_err() })
}

fn cancelled() -> JoinError {
    finish(async {
        let task = spawn(pending::<()>());
        task.abort();
        task.await.unwrap_err()
    })
}

#[test]
fn it_is_send_and_sync_and_an_error() {
    fn crosses<T: Error + Send + Sync + 'static>() {}
    crosses::<JoinError>();
    let boxed: Box<dyn Error + Send + Sync> = cancelled().into();
    assert!(boxed.downcast_ref::<JoinError>().unwrap().is_cancelled());
    let shared = std::sync::Arc::new(panicked(|| panic!("shared")));
    let theirs = shared.clone();
    let text = std::thread::spawn(move || theirs.to_string()).join().unwrap();
    assert_eq!(text, shared.to_string());
}

#[test]
fn it_is_either_a_panic_or_cancelled() {
    let (panicked, cancelled) = (panicked(|| panic!()), cancelled());
    assert!(panicked.is_panic() && !panicked.is_cancelled());
    assert!(cancelled.is_cancelled() && !cancelled.is_panic());
}

#[test]
fn it_says_what_the_panic_said() {
    assert_eq!(said(&panicked(|| panic!("a literal"))), "panicked: a literal");
    let number = 7;
    assert_eq!(said(&panicked(move || panic!("number {number}"))), "panicked: number 7");
    assert_eq!(said(&panicked(|| panic_any(7))), "panicked");
    assert_eq!(said(&cancelled()), "was cancelled");
}

#[test]
fn its_debug_output_says_the_same() {
    assert!(format!("{:?}", panicked(|| panic!("a literal"))).contains("a literal"));
    assert!(format!("{:?}", panicked(|| panic_any(7))).contains("Panic"));
    assert!(format!("{:?}", cancelled()).contains("Cancelled"));
}

#[test]
fn it_gives_the_panics_own_value_back() {
    #[derive(Debug, PartialEq)]
    struct Payload(Vec<u8>);
    let payload = panicked(|| panic_any(Payload(vec![1, 2]))).into_panic();
    assert_eq!(*payload.downcast::<Payload>().unwrap(), Payload(vec![1, 2]));
    let payload = panicked(|| panic!("text")).try_into_panic().unwrap();
    assert_eq!(text_of(&*payload), "text");
}

#[test]
fn the_panic_can_be_resumed() {
    let text = panic_of(|| resume_unwind(panicked(|| panic!("passed on")).into_panic()));
    assert_eq!(text, "passed on");
}

#[test]
fn a_cancelled_task_has_no_panic_to_give() {
    assert!(cancelled().try_into_panic().unwrap_err().is_cancelled());
    let text = panic_of(|| cancelled().into_panic());
    assert!(text.contains("cancelled"), "{text}");
}
