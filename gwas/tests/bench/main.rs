//! `epitile bench`: what its record holds, and what it refuses.

#[path = "../common/lab/mod.rs"]
mod lab;

use lab::Lab;
use serde_json::Value;

/// A short run.
const BENCH: &str = "bench --samples 60 --snps 200 --traits 3 --runs 2 --tile 16";

const PHASES: [&str; 6] = ["load", "build", "prepare", "factor", "solve", "predict"];

fn record(lab: &Lab, flags: &str) -> (Value, String) {
    let run = lab.succeeds(&format!("{BENCH} --json b.json {flags}"));
    let record = serde_json::from_str(&lab.text("b.json")).unwrap();
    (record, run.out)
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value}"))
}

#[test]
fn the_record_has_times_operations_and_errors_that_fit_together() {
    let lab = Lab::new();
    let (record, table) = record(&lab, "--precision adaptive --threads 1");
    for (key, value) in [
        ("samples", 60),
        ("snps", 200),
        ("traits", 3),
        ("predicted", 60),
    ] {
        assert_eq!(record[key], value, "{key}");
    }
    let [ref scaling] = record["scaling"].as_array().unwrap()[..] else {
        panic!("{record}");
    };
    assert_eq!(scaling["threads"], 1);
    for name in PHASES {
        let phase = &scaling["phases"][name];
        assert_eq!(phase["seconds"].as_array().unwrap().len(), 2, "{name}");
        let [least, median, most] = ["min_s", "median_s", "max_s"].map(|k| number(&phase[k]));
        assert!(0.0 < least && least <= median && median <= most, "{name}");
        let counted = !["load", "prepare"].contains(&name);
        assert_eq!(phase["rate"].is_f64(), counted, "{name}");
        if counted {
            let rate = number(&phase["operations"]) / median / 1e9;
            let error = (number(&phase["rate"]) - rate).abs();
            // Both are the same two divisions.
            assert!(error <= 2.0 * f64::EPSILON * rate, "{name}");
            assert!(number(&phase["fraction"]) > 0.0, "{name}");
        }
        assert!(table.contains(name), "{table}");
    }
    assert_eq!(
        number(&scaling["phases"]["build"]["operations"]),
        60.0 * 60.0 * 200.0
    );

    // N(N+1)(2N+1)/6 operations, N(N+1)/2 entries and the squares of four diagonal tiles.
    let formats = record["factor"]["formats"].as_object().unwrap();
    let all = |key: &str| formats.values().map(|f| number(&f[key])).sum::<f64>();
    assert_eq!(all("tiles"), 10.0);
    let operations = |f: &Value| {
        let kinds = f["operations"].as_object().unwrap();
        kinds.values().map(number).sum::<f64>()
    };
    let total: f64 = formats.values().map(operations).sum();
    assert_eq!(total, 60.0 * 61.0 * 121.0 / 6.0);
    assert_eq!(number(&scaling["phases"]["factor"]["operations"]), total);

    let error = &record["backward_error"];
    assert!(number(&error["after"]) <= number(&error["before"]));
    assert!(number(&error["scaled"]) <= 16.0);
    assert!(record["iterations"].as_u64() >= Some(1));
    assert!(record["passes"].as_u64() >= Some(1));
    assert_eq!(record["factor"]["policy"], "adaptive:0.5");
    // Unrelated individuals: only the mean of the kernel stands out.
    assert_eq!(record["factor"]["deflation"], 1);
    let ceilings = scaling["ceilings"].as_array().unwrap();
    assert!(ceilings.iter().all(|c| number(&c["all"]) > 0.0));
}

#[test]
fn the_kernel_is_neither_constant_nor_the_identity() {
    let lab = Lab::new();
    let (record, _) = record(&lab, "--threads 1");
    let quantiles = record["kernel_quantiles"].as_array().unwrap();
    let quantiles: Vec<f64> = quantiles.iter().map(number).collect();
    assert!(quantiles.is_sorted());
    assert!(quantiles[1] > 0.01 && quantiles[5] < 0.99, "{quantiles:?}");
    // γ is one over the median distance.
    assert!((quantiles[3] - (-1.0f64).exp()).abs() < 4.0 * f64::EPSILON);
    let parts = [
        "nearly constant or nearly the identity",
        "simulate other sizes",
    ];
    lab.fails(
        "bench --samples 40 --snps 4 --traits 1 --runs 1",
        13,
        &parts,
    );
}

#[test]
fn several_numbers_of_threads_give_the_same_solution_and_a_chart() {
    let lab = Lab::new();
    let (one, _) = record(&lab, "--precision f32 --threads 2,1,3 --chart b.svg");
    let scaling = one["scaling"].as_array().unwrap();
    let threads: Vec<u64> = scaling
        .iter()
        .map(|s| s["threads"].as_u64().unwrap())
        .collect();
    assert_eq!(threads, [2, 1, 3]);
    let (other, _) = record(&lab, "--precision f32 --threads 1");
    for key in [
        "backward_error",
        "iterations",
        "factor",
        "gamma",
        "kernel_quantiles",
    ] {
        assert_eq!(one[key], other[key], "{key}");
    }
    let chart = lab.text("b.svg");
    well_formed(&chart);
    for text in PHASES
        .into_iter()
        .chain(["ideal", "threads", "N = 60, M = 200, f32"])
    {
        assert!(chart.contains(text), "no '{text}' in\n{chart}");
    }
}

/// Checks that every element of an SVG is closed where it should be.
fn well_formed(svg: &str) {
    assert!(svg.starts_with("<svg "), "{svg}");
    let mut open = Vec::new();
    for tag in svg.split('<').skip(1) {
        let (tag, text) = tag.split_once('>').unwrap_or_else(|| panic!("<{tag}"));
        assert!(!text.contains('>'), "{text}");
        let name = tag.split_whitespace().next().unwrap_or_default();
        match name.strip_prefix('/') {
            Some(name) => assert_eq!(open.pop(), Some(name), "{tag}"),
            None if tag.ends_with('/') => {}
            None => open.push(name),
        }
        assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
    }
    assert!(open.is_empty(), "{open:?}");
}

#[test]
fn lists_of_threads_that_make_no_sense_are_refused() {
    let lab = Lab::new();
    for (threads, parts) in [
        ("1,1", ["--threads 1", "twice"]),
        ("1,0", ["--threads 0", "only by itself"]),
        ("2,100000", ["--threads 100000", "expected at most"]),
        ("1,two", ["'two'", "--threads"]),
        ("1,", ["''", "--threads"]),
        ("-1", ["-1", "--threads"]),
    ] {
        lab.fails(
            &format!("{BENCH} --threads {threads} --json b.json"),
            8,
            &parts,
        );
    }
}

#[test]
fn a_solution_that_is_not_accurate_is_no_result() {
    let lab = Lab::new();
    let line = format!("{BENCH} --precision f32 --no-refine --json b.json --chart b.svg");
    let parts = ["× N·2⁻⁵³, the benchmark accepts 16", "--no-refine"];
    lab.fails(&line, 13, &parts);
    // Unrefined FP64 is within the bound.
    record(&lab, "--precision f64 --no-refine");
}

#[test]
fn a_system_that_does_not_fit_the_memory_is_refused() {
    let lab = Lab::new();
    let line = "bench --samples 1000 --snps 50 --traits 1 --runs 1 --memory 2";
    lab.fails(line, 2, &["the run needs about", "--memory allows 2 MiB"]);
}
