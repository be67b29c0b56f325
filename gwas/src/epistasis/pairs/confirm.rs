//! A nominated pair in a regression of the confirming individuals:
//!
//! ```text
//! y = X b + x_a β_a + x_b β_b + leads + (x_a − μ_a)(x_b − μ_b) β + f + e,   f ~ N(0, σ²K₋)
//! ```
//!
//! K₋ is additive, of all chromosomes but those of a and b. β is tested by generalised least
//! squares beside it: F on (1, n − c − 1) degrees of freedom, c the columns without the product,
//! at the σ² of restricted maximum likelihood without the product. Means change β_a and β_b only.

use epitile_core::dense::orthonormalise;
use epitile_core::genotypes::Genotypes;
use faer::Mat;
use rayon::prelude::*;

use super::dosages::centred;
use super::kernels::Chromosomes;
use super::limits::segment;
use crate::assoc::effect::{Effect, Untested, wald};
use crate::dense::Eigen;
use crate::epistasis::report::Code;
use crate::error::{Error, Kind, Result};
use crate::null::contrast::Contrasts;
use crate::null::projected::Projected;
use crate::null::projected::times;
use crate::null::reml::PARTS;
use crate::null::spectral::{Likelihood, Profile};

/// A pair to be tested on a trait.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Task {
    /// Place of the trait.
    pub(super) of: usize,
    /// Its SNPs.
    pub(super) pair: [usize; 2],
    /// SNPs beside them.
    pub(super) leads: Vec<usize>,
}

/// What became of it: the leads that are no combination of the other columns, and the test.
pub(super) type Outcome = (Vec<usize>, std::result::Result<Effect, Code>);

/// The confirming individuals.
pub(super) struct Confirming<'a> {
    pub(super) calls: &'a Genotypes,
    /// Independent fixed effects.
    pub(super) x: &'a [Vec<f64>],
    /// Traits.
    pub(super) y: &'a [Vec<f64>],
}

impl Confirming<'_> {
    /// Tests every task. For each pair of chromosomes among them some 9·N³ operations and 2·N² a
    /// SNP of theirs; for each task 2·N²·(5 + c).
    ///
    /// # Errors
    /// `Degenerate` if a kernel has no eigenvalues.
    pub(super) fn test(&self, tasks: &[Task]) -> Result<Vec<Outcome>> {
        let chromosomes = |t: &Task| t.pair.map(|m| segment(self.calls, m));
        let mut order: Vec<usize> = (0..tasks.len()).collect();
        order.sort_by_key(|&k| (chromosomes(&tasks[k]), k));
        let mut outcomes: Vec<Option<Outcome>> = vec![None; tasks.len()];
        let mut kernels = Chromosomes::new(self.calls);
        for some in order.chunk_by(|&a, &b| chromosomes(&tasks[a]) == chromosomes(&tasks[b])) {
            let kernel = match kernels.without(chromosomes(&tasks[some[0]])) {
                Ok(kernel) => kernel,
                Err(error) if error.kind() == Kind::Degenerate => {
                    for &k in some {
                        outcomes[k] = Some((Vec::new(), Err(Code::NoKernel)));
                    }
                    continue;
                }
                Err(error) => return Err(error),
            };
            let eigen = Eigen::new(&kernel).ok_or_else(|| {
                Error::degenerate("the eigenvalues of the additive kernel cannot be found")
            })?;
            drop(kernel);
            let x: Vec<Vec<f64>> = self.x.iter().map(|x| eigen.rotate(x)).collect();
            let one = |&k: &usize| (k, self.one(&eigen, &x, &tasks[k]));
            let found: Vec<(usize, Outcome)> = some.par_iter().map(one).collect();
            for (k, outcome) in found {
                outcomes[k] = Some(outcome);
            }
        }
        Ok(outcomes.into_iter().flatten().collect())
    }

    fn one(&self, eigen: &Eigen, fixed: &[Vec<f64>], task: &Task) -> Outcome {
        let obstacle = |m: &usize| match &self.calls.counts()[*m] {
            c if c.observed() == 0 => Some(Code::AllMissing),
            c if c.is_monomorphic() => Some(Code::Monomorphic),
            _ => None,
        };
        if let Some(code) = task.pair.iter().find_map(obstacle) {
            return (Vec::new(), Err(code));
        }
        let x = centred(self.calls, &task.pair);
        let columns: Vec<Vec<f64>> = columns(&x);
        let mut basis = self.x.to_vec();
        let mut grow = |column: &Vec<f64>| {
            let before = basis.len();
            basis.push(column.clone());
            orthonormalise(&mut basis);
            basis.len() > before
        };
        if !columns.iter().all(&mut grow) {
            return (Vec::new(), Err(Code::Collinear));
        }
        let product = times(&columns[0], &columns[1]);
        let mut beside = columns;
        let mut leads = Vec::new();
        for (m, column) in task
            .leads
            .iter()
            .zip(self::columns(&centred(self.calls, &task.leads)))
        {
            if grow(&column) {
                leads.push(*m);
                beside.push(column);
            }
        }
        let found = self.regress(eigen, fixed, &beside, &product, &self.y[task.of]);
        (leads, found)
    }

    /// The test of `product` beside the fixed effects (rotated: `fixed`) and the columns `beside`.
    fn regress(
        &self,
        eigen: &Eigen,
        fixed: &[Vec<f64>],
        beside: &[Vec<f64>],
        product: &[f64],
        y: &[f64],
    ) -> std::result::Result<Effect, Code> {
        let all = [self.x, beside].concat();
        // Without what least squares explain nothing cancels.
        let y = eigen.rotate(&Contrasts::new(&all).residual(y));
        let mut x = fixed.to_vec();
        x.extend(beside.iter().map(|column| eigen.rotate(column)));
        let best = Profile::new(&eigen.values, &y, &x).maximise(Likelihood::Reml, PARTS);
        let best = best.ok_or(Code::Collinear)?;
        let at = Projected::new(&eigen.values, &y, &x, best.ratio).ok_or(Code::Collinear)?;
        let last = at.last(&eigen.rotate(product));
        wald(&last, y.len(), x.len()).map_err(|why| match why {
            Untested::AllMissing => Code::AllMissing,
            Untested::Monomorphic => Code::Monomorphic,
            // No other has least squares.
            _ => Code::Collinear,
        })
    }
}

fn columns(x: &Mat<f64>) -> Vec<Vec<f64>> {
    (0..x.ncols()).map(|k| x.col_as_slice(k).to_vec()).collect()
}
