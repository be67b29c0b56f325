//! Sums over rotated columns at one ρ, and what of the likelihood they give.

use epitile_core::dense::{cholesky, solve_lower, solve_lower_transposed};
use epitile_cpu::rational_sums;

/// Which likelihood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Likelihood {
    /// Restricted.
    Reml,
    /// Full.
    Ml,
}

/// Σ w_i u_i v_i and Σ w_i² u_i v_i of all pairs of the columns [y, X], w = 1/(ρd + 1).
#[derive(Clone, Debug)]
pub struct Sums {
    /// ρ.
    pub ratio: f64,
    /// n.
    samples: usize,
    /// Σ (1 − w).
    trace: f64,
    /// With w, and with w²: symmetric matrices, the first row is that of y.
    first: Vec<f64>,
    second: Vec<f64>,
    columns: usize,
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
pub(super) struct Point {
    /// By ρ.
    pub(super) slope: f64,
    pub(super) residual: f64,
    /// ln|XᵀWX|.
    pub(super) information: f64,
}

impl Sums {
    /// Of eigenvalues `values` and the columns y, X at ρ = `ratio`. c²·n operations.
    pub fn new(values: &[f64], ratio: f64, columns: &[&[f64]]) -> Self {
        let (c, n) = (columns.len(), values.len());
        let all = rational_sums(values, ratio, columns);
        let mut sums = Sums {
            ratio,
            samples: n,
            trace: n as f64 - all[0],
            first: vec![0.0; c * c],
            second: vec![0.0; c * c],
            columns: c,
        };
        let mut pairs = all[1..].as_chunks::<2>().0.iter();
        for i in 0..c {
            for (j, pair) in (0..=i).zip(&mut pairs) {
                sums.set(i, j, *pair);
            }
        }
        sums
    }

    fn set(&mut self, i: usize, j: usize, [first, second]: [f64; 2]) {
        let c = self.columns;
        for at in [i * c + j, j * c + i] {
            (self.first[at], self.second[at]) = (first, second);
        }
    }

    /// The same with one more column of X: `row` is its sums, with w and with w², with y, with each
    /// of X, and with itself.
    pub fn with(&self, row: &[[f64; 2]]) -> Self {
        let c = self.columns;
        let mut grown = Sums {
            first: vec![0.0; (c + 1) * (c + 1)],
            second: vec![0.0; (c + 1) * (c + 1)],
            columns: c + 1,
            ..*self
        };
        for i in 0..c {
            let (from, to) = (i * c..(i + 1) * c, i * (c + 1)..i * (c + 1) + c);
            grown.first[to.clone()].copy_from_slice(&self.first[from.clone()]);
            grown.second[to].copy_from_slice(&self.second[from]);
        }
        for (j, pair) in row.iter().enumerate() {
            grown.set(c, j, *pair);
        }
        grown
    }

    pub(super) fn freedom(&self, kind: Likelihood) -> f64 {
        let fixed = match kind {
            Likelihood::Reml => self.columns - 1,
            Likelihood::Ml => 0,
        };
        (self.samples - fixed) as f64
    }

    /// The likelihood's slope and parts; `None` if a column of X depends on the others.
    pub(super) fn point(&self, kind: Likelihood) -> Option<Point> {
        let (a, b) = (&self.first, &self.second);
        let (c, k) = (self.columns, self.columns - 1);
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
        let residual = quadratic / self.freedom(kind);
        let mut trace = self.trace;
        let mut information = 0.0;
        if kind == Likelihood::Reml {
            information = 2.0 * (0..k).map(|j| l[j * k + j].ln()).sum::<f64>();
            // tr(P D) = tr(W D) − tr(A⁻¹ XᵀWDWX)
            let diagonal = |j: usize| solved((1..c).map(|i| b[i * c + j + 1]).collect())[j];
            trace -= k as f64 - (0..k).map(diagonal).sum::<f64>();
        }
        Some(Point {
            slope: -0.5 * (trace - (quadratic - bent) / residual) / self.ratio,
            residual,
            information,
        })
    }

    /// The last column of X, the others projected out. `None` if those depend on each other.
    pub fn last(&self) -> Option<Last> {
        let c = self.columns;
        let mut a = self.first.clone();
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
