use super::*;

#[test]
fn each_kernel_has_its_rule_for_missing_calls() {
    let rule = |kernel, missing| {
        let options = MatrixOptions::new(kernel);
        MatrixOptions { missing, ..options }.check()
    };
    assert_eq!(rule(Kernel::Ibs, None), Ok(Missing::Pairwise));
    assert_eq!(rule(Kernel::Ibs, Some(Missing::Mean)), Ok(Missing::Mean));
    assert_eq!(rule(Kernel::TwoPq, None), Ok(Missing::Mean));
    let pairwise = Some(Missing::Pairwise);
    assert_eq!(rule(Kernel::TwoPq, pairwise), Ok(Missing::Pairwise));
    for kernel in [Kernel::Linear, Kernel::Standardised, Kernel::Gaussian] {
        assert_eq!(rule(kernel, None), Ok(Missing::Mean));
        assert_eq!(rule(kernel, pairwise).unwrap_err().exit_code(), 8);
    }
}

#[test]
fn kernels_of_counts_of_snps_take_no_weights() {
    let rule = |kernel, missing| {
        MatrixOptions {
            missing,
            weights: Some(vec![1.0]),
            ..MatrixOptions::new(kernel)
        }
        .check()
    };
    assert_eq!(rule(Kernel::TwoPq, None), Ok(Missing::Mean));
    for (kernel, missing) in [
        (Kernel::TwoPq, Some(Missing::Pairwise)),
        (Kernel::Ibs, None),
    ] {
        assert_eq!(rule(kernel, missing).unwrap_err().exit_code(), 8);
    }
}

#[test]
fn a_kernel_with_bandwidth_takes_one_positive_number() {
    let check = |kernel, gammas: &[f64]| {
        let gamma = Gammas::Values(gammas.to_vec());
        MatrixOptions {
            gamma,
            ..MatrixOptions::new(kernel)
        }
        .check()
    };
    assert_eq!(check(Kernel::Laplacian, &[0.1]), Ok(Missing::Mean));
    assert_eq!(check(Kernel::Linear, &[]), Ok(Missing::Mean));
    for wrong in [
        &[][..],
        &[0.1, 0.2],
        &[0.0],
        &[-1.0],
        &[f64::NAN],
        &[f64::INFINITY],
    ] {
        assert_eq!(check(Kernel::Gaussian, wrong).unwrap_err().exit_code(), 8);
    }
}

#[test]
fn rules_for_missing_calls_are_read_back() {
    for rule in [Missing::Mean, Missing::Pairwise] {
        assert_eq!(rule.to_string().parse(), Ok(rule));
    }
    assert!("median".parse::<Missing>().is_err());
}
