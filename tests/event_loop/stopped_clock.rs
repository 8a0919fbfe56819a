//! The event loop on a clock that stands still.

use std::time::Duration;

use oneloop::Runtime;
use oneloop::event_loop::{Event, EventLoop};
use oneloop::time::now;

const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn timers_and_time_outs_come_at_once_and_in_order() {
    let real = std::time::Instant::now();
    let runtime = Runtime::builder().start_paused(true).build().unwrap();
    let mut events = EventLoop::<u8>::on(runtime, None).unwrap();
    let start = events.enter(now);
    let second = events.timer(2 * HOUR).unwrap();
    let first = events.timer(HOUR).unwrap();
    for (expected, hours) in [(first, 1), (second, 2)] {
        match events.take(Some(10 * HOUR)).unwrap() {
            Event::Timer(id) => assert_eq!(id, expected),
            event => panic!("{event:?}"),
        }
        assert_eq!(events.enter(now) - start, hours * HOUR);
    }
    assert!(matches!(events.take(Some(HOUR)), Ok(Event::TimedOut)));
    assert_eq!(events.enter(now) - start, 3 * HOUR);
    events.post(7).unwrap();
    assert!(matches!(events.take(Some(HOUR)), Ok(Event::Message(7))));
    assert!(matches!(events.take(Some(Duration::ZERO)), Ok(Event::TimedOut)));
    assert_eq!(events.enter(now) - start, 3 * HOUR, "none of them took time");
    assert!(real.elapsed() < HOUR);
}
