//! Do p-values and intervals say what they promise? A study on simulated cohorts.
//!
//! `calibration [--small] [--only QUESTION,…] [--samples N] [--causal C] [--seed S] [--out FILE]`
//!
//! Prints a table in Markdown for each question (also to FILE) and ends with exit code 1 if one is
//! answered with no. A question is a file with a `run`, and a line in [`QUESTIONS`].
//!
//! | file | question |
//! |---|---|
//! | `null.rs` | how often are SNPs found in traits drawn from the fitted null model? |
//! | `causal.rs` | and in traits whose causal SNPs are on other chromosomes? |
//! | `permuted.rs` | and in permuted traits of unrelated individuals? |
//! | `policies.rs` | how far does a precision policy move a p-value? |
//! | `coverage.rs` | how often do intervals of predictions hold the truth, under every policy? |
//! | `global.rs` | is the global test of epistasis uniform over additive traits? |
//! | `marginal.rs` | how often are SNPs without interactions said to interact? |
//!
//! What they share: `study.rs` (sizes, sections), `lab.rs` (cohorts, kernels, drawn traits),
//! `testing.rs` (tests by the library), `sizes.rs` (shares and their intervals).

#![forbid(unsafe_code)]

mod causal;
mod coverage;
mod global;
mod lab;
mod marginal;
mod null;
mod permuted;
mod policies;
mod sizes;
mod study;
mod testing;

use std::process::ExitCode;
use std::time::Instant;

use epitile::error::{Error, Result};
use study::{Section, Study};

/// A question: its name and how it is answered.
type Question = (&'static str, fn(&Study) -> Result<Section>);

/// All questions, in the order of the report.
const QUESTIONS: [Question; 7] = [
    ("null", null::run),
    ("causal", causal::run),
    ("permuted", permuted::run),
    ("policies", policies::run),
    ("coverage", coverage::run),
    ("global", global::run),
    ("marginal", marginal::run),
];

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

/// What was asked for.
struct Asked {
    study: Study,
    only: Option<Vec<String>>,
    out: Option<String>,
}

fn asked() -> Result<Asked> {
    let (mut small, mut seed, mut out) = (false, 1, None);
    let (mut samples, mut causal) = (None, None);
    let mut only: Option<Vec<String>> = None;
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || {
            let missing = || Error::usage(format!("{word}: expected a value after it"));
            words.next().ok_or_else(missing)
        };
        match &*word {
            "--small" => small = true,
            "--seed" => seed = number(&word, &value()?)?,
            "--samples" => samples = Some(number(&word, &value()?)? as usize),
            "--causal" => causal = Some(number(&word, &value()?)? as usize),
            "--only" => only = Some(value()?.split(',').map(str::to_owned).collect()),
            "--out" => out = Some(value()?),
            _ => {
                return Err(Error::usage(format!(
                    "{word}: expected --small, --only QUESTION,…, --samples N, --causal C, \
                     --seed S or --out FILE"
                )));
            }
        }
    }
    let known = |name: &str| QUESTIONS.iter().any(|(of, _)| *of == name);
    if let Some(name) = only.iter().flatten().find(|name| !known(name)) {
        let names: Vec<&str> = QUESTIONS.iter().map(|q| q.0).collect();
        return Err(Error::usage(format!(
            "--only {name}: questions are {}",
            names.join(", ")
        )));
    }
    let mut study = Study::new(small, seed)?;
    study.samples = samples.unwrap_or(study.samples);
    study.causal = causal.unwrap_or(study.causal);
    Ok(Asked { study, only, out })
}

/// The value `text` of the flag `word`.
fn number(word: &str, text: &str) -> Result<u64> {
    let wrong = |_| Error::usage(format!("{word} {text}: expected a whole number"));
    text.parse().map_err(wrong)
}

/// Answers what was asked for; whether every answer is yes.
fn run() -> Result<bool> {
    let Asked { study, only, out } = asked()?;
    let started = Instant::now();
    let mut text = format!("{study}\n");
    let mut failures = Vec::new();
    for (name, question) in QUESTIONS {
        if only.as_ref().is_some_and(|o| !o.iter().any(|o| o == name)) {
            continue;
        }
        let before = Instant::now();
        let section = question(&study)?;
        let seconds = before.elapsed().as_secs_f64();
        eprintln!("{name}: {seconds:.0} s");
        text += &format!("\n{section}\n({name}: {seconds:.0} s)\n");
        failures.extend(section.failures);
    }
    text += &match failures.is_empty() {
        true => "\nAll answers are as they should be".to_owned(),
        false => format!("\n**Not as it should be:** {}", failures.join("; ")),
    };
    text += &format!(" ({:.0} s).\n", started.elapsed().as_secs_f64());
    print!("{text}");
    if let Some(path) = out {
        std::fs::write(&path, text).map_err(|e| Error::inconsistent(format!("{path}: {e}")))?;
    }
    Ok(failures.is_empty())
}
