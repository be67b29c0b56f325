//! The score test without xᵀPx of every SNP: GRAMMAR-Gamma (Svishcheva et al. 2012).
//!
//! xᵀPx is taken as γ·xᵀMx, M the projection that takes covariates out and γ the mean of
//! xᵀPx/xᵀMx over some SNPs of the chromosome. That ratio must be about the same for all of them,
//! so its coefficient of variation is reported and limited. SNPs with small p-values are tested
//! exactly.

use epitile_core::dense::{dot, orthonormalise};
use epitile_core::genotypes::Counts;
use faer::Mat;
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::block::{Block, untested};
use super::effect::{Effect, Form, Untested, score, test, testable};
use super::rotation::Rotation;
use super::scan::{Found, Group, Scan};
use crate::dense::product;
use crate::error::{Error, Result};
use crate::folds::shuffle;
use crate::io::bed::Bed;
use crate::null::spectral::Last;
use crate::run::Progress;

/// SNPs of a chromosome from which γ is estimated: with a CV of 0.05 γ errs by 0.3 %.
const SAMPLE: usize = 256;

/// The largest coefficient of variation that is accepted.
pub const LIMIT: f64 = 0.05;

/// −log₁₀ p from which a SNP is tested exactly.
const EXACT_FROM: f64 = 2.0;

/// How to go fast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fast {
    /// Whatever the coefficient of variation.
    pub forced: bool,
    /// Seed of the choice of SNPs for γ.
    pub seed: u64,
}

/// γ of a trait and chromosome.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gamma {
    /// Mean of xᵀPx/xᵀMx.
    pub gamma: f64,
    /// Its coefficient of variation.
    pub cv: f64,
    /// SNPs it is from.
    pub snps: usize,
}

impl Gamma {
    /// Of these ratios.
    fn of(ratios: &[f64]) -> Gamma {
        let n = ratios.len() as f64;
        let gamma = ratios.iter().sum::<f64>() / n;
        let squares = ratios.iter().map(|r| (r - gamma).powi(2)).sum::<f64>();
        let cv = match ratios.len() {
            0 | 1 => 0.0,
            _ => (squares / (n - 1.0)).sqrt() / gamma,
        };
        Gamma {
            // Without a SNP that can be tested none needs it.
            gamma: if ratios.is_empty() { 1.0 } else { gamma },
            cv,
            snps: ratios.len(),
        }
    }

    /// Refuses a ratio that varies too much.
    ///
    /// # Errors
    /// `Degenerate`.
    pub fn check(&self, of: &str, chromosome: &str) -> Result<()> {
        match self.cv <= LIMIT {
            true => Ok(()),
            false => Err(Error::degenerate(format!(
                "--fast: phenotype {of}, chromosome {chromosome}: found a coefficient of \
                 variation of xᵀPx/xᵀx of {:.3} over {} SNPs, expected at most {LIMIT}: the \
                 approximation would be wrong for some SNPs; leave out --fast, or take it with \
                 --force-fast",
                self.cv, self.snps
            ))),
        }
    }
}

/// The SNPs of a chromosome from which γ is estimated, ascending; a function of the seed and the
/// list.
pub fn sample(snps: &[u32], seed: u64) -> Vec<u32> {
    let mut chosen = snps.to_vec();
    shuffle(&mut chosen, &mut ChaCha8Rng::seed_from_u64(seed));
    chosen.truncate(SAMPLE);
    chosen.sort_unstable();
    chosen
}

/// What the fast test takes of a group: an orthonormal basis of X, and Py of each trait.
struct Ready {
    basis: Vec<Vec<f64>>,
    py: Mat<f64>,
}

impl Ready {
    fn new(group: &Group, rotation: &Rotation) -> Ready {
        let mut basis = group.x.clone();
        orthonormalise(&mut basis);
        let n = group.rows.len();
        let py = Mat::from_fn(n, rotation.traits.len(), |i, t| {
            rotation.traits[t].at_ml.py()[i]
        });
        Ready {
            basis,
            py: product(rotation.eigen.vectors.as_ref(), py.as_ref()),
        }
    }

    /// xᵀMx, and xᵀx.
    fn size(&self, x: &[f64]) -> (f64, f64) {
        let all = dot(x, x);
        let inside: f64 = self.basis.iter().map(|q| dot(q, x).powi(2)).sum();
        (all - inside, all)
    }
}

impl Scan<'_> {
    /// γ of every trait, by group, from the SNPs `chosen`.
    ///
    /// # Errors
    /// `Read`.
    pub fn gammas(
        &self,
        bed: &mut Bed,
        chosen: &[u32],
        rotations: &[Rotation],
    ) -> Result<Vec<Vec<Gamma>>> {
        let mut block = Block::default();
        bed.visit(chosen, |k, calls| {
            block.push(chosen[k], calls);
            Ok(())
        })?;
        let groups = self.groups.iter().zip(rotations);
        let gammas = groups.map(|(group, rotation)| {
            let counts: Vec<Counts> = (0..chosen.len())
                .map(|k| block.counts(k, &group.places))
                .collect();
            let ready = Ready::new(group, rotation);
            let x = block.centred(&group.places, &counts);
            let rotated = product(rotation.eigen.vectors.transpose(), x.as_ref());
            let of = |t: usize| {
                let ratio = |k: usize| {
                    let size = ready.size(x.col_as_slice(k)).0;
                    let last = rotation.traits[t].at_ml.last(rotated.col_as_slice(k));
                    let testable = untested(&counts[k]).is_none() && testable(&last);
                    testable.then(|| last.xpx / size)
                };
                let ratios: Vec<f64> = (0..chosen.len()).filter_map(ratio).collect();
                Gamma::of(&ratios)
            };
            (0..rotation.traits.len()).map(of).collect()
        });
        Ok(gammas.collect())
    }

    /// Tests `snps` fast, with γ of every trait by group. 2·N operations for a SNP and trait, 2·N²
    /// for one that is tested exactly.
    ///
    /// # Errors
    /// `Read`, `Write`.
    pub fn fast(
        &mut self,
        bed: &mut Bed,
        snps: &[u32],
        (rotations, gammas): (&[Rotation], &[Vec<Gamma>]),
        progress: &Progress,
    ) -> Result<()> {
        let groups = self.groups.iter().zip(rotations);
        let ready: Vec<Ready> = groups.map(|(g, r)| Ready::new(g, r)).collect();
        let run = |block: &Block, g: usize, group: &Group, counts: &[Counts]| -> Found {
            let (rotation, ready) = (&rotations[g], &ready[g]);
            let x = block.centred(&group.places, counts);
            let xpy = product(x.transpose(), ready.py.as_ref());
            let sizes: Vec<(f64, f64)> = (0..counts.len())
                .into_par_iter()
                .map(|k| ready.size(x.col_as_slice(k)))
                .collect();
            let of = |t: usize, k: usize| -> Result<Effect, Untested> {
                let (size, all) = sizes[k];
                let gamma = gammas[g][t].gamma;
                let last = Last {
                    xpx: gamma * size,
                    xpy: xpy[(k, t)],
                    ypy: rotation.traits[t].at_ml.ypy(),
                    size: gamma * all,
                };
                let found = score(&last, x.nrows(), rotation.x.len())?;
                Ok(Effect {
                    fast: true,
                    ..found
                })
            };
            let each = |t: usize| -> Vec<Result<Effect, Untested>> {
                let of = |k: usize| match untested(&counts[k]) {
                    Some(why) => Err(why),
                    None => of(t, k),
                };
                (0..counts.len()).into_par_iter().map(of).collect()
            };
            let mut found: Found = (0..group.traits.len()).map(each).collect();
            exact(&mut found, &x, rotation);
            found
        };
        self.stream(bed, snps, progress, run)
    }
}

/// Replaces what has a small p-value by the exact test.
fn exact(found: &mut Found, x: &Mat<f64>, rotation: &Rotation) {
    let small = |f: &Result<Effect, Untested>| {
        f.is_ok_and(|e| -e.ln_p >= EXACT_FROM * std::f64::consts::LN_10)
    };
    let wanted: Vec<usize> = (0..x.ncols())
        .filter(|&k| found.iter().any(|of| small(&of[k])))
        .collect();
    if wanted.is_empty() {
        return;
    }
    let some = Mat::from_fn(x.nrows(), wanted.len(), |i, j| x[(i, wanted[j])]);
    let rotated = product(rotation.eigen.vectors.transpose(), some.as_ref());
    for (t, found) in found.iter_mut().enumerate() {
        for (j, &k) in wanted.iter().enumerate() {
            if small(&found[k]) {
                found[k] = test(Form::Score, rotation, t, rotated.col_as_slice(j));
            }
        }
    }
}
