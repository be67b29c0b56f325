//! The record of a run: what the screen shows, `PREFIX.log` and `PREFIX.run.json`.

mod machine;
mod progress;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use serde::Serialize;
use serde_json::Value;

use crate::cohort::{Cohort, FilterCount};
use crate::error::{Error, Result};
use crate::io::fileset::with_suffix;
use crate::io::output::{AtomicFile, OutputSet};

pub use machine::{command_line, peak_rss_bytes};
pub use progress::Progress;
use progress::Screen;

/// A part of a run and the time it took.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Phase {
    /// Its name.
    pub name: String,
    /// Wall time in seconds.
    pub seconds: f64,
}

/// What `PREFIX.run.json` holds.
#[derive(Clone, Debug, Serialize)]
struct Record {
    program: &'static str,
    version: &'static str,
    command: String,
    start: String,
    seconds: f64,
    /// `ok`, `failed` or `unfinished`.
    status: &'static str,
    error: Option<String>,
    exit_code: Option<u8>,
    threads: Option<usize>,
    peak_rss_bytes: Option<u64>,
    phases: Vec<Phase>,
    filters: Vec<FilterCount>,
    notes: Vec<String>,
    warnings: Vec<String>,
    extra: BTreeMap<String, Value>,
}

struct State {
    /// The log so far.
    text: String,
    record: Record,
    open: bool,
}

/// The log of one run. It can be shared between threads.
///
/// Both files are written when the run ends: by [`finish`](Self::finish), by
/// [`fail`](Self::fail), or, if neither is reached, when the log is dropped.
pub struct RunLog {
    prefix: Option<PathBuf>,
    started: Instant,
    screen: Arc<Screen>,
    state: Mutex<State>,
}

impl RunLog {
    /// Starts the log with version, command line and start time. Without `prefix` no file is
    /// written; if `quiet`, only errors reach the screen (which is standard error).
    pub fn new(prefix: Option<&Path>, quiet: bool) -> RunLog {
        let record = Record {
            program: env!("CARGO_PKG_NAME"),
            version: env!("CARGO_PKG_VERSION"),
            command: command_line(std::env::args_os()),
            start: jiff::Zoned::now()
                .strftime("%Y-%m-%dT%H:%M:%S%:z")
                .to_string(),
            seconds: 0.0,
            status: "unfinished",
            error: None,
            exit_code: None,
            threads: None,
            peak_rss_bytes: None,
            phases: Vec::new(),
            filters: Vec::new(),
            notes: Vec::new(),
            warnings: Vec::new(),
            extra: BTreeMap::new(),
        };
        let head = [
            format!("{} {}", record.program, record.version),
            format!("command: {}", record.command),
            format!("start: {}", record.start),
        ];
        let log = RunLog {
            prefix: prefix.map(Path::to_owned),
            started: Instant::now(),
            screen: Arc::new(Screen::new(quiet)),
            state: Mutex::new(State {
                text: String::new(),
                record,
                open: true,
            }),
        };
        head.iter().for_each(|line| log.say(line));
        log
    }

    /// Shows a line and puts it in the log, but not among the notes of the record.
    pub fn say(&self, text: impl AsRef<str>) {
        self.line(text.as_ref(), false);
    }

    /// Something the user should know.
    pub fn note(&self, text: impl Into<String>) {
        let text = text.into();
        self.line(&format!("note: {text}"), false);
        self.state().record.notes.push(text);
    }

    /// Something the user should look into.
    pub fn warn(&self, text: impl Into<String>) {
        let text = text.into();
        self.line(&format!("WARNING: {text}"), false);
        self.state().record.warnings.push(text);
    }

    /// All of `notes`, then all of `warnings`.
    pub fn report(&self, notes: &[String], warnings: &[String]) {
        notes.iter().for_each(|text| self.note(text));
        warnings.iter().for_each(|text| self.warn(text));
    }

    /// What the filters left of the data, what is left, and the notes on it.
    pub fn cohort(&self, cohort: &Cohort) {
        for filter in &cohort.filters {
            self.say(filter.to_string());
        }
        self.state().record.filters = cohort.filters.clone();
        let (samples, snps) = (cohort.samples.len(), cohort.snps.len());
        self.say(format!("{samples} individuals and {snps} SNPs are left"));
        self.report(&cohort.notes, &[]);
        self.set("samples", samples.into());
        self.set("snps", snps.into());
    }

    /// The number of threads in use.
    pub fn threads(&self, threads: usize) {
        self.say(format!("threads: {threads}"));
        self.state().record.threads = Some(threads);
    }

    /// Puts `value` under `key` into the `extra` part of the record.
    pub fn set(&self, key: impl Into<String>, value: Value) {
        self.state().record.extra.insert(key.into(), value);
    }

    /// Starts a phase that ends when the guard is dropped.
    pub fn phase(&self, name: impl Into<String>) -> PhaseGuard<'_> {
        PhaseGuard {
            log: self,
            name: name.into(),
            started: Instant::now(),
        }
    }

    /// Runs `work` as a phase.
    pub fn timed<T>(&self, name: impl Into<String>, work: impl FnOnce() -> T) -> T {
        let _phase = self.phase(name);
        work()
    }

    /// The phases that ended so far.
    pub fn phases(&self) -> Vec<Phase> {
        self.state().record.phases.clone()
    }

    /// Shows how `total` steps of `what` come along: a bar on a terminal, lines at intervals
    /// elsewhere, nothing if quiet.
    pub fn progress(&self, total: u64, what: impl Into<String>) -> Progress {
        Progress::new(Arc::clone(&self.screen), total, what.into())
    }

    /// Ends a run that succeeded and writes both files.
    ///
    /// # Errors
    /// `Write`.
    pub fn finish(self) -> Result<()> {
        self.close("ok", None)
    }

    /// Ends a run that failed: shows the error and writes both files if that is possible.
    pub fn fail(self, error: &Error) {
        // The error at hand matters more than that the log cannot be written.
        let _ = self.close("failed", Some(error));
    }

    fn close(&self, status: &'static str, error: Option<&Error>) -> Result<()> {
        if !std::mem::take(&mut self.state().open) {
            return Ok(());
        }
        if let Some(error) = error {
            self.line(&format!("ERROR: {error}"), true);
        }
        let seconds = self.started.elapsed().as_secs_f64();
        let peak = peak_rss_bytes();
        if let Some(bytes) = peak {
            self.say(format!("peak memory: {} MiB", bytes.div_ceil(1 << 20)));
        }
        self.say(format!("time: {seconds:.2} s, {status}"));
        let mut state = self.state();
        let record = &mut state.record;
        record.seconds = seconds;
        record.peak_rss_bytes = peak;
        record.status = status;
        record.error = error.map(ToString::to_string);
        record.exit_code = match (status, error) {
            (_, Some(error)) => Some(error.exit_code()),
            ("ok", None) => Some(0),
            _ => None,
        };
        self.prefix.as_ref().map_or(Ok(()), |p| write(p, &state))
    }

    fn line(&self, text: &str, always: bool) {
        self.screen.print(text, always);
        let mut state = self.state();
        state.text.push_str(text);
        state.text.push('\n');
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere leaves whole lines behind: go on with them.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for RunLog {
    fn drop(&mut self) {
        let _ = self.close("unfinished", None);
    }
}

/// A phase in progress.
pub struct PhaseGuard<'a> {
    log: &'a RunLog,
    name: String,
    started: Instant,
}

impl Drop for PhaseGuard<'_> {
    fn drop(&mut self) {
        let (name, seconds) = (
            std::mem::take(&mut self.name),
            self.started.elapsed().as_secs_f64(),
        );
        self.log.say(format!("{name}: {seconds:.2} s"));
        self.log.state().record.phases.push(Phase { name, seconds });
    }
}

fn write(prefix: &Path, state: &State) -> Result<()> {
    let json = serde_json::to_string_pretty(&state.record).map_err(|_| {
        Error::inconsistent(format!("the record of {} is not JSON", prefix.display()))
    })?;
    let mut files = OutputSet::new();
    for (suffix, text) in [(".log", &state.text), (".run.json", &(json + "\n"))] {
        let mut file = AtomicFile::create(with_suffix(prefix, suffix))?;
        file.put(text)?;
        files.add(file)?;
    }
    files.commit().map(drop)
}

#[cfg(test)]
mod tests;
