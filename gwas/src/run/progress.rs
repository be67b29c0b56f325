//! How far the work has come, on a terminal and elsewhere.

use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

/// Time between two lines where there is no terminal.
const INTERVAL: Duration = Duration::from_secs(30);

/// Standard error: lines above, bars below.
pub(super) struct Screen {
    quiet: bool,
    terminal: bool,
    bars: MultiProgress,
}

impl Screen {
    pub(super) fn new(quiet: bool) -> Screen {
        Screen {
            quiet,
            terminal: std::io::stderr().is_terminal(),
            bars: MultiProgress::new(),
        }
    }

    /// Prints a line, above any bar; if the screen is quiet only when `always`.
    pub(super) fn print(&self, line: &str, always: bool) {
        if always || !self.quiet {
            // A closed screen must not stop a run.
            let _ = self.bars.suspend(|| writeln!(std::io::stderr(), "{line}"));
        }
    }
}

/// A piece of work with a known number of steps. Threads may share it.
pub struct Progress {
    screen: Arc<Screen>,
    what: String,
    total: u64,
    done: AtomicU64,
    started: Instant,
    bar: Option<ProgressBar>,
    last: Mutex<Instant>,
}

impl Progress {
    pub(super) fn new(screen: Arc<Screen>, total: u64, what: String) -> Progress {
        let bar = (screen.terminal && !screen.quiet).then(|| {
            let style = "{msg} [{bar:30}] {human_pos}/{human_len} {percent}% {eta} left";
            let style = ProgressStyle::with_template(style);
            let bar = screen.bars.add(ProgressBar::new(total));
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.set_message(what.clone());
            bar
        });
        let now = Instant::now();
        Progress {
            screen,
            what,
            total,
            done: AtomicU64::new(0),
            started: now,
            bar,
            last: Mutex::new(now),
        }
    }

    /// `n` more steps are done.
    pub fn inc(&self, n: u64) {
        let done = self.done.fetch_add(n, Ordering::Relaxed) + n;
        if let Some(bar) = &self.bar {
            bar.inc(n);
            return;
        }
        if self.screen.quiet {
            return;
        }
        // Whoever holds the lock is printing already.
        let Ok(mut last) = self.last.try_lock() else {
            return;
        };
        if last.elapsed() >= INTERVAL {
            *last = Instant::now();
            self.screen.print(
                &status(&self.what, done, self.total, self.started.elapsed()),
                false,
            );
        }
    }

    /// Steps done.
    pub fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
            self.screen.bars.remove(bar);
        }
    }
}

/// A line such as `kernel: 50/200, 25 %, 90 s left`.
fn status(what: &str, done: u64, total: u64, elapsed: Duration) -> String {
    let percent = done * 100 / total.max(1);
    let left = match done {
        0 => "time left unknown".to_owned(),
        _ => {
            let rate = elapsed.as_secs_f64() / done as f64;
            format!("{:.0} s left", rate * total.saturating_sub(done) as f64)
        }
    };
    format!("{what}: {done}/{total}, {percent} %, {left}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_tell_totals_and_the_time_left() {
        let line = status("kernel", 50, 200, Duration::from_secs(30));
        assert_eq!(line, "kernel: 50/200, 25 %, 90 s left");
        assert!(status("kernel", 0, 0, Duration::ZERO).contains("0 %, time left unknown"));
    }

    #[test]
    fn threads_share_a_progress() {
        let progress = Progress::new(Arc::new(Screen::new(true)), 400, "test".into());
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..100).for_each(|_| progress.inc(1)));
            }
        });
        assert_eq!(progress.done(), 400);
    }
}
