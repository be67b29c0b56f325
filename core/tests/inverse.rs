//! The diagonal of an inverse and blocks on it, worked out by hand.

use epitile_core::engine::InOrder;
use epitile_core::factor::Cholesky;
use epitile_core::precision::Precision::F64;
use epitile_core::reference::Reference;
use epitile_core::sym::Blocks;
use epitile_core::tile::Tile;

/// L = [2 0 0; 1 3 0; −1 2 1], V = L⁻¹ = [1/2 0 0; −1/6 1/3 0; 5/6 −2/3 1].
const L: [[f64; 3]; 3] = [[2.0, 0.0, 0.0], [1.0, 3.0, 0.0], [-1.0, 2.0, 1.0]];

#[test]
fn three_rows_in_tiles_of_any_size() {
    let exact = [1.0 / 4.0 + 1.0 / 36.0 + 25.0 / 36.0, 5.0 / 9.0, 1.0];
    for edge in 1..5 {
        let blocks = Blocks::new(3, edge);
        let mut tiles = Vec::new();
        for i in 0..blocks.count() {
            for j in 0..=i {
                let (rows, cols) = (blocks.range(i), blocks.range(j));
                let column = |c: usize| rows.clone().map(move |r| L[r][c]);
                let values: Vec<f64> = cols.clone().flat_map(column).collect();
                tiles.push(Tile::from_f64(rows.len(), cols.len(), &values, F64, 0));
            }
        }
        let cholesky = Cholesky::from_tiles(blocks, tiles, true).unwrap();
        let diagonal = cholesky.inverse_diagonal(&Reference, &InOrder).unwrap();
        for (d, exact) in diagonal.iter().zip(exact) {
            // Substitution of three rows, squares and sums: at most eight roundings.
            assert!((d - exact).abs() <= 8.0 * F64.unit_roundoff() * exact);
        }
        // Vᵀ V below the diagonal.
        let below = [
            [0.0; 3],
            [-1.0 / 18.0 - 5.0 / 9.0, 0.0, 0.0],
            [5.0 / 6.0, -2.0 / 3.0, 0.0],
        ];
        for rows in (0..3).flat_map(|s| (s + 1..4).map(move |e| s..e)) {
            let block = cholesky.inverse_block(&Reference, rows.clone()).unwrap();
            let (b, block) = (rows.len(), block.to_f64());
            for (i, j) in (0..b).flat_map(|i| (0..=i).map(move |j| (i, j))) {
                let (r, c) = (rows.start + i, rows.start + j);
                let exact = if r == c { exact[r] } else { below[r][c] };
                let error = (block[j * b + i] - exact).abs();
                assert!(error <= 8.0 * F64.unit_roundoff() * exact.abs(), "{rows:?}");
            }
        }
    }
}
