//! SNPs that count more or less often: as if they were there more often, or not at all.

use super::lab::Lab;

const KERNELS: [&str; 6] = [
    "linear",
    "linear:std",
    "linear:2pq",
    "gaussian",
    "poly:2",
    "grm^2",
];

/// How often SNP `m` counts.
fn times(m: usize) -> usize {
    [1, 0, 2, 1, 3][m % 5]
}

/// Demands the same numbers but for rounding. A kernel value of standardised products errs by about
/// 2⁻²⁸·|z_i z_j| ≈ 4·10⁻⁸, a prediction by this times √N‖α‖, some tens; else values are exact
/// in the statistic, and with missing calls to 2⁻³⁰. Standard errors are roots of differences.
fn compare(lab: &Lab, what: &str, products: bool) {
    let bound = if products { 1e-6 } else { 1e-9 };
    for (column, bound) in [
        ("y1_PRED", bound),
        ("y2_PRED", bound),
        ("y1_SE", 100.0 * bound),
    ] {
        let [found, expected] = ["a", "b"].map(|p| lab.column(&format!("{p}.sscore"), column));
        assert_eq!(found.len(), expected.len());
        for (who, value) in &expected {
            let [value, other] = [value, &found[who]].map(|v| v.parse::<f64>().unwrap());
            let error = (value - other).abs();
            assert!(
                error <= bound * (1.0 + value.abs()),
                "{what}, {column}: {value} {other}"
            );
        }
    }
}

#[test]
fn a_weight_says_how_often_a_snp_is_there() {
    for missing in ["0", "0.04"] {
        let lab = Lab::with_cohort(&format!(
            "--samples 50 --snps 80 --traits 2 --missing-rate {missing}"
        ));
        let set = lab.plink("s");
        let repeated: Vec<usize> = (0..80).flat_map(|m| vec![m; times(m)]).collect();
        let mut often = set.select(&repeated);
        for (k, snp) in often.snps.iter_mut().enumerate() {
            snp.id = format!("{}_{k}", snp.id);
        }
        often.write(&lab, "often");
        let line = |m: usize| format!("{}\t{}\n", set.snps[m].id, times(m));
        let lines: String = (0..80).rev().map(line).collect();
        lab.write("w", format!("SNP\tWEIGHT\nelsewhere\t7\n{lines}"));
        for kernel in KERNELS {
            let flags = format!("--pheno s.pheno.txt --kernel {kernel} --lambda 0.3");
            let run = lab.succeeds(&format!("fit --bfile s {flags} --snp-weights w --out m"));
            run.says(&["weights of 80 SNPs: 4 values from 0 to 3", "1 SNPs of"]);
            lab.succeeds("predict --model m.epitile --bfile s --interval --out a");
            lab.succeeds(&format!("fit --bfile often {flags} --out n"));
            lab.succeeds("predict --model n.epitile --bfile often --interval --out b");
            let products = !["linear", "gaussian", "poly:2"].contains(&kernel);
            compare(&lab, &format!("{kernel}, missing {missing}"), products);
        }
    }
}

#[test]
fn the_additive_part_of_a_model_with_weights_gives_its_predictions() {
    let lab = Lab::with_cohort("--samples 50 --snps 80");
    let set = lab.plink("s");
    let line = |m: usize| format!("{} {}\n", set.snps[m].id, times(m));
    lab.write("w", (0..80).map(line).collect::<String>());
    for kernel in ["linear", "linear:std", "linear:2pq"] {
        lab.succeeds(&format!(
            "fit --bfile s --pheno s.pheno.txt --pheno-name y1 --kernel {kernel} --lambda 0.3 \
             --snp-weights w --out m"
        ));
        lab.succeeds("predict --model m.epitile --bfile s --out p");
        lab.succeeds("explain --model m.epitile --bfile s --draws 3 --out x");
        let predicted = lab.column("p.sscore", "y1_PRED");
        let additive = lab.column("x.additive.sscore", "y1_ADDITIVE");
        for (who, value) in predicted {
            let [value, other] = [&value, &additive[&who]].map(|v| v.parse::<f64>().unwrap());
            assert!(
                (value - other).abs() <= 1e-8 * (1.0 + value.abs()),
                "{value} {other}"
            );
        }
    }
}
