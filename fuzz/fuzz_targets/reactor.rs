//! This target runs sockets on the driver that `ONELOOP_DRIVER` names, with the model of
//! `tests/models/reactor/mod.rs`.

#![no_main]

#[path = "../../tests/models/reactor/mod.rs"]
mod reactor;
#[path = "../../tests/models/steps.rs"]
mod steps;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let steps = steps::from_bytes(bytes);
    if let Err(why) = reactor::run(&steps) {
        panic!("{why}\nThe program: {steps:?}\n{}", reactor::explain(&steps));
    }
});
