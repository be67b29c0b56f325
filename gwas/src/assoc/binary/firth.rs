//! Logistic regression with Firth's penalty (Biometrika 80:27, 1993): the maximum of
//! ln L(b) + ½ ln|XᵀWX|, which exists where cases and controls are separated too.

use epitile_core::dense::{axpy, dot};

use super::logistic::{Data, Fit, solved};
use crate::assoc::effect::Untested;

/// Steps after which a fit is given up.
const STEPS: usize = 200;

/// A fit ends with a step of this many standard errors. Steps shrink by a constant factor, of
/// about one half at worst: what is left is as small.
const STEP: f64 = 1e-8;

/// A penalised fit.
#[derive(Clone, Debug)]
pub struct Penalised {
    /// The model at the maximum.
    pub fit: Fit,
    /// ln L + ½ ln|XᵀWX|, its penalty that of all columns.
    pub log_likelihood: f64,
}

/// Which effects are free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Free {
    /// All.
    All,
    /// All but the last, which is 0; the penalty is that of all columns nevertheless (Heinze and
    /// Schemper, Stat. Med. 21:2409, 2002).
    AllButLast,
}

fn penalised(fit: Fit) -> Penalised {
    let c = fit.effects.len();
    let penalty: f64 = (0..c).map(|k| fit.factor[k * c + k].ln()).sum();
    Penalised {
        log_likelihood: fit.log_likelihood + penalty,
        fit,
    }
}

/// The maximum from `start`, by steps of the modified score
/// X'(y − μ + h(½ − μ)), h the diagonal of W^½X(XᵀWX)⁻¹XᵀW^½. 3c²·n operations a step.
///
/// # Errors
/// `Collinear`; `NotConverged`.
pub fn fit(data: &Data<'_>, start: Vec<f64>, free: Free) -> Result<Penalised, Untested> {
    let c = data.x.len();
    let count = match free {
        Free::All => c,
        Free::AllButLast => c - 1,
    };
    let mut at = penalised(data.at(start)?);
    for _ in 0..STEPS {
        let leverages = leverages(data, &at.fit);
        let left = at.fit.residual(data.y).into_iter();
        let left: Vec<f64> = left
            .zip(leverages.iter().zip(&at.fit.means))
            .map(|(r, (h, m))| r + h * (0.5 - m))
            .collect();
        let score: Vec<f64> = data.x[..count].iter().map(|x| dot(x, &left)).collect();
        // The factor of the first columns is the first part of the factor.
        let own: Vec<f64> = (0..count * count)
            .map(|k| at.fit.factor[k / count * c + k % count])
            .collect();
        let mut step = solved(&own, score.clone());
        let size = dot(&step, &score).sqrt();
        step.resize(c, 0.0);
        at = climb(data, &at, &step).ok_or(Untested::NotConverged)?;
        if size <= STEP {
            return Ok(at);
        }
    }
    Err(Untested::NotConverged)
}

/// h: how much each individual's own value decides its fitted one.
fn leverages(data: &Data<'_>, fit: &Fit) -> Vec<f64> {
    let (n, c) = (data.y.len(), data.x.len());
    let mut h = vec![0.0; n];
    // Rows of L⁻¹Xᵀ, one after the other.
    let mut rows: Vec<Vec<f64>> = Vec::with_capacity(c);
    for (j, x) in data.x.iter().enumerate() {
        let mut row = x.to_vec();
        for (k, done) in rows.iter().enumerate() {
            axpy(-fit.factor[k * c + j], done, &mut row);
        }
        let pivot = fit.factor[j * c + j];
        for (h, v) in h.iter_mut().zip(&mut row) {
            *v /= pivot;
            *h += *v * *v;
        }
        rows.push(row);
    }
    h.iter_mut().zip(&fit.weights).for_each(|(h, w)| *h *= w);
    h
}

/// Along `step` as far as the penalised ln L does not fall by more than rounding.
fn climb(data: &Data<'_>, from: &Penalised, step: &[f64]) -> Option<Penalised> {
    let mut share = 1.0;
    for _ in 0..12 {
        let to = from.fit.effects.iter().zip(step);
        let next = data.at(to.map(|(b, s)| b + share * s).collect());
        let (whole, part) = (from.log_likelihood, from.fit.log_likelihood);
        let rounding = f64::EPSILON * data.y.len() as f64;
        let floor = whole - rounding * (part.abs() + (whole - part).abs());
        match next.map(penalised) {
            Ok(next) if next.log_likelihood >= floor => return Some(next),
            _ => share *= 0.5,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_saturated_model_has_half_an_individual_more_in_every_cell() {
        // Of a 2 × 2 table Firth's estimate is the log-odds ratio of cells with ½ added, the
        // empty one too.
        let cells: [[f64; 2]; 2] = [[0.0, 10.0], [4.0, 6.0]];
        let (mut x, mut y) = (Vec::new(), Vec::new());
        for (g, [cases, controls]) in cells.iter().enumerate() {
            for (status, count) in [(1.0, *cases as usize), (0.0, *controls as usize)] {
                x.extend(vec![g as f64; count]);
                y.extend(vec![status; count]);
            }
        }
        let one = vec![1.0; y.len()];
        let data = Data {
            x: &[&one, &x],
            y: &y,
            offset: &[],
        };
        let found = fit(&data, vec![0.0; 2], Free::All).unwrap();
        let odds = cells.map(|[a, b]| (a + 0.5) / (b + 0.5));
        // Steps of 1e-8 standard errors, which are about 1.5, and the rest of a geometric series.
        assert!((found.fit.effects[0] - odds[0].ln()).abs() < 1e-7);
        assert!((found.fit.effects[1] - (odds[1] / odds[0]).ln()).abs() < 1e-7);
        let null = fit(&data, vec![0.0; 2], Free::AllButLast).unwrap();
        assert_eq!(null.fit.effects[1], 0.0);
        assert!(null.log_likelihood < found.log_likelihood);
        // No intercept is better, the other effect being held at 0.
        for shift in [-1e-3, 1e-3] {
            let moved = vec![null.fit.effects[0] + shift, 0.0];
            let other = penalised(data.at(moved).unwrap());
            assert!(other.log_likelihood < null.log_likelihood);
        }
    }
}
