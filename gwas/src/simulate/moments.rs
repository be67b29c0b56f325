//! Centring, scaling and projecting columns of N values. Variances have divisor N.

/// Inner product.
pub(super) fn dot(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(x, y)| x * y).sum()
}

/// Subtracts the mean.
pub(super) fn centre(x: &mut [f64]) {
    let mean = x.iter().sum::<f64>() / x.len() as f64;
    x.iter_mut().for_each(|x| *x -= mean);
}

/// Variance about the mean.
pub(super) fn variance(x: &[f64]) -> f64 {
    let mean = x.iter().sum::<f64>() / x.len() as f64;
    x.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / x.len() as f64
}

/// Dosages minus their mean over their standard deviation, and that deviation; zeros if all
/// dosages agree.
pub(super) fn standardise(dosages: &[u8]) -> (Vec<f64>, f64) {
    let mut z: Vec<f64> = dosages.iter().map(|&x| f64::from(x)).collect();
    if z.iter().all(|&x| x == z[0]) {
        z.fill(0.0);
        return (z, 0.0);
    }
    centre(&mut z);
    let sd = variance(&z).sqrt();
    z.iter_mut().for_each(|z| *z /= sd);
    (z, sd)
}

/// Subtracts the projection of `x` on `on`. What rounding alone can leave, N·u relative to the
/// norm before with u the unit roundoff, becomes 0.
pub(super) fn residualise(x: &mut [f64], on: &[f64]) {
    let (before, norm) = (dot(x, x), dot(on, on));
    if norm == 0.0 {
        return;
    }
    let slope = dot(x, on) / norm;
    x.iter_mut().zip(on).for_each(|(x, on)| *x -= slope * on);
    let bound = x.len() as f64 * f64::EPSILON;
    if dot(x, x) <= bound * bound * before {
        x.fill(0.0);
    }
}

/// Scales centred values to a variance and returns the factor; `None` if they have none to scale.
pub(super) fn scale(x: &mut [f64], to: f64) -> Option<f64> {
    let now = variance(x);
    if now == 0.0 {
        return None;
    }
    let factor = (to / now).sqrt();
    x.iter_mut().for_each(|x| *x *= factor);
    Some(factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standardised_dosages_have_mean_0_and_variance_1() {
        let (z, sd) = standardise(&[0, 1, 2, 2, 1]);
        assert_eq!(sd, 0.56f64.sqrt());
        assert!(z.iter().sum::<f64>().abs() < 5.0 * f64::EPSILON);
        assert!((variance(&z) - 1.0).abs() < 5.0 * f64::EPSILON);
        assert_eq!(standardise(&[1, 1]), (vec![0.0, 0.0], 0.0));
    }

    #[test]
    fn a_multiple_of_a_column_has_no_residual() {
        let on = [0.1, -0.7, 0.6];
        let mut x = on.map(|x| x / 3.0);
        residualise(&mut x, &on);
        assert_eq!(x, [0.0; 3]);
        assert_eq!(scale(&mut x, 1.0), None);
    }
}
