//! Threads, CPUs, state and options.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::thread;

use oneloop_cores::{Cores, End, ListenOptions, Spread};

use crate::support::{address_of_its_own, beside};

#[cfg(target_os = "linux")]
fn cpus_of_this_thread() -> BTreeSet<usize> {
    let set = rustix::thread::sched_getaffinity(None).unwrap();
    (0..rustix::thread::CpuSet::MAX_CPU).filter(|&cpu| set.is_set(cpu)).collect()
}

#[cfg(target_os = "linux")]
#[test]
fn there_is_a_pinned_thread_for_each_cpu_of_the_mask() {
    let mask = cpus_of_this_thread();
    let report = Cores::new().run(|_| async { cpus_of_this_thread() }).unwrap();
    let mut used = BTreeSet::new();
    for core in &report.cores {
        let End::Returned(cpus) = &core.end else { panic!("{report}") };
        assert_eq!(cpus.iter().next().copied(), core.figures.cpu);
        assert_eq!(cpus.len(), 1);
        used.extend(cpus);
    }
    assert_eq!(used, mask);
    assert_eq!(report.cores.len(), mask.len());
}

#[cfg(target_os = "linux")]
#[test]
fn a_process_that_may_use_one_cpu_has_one_core() {
    let cpu = *cpus_of_this_thread().last().unwrap();
    // Each thread has its own mask, so the masks of the other tests stay.
    let cores = thread::spawn(move || {
        let mut set = rustix::thread::CpuSet::new();
        set.set(cpu);
        rustix::thread::sched_setaffinity(None, &set).unwrap();
        Cores::new().run(|core| async move { core.count() }).unwrap()
    });
    let report = cores.join().unwrap();
    assert_eq!(report.cores.len(), 1);
    assert_eq!(report.cores[0].end, End::Returned(1));
    assert_eq!(report.cores[0].figures.cpu, Some(cpu));
}

#[cfg(target_os = "linux")]
#[test]
fn without_pinning_the_threads_keep_the_mask() {
    let mask = cpus_of_this_thread();
    let report = Cores::new().count(2).pin(false).run(|_| async { cpus_of_this_thread() }).unwrap();
    for core in &report.cores {
        assert_eq!((&core.end, core.figures.cpu), (&End::Returned(mask.clone()), None));
    }
}

#[test]
fn more_cores_than_cpus_share_them() {
    let count = thread::available_parallelism().unwrap().get() * 2 + 1;
    let report = Cores::new().count(count).run(|core| async move { (core.number(), core.count()) }).unwrap();
    let ends: Vec<_> = report.cores.into_iter().map(|core| core.end).collect();
    let all: Vec<_> = (0..count).map(|number| End::Returned((number, count))).collect();
    assert_eq!(ends, all);
}

#[test]
fn each_core_has_a_thread_of_its_own_and_state_that_is_not_send() {
    let report = Cores::new()
        .count(3)
        .run(|core| {
            let state = Rc::new(core.number());
            async move {
                oneloop::yield_now().await;
                (*state, thread::current().name().map(str::to_owned))
            }
        })
        .unwrap();
    for (number, core) in report.cores.iter().enumerate() {
        assert_eq!(core.end, End::Returned((number, Some(format!("core-{number}")))));
        assert!(core.figures.polls > 0);
    }
}

#[test]
fn a_table_of_the_report_has_a_row_for_each_core() {
    let report = Cores::new().count(2).run(|_| async {}).unwrap();
    let text = report.to_string();
    assert_eq!(text.lines().count(), 3, "{text}");
    assert!(text.lines().skip(1).all(|row| row.ends_with("returned")), "{text}");
}

#[test]
fn no_cores_are_refused() {
    let refused = Cores::new().count(0).run(|_| async {}).unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::InvalidInput);
    assert!(refused.to_string().contains("count is 0"), "{refused}");
}

#[test]
fn a_runtime_that_cannot_be_made_is_an_error_and_no_closure_is_called() {
    let cores = Cores::new().count(3).runtime(|builder| builder.event_interval(0));
    let refused = cores.run(|_| async { panic!("no core starts") }).unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::InvalidInput);
    assert!(refused.to_string().contains("event_interval is 0"), "{refused}");
}

#[test]
fn figures_can_be_read_while_the_cores_run() {
    let (report, ()) = beside(
        Cores::new().count(2),
        |core| async move { core.stopped().await },
        |control| {
            crate::support::wait_until("both cores run", || {
                let figures = control.figures();
                figures.len() == 2 && figures.iter().all(|core| core.polls > 0)
            });
        },
    );
    assert!(report.all_returned());
    let share = report.cores[0].figures.busy_share();
    assert!((0.0..=1.0).contains(&share), "{share}");
}

#[test]
fn inside_a_runtime_run_panics_before_a_thread_starts_and_closes_its_ports() {
    let mut cores = Cores::new().count(2);
    let port = cores.listen(address_of_its_own(3)).unwrap();
    let control = cores.control();
    let run = AssertUnwindSafe(|| oneloop::block_on(async { cores.run(|_| async {}) }));
    let panic = catch_unwind(run).expect_err("run panics inside a runtime");
    let text = panic.downcast_ref::<&str>().copied().map(str::to_owned);
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap();
    assert!(text.contains("runtime"), "{text}");
    assert!(control.figures().is_empty(), "no core has begun");
    Cores::new().listen(port.local_addr()).unwrap();
}

#[test]
fn cores_that_cannot_start_close_their_ports() {
    for spread in [Spread::default(), Spread::LeastLoaded] {
        let mut cores = Cores::new().count(2).runtime(|builder| builder.event_interval(0));
        let port = cores.listen_with(address_of_its_own(4), ListenOptions::new().spread(spread)).unwrap();
        let _kept = cores.control();
        cores.run(|_| async {}).unwrap_err();
        Cores::new().listen(port.local_addr()).unwrap();
    }
}
