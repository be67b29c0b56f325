//! What the system tells about this process.

use std::ffi::OsString;

/// Most memory this process ever held, in bytes; `None` where the system does not tell.
pub fn peak_rss_bytes() -> Option<u64> {
    peak(&std::fs::read_to_string("/proc/self/status").ok()?)
}

fn peak(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

/// Arguments as a line that can be pasted into a shell.
pub fn command_line(args: impl IntoIterator<Item = OsString>) -> String {
    let words = args.into_iter().map(|arg| quote(&arg.to_string_lossy()));
    words.collect::<Vec<_>>().join(" ")
}

fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=,:+@%^".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_is_read_in_bytes() {
        assert_eq!(
            peak("VmPeak: 9 kB\nVmHWM:\t    1234 kB\n"),
            Some(1234 * 1024)
        );
        assert_eq!(peak("VmHWM: much"), None);
        #[cfg(target_os = "linux")]
        assert!(peak_rss_bytes().is_some_and(|bytes| bytes > 1 << 16));
    }

    #[test]
    fn a_command_line_can_be_pasted_into_a_shell() {
        let args = [
            "epitile",
            "--out",
            "my run",
            "it's",
            "",
            "--chr=1-22,X",
            "$HOME",
        ];
        assert_eq!(
            command_line(args.map(OsString::from)),
            r"epitile --out 'my run' 'it'\''s' '' --chr=1-22,X '$HOME'"
        );
    }
}
