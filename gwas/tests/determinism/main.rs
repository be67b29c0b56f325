//! Equal input gives equal bytes, for any number of threads and whatever else is in the run.

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/lab.rs"]
mod lab;

mod order;
mod threads;
mod together;

use lab::{Lab, noise};

/// Number formats of the factor: FP64, chosen tile by tile, and 8 bits throughout.
const PRECISIONS: [&str; 3] = ["f64", "adaptive", "uniform:f8e4m3"];

/// Kernels of every pair statistic.
const KERNELS: [&str; 4] = ["linear", "gaussian", "grm^2", "ibs"];

impl Lab {
    /// Puts NA into the phenotypes `s.pheno.txt`: individuals for whom `gone(i, t)` holds lack
    /// trait `t`.
    fn lose(&self, gone: impl Fn(usize, usize) -> bool) {
        let rows = self.rows("s.pheno.txt");
        let mut text = rows[0].join("\t") + "\n";
        for (i, row) in rows[1..].iter().enumerate() {
            let cell = |(c, cell): (usize, &String)| match c >= 2 && gone(i, c - 2) {
                true => "NA".to_owned(),
                false => cell.clone(),
            };
            let cells: Vec<String> = row.iter().enumerate().map(cell).collect();
            text += &(cells.join("\t") + "\n");
        }
        self.write("s.pheno.txt", text);
    }

    /// A table `c` of an age, a site, and an age that some lack.
    fn covariates(&self, samples: usize) {
        let mut text = "FID IID age site late\n".to_owned();
        for i in 0..samples {
            let site = ["north", "south", "west"][(3.0 * noise(i + samples)) as usize];
            let late = match i % 19 {
                7 => "NA".to_owned(),
                _ => format!("{}", noise(i + 2 * samples)),
            };
            text += &format!(
                "id{0} id{0} {1} {site} {late}\n",
                i + 1,
                20.0 + 50.0 * noise(i)
            );
        }
        self.write("c", text);
    }
}

/// Checks that two runs wrote the same files with the same bytes.
#[track_caller]
fn same(lab: &Lab, a: &str, b: &str, what: &str) {
    let (a, b) = (lab.outputs(a), lab.outputs(b));
    assert!(!a.is_empty(), "{what}: no output");
    let names =
        |set: &std::collections::BTreeMap<String, Vec<u8>>| set.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&a), names(&b), "{what}");
    for (name, bytes) in &a {
        assert!(*bytes == b[name], "{what}: {name} differs");
    }
}
