//! Prints the figures of a queue, and the events of a worker.

use oneloop_work_queue::{DeadLetter, Report, Status, Summary};

use crate::process::{complain, say};

pub fn status(status: &Status) {
    let oldest = status.oldest.map_or("-".to_owned(), |age| format!("{:.1} s", age.as_secs_f64()));
    say(&format!("backlog    {}", status.backlog));
    say(&format!("in flight  {}", status.in_flight));
    say(&format!("scheduled  {}", status.scheduled));
    say(&format!("dead       {}", status.dead));
    say(&format!("oldest     {oldest}"));
    say(&format!("workers    {}", status.workers.len()));
    for worker in &status.workers {
        let heartbeat = worker.heartbeat.as_secs_f64();
        say(&format!("  {}: {} in flight, heartbeat {heartbeat:.1} s ago", worker.name, worker.in_flight));
    }
}

pub fn dead_letters(letters: &[DeadLetter]) {
    for letter in letters {
        let DeadLetter { id, attempts, reason, .. } = letter;
        say(&format!("{id} after {attempts} attempts: {reason}"));
    }
}

/// Prints a line for an event of a worker. With `quiet`, prints only the events of the connection.
pub fn report(report: &Report, quiet: bool) {
    match report {
        Report::Disconnected { reason } => {
            complain(&format!("the connection to the broker failed: {reason}"))
        }
        Report::Connected => complain("connected to the broker again"),
        _ if quiet => {}
        Report::Done { id } => say(&format!("done       {id}")),
        Report::Retry { id, attempt, reason, pause } => {
            say(&format!("failed     {id}, attempt {attempt}, again in {} ms: {reason}", pause.as_millis()));
        }
        Report::Dead { id, reason } => say(&format!("dead       {id}: {reason}")),
        Report::GivenBack { id } => say(&format!("given back {id}")),
        Report::Claimed { id, delivery } => say(&format!("claimed    {id}, delivery {delivery}")),
        Report::Lost { id } => say(&format!("lost       {id}: another worker has it")),
        other => say(&format!("{other:?}")),
    }
}

pub fn summary(summary: &Summary) {
    let Summary { done, retried, dead, given_back, lost, claimed, unrecorded, .. } = summary;
    say(&format!(
        "{done} done, {retried} failed and tried again, {dead} dead, {claimed} claimed, {lost} lost, \
         {given_back} given back, {unrecorded} unrecorded"
    ));
}
