//! The machines a run can choose from: picked once, then generic code.

use std::env;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use epitile_core::backend::{Backend, BackendError, ErrorKind};
use epitile_core::engine::Engine;
use epitile_core::solver::SolveError;
use epitile_core::system::LARGEST_EDGE;
use epitile_cpu::{Ceiling, Cpu, Rayon};
use epitile_cuda::Cuda;

use crate::error::{Error, Result};
use crate::run::RunLog;
use crate::spill::Spill;

/// A backend as users name it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BackendChoice {
    /// The processor.
    #[default]
    Cpu,
    /// An NVIDIA GPU.
    Cuda,
}

impl BackendChoice {
    /// Rows of the largest tiles by default, [`Backend::largest_edge`].
    pub fn largest_edge(self) -> usize {
        match self {
            BackendChoice::Cpu => LARGEST_EDGE,
            BackendChoice::Cuda => epitile_cuda::LARGEST_EDGE,
        }
    }
}

impl fmt::Display for BackendChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            BackendChoice::Cpu => "cpu",
            BackendChoice::Cuda => "cuda",
        })
    }
}

impl FromStr for BackendChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "cpu" => Ok(BackendChoice::Cpu),
            "cuda" => Ok(BackendChoice::Cuda),
            _ => Err(format!(
                "'{text}' is not a backend; backends are cpu and cuda"
            )),
        }
    }
}

/// Work that runs on any backend.
pub trait Job {
    /// What it gives.
    type Output;

    /// Does it.
    ///
    /// # Errors
    /// Whatever the work meets.
    fn run<B: Backend, E: Engine>(self, backend: &B, engine: &E) -> Result<Self::Output>;
}

/// Threads that can be asked for.
pub const MOST_THREADS: usize = 1024;

/// Runs a job on the chosen backend with `threads` threads (0: one per core); what does not fit in
/// memory goes to `spill`, or is made again at each use, which `log` is told.
///
/// # Errors
/// `Device` if the backend is not available here, `Usage` if no threads can be had, `Write` if the
/// scratch file fails, and the job's own.
pub fn dispatch<J: Job + Send>(
    choice: BackendChoice,
    threads: usize,
    (spill, log): (Option<&Spill>, Option<&RunLog>),
    job: J,
) -> Result<J::Output>
where
    J::Output: Send,
{
    match choice {
        BackendChoice::Cpu => {
            let cpu = spill.map_or(Cpu::MEMORY, Spill::cpu);
            pool(threads)?
                .install(|| job.run(&cpu, &Rayon))
                .map_err(|error| spill.map_or(error.clone(), |spill| spill.explain(error)))
        }
        BackendChoice::Cuda => {
            let cuda = open()?;
            // Threads only issue work; several keep several streams busy.
            let output = pool(threads)?.install(|| job.run(&cuda, &Rayon));
            let made = cuda.pairs_made_again();
            if let (Some(log), 1..) = (log, made) {
                log.say(format!(
                    "the GPU's memory does not hold all pair statistics beside the rest: {made} \
                     were made from the genotypes where they were needed"
                ));
                log.set("pairs_made_again", made.into());
            }
            output
        }
    }
}

/// Names a folder of NVIDIA's libraries that the system's loader does not find.
const LIBRARIES: &str = "EPITILE_CUDA";

/// The first GPU.
fn open() -> Result<Cuda> {
    let folder = env::var_os(LIBRARIES).map(PathBuf::from);
    Cuda::open(folder).map_err(|missing| Error::device(missing.to_string()))
}

/// Memory of the GPU in bytes: what is free, and all of it; and the bytes of the cheapest number that
/// adaptive plans choose there.
///
/// # Errors
/// `Device` if the GPU is not available here.
pub fn gpu_memory() -> Result<((usize, usize), usize)> {
    let cuda = open()?;
    let memory = cuda.memory().map_err(device_error)?;
    Ok((memory, cuda.formats()[0].bytes()))
}

/// Edge of the largest matrices that a GPU's ceilings are measured with, and what they are multiples of.
const CEILING: usize = 8192;
const STEP: usize = 16;

/// What the chosen backend does at most with `threads` threads (0: one per core), on a GPU with
/// matrices of up to `samples` rows; nothing where it cannot be measured.
///
/// # Errors
/// `Usage` if no threads can be had, `Device` if the GPU fails.
pub fn ceilings(choice: BackendChoice, threads: usize, samples: usize) -> Result<Vec<Ceiling>> {
    match choice {
        BackendChoice::Cpu => Ok(pool(threads)?.install(epitile_cpu::ceilings)),
        BackendChoice::Cuda => {
            let edge = samples.min(CEILING).next_multiple_of(STEP);
            let rates = epitile_cuda::ceilings(&open()?, edge).map_err(device_error)?;
            let ceiling = |(work, all)| Ceiling {
                work,
                isa: "cuda",
                one: all,
                all,
            };
            Ok(rates.into_iter().map(ceiling).collect())
        }
    }
}

/// A pool of `threads` threads (0: one per core).
fn pool(threads: usize) -> Result<rayon::ThreadPool> {
    if threads > MOST_THREADS {
        return Err(Error::usage(format!(
            "--threads {threads}: expected at most {MOST_THREADS}; more than there are cores only \
             slows the work"
        )));
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    pool.map_err(|_| {
        Error::usage(format!(
            "--threads {threads}: the system refuses to start so many; give fewer"
        ))
    })
}

/// A backend's failure as an error of the program.
pub fn device_error<E: BackendError>(error: E) -> Error {
    match error.kind() {
        ErrorKind::OutOfMemory => Error::memory(error.to_string()),
        _ => Error::device(error.to_string()),
    }
}

/// A failed solution as an error of the program, for the system named in `what`.
pub fn solve_error<E: BackendError>(what: &str, error: SolveError<E>) -> Error {
    match error {
        SolveError::Backend(e) => device_error(e),
        other => Error::degenerate(format!("{what}: {other}")),
    }
}
