//! The fake cuBLASLt demands what the vendor's documents demand: what they refuse, it refuses, and what
//! this crate asks for it takes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

mod fake;

/// `fake/rules.cpp`, compiled once.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let (folder, source) = (fake::folder(), Path::new(env!("CARGO_MANIFEST_DIR")));
        let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("rules");
        let compiler = std::env::var("CXX").unwrap_or_else(|_| "c++".into());
        let mut build = Command::new(compiler);
        build.arg("-std=c++17").arg(source.join("fake/rules.cpp"));
        build.arg("-L").arg(folder).args(["-lcublasLt", "-lcuda"]);
        build.arg(format!("-Wl,-rpath,{}", folder.display()));
        assert!(build.arg("-o").arg(&program).status().unwrap().success());
        program
    })
}

/// What it finds, by case.
fn findings(variables: &[(&str, &str)]) -> BTreeMap<String, String> {
    let mut command = Command::new(program());
    let output = command.envs(variables.iter().copied()).output();
    let text = String::from_utf8(output.unwrap().stdout).unwrap();
    let lines = text.lines().map(|line| line.rsplit_once(": ").unwrap());
    lines.map(|(case, end)| (case.into(), end.into())).collect()
}

const TAKEN: [&str; 7] = [
    "E4M3 × E4M3",
    "E5M2 × E4M3",
    "E4M3, columns 48 apart",
    "E4M3 with scales",
    "F16 × F16",
    "I8 × I8",
    "factors on the device",
];

/// Errors that the library returns.
const REFUSED: [&str; 15] = [
    "E5M2 × E5M2",
    "E4M3, NN",
    "E4M3, NT",
    "E4M3, TT",
    "E4M3, 24 rows",
    "E4M3, 24 columns",
    "E4M3, 24 products",
    "E4M3, columns 40 apart",
    "E4M3 × F16",
    "E4M3 to F16",
    "F16 with scales",
    "I8, NN",
    "I8, 30 rows",
    "I8, 30 products",
    "I8, columns 40 apart",
];

/// What would read or write where it must not.
const BROKEN: [&str; 6] = [
    "columns that overlap",
    "A off by 16 bytes",
    "B off by 16 bytes",
    "C off by 16 bytes",
    "factors on the host for the device",
    "an algorithm of another shape",
];

#[test]
fn products_that_the_documents_refuse_are_refused() {
    let findings = findings(&[]);
    for (cases, end) in [
        (&TAKEN[..], "taken"),
        (&REFUSED[..], "refused"),
        (&BROKEN[..], "broken"),
    ] {
        for case in cases {
            assert_eq!(findings[*case], end, "{case}");
        }
    }
    let known = TAKEN.len() + REFUSED.len() + BROKEN.len();
    assert_eq!(findings.len(), known, "{findings:?}");
}

#[test]
fn products_of_8_bits_are_refused_before_ada() {
    let before = [("FAKE_CAPABILITY", "8"), ("FAKE_MINOR", "6")];
    let findings = findings(&before);
    assert_eq!(findings["E4M3 × E4M3"], "refused");
    assert_eq!(findings["F16 × F16"], "taken");
}
