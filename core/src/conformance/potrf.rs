//! Cholesky factors of tiles, and matrices that have none.

use alloc::format;
use alloc::vec;

use super::failure::{Failure, get, put, succeed};
use super::gauge::{Sum, gamma, same, within};
use super::sample::{Sample, above, cases};
use crate::backend::{Backend, BackendError, ErrorKind};
use crate::precision::Precision;
use crate::tile::Tile;

const ORDERS: [usize; 11] = [1, 2, 3, 0, 15, 16, 17, 33, 31, 65, 129];

/// Factors the lower triangle of `a` and demands |A − L̂L̂ᵀ| ≤ γ_{n+5} |L̂||L̂ᵀ| in every entry of it,
/// and zeros above the diagonal.
///
/// Higham (2002), Theorem 10.3, has γ_{n+1}, for any order of the sums; four roundings more let a
/// backend multiply a whole column, the diagonal too, by the reciprocal of the root: l_ij and l_jj
/// then each hold three roundings (root, reciprocal, product) instead of one. Products that
/// underflow add the format's least number η for each term, and for l_ij times l_jj.
///
/// # Errors
/// If an entry is not within its bound, or the backend failed.
pub fn holds<B: Backend>(backend: &B, a: &Tile) -> Result<(), Failure> {
    let (n, p) = (a.rows(), a.precision());
    let what = format!("potrf, {n} × {n} {p}");
    let mut device = put(backend, &what, a.as_ref())?;
    succeed(&what, backend.potrf(&mut device))?;
    let l = get(backend, &what, &device)?.to_f64();
    let gamma = gamma(n + 5, backend.accumulator_roundoff([p, p], p));
    for (at, a) in a.to_f64().into_iter().enumerate() {
        let (r, c) = (at % n, at / n);
        if r < c {
            // Zero of either sign.
            same(
                &format!("{what}, above the diagonal"),
                (r, c),
                l[at].abs(),
                0.0,
            )?;
            continue;
        }
        let (mut product, mut magnitude) = (Sum::default(), 0.0);
        for k in 0..=c {
            product.add_product(l[k * n + r], l[k * n + c]);
            magnitude += (l[k * n + r] * l[k * n + c]).abs();
        }
        let underflow = p.min_positive() * (n as f64 + l[c * n + c]);
        within(&what, (r, c), a, product, gamma * magnitude + underflow)?;
    }
    Ok(())
}

/// Demands [`ErrorKind::NotPositiveDefinite`] with a pivot in `pivots`, from the operation itself
/// or from the next synchronisation.
///
/// # Errors
/// If the factorisation succeeds or says anything else.
pub fn rejects<B: Backend>(
    backend: &B,
    what: &str,
    a: &Tile,
    pivots: core::ops::RangeInclusive<usize>,
) -> Result<(), Failure> {
    let (n, p) = (a.rows(), a.precision());
    let what = format!("potrf, {n} × {n} {p}, {what}");
    let mut device = put(backend, &what, a.as_ref())?;
    let outcome = backend.potrf(&mut device);
    match outcome.and_then(|()| backend.synchronize()) {
        Ok(()) => Err(Failure::other(&what, "factored without an error")),
        Err(e) => match e.kind() {
            ErrorKind::NotPositiveDefinite { pivot } if pivots.contains(&pivot) => Ok(()),
            ErrorKind::NotPositiveDefinite { pivot } => Err(Failure::other(
                &what,
                format!("blames pivot {pivot}, not one of {pivots:?}"),
            )),
            _ => Err(Failure::error(&what, &e)),
        },
    }
}

/// Positive definite tiles of every order, NaN above their diagonal.
///
/// # Errors
/// The first failing case.
pub fn potrf_leaves_a_residual_within_its_bound<B: Backend>(
    backend: &B,
    precision: Precision,
) -> Result<(), Failure> {
    let mut sample = Sample::new(9);
    for &n in cases(&ORDERS, 3) {
        for shift in [0.05, 1.0] {
            let a = definite(&mut sample, n, shift, precision);
            holds(backend, &above(&a, f64::NAN))?;
        }
    }
    Ok(())
}

/// A negative, zero, infinite or undefined pivot is found wherever it stands.
///
/// # Errors
/// The first failing case.
pub fn potrf_rejects_what_is_not_positive_definite<B: Backend>(
    backend: &B,
    precision: Precision,
) -> Result<(), Failure> {
    let mut sample = Sample::new(10);
    for &n in cases(&ORDERS, 3).iter().filter(|&&n| n > 0) {
        let good = definite(&mut sample, n, 0.5, precision).to_f64();
        let spoilt = |r: usize, c: usize, value: f64| {
            let mut values = good.clone();
            values[c * n + r] = value;
            Tile::from_f64(n, n, &values, precision, 0)
        };
        for at in [0, n / 2, n - 1] {
            for value in [-1.0, 0.0, f64::INFINITY, f64::NAN] {
                let what = format!("diagonal entry {at} is {value}");
                rejects(backend, &what, &spoilt(at, at, value), at..=at)?;
            }
            for value in [f64::INFINITY, f64::NAN] {
                // It reaches the pivot of its row at the latest.
                let what = format!("entry ({at}, 0) is {value}");
                rejects(backend, &what, &spoilt(at, 0, value), 0..=at)?;
            }
        }
    }
    Ok(())
}

/// G Gᵀ/n + shift·I: eigenvalues from `shift` to about 2.
fn definite(sample: &mut Sample, n: usize, shift: f64, precision: Precision) -> Tile {
    let g = sample.values(n * n, 0);
    let mut values = vec![0.0; n * n];
    for (at, v) in values.iter_mut().enumerate() {
        let (r, c) = (at % n, at / n);
        let sum: f64 = (0..n).map(|k| g[k * n + r] * g[k * n + c]).sum();
        *v = sum / n as f64 + if r == c { shift } else { 0.0 };
    }
    Tile::from_f64(n, n, &values, precision, 0)
}
