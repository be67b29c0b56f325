//! Running the program and reading tables.

use std::collections::HashMap;
use std::io::Read;
use std::path::Path;
use std::process::Command;

/// Rows of a table as name → cell.
pub(crate) type Rows = Vec<HashMap<String, String>>;

/// Reads a table with a header; blanks or tabs, gzip or not.
pub(crate) fn table(path: &Path) -> Rows {
    let bytes = std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut text = String::new();
    match path.extension().is_some_and(|e| e == "gz") {
        true => flate2::read::GzDecoder::new(&*bytes)
            .read_to_string(&mut text)
            .unwrap(),
        false => bytes.as_slice().read_to_string(&mut text).unwrap(),
    };
    let mut lines = text.lines().map(|l| l.split_whitespace().map(String::from));
    let header: Vec<String> = lines.next().unwrap().collect();
    lines
        .map(|cells| header.iter().cloned().zip(cells).collect())
        .collect()
}

/// A cell as a number; NaN for `NA`.
pub(crate) fn number(row: &HashMap<String, String>, name: &str) -> f64 {
    match row[name].as_str() {
        "NA" | "nan" => f64::NAN,
        text => text.parse().unwrap_or_else(|_| panic!("{name} = {text}")),
    }
}

/// Runs `epitile` with these arguments; it must succeed.
pub(crate) fn epitile(args: &[&str]) {
    let run = Command::new(env!("CARGO_BIN_EXE_epitile"))
        .args(args)
        .output()
        .unwrap();
    assert!(
        run.status.success(),
        "{args:?}: {}",
        String::from_utf8_lossy(&run.stderr)
    );
}

/// `PREFIX.run.json`.
pub(crate) fn record(prefix: &Path) -> serde_json::Value {
    let path = prefix.with_extension("run.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}
