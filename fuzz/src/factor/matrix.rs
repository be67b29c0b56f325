//! The system, dense, by the definitions, and what is checked of its solutions.

use epitile_core::certificate::{Certificate, Stop, UNIT};
use epitile_core::conformance::gauge::{Sum, gamma};
use epitile_core::genotypes::Genotypes;
use epitile_core::kernel::KernelMap;
use epitile_core::pairs::PairStatistic;
use epitile_core::solver::SolveOptions;

/// K and λ, dense, by the definitions.
pub(super) struct Matrix {
    pub(super) n: usize,
    pub(super) ridge: f64,
    pub(super) k: Vec<f64>,
    /// ‖K + λI‖_∞.
    pub(super) norm: f64,
}

impl Matrix {
    pub(super) fn new(
        statistic: &PairStatistic,
        genotypes: &Genotypes,
        map: &KernelMap,
        index: &[u32],
        ridge: f64,
    ) -> Self {
        let n = index.len();
        let value = |at: usize| {
            let (i, j) = (index[at % n] as usize, index[at / n] as usize);
            let raw = statistic.pair(genotypes, i, genotypes, j);
            map.value(raw, statistic.unit(), i, j)
        };
        let k: Vec<f64> = (0..n * n).map(value).collect();
        let row = |r: usize| (0..n).map(|c| k[c * n + r].abs()).sum::<f64>();
        let norm = (0..n).map(row).fold(0.0, f64::max) + ridge;
        Matrix { n, ridge, k, norm }
    }

    /// b − (K + λI) x in twice f64's precision, and |K + λI||x| + |b|.
    pub(super) fn residual(&self, b: &[f64], x: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let row = |r: usize| {
            let (mut sum, mut size) = (Sum::default(), b[r].abs());
            sum.add(b[r]);
            for (c, &x) in x.iter().enumerate() {
                sum.add_product(-self.k[c * self.n + r], x);
                size += (self.k[c * self.n + r] * x).abs();
            }
            sum.add_product(-self.ridge, x[r]);
            (sum.value(), size + (self.ridge * x[r]).abs())
        };
        (0..self.n).map(row).unzip()
    }

    /// Checks a solution and its certificate.
    pub(super) fn confirm(
        &self,
        b: &[f64],
        x: &[f64],
        certificate: &Certificate,
        options: SolveOptions,
        broken: bool,
    ) {
        let n = self.n;
        assert!(x.iter().all(|v| v.is_finite()), "{x:?}");
        let (r, size) = self.residual(b, x);
        // What FP64 may add to a residual of n products, a shift and a difference.
        let rounding: Vec<f64> = size.iter().map(|s| gamma(n + 4, UNIT) * s).collect();
        let scale = self.norm * max(x) + max(b);
        let told = certificate.after;
        let error = if scale == 0.0 { 0.0 } else { max(&r) / scale };
        let allowed = gamma(n + 4, UNIT) * 2.0;
        assert!(
            (error - told).abs() <= allowed,
            "η = {error:e}, the certificate says {told:e}"
        );
        let difference = (norm2(&r) - certificate.residual).abs();
        assert!(
            difference <= norm2(&rounding) * 2.0,
            "‖r‖ = {:e}, the certificate says {:e}",
            norm2(&r),
            certificate.residual
        );
        assert_eq!(certificate.order, n);
        match options.refine {
            true => {
                assert!(certificate.is_certified(), "{certificate:?}");
                let hpl = 16.0 * n as f64 * UNIT;
                let most = match certificate.stop {
                    Stop::Tolerance => options.tolerance,
                    _ => hpl,
                };
                assert!(told <= most, "{certificate:?}");
            }
            false => assert_eq!(certificate.stop, Stop::Unrefined),
        }
        let bound = certificate.residual / self.ridge;
        assert_eq!(certificate.weight_bound, bound);
        assert_eq!(
            certificate.prediction_bound,
            certificate.residual / self.ridge.sqrt()
        );
        if !broken {
            self.confirm_weights(b, x, bound, norm2(&rounding) / self.ridge);
        }
    }

    /// ‖Δx‖₂ ≤ ‖r‖₂/λ, but for what rounding the residual hides, where K ⪰ 0 to a thousandth of λ.
    pub(super) fn confirm_weights(&self, b: &[f64], x: &[f64], bound: f64, rounding: f64) {
        let slack = self.ridge / 1024.0;
        if Cholesky::new(&self.k, self.n, slack).is_none() {
            return; // Rounding K took it further from definite than λ/1024.
        }
        let Some(l) = Cholesky::new(&self.k, self.n, self.ridge) else {
            panic!("K + λ/1024·I is definite, K + λI is not");
        };
        // Steps of refinement with exact residuals take the dense solution to the last bit.
        let mut exact = l.solve(b);
        for _ in 0..3 {
            let (r, _) = self.residual(b, &exact);
            let step = l.solve(&r);
            exact.iter_mut().zip(step).for_each(|(x, d)| *x += d);
        }
        let distance: Vec<f64> = exact.iter().zip(x).map(|(a, b)| a - b).collect();
        let (r, size) = self.residual(b, &exact);
        // Its own error: ‖r‖/λ (K ⪰ −λ/1024), with a rounding of the residual in twice precision.
        let own = (norm2(&r) + UNIT * UNIT * (self.n + 4) as f64 * norm2(&size)) / self.ridge;
        let allowed = (bound + rounding + own) * (1.0 + 1.0 / 512.0);
        assert!(
            norm2(&distance) <= allowed,
            "‖Δα‖ = {:e}, bound {bound:e}, rounding {rounding:e}, own {own:e}",
            norm2(&distance)
        );
    }
}

pub(super) fn max(x: &[f64]) -> f64 {
    x.iter().fold(0.0, |m, v| m.max(v.abs()))
}

pub(super) fn norm2(x: &[f64]) -> f64 {
    // Scaled: squares of tiny residuals underflow.
    match max(x) {
        0.0 => 0.0,
        m => m * x.iter().map(|v| v / m * (v / m)).sum::<f64>().sqrt(),
    }
}

/// A dense FP64 Cholesky factor, column-major.
pub(super) struct Cholesky {
    pub(super) n: usize,
    pub(super) l: Vec<f64>,
}

impl Cholesky {
    /// The factor of K + `shift`·I, if its pivots are positive.
    pub(super) fn new(k: &[f64], n: usize, shift: f64) -> Option<Self> {
        let mut l = vec![0.0; n * n];
        for c in 0..n {
            for r in c..n {
                let mut sum = Sum::default();
                sum.add(k[c * n + r]);
                if r == c {
                    sum.add(shift);
                }
                (0..c).for_each(|j| sum.add_product(-l[j * n + r], l[j * n + c]));
                let value = sum.value();
                l[c * n + r] = match r == c {
                    true if value > 0.0 && value.is_finite() => value.sqrt(),
                    true => return None,
                    false => value / l[c * n + c],
                };
            }
        }
        Some(Cholesky { n, l })
    }

    pub(super) fn solve(&self, b: &[f64]) -> Vec<f64> {
        let (n, mut x) = (self.n, b.to_vec());
        for r in 0..n {
            let mut sum = Sum::default();
            sum.add(x[r]);
            (0..r).for_each(|j| sum.add_product(-self.l[j * n + r], x[j]));
            x[r] = sum.value() / self.l[r * n + r];
        }
        for r in (0..n).rev() {
            let mut sum = Sum::default();
            sum.add(x[r]);
            (r + 1..n).for_each(|j| sum.add_product(-self.l[r * n + j], x[j]));
            x[r] = sum.value() / self.l[r * n + r];
        }
        x
    }
}
