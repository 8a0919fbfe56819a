//! `--trace FILE`: a record of the demonstration's loop. `oneloop-watch FILE` makes a page of the
//! record.

use std::ffi::OsString;
use std::path::PathBuf;

use oneloop::Runtime;

use super::{Outcome, complain};

/// The size of the ring. A megabyte holds some 50,000 events.
#[cfg(feature = "trace")]
const RING_BYTES: usize = 16 << 20;

/// The file of the record, if the user has asked for one.
#[derive(Default)]
pub struct Trace {
    file: Option<PathBuf>,
}

impl Trace {
    /// Makes a trace from the value of `--trace`. Returns an error if the feature `trace` is missing.
    pub fn to(file: OsString) -> Result<Trace, String> {
        if cfg!(feature = "trace") {
            return Ok(Trace { file: Some(file.into()) });
        }
        let name = env!("CARGO_CRATE_NAME");
        Err(format!(
            "--trace needs the feature `trace`: cargo run --release --example {name} --features trace -- --trace FILE"
        ))
    }

    /// Makes a runtime, which records its loop if `--trace` was given.
    pub fn runtime(&self) -> std::io::Result<Runtime> {
        #[cfg(feature = "trace")]
        if self.file.is_some() {
            return Runtime::builder().trace(RING_BYTES).build();
        }
        Runtime::new()
    }

    /// Writes the record of a runtime, if the user has asked for one.
    pub fn save(&self, runtime: &Runtime) -> Outcome {
        #[cfg(feature = "trace")]
        return self.write(runtime.trace_record(None));
        #[cfg(not(feature = "trace"))]
        let _ = runtime;
        #[cfg(not(feature = "trace"))]
        return Ok(());
    }

    /// Writes the record of an event loop, if the user has asked for one.
    #[cfg(feature = "event-loop")]
    pub fn save_events<M>(&self, events: &oneloop::event_loop::EventLoop<M>) -> Outcome {
        #[cfg(feature = "trace")]
        return self.write(events.trace_record(None));
        #[cfg(not(feature = "trace"))]
        let _ = events;
        #[cfg(not(feature = "trace"))]
        return Ok(());
    }

    fn write(&self, record: Option<Vec<u8>>) -> Outcome {
        let (Some(file), Some(record)) = (&self.file, record) else { return Ok(()) };
        std::fs::write(file, record).map_err(|error| format!("{}: {error}", file.display()))?;
        complain(&format!("the record is in {}; `oneloop-watch` makes a page of it", file.display()));
        Ok(())
    }
}
