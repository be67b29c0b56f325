//! One kernel K = U D Uᵀ: V = σ²_e (ρD + I) is diagonal after rotation, and only ρ = σ²_f/σ²_e is
//! searched for.

use epitile_core::dense::{cholesky, dot, solve_lower, solve_lower_transposed};

/// Which likelihood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Likelihood {
    /// Restricted.
    Reml,
    /// Full.
    Ml,
}

/// Powers of ten between which ρ is searched for, beside 0.
pub const RANGE: (f64, f64) = (-5.0, 5.0);

/// Parts the range is cut into; each is searched for a maximum of its own.
const PARTS: usize = 50;

/// Rotated data of one trait.
#[derive(Clone, Copy, Debug)]
pub struct Rotated<'a> {
    /// Eigenvalues of K.
    pub values: &'a [f64],
    /// Uᵀ y.
    pub y: &'a [f64],
    /// Uᵀ X.
    pub x: &'a [Vec<f64>],
}

/// A maximum.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Optimum {
    /// σ²_f/σ²_e; 0 on the boundary.
    pub ratio: f64,
    /// σ²_e.
    pub residual: f64,
    /// ln L; see [the module above](super).
    pub log_likelihood: f64,
    /// Whether ρ ended at the upper end of its range: no residual variance is left.
    pub at_end: bool,
}

/// ln L at one ρ, and what it is made of.
struct Point {
    log_likelihood: f64,
    slope: f64,
    residual: f64,
}

impl Rotated<'_> {
    /// b̂ and the residuals of generalised least squares at ρ.
    pub fn effects(&self, ratio: f64) -> (Vec<f64>, Vec<f64>) {
        let weights: Vec<f64> = self
            .values
            .iter()
            .map(|d| 1.0 / (ratio * d + 1.0))
            .collect();
        let (factor, _) = self.information(&weights);
        let b = self.solve(&factor, &weights);
        let residuals = self.residuals(&b);
        (b, residuals)
    }

    /// Cholesky factor of XᵀWX, and WX.
    fn information(&self, weights: &[f64]) -> (Vec<f64>, Vec<Vec<f64>>) {
        let c = self.x.len();
        let scaled = |x: &Vec<f64>| x.iter().zip(weights).map(|(x, w)| x * w).collect();
        let wx: Vec<Vec<f64>> = self.x.iter().map(scaled).collect();
        let mut a: Vec<f64> = wx
            .iter()
            .flat_map(|w| self.x.iter().map(move |x| dot(w, x)))
            .collect();
        // X is of full rank and W > 0.
        let done = cholesky(&mut a, c, 0.0);
        debug_assert!(done.is_ok(), "columns of X depend on each other");
        (a, wx)
    }

    fn solve(&self, factor: &[f64], weights: &[f64]) -> Vec<f64> {
        let wy: Vec<f64> = self.y.iter().zip(weights).map(|(y, w)| y * w).collect();
        let mut b: Vec<f64> = self.x.iter().map(|x| dot(x, &wy)).collect();
        solve_lower(factor, b.len(), &mut b);
        solve_lower_transposed(factor, b.len(), &mut b);
        b
    }

    fn residuals(&self, b: &[f64]) -> Vec<f64> {
        let mut r = self.y.to_vec();
        for (x, b) in self.x.iter().zip(b) {
            epitile_core::dense::axpy(-b, x, &mut r);
        }
        r
    }

    /// ln L and its slope by ρ. c²·n operations.
    fn at(&self, ratio: f64, kind: Likelihood) -> Point {
        let (n, c) = (self.y.len(), self.x.len());
        let weights: Vec<f64> = self
            .values
            .iter()
            .map(|d| 1.0 / (ratio * d + 1.0))
            .collect();
        let (factor, wx) = self.information(&weights);
        let r = self.residuals(&self.solve(&factor, &weights));
        let (mut quadratic, mut bent, mut log, mut trace) = (0.0, 0.0, 0.0, 0.0);
        for ((r, w), d) in r.iter().zip(&weights).zip(self.values) {
            let (wr, wd) = (r * w, w * d);
            quadratic += r * wr;
            bent += wr * wr * d;
            log -= w.ln();
            trace += wd;
        }
        let mut freedom = n as f64;
        if kind == Likelihood::Reml {
            freedom -= c as f64;
            log += 2.0 * (0..c).map(|k| factor[k * c + k].ln()).sum::<f64>();
            // tr(P D) = tr(W D) − tr((XᵀWX)⁻¹ XᵀWDWX)
            for (k, one) in wx.iter().enumerate() {
                let dwx: Vec<f64> = one.iter().zip(self.values).map(|(w, d)| w * d).collect();
                let mut column: Vec<f64> = wx.iter().map(|w| dot(w, &dwx)).collect();
                solve_lower(&factor, c, &mut column);
                solve_lower_transposed(&factor, c, &mut column);
                trace -= column[k];
            }
        }
        let residual = quadratic / freedom;
        Point {
            log_likelihood: -0.5 * (freedom * (residual.ln() + 1.0) + log),
            slope: -0.5 * (trace - bent / residual),
            residual,
        }
    }

    /// ln L at ρ.
    pub fn log_likelihood(&self, ratio: f64, kind: Likelihood) -> f64 {
        self.at(ratio, kind).log_likelihood
    }

    /// The best of ρ = 0, the ends of the range, and every maximum between. The slope of ln L
    /// changes sign at a maximum; it is found to rounding.
    pub fn maximise(&self, kind: Likelihood) -> Optimum {
        let place = |k: usize| RANGE.0 + (RANGE.1 - RANGE.0) * k as f64 / PARTS as f64;
        let ratio = |u: f64| 10_f64.powf(u);
        let slopes: Vec<f64> = (0..=PARTS)
            .map(|k| self.at(ratio(place(k)), kind).slope)
            .collect();
        let mut candidates = vec![0.0, ratio(RANGE.0), ratio(RANGE.1)];
        for (k, pair) in slopes.windows(2).enumerate() {
            if pair[0] > 0.0 && pair[1] <= 0.0 {
                let slope = |u: f64| self.at(ratio(u), kind).slope * ratio(u);
                let ends = (place(k), slope(place(k)));
                let other = (place(k + 1), slope(place(k + 1)));
                candidates.push(ratio(root(slope, ends, other)));
            }
        }
        let mut best: Option<Optimum> = None;
        for (k, ratio) in candidates.into_iter().enumerate() {
            let point = self.at(ratio, kind);
            if best.is_none_or(|b| point.log_likelihood > b.log_likelihood) {
                best = Some(Optimum {
                    ratio,
                    residual: point.residual,
                    log_likelihood: point.log_likelihood,
                    at_end: k == 2,
                });
            }
        }
        best.expect("three candidates at least")
    }
}

/// Where `f` crosses zero between two places at which it has the signs + and −, as (place, value):
/// the rule of Illinois (false position, the end that stays counts half), until a step is below
/// 1e-9; at most 60.
pub(crate) fn root(f: impl Fn(f64) -> f64, low: (f64, f64), high: (f64, f64)) -> f64 {
    let (mut a, mut b) = (low, high);
    for _ in 0..60 {
        let step = b.1 * (b.0 - a.0) / (b.1 - a.1);
        if b.1 == 0.0 || step.abs() <= 1e-9 {
            break;
        }
        let u = b.0 - step;
        let value = f(u);
        match (value > 0.0) == (b.1 > 0.0) {
            true => a.1 *= 0.5,
            false => a = b,
        }
        b = (u, value);
    }
    b.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data() -> (Vec<f64>, Vec<f64>, Vec<Vec<f64>>) {
        let n = 60;
        let values: Vec<f64> = (0..n).map(|i| (i as f64 / 20.0).powi(2)).collect();
        let noise = |i: usize| ((i * 7919 + 13) % 101) as f64 / 50.0 - 1.0;
        let y = (0..n)
            .map(|i| noise(i) * (1.0 + 0.8 * values[i]).sqrt())
            .collect();
        let x = vec![
            (0..n).map(|i| noise(i + 200)).collect(),
            (0..n).map(|i| noise(3 * i + 77)).collect(),
        ];
        (values, y, x)
    }

    #[test]
    fn the_slope_is_that_of_the_likelihood() {
        let (values, y, x) = data();
        let data = Rotated {
            values: &values,
            y: &y,
            x: &x,
        };
        for kind in [Likelihood::Reml, Likelihood::Ml] {
            for ratio in [0.01, 0.4, 7.0] {
                let h = 1e-4 * ratio;
                let [low, high] = [-h, h].map(|h| data.log_likelihood(ratio + h, kind));
                let slope = data.at(ratio, kind).slope;
                // Central differences err by h²f‴/6 ~ 1e-8·f/ρ and by rounding over h.
                let bound = 1e-6 * (1.0 + slope.abs() + 1.0 / ratio);
                let found = (high - low) / (2.0 * h);
                assert!((found - slope).abs() <= bound, "{kind:?} {found} {slope}");
            }
        }
    }

    #[test]
    fn no_ratio_is_better_than_the_maximum() {
        let (values, y, x) = data();
        let data = Rotated {
            values: &values,
            y: &y,
            x: &x,
        };
        for kind in [Likelihood::Reml, Likelihood::Ml] {
            let best = data.maximise(kind);
            assert!(best.ratio > 0.0 && !best.at_end);
            let rounding = 1e-12 * best.log_likelihood.abs();
            for k in 0..1000 {
                let ratio = 10_f64.powf(k as f64 / 100.0 - 5.0);
                assert!(data.log_likelihood(ratio, kind) <= best.log_likelihood + rounding);
            }
            assert!(data.log_likelihood(0.0, kind) <= best.log_likelihood);
        }
    }
}
