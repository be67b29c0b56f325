//! The test for variance beside an additive model.

use crate::common::data;
use crate::draws::additive_traits;
use crate::lab::Lab;

#[test]
fn epistatic_traits_are_found_and_additive_ones_are_not() {
    let Some(set) = data("sim_epi") else { return };
    let lab = Lab::new();
    let prefix = set.join("sim_epi");
    lab.succeeds(&format!(
        "epistasis --global --bfile {0} --pheno {0}.pheno.txt --out e",
        prefix.display()
    ));
    for (name, found) in [
        ("y_addepi", true),
        ("y_epi", true),
        ("y_addonly", false),
        ("y_noise", false),
    ] {
        let rows = lab.rows(&format!("e_{name}.global.tsv"));
        let log10p: f64 = rows[1][5].parse().unwrap();
        eprintln!("{name}: −log10 p {log10p} ({})", rows[1][6]);
        match found {
            true => assert!(log10p > 6.0, "{name} {rows:?}"),
            false => assert!(log10p < -0.05_f64.log10(), "{name} {rows:?}"),
        }
    }
}

#[test]
fn p_values_of_additive_traits_are_uniform() {
    let lab = Lab::with_cohort("--samples 500 --snps 900 --families 5 --seed 4");
    let count = 200;
    lab.write("t", additive_traits(&lab, count, 0.5, None));
    lab.succeeds("epistasis --global --bfile s --pheno t --out e");
    let mut p: Vec<f64> = (0..count)
        .map(|t| {
            let rows = lab.rows(&format!("e_t{t}.global.tsv"));
            10_f64.powf(-rows[1][5].parse::<f64>().unwrap())
        })
        .collect();
    p.sort_by(f64::total_cmp);
    // Kolmogorov and Smirnov: the largest distance from the diagonal.
    let n = count as f64;
    let distance = p.iter().enumerate().fold(0.0, |d: f64, (i, p)| {
        d.max((p - i as f64 / n).abs())
            .max(((i + 1) as f64 / n - p).abs())
    });
    let below = p.iter().filter(|p| **p <= 0.05).count();
    eprintln!("distance {distance:.4}, {below} of {count} at 5 %");
    // Above 1.628/√n with probability 1 %.
    assert!(distance < 1.628 / n.sqrt(), "{distance}");
}
