//! The saddlepoint approximation of P(Q > q) (Lugannani and Rice, Adv. Appl. Prob. 12:475, 1980, in
//! the form of Barndorff-Nielsen that Kuonen gives for quadratic forms, Biometrika 86:929, 1999),
//! in log space:
//!
//! ```text
//! ln P(Q > q) ≈ ln Φ̄(w + ln(v/w)/w),  w = √2(tq − K(t)),  v = t√K″(t),  K′(t) = q
//! ```
//!
//! Far in the tail the λ that is largest decides, m times: Q is like a gamma variable of shape
//! m/2, and the approximation has Stirling's Γ(m/2) in place of Γ(m/2). Its error there is at most
//! the factor √π/(√(4π)·(2e)^(−½)) = 1.17 (0.067 in log₁₀ p), of m = 1.

use super::form::{Cumulants, Form};
use super::ln_normal_tail;

/// ln P(Q > q). 64 evaluations of K.
pub fn ln_upper(form: &Form, q: f64) -> f64 {
    let (mean, sd) = (form.mean(), form.variance().sqrt());
    if sd == 0.0 {
        return if q < 0.0 { 0.0 } else { f64::NEG_INFINITY };
    }
    // At the mean w = v = 0, and the argument of Φ̄ is continued by a sixth of the skewness.
    let z = (q - mean) / sd;
    if z.abs() < 1e-3 {
        let third: f64 = form.weights().iter().map(|w| 8.0 * w * w * w).sum();
        return ln_normal_tail(z + third / (6.0 * sd * sd * sd));
    }
    match q > mean {
        true => ln_above(form, q),
        // P may round to 1 where Q is bounded from below.
        false => (-ln_above(&form.mirrored(), -q).exp()).ln_1p(),
    }
}

/// The same for q above the mean.
fn ln_above(form: &Form, q: f64) -> f64 {
    let negative = form.weights().iter().all(|w| *w < 0.0);
    if negative && q >= 0.0 {
        return f64::NEG_INFINITY;
    }
    let at = Cumulants::new(form).search(|at| at.k1 < q);
    let w = (2.0 * (at.t * q - at.k)).sqrt();
    ln_from_roots(w, at.t * at.k2.sqrt())
}

/// ln Φ̄(w + ln(v/w)/w).
pub(super) fn ln_from_roots(w: f64, v: f64) -> f64 {
    ln_normal_tail(w + (v / w).ln() / w)
}
