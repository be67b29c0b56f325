//! What may be claimed: kernel ridge beats ridge where there is epistasis, and not where the
//! truth is additive.

use super::common::data;
use super::files::{epitile, number, table};

/// The difference in MSPE of the best Gaussian setting against the best linear one, with its
/// standard error and the linear MSPE, by trait.
fn differences(set: &str, traits: &str) -> Option<Vec<(String, f64, f64, f64)>> {
    let folder = data(set)?;
    let out = tempfile::tempdir().unwrap();
    let prefix = out.path().join("cv");
    let bfile = folder.join(set).display().to_string();
    let (pheno, folds) = (format!("{bfile}.pheno.txt"), folder.join("folds10.txt"));
    let mut args = vec![
        "cv",
        "--bfile",
        &bfile,
        "--pheno",
        &pheno,
        "--pheno-name",
        traits,
    ];
    args.extend([
        "--folds",
        folds.to_str().unwrap(),
        "--kernel",
        "linear,gaussian",
    ]);
    args.extend([
        "--gamma-scale",
        "0.25,0.5,1,2,4",
        "--lambda",
        "0.1,1,10",
        "--quiet",
    ]);
    args.extend(["--out", prefix.to_str().unwrap()]);
    epitile(&args);
    let rows = table(&prefix.with_extension("cv_summary.tsv"));
    let best = |kernel: &'static str| {
        rows.iter()
            .filter(move |r| r["KERNEL"] == kernel && r["BEST"] == "1")
    };
    let pairs = best("gaussian").zip(best("linear"));
    Some(
        pairs
            .map(|(g, l)| {
                let (name, mspe) = (g["PHENO"].clone(), number(l, "MSPE"));
                (name, number(g, "DIFF_MSPE"), number(g, "SE_DIFF"), mspe)
            })
            .collect(),
    )
}

#[test]
fn kernel_ridge_beats_ridge_on_epistatic_traits_only() {
    let Some(found) = differences("sim_epi", "y_addepi,y_epi,y_addonly,y_noise") else {
        return;
    };
    for (name, difference, error, linear) in found {
        eprintln!("sim_epi {name}: {difference:+.5} ± {error:.5} (linear MSPE {linear:.5})");
        match name.as_str() {
            // 1 % level of Student's t with 9 degrees of freedom, one-sided: 2.82.
            "y_addepi" | "y_epi" => {
                assert!(difference < -2.82 * error && difference < -0.1 * linear)
            }
            "y_addonly" => assert!(difference > -2.82 * error, "{name} claims epistasis"),
            // Pure noise: no λ of the grid shrinks enough and both models are worse than the
            // mean, the linear one more so. That is no claim: neither may explain anything.
            _ => assert!(
                linear > 1.0 && linear + difference > 1.0,
                "{name} explains noise"
            ),
        }
    }
}

#[test]
fn kernel_ridge_does_not_beat_ridge_on_additive_traits() {
    let Some(found) = differences("sim_add", "y_add,y_half") else {
        return;
    };
    for (name, difference, error, linear) in found {
        eprintln!("sim_add {name}: {difference:+.5} ± {error:.5} (linear MSPE {linear:.5})");
        assert!(difference > -2.82 * error, "{name} claims epistasis");
    }
}
