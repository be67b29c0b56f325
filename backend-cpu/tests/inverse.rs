//! The diagonal of an inverse on the CPU: against a dense one, and the same bits on any engine.

use epitile_core::backend::Backend;
use epitile_core::dense::solve_lower;
use epitile_core::engine::{Engine, InOrder};
use epitile_core::factor::Cholesky;
use epitile_core::precision::Precision;
use epitile_core::sym::Blocks;
use epitile_core::tile::Tile;
use epitile_cpu::{Cpu, Rayon};

/// A lower triangle (column-major) without pattern: diagonal 1 to 2, the rest under 1/n, so that
/// ‖L⁻¹‖ stays below 3.
fn triangle(n: usize) -> Vec<f64> {
    let noise = |k: usize| {
        let x = (k as u64 + 1).wrapping_mul(0xd134_2543_de82_ef95);
        ((x ^ (x >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 11) as f64 / (1u64 << 53) as f64
    };
    let mut l = vec![0.0; n * n];
    for c in 0..n {
        l[c * n + c] = 1.0 + noise(c);
        for r in c + 1..n {
            l[c * n + r] = (noise(r * n + c) - 0.5) / n as f64;
        }
    }
    l
}

fn factor(l: &[f64], n: usize, edge: usize, precision: Precision) -> Cholesky<Tile> {
    let blocks = Blocks::new(n, edge);
    let mut tiles = Vec::new();
    for i in 0..blocks.count() {
        for j in 0..=i {
            let (rows, cols) = (blocks.range(i), blocks.range(j));
            let column = |c: usize| l[c * n..][rows.clone()].iter().copied();
            let values: Vec<f64> = cols.clone().flat_map(column).collect();
            tiles.push(Tile::from_f64(
                rows.len(),
                cols.len(),
                &values,
                precision,
                0,
            ));
        }
    }
    Cholesky::from_tiles(blocks, tiles, true).unwrap()
}

fn diagonal<B: Backend<Tile = Tile>>(
    backend: &B,
    engine: &impl Engine,
    cholesky: &Cholesky<Tile>,
) -> Vec<f64> {
    cholesky.inverse_diagonal(backend, engine).unwrap()
}

#[test]
fn it_equals_a_dense_one_in_tiles_of_any_size() {
    for n in [1, 7, 16, 33, 130] {
        let l = triangle(n);
        let exact: Vec<f64> = (0..n)
            .map(|c| {
                let mut column = vec![0.0; n];
                column[c] = 1.0;
                solve_lower(&l, n, &mut column);
                column.iter().map(|v| v * v).sum()
            })
            .collect();
        for edge in [1, 5, 16, 48, 200] {
            let found = diagonal(&Cpu::MEMORY, &InOrder, &factor(&l, n, edge, Precision::F64));
            // Substitution is backward stable row by row, |Δx| ≤ γ_n |L⁻¹||L||x| (Higham, Theorem
            // 8.5), and | |L⁻¹||L| | ≤ 3·3 here; squares double it, both sides err.
            let bound = 4.0 * 9.0 * (n + 1) as f64 * Precision::F64.unit_roundoff();
            for (found, exact) in found.iter().zip(&exact) {
                assert!(
                    (found - exact).abs() <= bound * exact,
                    "{n}, tiles of {edge}"
                );
            }
        }
    }
}

#[test]
fn it_has_the_same_bits_on_any_engine_and_number_of_threads() {
    let n = 150;
    let l = triangle(n);
    for precision in [Precision::F64, Precision::F32] {
        for edge in [8, 31, 64] {
            let cholesky = factor(&l, n, edge, precision);
            let alone = diagonal(&Cpu::MEMORY, &InOrder, &cholesky);
            for threads in [1, 2, 5] {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
                let found = pool
                    .unwrap()
                    .install(|| diagonal(&Cpu::MEMORY, &Rayon, &cholesky));
                assert!(
                    found
                        .iter()
                        .zip(&alone)
                        .all(|(a, b)| a.to_bits() == b.to_bits())
                );
            }
        }
    }
}
