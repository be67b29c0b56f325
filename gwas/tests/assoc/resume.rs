//! Runs that are interrupted.

use std::path::Path;
use std::time::Duration;

use super::lab::Lab;

const RUN: &str = "assoc --bfile s --pheno s.pheno.txt --threads 2";

const TRAITS: [&str; 2] = ["y1", "y2"];

/// 500 individuals, enough for a chromosome to take a while.
fn lab() -> Lab {
    let lab = Lab::with_cohort("--samples 500 --snps 300 --traits 2");
    lab.lose(|i, t| t == 1 && i % 13 == 5);
    lab
}

/// Starts the program and kills it when the first chromosome is finished.
fn interrupted(lab: &Lab, flags: &str) {
    let record = lab.path("a.assoc.parts/part-0-1.json");
    let tables = TRAITS.map(|of| lab.path(&format!("a_{of}.regenie")));
    for _ in 0..20 {
        for table in &tables {
            let _ = std::fs::remove_file(table);
        }
        let mut run = lab.command(&format!("{RUN} {flags} --out a"));
        let run = run.stdout(std::process::Stdio::null());
        let mut run = run.stderr(std::process::Stdio::null()).spawn().unwrap();
        while !record.is_file() && run.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(1));
        }
        run.kill().unwrap();
        run.wait().unwrap();
        if record.is_file() {
            assert!(!tables[0].exists());
            return;
        }
        // It was done before it could be stopped: once more.
    }
    panic!("no run could be interrupted");
}

/// Copies the folder of what is finished.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

#[test]
fn an_interrupted_run_goes_on_with_what_is_finished() {
    let lab = lab();
    for flags in [
        "--test wald --null-out n",
        "--test oof --threshold effective",
        "--force-fast",
    ] {
        lab.succeeds(&format!("{RUN} {flags} --out whole"));
        let shared = lab
            .path("n.null.json")
            .is_file()
            .then(|| lab.text("n.null.json"));
        interrupted(&lab, flags);
        let (parts, kept) = (lab.path("a.assoc.parts"), lab.path("kept"));
        copy(&parts, &kept);
        let run = lab.succeeds(&format!("{RUN} {flags} --out a"));
        run.says(&["chromosome 1 was finished by an earlier run"]);
        let same = || {
            for of in TRAITS {
                for end in [".regenie", ".loci.tsv"] {
                    let [whole, a] = ["whole", "a"].map(|p| lab.text(&format!("{p}_{of}{end}")));
                    assert_eq!(whole, a, "{flags} {of}{end}");
                }
            }
            let [whole, a] = ["whole", "a"].map(|p| lab.record(p)["extra"].clone());
            for key in ["null_models", "significance", "fast"] {
                assert_eq!(whole[key], a[key], "{flags} {key}");
            }
        };
        same();
        assert!(!parts.exists());
        if let Some(text) = shared {
            assert_eq!(lab.text("n.null.json"), text);
        }
        // What was changed since is not trusted.
        copy(&kept, &parts);
        let table = parts.join("part-0-1.0.tsv");
        let text = std::fs::read_to_string(&table).unwrap();
        std::fs::write(&table, text.replacen("ADD", "DAD", 1)).unwrap();
        let run = lab.succeeds(&format!("{RUN} {flags} --out a"));
        assert!(
            !run.log.contains("was finished by an earlier run"),
            "{}",
            run.log
        );
        same();
        std::fs::remove_dir_all(&kept).unwrap();
    }
}

#[test]
fn what_another_run_finished_is_not_taken() {
    let lab = lab();
    interrupted(&lab, "--test wald");
    let (parts, kept) = (lab.path("a.assoc.parts"), lab.path("kept"));
    copy(&parts, &kept);
    let fresh = |flags: &str| {
        let run = lab.succeeds(&format!("{RUN} {flags} --out a"));
        assert!(
            !run.log.contains("was finished by an earlier run"),
            "{}",
            run.log
        );
        assert!(!parts.exists());
        copy(&kept, &parts);
    };
    fresh("--test score");
    fresh("--test wald --pheno-name y1");
    fresh("--test wald --maf 0.2");
    fresh("--test wald --no-loco");
    fresh("--test wald --kernel-maf 0.2");
    // The same command with the same files, written anew.
    let bed = lab.bytes("s.bed");
    lab.write("s.bed", bed);
    fresh("--test wald");
}

#[test]
fn a_run_that_fails_keeps_what_is_finished_and_gives_no_table() {
    let lab = lab();
    lab.succeeds(&format!("{RUN} --out whole"));
    // No file may be larger than the lines of two chromosomes: the whole tables are.
    let size = lab.bytes("whole_y1.regenie").len() / 3;
    let limit = format!("ulimit -f {}; exec \"$0\" \"$@\"", 2 * size / 1024 + 1);
    let mut run = std::process::Command::new("bash");
    let run = run.arg("-c").arg(&limit).arg(env!("CARGO_BIN_EXE_epitile"));
    let run = run.args(format!("{RUN} --out a").split(' '));
    let run = run.current_dir(lab.path("")).output().unwrap();
    assert!(!run.status.success());
    // Who is killed leaves hidden files.
    for name in lab.listing().iter().filter(|n| n.ends_with(".tmp")) {
        std::fs::remove_file(lab.path(name)).unwrap();
    }
    assert!(!lab.path("a_y1.regenie").exists());
    assert!(lab.path("a.assoc.parts/part-1-2.json").is_file());
    let again = lab.succeeds(&format!("{RUN} --out a"));
    again.says(&["chromosome 1 was finished", "chromosome 3 was finished"]);
    for of in TRAITS {
        let [whole, a] = ["whole", "a"].map(|p| lab.text(&format!("{p}_{of}.regenie")));
        assert_eq!(whole, a);
    }
}
