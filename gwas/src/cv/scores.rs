//! Scores of predictions, their summaries over folds, and the choice of settings.

use epitile_core::kernel::Kernel;

use super::TraitResult;
use crate::settings::Setting;

/// How well one fold is predicted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score {
    /// Training individuals.
    pub n_train: usize,
    /// Test individuals.
    pub n_test: usize,
    /// Mean squared prediction error.
    pub mspe: f64,
    /// Pearson correlation of observed and predicted; NaN if either is constant.
    pub pearson: f64,
    /// 1 − SSE / Σ(y − ȳ_train)²; NaN if the test values all equal the training mean.
    pub r2: f64,
}

impl Score {
    /// Scores the test individuals, given with their places among the predictions; `None` if
    /// there are none.
    pub(super) fn of(
        values: &[f64],
        predicted: &[f64],
        train: &[u32],
        test: &[(usize, u32)],
    ) -> Option<Score> {
        if test.is_empty() {
            return None;
        }
        let observed: Vec<f64> = test.iter().map(|&(_, i)| values[i as usize]).collect();
        let predicted: Vec<f64> = test.iter().map(|&(at, _)| predicted[at]).collect();
        let mean = train.iter().map(|&i| values[i as usize]).sum::<f64>() / train.len() as f64;
        let total: f64 = observed.iter().map(|y| (y - mean) * (y - mean)).sum();
        Some(Score::new(train.len(), &observed, &predicted, total))
    }

    /// Scores the individuals `tested`, each left out alone, and gives their squared errors.
    pub(super) fn one_by_one(
        values: &[f64],
        predicted: &[f64],
        tested: &[u32],
    ) -> (Score, Vec<f64>) {
        let observed: Vec<f64> = tested.iter().map(|&i| values[i as usize]).collect();
        let n = observed.len() as f64;
        let mean = observed.iter().sum::<f64>() / n;
        // Each one's training mean is that of the others: y − ȳ₋ᵢ = (y − ȳ) N/(N − 1).
        let deviation = |y: &f64| (y - mean) * n / (n - 1.0);
        let total: f64 = observed.iter().map(|y| deviation(y).powi(2)).sum();
        let squares = observed.iter().zip(predicted);
        let squares = squares.map(|(y, p)| (y - p) * (y - p)).collect();
        let score = Score::new(tested.len() - 1, &observed, predicted, total);
        (score, squares)
    }

    /// Of predictions by models of `n_train` individuals each; `total` is Σ(y − ȳ_train)².
    fn new(n_train: usize, observed: &[f64], predicted: &[f64], total: f64) -> Score {
        let pairs = observed.iter().zip(predicted);
        let sse: f64 = pairs.map(|(y, p)| (y - p) * (y - p)).sum();
        Score {
            n_train,
            n_test: observed.len(),
            mspe: sse / observed.len() as f64,
            pearson: pearson(observed, predicted),
            r2: if total > 0.0 {
                1.0 - sse / total
            } else {
                f64::NAN
            },
        }
    }
}

impl TraitResult {
    /// Mean squared errors of setting `s` by what was left out at a time: a fold or an individual.
    fn errors(&self, s: usize) -> Vec<f64> {
        match self.squares.get(s) {
            Some(squares) => squares.clone(),
            None => {
                let mspe = |score: &Option<Score>| score.map_or(f64::NAN, |score| score.mspe);
                self.scores[s].iter().map(mspe).collect()
            }
        }
    }
}

/// Pearson's correlation; NaN if either side is constant.
pub fn pearson(x: &[f64], y: &[f64]) -> f64 {
    let n = x.len() as f64;
    let (mx, my) = (x.iter().sum::<f64>() / n, y.iter().sum::<f64>() / n);
    let (mut xx, mut yy, mut xy) = (0.0, 0.0, 0.0);
    for (x, y) in x.iter().zip(y) {
        xx += (x - mx) * (x - mx);
        yy += (y - my) * (y - my);
        xy += (x - mx) * (y - my);
    }
    if xx > 0.0 && yy > 0.0 {
        xy / (xx * yy).sqrt()
    } else {
        f64::NAN
    }
}

/// Mean and standard error (sd/√n, ddof 1) of the numbers that exist.
fn mean_and_error(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let values: Vec<f64> = values.filter(|v| !v.is_nan()).collect();
    let n = values.len() as f64;
    if values.is_empty() {
        return (f64::NAN, f64::NAN);
    }
    let mean = values.iter().sum::<f64>() / n;
    let ss: f64 = values.iter().map(|v| (v - mean) * (v - mean)).sum();
    let error = if n > 1.0 {
        (ss / (n - 1.0) / n).sqrt()
    } else {
        f64::NAN
    };
    (mean, error)
}

/// One setting over all folds. Where individuals are left out alone, each is a fold of its own,
/// but correlation and R² are of all together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    /// Whether it has the least MSPE of its kernel.
    pub best: bool,
    /// Mean over folds and standard error.
    pub mspe: (f64, f64),
    /// Mean over folds and standard error.
    pub pearson: (f64, f64),
    /// Mean over folds.
    pub r2: f64,
    /// MSPE minus that of the best linear setting, paired by fold: mean and standard error. NaN
    /// without a linear kernel.
    pub difference: (f64, f64),
    /// Folds (or individuals) with less error than by the best linear setting; `None` without one.
    pub folds_won: Option<usize>,
}

/// For each kernel, the place of its setting with the least mean MSPE.
pub fn best_settings(
    settings: &[Setting],
    kernels: &[Kernel],
    of: &TraitResult,
) -> Vec<Option<usize>> {
    let mspe = |s: usize| mean_and_error(of.errors(s).into_iter()).0;
    kernels
        .iter()
        .map(|&kernel| least(settings, kernel, mspe))
        .collect()
}

/// The setting of `kernel` with the least `value`, the first of equals.
fn least(settings: &[Setting], kernel: Kernel, value: impl Fn(usize) -> f64) -> Option<usize> {
    let of_kernel = (0..settings.len()).filter(|&s| settings[s].bandwidth.kernel == kernel);
    let valued = of_kernel
        .map(|s| (s, value(s)))
        .filter(|(_, v)| !v.is_nan());
    valued.min_by(|a, b| a.1.total_cmp(&b.1)).map(|(s, _)| s)
}

/// Summaries of all settings of one trait.
pub fn summaries(settings: &[Setting], kernels: &[Kernel], of: &TraitResult) -> Vec<Summary> {
    let best = best_settings(settings, kernels, of);
    let mean = |s: usize| mean_and_error(of.errors(s).into_iter()).0;
    let linear = best
        .iter()
        .flatten()
        .copied()
        .filter(|&s| settings[s].bandwidth.kernel.is_linear())
        .min_by(|&a, &b| mean(a).total_cmp(&mean(b)));
    let linear = linear.map(|l| of.errors(l));
    (0..settings.len())
        .map(|s| {
            let folds = || of.scores[s].iter().flatten();
            let errors = of.errors(s);
            let differences: Vec<f64> = linear.as_ref().map_or(Vec::new(), |linear| {
                errors.iter().zip(linear).map(|(a, b)| a - b).collect()
            });
            Summary {
                best: best.contains(&Some(s)),
                mspe: mean_and_error(errors.into_iter()),
                pearson: mean_and_error(folds().map(|f| f.pearson)),
                r2: mean_and_error(folds().map(|f| f.r2)).0,
                difference: mean_and_error(differences.iter().copied()),
                folds_won: (linear.as_ref())
                    .map(|_| differences.iter().filter(|&&d| d < 0.0).count()),
            }
        })
        .collect()
}

/// The score of a fold by the setting that the other folds choose.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NestedScore {
    /// Kernel among which was chosen.
    pub kernel: Kernel,
    /// Outer fold.
    pub fold: usize,
    /// Place of the setting chosen.
    pub setting: usize,
    /// Its score on the outer fold.
    pub score: Score,
}

/// Inner errors: sums over inner folds of the MSPE, by trait, setting and outer fold.
pub(super) struct Inner {
    settings: usize,
    folds: usize,
    /// By trait, setting, outer fold and inner fold; NaN where nothing was computed. Summed only
    /// at the end, so that the order of the jobs changes no bit.
    mspe: Vec<f64>,
}

impl Inner {
    pub(super) fn new(traits: usize, settings: usize, folds: usize) -> Self {
        Inner {
            settings,
            folds,
            mspe: vec![f64::NAN; traits * settings * folds * folds],
        }
    }

    fn place(&self, t: usize, s: usize, outer: usize, inner: usize) -> usize {
        ((t * self.settings + s) * self.folds + outer) * self.folds + inner
    }

    /// Records the score on fold `inner` of a model trained without the folds of `pair`.
    pub(super) fn add(
        &mut self,
        t: usize,
        s: usize,
        pair: &[u32],
        inner: u32,
        score: Option<Score>,
    ) {
        for &outer in pair.iter().filter(|&&k| k != inner) {
            let place = self.place(t, s, outer as usize, inner as usize);
            self.mspe[place] = score.map_or(f64::NAN, |s| s.mspe);
        }
    }

    /// Forgets what was recorded for setting `s` of trait `t`.
    pub(super) fn forget(&mut self, t: usize, s: usize) {
        let place = self.place(t, s, 0, 0);
        self.mspe[place..place + self.folds * self.folds].fill(f64::NAN);
    }

    /// The settings chosen for trait `t`, with their scores on the outer folds.
    pub(super) fn choose(
        &self,
        t: usize,
        settings: &[Setting],
        kernels: &[Kernel],
        scores: &[Vec<Option<Score>>],
    ) -> Vec<NestedScore> {
        let score = |kernel: Kernel, fold: usize| {
            let mean = |s: usize| {
                let at = self.place(t, s, fold, 0);
                mean_and_error(self.mspe[at..at + self.folds].iter().copied()).0
            };
            let setting = least(settings, kernel, mean)?;
            Some(NestedScore {
                kernel,
                fold,
                setting,
                score: scores[setting][fold]?,
            })
        };
        let pairs = kernels
            .iter()
            .flat_map(|&k| (0..self.folds).map(move |fold| (k, fold)));
        pairs.filter_map(|(k, fold)| score(k, fold)).collect()
    }
}
