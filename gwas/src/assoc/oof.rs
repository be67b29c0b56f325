//! Two steps: each fold is predicted by kernel ridge regression on the others; what is left of the
//! trait is tested by least squares. No mixed model: labelled `oof`.

use epitile_core::dense::dot;
use faer::Mat;

use super::AssocData;
use super::ordinary::Ordinary;
use super::scan::Group;
use crate::dense::Factor;
use crate::error::{Error, Result};
use crate::folds::Folds;
use crate::null::contrast::Contrasts;

/// The ridge regression of the first step.
#[derive(Clone, Debug)]
pub struct OutOfFold {
    /// λ.
    pub lambda: f64,
    /// Folds of the cohort's individuals.
    pub folds: Folds,
}

impl OutOfFold {
    /// What the other folds do not predict of each trait of `group`, whose kernel is `k`, ready
    /// to be tested. Covariates are fitted in each training set by least squares before the
    /// kernel, and again beside each SNP. N³/3 operations a fold.
    ///
    /// # Errors
    /// `Degenerate` for a fold whose system cannot be solved.
    pub fn model(&self, k: &Mat<f64>, group: &Group, data: &AssocData<'_>) -> Result<Ordinary> {
        let values = group.values(data);
        let fixed = data.fixed.filled(&group.rows);
        let mut left: Vec<Vec<f64>> = values.clone();
        for (f, name) in self.folds.names.iter().enumerate() {
            let held = |i: &usize| self.folds.of[group.rows[*i] as usize] == Some(f as u32);
            let (out, train): (Vec<usize>, Vec<usize>) = (0..group.rows.len()).partition(held);
            if out.is_empty() {
                continue;
            }
            let own: Vec<u32> = train.iter().map(|&i| group.rows[i]).collect();
            let (kept, x) = fixed.independent(&own);
            let system = Mat::from_fn(train.len(), train.len(), |i, j| {
                k[(train[i], train[j])] + if i == j { self.lambda } else { 0.0 }
            });
            let factor = (train.len() > x.len())
                .then(|| Factor::new(&system))
                .flatten();
            let factor = factor.ok_or_else(|| {
                Error::degenerate(format!(
                    "fold {name}: the other folds' {} individuals leave no system that can be \
                     solved with λ = {}",
                    train.len(),
                    self.lambda
                ))
            })?;
            let contrasts = Contrasts::new(&x);
            for (y, left) in values.iter().zip(&mut left) {
                let y: Vec<f64> = train.iter().map(|&i| y[i]).collect();
                let mut weights = vec![0.0; k.nrows()];
                let residual = contrasts.residual(&y);
                for (&i, w) in train.iter().zip(factor.solve(&residual)) {
                    weights[i] = w;
                }
                let effects = contrasts.effects(&x, &y);
                for &i in &out {
                    let linear = kept.iter().zip(&effects);
                    let at = group.rows[i] as usize;
                    let linear: f64 = linear.map(|(&c, b)| b * fixed.value(c, at)).sum();
                    left[i] -= linear + dot(k.col_as_slice(i), &weights);
                }
            }
        }
        let contrasts = Contrasts::new(&group.x);
        let left = left.iter().map(|y| contrasts.residual(y)).collect();
        Ok(Ordinary::new(group.x.clone(), left))
    }
}
