//! Settings without a solution.

use super::lab::Lab;

/// A kernel of rank 20 at most, singular to rounding at λ = 1e-25.
const SNPS: &str = "--samples 60 --snps 20 --traits 2 --missing-rate 0";

#[test]
fn a_setting_without_a_solution_leaves_the_others_theirs() {
    let lab = Lab::with_cohort(SNPS);
    for scheme in ["--folds 3", "--loo", "--folds 4 --nested"] {
        let line = format!("cv --bfile s --pheno s.pheno.txt --kernel linear {scheme}");
        let run = lab.succeeds(&format!("{line} --lambda 1e-25,1,2 --out some"));
        run.says(&["trait y1, linear λ=", "goes without this setting"]);
        lab.succeeds(&format!("{line} --lambda 1,2 --out all"));
        for table in ["cv.tsv", "cv_predictions.tsv"] {
            let [some, all] = ["some", "all"].map(|o| lab.rows(&format!("{o}.{table}")));
            assert_eq!(some, all, "{scheme}: {table}");
        }
        lab.fails(
            &format!("{line} --lambda 1e-25 --out none"),
            13,
            &["choose a larger λ"],
        );
    }
}
