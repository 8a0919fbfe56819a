//! The tests share a process and a loop for each of them, and the programs on the other side.

mod program;

use std::future::Future;

pub use common::sockets::{LIMIT, within};
pub use program::{Server, client, has_program, has_python_module, output_of};

/// Runs a test in a process of its own and on a loop of its own. The test fails if a thread was started.
pub fn alone<F: Future<Output = ()>>(test: &str, body: impl FnOnce() -> F) {
    common::runner::in_child(test, || {
        common::sockets::run(async {
            let before = threads();
            body().await;
            assert_eq!(threads(), before, "the number of threads has changed");
        });
    });
}

/// Returns the number of threads of this process. Other systems than Linux have no simple count, so the
/// tests check nothing there.
fn threads() -> Option<usize> {
    let tasks = cfg!(target_os = "linux").then(|| std::fs::read_dir("/proc/self/task"))?;
    Some(tasks.expect("a process may list its threads").count())
}
