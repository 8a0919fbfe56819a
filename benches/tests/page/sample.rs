//! The record of an invented run, with all parts that a page can show.

use oneloop_bench::record::*;

const SERVERS: [&str; 15] = [
    "epoll",
    "mio",
    "tokio",
    "tokio-local",
    "tokio-shared",
    "smol",
    "monoio",
    "compio",
    "compio-poll",
    "glommio",
    "node",
    "oneloop",
    "oneloop-shared",
    "oneloop-busy",
    "oneloop-queue",
];
const HTTP: [&str; 3] = ["tokio-hyper", "tokio-hyper-timer", "oneloop-hyper"];
const RUNTIMES: [&str; 9] =
    ["tokio", "tokio-local", "smol", "monoio", "compio", "glommio", "futures", "oneloop", "oneloop-precise"];

/// Returns a figure that is the same in each run of the test. The figures are close to each other, as
/// those of servers are.
fn figure(case: usize, subject: usize, round: usize) -> f64 {
    let place = (case * 31 + subject * 17 + round * 7) % 23;
    (12_000.0 + 4_000.0 * case as f64) * (1.0 + subject as f64 * 0.04) * (1.0 + place as f64 / 300.0)
}

fn case(number: usize, family: Family, name: &str, subjects: &[&str], rounds: usize) -> CaseRecord {
    let subject = |(at, name): (usize, &&str)| SubjectRecord {
        name: name.to_string(),
        rounds: (0..rounds).map(|round| Round::Figures(vec![figure(number, at, round), 7.0])).collect(),
    };
    let metric =
        |name: &str, unit: &str, compared| MetricRecord { name: name.into(), unit: unit.into(), compared };
    CaseRecord {
        family,
        name: name.into(),
        about: format!("what {name} does"),
        sweep: None,
        metrics: vec![metric("CPU", "ns/round trip", true), metric("p99", "\u{b5}s", false)],
        baseline: subjects[0].into(),
        ratio_digits: 3,
        subjects: subjects.iter().enumerate().map(subject).collect(),
        notes: Vec::new(),
        rounds_planned: None,
        date: None,
    }
}

fn sweep(
    family: Family,
    name: &str,
    parameter: &str,
    values: &[usize],
    subjects: &[&str],
) -> Vec<CaseRecord> {
    let point = |(number, value): (usize, &usize)| CaseRecord {
        sweep: Some(SweepPoint { name: name.into(), parameter: parameter.into(), value: *value }),
        ..case(number, family, &format!("{name}-{value}"), subjects, 5)
    };
    values.iter().enumerate().map(point).collect()
}

/// Returns the record. Two cases have a warning, one subject fails, and one subject is far above the
/// others.
pub fn record() -> Record {
    let mut cases = sweep(Family::Servers, "echo", "connections", &[1, 10, 50, 100, 1_000, 10_000], &SERVERS);
    cases.push(case(3, Family::Servers, "churn", &SERVERS, 5));
    cases.push(case(4, Family::Http, "http1-get-64", &HTTP, 5));
    cases.push(case(5, Family::Operations, "spawn-join", &RUNTIMES, 5));
    let sizes = [10, 100, 1_000, 10_000, 100_000, 1_000_000];
    cases.extend(sweep(Family::Operations, "yield", "tasks", &sizes, &RUNTIMES));
    for busy in ["echo-50", "churn"] {
        let busy = cases.iter_mut().find(|case| case.name == busy).expect("it is one of them");
        busy.notes.push("Other work took 90 % of a core meanwhile. Do not trust this case.".into());
    }
    let churn = cases.iter_mut().find(|case| case.name == "churn").expect("it is one of them");
    churn.subjects[5].rounds = vec![Round::Failure("no answer within 5 s".into()); 2];
    churn.subjects[10].rounds = vec![Round::Figures(vec![90_000.0, 1.0]); 5];
    churn.rounds_planned = Some(7);
    let counts = vec![
        case(0, Family::Servers, "echo-1", &SERVERS[..13], 1),
        case(1, Family::Operations, "spawn-join", &RUNTIMES, 1),
    ];
    let about = |(family, name): (Family, &&str)| About {
        family,
        name: name.to_string(),
        about: format!("what {name} is"),
        version: None,
    };
    let servers = SERVERS.iter().map(|name| (Family::Servers, name));
    let runtimes = RUNTIMES.iter().map(|name| (Family::Operations, name));
    Record {
        format: FORMAT,
        machine: Machine {
            cpu: "a processor with a long name, such as vendors give to them @ 3.50GHz".into(),
            cores: 2,
            virtual_machine: true,
            kernel: "6.18.0".into(),
            rustc: "rustc 1.95.0 (59807616e 2026-04-14)".into(),
            date: "2026-01-31T12:00:00Z".into(),
            versions: ["oneloop", "tokio", "smol"].map(|it| (it.to_owned(), "1.0.0".to_owned())).into(),
        },
        options: RunOptions {
            quick: false,
            filters: Vec::new(),
            server_seconds: 1.5,
            operation_seconds: 0.1,
            interrupted: true,
            elapsed_seconds: 3_000.0,
        },
        subjects: servers.chain(runtimes).map(about).collect(),
        left_out: vec![("uvloop".into(), "there is no module uvloop".into())],
        counts,
        cases,
        facts: facts(),
    }
}

fn facts() -> Vec<FactsRecord> {
    let known = FactsOutcome::Facts(Facts {
        version: "1.0.0".into(),
        features: "tokio = { version = \"1\", features = [\"rt\", \"net\"] }".into(),
        build_seconds: 6.0,
        build_cpu_seconds: 9.0,
        jobs: 2,
        crates: 6,
        binary_bytes: 500_000,
        counted: vec!["tokio 1.0.0".into()],
        lines: 40_000,
        unsafe_blocks: 600,
    });
    let failed = FactsOutcome::Failure("cargo build failed".into());
    let of = |name: &str, outcome| FactsRecord { name: name.into(), outcome };
    vec![of("tokio", known.clone()), of("oneloop", known), of("glommio", failed)]
}
