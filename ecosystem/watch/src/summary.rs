//! This file writes the statistics of a record as tables for a terminal.

use std::io::{self, Write};

use oneloop::trace::format::Cause;

use crate::model::{Model, Outcome, Poll, Unit, Wake};
use crate::printable::{count, printable, time};
use crate::record::Record;

const ROWS: usize = 10;

/// Writes the statistics of a record as text.
///
/// Characters of names on which a terminal would act are written as escapes.
///
/// # Errors
///
/// An error is that of the writer.
pub fn write_summary(record: &Record, model: &Model, to: &mut dyn Write) -> io::Result<()> {
    let mut write = Summary { model, to };
    write.head(record)?;
    write.slowest_polls()?;
    write.longest_waits()?;
    write.busiest_units()?;
    write.busiest_places()
}

struct Summary<'a> {
    model: &'a Model,
    to: &'a mut dyn Write,
}

impl Summary<'_> {
    fn head(&mut self, record: &Record) -> io::Result<()> {
        let (model, total) = (self.model, self.model.total());
        let handled = model.polls.iter().filter(|poll| matches!(poll.outcome, Outcome::Handled(_))).count();
        write!(self.to, "{}", record.flaws())?;
        if let Some(thread) = model.fact("thread") {
            let pid = printable(model.fact("pid").unwrap_or("?"));
            writeln!(self.to, "thread {} of process {pid}", printable(thread))?;
        }
        let part = |ns: u64| if total.time_ns == 0 { 0.0 } else { ns as f64 * 100.0 / total.time_ns as f64 };
        writeln!(
            self.to,
            "{:>12}  recorded, {} events",
            time(total.time_ns),
            count(record.events_count() as u64)
        )?;
        let parts =
            [(total.polled_ns, "polls"), (total.parked_ns, "parked"), (total.own_ns, "the loop itself")];
        for (ns, what) in parts {
            writeln!(self.to, "{:>12}  {:>5.1} %  {what}", time(ns), part(ns))?;
        }
        let counts = [
            (model.turns_ns.len(), "turns"),
            (model.polls.len() - handled, "polls"),
            (handled, "events handled by the program"),
            (model.count(Outcome::Panicked), "panics"),
            (model.wakes.len(), "wakes and spawns that queued a unit"),
            (model.parks.len(), "parks"),
            (model.units.len(), "tasks and other units"),
            (model.timers.len(), "timers"),
            (model.sockets.len(), "sockets"),
            (model.longest_queue() as usize, "units in the ready queue at most"),
        ];
        for (number, what) in counts {
            writeln!(self.to, "{:>12}  {what}", count(number as u64))?;
        }
        Ok(())
    }

    fn slowest_polls(&mut self) -> io::Result<()> {
        self.title("Slowest polls", "        time          at  outcome     unit")?;
        for poll in self.model.slowest_polls(ROWS) {
            let name = self.unit(poll.unit);
            let outcome = outcome(poll);
            writeln!(
                self.to,
                "{:>12}{:>12}  {outcome:<12}{name}",
                time(poll.time_ns()),
                time(poll.begin_ns)
            )?;
        }
        Ok(())
    }

    fn longest_waits(&mut self) -> io::Result<()> {
        let title =
            "Longest waits between wake or spawn and poll (from the clock's last reading before the wake)";
        self.title(
            title,
            "      waited          at  unit, what has queued it, the longest poll during the wait",
        )?;
        for poll in self.model.longest_waits(ROWS) {
            let Some(wake) = poll.wake.map(|wake| &self.model.wakes[wake]) else { continue };
            let waited = time(self.model.wait_ns(poll).unwrap_or(0));
            let (name, by, behind) = (self.unit(poll.unit), self.cause(wake), self.behind(poll));
            writeln!(self.to, "{waited:>12}{:>12}  {name}, queued by {by}{behind}", time(poll.begin_ns))?;
        }
        Ok(())
    }

    fn busiest_units(&mut self) -> io::Result<()> {
        self.title("Busiest tasks and other units", "        time       polls     longest  unit")?;
        for busy in self.model.busiest_units(ROWS) {
            let (sum, longest) = (time(busy.time_ns), time(busy.longest_ns));
            let name = self.unit(busy.unit);
            writeln!(self.to, "{sum:>12}{:>12}{longest:>12}  {name}", count(busy.polls))?;
        }
        Ok(())
    }

    fn busiest_places(&mut self) -> io::Result<()> {
        let head = "        time       polls     longest       units  place";
        self.title("Busiest places: the units that one line has spawned", head)?;
        for busy in self.model.busiest_places(ROWS) {
            let (sum, longest) = (time(busy.time_ns), time(busy.longest_ns));
            let (polls, units, place) = (count(busy.polls), count(busy.units), self.place(busy.place));
            writeln!(self.to, "{sum:>12}{polls:>12}{longest:>12}{units:>12}  {place}")?;
        }
        Ok(())
    }

    /// Describes the longest poll during a wait, which is usually its reason.
    fn behind(&self, poll: &Poll) -> String {
        let longest = self.model.longest_poll_during_wait(poll);
        longest.map_or(String::new(), |longest| {
            let name = self.title_of(&self.model.units[longest.unit]);
            format!(", behind {} of {name}", time(longest.time_ns()))
        })
    }

    fn title(&mut self, title: &str, head: &str) -> io::Result<()> {
        writeln!(self.to, "\n{title}\n{head}")
    }

    fn unit(&self, unit: usize) -> String {
        let unit = &self.model.units[unit];
        format!("{} ({})", printable(&self.model.title(unit)), self.place(unit.place))
    }

    fn place(&self, place: u64) -> String {
        let known = self.model.places.get(&place);
        known.map_or("place unknown".into(), |place| printable(&place.to_string()).into_owned())
    }

    fn cause(&self, wake: &Wake) -> String {
        let (key, generation) = (wake.cause_id >> 24, wake.cause_id & 0xff_ffff);
        match wake.cause {
            Cause::Unit => match wake.during {
                Some(poll) => self.title_of(&self.model.units[self.model.polls[poll].unit]),
                None => format!("unit {key}.{generation}"),
            },
            Cause::Socket => format!("socket {key}.{generation}"),
            Cause::Timer => format!("timer {}", wake.cause_id),
            Cause::Thread => "another thread".into(),
            Cause::Task => format!("the end of task {key}.{generation}"),
            Cause::Shutdown => "the end of the runtime".into(),
            _ => "code outside of any poll".into(),
        }
    }

    fn title_of(&self, unit: &Unit) -> String {
        printable(&self.model.title(unit)).into_owned()
    }
}

fn outcome(poll: &Poll) -> &'static str {
    match poll.outcome {
        Outcome::Pending => "waits",
        Outcome::Ready => "finished",
        Outcome::Panicked => "panicked",
        Outcome::Open => "not over",
        Outcome::Handled(_) => "handled",
    }
}
