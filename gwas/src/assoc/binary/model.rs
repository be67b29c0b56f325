//! A binary trait's null model, and tests of SNPs in it.

use epitile_core::dense::{axpy, dot};
use faer::Mat;
use rayon::prelude::*;

use super::firth::{self, Free};
use super::form::Form;
use super::logistic::{Data, Fit, solved};
use super::score::Score;
use crate::assoc::effect::{COLLINEAR, Effect, Untested};
use crate::dense::product;
use crate::null::projected::times;
use crate::tails::ln_chi2_tail;

/// A logistic model of a trait without any SNP: log-odds η = Xb + f, f the random effect of a
/// kernel or 0.
pub struct Model {
    /// Columns of X.
    pub(super) x: Vec<Vec<f64>>,
    /// 1 for cases, 0 for controls.
    pub(super) y: Vec<f64>,
    /// The model of X with offset f; W is that at η.
    pub(super) fit: Fit,
    /// f; none if empty.
    pub(super) random: Vec<f64>,
    /// Variance of f over that of K.
    pub(super) variance: f64,
    /// Steps of the search for it; 0 if there was none.
    pub(super) steps: usize,
    /// How steps of average information change with τ there.
    pub(super) slope: f64,
    /// P, if there is a random effect.
    pub(super) p: Option<Mat<f64>>,
    /// y − μ.
    left: Vec<f64>,
    /// W X.
    weighted: Vec<Vec<f64>>,
}

/// Slices of columns, and one more.
fn columns<'a>(x: &'a [Vec<f64>], last: Option<&'a [f64]>) -> Vec<&'a [f64]> {
    x.iter().map(Vec::as_slice).chain(last).collect()
}

impl Model {
    /// Of columns `x` and a trait `y` of zeros and ones, without a random effect. c²·n operations
    /// a step.
    ///
    /// # Errors
    /// `Separated`, `NotConverged`, `Collinear`.
    pub fn new(x: Vec<Vec<f64>>, y: Vec<f64>) -> Result<Self, Untested> {
        let start = vec![0.0; x.len()];
        Self::from(x, y, start)
    }

    fn from(x: Vec<Vec<f64>>, y: Vec<f64>, start: Vec<f64>) -> Result<Self, Untested> {
        let all = columns(&x, None);
        let data = Data {
            x: &all,
            y: &y,
            offset: &[],
        };
        let fit = data.fit(start)?;
        Ok(Self::assemble(x, y, fit, Vec::new()))
    }

    pub(super) fn assemble(x: Vec<Vec<f64>>, y: Vec<f64>, fit: Fit, random: Vec<f64>) -> Self {
        Model {
            left: fit.residual(&y),
            weighted: x.iter().map(|x| times(&fit.weights, x)).collect(),
            x,
            y,
            fit,
            random,
            variance: 0.0,
            steps: 0,
            slope: -1.0,
            p: None,
        }
    }

    /// τ: the variance of the random effect, on the scale of log-odds, K of mean diagonal 1.
    pub fn variance(&self) -> f64 {
        self.variance
    }

    /// Steps of the search for τ.
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// P, if there is a random effect.
    pub fn projection(&self) -> Option<&Mat<f64>> {
        self.p.as_ref()
    }

    /// Tests SNPs, their dosages (of any constant shift) in the columns of `x`. 2·n² operations a
    /// SNP if there is a random effect, n·c if not, and more for some forms.
    ///
    /// # Panics
    /// If x has not n rows.
    pub fn test_block(&self, form: Form, x: &Mat<f64>) -> Vec<Result<Effect, Untested>> {
        assert_eq!(x.nrows(), self.y.len(), "dosages");
        let projected = self.p.as_ref().map(|p| product(p.as_ref(), x.as_ref()));
        let of = |k: usize| {
            let projected = projected.as_ref().map(|px| px.col_as_slice(k));
            self.test(form, x.col_as_slice(k), projected)
        };
        (0..x.ncols()).into_par_iter().map(of).collect()
    }

    /// Tests a SNP on the individuals who have the call, fitting the null model to them alone.
    /// Without a random effect.
    ///
    /// # Errors
    /// Why it cannot be tested.
    pub fn test_calls(&self, form: Form, calls: &[Option<f64>]) -> Result<Effect, Untested> {
        let there: Vec<usize> = (0..calls.len()).filter(|&i| calls[i].is_some()).collect();
        let mean = calls.iter().flatten().sum::<f64>() / there.len() as f64;
        let dosages: Vec<f64> = calls.iter().flatten().map(|d| d - mean).collect();
        if there.len() == calls.len() {
            return self.test(form, &dosages, None);
        }
        if there.len() < self.x.len() + 2 {
            return Err(Untested::Collinear);
        }
        let pick = |of: &Vec<f64>| there.iter().map(|&i| of[i]).collect();
        let x = self.x.iter().map(pick).collect();
        let own = Model::from(x, pick(&self.y), self.fit.effects.clone())?;
        own.test(form, &dosages, None)
    }

    /// Tests the SNP with these dosages (of any constant shift), `projected` by P if there is a
    /// random effect.
    ///
    /// # Errors
    /// Why it cannot be tested.
    ///
    /// # Panics
    /// If `projected` is there without a random effect, or lacks with one.
    pub fn test(
        &self,
        form: Form,
        dosages: &[f64],
        projected: Option<&[f64]>,
    ) -> Result<Effect, Untested> {
        assert_eq!(projected.is_some(), self.p.is_some(), "projected dosages");
        let adjusted = self.adjusted(dosages);
        let weighted = times(&self.fit.weights, &adjusted);
        let independent = dot(&weighted, &adjusted);
        let size = dot(&times(&self.fit.weights, dosages), dosages);
        let variance = projected.map_or(independent, |p| dot(p, dosages));
        if variance.is_nan() || variance.min(independent) <= COLLINEAR * size {
            return Err(Untested::Collinear);
        }
        let score = Score {
            score: dot(&adjusted, &self.left),
            variance,
            independent,
            dosages: &adjusted,
            means: &self.fit.means,
        };
        match form {
            Form::Score => Ok(score.normal()),
            Form::Spa => Ok(score.saddlepoint()),
            Form::Firth => self.firth(&adjusted, variance / independent),
            Form::Wald => self.wald(&adjusted),
            Form::Lrt => self.ratio(&adjusted),
            Form::FirthFallback => match self.wald(&adjusted) {
                Err(Untested::Separated | Untested::NotConverged) => self.firth(&adjusted, 1.0),
                other => other,
            },
        }
    }

    /// x̃ = x − X(XᵀWX)⁻¹XᵀWx.
    fn adjusted(&self, dosages: &[f64]) -> Vec<f64> {
        let b = self.weighted.iter().map(|x| dot(x, dosages)).collect();
        let mut left = dosages.to_vec();
        for (x, b) in self.x.iter().zip(solved(&self.fit.factor, b)) {
            axpy(-b, x, &mut left);
        }
        left
    }

    /// Logistic regression on X and the SNP.
    fn regression(&self, dosages: &[f64]) -> Result<Fit, Untested> {
        let all = columns(&self.x, Some(dosages));
        let data = Data {
            x: &all,
            y: &self.y,
            offset: &self.random,
        };
        data.fit(self.start())
    }

    /// Where regressions with the SNP begin.
    fn start(&self) -> Vec<f64> {
        [&self.fit.effects[..], &[0.0]].concat()
    }

    fn wald(&self, dosages: &[f64]) -> Result<Effect, Untested> {
        let fit = self.regression(dosages)?;
        let (beta, se) = (fit.effects[self.x.len()], fit.last_error());
        let statistic = (beta / se).powi(2);
        Ok(Effect {
            beta,
            se,
            statistic,
            ln_p: ln_chi2_tail(statistic),
            fast: false,
            form: Some("wald"),
        })
    }

    fn ratio(&self, dosages: &[f64]) -> Result<Effect, Untested> {
        let fit = self.regression(dosages)?;
        let statistic = 2.0 * (fit.log_likelihood - self.fit.log_likelihood).max(0.0);
        Ok(Effect {
            beta: fit.effects[self.x.len()],
            se: fit.last_error(),
            statistic,
            ln_p: ln_chi2_tail(statistic),
            fast: false,
            form: Some("lrt"),
        })
    }

    /// Firth's regression with f as offset. f was fitted to the same trait and takes part of a
    /// SNP's effect with it: only the share `kept` = xᵀPx/x̃ᵀWx̃ of its information is left.
    /// Effect, error and likelihood ratio are divided by it, its root and it, as those of the
    /// score test are.
    fn firth(&self, dosages: &[f64], kept: f64) -> Result<Effect, Untested> {
        let all = columns(&self.x, Some(dosages));
        let data = Data {
            x: &all,
            y: &self.y,
            offset: &self.random,
        };
        let null = firth::fit(&data, self.start(), Free::AllButLast)?;
        let start = null.fit.effects.clone();
        let with = firth::fit(&data, start, Free::All)?;
        let ratio = 2.0 * (with.log_likelihood - null.log_likelihood).max(0.0);
        let statistic = ratio / kept;
        Ok(Effect {
            beta: with.fit.effects[self.x.len()] / kept,
            se: with.fit.last_error() / kept.sqrt(),
            statistic,
            ln_p: ln_chi2_tail(statistic),
            fast: false,
            form: Some("firth"),
        })
    }
}
