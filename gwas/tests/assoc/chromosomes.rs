//! Chromosomes that are not in the kernel.

use super::lab::Lab;

#[test]
fn x_and_unplaced_snps_are_tested_beside_all_autosomes() {
    let lab = Lab::with_cohort("--samples 90 --snps 400 --traits 1 --missing-rate 0.02");
    let mut plink = lab.plink("s");
    let third = plink.snps.iter().position(|s| s.chromosome == "3").unwrap();
    for (k, snp) in plink.snps.iter_mut().enumerate() {
        snp.chromosome = match () {
            () if k < 20 => "0".into(),
            () if k >= third + 20 => "23".into(),
            () if k >= third => "scaffold_7".into(),
            () => snp.chromosome.clone(),
        };
    }
    plink.write(&lab, "s");
    for kernel in ["linear", "linear:std,grm^2"] {
        let run = format!("assoc --bfile s --pheno s.pheno.txt --kernel {kernel}");
        let said = lab.succeeds(&format!("{run} --out loco"));
        said.says(&["chromosome X", "males are 0/2"]);
        lab.succeeds(&format!("{run} --no-loco --out all"));
        let [loco, all] = ["loco", "all"].map(|p| lab.rows(&format!("{p}_y1.regenie")));
        for chromosome in ["0", "X", "scaffold_7", "1", "2"] {
            let own = |rows: &[Vec<String>]| -> Vec<Vec<String>> {
                let of = |r: &&Vec<String>| r[0] == chromosome;
                rows.iter().filter(of).cloned().collect()
            };
            let (loco, all) = (own(&loco), own(&all));
            assert!(loco.len() >= 20, "{chromosome}");
            let outside = !["1", "2"].contains(&chromosome);
            assert_eq!(loco == all, outside, "{kernel} {chromosome}");
        }
        // X is in the kernel if it is asked for, and then left out like any other.
        lab.succeeds(&format!("{run} --kernel-chr 1,2,X --out with"));
        let nulls = lab.record("with")["extra"]["null_models"].to_string();
        assert!(nulls.contains("all chromosomes but X"), "{nulls}");
    }
}
