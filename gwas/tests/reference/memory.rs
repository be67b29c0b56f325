//! Memory of a fit.

use super::files::{epitile, record};

/// Fits simulated individuals with these flags; gives the record, if this system tells the peak
/// memory.
fn fitted(snps: &str, flags: &[&str]) -> Option<serde_json::Value> {
    let out = tempfile::tempdir().unwrap();
    let path = |name: &str| out.path().join(name).display().to_string();
    let (cohort, model, scratch) = (path("cohort"), path("model"), out.path().join("scratch"));
    std::fs::create_dir(&scratch).unwrap();
    epitile(&[
        "simulate",
        "--samples",
        "8000",
        "--snps",
        snps,
        "--quiet",
        "--out",
        &cohort,
    ]);
    let pheno = format!("{cohort}.pheno.txt");
    let data = [
        "fit", "--bfile", &cohort, "--pheno", &pheno, "--kernel", "gaussian", "--lambda", "0.5",
    ];
    let scratch = scratch.display().to_string();
    let rest = ["--quiet", "--scratch", &scratch, "--out", &model];
    epitile(&[&data[..], flags, &rest].concat());
    let record = record(&out.path().join("model"));
    if record["peak_rss_bytes"].is_null() {
        eprintln!("SKIPPED: this system does not tell the peak memory");
        return None;
    }
    Some(record)
}

#[test]
fn a_fit_of_8000_individuals_and_10000_snps_in_f32_peaks_below_600_megabytes() {
    let Some(record) = fitted("10000", &["--precision", "f32"]) else {
        return;
    };
    let peak = record["peak_rss_bytes"].as_u64().unwrap();
    eprintln!("peak {:.1} MB", peak as f64 / 1e6);
    assert!(peak < 600_000_000, "{peak} bytes");
}

#[test]
fn a_fit_in_a_quarter_of_the_kernels_memory_stays_within_it() {
    // Pair statistics and FP64 factor: N²/2 numbers of 4 and of 8 bytes.
    let quarter: u64 = 8000 * 8000 / 2 * (4 + 8) / 4 / (1 << 20);
    let memory = quarter.to_string();
    let Some(record) = fitted(
        "2000",
        &["--threads", "2", "--tile", "256", "--memory", &memory],
    ) else {
        return;
    };
    let (peak, extra) = (record["peak_rss_bytes"].as_u64().unwrap(), &record["extra"]);
    let written = extra["scratch_written_bytes"].as_u64().unwrap();
    eprintln!(
        "peak {:.1} MiB of {memory}",
        peak as f64 / f64::from(1 << 20)
    );
    assert!(written >> 20 > 3 * quarter, "{written} bytes in the file");
    assert!(peak >> 20 < quarter, "{peak} bytes");
}
