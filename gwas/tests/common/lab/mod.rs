//! A folder in which tests run the program as a user does.

#![allow(dead_code)]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

mod plink;

pub(crate) use plink::Plink;

/// A temporary folder; file names below are relative to it.
pub(crate) struct Lab {
    folder: TempDir,
}

/// How a run of the program ended.
pub(crate) struct Run {
    pub(crate) code: i32,
    /// Standard error: the log.
    pub(crate) log: String,
    /// Standard output.
    pub(crate) out: String,
}

impl Run {
    /// Checks that the log has every one of `parts`.
    #[track_caller]
    pub(crate) fn says(&self, parts: &[&str]) {
        for part in parts {
            assert!(self.log.contains(part), "no '{part}' in\n{}", self.log);
        }
    }
}

impl Lab {
    /// An empty folder.
    pub(crate) fn new() -> Lab {
        let folder = tempfile::tempdir().unwrap();
        Lab { folder }
    }

    /// A folder with a simulated cohort under the prefix `s`, of `flags` and these: 8 founders a
    /// chromosome make SNPs common, so that few are needed.
    #[track_caller]
    pub(crate) fn with_cohort(flags: &str) -> Lab {
        let lab = Lab::new();
        let rest = "--chromosomes 3 --founders 16 --causal 20 --pairs 20 --maf-min 0.1";
        lab.succeeds(&format!("simulate {flags} {rest} --out s"));
        lab
    }

    /// Path of `name`.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), content).unwrap();
    }

    /// Content of a file.
    #[track_caller]
    pub(crate) fn bytes(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    /// Text of a file.
    #[track_caller]
    pub(crate) fn text(&self, name: &str) -> String {
        String::from_utf8(self.bytes(name)).unwrap()
    }

    /// Lines of a table as cells, the header first.
    #[track_caller]
    pub(crate) fn rows(&self, name: &str) -> Vec<Vec<String>> {
        let cells = |line: &str| line.split_whitespace().map(str::to_owned).collect();
        self.text(name).lines().map(cells).collect()
    }

    /// A table with one row per individual: by `FID IID`, the column `column`.
    #[track_caller]
    pub(crate) fn column(&self, name: &str, column: &str) -> BTreeMap<String, String> {
        let mut rows = self.rows(name).into_iter();
        let header = rows.next().unwrap();
        let place = |wanted: &str| {
            let found = header
                .iter()
                .position(|c| c.trim_start_matches('#') == wanted);
            found.unwrap_or_else(|| panic!("no {wanted} in {header:?}"))
        };
        let (fid, iid, at) = (place("FID"), place("IID"), place(column));
        rows.map(|r| (format!("{} {}", r[fid], r[iid]), r[at].clone()))
            .collect()
    }

    /// The record of the run with prefix `prefix`.
    #[track_caller]
    pub(crate) fn record(&self, prefix: &str) -> serde_json::Value {
        serde_json::from_str(&self.text(&format!("{prefix}.run.json"))).unwrap()
    }

    /// Names of all files, hidden ones too.
    pub(crate) fn listing(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path()).unwrap();
        let name = |e: std::io::Result<std::fs::DirEntry>| e.unwrap().file_name();
        let mut names: Vec<String> = entries.map(|e| name(e).into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// Files of prefix `prefix` without log and record, by the rest of the name.
    pub(crate) fn outputs(&self, prefix: &str) -> BTreeMap<String, Vec<u8>> {
        let start = format!("{prefix}.");
        let names = self.listing().into_iter();
        names
            .filter_map(|name| Some((name.strip_prefix(&start)?.to_owned(), name)))
            .filter(|(rest, _)| rest != "log" && rest != "run.json")
            .map(|(rest, name)| (rest, self.bytes(&name)))
            .collect()
    }

    /// The program with the words of `line`, in the folder.
    pub(crate) fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_epitile"));
        command
            .args(line.split_whitespace())
            .current_dir(self.folder.path());
        command
    }

    /// Runs the program with the words of `line` in the folder. However it ends, it must end by
    /// itself, without a panic and without temporary files.
    #[track_caller]
    pub(crate) fn run(&self, line: &str) -> Run {
        let output = self.command(line).output().unwrap();
        let run = Run {
            code: output
                .status
                .code()
                .unwrap_or_else(|| panic!("{line}: killed by a signal")),
            log: String::from_utf8(output.stderr).unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
        };
        assert!(!run.log.contains("panicked"), "{line}\n{}", run.log);
        let left: Vec<String> = self.listing();
        assert!(
            !left.iter().any(|n| n.ends_with(".tmp")),
            "{line}: {left:?}"
        );
        run
    }

    /// Runs the program, which must succeed.
    #[track_caller]
    pub(crate) fn succeeds(&self, line: &str) -> Run {
        let run = self.run(line);
        assert_eq!(run.code, 0, "{line}\n{}", run.log);
        run
    }

    /// Runs the program, which must fail with exit code `code` and a message that has all of
    /// `parts`; it may leave nothing but its log and record, which say the same.
    #[track_caller]
    pub(crate) fn fails(&self, line: &str, code: i32, parts: &[&str]) {
        let before = self.listing();
        let run = self.run(line);
        assert_eq!(run.code, code, "{line}\n{}", run.log);
        // Errors of the command line are the parser's, all others are in the log, once.
        let parts_of = |head: &str| Some(run.log.split_once(head)?.1);
        let message = parts_of("ERROR: ").or(parts_of("error: "));
        let message = message.unwrap_or_else(|| panic!("{line}: no error in\n{}", run.log));
        let message = message.split("\npeak memory").next().unwrap().trim_end();
        assert_eq!(run.log.matches(message).count(), 1, "{line}\n{}", run.log);
        for part in parts {
            assert!(
                message.contains(part),
                "{line}: no '{part}' in\n{}",
                run.log
            );
        }
        let mut words = line.split_whitespace();
        let prefix = words.find(|&w| w == "--out").and_then(|_| words.next());
        let prefix = prefix.unwrap_or("nothing");
        let mut left = self.listing();
        left.retain(|name| !before.contains(name));
        let known = [format!("{prefix}.log"), format!("{prefix}.run.json")];
        assert!(left.iter().all(|n| known.contains(n)), "{line}: {left:?}");
        if left.contains(&known[1]) {
            let record = self.record(prefix);
            assert_eq!(record["status"], "failed", "{line}");
            assert_eq!(record["exit_code"], code, "{line}");
            assert_eq!(record["error"].as_str(), Some(message), "{line}");
        }
        // What a failed run leaves is of no use to the next.
        left.iter()
            .for_each(|name| std::fs::remove_file(self.path(name)).unwrap());
    }

    /// Puts NA into the phenotypes `s.pheno.txt`: individuals for whom `gone(i, t)` holds lack
    /// trait `t`.
    pub(crate) fn lose(&self, gone: impl Fn(usize, usize) -> bool) {
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
    pub(crate) fn covariates(&self, samples: usize) {
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

    /// The fileset under `prefix`.
    pub(crate) fn plink(&self, prefix: &str) -> Plink {
        Plink::read(&self.path(prefix))
    }
}

/// 0…`n` in an order without pattern, the same for every run.
pub(crate) fn shuffled(n: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by_key(|&i| (i as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 7 & 0xffff_ffff);
    order
}

/// A number without pattern between 0 and 1, a function of `i`.
pub(crate) fn noise(i: usize) -> f64 {
    let x = (i as u64 + 1).wrapping_mul(0xd134_2543_de82_ef95);
    ((x ^ (x >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 11) as f64 / (1u64 << 53) as f64
}
