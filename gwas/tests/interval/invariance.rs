//! What standard errors do not depend on.

use super::lab::Lab;

fn lab() -> Lab {
    let lab = Lab::with_cohort("--samples 90 --snps 150 --traits 2 --missing-rate 0.02");
    lab.lose(|i, t| t == 1 && i % 4 == 0);
    lab.covariates(90);
    lab
}

const FIT: &str = "fit --bfile s --kernel gaussian --lambda 0.3 --precision adaptive";

#[test]
fn standard_errors_do_not_depend_on_the_other_new_individuals() {
    let lab = lab();
    lab.succeeds(&format!("{FIT} --pheno s.pheno.txt --out m"));
    lab.succeeds("predict --model m.epitile --bfile s --interval --out all");
    lab.plink("s").individuals(&[70, 3, 8]).write(&lab, "few");
    lab.succeeds("predict --model m.epitile --bfile few --interval --out few");
    let all = lab.rows("all.sscore");
    let few = lab.rows("few.sscore");
    for (row, i) in few[1..].iter().zip([70, 3, 8]) {
        assert_eq!(*row, all[i + 1]);
    }
}

/// New individuals are taken 2,048 at a time, and standard errors 64 at a time.
#[test]
fn many_new_individuals_are_predicted_as_few() {
    let lab = lab();
    lab.succeeds(&format!(
        "{FIT} --pheno s.pheno.txt --kernel-covar age --covar c --out m"
    ));
    let set = lab.plink("s");
    let order: Vec<usize> = (0..2200).map(|i| (i * i + i) % 90).collect();
    let mut many = set.individuals(&order);
    let mut covariates = "FID IID age\n".to_owned();
    let ages = lab.column("c", "age");
    for (i, sample) in many.samples.iter_mut().enumerate() {
        covariates += &format!("{i} {i} {}\n", ages[&sample.id().to_string()]);
        (sample.fid, sample.iid) = (i.to_string(), i.to_string());
    }
    many.write(&lab, "many");
    lab.write("d", covariates);
    let predict = "predict --model m.epitile --interval";
    lab.succeeds(&format!("{predict} --bfile s --covar c --out few"));
    lab.succeeds(&format!("{predict} --bfile many --covar d --out many"));
    let (few, many) = (lab.rows("few.sscore"), lab.rows("many.sscore"));
    for (row, of) in many[1..].iter().zip(order) {
        assert_eq!(row[2..], few[of + 1][2..], "{row:?}");
    }
}

#[test]
fn predictions_do_not_depend_on_asking_for_standard_errors() {
    let lab = lab();
    for keep in ["", "--save-factor"] {
        lab.succeeds(&format!("{FIT} --pheno s.pheno.txt {keep} --out m"));
        lab.succeeds("predict --model m.epitile --bfile s --interval --out with");
        lab.succeeds("predict --model m.epitile --bfile s --out without");
        for of in ["y1_PRED", "y2_PRED"] {
            assert_eq!(
                lab.column("with.sscore", of),
                lab.column("without.sscore", of)
            );
        }
        assert_eq!(
            lab.rows("without.sscore")[0],
            ["#FID", "IID", "y1_PRED", "y2_PRED"]
        );
    }
}

/// σ̂² of (y + c): the fit of the intercept takes the shift, to rounding of the shifted values.
#[test]
fn a_large_mean_costs_standard_errors_no_accuracy_but_that_of_the_values() {
    let lab = lab();
    let rows = lab.rows("s.pheno.txt");
    let mut text = "FID IID plain shifted\n".to_owned();
    for row in &rows[1..] {
        // 20 bits after the point survive the shift by 2³⁰ unrounded.
        let y = (row[2].parse::<f64>().unwrap() * 1048576.0).round() / 1048576.0;
        text += &format!("{} {} {y} {}\n", row[0], row[1], y + 1073741824.0);
    }
    lab.write("p", text);
    lab.succeeds(&format!("{FIT} --pheno p --out m"));
    lab.succeeds("predict --model m.epitile --bfile s --interval --out new");
    let [plain, shifted] = ["plain_SE", "shifted_SE"].map(|c| lab.column("new.sscore", c));
    for (who, a) in &plain {
        let (a, b) = (
            a.parse::<f64>().unwrap(),
            shifted[who].parse::<f64>().unwrap(),
        );
        // Residuals of the shifted trait are off by some units of 2³⁰·2⁻⁵³ ≈ 10⁻⁷ each.
        assert!((a - b).abs() <= 90.0 * 1e-7 * a, "{who}: {a} and {b}");
    }
}

#[test]
fn a_trait_without_residuals_has_standard_error_zero() {
    let lab = lab();
    // A linear function of a covariate: b̂ explains everything but rounding.
    let mut covariates = "FID IID age\n".to_owned();
    let mut traits = "FID IID y\n".to_owned();
    for i in 1..=90 {
        covariates += &format!("id{i} id{i} {}\n", i * 7 % 90);
        traits += &format!("id{i} id{i} {}\n", 2 * (i * 7 % 90) + 5);
    }
    lab.write("c", covariates);
    lab.write("p", traits);
    lab.succeeds(&format!("{FIT} --pheno p --covar c --out m"));
    lab.succeeds("predict --model m.epitile --bfile s --covar c --interval --out new");
    for row in &lab.rows("new.sscore")[1..] {
        let [y, se, se_new] = [2, 3, 4].map(|c| row[c].parse::<f64>().unwrap());
        let i: usize = row[0][2..].parse().unwrap();
        let bound = 90.0 * 200.0 * f64::EPSILON;
        assert!(
            (y - (2 * (i * 7 % 90) + 5) as f64).abs() <= bound,
            "{row:?}"
        );
        assert!(
            (0.0..=bound).contains(&se) && (0.0..=bound).contains(&se_new),
            "{row:?}"
        );
    }
}
