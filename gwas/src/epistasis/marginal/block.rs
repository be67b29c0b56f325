//! A block of SNPs: the same products for all of them at once.

use epitile_core::backend::Backend;
use epitile_core::dense::{axpy, dot};

use super::background::{Background, Drawn, PROBES};
use super::snp::{Design, Estimate, Moments, OWN, combine, times};
use crate::error::Result;

/// A trait without its fixed effects, with variance 1, and K times it.
pub(super) type Response = Drawn;

/// What became of a SNP and a trait.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Found {
    /// σ̂² of the SNP's interactions.
    pub(super) variance: f64,
    /// Its standard error where there are none.
    pub(super) se: f64,
    /// Coefficients of H.
    pub(super) h: [f64; 3],
    /// Variances of K_k and I where there are none.
    pub(super) null: [f64; 2],
}

/// What became of a SNP, trait by trait.
pub(super) type Outcomes = Vec<Option<Found>>;

/// A SNP in work, with its trait-by-trait estimates.
struct Work {
    design: Design,
    moments: Moments,
    estimates: Vec<Option<Estimate>>,
}

/// Estimates for SNPs with standardised dosages `x` and all traits of `responses`; `None` for a SNP
/// that is a sum of the fixed effects, and for one whose G is a sum of the background's. N² times
/// 2(6 + c + t(1 + 2·8)) operations a SNP.
///
/// # Errors
/// Failures of the device.
pub(super) fn block<B: Backend>(
    of: &Background<'_, B>,
    x: Vec<Vec<f64>>,
    responses: &[Response],
) -> Result<Vec<Outcomes>> {
    let designs: Vec<Option<Design>> = x.into_iter().map(|x| Design::new(x, &of.q)).collect();
    let mut columns = Vec::new();
    let mut squares = Vec::new();
    for d in designs.iter().flatten() {
        columns.extend(d.columns(&of.q));
        columns.extend(
            responses
                .iter()
                .map(|y| times(&d.x, &d.project(y.v.clone()))),
        );
        squares.extend([d.w.clone(), d.x.clone()]);
    }
    let (products, squares) = (of.times(&columns)?, of.squared_times(&squares)?);
    let each = OWN + of.q.len() + responses.len();
    let places = products.chunks(each).zip(columns.chunks(each));
    let mut places = places.zip(squares.chunks(2));
    let mut works: Vec<Option<Work>> = designs
        .into_iter()
        .map(|design| {
            let design = design?;
            let ((products, columns), squares) = places.next()?;
            let (own, of_traits) = products.split_at(each - responses.len());
            let moments = Moments::new(of, &design, own, squares);
            let xy = &columns[each - responses.len()..];
            let estimates = responses.iter().zip(xy.iter().zip(of_traits));
            let estimates = estimates
                .map(|(y, (xy, kxy))| {
                    moments.estimate(quadratics(of, &design, &moments, y, (xy, kxy)))
                })
                .collect();
            Some(Work {
                design,
                moments,
                estimates,
            })
        })
        .collect();
    let errors = errors(of, &works)?;
    let mut errors = errors.into_iter();
    Ok(works
        .iter_mut()
        .map(|work| match work {
            None => vec![None; responses.len()],
            Some(work) => std::mem::take(&mut work.estimates)
                .into_iter()
                .map(|estimate| {
                    let e = estimate?;
                    Some(Found {
                        variance: e.variance,
                        se: errors.next()?,
                        h: e.h,
                        null: e.null,
                    })
                })
                .collect(),
        })
        .collect())
}

/// q of the trait `y`: yᵀPA_iPy for G, K_k and I.
fn quadratics<B: Backend>(
    of: &Background<'_, B>,
    d: &Design,
    moments: &Moments,
    y: &Response,
    (xy, kxy): (&[f64], &[f64]),
) -> [f64; 3] {
    let part = dot(&d.u, &y.v);
    let left = d.project(y.v.clone());
    let k_left = combine(1.0, &y.kv, -part, &moments.ku);
    let wy = dot(&d.w, &left);
    [
        of.alpha * dot(xy, kxy) - of.beta * wy * wy,
        of.alpha * dot(&left, &k_left),
        dot(&left, &left),
    ]
}

/// Standard errors of all estimates: Var σ̂² = 2 tr(HV₀HV₀) = 2 E zᵀHV₀Hz, z ~ N(0, V₀), over the
/// draws of the background.
fn errors<B: Backend>(of: &Background<'_, B>, works: &[Option<Work>]) -> Result<Vec<f64>> {
    let all = works.iter().flatten();
    let all: Vec<(&Work, &Estimate)> = all
        .flat_map(|w| w.estimates.iter().flatten().map(move |e| (w, e)))
        .collect();
    let mut drawn = Vec::with_capacity(all.len() * PROBES);
    for (w, e) in &all {
        let scale = [(e.null[0] * of.alpha).sqrt(), e.null[1].sqrt()];
        for (f, n) in of.genetic.iter().zip(&of.noise) {
            let z = combine(scale[0], &f.v, scale[1], &n.v);
            let part = dot(&w.design.u, &z);
            let mut kz = combine(scale[0], &f.kv, -part, &w.moments.ku);
            axpy(scale[1], &n.kv, &mut kz);
            drawn.push((w.design.project(z), kz));
        }
    }
    let each = || all.iter().flat_map(|of| std::iter::repeat_n(of, PROBES));
    let inner: Vec<Vec<f64>> = each()
        .zip(&drawn)
        .map(|((w, _), (z, _))| times(&w.design.x, z))
        .collect();
    let inner = of.times(&inner)?;
    // r = PHPz, by G z = x∘(αK(x∘z) − βx wᵀz).
    let r: Vec<Vec<f64>> = each()
        .zip(&drawn)
        .zip(&inner)
        .map(|(((w, e), (z, kz)), kxz)| {
            let d = &w.design;
            let gz = combine(of.alpha, kxz, -of.beta * dot(&d.w, z), &d.x);
            let mut r = combine(e.h[1] * of.alpha, kz, e.h[2], z);
            axpy(e.h[0], &times(&d.x, &gz), &mut r);
            d.project(super::background::without(r, &of.q))
        })
        .collect();
    let kr = of.times(&r)?;
    let terms: Vec<f64> = each()
        .zip(r.iter().zip(&kr))
        .map(|((_, e), (r, kr))| e.null[0] * of.alpha * dot(r, kr) + e.null[1] * dot(r, r))
        .collect();
    let means = terms
        .chunks(PROBES)
        .map(|c| c.iter().sum::<f64>() / PROBES as f64);
    Ok(means.map(|mean| (2.0 * mean).sqrt()).collect())
}
