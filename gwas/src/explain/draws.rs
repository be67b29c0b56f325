//! Models of traits drawn from a fitted model.

use epitile_core::backend::Backend;
use epitile_core::dense::{axpy, dot, orthonormalise};
use epitile_core::engine::Engine;
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use crate::dense::{Factor, combine};
use crate::error::{Error, Result};
use crate::model::{Model, TraitModel};
use crate::null::matrix::kernel_matrix;
use crate::similarity::Cross;
use crate::training::Intercept;

/// Dual weights of `draws` models of traits y ~ N(Xb̂, σ̂²_f A), A = K + λI = LLᵀ, with the trait's
/// individuals, kernel and λ: A⁻¹(y − Xb̂_y), which is σ̂_f L⁻ᵀ(I − QQᵀ)z for y = σ̂_f Lz and Q an
/// orthonormal basis of L⁻¹X. N³/3 operations, and 4·N² a draw.
///
/// # Errors
/// `Degenerate` if A has no factor; failures of the device.
pub(super) fn weights<B: Backend, E: Engine>(
    backend: &B,
    engine: &E,
    model: &Model,
    of: &TraitModel,
    (draws, (seed, stream)): (usize, (u64, u64)),
) -> Result<Vec<Vec<f64>>> {
    let Some(training) = model.genotypes.as_ref().filter(|_| draws > 0) else {
        return Ok(Vec::new());
    };
    let setting = (model.kernel()?, model.meta.gamma.unwrap_or(f64::NAN));
    let moments = &model.moments;
    let cross = Cross::symmetric(backend, engine, moments, setting, training, None)?;
    let k = kernel_matrix(backend, engine, &cross.pairs, &cross.map, &of.rows)?;
    let n = of.rows.len();
    let factor = Factor::new(&combine(&[(1.0, &k)], model.meta.lambda, n)).ok_or_else(|| {
        Error::degenerate(format!(
            "phenotype {}: K + λI has no Cholesky factor; give --draws 0",
            of.meta.name
        ))
    })?;
    let column = |c: &Vec<f64>| -> Vec<f64> { of.rows.iter().map(|&i| c[i as usize]).collect() };
    let x: Vec<Vec<f64>> = model.fixed.iter().map(column).collect();
    let mut q: Vec<Vec<f64>> = x.iter().map(|x| factor.whiten(x)).collect();
    orthonormalise(&mut q);
    let sigma = of.meta.variance.sqrt();
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(stream);
    let draw = |_| {
        let mut z: Vec<f64> = (0..n).map(|_| StandardNormal.sample(&mut rng)).collect();
        z.iter_mut().for_each(|z| *z *= sigma);
        match model.meta.intercept {
            Intercept::Gls => {
                for q in &q {
                    axpy(-dot(q, &z), q, &mut z);
                }
                factor.solve(&factor.colour(&z))
            }
            Intercept::Mean => {
                let mut y = factor.colour(&z);
                let mean = y.iter().sum::<f64>() / n as f64;
                y.iter_mut().for_each(|y| *y -= mean);
                factor.solve(&y)
            }
        }
    };
    Ok((0..draws).map(draw).collect())
}
