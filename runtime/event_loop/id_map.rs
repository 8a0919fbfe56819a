//! A map from the sources of a loop to a program's state for each source.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use super::event::Id;

/// A hash map with an [`Id`] as the key, for a program's own state of each socket and timer. The type
/// is std's `HashMap` with a hasher for ids.
///
/// std's own hasher resists keys that an attacker has chosen. No attacker chooses an id, because the
/// loop assigns the ids. So this hasher makes one multiplication, and a look-up takes about
/// a hundred instructions less (`benches/RESULTS.md`).
///
/// `IdMap::default()` returns an empty map. `HashMap::new` and `HashMap::with_capacity` exist only
/// for std's hasher.
///
/// # Examples
///
/// ```
/// use oneloop::event_loop::{Event, EventLoop, IdMap};
/// use std::time::Duration;
///
/// # fn main() -> std::io::Result<()> {
/// let mut events = EventLoop::<()>::new()?;
/// let mut names = IdMap::default();
/// names.insert(events.timer(Duration::from_millis(1))?, "first");
/// names.insert(events.timer(Duration::from_millis(2))?, "second");
/// let mut order = vec![];
/// while !names.is_empty() {
///     if let Event::Timer(id) = events.take(None)? {
///         order.extend(names.remove(&id));
///     }
/// }
/// assert_eq!(order, ["first", "second"]);
/// # Ok(()) }
/// ```
pub type IdMap<V> = HashMap<Id, V, BuildHasherDefault<IdHasher>>;

/// The hasher of an [`IdMap`]. The hasher is for [`Id`]s only, because other keys may collide often.
#[derive(Clone, Copy, Debug, Default)]
pub struct IdHasher(u64);

/// An odd number near 2⁶⁴ divided by the golden ratio (Knuth, The Art of Computer Programming, volume
/// 3, 6.4). The lowest bits of a product differ for consecutive keys, and its highest bits depend on
/// all bits of the key. std's map takes the position of an entry from the lowest bits, and a tag of
/// seven bits from the highest bits.
const MULTIPLIER: u64 = 0x9E37_79B9_7F4A_7C15;

impl Hasher for IdHasher {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.write_u32(u32::from(byte)));
    }

    #[inline]
    fn write_u32(&mut self, number: u32) {
        self.0 = (self.0.rotate_left(5) ^ u64::from(number)).wrapping_mul(MULTIPLIER);
    }

    #[inline]
    fn finish(&self) -> u64 {
        self.0
    }
}
