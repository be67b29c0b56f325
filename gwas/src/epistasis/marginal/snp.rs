//! The estimate of one SNP: G = D K_k D, D the SNP's standardised dosages x, beside K_k and I.
//!
//! U is an orthonormal basis of the fixed effects and x, P = I − UUᵀ. The method of quadratic
//! moments (MQS; Crawford et al. 2017) solves S σ̂² = q with S_ij = tr(PA_iPA_j) and q_i = yᵀPA_iPy
//! over A = G, K_k, I. All of S comes from products of K and K∘K with a few vectors a SNP: x and
//! K_k = αK − βxxᵀ enter G entry by entry,
//!
//! ```text
//! tr GG = α²wᵀ(K∘K)w − 2αβ(x∘w)ᵀK(x∘w) + β²(wᵀw)²,   w = x∘x
//! tr GK_k = α²xᵀ(K∘K)x − 2αβ wᵀKw + β²(xᵀw)²
//! tr PAPB = tr AB − 2⟨AU, BU⟩ + ⟨UᵀAU, UᵀBU⟩
//! ```

use epitile_core::backend::Backend;
use epitile_core::dense::{axpy, dot, norm2};

use super::background::{Background, without};

/// Entry by entry.
pub(super) fn times(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a * b).collect()
}

/// Places of G, K_k and I.
const G: usize = 0;
const K: usize = 1;
const I: usize = 2;

/// Products with K that a SNP takes beside those with the fixed effects and traits: of x, w, x∘w
/// and x∘u.
pub(super) const OWN: usize = 4;

/// A SNP and what is projected out with it.
pub(super) struct Design {
    pub(super) x: Vec<f64>,
    /// x∘x.
    pub(super) w: Vec<f64>,
    /// The part of x that the fixed effects have not, with norm 1.
    pub(super) u: Vec<f64>,
    /// Qᵀx.
    along: Vec<f64>,
    /// Norm of that part of x.
    size: f64,
}

impl Design {
    /// `None` if x is a sum of the fixed effects.
    pub(super) fn new(x: Vec<f64>, q: &[Vec<f64>]) -> Option<Design> {
        let along = q.iter().map(|q| dot(q, &x)).collect();
        let left = without(without(x.clone(), q), q);
        let size = norm2(&left);
        // Rounding leaves N·u of x.
        if size <= norm2(&x) * x.len() as f64 * f64::EPSILON * 16.0 {
            return None;
        }
        Some(Design {
            w: times(&x, &x),
            u: left.iter().map(|v| v / size).collect(),
            along,
            size,
            x,
        })
    }

    /// P v of a v that has no part in the fixed effects.
    pub(super) fn project(&self, mut v: Vec<f64>) -> Vec<f64> {
        axpy(-dot(&self.u, &v), &self.u, &mut v);
        v
    }

    /// What K is multiplied by: x, w, x∘w, x∘u, x∘q of the fixed effects.
    pub(super) fn columns(&self, q: &[Vec<f64>]) -> Vec<Vec<f64>> {
        let mut all = vec![
            self.x.clone(),
            self.w.clone(),
            times(&self.x, &self.w),
            times(&self.x, &self.u),
        ];
        all.extend(q.iter().map(|q| times(&self.x, q)));
        all
    }
}

/// S of one SNP, and the products it was made of.
pub(super) struct Moments {
    /// S.
    pub(super) s: [[f64; 3]; 3],
    /// K u.
    pub(super) ku: Vec<f64>,
}

/// Variances and their estimates of one SNP and trait.
pub(super) struct Estimate {
    /// Coefficients h of H = Σ h_i PA_iP: σ̂² = yᵀHy.
    pub(super) h: [f64; 3],
    /// σ̂² of G.
    pub(super) variance: f64,
    /// Variances of K_k and I where G has none.
    pub(super) null: [f64; 2],
}

impl Moments {
    /// From K times [`Design::columns`] and K∘K times w and x.
    pub(super) fn new<B: Backend>(
        of: &Background<'_, B>,
        d: &Design,
        products: &[Vec<f64>],
        squares: &[Vec<f64>],
    ) -> Moments {
        let (a, b) = (of.alpha, of.beta);
        let [kx, kw, kxw, kxu, kxq @ ..] = products else {
            unreachable!("products of a SNP");
        };
        let mut ku = kx.clone();
        for (along, kq) in d.along.iter().zip(&of.kq) {
            axpy(-along, kq, &mut ku);
        }
        ku.iter_mut().for_each(|v| *v /= d.size);
        let fixed = of.q.iter().zip(&of.kq).zip(kxq);
        let basis: Vec<(&[f64], &[f64], &[f64])> = fixed
            .map(|((q, kq), kxq)| (&q[..], &kq[..], &kxq[..]))
            .chain([(&d.u[..], &ku[..], &kxu[..])])
            .collect();
        // K_k v and G v of every v in U.
        let mut on_k = Vec::with_capacity(basis.len());
        let mut on_g = Vec::with_capacity(basis.len());
        for (v, kv, kxv) in &basis {
            let (xv, wv) = (dot(&d.x, v), dot(&d.w, v));
            on_k.push(combine(a, kv, -b * xv, &d.x));
            on_g.push(times(&d.x, &combine(a, kxv, -b * wv, &d.x)));
        }
        let inside = |on: &[Vec<f64>]| -> Vec<f64> {
            let rows = basis.iter().map(|(v, ..)| *v);
            rows.flat_map(|v| on.iter().map(move |c| dot(v, c)))
                .collect()
        };
        let (u_g, u_k) = (inside(&on_g), inside(&on_k));
        let sum = |l: &[Vec<f64>], r: &[Vec<f64>]| -> f64 {
            l.iter().zip(r).map(|(l, r)| dot(l, r)).sum()
        };
        let trace = |u: &[f64]| -> f64 { u.iter().step_by(basis.len() + 1).sum() };
        let projected = |whole: f64, outer: f64, inner: f64| whole - 2.0 * outer + inner;
        let (xx, ww, xw) = (dot(&d.x, &d.x), dot(&d.w, &d.w), dot(&d.x, &d.w));
        let gg = a * a * dot(&d.w, &squares[0]) - 2.0 * a * b * dot(&times(&d.x, &d.w), kxw)
            + b * b * ww * ww;
        let gk = a * a * dot(&d.x, &squares[1]) - 2.0 * a * b * dot(&d.w, kw) + b * b * xw * xw;
        let kk = a * a * of.square - 2.0 * a * b * dot(&d.x, kx) + b * b * xx * xx;
        let g = a * dot(&d.w, &of.diagonal) - b * ww;
        let k = a * of.trace - b * xx;
        let gg = projected(gg, sum(&on_g, &on_g), dot(&u_g, &u_g));
        let gk = projected(gk, sum(&on_g, &on_k), dot(&u_g, &u_k));
        let kk = projected(kk, sum(&on_k, &on_k), dot(&u_k, &u_k));
        let (g, k) = (g - trace(&u_g), k - trace(&u_k));
        let free = of.samples() - basis.len();
        Moments {
            s: [[gg, gk, g], [gk, kk, k], [g, k, free as f64]],
            ku,
        }
    }

    /// From q. `None` if S is singular.
    pub(super) fn estimate(&self, q: [f64; 3]) -> Option<Estimate> {
        let h = first_row(&self.s)?;
        let variance = (0..3).map(|i| h[i] * q[i]).sum();
        let s = &self.s;
        let determinant = s[K][K] * s[I][I] - s[K][I] * s[K][I];
        let genetic = (s[I][I] * q[K] - s[K][I] * q[I]) / determinant;
        let noise = (s[K][K] * q[I] - s[K][I] * q[K]) / determinant;
        // Where one of them would be negative the other is estimated alone.
        let null = match (genetic > 0.0, noise > 0.0) {
            (true, true) => [genetic, noise],
            (true, false) => [q[K] / s[K][K], 0.0],
            _ => [0.0, q[I] / s[I][I]],
        };
        Some(Estimate { h, variance, null })
    }
}

/// a·v + b·x.
pub(super) fn combine(a: f64, v: &[f64], b: f64, x: &[f64]) -> Vec<f64> {
    v.iter().zip(x).map(|(v, x)| a * v + b * x).collect()
}

/// The first row of S⁻¹; `None` if S is numerically singular.
fn first_row(s: &[[f64; 3]; 3]) -> Option<[f64; 3]> {
    // Of the scaled matrix: a kernel's unit does not matter.
    let root = [s[G][G].sqrt(), s[K][K].sqrt(), s[I][I].sqrt()];
    let r = |i: usize, j: usize| s[i][j] / (root[i] * root[j]);
    let (gk, gi, ki) = (r(G, K), r(G, I), r(K, I));
    let cofactors = [1.0 - ki * ki, gi * ki - gk, gk * ki - gi];
    let determinant = cofactors[0] + gk * cofactors[1] + gi * cofactors[2];
    // Correlations err by some 1e-12.
    if determinant.is_nan() || determinant <= 1e-10 {
        return None;
    }
    Some([G, K, I].map(|i| cofactors[i] / (determinant * root[G] * root[i])))
}
