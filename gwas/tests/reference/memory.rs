//! Memory of a fit.

use super::files::{epitile, record};

#[test]
fn a_fit_of_8000_individuals_and_10000_snps_in_f32_peaks_below_600_megabytes() {
    let out = tempfile::tempdir().unwrap();
    let path = |name: &str| out.path().join(name).display().to_string();
    let (cohort, model) = (path("cohort"), path("model"));
    epitile(&[
        "simulate",
        "--samples",
        "8000",
        "--snps",
        "10000",
        "--quiet",
        "--out",
        &cohort,
    ]);
    let pheno = format!("{cohort}.pheno.txt");
    let data = [
        "fit", "--bfile", &cohort, "--pheno", &pheno, "--kernel", "gaussian",
    ];
    let rest = [
        "--lambda",
        "0.5",
        "--precision",
        "f32",
        "--quiet",
        "--out",
        &model,
    ];
    epitile(&[&data[..], &rest].concat());
    let record = record(&out.path().join("model"));
    let Some(peak) = record["peak_rss_bytes"].as_u64() else {
        return eprintln!("SKIPPED: this system does not tell the peak memory");
    };
    eprintln!("peak {:.1} MB", peak as f64 / 1e6);
    assert!(peak < 600_000_000, "{peak} bytes");
}
