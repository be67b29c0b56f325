//! Runs that do not fit, and scratch files that cannot be.

use super::lab::Lab;

/// 1,100 individuals, whose pair statistics and FP64 factor take 10 MB.
fn lab() -> Lab {
    let lab = Lab::with_cohort("--samples 1100 --snps 40");
    std::fs::create_dir(lab.path("scratch")).unwrap();
    lab
}

/// A fit that needs a scratch file for both.
const FIT: &str = "fit --bfile s --pheno s.pheno.txt --kernel gaussian --lambda 1 --threads 1 \
                   --memory 26 --out o";

#[test]
fn a_run_that_does_not_fit_is_told_the_scratch_file_that_would_do() {
    let lab = lab();
    let parts = [
        "the run needs about",
        "--memory allows 26 MiB",
        "--precision f32 or adaptive",
        "--scratch DIR with 9 MiB free on a disk",
        "of the individuals",
    ];
    lab.fails(FIT, 2, &parts);
    // Nothing helps here: no folder is named.
    let tiny = FIT.replace("--memory 26", "--memory 3");
    lab.fails(&tiny, 2, &["--memory allows 3 MiB", "or more memory"]);
    for command in [
        "cv --bfile s --pheno s.pheno.txt --kernel gaussian --gamma-scale 1 --lambda 1 --folds 3",
        "kernel --bfile s --kernel gaussian",
    ] {
        let line = format!("{command} --threads 1 --memory 20 --out o");
        lab.fails(&line, 2, &["--memory allows 20 MiB", "of the individuals"]);
    }
    lab.fails(
        "bench --samples 1100 --snps 40 --runs 1 --threads 1 --memory 20",
        2,
        &["--memory allows 20 MiB"],
    );
}

#[test]
fn what_must_be_in_memory_even_with_a_scratch_file_is_told() {
    let lab = lab();
    let line = FIT.replace("--memory 26", "--memory 19 --scratch scratch");
    let parts = [
        "even with --scratch the run needs about",
        "--memory allows 19 MiB",
        "a smaller --tile",
    ];
    lab.fails(&line, 2, &parts);
    let line = FIT.replace("--memory 26", "--memory 1 --scratch scratch");
    lab.fails(&line, 2, &["even with --scratch", "or more memory"]);
}

#[test]
fn a_folder_that_takes_no_scratch_file_is_named() {
    let lab = lab();
    lab.fails(
        &format!("{FIT} --scratch nowhere"),
        5,
        &["cannot write nowhere", "no such file or folder"],
    );
    lab.fails(
        &format!("{FIT} --scratch s.bed"),
        5,
        &["cannot write s.bed", "not a folder"],
    );
    // More than 2⁴⁴ MiB is more than can be counted in bytes, and enough; a run that fits does not
    // look at the folder.
    let line = FIT.replace("--memory 26", "--memory 17592186044416");
    lab.succeeds(&format!("{line} --scratch nowhere"));
}

#[test]
#[cfg(target_os = "linux")]
fn a_scratch_file_that_cannot_grow_ends_the_run_and_leaves_nothing() {
    let lab = lab();
    // A limit on the size of files stands for a full disk.
    let line = format!("{FIT} --scratch scratch");
    let shell = format!(
        "trap '' XFSZ; ulimit -f 2000; exec {} {line}",
        env!("CARGO_BIN_EXE_epitile")
    );
    let output = std::process::Command::new("sh")
        .args(["-c", &shell])
        .current_dir(lab.path(""))
        .output()
        .unwrap();
    let log = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(5), "{log}");
    for part in [
        "cannot write the scratch file in scratch",
        "MiB had been written",
    ] {
        assert!(log.contains(part), "no '{part}' in\n{log}");
    }
    assert!(!log.contains("panicked"), "{log}");
    let left = std::fs::read_dir(lab.path("scratch")).unwrap().count();
    assert_eq!(left, 0);
}
