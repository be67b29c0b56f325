//! One kernel K = U D Uᵀ: V = σ²_e (ρD + I) is diagonal after rotation, and only ρ = σ²_f/σ²_e is
//! searched for.
//!
//! With w = 1/(ρd + 1) everything is a sum Σ w_i u_i v_i or Σ w_i² u_i v_i over pairs of rotated
//! columns u, v of [y, X]: products are formed once, and serve every ρ.

use epitile_core::dense::{cholesky, dot, solve_lower, solve_lower_transposed};
use serde::{Deserialize, Serialize};

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

/// Products u_i v_i of rotated columns: the lower triangle of pairs, row by row, y first.
#[derive(Clone, Debug)]
pub struct Products {
    arrays: Vec<Vec<f64>>,
    columns: usize,
}

impl Products {
    /// Of Uᵀy (best without what least squares explain: nothing then cancels) and UᵀX.
    pub fn new(y: &[f64], x: &[Vec<f64>]) -> Self {
        let columns: Vec<&[f64]> = [y].into_iter().chain(x.iter().map(Vec::as_slice)).collect();
        let mut arrays = Vec::new();
        for (i, u) in columns.iter().enumerate() {
            arrays.extend(columns[..=i].iter().map(|v| times(u, v)));
        }
        Products {
            arrays,
            columns: columns.len(),
        }
    }
}

/// u_i v_i.
pub fn times(u: &[f64], v: &[f64]) -> Vec<f64> {
    u.iter().zip(v).map(|(u, v)| u * v).collect()
}

/// The likelihood as a function of ρ.
#[derive(Clone, Debug)]
pub struct Profile<'a> {
    values: &'a [f64],
    arrays: Vec<&'a [f64]>,
    columns: usize,
}

/// A maximum.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
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

/// The last column of X beside the others, at one ρ, P without it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Last {
    /// xᵀPx.
    pub xpx: f64,
    /// xᵀPy.
    pub xpy: f64,
    /// yᵀPy.
    pub ypy: f64,
    /// xᵀWx, beside which a vanishing xᵀPx is rounding.
    pub size: f64,
}

/// Everything but ln|V| at one ρ.
struct Point {
    /// By ρ.
    slope: f64,
    residual: f64,
    /// ln|XᵀWX|.
    information: f64,
}

impl<'a> Profile<'a> {
    /// Of eigenvalues `values` and these products.
    pub fn new(values: &'a [f64], products: &'a Products) -> Self {
        Profile {
            values,
            arrays: products.arrays.iter().map(Vec::as_slice).collect(),
            columns: products.columns,
        }
    }

    /// The same with one more column of X: `row` is its products with y, with each of X, and with
    /// itself.
    pub fn with(&self, row: &'a [Vec<f64>]) -> Self {
        let mut arrays = self.arrays.clone();
        arrays.extend(row.iter().map(Vec::as_slice));
        Profile {
            values: self.values,
            arrays,
            columns: self.columns + 1,
        }
    }

    fn freedom(&self, kind: Likelihood) -> f64 {
        let n = self.values.len() as f64;
        match kind {
            Likelihood::Reml => n - (self.columns - 1) as f64,
            Likelihood::Ml => n,
        }
    }

    fn weights(&self, ratio: f64) -> Vec<f64> {
        self.values
            .iter()
            .map(|d| 1.0 / (ratio * d + 1.0))
            .collect()
    }

    /// Sums with `weights` over every pair, as a whole symmetric matrix.
    fn sums(&self, weights: &[f64]) -> Vec<f64> {
        let c = self.columns;
        let mut sums = vec![0.0; c * c];
        let mut arrays = self.arrays.iter();
        for i in 0..c {
            for j in 0..=i {
                let sum = arrays.next().map_or(0.0, |array| dot(weights, array));
                sums[i * c + j] = sum;
                sums[j * c + i] = sum;
            }
        }
        sums
    }

    /// At ρ; `None` if a column of X depends on the others. c²·n operations.
    fn at(&self, ratio: f64, kind: Likelihood) -> Option<Point> {
        let (c, k) = (self.columns, self.columns - 1);
        let w = self.weights(ratio);
        let squares = times(&w, &w);
        let (a, b) = (self.sums(&w), self.sums(&squares));
        // A = XᵀWX = LLᵀ
        let mut l: Vec<f64> = (0..k * k)
            .map(|at| a[(at / k + 1) * c + at % k + 1])
            .collect();
        cholesky(&mut l, k, 0.0).ok()?;
        let solved = |mut v: Vec<f64>| {
            solve_lower(&l, k, &mut v);
            solve_lower_transposed(&l, k, &mut v);
            v
        };
        let effects = solved((1..c).map(|j| a[j]).collect());
        // r = y − Xb̂: rᵀWr = yᵀPy, and rᵀW²r
        let r = |j: usize| if j == 0 { 1.0 } else { -effects[j - 1] };
        let quadratic: f64 = (0..c).map(|j| r(j) * a[j]).sum();
        let bent: f64 = (0..c * c).map(|at| r(at / c) * r(at % c) * b[at]).sum();
        // D W² = (W − W²)/ρ turns sums with D into those at hand; at ρ = 0 slopes are not asked.
        let freedom = self.freedom(kind);
        let residual = quadratic / freedom;
        let mut trace = w.len() as f64 - w.iter().sum::<f64>();
        let mut information = 0.0;
        if kind == Likelihood::Reml {
            information = 2.0 * (0..k).map(|j| l[j * k + j].ln()).sum::<f64>();
            // tr(P D) = tr(W D) − tr(A⁻¹ XᵀWDWX)
            let diagonal = |j: usize| solved((1..c).map(|i| b[i * c + j + 1]).collect())[j];
            trace -= k as f64 - (0..k).map(diagonal).sum::<f64>();
        }
        Some(Point {
            slope: -0.5 * (trace - (quadratic - bent) / residual) / ratio,
            residual,
            information,
        })
    }

    /// ln L at ρ, and σ²_e.
    fn likelihood(&self, ratio: f64, kind: Likelihood) -> Option<(f64, f64)> {
        let point = self.at(ratio, kind)?;
        let log: f64 = self.values.iter().map(|d| (ratio * d).ln_1p()).sum();
        let fit = self.freedom(kind) * (point.residual.ln() + 1.0);
        Some((-0.5 * (fit + log + point.information), point.residual))
    }

    /// The best of ρ = 0, the ends of the range, and every maximum between, for each of which one
    /// of `parts` of the range must hold one change of the slope's sign. `None` if a column of X
    /// depends on the others.
    pub fn maximise(&self, kind: Likelihood, parts: usize) -> Option<Optimum> {
        let place = |k: usize| RANGE.0 + (RANGE.1 - RANGE.0) * k as f64 / parts as f64;
        let ratio = |u: f64| 10_f64.powf(u);
        let slope = |u: f64| self.at(ratio(u), kind).map(|p| p.slope * ratio(u));
        let mut slopes = Vec::with_capacity(parts + 1);
        for k in 0..=parts {
            slopes.push(slope(place(k))?);
        }
        let mut candidates = Vec::new();
        if slopes[0] <= 0.0 {
            candidates.extend([0.0, ratio(RANGE.0)]);
        }
        for (k, pair) in slopes.windows(2).enumerate() {
            if pair[0] > 0.0 && pair[1] <= 0.0 {
                let ends = ((place(k), pair[0]), (place(k + 1), pair[1]));
                let f = |u: f64| slope(u).unwrap_or(0.0);
                candidates.push(ratio(root(f, ends.0, ends.1)));
            }
        }
        let inside = candidates.len();
        if slopes[parts] > 0.0 {
            candidates.push(ratio(RANGE.1));
        }
        let mut best: Option<Optimum> = None;
        for (k, ratio) in candidates.into_iter().enumerate() {
            let (log_likelihood, residual) = self.likelihood(ratio, kind)?;
            if best.is_none_or(|b| log_likelihood > b.log_likelihood) {
                best = Some(Optimum {
                    ratio,
                    residual,
                    log_likelihood,
                    at_end: k == inside,
                });
            }
        }
        best
    }

    /// Standard error of ρ by the curvature of the restricted likelihood, from two slopes; `None`
    /// where it does not bend down.
    pub fn error(&self, ratio: f64) -> Option<f64> {
        let h = 1e-4 * ratio;
        let slope = |ratio: f64| self.at(ratio, Likelihood::Reml).map(|p| p.slope);
        let curvature = (slope(ratio + h)? - slope(ratio - h)?) / (2.0 * h);
        (curvature < 0.0).then(|| (-1.0 / curvature).sqrt())
    }

    /// The last column of X at ρ, the others projected out. `None` if those depend on each other.
    pub fn last(&self, ratio: f64) -> Option<Last> {
        let c = self.columns;
        let mut a = self.sums(&self.weights(ratio));
        let size = a[c * c - 1];
        // The others are eliminated one by one: A ← A − a aᵀ/pivot.
        for k in 1..c - 1 {
            let pivot = a[k * c + k];
            if pivot.is_nan() || pivot <= 0.0 {
                return None;
            }
            let column: Vec<f64> = (0..c).map(|i| a[i * c + k]).collect();
            for i in 0..c {
                for j in 0..c {
                    a[i * c + j] -= column[i] * column[j] / pivot;
                }
            }
        }
        Some(Last {
            xpx: a[c * c - 1],
            xpy: a[c - 1],
            ypy: a[0],
            size,
        })
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
        let y = (0..n).map(|i| noise(i) * (1.0 + 0.8 * values[i]).sqrt());
        let y = y.collect();
        let x = vec![
            (0..n).map(|i| noise(i + 200)).collect(),
            (0..n).map(|i| noise(3 * i + 77)).collect(),
        ];
        (values, y, x)
    }

    #[test]
    fn the_slope_is_that_of_the_likelihood() {
        let (values, y, x) = data();
        let products = Products::new(&y, &x);
        let data = Profile::new(&values, &products);
        for kind in [Likelihood::Reml, Likelihood::Ml] {
            for ratio in [0.01, 0.4, 7.0] {
                let h = 1e-4 * ratio;
                let [low, high] = [-h, h].map(|h| data.likelihood(ratio + h, kind).unwrap().0);
                let slope = data.at(ratio, kind).unwrap().slope;
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
        let products = Products::new(&y, &x);
        let data = Profile::new(&values, &products);
        for kind in [Likelihood::Reml, Likelihood::Ml] {
            let best = data.maximise(kind, 20).unwrap();
            assert!(best.ratio > 0.0 && !best.at_end);
            let rounding = 1e-12 * best.log_likelihood.abs();
            for k in 0..1000 {
                let ratio = 10_f64.powf(k as f64 / 100.0 - 5.0);
                let (other, _) = data.likelihood(ratio, kind).unwrap();
                assert!(other <= best.log_likelihood + rounding);
            }
            assert!(data.likelihood(0.0, kind).unwrap().0 <= best.log_likelihood);
        }
    }

    #[test]
    fn a_column_added_is_a_column_there_from_the_start() {
        let (values, y, x) = data();
        let (all, first) = (Products::new(&y, &x), Products::new(&y, &x[..1]));
        let row = [times(&x[1], &y), times(&x[1], &x[0]), times(&x[1], &x[1])];
        let whole = Profile::new(&values, &all);
        let grown = Profile::new(&values, &first);
        let grown = grown.with(&row);
        let kind = Likelihood::Reml;
        assert_eq!(whole.maximise(kind, 20), grown.maximise(kind, 20));
        // yᵀPy with the column is yᵀPy without it less (xᵀPy)²/xᵀPx.
        let last = grown.last(0.7).unwrap();
        let point = grown.at(0.7, kind).unwrap();
        let left = last.ypy - last.xpy * last.xpy / last.xpx;
        let expected = point.residual * 58.0;
        assert!((left - expected).abs() <= 1e-12 * last.ypy);
    }
}
