//! This target runs the queue-based event loop with the model of `tests/models/event_loop/mod.rs`.

#![no_main]

#[path = "../../tests/models/event_loop/mod.rs"]
mod event_loop;
#[path = "../../tests/models/steps.rs"]
mod steps;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let steps = steps::from_bytes(bytes);
    if let Err(why) = event_loop::run(&steps) {
        panic!("{why}\nThe program: {steps:?}\n{}", event_loop::explain(&steps));
    }
});
