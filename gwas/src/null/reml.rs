//! Variances of several kernels by restricted maximum likelihood: average information, from
//! several starting points, never below a nested model.

use std::cell::RefCell;
use std::collections::HashMap;

use epitile_core::dense::{cholesky, dot, solve_lower, solve_lower_transposed};
use faer::Mat;

use super::likelihood::{Contrasted, Point, Slopes};
use super::spectral::{Likelihood, Profile};
use crate::dense::Eigen;

/// Least residual variance, in variances of the trait: V stays positive definite.
const FLOOR: f64 = 1e-6;

/// Steps after which a start is given up.
const STEPS: usize = 100;

/// A fit ends when the next step would add less than this to ln L: variances are then within
/// 1e-5 of their standard errors.
const GAIN: f64 = 1e-10;

/// Parts of the range of σ²_f/σ²_e, each with one maximum at most.
pub const PARTS: usize = 50;

/// Where a search began and what it reached.
#[derive(Clone, Debug, PartialEq)]
pub struct Start {
    /// What it is, in words.
    pub name: String,
    /// Variances it began at, in variances of the trait.
    pub from: Vec<f64>,
    /// ln L it reached.
    pub log_likelihood: f64,
    /// Steps taken.
    pub iterations: usize,
    /// Whether it ended at a maximum.
    pub converged: bool,
}

/// A fitted model.
#[derive(Clone, Debug, PartialEq)]
pub struct Fit {
    /// Variances: kernels, then residual. Those of kernels that are not in the model are 0.
    pub variances: Vec<f64>,
    /// ln L; see [the module above](super).
    pub log_likelihood: f64,
    /// Steps of the start that won.
    pub iterations: usize,
    /// Whether it ended at a maximum.
    pub converged: bool,
    /// All searches.
    pub starts: Vec<Start>,
}

/// What is fitted, with what its models share.
pub struct Problem<'a> {
    /// Contrasts of the trait, of variance 1.
    y: Vec<f64>,
    kernels: &'a [Mat<f64>],
    eigen: &'a [Eigen],
    /// Models fitted so far.
    fits: RefCell<HashMap<Vec<usize>, Fit>>,
}

/// The part of a search that one model of several does.
struct Search<'a> {
    data: Contrasted<'a>,
    variances: Vec<f64>,
    point: Point,
}

impl<'a> Problem<'a> {
    /// Contrasts `y` (which must vary) and those of the kernels with their eigenvalues. ln L and
    /// variances are those of the trait divided by its standard deviation: see
    /// [`spread`](Self::spread).
    pub fn new(y: &[f64], kernels: &'a [Mat<f64>], eigen: &'a [Eigen]) -> Self {
        let root = Self::spread(y);
        Problem {
            y: y.iter().map(|v| v / root).collect(),
            kernels,
            eigen,
            fits: RefCell::default(),
        }
    }

    /// The standard deviation of contrasts.
    pub fn spread(y: &[f64]) -> f64 {
        (dot(y, y) / y.len() as f64).sqrt()
    }

    /// The model with the kernels `chosen` (ascending), by their nested models first.
    pub fn fit(&self, chosen: &[usize]) -> Fit {
        if let Some(known) = self.fits.borrow().get(chosen) {
            return known.clone();
        }
        let fit = match chosen {
            [] => self.nothing(),
            [one] => self.one(*one),
            several => {
                let nested = (0..several.len()).map(|left_out| {
                    let mut rest = several.to_vec();
                    rest.remove(left_out);
                    let fit = self.fit(&rest);
                    (
                        format!("fit without kernel {}", several[left_out] + 1),
                        fit.variances,
                    )
                });
                let mut starts = self.shares(several);
                starts.extend(nested);
                self.search(several, starts)
            }
        };
        self.fits.borrow_mut().insert(chosen.to_vec(), fit.clone());
        fit
    }

    /// The same from `start` alone, where the optimum is known to be near.
    pub fn fit_from(&self, chosen: &[usize], start: &[f64]) -> Fit {
        match chosen {
            [] => self.nothing(),
            [one] => self.one(*one),
            several => self.search(several, vec![("given".into(), start.to_vec())]),
        }
    }

    fn spread_out(&self, chosen: &[usize], of: &[f64]) -> Vec<f64> {
        let mut all = vec![0.0; self.kernels.len() + 1];
        for (&k, &v) in chosen.iter().zip(of) {
            all[k] = v;
        }
        all[self.kernels.len()] = of[chosen.len()];
        all
    }

    /// σ²_e alone.
    fn nothing(&self) -> Fit {
        let residual = dot(&self.y, &self.y) / self.y.len() as f64;
        Fit {
            variances: self.spread_out(&[], &[residual]),
            log_likelihood: -0.5 * self.y.len() as f64 * (residual.ln() + 1.0),
            iterations: 0,
            converged: true,
            starts: Vec::new(),
        }
    }

    /// One kernel, by its eigenvalues.
    fn one(&self, k: usize) -> Fit {
        let eigen = &self.eigen[k];
        let y = eigen.rotate(&self.y);
        let best = Profile::new(&eigen.values, &y, &[]).maximise(Likelihood::Reml, PARTS);
        // Without columns of X nothing depends on others.
        let best = best.expect("a likelihood");
        Fit {
            variances: self.spread_out(&[k], &[best.ratio * best.residual, best.residual]),
            log_likelihood: best.log_likelihood,
            iterations: 0,
            converged: !best.at_end,
            starts: Vec::new(),
        }
    }

    /// Starts that do not depend on the data: equal shares, then most of it for each kernel.
    fn shares(&self, chosen: &[usize]) -> Vec<(String, Vec<f64>)> {
        let count = chosen.len() as f64;
        let equal = [vec![0.5 / count; chosen.len()], vec![0.5]].concat();
        let mut starts = vec![("equal shares".into(), self.spread_out(chosen, &equal))];
        for (at, k) in chosen.iter().enumerate() {
            let mut of = vec![0.1 / (count - 1.0); chosen.len()];
            of[at] = 0.6;
            of.push(0.3);
            starts.push((
                format!("mostly kernel {}", k + 1),
                self.spread_out(chosen, &of),
            ));
        }
        starts
    }

    fn data<'b>(&'b self, kernels: &'b [&'b Mat<f64>]) -> Contrasted<'b> {
        let y = &self.y;
        Contrasted { y, x: &[], kernels }
    }

    fn search(&self, chosen: &[usize], starts: Vec<(String, Vec<f64>)>) -> Fit {
        let kernels: Vec<&Mat<f64>> = chosen.iter().map(|&k| &self.kernels[k]).collect();
        let data = self.data(&kernels);
        let mut all = Vec::with_capacity(starts.len());
        let mut best: Option<(f64, Vec<f64>, usize)> = None;
        for (name, from) in starts {
            let mut own: Vec<f64> = chosen.iter().map(|&k| from[k]).collect();
            own.push(from[self.kernels.len()].max(FLOOR));
            let Some(mut search) = Search::new(data, own) else {
                continue;
            };
            let (iterations, converged) = search.climb();
            let reached = search.point.log_likelihood;
            if best.as_ref().is_none_or(|(l, ..)| reached > *l) {
                best = Some((reached, search.variances, all.len()));
            }
            all.push(Start {
                name,
                from,
                log_likelihood: reached,
                iterations,
                converged,
            });
        }
        // Equal shares with a residual of one half are positive definite.
        let (log_likelihood, variances, at) = best.expect("a start whose V is positive definite");
        Fit {
            variances: self.spread_out(chosen, &variances),
            log_likelihood,
            iterations: all[at].iterations,
            converged: all[at].converged,
            starts: all,
        }
    }

    /// Slopes at `variances`, of the model of all kernels.
    pub fn slopes(&self, variances: &[f64]) -> Option<Slopes> {
        let kernels: Vec<&Mat<f64>> = self.kernels.iter().collect();
        let data = self.data(&kernels);
        data.at(variances).map(|point| data.slopes(&point))
    }
}

/// The maximum of the likelihood of `data`, whose y is of variance 1, next to the variances
/// `from`: variances there, and ln L. `None` if V is not positive definite at `from`. N³ for each
/// step.
pub fn climb(data: Contrasted<'_>, mut from: Vec<f64>) -> Option<(Vec<f64>, f64)> {
    if let Some(residual) = from.last_mut() {
        *residual = residual.max(FLOOR);
    }
    let mut search = Search::new(data, from)?;
    search.climb();
    Some((search.variances, search.point.log_likelihood))
}

impl<'a> Search<'a> {
    fn new(data: Contrasted<'a>, variances: Vec<f64>) -> Option<Self> {
        let point = data.at(&variances)?;
        Some(Search {
            data,
            variances,
            point,
        })
    }

    /// Climbs to a maximum; steps taken, and whether it was reached.
    fn climb(&mut self) -> (usize, bool) {
        for step in 0..STEPS {
            let slopes = self.data.slopes(&self.point);
            let newton = self.newton(&slopes);
            let gain = newton.as_ref().map_or(f64::INFINITY, |to| {
                let moved = to.iter().zip(&self.variances).map(|(a, b)| a - b);
                0.5 * moved.zip(&slopes.score).map(|(d, s)| d * s).sum::<f64>()
            });
            if gain.abs() <= GAIN {
                return (step, true);
            }
            let tried = newton.is_some_and(|to| self.step(&to));
            // An EM step cannot fall, but for rounding.
            if !tried && !self.step(&self.em(&slopes)) {
                return (step, gain.abs() <= GAIN.sqrt());
            }
        }
        (STEPS, false)
    }

    /// Where the average information puts the maximum, with no variance below zero: those that
    /// would fall below are set to their bound, one after the other, and the rest solved again.
    fn newton(&self, slopes: &Slopes) -> Option<Vec<f64>> {
        let count = self.data.count();
        let bound = |k: usize| if k + 1 == count { FLOOR } else { 0.0 };
        let mut to = self.variances.clone();
        let mut free: Vec<usize> = (0..count)
            .filter(|&k| to[k] > bound(k) || slopes.score[k] > 0.0)
            .collect();
        loop {
            let mut a = Vec::with_capacity(free.len() * free.len());
            let mut b = Vec::with_capacity(free.len());
            for &i in &free {
                a.extend(free.iter().map(|&j| slopes.information[i * count + j]));
                let held = (0..count).filter(|j| !free.contains(j));
                let known: f64 = held
                    .map(|j| slopes.information[i * count + j] * (to[j] - self.variances[j]))
                    .sum();
                b.push(slopes.score[i] - known);
            }
            cholesky(&mut a, free.len(), 0.0).ok()?;
            solve_lower(&a, free.len(), &mut b);
            solve_lower_transposed(&a, free.len(), &mut b);
            for (&k, d) in free.iter().zip(&b) {
                to[k] = self.variances[k] + d;
            }
            let below = |&k: &usize| to[k] < bound(k);
            let Some(&worst) = free
                .iter()
                .filter(|k| below(k))
                .min_by(|&&i, &&j| (to[i] - bound(i)).total_cmp(&(to[j] - bound(j))))
            else {
                return Some(to);
            };
            to[worst] = bound(worst);
            free.retain(|&k| k != worst);
            if free.is_empty() {
                return Some(to);
            }
        }
    }

    /// σ² + σ⁴·2·score/m, the step of expectation-maximisation.
    fn em(&self, slopes: &Slopes) -> Vec<f64> {
        let m = self.data.y.len() as f64;
        let terms = self.variances.iter().zip(&slopes.score);
        let mut to: Vec<f64> = terms
            .map(|(v, s)| (v + 2.0 * v * v * s / m).max(0.0))
            .collect();
        if let Some(residual) = to.last_mut() {
            *residual = residual.max(FLOOR);
        }
        to
    }

    /// Goes towards `to` as far as ln L rises: all the way, or a half, a quarter, …
    fn step(&mut self, to: &[f64]) -> bool {
        let mut share = 1.0;
        for _ in 0..12 {
            let between = |(a, b): (&f64, &f64)| match share {
                1.0 => *b,
                share => a + share * (b - a),
            };
            let next: Vec<f64> = self.variances.iter().zip(to).map(between).collect();
            let point = self.data.at(&next);
            if let Some(point) = point
                && point.log_likelihood > self.point.log_likelihood
            {
                (self.point, self.variances) = (point, next);
                return true;
            }
            share *= 0.5;
        }
        false
    }
}
