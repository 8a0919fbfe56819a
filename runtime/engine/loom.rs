//! Functions that explore the models of races.

/// The largest number of preemptions in models with more than two threads.
const PREEMPTIONS: usize = 3;

/// Tries every order of a model that has two threads or very few steps.
pub(crate) fn model(body: impl Fn() + Send + Sync + 'static) {
    explore(loom::model::Builder::new(), body);
}

pub(crate) fn model_of_many(body: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(PREEMPTIONS));
    explore(builder, body);
}

fn explore(mut builder: loom::model::Builder, body: impl Fn() + Send + Sync + 'static) {
    use std::sync::{Arc, atomic::AtomicUsize};

    let orders = Arc::new(AtomicUsize::new(0));
    let count = orders.clone();
    builder.max_branches = 20_000;
    builder.check(move || {
        count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        body();
    });
    println!("{} orders", orders.load(std::sync::atomic::Ordering::Relaxed));
}
