//! Which SNPs does a model use? Derivatives of its predictions by each dosage, and its additive
//! part as SNP weights. These attribute a prediction; they are not tests.
//!
//! With centred dosages x the model's genetic part is f(x) = Σ_i α_i k(x, x_i), and
//!
//! ```text
//! linear kernels    ∂f/∂x_m = Σ_i α_i (x_im − μ_m)/s_m, the same for everybody
//! gaussian          ∂f/∂x_m = −2γ Σ_i α_i k(x, x_i) (x_m − x_im)
//! ```
//!
//! Beside the mean and the root mean square over the individuals stand those of models of traits
//! that are drawn from the fitted model, N(Xb̂, σ̂²_f(K + λI)): where all SNPs are alike but for
//! their frequencies and neighbours.

mod draws;
mod report;

use std::sync::Arc;

use epitile_core::backend::{Backend, Trans};
use epitile_core::columns::Columns;
use epitile_core::dense::dot;
use epitile_core::engine::Engine;
use epitile_core::genotypes::Genotypes;
use epitile_core::kernel::Kernel;
use epitile_core::precision::Precision;
use epitile_core::sym::Blocks;
use epitile_core::tile::Tile;

use crate::backend::device_error;
use crate::error::{Error, Result};
use crate::model::{Model, TraitModel};
use crate::predict::CHUNK;
use crate::run::RunLog;
use crate::similarity::Cross;

pub use report::{Explained, write};

/// SNPs whose products are made together.
const BLOCK: usize = 8;

/// What to explain with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExplainOptions {
    /// Traits drawn from the fitted model.
    pub draws: usize,
    /// Their seed.
    pub seed: u64,
}

/// Sums over individuals of one SNP's derivatives, for α and then for each draw.
#[derive(Clone, Debug, Default)]
struct Sums {
    first: Vec<f64>,
    second: Vec<f64>,
}

/// Explains every trait of the model by the individuals `of`, aligned to it. The model must hold
/// its training genotypes. For a Gaussian kernel 2·N·N_new·M·(draws + 1) operations a trait, else
/// N·M·(draws + 1); N³/3 for the draws.
///
/// # Errors
/// `Usage` for a kernel that is neither linear nor Gaussian, and for covariates inside it;
/// `Degenerate` if K + λI has no factor; failures of the device.
pub fn explain<B: Backend, E: Engine>(
    backend: &B,
    engine: &E,
    model: &Model,
    of: &Genotypes,
    options: ExplainOptions,
    log: &RunLog,
) -> Result<Vec<Explained>> {
    let kernel = model.kernel()?;
    if !(kernel.is_linear() || kernel == Kernel::Gaussian) || model.inside.is_some() {
        return Err(Error::usage(format!(
            "explain takes models of a linear or gaussian kernel of genotypes: found {kernel}{}, \
             expected linear, linear:std, linear:2pq or gaussian",
            if model.inside.is_some() {
                " with covariates inside"
            } else {
                ""
            }
        )));
    }
    let training = model
        .genotypes
        .as_ref()
        .ok_or_else(|| Error::inconsistent("the model's training genotypes have not been read"))?;
    let progress = log.progress(model.traits.len() as u64, "traits");
    let explained = model.traits.iter().enumerate().map(|(t, one)| {
        let mut weights = vec![one.weights.clone()];
        let seed = (options.seed, t as u64);
        weights.extend(log.timed("draws", || {
            draws::weights(backend, engine, model, one, (options.draws, seed))
        })?);
        let work = Work {
            backend,
            engine,
            model,
            of: one,
            training,
            weights,
        };
        let explained = log.timed("derivatives", || match kernel {
            Kernel::Gaussian => work.gaussian(of),
            kernel => Ok(work.linear(kernel, of)),
        });
        progress.inc(1);
        explained
    });
    explained.collect()
}

/// One trait in work.
struct Work<'a, B, E> {
    backend: &'a B,
    engine: &'a E,
    model: &'a Model,
    of: &'a TraitModel,
    training: &'a Arc<Genotypes>,
    /// α, and those of the draws.
    weights: Vec<Vec<f64>>,
}

/// Centred dosages of SNP `m`; 0 for missing calls.
fn centred(model: &Model, of: &Genotypes, rows: impl Iterator<Item = usize>, m: usize) -> Vec<f64> {
    let mean = model.moments.counts[m].mean();
    rows.map(|i| of.dosage(i, m).map_or(0.0, |x| f64::from(x) - mean))
        .collect()
}

impl<B: Backend, E: Engine> Work<'_, B, E> {
    fn trained(&self, m: usize) -> Vec<f64> {
        let rows = self.of.rows.iter().map(|&i| i as usize);
        centred(self.model, self.training, rows, m)
    }

    fn linear(&self, kernel: Kernel, of: &Genotypes) -> Explained {
        let scale = self.model.moments.scale(kernel);
        let each = |m: usize| -> Sums {
            let c = &self.model.moments.counts[m];
            let p = c.frequency();
            let divisor = match kernel {
                Kernel::Standardised => scale * c.variance(),
                Kernel::TwoPq => scale * 2.0 * p * (1.0 - p),
                _ => scale,
            };
            let x = self.trained(m);
            let weight = self.model.moments.weight(m);
            let slope = |a: &Vec<f64>| match divisor > 0.0 && !c.is_monomorphic() {
                true => weight * (dot(a, &x) / divisor),
                false => 0.0,
            };
            let first: Vec<f64> = self.weights.iter().map(slope).collect();
            Sums {
                second: first.iter().map(|d| d * d).collect(),
                first,
            }
        };
        let sums: Vec<Sums> = (0..of.snps()).map(each).collect();
        // f is the sum of w(x − μ): at the training means it is 0.
        self.finish(of, sums, 1, 0.0)
    }

    fn gaussian(&self, of: &Genotypes) -> Result<Explained> {
        let gamma = self.model.meta.gamma.unwrap_or(f64::NAN);
        let setting = (Kernel::Gaussian, gamma);
        let snps = of.snps();
        let mut sums: Vec<Sums> = vec![Sums::default(); snps];
        let (mut total, n) = (0.0, of.samples());
        let all: Vec<u32> = (0..n as u32).collect();
        for chunk in all.chunks(CHUNK) {
            let some = Arc::new(of.select(chunk));
            let both = (&some, self.training);
            let moments = &self.model.moments;
            let cross = Cross::new(self.backend, self.engine, moments, setting, both, None)?;
            let rows: Vec<u32> = (0..chunk.len() as u32).collect();
            let made = |cols: &[u32]| {
                let (map, pairs) = (&cross.map, &cross.pairs);
                let kernel = self
                    .backend
                    .kernel_tile(map, pairs, &rows, cols, Precision::F64);
                kernel.map_err(device_error)
            };
            let kernel = made(&self.of.rows)?;
            // f of every individual, for α and the draws.
            let f = self.product(&kernel, chunk.len(), &self.weights)?;
            total += f[0].iter().sum::<f64>();
            let mut blocks: Vec<&mut [Sums]> = sums.chunks_mut(BLOCK).collect();
            self.engine
                .for_each(&mut blocks, |k, block| -> Result<()> {
                    let snps = k * BLOCK..k * BLOCK + block.len();
                    let mut columns = Vec::with_capacity(block.len() * self.weights.len());
                    for m in snps.clone() {
                        let x = self.trained(m);
                        let times = |a: &Vec<f64>| a.iter().zip(&x).map(|(a, x)| a * x).collect();
                        columns.extend(self.weights.iter().map(times));
                    }
                    let h = self.product(&kernel, chunk.len(), &columns)?;
                    for ((m, sums), h) in
                        snps.zip(block.iter_mut()).zip(h.chunks(self.weights.len()))
                    {
                        let x = centred(self.model, &some, 0..chunk.len(), m);
                        let factor = -2.0 * gamma * moments.weight(m);
                        sums.first.resize(h.len(), 0.0);
                        sums.second.resize(h.len(), 0.0);
                        for (b, (f, h)) in f.iter().zip(h).enumerate() {
                            for ((x, f), h) in x.iter().zip(f).zip(h) {
                                let d = factor * (x * f - h);
                                sums.first[b] += d;
                                sums.second[b] += d * d;
                            }
                        }
                    }
                    Ok(())
                })?;
        }
        Ok(self.finish(of, sums, n, total / n as f64))
    }

    fn product(&self, a: &B::Tile, rows: usize, columns: &[Vec<f64>]) -> Result<Vec<Vec<f64>>> {
        let n = self.of.rows.len();
        let x = Columns::from_slices(n, columns.iter().map(Vec::as_slice));
        let zeros = Tile::zeros(rows, columns.len(), Precision::F64);
        let result = x.upload(self.backend, Blocks::new(n, n)).and_then(|x| {
            let mut y = [self.backend.upload(zeros.as_ref())?];
            self.backend.apply(1.0, (a, Trans::No), &x[0], &mut y[0])?;
            Columns::download(self.backend, Blocks::new(rows, rows), &y)
        });
        let y = result.map_err(device_error)?;
        Ok((0..y.cols()).map(|c| y.column(c).to_vec()).collect())
    }

    /// `sums` over `n` individuals, where the genetic part has the mean `mean`: the additive part
    /// has the same there, and its zero is at the mean dosages of `of` (linear kernels: of the
    /// training).
    fn finish(&self, of: &Genotypes, sums: Vec<Sums>, n: usize, mean: f64) -> Explained {
        let count = n as f64;
        let linear = self.model.kernel().is_ok_and(Kernel::is_linear);
        let intercept = self.of.meta.effects.first().copied().unwrap_or(0.0);
        let mut constant = intercept + mean;
        let mut explained = Explained::new(&self.of.meta.name, sums.len());
        for (m, sums) in sums.iter().enumerate() {
            let mean_of = |v: &f64| v / count;
            let means: Vec<f64> = sums.first.iter().map(mean_of).collect();
            let roots: Vec<f64> = sums.second.iter().map(|v| (v / count).sqrt()).collect();
            let mu = self.model.moments.counts[m].mean();
            let centre = match linear {
                true => mu,
                // Where a call is missing its mean stands.
                false => {
                    let x = centred(self.model, of, 0..of.samples(), m);
                    mu + x.iter().sum::<f64>() / of.samples() as f64
                }
            };
            constant -= means[0] * centre;
            explained.push(&means, &roots);
        }
        explained.constant = constant;
        explained
    }
}
