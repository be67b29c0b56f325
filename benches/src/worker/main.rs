//! Work that `compare` asks for, done and timed in one process that lives as long as the
//! comparison: no start-up counts, and runs of several programs can alternate.
//!
//! Each line of standard input is a request, words apart; each gives one line of standard output:
//! a JSON object of seconds and facts, or `{"error": "…"}`.
//!
//! | argument | file | does the work |
//! |---|---|---|
//! | `ours` | `ours.rs` | epitile |
//! | `faer` | `peer.rs` | faer's Cholesky factorisation, on all threads |

#![forbid(unsafe_code)]

mod ours;
mod peer;

use std::io::{BufRead, Write};

use serde_json::{Value, json};

/// What a request ends in.
type Answer = Result<Value, String>;

/// Somebody who does what a request says.
trait Worker {
    /// Does it; the first word says what.
    fn answer(&mut self, words: &[&str]) -> Answer;
}

fn main() {
    let mut worker: Box<dyn Worker> = match std::env::args().nth(1).as_deref() {
        Some("ours") => Box::new(ours::Ours::default()),
        Some("faer") => Box::new(peer::Faer::default()),
        _ => {
            eprintln!("usage: worker ours|faer, requests on standard input");
            std::process::exit(2);
        }
    };
    for line in std::io::stdin().lock().lines() {
        let line = line.unwrap_or_default();
        let words: Vec<&str> = line.split_whitespace().collect();
        let answer = worker.answer(&words);
        let answer = answer.unwrap_or_else(|error| json!({ "error": error }));
        let mut out = std::io::stdout().lock();
        // Nobody listens any more: the comparison has ended.
        if writeln!(out, "{answer}")
            .and_then(|()| out.flush())
            .is_err()
        {
            return;
        }
    }
}

/// Numbers of a file of FP64, without a head.
fn numbers(path: &str) -> Result<Vec<f64>, String> {
    let bytes = std::fs::read(path).map_err(|e| format!("{path}: {e}"))?;
    let whole = bytes.len().is_multiple_of(8);
    let number = |c: &[u8]| f64::from_le_bytes(c.try_into().expect("eight bytes"));
    match whole {
        true => Ok(bytes.chunks_exact(8).map(number).collect()),
        false => Err(format!("{path}: {} bytes are no FP64 numbers", bytes.len())),
    }
}

/// What a request should have been.
fn unknown(words: &[&str]) -> Answer {
    Err(format!("no such request: {}", words.join(" ")))
}
