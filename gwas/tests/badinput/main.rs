//! Input that is broken, contradictory or degenerate: what the program says, its exit code, and
//! that it leaves no half-written file.

#[path = "../common/lab/mod.rs"]
mod lab;

mod covariates;
mod degenerate;
mod filters;
mod flags;
mod genotypes;
mod memory;
mod models;
mod screens;
mod traits;

use lab::Lab;

/// 50 individuals, 60 SNPs, three traits `y1`, `y2`, `y3`, some calls missing.
fn lab() -> Lab {
    Lab::with_cohort("--samples 50 --snps 60 --traits 3 --missing-rate 0.02")
}

/// A short validation with the prefix `s`, its phenotypes, and output `o`.
const CV: &str = "cv --bfile s --pheno s.pheno.txt --kernel linear,gaussian --gamma-scale 1 \
                  --lambda 1 --folds 3 --out o";

/// The same with `new` for `old`.
fn cv(old: &str, new: &str) -> String {
    assert!(CV.contains(old));
    CV.replace(old, new)
}

impl Lab {
    /// Copies the fileset `s` to `b`, to be broken.
    fn copy(&self) {
        for end in ["bed", "bim", "fam"] {
            self.write(&format!("b.{end}"), self.bytes(&format!("s.{end}")));
        }
    }

    /// Appends columns to the phenotypes: header and cell of every individual; the table `p`.
    fn phenotypes(&self, header: &str, cell: impl Fn(usize) -> String) {
        let text = self.text("s.pheno.txt");
        let mut lines = text.lines();
        let mut all = format!("{}\t{header}\n", lines.next().unwrap());
        for (i, line) in lines.enumerate() {
            all += &format!("{line}\t{}\n", cell(i));
        }
        self.write("p", all);
    }
}
