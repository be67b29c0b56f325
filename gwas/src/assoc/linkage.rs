//! Linkage disequilibrium of two SNPs: r² of haplotypes whose frequencies are those of maximum
//! likelihood, as PLINK 1.9 has it for `--clump`.

/// Individuals by their dosages of two SNPs.
pub type Pairs = [[u32; 3]; 3];

/// Counts the individuals by dosages `a` and `b`; 3 is a missing call.
pub fn pairs(a: &[u8], b: &[u8]) -> Pairs {
    let mut all = [0_u32; 16];
    for (&a, &b) in a.iter().zip(b) {
        all[usize::from(4 * a + b)] += 1;
    }
    let mut pairs = [[0; 3]; 3];
    for (i, row) in pairs.iter_mut().enumerate() {
        row.copy_from_slice(&all[4 * i..4 * i + 3]);
    }
    pairs
}

/// r² of the haplotypes of two SNPs; 0 if one of both does not vary among those with both calls.
///
/// Only individuals who are heterozygous at both leave open which haplotypes they have: 11 and 00
/// with some probability t, else 10 and 01. In haplotype frequencies f, t = f₁₁f₀₀/(f₁₁f₀₀ +
/// f₁₀f₀₁), which is a cubic equation in t as every f is linear in it (Gaunt et al. 2007); of its
/// solutions the most likely one is taken.
pub fn square(pairs: &Pairs) -> f64 {
    let n: u32 = pairs.iter().flatten().sum();
    if n == 0 {
        return 0.0;
    }
    let count = |i: usize, j: usize| f64::from(pairs[i][j]);
    let total = 2.0 * f64::from(n);
    // Haplotypes that are certain: 11, 10, 01, 00.
    let known = [
        2.0 * count(2, 2) + count(2, 1) + count(1, 2),
        2.0 * count(2, 0) + count(2, 1) + count(1, 0),
        2.0 * count(0, 2) + count(0, 1) + count(1, 2),
        2.0 * count(0, 0) + count(0, 1) + count(1, 0),
    ]
    .map(|c| c / total);
    let open = count(1, 1) / total;
    let at = |t: f64| {
        let [a, b, c, d] = known;
        let (up, down) = (t * open, (1.0 - t) * open);
        [a + up, b + down, c + down, d + up]
    };
    let p = known[0] + known[1] + open;
    let q = known[0] + known[2] + open;
    let spread = p * (1.0 - p) * q * (1.0 - q);
    // Frequencies are whole multiples of 1/2N, but for rounding.
    let varies = |p: f64| p.min(1.0 - p) * total > 0.5;
    if !varies(p) || !varies(q) {
        return 0.0;
    }
    let equation = |t: f64| {
        let [a, b, c, d] = at(t);
        t * b * c - (1.0 - t) * a * d
    };
    let likelihood = |t: f64| {
        let f = at(t);
        let certain = known.iter().zip(f);
        // 0·ln 0 = 0
        let term = |(k, f): (&f64, f64)| if *k > 0.0 { k * f.ln() } else { 0.0 };
        let both = f[0] * f[3] + f[1] * f[2];
        let open = if open > 0.0 { open * both.ln() } else { 0.0 };
        certain.map(term).sum::<f64>() + open
    };
    let roots = roots(equation, turns(&known, open));
    let best = roots
        .into_iter()
        .max_by(|&s, &t| likelihood(s).total_cmp(&likelihood(t)));
    let [a, b, c, d] = at(best.unwrap_or(0.5));
    ((a * d - b * c).powi(2) / spread).min(1.0)
}

/// Where the cubic turns: it is e₃t³ + e₂t² + e₁t + e₀.
fn turns(known: &[f64; 4], open: f64) -> Vec<f64> {
    let [a, b, c, d] = *known;
    let (ad, bc) = (a + d, b + c + 2.0 * open);
    let high = (b + open) * (c + open);
    // t(high − t·open·bc + t²·open²) − (1 − t)(a·d + t·open·ad + t²·open²)
    let cubic = 2.0 * open * open;
    let square = -open * bc + open * ad - open * open;
    let slope = high - open * ad + a * d;
    // Its derivative.
    let (x, y, z) = (3.0 * cubic, 2.0 * square, slope);
    let under = y * y - 4.0 * x * z;
    if x == 0.0 || under <= 0.0 {
        return Vec::new();
    }
    let root = under.sqrt();
    let mut turns = vec![(-y - root) / (2.0 * x), (-y + root) / (2.0 * x)];
    turns.retain(|t| *t > 0.0 && *t < 1.0);
    turns
}

/// Zeros of `f` between 0 and 1, between which it turns at `turns` (ascending) only.
fn roots(f: impl Fn(f64) -> f64, turns: Vec<f64>) -> Vec<f64> {
    let ends: Vec<f64> = [vec![0.0], turns, vec![1.0]].concat();
    let mut roots: Vec<f64> = ends.iter().copied().filter(|&t| f(t) == 0.0).collect();
    for pair in ends.windows(2) {
        let (mut low, mut high) = (pair[0], pair[1]);
        let rises = f(high) > 0.0;
        if f(low) == 0.0 || f(high) == 0.0 || (f(low) > 0.0) == rises {
            continue;
        }
        // Halved until no number lies between.
        for _ in 0..60 {
            let middle = 0.5 * (low + high);
            match (f(middle) > 0.0) == rises {
                true => high = middle,
                false => low = middle,
            }
        }
        roots.push(0.5 * (low + high));
    }
    roots
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certain_haplotypes_have_the_squared_correlation_of_their_alleles() {
        // Nobody is heterozygous at both. 11 4 times, 10 twice, 01 never, 00 4 times.
        let pairs = [[2, 0, 0], [0, 0, 0], [1, 0, 2]];
        // p = 0.6, q = 0.4, D = 0.4 − 0.24.
        let expected = 0.16 * 0.16 / (0.24 * 0.24);
        assert!((square(&pairs) - expected).abs() < 4.0 * f64::EPSILON);
        assert_eq!(square(&[[3, 0, 0], [0, 2, 0], [0, 0, 4]]), 1.0);
        assert_eq!(square(&[[2, 0, 0], [3, 0, 0], [2, 0, 0]]), 0.0);
        assert_eq!(square(&[[2, 3, 2], [0; 3], [0; 3]]), 0.0);
        assert_eq!(square(&[[0; 3]; 3]), 0.0);
    }

    #[test]
    fn no_other_haplotypes_are_more_likely() {
        for pairs in [
            [[5, 3, 1], [4, 9, 2], [0, 2, 3]],
            [[1, 7, 0], [6, 30, 5], [0, 4, 1]],
            [[0, 4, 2], [5, 12, 4], [3, 6, 0]],
        ] {
            let n: u32 = pairs.iter().flatten().sum();
            let found = square(&pairs);
            // The likelihood over a fine grid of t, by definition.
            let c = |i: usize, j: usize| f64::from(pairs[i][j]);
            let total = 2.0 * f64::from(n);
            let mut best = (f64::NEG_INFINITY, 0.0);
            for k in 0..=100_000 {
                let t = f64::from(k) / 100_000.0;
                let f = [
                    2.0 * c(2, 2) + c(2, 1) + c(1, 2) + t * c(1, 1),
                    2.0 * c(2, 0) + c(2, 1) + c(1, 0) + (1.0 - t) * c(1, 1),
                    2.0 * c(0, 2) + c(0, 1) + c(1, 2) + (1.0 - t) * c(1, 1),
                    2.0 * c(0, 0) + c(0, 1) + c(1, 0) + t * c(1, 1),
                ]
                .map(|f| f / total);
                let mut log = 0.0;
                for (count, p) in [
                    (c(2, 2), f[0] * f[0]),
                    (c(2, 1), f[0] * f[1]),
                    (c(2, 0), f[1] * f[1]),
                    (c(1, 2), f[0] * f[2]),
                    (c(1, 1), f[0] * f[3] + f[1] * f[2]),
                    (c(1, 0), f[1] * f[3]),
                    (c(0, 2), f[2] * f[2]),
                    (c(0, 1), f[2] * f[3]),
                    (c(0, 0), f[3] * f[3]),
                ] {
                    if count > 0.0 {
                        log += count * p.ln();
                    }
                }
                let (p, q) = (f[0] + f[1], f[0] + f[2]);
                let r2 = (f[0] * f[3] - f[1] * f[2]).powi(2) / (p * (1.0 - p) * q * (1.0 - q));
                if log > best.0 {
                    best = (log, r2);
                }
            }
            // r² changes by at most 4·open/√spread ≤ 20 a unit of t here.
            assert!((found - best.1).abs() <= 20.0 / 100_000.0, "{pairs:?}");
        }
    }

    #[test]
    fn missing_calls_are_of_no_pair() {
        let pairs = pairs(&[0, 1, 2, 3, 1], &[2, 1, 0, 1, 3]);
        assert_eq!(pairs, [[0, 0, 1], [0, 1, 0], [1, 0, 0]]);
    }
}
