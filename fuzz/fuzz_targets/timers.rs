//! This target runs timers on the real clock with the model of `tests/models/timers/mod.rs`.

#![no_main]

#[path = "../../tests/common/counting.rs"]
mod counting;
#[path = "../../tests/models/steps.rs"]
mod steps;
#[path = "../../tests/models/timers/mod.rs"]
mod timers;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let steps = steps::from_bytes(bytes);
    if let Err(why) = timers::run(&steps) {
        panic!("{why}\nThe program: {steps:?}\n{}", timers::explain(&steps));
    }
});
