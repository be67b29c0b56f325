//! The kernel of all individuals of a cohort as files that other programs read: GCTA's `.grm.*`
//! and NumPy's `.npy`.
//!
//! Rows are made and written in stripes: the N × N values are never in memory together.

mod joint;
mod source;

use std::fmt;
use std::ops::Range;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread;

use epitile_core::backend::Backend;
use epitile_core::engine::Engine;
use epitile_core::kernel::Kernel;
use epitile_core::sym::Blocks;

use crate::cohort::Cohort;
use crate::error::{Error, Result};
use crate::io::fam::Sample;
use crate::io::fileset::with_suffix;
use crate::io::output::OutputSet;
use crate::io::{grm, npy};
use crate::run::RunLog;
use crate::settings::{Gammas, bandwidths};
use crate::similarity::{Extras, Similarity};

use joint::Joint;
use source::{Rows, Source, Tiles};

/// Rows made together, while as many are written: 24 bytes for each and individual, so 6 KiB per
/// individual.
const STRIPE: usize = 256;

/// Rows made by one task of the engine.
const CHUNK: usize = 16;

/// What stands for missing calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// The SNP's mean, as in all models: `mean`.
    Mean,
    /// Nothing: each pair has the SNPs at which both individuals have calls. For `ibs`
    /// 1 − Σ|x−y| / 2M_ij, PLINK's `--distance 1-ibs flat-missing`; for `linear:2pq`
    /// Σ z_i z_j / M_ij, PLINK's `--make-rel`; M_ij counts the SNPs of the pair, also those that
    /// do not vary: `pairwise`.
    Pairwise,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Missing::Mean => "mean",
            Missing::Pairwise => "pairwise",
        })
    }
}

impl FromStr for Missing {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "mean" => Ok(Missing::Mean),
            "pairwise" => Ok(Missing::Pairwise),
            _ => Err(format!(
                "'{text}' is no rule for missing calls; rules are mean and pairwise"
            )),
        }
    }
}

/// A form in which a kernel is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// GCTA's `.grm.bin`, `.grm.N.bin` and `.grm.id`: `grm`.
    Grm,
    /// NumPy's `.npy`, individuals in the order of the cohort: `npy`.
    Npy,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Format::Grm => "grm",
            Format::Npy => "npy",
        })
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "grm" => Ok(Format::Grm),
            "npy" => Ok(Format::Npy),
            _ => Err(format!("'{text}' is no format; formats are grm and npy")),
        }
    }
}

/// Which kernel to write.
#[derive(Clone, Debug, PartialEq)]
pub struct MatrixOptions {
    /// Kernel (`--kernel`).
    pub kernel: Kernel,
    /// γ (`--gamma`), or c of γ = c / median (`--gamma-scale`); exactly one number for a kernel
    /// with bandwidth.
    pub gamma: Gammas,
    /// What stands for missing calls (`--missing`); `None` for `pairwise` with `ibs` and `mean`
    /// with any other kernel.
    pub missing: Option<Missing>,
    /// What to write (`--format`).
    pub formats: Vec<Format>,
    /// How often each SNP counts, if not once (`--snp-weights`).
    pub weights: Option<Vec<f64>>,
}

impl MatrixOptions {
    /// `kernel` with γ = 1 / median and its own rule for missing calls, in every format.
    pub fn new(kernel: Kernel) -> Self {
        MatrixOptions {
            kernel,
            gamma: Gammas::Scales(vec![1.0]),
            missing: None,
            formats: vec![Format::Grm, Format::Npy],
            weights: None,
        }
    }

    /// Checks, before any work, that the kernel has the bandwidth and the rule for missing calls
    /// that it needs, and returns the rule.
    ///
    /// # Errors
    /// `Usage` for `pairwise` with weights or with a kernel that has no such form, for more than one γ, and for
    /// one that is not positive.
    pub fn check(&self) -> Result<Missing> {
        let (Gammas::Values(gammas) | Gammas::Scales(gammas)) = &self.gamma;
        let found = match gammas[..] {
            [gamma] if gamma > 0.0 && gamma.is_finite() => None,
            [gamma] => Some(gamma.to_string()),
            ref several => Some(format!("{} numbers", several.len())),
        };
        if let (true, Some(found)) = (self.kernel.has_gamma(), found) {
            return Err(Error::usage(format!(
                "a matrix takes one γ (--gamma or --gamma-scale): found {found}, expected one \
                 positive number; write one matrix for each"
            )));
        }
        let pairwise = self.missing == Some(Missing::Pairwise);
        if self.weights.is_some() && (pairwise || self.kernel == Kernel::Ibs) {
            return Err(Error::usage(
                "--snp-weights: found a kernel of counts of SNPs (ibs, or --missing pairwise), which \
                 takes no weights, expected --missing mean with another kernel",
            ));
        }
        match (self.kernel, self.missing) {
            (Kernel::Ibs, None) => Ok(Missing::Pairwise),
            (Kernel::Ibs | Kernel::TwoPq, Some(rule)) => Ok(rule),
            (_, None | Some(Missing::Mean)) => Ok(Missing::Mean),
            (kernel, Some(Missing::Pairwise)) => Err(Error::usage(format!(
                "--missing pairwise: found --kernel {kernel}, expected ibs or linear:2pq; use \
                 --missing mean"
            ))),
        }
    }
}

/// What was written.
#[derive(Clone, Debug, PartialEq)]
pub struct Written {
    /// `.grm.bin`, `.grm.N.bin`, `.grm.id` and `.npy`, as far as asked for.
    pub files: Vec<PathBuf>,
    /// γ; NaN for a kernel without.
    pub gamma: f64,
    /// What stood for missing calls.
    pub missing: Missing,
}

/// Writes the kernel of all individuals of `cohort` in their order: the lower triangle as `f32`
/// to `prefix.grm.bin`, the number of SNPs behind each value (M, with weights too, or M_ij if pairwise) as `f32` to
/// `prefix.grm.N.bin`, IDs to `prefix.grm.id`, and all N × N values as `f64` to `prefix.npy`, as
/// far as the formats ask for them. All appear, or none. N² kernel values; pairwise N²·M/64 words of calls besides.
///
/// # Errors
/// Those of [`check`](MatrixOptions::check); `Degenerate` if no SNP varies, γ has no median, or a
/// pair without common calls leaves a pairwise value undefined; `Write`; failures of the device.
pub fn write_matrix<B: Backend, E: Engine>(
    cohort: Cohort,
    backend: &B,
    engine: &E,
    options: &MatrixOptions,
    prefix: impl AsRef<Path>,
    log: &RunLog,
) -> Result<Written> {
    let (kernel, missing) = (options.kernel, options.check()?);
    let (samples, genotypes) = (cohort.samples, Arc::new(cohort.genotypes));
    let files = Files::create(prefix.as_ref(), &samples, &options.formats)?;
    let joint = (missing == Missing::Pairwise).then(|| Joint::new(&genotypes, &samples));
    let mut gamma = f64::NAN;
    let similarity;
    let source = match joint {
        Some(joint) if kernel == Kernel::Ibs => Source::Ibs(joint),
        joint => {
            let weights = options.weights.clone();
            similarity = log.timed("build", || match kernel.has_gamma() {
                true => {
                    let extras = Extras {
                        inside: None,
                        weights,
                    };
                    Similarity::new(backend, engine, &genotypes, &[kernel], extras)
                }
                false => Similarity::plain(backend, engine, &genotypes, &[kernel], weights),
            })?;
            let one = bandwidths(&[kernel], &options.gamma, &similarity)?;
            gamma = one.first().map_or(f64::NAN, |one| one.gamma);
            if let Some(text) = similarity.degeneracy(kernel, gamma) {
                log.warn(text);
            }
            let tiles = Tiles::new(&similarity, (kernel, gamma), samples.len());
            match joint {
                None => Source::Kernel(tiles),
                Some(joint) => Source::Product(tiles.sums(), joint),
            }
        }
    };
    log.set("kernel", kernel.to_string().into());
    log.set("missing", missing.to_string().into());
    let mut used = format!("kernel {kernel}, missing calls: {missing}");
    if kernel.has_gamma() {
        log.set("gamma", gamma.into());
        used += &format!(", γ = {gamma}");
    }
    log.say(used);
    let snps = genotypes.snps() as f64;
    let files = log.timed("write", || stream(&source, engine, files, snps, log))?;
    Ok(Written {
        files,
        gamma,
        missing,
    })
}

/// Makes all rows, stripe by stripe, and writes them: one stripe while the next is made.
fn stream<B: Backend, E: Engine>(
    source: &Source<'_, B>,
    engine: &E,
    files: Files<'_>,
    snps: f64,
    log: &RunLog,
) -> Result<Vec<PathBuf>> {
    let n = files.samples.len();
    let progress = log.progress(n as u64, "kernel rows");
    let make = |stripe: Range<usize>| -> Result<(Range<usize>, Vec<Rows>)> {
        let chunks = Blocks::new(stripe.len(), CHUNK);
        let mut made: Vec<Rows> = (0..chunks.count()).map(|_| Rows::default()).collect();
        engine.for_each(&mut made, |k, rows| -> Result<()> {
            let chunk = chunks.range(k);
            *rows = source.rows(stripe.start + chunk.start..stripe.start + chunk.end)?;
            Ok(())
        })?;
        Ok((stripe, made))
    };
    let files = thread::scope(|scope| {
        let (send, stripes) = sync_channel::<(Range<usize>, Vec<Rows>)>(0);
        let writer = scope.spawn(move || -> Result<Files<'_>> {
            let mut files = files;
            for (individuals, made) in stripes {
                files.stripe(individuals, &made, snps)?;
            }
            Ok(files)
        });
        let mut made = Ok(());
        for stripe in Blocks::new(n, STRIPE).iter() {
            let rows = stripe.len() as u64;
            // A writer that has ended failed, and says why below.
            let sent = make(stripe).map(|stripe| send.send(stripe).is_ok());
            if let Ok(true) = sent {
                progress.inc(rows);
                continue;
            }
            made = sent.map(|_| ());
            break;
        }
        drop(send);
        let written = writer.join().unwrap_or_else(|panic| resume_unwind(panic));
        made.and(written)
    })?;
    files.commit()
}

/// The files being written.
struct Files<'a> {
    samples: &'a [Sample],
    grm: Option<grm::Writer>,
    npy: Option<npy::Writer>,
}

impl<'a> Files<'a> {
    fn create(prefix: &Path, samples: &'a [Sample], formats: &[Format]) -> Result<Self> {
        let n = samples.len();
        let grm = || grm::Writer::create(prefix);
        let npy = || npy::Writer::create(with_suffix(prefix, ".npy"), n, n);
        let wanted = |format| formats.contains(&format);
        Ok(Files {
            samples,
            grm: wanted(Format::Grm).then(grm).transpose()?,
            npy: wanted(Format::Npy).then(npy).transpose()?,
        })
    }

    /// Adds the rows of neighbouring individuals, [`CHUNK`] in each but the last of `made`; a value
    /// has `snps` SNPs behind it if the rows have no numbers of their own.
    fn stripe(&mut self, individuals: Range<usize>, made: &[Rows], snps: f64) -> Result<()> {
        let n = self.samples.len();
        for (k, rows) in made.iter().enumerate() {
            for (r, values) in rows.values.chunks_exact(n).enumerate() {
                let i = individuals.start + k * CHUNK + r;
                if let Some(grm) = &mut self.grm {
                    let count = |j: usize| match &rows.calls {
                        None => snps,
                        Some(calls) => f64::from(calls[r * n + j]),
                    };
                    grm.row(&self.samples[i], &values[..=i], count)?;
                }
                if let Some(npy) = &mut self.npy {
                    npy.row(values)?;
                }
            }
        }
        Ok(())
    }

    fn commit(self) -> Result<Vec<PathBuf>> {
        let mut set = OutputSet::new();
        if let Some(grm) = self.grm {
            grm.finish(&mut set)?;
        }
        if let Some(npy) = self.npy {
            set.add(npy.into_file())?;
        }
        set.commit()
    }
}

#[cfg(test)]
mod tests;
