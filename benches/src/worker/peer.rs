//! faer's Cholesky factorisation of a whole matrix.

use std::time::Instant;

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt::{factor, solve};
use faer::prelude::*;
use faer::traits::ComplexField;
use faer::{Conj, Par};
use serde_json::json;

use crate::{Answer, Worker, numbers, unknown};

/// Requests, after `load FILE`, a square matrix of FP64:
///
/// * `factor f32`, `factor f64`: L Lᵀ, in place of a copy that is not timed;
/// * `solve FILE`: factor in FP64, then solve for all right-hand sides of the file.
pub(crate) struct Faer {
    matrix: Mat<f64>,
}

impl Default for Faer {
    fn default() -> Self {
        Faer { matrix: Mat::new() }
    }
}

impl Worker for Faer {
    fn answer(&mut self, words: &[&str]) -> Answer {
        match *words {
            ["load", file] => {
                let values = numbers(file)?;
                let n = values.len().isqrt();
                self.matrix = Mat::from_fn(n, n, |r, c| values[c * n + r]);
                Ok(json!({ "samples": n }))
            }
            ["factor", "f64"] => timed(self.matrix.clone(), None),
            ["factor", "f32"] => {
                let (n, a) = (self.matrix.nrows(), &self.matrix);
                timed(Mat::from_fn(n, n, |r, c| a[(r, c)] as f32), None)
            }
            ["solve", file] => {
                let (values, n) = (numbers(file)?, self.matrix.nrows());
                let right = Mat::from_fn(n, values.len() / n.max(1), |r, c| values[c * n + r]);
                timed(self.matrix.clone(), Some(right))
            }
            _ => unknown(words),
        }
    }
}

/// Factors `a`, and solves for `right` if it is given.
fn timed<T: ComplexField>(mut a: Mat<T>, right: Option<Mat<T>>) -> Answer {
    let par = Par::rayon(0);
    let n = a.nrows();
    let columns = right.as_ref().map_or(0, |b| b.ncols());
    let start = Instant::now();
    let room = factor::cholesky_in_place_scratch::<T>(n, par, Default::default());
    let mut memory = MemBuffer::new(room);
    let stack = MemStack::new(&mut memory);
    factor::cholesky_in_place(
        a.as_mut(),
        Default::default(),
        par,
        stack,
        Default::default(),
    )
    .map_err(|e| format!("faer: {e:?}"))?;
    if let Some(mut b) = right {
        let room = solve::solve_in_place_scratch::<T>(n, columns, par);
        let mut memory = MemBuffer::new(room);
        let stack = MemStack::new(&mut memory);
        solve::solve_in_place_with_conj(a.as_ref(), Conj::No, b.as_mut(), par, stack);
    }
    Ok(json!({ "seconds": start.elapsed().as_secs_f64() }))
}
