//! Tests without a kernel: ordinary least squares on the individuals who have the call, as
//! `plink2 --glm`.

use epitile_core::dense::{axpy, cholesky, dot, solve_lower, solve_lower_transposed};

use super::effect::{Effect, Untested, wald};
use crate::io::bed::Packed;
use crate::null::spectral::Last;

/// Traits of the same samples, without what the covariates explain in all of them.
pub struct Ordinary {
    /// Columns of X.
    x: Vec<Vec<f64>>,
    /// XᵀX.
    gram: Vec<f64>,
    /// One per trait.
    y: Vec<Vec<f64>>,
}

impl Ordinary {
    /// Traits `y` (best without what X explains) and columns of X.
    pub fn new(x: Vec<Vec<f64>>, y: Vec<Vec<f64>>) -> Self {
        let gram = x
            .iter()
            .flat_map(|a| x.iter().map(move |b| dot(a, b)))
            .collect();
        Ordinary { x, gram, y }
    }

    /// Tests a SNP for every trait. `rows` are the samples' places in the file, `mean` is that of
    /// their dosages. c·n operations a trait.
    pub fn test(
        &self,
        calls: Packed<'_>,
        rows: &[u32],
        mean: f64,
    ) -> Vec<Result<Effect, Untested>> {
        let c = self.x.len();
        let dosage = |&i: &u32| calls.call(i as usize).map(f64::from);
        let dosages: Vec<Option<f64>> = rows.iter().map(dosage).collect();
        let missing: Vec<usize> = (0..rows.len()).filter(|&i| dosages[i].is_none()).collect();
        let n = rows.len() - missing.len();
        if n < c + 2 {
            return vec![Err(Untested::Collinear); self.y.len()];
        }
        // Missing calls are 0 in x, and taken out of the sums that do not hold x.
        let x: Vec<f64> = dosages
            .iter()
            .map(|d| d.map_or(0.0, |d| d - mean))
            .collect();
        let mut l = self.gram.clone();
        for &i in &missing {
            for (at, v) in l.iter_mut().enumerate() {
                *v -= self.x[at / c][i] * self.x[at % c][i];
            }
        }
        if cholesky(&mut l, c, 0.0).is_err() {
            return vec![Err(Untested::Collinear); self.y.len()];
        }
        let solved = |v: &[f64]| {
            let mut b: Vec<f64> = self.x.iter().map(|x| dot(x, v)).collect();
            solve_lower(&l, c, &mut b);
            solve_lower_transposed(&l, c, &mut b);
            b
        };
        let without = |v: &[f64]| {
            let mut left = v.to_vec();
            missing.iter().for_each(|&i| left[i] = 0.0);
            let b = solved(&left);
            for (x, b) in self.x.iter().zip(&b) {
                axpy(-b, x, &mut left);
            }
            missing.iter().for_each(|&i| left[i] = 0.0);
            left
        };
        let px = without(&x);
        let size = dot(&x, &x);
        let test = |y: &Vec<f64>| {
            let py = match missing.is_empty() {
                // y is without X already.
                true => y.clone(),
                false => without(y),
            };
            let last = Last {
                xpx: dot(&px, &px),
                xpy: dot(&px, &py),
                ypy: dot(&py, &py),
                size,
            };
            wald(&last, n, c)
        };
        self.y.iter().map(test).collect()
    }
}
