//! glommio, which needs io_uring and locked memory.

use std::time::Duration;

use glommio::{LocalExecutor, Task};

use super::Executor;

pub struct Glommio;

impl Executor for Glommio {
    type Join<T: 'static> = Task<T>;

    fn block_on<T: 'static>(future: impl Future<Output = T> + 'static) -> T {
        LocalExecutor::default().run(future)
    }

    fn spawn<T: 'static>(future: impl Future<Output = T> + 'static) -> Self::Join<T> {
        glommio::spawn_local(future)
    }

    fn detach<T: 'static>(join: Self::Join<T>) {
        drop(join.detach());
    }

    fn yield_now() -> impl Future<Output = ()> {
        futures_lite::future::yield_now()
    }

    fn sleep(duration: Duration) -> impl Future<Output = ()> {
        glommio::timer::sleep(duration)
    }
}
