use super::*;

fn record(prefix: &Path) -> Value {
    let text = std::fs::read_to_string(with_suffix(prefix, ".run.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[test]
fn a_finished_run_leaves_a_log_and_a_record() {
    let folder = tempfile::tempdir().unwrap();
    let prefix = folder.path().join("r.1");
    let log = RunLog::new(Some(&prefix), true);
    log.threads(2);
    log.note("a note");
    log.warn("look out");
    log.set("certificate", serde_json::json!({"bound": 1e-12}));
    assert_eq!(log.timed("kernel", || 3), 3);
    drop(log.phase("solve"));
    log.finish().unwrap();
    let text = std::fs::read_to_string(with_suffix(&prefix, ".log")).unwrap();
    for part in [
        "epitile 0.",
        "\ncommand: ",
        "\nstart: 2",
        "\nthreads: 2\nnote: a note\nWARNING: look out\nkernel: ",
        "\npeak memory: ",
    ] {
        assert!(text.contains(part), "{text}");
    }
    let json = record(&prefix);
    assert_eq!(json["status"], "ok");
    assert_eq!(json["threads"], 2);
    assert_eq!(json["phases"][1]["name"], "solve");
    assert_eq!(json["warnings"][0], "look out");
    assert_eq!(json["extra"]["certificate"]["bound"], 1e-12);
}

#[test]
fn a_failed_run_leaves_a_log_with_the_error() {
    let folder = tempfile::tempdir().unwrap();
    let prefix = folder.path().join("r");
    RunLog::new(Some(&prefix), true).fail(&Error::degenerate("nothing varies"));
    let json = record(&prefix);
    assert_eq!(
        (&json["status"], &json["exit_code"]),
        (&"failed".into(), &13.into())
    );
    let text = std::fs::read_to_string(with_suffix(&prefix, ".log")).unwrap();
    assert!(text.contains("ERROR: nothing varies"));
}

#[test]
fn a_run_that_breaks_off_leaves_a_log_too() {
    let folder = tempfile::tempdir().unwrap();
    let prefix = folder.path().join("r");
    drop(RunLog::new(Some(&prefix), true));
    assert_eq!(record(&prefix)["status"], "unfinished");
}

#[test]
fn a_log_that_cannot_be_written_is_an_error_only_of_a_run_that_succeeded() {
    let folder = tempfile::tempdir().unwrap();
    let prefix = folder.path().join("absent/r");
    assert_eq!(
        RunLog::new(Some(&prefix), true)
            .finish()
            .unwrap_err()
            .exit_code(),
        5
    );
    RunLog::new(Some(&prefix), true).fail(&Error::usage("no"));
    RunLog::new(None, true).finish().unwrap();
}
