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

#[test]
fn a_trait_without_a_solution_leaves_the_others_theirs() {
    let lab = Lab::with_cohort(SNPS);
    // y2 has so few individuals that their kernel is not singular.
    let rows = lab.rows("s.pheno.txt");
    let table: String = rows
        .iter()
        .enumerate()
        .map(|(i, row)| {
            let y2 = if i > 5 { "NA" } else { &row[3] };
            format!("{} {} {} {y2}\n", row[0], row[1], row[2])
        })
        .collect();
    lab.write("few.txt", table.as_bytes());
    let fit = |flags: &str| {
        format!(
            "fit --bfile s --pheno few.txt --kernel linear --lambda 1e-25 --weights --save-factor {flags}"
        )
    };
    let run = lab.succeeds(&fit("--out both"));
    run.says(&["trait y1: ", "the model goes without this trait"]);
    lab.succeeds(&fit("--pheno-name y2 --out one"));
    assert_eq!(lab.rows("both.weights.tsv"), lab.rows("one.weights.tsv"));
    let predict = |model: &str| format!("predict --model {model}.epitile --bfile s --interval");
    lab.succeeds(&format!("{} --out p2", predict("both")));
    lab.succeeds(&format!("{} --out p1", predict("one")));
    assert_eq!(lab.rows("p2.sscore"), lab.rows("p1.sscore"));
    let none = fit("--pheno-name y1 --out none");
    lab.fails(&none, 13, &["choose a larger λ"]);
}
