//! The merge of several runs into one record. After a disturbance, a case can be measured again, and the
//! new measurement replaces the first one.
//!
//! A run never does this by itself. A page shows one run, unless the user names several files. One table
//! must not mix the figures of two machines or of two versions of a library, so the merge refuses such
//! files.

use crate::record::{CaseRecord, FactsRecord, Record};

/// A record and the name of its file.
pub struct Named {
    /// The name as the user has given it.
    pub name: String,
    /// The content of the file.
    pub record: Record,
}

/// Returns the first record with the cases of the other records. A later case replaces an earlier one.
///
/// # Errors
///
/// The error is a message, if two records differ in the machine, the versions, the length of the rounds
/// or the runtimes of a case.
pub fn merged(first: Named, others: Vec<Named>) -> Result<Record, String> {
    let mut whole = first.record;
    for other in others {
        let message = |reason: String| format!("cannot merge {} with {}: {reason}", other.name, first.name);
        fits(&whole, &other.record).map_err(message)?;
        let date = other.record.machine.date.clone();
        cases(&mut whole.counts, &other.record.counts, &date).map_err(message)?;
        cases(&mut whole.cases, &other.record.cases, &date).map_err(message)?;
        facts(&mut whole.facts, other.record.facts);
        let new = other.record.subjects.into_iter();
        for about in new {
            let known = |it: &crate::record::About| it.family == about.family && it.name == about.name;
            if !whole.subjects.iter().any(known) {
                whole.subjects.push(about);
            }
        }
    }
    Ok(whole)
}

/// Checks that one table may show the figures of both records.
fn fits(one: &Record, other: &Record) -> Result<(), String> {
    let (here, there) = (&one.machine, &other.machine);
    let versions = |record: &Record| {
        let versions = record.machine.versions.iter().map(|(name, version)| format!("{name} {version}"));
        versions.collect::<Vec<_>>().join(", ")
    };
    let length = |record: &Record| if record.options.quick { "quick" } else { "full" }.to_owned();
    let same = [
        ("processor", there.cpu.clone(), here.cpu.clone()),
        ("number of cores", there.cores.to_string(), here.cores.to_string()),
        ("kernel", there.kernel.clone(), here.kernel.clone()),
        ("compiler", there.rustc.clone(), here.rustc.clone()),
        ("list of versions", versions(other), versions(one)),
        ("length of the rounds", length(other), length(one)),
    ];
    let differs = same.into_iter().find(|(_, there, here)| there != here);
    differs.map_or(Ok(()), |(what, there, here)| {
        Err(format!("the {what} of the first is {there}, and that of the second is {here}"))
    })
}

fn cases(whole: &mut Vec<CaseRecord>, more: &[CaseRecord], date: &str) -> Result<(), String> {
    for case in more {
        let mut case = case.clone();
        case.date.get_or_insert_with(|| date.to_owned());
        let same = |it: &CaseRecord| it.family == case.family && it.name == case.name;
        match whole.iter().position(same) {
            Some(at) => {
                let missing = whole[at].subjects.iter().find(|it| case.subject(&it.name).is_none());
                if let Some(missing) = missing {
                    return Err(format!(
                        "the case {} of the first has no figures of {}",
                        case.name, missing.name
                    ));
                }
                whole[at] = case;
            }
            None => whole.insert(place(whole, &case), case),
        }
    }
    Ok(())
}

/// Returns the index of a new case. A point of a sweep goes into its sweep, whose points are in order.
/// Any other case goes behind all cases.
fn place(cases: &[CaseRecord], case: &CaseRecord) -> usize {
    let value = |it: &CaseRecord| {
        let sweep =
            it.sweep.as_ref().filter(|sweep| case.sweep.as_ref().map(|own| &own.name) == Some(&sweep.name));
        sweep.filter(|_| it.family == case.family).map(|sweep| sweep.value)
    };
    let own = value(case);
    let before = cases.iter().rposition(|it| value(it).is_some_and(|it| Some(it) < own));
    let after = || cases.iter().position(|it| value(it).is_some());
    before.map(|at| at + 1).or_else(after).unwrap_or(cases.len())
}

fn facts(whole: &mut Vec<FactsRecord>, more: Vec<FactsRecord>) {
    for record in more {
        match whole.iter_mut().find(|it| it.name == record.name) {
            Some(place) => *place = record,
            None => whole.push(record),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{SweepPoint, samples};

    fn named(name: &str, cases: Vec<CaseRecord>, date: &str) -> Named {
        let mut record = samples::record(cases);
        record.machine.date = date.into();
        Named { name: name.into(), record }
    }

    fn case(name: &str, figure: f64) -> CaseRecord {
        samples::case(name, "CPU", &[("epoll", &[1.0]), ("oneloop", &[figure])])
    }

    fn point(value: usize, figure: f64) -> CaseRecord {
        let sweep = SweepPoint { name: "echo".into(), parameter: "connections".into(), value };
        CaseRecord { sweep: Some(sweep), ..case(&format!("echo-{value}"), figure) }
    }

    #[test]
    fn a_case_that_is_measured_again_replaces_the_first_and_keeps_its_date() {
        let full = named("full.json", vec![case("churn", 2.0), case("bulk", 3.0)], "Monday");
        let again = named("again.json", vec![case("churn", 1.0)], "Tuesday");
        let whole = merged(full, vec![again]).unwrap();
        assert_eq!(whole.cases.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(), ["churn", "bulk"]);
        assert_eq!(whole.cases[0].summary(1, 0).unwrap().median, 1.0);
        assert_eq!(whole.cases[0].date.as_deref(), Some("Tuesday"));
        assert_eq!((whole.cases[1].date.as_deref(), whole.machine.date.as_str()), (None, "Monday"));
    }

    #[test]
    fn a_new_point_stands_in_its_sweep() {
        let full = named("full.json", vec![point(1, 1.0), point(50, 1.0), case("churn", 1.0)], "Monday");
        let more = vec![point(10, 1.0), point(100, 1.0), case("bulk", 1.0)];
        let whole = merged(full, vec![named("more.json", more, "Tuesday")]).unwrap();
        let names: Vec<&str> = whole.cases.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names, ["echo-1", "echo-10", "echo-50", "echo-100", "churn", "bulk"]);
        let first = merged(
            named("full.json", vec![case("churn", 1.0), point(50, 1.0)], "Monday"),
            vec![named("more.json", vec![point(1, 1.0)], "Tuesday")],
        );
        let names: Vec<String> = first.unwrap().cases.into_iter().map(|it| it.name).collect();
        assert_eq!(names, ["churn", "echo-1", "echo-50"]);
    }

    #[test]
    fn figures_of_two_machines_do_not_stand_side_by_side() {
        let full = || named("full.json", vec![case("churn", 2.0)], "Monday");
        let mut other = named("other.json", vec![case("churn", 1.0)], "Tuesday");
        other.record.machine.cpu = "another processor".into();
        let error = merged(full(), vec![other]).unwrap_err();
        assert_eq!(
            error,
            "cannot merge other.json with full.json: the processor of the first is another processor, and \
             that of the second is a processor"
        );
        let mut other = named("other.json", vec![case("churn", 1.0)], "Tuesday");
        other.record.machine.versions[0].1 = "1.0.1".into();
        assert!(merged(full(), vec![other]).unwrap_err().contains("tokio 1.0.1"));
        let mut other = named("other.json", vec![case("churn", 1.0)], "Tuesday");
        other.record.options.quick = false;
        assert!(
            merged(full(), vec![other]).unwrap_err().contains("is full, and that of the second is quick")
        );
    }

    #[test]
    fn a_case_that_lacks_a_runtime_replaces_none() {
        let full = named("full.json", vec![case("churn", 2.0)], "Monday");
        let again = samples::case("churn", "CPU", &[("epoll", &[1.0])]);
        let error = merged(full, vec![named("again.json", vec![again], "Tuesday")]).unwrap_err();
        assert!(error.ends_with("the case churn of the first has no figures of oneloop"), "{error}");
    }
}
