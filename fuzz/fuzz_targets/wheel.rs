//! This target runs the timer wheel with the model of `tests/models/wheel.rs`. It includes the wheel's
//! source file, because the wheel has no public name.

#![no_main]

#[path = "../../tests/models/real_wheel.rs"]
mod real_wheel;
#[path = "../../runtime/engine/slots.rs"]
#[allow(dead_code, reason = "the wheel uses a part of it")]
mod slots;
#[path = "../../tests/models/steps.rs"]
mod steps;
#[path = "../../runtime/engine/wheel.rs"]
#[allow(dead_code, reason = "a runtime shuts down, a wheel alone does not")]
mod timer;
#[path = "../../tests/models/wheel.rs"]
mod wheel;

/// This module replaces the library's module of this name. The wheel only stores a waiter and returns
/// it.
mod wait_list {
    pub(crate) struct Waiter(pub(crate) u32);
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let steps = steps::from_bytes(bytes);
    if let Err(why) = wheel::run(&mut timer::Wheel::new(), &steps) {
        panic!("{why}\nThe program: {steps:?}\n{}", wheel::explain(&steps));
    }
});
