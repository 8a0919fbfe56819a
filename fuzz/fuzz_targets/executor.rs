//! This target runs the executor turn by turn with the model of `tests/models/executor/mod.rs`.

#![no_main]

#[path = "../../tests/common/counting.rs"]
mod counting;
#[path = "../../tests/models/executor/mod.rs"]
mod executor;
#[path = "../../tests/models/steps.rs"]
mod steps;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let steps = steps::from_bytes(bytes);
    if let Err(why) = executor::run(&steps) {
        panic!("{why}\nThe program: {steps:?}\n{}", executor::explain(&steps));
    }
});
