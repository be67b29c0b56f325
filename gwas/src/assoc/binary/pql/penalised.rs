//! b and f at a τ: where ln L − fᵀ(τK)⁻¹f/2 is highest.
//!
//! f = τKa, and a = y − μ at the maximum. A step of Newton's method solves with
//! V = W⁻¹ + τK = W^-½ B W^-½, B = I + τW^½KW^½, by conjugate gradients: few directions of K have
//! much variance, and where cases are few W makes B close to I. No matrix is factored.

use epitile_core::dense::{axpy, dot};
use faer::Mat;

use super::super::logistic::{Data, Fit, solved};
use super::super::model::Model;
use crate::assoc::effect::Untested;
use crate::dense::{product, transposed_product};
use crate::null::projected::times;

/// Steps after which a fit is given up.
const STEPS: usize = 50;

/// A fit ends with a step that moves no log-odds by more: what it leaves is of the square of it.
pub(super) const STEP: f64 = 1e-8;

/// Residuals of conjugate gradients, as a share of the right-hand side: the least by which a step
/// shortens the next.
const RESIDUAL: f64 = 1e-6;

/// Passes over K after which a system is given up.
const PASSES: usize = 500;

/// Halves of a step that are tried.
const HALVES: usize = 12;

/// The place.
pub(super) struct Penalised {
    /// The model of X with offset f.
    pub(super) fit: Fit,
    /// f.
    pub(super) random: Vec<f64>,
}

/// A place on the way.
struct State {
    fit: Fit,
    /// a.
    dual: Vec<f64>,
    random: Vec<f64>,
}

impl Penalised {
    /// At `tau`, from the model without a random effect. N²·(c + 1) operations a pass; ten to
    /// fifty passes a step, five to eight steps.
    ///
    /// # Errors
    /// `NotConverged`, `Collinear`.
    pub(super) fn new(k: &Mat<f64>, plain: &Model, tau: f64) -> Result<Self, Untested> {
        let n = plain.y.len();
        let mut at = State {
            fit: plain.fit.clone(),
            dual: vec![0.0; n],
            random: vec![0.0; n],
        };
        if tau == 0.0 {
            return Ok(at.done());
        }
        for _ in 0..STEPS {
            let step = at.step(k, plain, tau)?;
            let next = at.climb(plain, &step)?;
            let moved = at.fit.log_odds.iter().zip(&next.fit.log_odds);
            let moved = moved.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            at = next;
            if moved <= STEP {
                return Ok(at.done());
            }
        }
        Err(Untested::NotConverged)
    }
}

/// A step of Newton's method.
struct Step {
    effects: Vec<f64>,
    dual: Vec<f64>,
    random: Vec<f64>,
}

impl State {
    fn done(self) -> Penalised {
        Penalised {
            fit: self.fit,
            random: self.random,
        }
    }

    /// da = V⁻¹(W⁻¹r − X db), r = y − μ − a, and db such that Xᵀ(a + da) = 0.
    fn step(&self, k: &Mat<f64>, plain: &Model, tau: f64) -> Result<Step, Untested> {
        let x = &plain.x;
        let (n, c) = (self.dual.len(), x.len());
        let roots: Vec<f64> = self.fit.weights.iter().map(|w| w.sqrt()).collect();
        let left = self.fit.residual(&plain.y);
        let mut right = Mat::zeros(n, c + 1);
        for (j, x) in x.iter().enumerate() {
            right.col_as_slice_mut(j).copy_from_slice(&times(&roots, x));
        }
        let last = right.col_as_slice_mut(c).iter_mut();
        for ((v, root), (left, a)) in last.zip(&roots).zip(left.iter().zip(&self.dual)) {
            *v = (left - a) / root;
        }
        let found = conjugate(k, tau, &roots, right).ok_or(Untested::NotConverged)?;
        // V⁻¹X and V⁻¹W⁻¹r.
        let whole = |j: usize| times(&roots, found.col_as_slice(j));
        let solved_x: Vec<Vec<f64>> = (0..c).map(whole).collect();
        let mut dual = whole(c);
        let factor = cross(&solved_x, x)?;
        let both: Vec<f64> = dual.iter().zip(&self.dual).map(|(d, a)| d + a).collect();
        let effects = solved(&factor, x.iter().map(|x| dot(x, &both)).collect());
        for (x, b) in solved_x.iter().zip(&effects) {
            axpy(-b, x, &mut dual);
        }
        let random = transposed_product(k, &dual)
            .iter()
            .map(|v| tau * v)
            .collect();
        Ok(Step {
            effects,
            dual,
            random,
        })
    }

    /// Along `step` as far as the penalised likelihood does not fall by more than rounding: all
    /// the way, or a half, a quarter, …
    fn climb(&self, plain: &Model, step: &Step) -> Result<State, Untested> {
        let columns: Vec<&[f64]> = plain.x.iter().map(Vec::as_slice).collect();
        let rounding = f64::EPSILON * plain.y.len() as f64;
        let floor = self.height() - rounding * self.height().abs();
        let mut share = 1.0;
        for _ in 0..HALVES {
            let along = |from: &[f64], step: &[f64]| -> Vec<f64> {
                from.iter().zip(step).map(|(v, s)| v + share * s).collect()
            };
            let random = along(&self.random, &step.random);
            let data = Data {
                x: &columns,
                y: &plain.y,
                offset: &random,
            };
            if let Ok(fit) = data.at(along(&self.fit.effects, &step.effects)) {
                let next = State {
                    fit,
                    dual: along(&self.dual, &step.dual),
                    random,
                };
                if next.height() >= floor {
                    return Ok(next);
                }
            }
            share *= 0.5;
        }
        Err(Untested::NotConverged)
    }

    /// ln L − fᵀ(τK)⁻¹f/2.
    fn height(&self) -> f64 {
        self.fit.log_likelihood - 0.5 * dot(&self.dual, &self.random)
    }
}

/// Cholesky factor of XᵀV⁻¹X, of V⁻¹X and X.
///
/// # Errors
/// `Collinear`.
pub(super) fn cross(solved: &[Vec<f64>], x: &[Vec<f64>]) -> Result<Vec<f64>, Untested> {
    let c = x.len();
    let mut factor: Vec<f64> = (0..c * c)
        .map(|at| dot(&solved[at / c], &x[at % c]))
        .collect();
    epitile_core::dense::cholesky(&mut factor, c, 0.0).map_err(|_| Untested::Collinear)?;
    Ok(factor)
}

/// B⁻¹ of the columns of `right`, B = I + τ diag(roots) K diag(roots). `None` if it takes too long.
fn conjugate(k: &Mat<f64>, tau: f64, roots: &[f64], right: Mat<f64>) -> Option<Mat<f64>> {
    let (n, columns) = (right.nrows(), right.ncols());
    let mut found = Mat::zeros(n, columns);
    let mut left = right;
    let mut ways = left.clone();
    let mut sizes: Vec<f64> = (0..columns)
        .map(|j| dot(left.col_as_slice(j), left.col_as_slice(j)))
        .collect();
    let ends: Vec<f64> = sizes.iter().map(|s| RESIDUAL * RESIDUAL * s).collect();
    for _ in 0..PASSES {
        if sizes.iter().zip(&ends).all(|(size, end)| size <= end) {
            return Some(found);
        }
        let scaled = Mat::from_fn(n, columns, |i, j| tau * roots[i] * ways[(i, j)]);
        let mut moved = product(k.as_ref(), scaled.as_ref());
        for j in 0..columns {
            if sizes[j] <= ends[j] {
                continue;
            }
            let way = ways.col_as_slice_mut(j);
            let moved = moved.col_as_slice_mut(j);
            for ((v, root), way) in moved.iter_mut().zip(roots).zip(way.iter()) {
                *v = *v * root + way;
            }
            let length = sizes[j] / dot(way, moved);
            axpy(length, way, found.col_as_slice_mut(j));
            let left = left.col_as_slice_mut(j);
            axpy(-length, moved, left);
            let size = dot(left, left);
            let share = size / sizes[j];
            for (way, left) in way.iter_mut().zip(left.iter()) {
                *way = left + share * *way;
            }
            sizes[j] = size;
        }
    }
    None
}
