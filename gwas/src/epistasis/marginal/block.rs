//! A block of SNPs: the same products for all of them at once.

use epitile_core::backend::Backend;
use epitile_core::dense::{axpy, dot};

use super::background::{Background, Drawn};
use super::null::{PROBES, Response};
use super::snp::{Design, Estimate, Moments, OWN, Products, combine, times};
use crate::error::Result;

/// What became of a SNP and a trait.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Found {
    /// σ̂² of the SNP's interactions.
    pub(super) variance: f64,
    /// Its standard error where there are none.
    pub(super) se: f64,
    /// Coefficients of H.
    pub(super) h: Vec<f64>,
}

impl Found {
    /// σ̂² in standard errors.
    pub(super) fn z(&self) -> f64 {
        self.variance / self.se
    }
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
/// 2(6 + c + t(1 + 2·8)) operations a SNP, 2(3 + 8t) more for each further kernel.
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
                .map(|of| times(&d.x, &d.project(of.y.v.clone()))),
        );
        squares.extend([d.w.clone(), d.x.clone()]);
    }
    let (products, squares) = (of.times(&columns)?, of.squared_times(&squares)?);
    let further = further_products(of, &designs)?;
    let each = OWN + of.q.len() + responses.len();
    let places = products.chunks(each).zip(columns.chunks(each));
    let mut places = places.zip(squares.chunks(2)).enumerate();
    let mut works: Vec<Option<Work>> = designs
        .into_iter()
        .map(|design| {
            let design = design?;
            let (place, ((products, columns), squares)) = places.next()?;
            let (kernel, of_traits) = products.split_at(each - responses.len());
            let further = further.iter().map(|e| [0, 1, 2].map(|c| &e[c][place][..]));
            let own = Products {
                kernel,
                squares,
                further: further.collect(),
            };
            let moments = Moments::new(of, &design, &own);
            let xy = &columns[each - responses.len()..];
            let estimates = responses.iter().zip(xy.iter().zip(of_traits));
            let estimates = estimates
                .map(|(response, (xy, kxy))| {
                    let products = (&xy[..], &kxy[..]);
                    moments.estimate(&quadratics(of, &design, &moments, &response.y, products))
                })
                .collect();
            Some(Work {
                design,
                moments,
                estimates,
            })
        })
        .collect();
    // One trait at a time, for memory: its products have all draws for columns.
    let traits = responses.iter().enumerate();
    let found = traits.map(|(t, y)| Ok(errors(of, &works, (t, y))?.into_iter()));
    let mut errors = found.collect::<Result<Vec<_>>>()?;
    Ok(works
        .iter_mut()
        .map(|work| match work {
            None => vec![None; responses.len()],
            Some(work) => std::mem::take(&mut work.estimates)
                .into_iter()
                .zip(&mut errors)
                .map(|(estimate, errors)| {
                    let e = estimate?;
                    Some(Found {
                        variance: e.variance,
                        se: errors.next()?,
                        h: e.h,
                    })
                })
                .collect(),
        })
        .collect())
}

/// Of every further kernel E times x and w of the designs, and K∘E times x.
fn further_products<B: Backend>(
    of: &Background<'_, B>,
    designs: &[Option<Design>],
) -> Result<Vec<[Vec<Vec<f64>>; 3]>> {
    let all = || designs.iter().flatten();
    let (x, w): (Vec<Vec<f64>>, Vec<Vec<f64>>) = all().map(|d| (d.x.clone(), d.w.clone())).unzip();
    let products = |k| -> Result<_> {
        Ok([
            of.further_times(k, &x)?,
            of.further_times(k, &w)?,
            of.mixed_times(k, &x)?,
        ])
    };
    (0..of.further.len()).map(products).collect()
}

/// q of the trait `y`: yᵀPA_iPy for G, K_k, E…, I.
fn quadratics<B: Backend>(
    of: &Background<'_, B>,
    d: &Design,
    moments: &Moments,
    y: &Drawn,
    (xy, kxy): (&[f64], &[f64]),
) -> Vec<f64> {
    let part = dot(&d.u, &y.v);
    let left = d.project(y.v.clone());
    let k_left = combine(1.0, &y.kv, -part, &moments.ku);
    let wy = dot(&d.w, &left);
    let mut q = vec![
        of.alpha * dot(xy, kxy) - of.beta * wy * wy,
        of.alpha * dot(&left, &k_left),
    ];
    let further = y.ev.iter().zip(&moments.eu);
    q.extend(further.map(|(ey, eu)| dot(&left, &combine(1.0, ey, -part, eu))));
    q.push(dot(&left, &left));
    q
}

/// Standard errors of the estimates of the trait `y`, number `t`: Var σ̂² = 2 tr(HV₀HV₀) =
/// 2 E zᵀHV₀Hz, z ~ N(0, V₀), over its draws.
fn errors<B: Backend>(
    of: &Background<'_, B>,
    works: &[Option<Work>],
    (t, y): (usize, &Response),
) -> Result<Vec<f64>> {
    let all = works.iter().flatten();
    let all: Vec<(&Work, &Estimate)> = all
        .filter_map(|w| Some((w, w.estimates[t].as_ref()?)))
        .collect();
    let drawn = all
        .iter()
        .flat_map(|(w, _)| y.probes.iter().map(|z| draw(w, z)));
    let drawn: Vec<Drawn> = drawn.collect();
    let each = || all.iter().flat_map(|of| std::iter::repeat_n(of, PROBES));
    let inner: Vec<Vec<f64>> = each()
        .zip(&drawn)
        .map(|((w, _), of)| times(&w.design.x, &of.v))
        .collect();
    let inner = of.times(&inner)?;
    // r = PHPz, by G z = x∘(αK(x∘z) − βx wᵀz).
    let r: Vec<Vec<f64>> = each()
        .zip(&drawn)
        .zip(&inner)
        .map(|(((w, e), drawn), kxz)| {
            let d = &w.design;
            let gz = combine(of.alpha, kxz, -of.beta * dot(&d.w, &drawn.v), &d.x);
            let (residual, genetic) = (e.h[e.h.len() - 1], e.h[1] * of.alpha);
            let mut r = combine(genetic, &drawn.kv, residual, &drawn.v);
            for (h, ez) in e.h[2..].iter().zip(&drawn.ev) {
                axpy(*h, ez, &mut r);
            }
            axpy(e.h[0], &times(&d.x, &gz), &mut r);
            d.project(super::background::without(r, &of.q))
        })
        .collect();
    let kr = of.times(&r)?;
    let residual = y.null[y.null.len() - 1];
    let mut terms: Vec<f64> = r
        .iter()
        .zip(&kr)
        .map(|(r, kr)| y.null[0] * dot(r, kr) + residual * dot(r, r))
        .collect();
    for k in 0..of.further.len() {
        let er = of.further_times(k, &r)?;
        for (term, (r, er)) in terms.iter_mut().zip(r.iter().zip(&er)) {
            *term += y.null[1 + k] * dot(r, er);
        }
    }
    let means = terms
        .chunks(PROBES)
        .map(|c| c.iter().sum::<f64>() / PROBES as f64);
    Ok(means.map(|mean| (2.0 * mean).sqrt()).collect())
}

/// The draw `z`, with the SNP projected out of it; the kernels times that.
fn draw(w: &Work, z: &Drawn) -> Drawn {
    let part = dot(&w.design.u, &z.v);
    let left = |az: &[f64], au: &[f64]| combine(1.0, az, -part, au);
    let ev = z.ev.iter().zip(&w.moments.eu);
    Drawn {
        kv: left(&z.kv, &w.moments.ku),
        ev: ev.map(|(ez, eu)| left(ez, eu)).collect(),
        v: w.design.project(z.v.clone()),
    }
}
