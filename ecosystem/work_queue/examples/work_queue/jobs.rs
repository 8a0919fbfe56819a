//! Adds jobs, and handles one.

use std::cell::Cell;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::rc::Rc;
use std::time::Duration;

use oneloop::time::sleep;
use oneloop_work_queue::{Error, Failure, Job, NewJob, Producer, Queue};

use crate::options::Options;
use crate::process::{complain, say};

/// The delay of a scheduled job.
const LATER: Duration = Duration::from_millis(500);
/// The time between two checks of the queue.
const LOOK: Duration = Duration::from_millis(100);

/// The handler of jobs. A second call for one job must do no harm, and each kind of effect has its own
/// way to achieve this. This handler appends to a file, in which a second line with the same id is easy
/// to find.
pub struct JobHandler {
    work: Duration,
    fail_every: u64,
    record: Option<File>,
}

impl JobHandler {
    pub fn new(options: &Options) -> Result<Rc<JobHandler>, String> {
        let open = |path| OpenOptions::new().append(true).create(true).open(path);
        let record =
            options.record.as_ref().map(|path| open(path).map_err(|e| format!("{}: {e}", path.display())));
        Ok(Rc::new(JobHandler {
            work: options.work,
            fail_every: options.fail_every,
            record: record.transpose()?,
        }))
    }

    pub async fn handle(self: Rc<JobHandler>, job: Job) -> Result<(), Failure> {
        let number: u64 = std::str::from_utf8(job.payload())?.parse()?;
        sleep(self.work).await;
        if is_nth(number, self.fail_every) {
            return Err(Failure::new(format!("job {number} never succeeds")));
        }
        if let Some(mut record) = self.record.as_ref() {
            // The handler makes one write for a line, so that lines of several processes do not mix.
            record.write_all(format!("{} {}\n", job.id(), job.attempt()).as_bytes())?;
        }
        Ok(())
    }
}

fn is_nth(number: u64, n: u64) -> bool {
    n > 0 && number.is_multiple_of(n)
}

/// Adds the jobs, and counts the jobs that the queue has acknowledged. Waits while the queue is full.
pub async fn add(producer: &Producer, options: &Options, count: &Cell<u64>) -> Result<(), Error> {
    let mut known = 0;
    for number in 1..=options.jobs {
        let later = if is_nth(number, options.later_every) { LATER } else { Duration::ZERO };
        let job = NewJob::new(number.to_string()).id(format!("{}-{number}", options.run)).after(later);
        let added = producer.add_wait(job).await?;
        known += u64::from(!added.is_new);
        count.set(number);
    }
    let (jobs, run) = (options.jobs, &options.run);
    let known = if known > 0 { format!("; {known} of them were already added") } else { String::new() };
    say(&format!("added {jobs} jobs, {run}-1 to {run}-{jobs}{known}"));
    Ok(())
}

/// Waits until each job of the queue is handled or has become a dead letter.
pub async fn until_empty(queue: &Queue) {
    loop {
        match queue.status().await {
            Ok(status) if status.unfinished() == 0 => return,
            Ok(_) => {}
            Err(error) => complain(&error.to_string()),
        }
        sleep(LOOK).await;
    }
}
