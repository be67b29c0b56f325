//! Systems of a few equations, one for each variance, by cofactors: n! operations.

/// A symmetric matrix, row by row.
pub(super) type Small = Vec<Vec<f64>>;

/// Cofactors of the entries of row `i`.
fn cofactors(a: &[Vec<f64>], i: usize) -> Vec<f64> {
    let minor = |j: usize| -> Small {
        let rows = (0..a.len()).filter(|r| *r != i);
        rows.map(|r| [&a[r][..j], &a[r][j + 1..]].concat())
            .collect()
    };
    let sign = |j: usize| if (i + j).is_multiple_of(2) { 1.0 } else { -1.0 };
    (0..a.len())
        .map(|j| sign(j) * determinant(&minor(j)))
        .collect()
}

fn determinant(a: &[Vec<f64>]) -> f64 {
    match a {
        [] => 1.0,
        _ => sum(&a[0], &cofactors(a, 0)),
    }
}

/// Σ aᵢbᵢ in order.
fn sum(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The matrix with diagonal 1, and the roots it was divided by: a kernel's unit does not matter.
fn scaled(s: &[Vec<f64>]) -> (Small, Vec<f64>) {
    let root: Vec<f64> = (0..s.len()).map(|i| s[i][i].sqrt()).collect();
    let entry = |i: usize, j: usize| match i == j {
        true => 1.0,
        false => s[i][j] / (root[i] * root[j]),
    };
    let row = |i: usize| (0..s.len()).map(|j| entry(i, j)).collect();
    ((0..s.len()).map(row).collect(), root)
}

/// Correlations err by some 1e-12.
fn is_singular(determinant: f64) -> bool {
    determinant.is_nan() || determinant <= 1e-10
}

/// Whether a row of S is numerically a sum of the others.
pub(super) fn dependent(s: &[Vec<f64>]) -> bool {
    is_singular(determinant(&scaled(s).0))
}

/// The first row of S⁻¹; `None` if S is numerically singular.
pub(super) fn first_row(s: &[Vec<f64>]) -> Option<Vec<f64>> {
    let (r, root) = scaled(s);
    let cofactors = cofactors(&r, 0);
    let determinant = sum(&r[0], &cofactors);
    if is_singular(determinant) {
        return None;
    }
    let row = cofactors.iter().zip(&root);
    Some(
        row.map(|(c, of)| c / (determinant * root[0] * of))
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Diagonals above the sum of the rest of their rows.
    fn sample(n: usize) -> Small {
        let entry = |i: usize, j: usize| match i == j {
            true => n as f64 + i as f64,
            false => 1.0 / (1.0 + (i + j) as f64),
        };
        (0..n)
            .map(|i| (0..n).map(|j| entry(i, j)).collect())
            .collect()
    }

    /// Sums of n! products of n entries below 2n of a matrix whose condition is below 4.
    fn bound(n: usize) -> f64 {
        (1..=n).product::<usize>() as f64 * n as f64 * f64::EPSILON * 4.0
    }

    #[test]
    fn a_first_row_is_that_of_the_inverse() {
        for n in 1..6 {
            let s = sample(n);
            let row = first_row(&s).unwrap();
            // Its rows are its columns.
            for (j, column) in s.iter().enumerate() {
                let expected = f64::from(j == 0);
                assert!((sum(&row, column) - expected).abs() <= bound(n));
            }
        }
        let mut s = sample(3);
        s[2] = s[1].clone();
        s.iter_mut().for_each(|row| row[2] = row[1]);
        assert!(first_row(&s).is_none() && dependent(&s));
    }
}
