//! The null model of a trait: variances of the additive kernel K, of further kernels E and of the
//! residual by restricted maximum likelihood ([`reml`](crate::null::reml)), all SNPs in K. It says
//! how an estimate varies where a SNP does not interact: V₀ = σ²_aK + Σσ²E + σ²_eI.
//!
//! Moments would give these variances too, and worse: where few eigenvalues hold most of K they
//! leave much of the trait unused, and an estimate that is large by chance comes with a V₀ too
//! small (figures: `benches/calibration`). A SNP of large effect is part of σ²_a, which makes its
//! own test rather conservative.

use epitile_core::backend::Backend;
use faer::Mat;
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use super::background::{Background, Drawn, Further, without};
use crate::dense::{Factor, combine};
use crate::epistasis::report::NullFit;
use crate::error::{Error, Result};
use crate::null::kernels::KernelContrasts;
use crate::null::reml::Problem;

/// Draws from the null model by which the variance of an estimate is found. Its relative error is
/// √(2/(D·B)) with D the effective number of eigenvalues, Σ²/Σ of squares: 5 % for D = 100.
pub(super) const PROBES: usize = 8;

/// The null's kernels: what its fits share.
pub(super) struct Fits {
    /// Further kernels, then K.
    inside: KernelContrasts,
    further: usize,
}

impl Fits {
    /// With fixed effects `q`, and without an additive kernel yet. 9·N³ operations a kernel.
    ///
    /// # Errors
    /// `Degenerate` if a kernel has no eigenvalues.
    pub(super) fn new(further: &[Further], q: &[Vec<f64>]) -> Result<Self> {
        let mut inside = KernelContrasts::new(q);
        for e in further {
            inside.push(&e.name, e.matrix.clone())?;
        }
        let further = further.len();
        Ok(Fits { inside, further })
    }

    /// With this additive kernel. 9·N³ operations.
    ///
    /// # Errors
    /// `Degenerate` if it has no eigenvalues.
    pub(super) fn set(&mut self, kernel: &Mat<f64>) -> Result<()> {
        self.inside.truncate(self.further);
        self.inside.push("linear:std", kernel.clone())
    }

    /// The null model of the trait `y`. N³ operations a step if there are further kernels.
    pub(super) fn fit(&self, y: &[f64]) -> Fitted {
        let z = self.inside.contrasts.vector(y);
        let unit = Problem::spread(&z).powi(2);
        let all: Vec<usize> = (0..=self.further).collect();
        let fit = self.inside.problem(&z).fit(&all);
        let mut variances: Vec<f64> = fit.variances.iter().map(|v| v * unit).collect();
        variances[..=self.further].rotate_right(1);
        Fitted {
            variances,
            converged: fit.converged,
        }
    }
}

/// A null model of a trait.
#[derive(Clone, Debug)]
pub(super) struct Fitted {
    /// Of K, E…, I.
    pub(super) variances: Vec<f64>,
    /// Whether the fit ended at a maximum.
    pub(super) converged: bool,
}

impl Fitted {
    /// The Cholesky factor of V₀. N³/3 operations.
    ///
    /// # Errors
    /// `Degenerate` if rounding leaves V₀ without one: its residual variance is hardly above zero.
    pub(super) fn factor<B: Backend>(&self, of: &Background<'_, B>) -> Result<Factor> {
        let further = of.further.iter().map(|e| &e.of.matrix);
        let kernels = std::iter::once(&of.matrix).chain(further);
        let terms: Vec<(f64, &Mat<f64>)> = self.variances.iter().copied().zip(kernels).collect();
        let residual = self.variances[self.variances.len() - 1];
        Factor::new(&combine(&terms, residual, of.samples())).ok_or_else(|| {
            Error::degenerate(
                "the null model leaves no residual variance: it cannot be tested against",
            )
        })
    }

    /// For the trait's record, in units of its variance; the chromosome that K lacks.
    pub(super) fn report(&self, without: Option<String>, unit: f64) -> NullFit {
        NullFit {
            without,
            variances: self.variances.iter().map(|v| v * unit).collect(),
            converged: self.converged,
        }
    }
}

/// A trait and its null model.
pub(super) struct Response {
    /// Without its fixed effects, of variance 1.
    pub(super) y: Drawn,
    /// Variances of K, E…, I.
    pub(super) null: Vec<f64>,
    /// Draws from N(0, V₀).
    pub(super) probes: Vec<Drawn>,
}

impl Response {
    /// The trait `y` with its null model; numbers of the draws from `seed`. N³/3 operations.
    ///
    /// # Errors
    /// That of [`Fitted::factor`]; failures of the device.
    pub(super) fn new<B: Backend>(
        of: &Background<'_, B>,
        y: &[f64],
        null: &Fitted,
        seed: u64,
    ) -> Result<Self> {
        let v = null.factor(of)?;
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut draw = |_| {
            let z = (0..of.samples()).map(|_| StandardNormal.sample(&mut rng));
            without(v.colour(&z.collect::<Vec<f64>>()), &of.q)
        };
        let mut columns = vec![y.to_vec()];
        columns.extend((0..PROBES).map(&mut draw));
        let mut drawn = of.drawn(columns)?;
        Ok(Response {
            probes: drawn.split_off(1),
            y: drawn.swap_remove(0),
            null: null.variances.clone(),
        })
    }
}
