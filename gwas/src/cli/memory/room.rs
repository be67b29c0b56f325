//! Whether a run fits, what goes to a scratch file if not, and words for what would fit.

use epitile::backend::{BackendChoice, Job, dispatch};
use epitile::error::{Error, Result};
use epitile::run::RunLog;
use epitile::spill::{Contents, Spill, is_memory};

use super::{PROGRAM, Plan, gpu};
use crate::cli::args::Machine;

/// A machine on which a run fits.
pub(crate) struct Room<'a> {
    machine: &'a Machine,
    spill: Option<Spill>,
    log: &'a RunLog,
}

impl Room<'_> {
    /// Runs the job there and tells what went through the scratch file.
    pub(crate) fn run<J: Job + Send>(&self, job: J) -> Result<J::Output>
    where
        J::Output: Send,
    {
        let Machine {
            backend, threads, ..
        } = *self.machine;
        let output = dispatch(backend, threads, (self.spill(), Some(self.log)), job);
        self.tell();
        output
    }

    /// The scratch file, if there is one.
    pub(crate) fn spill(&self) -> Option<&Spill> {
        self.spill.as_ref()
    }

    /// Tells what went through it.
    pub(crate) fn tell(&self) {
        if let Some(spill) = &self.spill {
            let (written, read) = spill.traffic();
            self.log.say(format!(
                "scratch file: {} MiB written, {} MiB read",
                mib(written),
                mib(read)
            ));
            self.log.set("scratch_written_bytes", written.into());
            self.log.set("scratch_read_bytes", read.into());
        }
    }
}

pub(super) fn mib(bytes: u64) -> u64 {
    bytes.div_ceil(1 << 20)
}

/// Tells the estimate, decides what goes to the scratch file, and refuses what cannot fit.
pub(crate) fn check<'a>(plan: &Plan, machine: &'a Machine, log: &'a RunLog) -> Result<Room<'a>> {
    let mut plan = plan.clone();
    if machine.backend == BackendChoice::Cuda {
        gpu::check(&plan, log)?;
        (plan.pairs, plan.factors) = (0, 0);
    }
    let plan = &plan;
    log.say(format!(
        "memory estimate: {} MiB (genotypes {}, pair statistics {}, factors {}, right-hand sides \
         and tiles {})",
        mib(plan.total()),
        mib(plan.genotypes),
        mib(plan.pairs),
        mib(plan.factors),
        mib(plan.work)
    ));
    log.set("memory_estimate_bytes", plan.total().into());
    let room = |spill| Room {
        machine,
        spill,
        log,
    };
    let (limit, whose) = match (machine.memory, available()) {
        (Some(given), _) => (given.saturating_mul(1 << 20), "--memory allows"),
        (None, Some(free)) => (free, "this machine has available"),
        (None, None) => return Ok(room(None)),
    };
    if plan.total() <= limit {
        return Ok(room(None));
    }
    let contents = plan.contents(limit);
    let (Some(folder), Some(contents)) = (&machine.scratch, contents) else {
        return Err(refusal(plan, machine, (limit, whose), contents));
    };
    let spill = Spill::new(folder, contents)?;
    let named = [
        (contents.pairs, "pair statistics"),
        (contents.factors, "factors"),
    ]
    .iter()
    .filter(|part| part.0 > 0)
    .map(|part| format!("{} ({} MiB)", part.1, mib(part.0)))
    .collect::<Vec<_>>()
    .join(" and ");
    log.say(format!(
        "{whose} {} MiB: {named} go to a scratch file in {}, of which up to {} MiB are in memory \
         at a time",
        mib(limit),
        folder.display(),
        mib(contents.window)
    ));
    if is_memory(folder) {
        log.warn(format!(
            "{} is a folder in memory: a scratch file there saves none; use one on a disk",
            folder.display()
        ));
    }
    log.set("scratch_pairs_bytes", contents.pairs.into());
    log.set("scratch_factors_bytes", contents.factors.into());
    Ok(room(Some(spill)))
}

/// What a run that does not fit is told.
fn refusal(
    plan: &Plan,
    machine: &Machine,
    (limit, whose): (u64, &str),
    contents: Option<Contents>,
) -> Error {
    let (needed, squared, head) = match machine.scratch {
        None => (plan.total(), plan.pairs + plan.factors, "the run needs"),
        Some(_) => (
            plan.fixed() + plan.window,
            0,
            "even with --scratch the run needs",
        ),
    };
    let mut remedies = Vec::new();
    if plan.at_once > 1 {
        remedies.push("fewer --threads (a factor each)".to_owned());
    }
    if machine.scratch.is_some() {
        remedies.push("a smaller --tile".to_owned());
    } else {
        if plan.factors > 0 {
            remedies.push("--precision f32 or adaptive (smaller factors)".to_owned());
        }
        if plan.kinds > 1 {
            remedies.push("one kernel at a time".to_owned());
        }
        if let Some(Contents { pairs, factors, .. }) = contents {
            let file = mib(pairs + factors);
            remedies.push(format!("--scratch DIR with {file} MiB free on a disk"));
        }
    }
    let share = share(
        squared,
        needed - squared - PROGRAM,
        limit.saturating_sub(PROGRAM),
    );
    remedies.push(match (100.0 * share).floor() {
        0.0 => "more memory".to_owned(),
        percent => format!("about {percent:.0} % of the individuals"),
    });
    let last = remedies.pop().unwrap_or_default();
    let others = remedies.iter().map(|r| format!("{r}, "));
    Error::memory(format!(
        "{head} about {} MiB, {whose} {} MiB; what would fit: {}or {last}",
        mib(needed),
        mib(limit),
        others.collect::<String>(),
    ))
}

/// The share s of the individuals with s²·`squared` + s·`linear` = `room`, of bytes.
pub(super) fn share(squared: u64, linear: u64, room: u64) -> f64 {
    let [a, b, c] = [squared, linear, room].map(|bytes| bytes as f64);
    // The root that does not cancel; also for a = 0.
    2.0 * c / (b + (b * b + 4.0 * a * c).sqrt())
}

/// Memory that can be had without swapping, where the system tells.
fn available() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|l| l.strip_prefix("MemAvailable:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib << 10)
}
