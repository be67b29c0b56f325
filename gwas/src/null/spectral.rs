//! One kernel K = U D Uᵀ: V = σ²_e (ρD + I) is diagonal after rotation, and only ρ = σ²_f/σ²_e is
//! searched for.
//!
//! With w = 1/(ρd + 1) everything is a sum Σ w_i u_i v_i or Σ w_i² u_i v_i over pairs of rotated
//! columns u, v of [y, X] (`sums.rs`).

use serde::{Deserialize, Serialize};

pub use super::sums::{Last, Likelihood, Sums};

/// Powers of ten between which ρ is searched for, beside 0.
pub const RANGE: (f64, f64) = (-5.0, 5.0);

/// A search ends when a step is shorter, in powers of ten.
const STEP: f64 = 1e-9;

/// The likelihood as a function of ρ.
#[derive(Clone, Debug)]
pub struct Profile<'a> {
    values: &'a [f64],
    /// y, then X.
    columns: Vec<&'a [f64]>,
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

/// Where a search may begin, in powers of ten of ρ.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Guess {
    /// The place.
    pub place: f64,
    /// How the slope changes there.
    pub bend: f64,
}

impl<'a> Profile<'a> {
    /// Of eigenvalues `values`, Uᵀy (best without what least squares explain: nothing then
    /// cancels) and UᵀX.
    pub fn new(values: &'a [f64], y: &'a [f64], x: &'a [Vec<f64>]) -> Self {
        let mut columns = vec![y];
        columns.extend(x.iter().map(Vec::as_slice));
        Profile { values, columns }
    }

    /// The same with one more column of X.
    pub fn with(&self, x: &'a [f64]) -> Self {
        let mut grown = self.clone();
        grown.columns.push(x);
        grown
    }

    /// Sums at ρ. c²·n operations.
    pub fn sums(&self, ratio: f64) -> Sums {
        Sums::new(self.values, ratio, &self.columns)
    }

    /// Sums at [`places`].
    pub fn grid(&self, parts: usize) -> Vec<Sums> {
        places(parts).map(|u| self.sums(power(u))).collect()
    }

    /// ln L at ρ, and σ²_e.
    fn likelihood(&self, ratio: f64, kind: Likelihood) -> Option<(f64, f64)> {
        let sums = self.sums(ratio);
        let point = sums.point(kind)?;
        let fit = sums.freedom(kind) * (point.residual.ln() + 1.0);
        let log = log_determinant(self.values, ratio);
        Some((-0.5 * (fit + log + point.information), point.residual))
    }

    /// The best of ρ = 0, the ends of the range, and every maximum between, for each of which one
    /// of `parts` of the range must hold one change of the slope's sign. `None` if a column of X
    /// depends on the others.
    pub fn maximise(&self, kind: Likelihood, parts: usize) -> Option<Optimum> {
        let (ratio, at_end) = self.peak(kind, &self.grid(parts), None)?;
        self.optimum(kind, ratio, at_end)
    }

    /// What is to be said of a [`peak`](Self::peak).
    pub fn optimum(&self, kind: Likelihood, ratio: f64, at_end: bool) -> Option<Optimum> {
        let (log_likelihood, residual) = self.likelihood(ratio, kind)?;
        Some(Optimum {
            ratio,
            residual,
            log_likelihood,
            at_end,
        })
    }

    /// The ρ of [`maximise`](Self::maximise), and whether it is the upper end, where sums at
    /// [`places`] are known already; a guess shortens the search.
    pub fn peak(
        &self,
        kind: Likelihood,
        grid: &[Sums],
        guess: Option<Guess>,
    ) -> Option<(f64, bool)> {
        let slope = |sums: &Sums| sums.point(kind).map(|p| p.slope * sums.ratio);
        let slopes: Vec<f64> = grid.iter().map(slope).collect::<Option<_>>()?;
        let ends: Vec<(f64, f64)> = places(grid.len() - 1).zip(slopes).collect();
        let (Some(first), Some(last)) = (ends.first(), ends.last()) else {
            return None;
        };
        let mut candidates = Vec::new();
        if first.1 <= 0.0 {
            candidates.extend([(0.0, false), (power(first.0), false)]);
        }
        for pair in ends.windows(2) {
            if pair[0].1 > 0.0 && pair[1].1 <= 0.0 {
                let f = |u: f64| slope(&self.sums(power(u))).unwrap_or(0.0);
                candidates.push((power(root(f, pair[0], pair[1], guess)), false));
            }
        }
        if last.1 > 0.0 {
            candidates.push((power(last.0), true));
        }
        if let [only] = candidates[..] {
            return Some(only);
        }
        let mut best: Option<(f64, (f64, bool))> = None;
        for candidate in candidates {
            let (log_likelihood, _) = self.likelihood(candidate.0, kind)?;
            if best.is_none_or(|(most, _)| log_likelihood > most) {
                best = Some((log_likelihood, candidate));
            }
        }
        best.map(|(_, candidate)| candidate)
    }

    /// Where the search for the maximum of a model with one more column may begin: at that of this
    /// one, unless it is on an edge.
    pub fn guess(&self, kind: Likelihood, optimum: &Optimum) -> Option<Guess> {
        let place = optimum.ratio.log10();
        let inside = place > RANGE.0 && place < RANGE.1;
        let h = 1e-4;
        let slope = |u: f64| {
            let sums = self.sums(power(u));
            sums.point(kind).map(|p| p.slope * sums.ratio)
        };
        let bend = match inside {
            true => (slope(place + h)? - slope(place - h)?) / (2.0 * h),
            false => 0.0,
        };
        (bend < 0.0).then_some(Guess { place, bend })
    }

    /// Standard error of ρ by the curvature of the restricted likelihood, from two slopes; `None`
    /// where it does not bend down.
    pub fn error(&self, ratio: f64) -> Option<f64> {
        let h = 1e-4 * ratio;
        let slope = |ratio: f64| self.sums(ratio).point(Likelihood::Reml).map(|p| p.slope);
        let curvature = (slope(ratio + h)? - slope(ratio - h)?) / (2.0 * h);
        (curvature < 0.0).then(|| (-1.0 / curvature).sqrt())
    }
}

/// The ends of `parts` equal parts of the range of log₁₀ ρ.
pub fn places(parts: usize) -> impl Iterator<Item = f64> {
    let place = move |k: usize| RANGE.0 + (RANGE.1 - RANGE.0) * k as f64 / parts as f64;
    (0..=parts).map(place)
}

/// 10ᵘ.
pub fn power(u: f64) -> f64 {
    10_f64.powf(u)
}

/// Σ ln(ρd + 1). Eight factors are multiplied before a logarithm is taken: they stay in range for
/// ρd below 10³⁸, and d is at most n here.
fn log_determinant(values: &[f64], ratio: f64) -> f64 {
    let factors = |chunk: &[f64]| chunk.iter().map(|d| ratio * d + 1.0).product::<f64>();
    values.chunks(8).map(|chunk| factors(chunk).ln()).sum()
}

/// Where `f` crosses zero between two places at which it has the signs + and −, as (place, value).
/// Secants from `guess`, or from both ends; where they lead out, what is left is halved. At most 60
/// steps.
pub(crate) fn root(
    f: impl Fn(f64) -> f64,
    low: (f64, f64),
    high: (f64, f64),
    guess: Option<Guess>,
) -> f64 {
    let (mut low, mut high) = (low, high);
    let guess = guess.filter(|g| low.0 < g.place && g.place < high.0);
    let (mut before, mut last) = match guess {
        Some(Guess { place, bend }) => {
            let value = f(place);
            // A point on the line of that slope.
            ((place - 1.0, value - bend), (place, value))
        }
        None => (low, high),
    };
    for _ in 0..60 {
        if last.1 > 0.0 {
            low = last;
        } else {
            high = last;
        }
        let step = last.1 * (last.0 - before.0) / (last.1 - before.1);
        if last.1 == 0.0 || step.abs() <= STEP {
            break;
        }
        let secant = last.0 - step;
        let u = match low.0 < secant && secant < high.0 {
            true => secant,
            false => 0.5 * (low.0 + high.0),
        };
        before = last;
        last = (u, f(u));
    }
    last.0
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
        let data = Profile::new(&values, &y, &x);
        for kind in [Likelihood::Reml, Likelihood::Ml] {
            for ratio in [0.01, 0.4, 7.0] {
                let h = 1e-4 * ratio;
                let [low, high] = [-h, h].map(|h| data.likelihood(ratio + h, kind).unwrap().0);
                let slope = data.sums(ratio).point(kind).unwrap().slope;
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
        let data = Profile::new(&values, &y, &x);
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
        let whole = Profile::new(&values, &y, &x);
        let less = Profile::new(&values, &y, &x[..1]);
        let grown = less.with(&x[1]);
        let kind = Likelihood::Reml;
        assert_eq!(whole.maximise(kind, 20), grown.maximise(kind, 20));
        // Sums of it, added to those without it.
        let (alone, sums) = (less.sums(0.7), grown.sums(0.7));
        let row = |j: usize| {
            let columns = [[&y, &x[0], &x[1]][j].as_slice(), x[1].as_slice()];
            let all = epitile_cpu::rational_sums(&values, 0.7, &columns);
            match j {
                2 => [all[5], all[6]],
                _ => [all[3], all[4]],
            }
        };
        let added = alone.with(&[row(0), row(1), row(2)]);
        assert_eq!(added.last(), sums.last());
        // yᵀPy with the column is yᵀPy without it less (xᵀPy)²/xᵀPx.
        let last = sums.last().unwrap();
        let point = sums.point(kind).unwrap();
        let left = last.ypy - last.xpy * last.xpy / last.xpx;
        let expected = point.residual * 58.0;
        assert!((left - expected).abs() <= 1e-12 * last.ypy);
    }

    #[test]
    fn a_guess_leads_to_the_same_maximum() {
        let (values, y, x) = data();
        let less = Profile::new(&values, &y, &x[..1]);
        let grown = less.with(&x[1]);
        for kind in [Likelihood::Reml, Likelihood::Ml] {
            let null = less.maximise(kind, 10).unwrap();
            let guess = less.guess(kind, &null);
            assert!(guess.is_some());
            let grid = grown.grid(10);
            let [a, b] = [None, guess].map(|g| grown.peak(kind, &grid, g).unwrap().0);
            // Either search ends with a step below 1e-9, and the next would be far shorter.
            assert!((a / b - 1.0).abs() <= 1e-9, "{a} {b}");
        }
    }

    #[test]
    fn products_of_factors_have_the_logarithm_of_the_determinant() {
        let (values, ..) = data();
        for ratio in [0.0, 1e-5, 0.3, 1e5] {
            let one_by_one: f64 = values.iter().map(|d| (ratio * d).ln_1p()).sum();
            // Every factor, product and sum is rounded once.
            let bound = 3.0 * 60.0 * f64::EPSILON * (1.0 + one_by_one);
            assert!((log_determinant(&values, ratio) - one_by_one).abs() <= bound);
        }
    }
}
