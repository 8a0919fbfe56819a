//! The timer wheel, the real file, which no public name leads to. See `tests/models/wheel.rs`.

#![no_main]

#[path = "../../tests/models/wheel.rs"]
mod model;
#[path = "../../runtime/slots.rs"]
#[allow(dead_code, reason = "the wheel uses a part of it")]
mod slots;
#[path = "../../tests/models/steps.rs"]
mod steps;
#[path = "../../runtime/timer.rs"]
#[allow(dead_code, reason = "a runtime shuts down, a wheel alone doesn't")]
mod timer;

/// Stands in for the library's module of this name: to the wheel, who waits is something to keep and to hand back.
mod task {
    pub(crate) struct Waiter(pub(crate) u32);
}

use task::Waiter;
use timer::Wheel;

impl model::Wheel for Wheel {
    fn insert(&mut self, deadline_ns: u64, n: u32) -> u32 {
        Wheel::insert(self, deadline_ns, Waiter(n))
    }

    fn set_waiter(&mut self, key: u32, n: u32) -> Option<u32> {
        Wheel::set_waiter(self, key, Waiter(n)).map(|waiter| waiter.0)
    }

    fn remove(&mut self, key: u32) -> Option<u32> {
        Wheel::remove(self, key).map(|waiter| waiter.0)
    }

    fn has_fired(&self, key: u32) -> bool {
        Wheel::has_fired(self, key)
    }

    fn next_ns(&self) -> Option<u64> {
        Wheel::next_ns(self)
    }

    fn fire(&mut self, now_ns: u64) -> Vec<(u64, u32)> {
        let mut due = Vec::new();
        Wheel::fire(self, now_ns, &mut due);
        due.into_iter().map(|(deadline_ns, waiter)| (deadline_ns, waiter.0)).collect()
    }
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let steps = steps::from_bytes(bytes);
    if let Err(why) = model::run(&mut Wheel::new(), &steps) {
        panic!("{why}\nThe program: {steps:?}\n{}", model::explain(&steps));
    }
});
