//! The estimate of one SNP: G = D K_k D, D the SNP's standardised dosages x, beside K_k, further
//! kernels E and I.
//!
//! U is an orthonormal basis of the fixed effects and x, P = I − UUᵀ. The method of quadratic
//! moments (MQS; Crawford et al. 2017) solves S σ̂² = q with S_ij = tr(PA_iPA_j) and q_i = yᵀPA_iPy
//! over A = G, K_k, E…, I. All of S comes from products of K, K∘K, E and K∘E with a few vectors a
//! SNP: x and K_k = αK − βxxᵀ enter G entry by entry,
//!
//! ```text
//! tr GG = α²wᵀ(K∘K)w − 2αβ(x∘w)ᵀK(x∘w) + β²(wᵀw)²,   w = x∘x
//! tr GK_k = α²xᵀ(K∘K)x − 2αβ wᵀKw + β²(xᵀw)²
//! tr GE   = αxᵀ(K∘E)x − βwᵀEw
//! tr K_kE = α tr KE − βxᵀEx
//! tr PAPB = tr AB − 2⟨AU, BU⟩ + ⟨UᵀAU, UᵀBU⟩
//! ```

use epitile_core::backend::Backend;
use epitile_core::dense::{axpy, dot, norm2};

use super::background::{Background, without};
use super::small::{Small, first_row};

/// Entry by entry.
pub(super) fn times(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a * b).collect()
}

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

    /// A u from `ax` = A x and A times the fixed effects.
    fn on_u(&self, ax: &[f64], aq: &[Vec<f64>]) -> Vec<f64> {
        let mut au = ax.to_vec();
        for (along, aq) in self.along.iter().zip(aq) {
            axpy(-along, aq, &mut au);
        }
        au.iter_mut().for_each(|v| *v /= self.size);
        au
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
    /// S over G, K_k, E…, I.
    s: Small,
    /// K u.
    pub(super) ku: Vec<f64>,
    /// E u of every further kernel.
    pub(super) eu: Vec<Vec<f64>>,
}

/// The estimate of one SNP and trait.
pub(super) struct Estimate {
    /// Coefficients h of H = Σ h_i PA_iP: σ̂² = yᵀHy.
    pub(super) h: Vec<f64>,
    /// σ̂² of G.
    pub(super) variance: f64,
}

/// What matrices were multiplied by for one SNP.
pub(super) struct Products<'a> {
    /// K times [`Design::columns`].
    pub(super) kernel: &'a [Vec<f64>],
    /// K∘K times w and x.
    pub(super) squares: &'a [Vec<f64>],
    /// Of every further kernel E times x and w, and K∘E times x.
    pub(super) further: Vec<[&'a [f64]; 3]>,
}

/// S over matrices A_i and I, from tr A_iA_j = `whole(i, j)` for i ≤ j, `on` = A_iU, tr A_i and the
/// basis U of `n` samples that is projected out.
pub(super) fn projected(
    whole: &impl Fn(usize, usize) -> f64,
    on: &[&[Vec<f64>]],
    traces: &[f64],
    (basis, n): (&[&[f64]], usize),
) -> Small {
    let inside = |on: &&[Vec<f64>]| -> Vec<f64> {
        basis
            .iter()
            .flat_map(|v| on.iter().map(move |c| dot(v, c)))
            .collect()
    };
    let inside: Vec<Vec<f64>> = on.iter().map(inside).collect();
    let outer =
        |l: &[Vec<f64>], r: &[Vec<f64>]| -> f64 { l.iter().zip(r).map(|(l, r)| dot(l, r)).sum() };
    let last = on.len();
    let mut s = vec![vec![0.0; last + 1]; last + 1];
    for i in 0..last {
        for j in i..last {
            s[i][j] = whole(i, j) - 2.0 * outer(on[i], on[j]) + dot(&inside[i], &inside[j]);
            s[j][i] = s[i][j];
        }
        let diagonal = inside[i].iter().step_by(basis.len() + 1);
        s[i][last] = traces[i] - diagonal.sum::<f64>();
        s[last][i] = s[i][last];
    }
    s[last][last] = (n - basis.len()) as f64;
    s
}

impl Moments {
    /// From the products of the SNP `d`.
    pub(super) fn new<B: Backend>(
        of: &Background<'_, B>,
        d: &Design,
        products: &Products<'_>,
    ) -> Moments {
        let (a, b) = (of.alpha, of.beta);
        let [kx, kw, kxw, kxu, kxq @ ..] = products.kernel else {
            unreachable!("products of a SNP");
        };
        let (ku, further) = (d.on_u(kx, &of.kq), of.further.iter().zip(&products.further));
        let eu: Vec<Vec<f64>> = further.map(|(e, [ex, ..])| d.on_u(ex, &e.eq)).collect();
        let fixed = of.q.iter().zip(&of.kq).zip(kxq);
        let with_products: Vec<(&[f64], &[f64], &[f64])> = fixed
            .map(|((q, kq), kxq)| (&q[..], &kq[..], &kxq[..]))
            .chain([(&d.u[..], &ku[..], &kxu[..])])
            .collect();
        // K_k v and G v of every v in U.
        let mut on_k = Vec::with_capacity(with_products.len());
        let mut on_g = Vec::with_capacity(with_products.len());
        for (v, kv, kxv) in &with_products {
            let (xv, wv) = (dot(&d.x, v), dot(&d.w, v));
            on_k.push(combine(a, kv, -b * xv, &d.x));
            on_g.push(times(&d.x, &combine(a, kxv, -b * wv, &d.x)));
        }
        let on_e = of.further.iter().zip(&eu);
        let on_e: Vec<Vec<Vec<f64>>> = on_e
            .map(|(e, eu)| [&e.eq[..], std::slice::from_ref(eu)].concat())
            .collect();
        let (xx, ww, xw) = (dot(&d.x, &d.x), dot(&d.w, &d.w), dot(&d.x, &d.w));
        let gg = a * a * dot(&d.w, &products.squares[0])
            - 2.0 * a * b * dot(&times(&d.x, &d.w), kxw)
            + b * b * ww * ww;
        let gk =
            a * a * dot(&d.x, &products.squares[1]) - 2.0 * a * b * dot(&d.w, kw) + b * b * xw * xw;
        let kk = a * a * of.square - 2.0 * a * b * dot(&d.x, kx) + b * b * xx * xx;
        let whole = |i: usize, j: usize| match (i, j) {
            (0, 0) => gg,
            (0, 1) => gk,
            (1, 1) => kk,
            (0, j) => {
                let [_, ew, mixed] = products.further[j - 2];
                a * dot(&d.x, mixed) - b * dot(&d.w, ew)
            }
            (1, j) => {
                let [ex, ..] = products.further[j - 2];
                a * of.further[j - 2].with_kernel - b * dot(&d.x, ex)
            }
            (i, j) => of.further[i - 2].with[j - 2],
        };
        let g = a * dot(&d.w, &of.diagonal) - b * ww;
        let k = a * of.trace - b * xx;
        let traces = of.further.iter().map(|e| e.trace);
        let traces: Vec<f64> = [g, k].into_iter().chain(traces).collect();
        let mut on = vec![&on_g[..], &on_k[..]];
        on.extend(on_e.iter().map(|e| &e[..]));
        let basis: Vec<&[f64]> = with_products.iter().map(|(v, ..)| *v).collect();
        Moments {
            s: projected(&whole, &on, &traces, (&basis, of.samples())),
            ku,
            eu,
        }
    }

    /// From q. `None` if S is singular.
    pub(super) fn estimate(&self, q: &[f64]) -> Option<Estimate> {
        let h = first_row(&self.s)?;
        let variance = h.iter().zip(q).map(|(h, q)| h * q).sum();
        Some(Estimate { h, variance })
    }
}

/// a·v + b·x.
pub(super) fn combine(a: f64, v: &[f64], b: f64, x: &[f64]) -> Vec<f64> {
    v.iter().zip(x).map(|(v, x)| a * v + b * x).collect()
}
