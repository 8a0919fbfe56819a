//! The places in the source where tasks were spawned. Each place has a number.
//!
//! A task stores the number in two bytes, which would otherwise be padding beside the tag of its
//! future. So a place costs a task no memory. A spawn pays one look-up in a small cache by the place's
//! address.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::panic::Location;

/// A place in the source, as the compiler names it.
pub(crate) type Place = &'static Location<'static>;

/// The facts of `block_on`'s own future that its slot doesn't hold.
#[derive(Clone, Copy)]
pub(crate) struct MainNote {
    /// The place where `block_on` was called.
    pub(crate) place: Place,
    /// The name of the future's type.
    pub(crate) future: &'static str,
    /// The number of polls of all earlier futures of `block_on`.
    pub(crate) polls_before: u32,
}

/// The number of a place that the table has no number for, because the table is full.
const UNKNOWN: u16 = 0;

/// The number of entries of the cache, which is a power of two. Most programs spawn at fewer places.
const RECENT: usize = 32;

/// The table of places. The bound is one entry for each place of the program that spawns, and at most
/// 65,535.
pub(crate) struct Places {
    /// The place of the last spawn, and its number.
    last: Cell<(Option<Place>, u16)>,
    recent: [Cell<Option<(Place, u16)>>; RECENT],
    /// The numbers of all addresses that the cache has missed. Equal places may have several addresses.
    numbers: RefCell<HashMap<*const Location<'static>, u16>>,
    /// The places. The place with number n + 1 has index n.
    known: RefCell<Vec<Place>>,
}

impl Places {
    pub(crate) fn new() -> Places {
        Places {
            last: Cell::new((None, UNKNOWN)),
            recent: [const { Cell::new(None) }; RECENT],
            numbers: RefCell::default(),
            known: RefCell::default(),
        }
    }

    /// Returns the number of a place.
    #[inline(always)]
    pub(crate) fn number(&self, place: Place) -> u16 {
        match self.last.get() {
            (Some(last), number) if std::ptr::eq(last, place) => number,
            _ => self.number_of_another(place),
        }
    }

    #[inline(never)]
    fn number_of_another(&self, place: Place) -> u16 {
        let entry = &self.recent[(&raw const *place).addr() / size_of::<usize>() % RECENT];
        let number = match entry.get() {
            Some((known, number)) if std::ptr::eq(known, place) => number,
            _ => self.look_up(place, entry),
        };
        self.last.set((Some(place), number));
        number
    }

    /// Returns the number of a place that is not in the cache. A program that spawns at more places
    /// than the cache holds calls this function often, so a known address costs only one look-up.
    #[cold]
    #[inline(never)]
    fn look_up(&self, place: Place, entry: &Cell<Option<(Place, u16)>>) -> u16 {
        let number = *self.numbers.borrow_mut().entry(place).or_insert_with(|| self.enter(place));
        entry.set(Some((place, number)));
        number
    }

    /// Returns the number of a place with a new address. Equal places have the same number.
    fn enter(&self, place: Place) -> u16 {
        let mut known = self.known.borrow_mut();
        let index = known.iter().position(|other| *other == place).unwrap_or_else(|| {
            known.push(place);
            known.len() - 1
        });
        let Ok(number) = u16::try_from(index + 1) else {
            known.truncate(usize::from(u16::MAX));
            return UNKNOWN;
        };
        number
    }

    /// Passes each place and its number to `show`.
    #[cfg(feature = "trace")]
    pub(crate) fn for_each(&self, mut show: impl FnMut(u16, Place)) {
        for (index, place) in self.known.borrow().iter().enumerate() {
            show(index as u16 + 1, place);
        }
    }

    /// Returns the place with this number.
    pub(crate) fn get(&self, number: u16) -> Option<Place> {
        self.known.borrow().get(usize::from(number.checked_sub(1)?)).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn here() -> Place {
        Location::caller()
    }

    #[test]
    fn more_places_than_the_cache_holds_keep_their_numbers() {
        #[rustfmt::skip] // rustfmt would use 36 lines
        let sites = [
            here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(),
            here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(),
            here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(), here(),
        ];
        assert!(sites.len() > RECENT);
        let places = Places::new();
        for _ in 0..3 {
            for (site, number) in sites.iter().zip(1..) {
                assert_eq!(places.number(site), number);
                assert_eq!(places.get(number), Some(*site));
            }
        }
    }
}
