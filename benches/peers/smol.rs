//! smol's `LocalExecutor`, with `block_on` and timers from async-io.

use std::time::Duration;

use async_executor::{LocalExecutor, Task};

use super::Executor;

thread_local! {
    static EXECUTOR: LocalExecutor<'static> = const { LocalExecutor::new() };
}

pub struct Smol;

impl Executor for Smol {
    type Join<T: 'static> = Task<T>;

    fn block_on<T: 'static>(future: impl Future<Output = T> + 'static) -> T {
        EXECUTOR.with(|executor| async_io::block_on(executor.run(future)))
    }

    fn spawn<T: 'static>(future: impl Future<Output = T> + 'static) -> Self::Join<T> {
        EXECUTOR.with(|executor| executor.spawn(future))
    }

    fn detach<T: 'static>(join: Self::Join<T>) {
        join.detach();
    }

    fn yield_now() -> impl Future<Output = ()> {
        futures_lite::future::yield_now()
    }

    fn sleep(duration: Duration) -> impl Future<Output = ()> {
        let timer = async_io::Timer::after(duration);
        async {
            timer.await;
        }
    }
}
