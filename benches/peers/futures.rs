//! futures' `LocalPool`: an executor without timers or I/O.

use std::cell::RefCell;
use std::time::Duration;

use futures::executor::{LocalPool, LocalSpawner};
use futures::future::RemoteHandle;
use futures::task::LocalSpawnExt;

use super::Executor;

thread_local! {
    static SPAWNER: RefCell<Option<LocalSpawner>> = const { RefCell::new(None) };
}

pub struct Pool;

impl Executor for Pool {
    const TIMERS: bool = false;

    type Join<T: 'static> = RemoteHandle<T>;

    fn block_on<T: 'static>(future: impl Future<Output = T> + 'static) -> T {
        let mut pool = LocalPool::new();
        SPAWNER.set(Some(pool.spawner()));
        pool.run_until(future)
    }

    fn spawn<T: 'static>(future: impl Future<Output = T> + 'static) -> Self::Join<T> {
        SPAWNER.with_borrow(|spawner| {
            let spawner = spawner.as_ref().expect("spawn is called inside block_on");
            spawner.spawn_local_with_handle(future).expect("the pool runs")
        })
    }

    fn detach<T: 'static>(join: Self::Join<T>) {
        join.forget();
    }

    fn yield_now() -> impl Future<Output = ()> {
        futures_lite::future::yield_now()
    }

    async fn sleep(_duration: Duration) {
        unreachable!("the cases with timers are not run on a runtime without them")
    }
}
