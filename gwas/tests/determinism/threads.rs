//! Threads.

use super::common::data;
use super::lab::Lab;
use super::{KERNELS, PRECISIONS, same};

/// 173 individuals in tiles of 24 rows: eight block rows, the last one short.
fn lab() -> Lab {
    let lab = Lab::with_cohort("--samples 173 --snps 400 --traits 3 --missing-rate 0.02");
    lab.lose(|i, t| t > 0 && (i * 7 + t) % 11 == 0);
    lab.covariates(173);
    lab
}

#[test]
fn validations_are_the_same_bytes_for_any_number_of_threads() {
    let lab = lab();
    for precision in PRECISIONS {
        let line = |threads: usize| {
            format!(
                "cv --bfile s --pheno s.pheno.txt --covar c --cat-covar site --kernel {} \
                 --gamma-scale 0.5,2 --lambda 0.05,1 --folds 4 --nested --tile 24 --precision \
                 {precision} --threads {threads} --out t{threads}",
                KERNELS.join(",")
            )
        };
        for threads in [1, 2, 7] {
            lab.succeeds(&line(threads));
            same(&lab, "t1", &format!("t{threads}"), precision);
        }
        let evidence = |prefix: &str| lab.record(prefix)["extra"]["certificate"].clone();
        assert_eq!(evidence("t1"), evidence("t2"), "{precision}");
        assert_eq!(evidence("t1")["certified"], evidence("t1")["solutions"]);
    }
}

#[test]
fn models_are_the_same_bytes_for_any_number_of_threads() {
    let lab = lab();
    for precision in PRECISIONS {
        for kernel in KERNELS {
            let line = |threads: usize| {
                format!(
                    "fit --bfile s --pheno s.pheno.txt --covar c --cat-covar site --kernel {kernel} \
                     --lambda 0.1 --tile 24 --precision {precision} --embed --save-factor --weights \
                     --threads {threads} --out t{threads}"
                )
            };
            for threads in [1, 2, 7] {
                lab.succeeds(&line(threads));
                same(
                    &lab,
                    "t1",
                    &format!("t{threads}"),
                    &format!("{kernel}, {precision}"),
                );
            }
        }
    }
}

#[test]
fn predictions_and_matrices_are_the_same_bytes_for_any_number_of_threads() {
    let lab = lab();
    for kernel in KERNELS {
        let fit = "fit --bfile s --pheno s.pheno.txt --lambda 0.1 --tile 24 --precision adaptive";
        lab.succeeds(&format!("{fit} --kernel {kernel} --out m"));
        for threads in [1, 2, 7] {
            let predict = "predict --model m.epitile --bfile s --interval";
            lab.succeeds(&format!("{predict} --threads {threads} --out t{threads}"));
            let matrix = format!("kernel --bfile s --kernel {kernel} --missing mean");
            lab.succeeds(&format!("{matrix} --threads {threads} --out t{threads}"));
            same(&lab, "t1", &format!("t{threads}"), kernel);
        }
    }
}

#[test]
fn simulations_are_the_same_bytes_every_time() {
    let lab = Lab::new();
    for prefix in ["a", "b"] {
        let line = "simulate --samples 40 --snps 300 --missing-rate 0.1 --traits 2 --families 4";
        lab.succeeds(&format!("{line} --seed 5 --out {prefix}"));
    }
    same(&lab, "a", "b", "simulate");
}

/// Above 96 individuals fits have several tiles by themselves.
#[test]
fn real_cohorts_give_the_same_bytes_for_any_number_of_threads() {
    let Some(folder) = data("hapmap3") else {
        return;
    };
    let lab = Lab::new();
    let set = folder.join("hapmap3").display().to_string();
    for precision in ["adaptive", "uniform:f8e4m3"] {
        let line = |threads: usize| {
            format!(
                "fit --bfile {set} --pheno {set}.pheno.txt --pheno-name trait --chr 1-22 --kernel \
                 gaussian --lambda 0.01 --precision {precision} --save-factor --threads {threads} \
                 --out t{threads}"
            )
        };
        lab.succeeds(&line(1));
        lab.succeeds(&line(2));
        same(&lab, "t1", "t2", precision);
    }
}
