//! Options out of range.

use epitile::error::Kind;
use epitile::simulate::{SimulateOptions, simulate, simulate_genotypes};

use super::small;

#[test]
fn impossible_options_are_refused_by_name() {
    let o = small;
    let nan = f64::NAN;
    for (options, name) in [
        (SimulateOptions { samples: 1, ..o() }, "--samples is 1"),
        (SimulateOptions { snps: 0, ..o() }, "--snps"),
        (
            SimulateOptions {
                chromosomes: 0,
                ..o()
            },
            "--chromosomes",
        ),
        (
            SimulateOptions {
                chromosomes: 23,
                ..o()
            },
            "--chromosomes",
        ),
        (SimulateOptions { snps: 2, ..o() }, "--chromosomes"),
        (SimulateOptions { founders: 1, ..o() }, "--founders"),
        (
            SimulateOptions {
                families: Some(0),
                ..o()
            },
            "--families",
        ),
        (
            SimulateOptions {
                recombination: -0.1,
                ..o()
            },
            "--recombination",
        ),
        (
            SimulateOptions {
                recombination: f64::INFINITY,
                ..o()
            },
            "--recombination",
        ),
        (
            SimulateOptions {
                mutation: 0.5,
                ..o()
            },
            "--mutation",
        ),
        (
            SimulateOptions {
                morgans: 0.0,
                ..o()
            },
            "--morgans",
        ),
        (
            SimulateOptions {
                morgans: 1e-9,
                ..o()
            },
            "--morgans",
        ),
        (
            SimulateOptions {
                missing_rate: 1.0,
                ..o()
            },
            "--missing-rate",
        ),
        (
            SimulateOptions {
                maf_min: 0.5,
                ..o()
            },
            "--maf-min",
        ),
        (
            SimulateOptions {
                maf_min: nan,
                ..o()
            },
            "--maf-min",
        ),
        (
            SimulateOptions {
                additive: -0.1,
                ..o()
            },
            "--additive",
        ),
        (
            SimulateOptions {
                epistatic: nan,
                ..o()
            },
            "--epistatic",
        ),
        (
            SimulateOptions {
                additive: 0.6,
                epistatic: 0.5,
                ..o()
            },
            "sum to 1.1",
        ),
        (SimulateOptions { causal: 0, ..o() }, "--causal is 0"),
        (SimulateOptions { causal: 601, ..o() }, "the 600 SNPs"),
        (SimulateOptions { pairs: 0, ..o() }, "--pairs is 0"),
        (
            SimulateOptions {
                pairs: 120_001,
                ..o()
            },
            "the 120000 pairs",
        ),
    ] {
        for error in [
            simulate(&options).unwrap_err(),
            simulate_genotypes(&options).unwrap_err(),
        ] {
            assert_eq!(error.kind(), Kind::Usage);
            assert!(error.to_string().contains(name), "{name}: {error}");
        }
    }
    // Parts without variance need no SNPs.
    let none = SimulateOptions {
        additive: 0.0,
        epistatic: 0.0,
        causal: 0,
        pairs: 0,
        ..small()
    };
    simulate(&none).unwrap();
}
