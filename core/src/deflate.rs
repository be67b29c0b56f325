//! Deflation: K − F Fᵀ with F from the leading eigenspace (Nyström).
//!
//! F = K U · chol(Uᵀ K U)⁻ᵀ. K − F Fᵀ is positive semidefinite for *every* U, so the deflated
//! system stays definite, while its off-diagonal tiles become small enough for 16 and 8 bits.
//! Reference: Frangella, Tropp, Udell, "Randomized Nyström preconditioning", SIAM J. Matrix Anal.
//! Appl. 44 (2023); subtracting before rounding is ours.

use alloc::vec;
use alloc::vec::Vec;

use crate::backend::Backend;
use crate::columns::Columns;
use crate::dense;
use crate::engine::Engine;
use crate::precision::Precision;
use crate::system::System;
use crate::tile::TileRef;

/// Applications of K before the Nyström step. On mice and wheat (γ·median d² 0.5 and 2, λ 0.05 and
/// 0.5) a second changes no plan, and refinement takes as many iterations, or one less in one of the
/// eight.
const ITERATIONS: usize = 1;

/// The factor F, on the host and as device tiles.
#[derive(Debug)]
pub struct Deflation<T> {
    /// Columns of F; each has N entries.
    pub columns: Vec<Vec<f64>>,
    /// F(i), b × rank in F64, for every block of rows.
    pub tiles: Vec<T>,
}

impl<B: Backend, E: Engine> System<'_, B, E> {
    /// F of rank at most `rank` (less if K has less); `None` if nothing is left. Columns after the
    /// last whose Nyström pivot is at least `outstanding` times the smallest are left out.
    ///
    /// Costs `ITERATIONS` + 1 multiplications of rank columns by K.
    pub fn deflate(
        &self,
        rank: usize,
        outstanding: f64,
    ) -> Result<Option<Deflation<B::Tile>>, B::Error> {
        let n = self.order();
        let mut u = start(n, rank.min(n));
        for _ in 0..ITERATIONS {
            u = self.multiply_vectors(&u)?;
            dense::orthonormalise(&mut u);
        }
        let y = self.multiply_vectors(&u)?;
        let columns = nystrom(&u, y, outstanding);
        if columns.is_empty() {
            return Ok(None);
        }
        self.deflation(columns).map(Some)
    }

    /// The deflation with these columns, uploaded.
    pub fn deflation(&self, columns: Vec<Vec<f64>>) -> Result<Deflation<B::Tile>, B::Error> {
        let n = self.order();
        let flat: Vec<f64> = columns.iter().flatten().copied().collect();
        let bytes = bytemuck::cast_slice(&flat);
        let tiles = self
            .blocks()
            .iter()
            .map(|r| {
                let shape = (r.len(), columns.len(), n);
                self.backend.upload(TileRef::new(
                    shape,
                    Precision::F64,
                    0,
                    &bytes[r.start * 8..],
                ))
            })
            .collect::<Result<_, _>>()?;
        Ok(Deflation { columns, tiles })
    }

    fn multiply_vectors(&self, u: &[Vec<f64>]) -> Result<Vec<Vec<f64>>, B::Error> {
        let panel = Columns::from_slices(self.order(), u.iter().map(Vec::as_slice));
        let y = self.multiply(&panel)?;
        Ok((0..y.cols()).map(|c| y.column(c).to_vec()).collect())
    }
}

/// The constant vector and random signs: the mean of a kernel is its largest component.
fn start(n: usize, rank: usize) -> Vec<Vec<f64>> {
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    (0..rank)
        .map(|c| {
            let sign = |bits: u64| if bits >> 63 == 0 { 1.0 } else { -1.0 };
            (0..n)
                .map(|_| {
                    if c == 0 {
                        1.0
                    } else {
                        sign(splitmix(&mut state))
                    }
                })
                .collect()
        })
        .collect()
}

/// The next number of Steele, Lea and Flood's SplitMix64.
fn splitmix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Y chol(Uᵀ Y)⁻ᵀ for orthonormal U and Y = K U, without the directions in which K vanishes.
fn nystrom(u: &[Vec<f64>], y: Vec<Vec<f64>>, outstanding: f64) -> Vec<Vec<f64>> {
    let mut k = u.len();
    let mut gram = vec![0.0; k * k];
    for (c, y) in y.iter().enumerate() {
        for (r, u) in u.iter().enumerate() {
            gram[c * k + r] = dense::dot(u, y);
        }
    }
    let trace: f64 = (0..k).map(|i| gram[i * k + i]).sum();
    let floor = trace * f64::EPSILON * u.first().map_or(0, Vec::len) as f64;
    let mut l = gram.clone();
    // U spans the leading eigenspace in falling order, so a failing pivot ends the useful part.
    if let Err(rank) = dense::cholesky(&mut l, k, floor) {
        let leading = (0..rank).flat_map(|c| gram[c * k..c * k + rank].iter().copied());
        l = leading.collect();
        k = rank;
        if dense::cholesky(&mut l, k, floor).is_err() {
            return Vec::new();
        }
    }
    let pivot = |c: usize| l[c * k + c] * l[c * k + c];
    let smallest = (0..k).map(pivot).fold(f64::INFINITY, f64::min);
    let kept = (0..k).rev().find(|&c| pivot(c) >= outstanding * smallest);
    let kept = kept.map_or(0, |last| last + 1);
    // F Lᵀ = Y, column by column: f_c = (y_c − Σ_{j<c} f_j l_cj) / l_cc.
    let mut f: Vec<Vec<f64>> = Vec::with_capacity(kept);
    for (c, mut column) in y.into_iter().take(kept).enumerate() {
        for (j, earlier) in f.iter().enumerate() {
            dense::axpy(-l[j * k + c], earlier, &mut column);
        }
        column.iter_mut().for_each(|v| *v /= l[c * k + c]);
        f.push(column);
    }
    f
}
