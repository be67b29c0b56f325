//! Davies' method (Biometrika 60:415, 1973; Applied Statistics 29:323, 1980): P(Q > q) from the
//! characteristic function φ(u) = Π (1 − 2iλu)^(−½) by the sum
//!
//! ```text
//! P(Q > q) ≈ ½ + Σ_{k ≥ 0} Im(φ(u_k) e^{−iu_k q}) / π(k + ½),    u_k = (k + ½)Δ
//! ```
//!
//! - **Step.** The sum's error is at most the larger of P(Q > q + 2π/Δ) and P(Q < q − 2π/Δ), which
//!   Chernoff's bound exp(K(t) − tK′(t)) holds under ε/2.
//! - **End.** For u ≥ U, (1 + 4λ²u²)/(1 + 4λ²U²) ≥ (u/U)^2c with c = 4λ²U²/(1 + 4λ²U²), since the
//!   slope of the logarithm only grows. Terms beyond U are therefore at most
//!   |φ(U)|·∫(U/u)^{Σc/2} du/πu = 2|φ(U)|/πΣc.
//! - **Rounding** of the phases and of the sum is added to the bound that is told.

use std::f64::consts::PI;

use super::form::{Cumulants, Form};

/// Terms after which the sum is given up: forms of few weights have too slow a φ.
const MOST_TERMS: f64 = 100_000.0;

/// A probability and what it errs by at most.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounded {
    /// P(Q > q).
    pub p: f64,
    /// Bound of the absolute error.
    pub error: f64,
}

/// P(Q > q) to `accuracy` besides rounding; `None` if that takes more than 100,000 terms, or no
/// weight is left. As many operations as terms times weights.
pub fn upper(form: &Form, q: f64, accuracy: f64) -> Option<Bounded> {
    let unit = form.largest();
    if unit == 0.0 || !q.is_finite() {
        return None;
    }
    let half = 0.5 * accuracy;
    let (above, below) = (reach(form, half), -reach(&form.mirrored(), half));
    // The distribution is within [below, above] but for ε; 2π/Δ must reach both from q.
    let span = (above - q).max(q - below).max(unit);
    let step = 2.0 * PI / span;
    let end = end(form, half);
    let terms = (end / step).ceil() + 1.0;
    if terms.is_nan() || terms > MOST_TERMS {
        return None;
    }
    let (mut sum, mut rounding) = (0.0, 0.0);
    for k in 0..terms as usize {
        let place = k as f64 + 0.5;
        let u = place * step;
        let (mut log, mut phase, mut size) = (0.0, -u * q, (u * q).abs());
        for w in form.weights() {
            let x = 2.0 * w * u;
            log -= 0.25 * (x * x).ln_1p();
            let turn = 0.5 * x.atan();
            phase += turn;
            size += turn.abs();
        }
        let term = log.exp() / (PI * place);
        sum += term * phase.sin();
        rounding += term * (size - log + form.weights().len() as f64);
    }
    Some(Bounded {
        p: (0.5 + sum).clamp(0.0, 1.0),
        error: accuracy + f64::EPSILON * rounding,
    })
}

/// An x with P(Q > x) ≤ `p`, by Chernoff's bound.
fn reach(form: &Form, p: f64) -> f64 {
    let limit = p.ln();
    Cumulants::new(form)
        .search(|at| at.k - at.t * at.k1 > limit)
        .k1
}

/// A U beyond which the terms are together at most `error`.
fn end(form: &Form, error: f64) -> f64 {
    let beyond = |u: f64| {
        let (mut log, mut powers) = (0.0, 0.0);
        for w in form.weights() {
            let x = 4.0 * w * w * u * u;
            log -= 0.25 * x.ln_1p();
            powers += x / (1.0 + x);
        }
        log + (2.0 / (PI * powers)).ln()
    };
    let limit = error.ln();
    let mut high = 1.0 / form.largest();
    while beyond(high) > limit {
        high *= 2.0;
        if !high.is_finite() {
            return f64::INFINITY;
        }
    }
    let mut low = high / 2.0;
    while high - low > 0.01 * high {
        let middle = 0.5 * (low + high);
        match beyond(middle) > limit {
            true => low = middle,
            false => high = middle,
        }
    }
    high
}
