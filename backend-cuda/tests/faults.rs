//! What goes wrong on a device ends in a clear error, and everything is given back.

use std::fs;
use std::path::Path;

use epitile_core::backend::{Backend, BackendError, ErrorKind, Solve, Trans};
use epitile_core::conformance::sample::Sample;
use epitile_core::pairs::{PairKind, PairStatistic};
use epitile_core::precision::Precision;
use epitile_cuda::{Cuda, CudaError};

mod fake;

/// A bit of everything: statistics, conversions, products, a factor, solves.
fn work(cuda: &Cuda) -> Result<(), CudaError> {
    let mut sample = Sample::new(1);
    for (kind, missing) in [(PairKind::Squared, 30), (PairKind::Absolute, 0)] {
        let genotypes = sample.genotypes(300, &[70], missing);
        let panel = cuda.panel(genotypes.clone())?;
        let statistic = PairStatistic::new(kind, genotypes.counts());
        let pairs = cuda.pairs(&statistic, &panel, None)?;
        cuda.pair_block(&pairs, &[1, 299], &[0, 7, 150])?;
    }
    let a = sample.operand((40, 40), Precision::F16);
    let a = cuda.upload(a.as_ref())?;
    let mut c = cuda.upload(sample.accumulator((40, 40), Precision::F32, 0).as_ref())?;
    cuda.syrk(1.0, &a, &mut c)?;
    cuda.shift(&mut c, 1e4)?;
    cuda.potrf(&mut c)?;
    let mut b = cuda.upload(sample.accumulator((9, 40), Precision::F32, 0).as_ref())?;
    cuda.trsm(Solve::RightTransposed, &c, &mut b)?;
    cuda.norm(&b)?;
    let b = cuda.convert(&b, Precision::F8E4M3, -3)?;
    let x = cuda.upload(sample.accumulator((40, 2), Precision::F64, 0).as_ref())?;
    let mut y = cuda.upload(sample.accumulator((9, 2), Precision::F64, 0).as_ref())?;
    cuda.apply(1.0, (&b, Trans::No), &x, &mut y)?;
    cuda.download(&y)?;
    cuda.synchronize()
}

/// Started by the tests below with a fault in the environment: says what happened.
#[test]
#[ignore = "the tests start it"]
fn happening() {
    let outcome = match Cuda::open(Some(fake::folder().into())) {
        Err(missing) => format!("missing: {missing}"),
        Ok(cuda) => match work(&cuda) {
            Ok(()) => "ok".to_owned(),
            Err(error) => format!("{:?}: {error}", error.kind()),
        },
    };
    println!("<{outcome}>");
}

/// What happens with a fault, once everything was given back.
fn with(variables: &[(&str, &str)], name: &str) -> String {
    let report = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let mut all = vec![("FAKE_REPORT", report.to_str().unwrap())];
    all.extend(variables);
    let output = fake::child("happening", &all);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{variables:?}: {said}");
    let counts = fs::read_to_string(&report).unwrap_or_default();
    for line in counts.lines() {
        assert!(line.ends_with(" 0"), "{variables:?} leaves {line}");
    }
    let (_, rest) = said.split_once('<').expect("it says what happened");
    let (text, _) = rest.split_once(">\n").expect("it says it in full");
    // A line, and what to do.
    assert!(
        !text.contains('\n') && (text == "ok" || text.contains("--backend cpu")),
        "{text}"
    );
    text.to_owned()
}

#[test]
fn what_is_missing_is_said() {
    let missing = |variable, value| with(&[(variable, value)], "missing");
    assert!(missing("FAKE_DEVICES", "0").contains("no device"));
    assert!(missing("FAKE_VERSION", "12080").contains("supports CUDA 12.8, needed is 13.0"));
    assert!(missing("FAKE_CAPABILITY", "7").contains("compute capability 7"));
    // A folder with the driver and nothing else.
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("driver-only");
    fs::create_dir_all(&folder).unwrap();
    fs::copy(fake::folder().join("libcuda.so"), folder.join("libcuda.so")).unwrap();
    let text = missing(fake::CHOSEN, folder.to_str().unwrap());
    // Where CUDA is installed the loader finds the others.
    assert!(
        text.contains("cublasLt cannot be loaded") || !text.starts_with("missing"),
        "{text}"
    );
}

#[test]
fn full_memory_is_an_error_wherever_it_is_met() {
    let mut failures = 0;
    for n in 1..=8 {
        // Memory that was asked for ahead of need is asked for again, just as much as is needed.
        let text = with(&[("FAKE_FAIL_ALLOC", &n.to_string())], "allocation");
        failures += usize::from(text != "ok");
        assert!(text == "ok" || text.starts_with("OutOfMemory"), "{text}");
    }
    assert!(failures > 0);
    let kind = format!("{:?}", ErrorKind::OutOfMemory);
    let mut met = 0;
    for kib in (8..=136).step_by(8) {
        let text = with(&[("FAKE_MEMORY", &(kib << 10).to_string())], "memory");
        met += usize::from(text.starts_with(&kind));
        assert!(
            text == "ok" || text.starts_with(&kind) || text.contains("memory is full"),
            "{text}"
        );
    }
    assert!(met > 5, "{met} sizes were too small");
}

#[test]
fn a_failing_launch_is_an_error_wherever_it_is_met() {
    let mut failed = 0;
    for n in 1.. {
        let text = with(&[("FAKE_FAIL_LAUNCH", &n.to_string())], "launch");
        if text == "ok" {
            break;
        }
        assert!(text.starts_with("Device: the GPU failed"), "{text}");
        failed = n;
    }
    assert!(failed >= 15, "{failed} launches");
}
