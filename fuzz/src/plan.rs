//! Precision plans from any norms, policies, ridges and blocks, and the texts of policies.

use epitile_core::policy::{BY_SIZE, Policy, promoted};
use epitile_core::precision::Precision;
use epitile_core::sym::{Blocks, SymTiles};

use crate::source::{END, Source};

/// Relative error of a bound computed in f64, some dozens of roundings.
const SLACK: f64 = 1.0 + 64.0 * f64::EPSILON;

/// Inputs to start from: every policy, with ordinary and extreme norms.
pub fn seeds() -> Vec<Vec<u8>> {
    let policies = [
        "f64",
        "f32",
        "adaptive",
        "adaptive:0.8",
        "adaptive:1e300",
        "norm:1e-8",
        "norm:2.5e-1",
        "uniform:f16",
        "uniform:bf16",
        "uniform:f8",
        "uniform:F8E4M3",
        "banded:1",
        "banded:3",
        "banded:18446744073709551615",
        "uniform:i8",
        "adaptive:-1",
        "norm:",
    ];
    let norms: [&[f64]; 3] = [
        &[3.0, 0.1, 2.5, 1e-3, 1e-6, 3.1, 0.0, 1e-9, 0.3, 2.9],
        &[f64::NAN, f64::INFINITY, -1.0, 1e200, 1e300, f64::MAX],
        &[],
    ];
    let each = policies.iter().enumerate().map(|(k, policy)| {
        let mut input = policy.as_bytes().to_vec();
        input.extend([END, 10 + k as u8, 2 + (k % 3) as u8, 0xff]);
        input.extend(0.05f64.to_le_bytes());
        input.extend(norms[k % 3].iter().flat_map(|v| v.to_le_bytes()));
        input
    });
    each.collect()
}

/// The text of a policy, the numbers of rows and of rows to a tile, a byte that says which formats
/// the backend has (F64 and F32 always), λ, and the norms.
///
/// # Panics
/// If a promise is broken.
pub fn check(bytes: &[u8]) {
    let mut source = Source::new(bytes);
    let text = String::from_utf8_lossy(source.section());
    let Ok(policy) = text.parse::<Policy>() else {
        return;
    };
    assert_eq!(policy.to_string().parse(), Ok(policy), "'{text}', again");
    let (rows, edge) = (source.below(256), source.below(32) + 1);
    // A plan is a triangle: 32 tiles a side are enough.
    let blocks = Blocks::new(rows.min(32 * edge), edge);
    let has = source.byte();
    let supports = |p: Precision| match Precision::ALL.iter().position(|&q| q == p) {
        Some(0 | 1) => true,
        Some(k) => has >> k & 1 == 1,
        None => false,
    };
    let ridge = source.any_f64();
    let norms = SymTiles::from_fn(blocks.count(), |_, _| source.any_f64());
    let given = (has & 1 == 1).then_some(&norms);
    let plan = policy.plan(blocks, given, ridge, &BY_SIZE, supports);
    assert_eq!(plan.order(), blocks.count());
    for ((i, j), &p) in plan.iter() {
        assert!(
            supports(p),
            "({i}, {j}) in {p}, which the backend lacks: {policy}"
        );
        if i == j {
            assert!(
                matches!(p, Precision::F64 | Precision::F32),
                "diagonal in {p}"
            );
        } else if let Some(norms) = given.filter(|_| p != Precision::F64) {
            rule_holds(policy, (blocks, norms), ridge, (i, j), p);
        }
    }
    wider(&plan);
}

/// A format narrower than F64 is one that the policy's rule allows.
fn rule_holds(
    policy: Policy,
    (blocks, norms): (Blocks, &SymTiles<f64>),
    ridge: f64,
    (i, j): (usize, usize),
    p: Precision,
) {
    let (u, norm) = (p.unit_roundoff(), norms[(i, j)]);
    let largest = norms
        .as_slice()
        .iter()
        .fold(0.0, |m: f64, v| m.max(v.abs()));
    // Where squares or bounds are subnormal, sums of them promise nothing; no kernel and no λ is
    // that small.
    if largest.min(ridge) < f64::MIN_POSITIVE.sqrt() / f64::EPSILON {
        return;
    }
    match policy {
        Policy::Adaptive { tau } => {
            let (m, n) = (blocks.range(i).len() as f64, blocks.range(j).len() as f64);
            assert!(norm.is_finite(), "‖R({i}, {j})‖ = {norm} in {p}");
            let effect = u * norm / (m * n).sqrt() * (blocks.rows as f64).sqrt();
            // Both sides scaled down: τλ may be past the range, and is then past every norm.
            assert!(
                effect / 4.0 <= tau / 2.0 * (ridge / 2.0) * SLACK,
                "{policy}, λ = {ridge}: {norm} in {p}"
            );
        }
        Policy::Norm { epsilon } => {
            // ‖A‖_F without overflow.
            let finite = norms.as_slice().iter().all(|v| v.is_finite());
            assert!(finite, "{norm} in {p} beside norms that are not finite");
            let share = |((i, j), v): ((usize, usize), &f64)| {
                let square = (v / largest) * (v / largest);
                if i == j { square } else { 2.0 * square }
            };
            let total = norms.iter().map(share).sum::<f64>().sqrt();
            let effect = blocks.count() as f64 * (norm / largest) * u;
            assert!(effect <= epsilon * total * SLACK, "{policy}: {norm} in {p}");
        }
        Policy::Uniform(_) | Policy::Banded { .. } => {}
    }
}

/// Promotion never narrows a tile, widens what is not F64 yet, and ends in F64.
fn wider(plan: &SymTiles<Precision>) {
    let mut plan = plan.clone();
    for _ in 0..3 {
        let next = promoted(&plan);
        for (p, q) in plan.as_slice().iter().zip(next.as_slice()) {
            assert!(q.bytes() > p.bytes() || *q == Precision::F64, "{p} to {q}");
            assert!(q.unit_roundoff() <= p.unit_roundoff(), "{p} to {q}");
            assert!(q.is_factor(), "{p} to {q}");
        }
        plan = next;
    }
    assert!(plan.as_slice().iter().all(|&p| p == Precision::F64));
}
