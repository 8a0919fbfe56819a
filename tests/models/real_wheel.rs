//! The real wheel, driven as the model drives it. It takes the library's own file in by its path, because no public name leads to it:
//! the programs that use this have `slots`, `timer` and a `wait_list::Waiter` in their root.

use crate::timer::Wheel;
use crate::wait_list::Waiter;
use crate::wheel;

impl wheel::Wheel for Wheel {
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
        due.into_iter().map(|due| (due.deadline_ns, due.waiter.0)).collect()
    }
}
