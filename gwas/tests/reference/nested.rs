//! Nested selection: settings are chosen without the fold on which they are scored.

use super::common::data;
use super::files::{epitile, number, table};

#[test]
fn nested_selection_uses_nothing_of_the_outer_fold() {
    let Some(folder) = data("wheat") else { return };
    let out = tempfile::tempdir().unwrap();
    let path = |name: &str| out.path().join(name).display().to_string();
    let bfile = folder.join("wheat").display().to_string();
    let (pheno, folds) = (format!("{bfile}.pheno.txt"), folder.join("folds10.txt"));
    // γ itself, since the median depends on who is there; a Gaussian kernel, which depends on no
    // SNP means.
    let grid = [
        "--kernel",
        "gaussian",
        "--gamma",
        "0.0002,0.0006,0.002",
        "--lambda",
        "0.03,0.3,3",
    ];
    let cv = |folds: &str, rest: &[&str], prefix: &str| {
        let mut args = vec![
            "cv",
            "--bfile",
            &bfile,
            "--pheno",
            &pheno,
            "--pheno-name",
            "env1,env3",
        ];
        args.extend(["--folds", folds, "--quiet", "--out", prefix]);
        args.extend(grid);
        args.extend(rest);
        epitile(&args);
    };
    cv(folds.to_str().unwrap(), &["--nested"], &path("nested"));
    let nested = table(&out.path().join("nested.cv_nested.tsv"));
    let all = table(&out.path().join("nested.cv.tsv"));
    assert_eq!(nested.len(), 2 * 10);
    let keys = ["PHENO", "KERNEL", "GAMMA", "LAMBDA", "FOLD"];
    for row in &nested {
        let same = all
            .iter()
            .find(|r| keys.iter().all(|k| r[*k] == row[*k]))
            .unwrap();
        assert_eq!(row, same, "the score is that of the setting chosen");
    }
    for fold in ["3", "10"] {
        // The same without the outer fold's individuals: the best setting there is the choice.
        let gone: String = table(&folds)
            .iter()
            .filter(|r| r["fold"] == fold)
            .map(|r| format!("{} {}\n", r["FID"], r["IID"]))
            .collect();
        std::fs::write(path("gone.txt"), gone).unwrap();
        let text = std::fs::read_to_string(&folds).unwrap();
        let stay = text
            .lines()
            .filter(|l| l.split(' ').next_back() != Some(fold));
        let stay: String = stay.map(|l| format!("{l}\n")).collect();
        std::fs::write(path("folds.txt"), stay).unwrap();
        cv(
            &path("folds.txt"),
            &["--remove", &path("gone.txt")],
            &path("inner"),
        );
        let inner = table(&out.path().join("inner.cv_summary.tsv"));
        for best in inner.iter().filter(|r| r["BEST"] == "1") {
            let chosen = nested
                .iter()
                .find(|r| r["PHENO"] == best["PHENO"] && r["FOLD"] == fold)
                .unwrap();
            for name in ["GAMMA", "LAMBDA"] {
                assert_eq!(
                    number(chosen, name),
                    number(best, name),
                    "{fold} {}",
                    best["PHENO"]
                );
            }
        }
    }
}
