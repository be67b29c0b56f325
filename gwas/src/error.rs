//! What can go wrong, in words for a geneticist, with the exit code of each kind.
//!
//! A message names the file, the line or byte, what was found, what was expected and what to do.
//! Messages of the system and of libraries are translated here and never shown raw.

use std::fmt;
use std::io;
use std::path::Path;

/// Kinds of failure; each has one exit code of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The work does not fit in memory (exit code 2).
    Memory,
    /// A file cannot be opened (3).
    Open,
    /// A file was opened but cannot be read (4).
    Read,
    /// A file or folder cannot be written (5).
    Write,
    /// A file breaks its format (6).
    Malformed,
    /// Files are each well formed but do not fit together (7).
    Inconsistent,
    /// The command line asks for something impossible (8).
    Usage,
    /// The data allow no answer: nothing left, nothing varies (13).
    Degenerate,
    /// An accelerator failed (16).
    Device,
}

impl Kind {
    /// The exit code of the program.
    pub fn exit_code(self) -> u8 {
        match self {
            Kind::Memory => 2,
            Kind::Open => 3,
            Kind::Read => 4,
            Kind::Write => 5,
            Kind::Malformed => 6,
            Kind::Inconsistent => 7,
            Kind::Usage => 8,
            Kind::Degenerate => 13,
            Kind::Device => 16,
        }
    }
}

/// Where in a file something is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The file as a whole.
    File,
    /// A line, counted from 1.
    Line(u64),
    /// A byte, counted from 0.
    Byte(u64),
}

impl From<u64> for Place {
    fn from(line: u64) -> Self {
        Place::Line(line)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::File => Ok(()),
            Place::Line(line) => write!(f, ", line {line}"),
            Place::Byte(byte) => write!(f, ", byte {byte}"),
        }
    }
}

/// A failure with its message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    kind: Kind,
    message: String,
}

/// Result of everything in this crate that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    fn new(kind: Kind, message: impl Into<String>) -> Self {
        // What a broken file holds must not steer the terminal.
        let message = message.into().replace(char::is_control, " ");
        Error { kind, message }
    }

    /// The kind of failure.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The exit code of the program.
    pub fn exit_code(&self) -> u8 {
        self.kind.exit_code()
    }

    /// The work does not fit in memory; `text` says how much is needed and what would fit.
    pub fn memory(text: impl Into<String>) -> Self {
        Error::new(Kind::Memory, text)
    }

    /// The same failure with further advice.
    pub fn and(mut self, advice: &str) -> Self {
        self.message.push_str(". ");
        self.message.push_str(advice);
        self
    }

    /// `path` cannot be opened.
    pub fn open(path: impl AsRef<Path>, cause: &io::Error) -> Self {
        Error::new(Kind::Open, file_message("open", path.as_ref(), cause))
    }

    /// `path` was opened but cannot be read.
    pub fn read(path: impl AsRef<Path>, cause: &io::Error) -> Self {
        Error::new(Kind::Read, file_message("read", path.as_ref(), cause))
    }

    /// `path` cannot be written.
    pub fn write(path: impl AsRef<Path>, cause: &io::Error) -> Self {
        Error::new(Kind::Write, file_message("write", path.as_ref(), cause))
    }

    /// A folder has too little room; `text` names it, what is free and what is needed.
    pub fn no_room(text: impl Into<String>) -> Self {
        Error::new(Kind::Write, text)
    }

    /// `path` breaks its format at `place` (a `u64` is a line number). `advice` may be empty.
    pub fn malformed(
        path: impl AsRef<Path>,
        place: impl Into<Place>,
        found: impl fmt::Display,
        expected: impl fmt::Display,
        advice: impl fmt::Display,
    ) -> Self {
        let (path, place) = (path.as_ref().display(), place.into());
        let mut message = format!("{path}{place}: found {found}; expected {expected}");
        let advice = advice.to_string();
        if !advice.is_empty() {
            message.push_str(". ");
            message.push_str(&advice);
        }
        Error::new(Kind::Malformed, message)
    }

    /// Inputs that do not fit together; `text` names them and both sides.
    pub fn inconsistent(text: impl Into<String>) -> Self {
        Error::new(Kind::Inconsistent, text)
    }

    /// A command line that asks for something impossible.
    pub fn usage(text: impl Into<String>) -> Self {
        Error::new(Kind::Usage, text)
    }

    /// Data that allow no answer.
    pub fn degenerate(text: impl Into<String>) -> Self {
        Error::new(Kind::Degenerate, text)
    }

    /// A failure of an accelerator.
    pub fn device(text: impl Into<String>) -> Self {
        Error::new(Kind::Device, text)
    }
}

fn file_message(verb: &str, path: &Path, cause: &io::Error) -> String {
    let (why, advice) = words(cause);
    let path = path.display();
    format!("cannot {verb} {path}: {why}. {advice}")
}

/// What the system said and what to do about it, in words.
fn words(cause: &io::Error) -> (String, &'static str) {
    use io::ErrorKind as K;
    let (why, advice) = match cause.kind() {
        K::NotFound => (
            "no such file or folder",
            "Check the name and the folder it is in",
        ),
        K::PermissionDenied => ("permission denied", "Ask for access or use another folder"),
        K::IsADirectory => ("it is a folder, not a file", "Name a file"),
        K::NotADirectory => (
            "a part of the path is a file, not a folder",
            "Check the path",
        ),
        K::StorageFull => ("the disk is full", "Free space or use another folder"),
        K::QuotaExceeded => (
            "the disk quota is used up",
            "Free space or use another folder",
        ),
        K::FileTooLarge => (
            "the file would be larger than the file system allows",
            "Use another folder",
        ),
        K::ReadOnlyFilesystem => ("the file system is read-only", "Use another folder"),
        K::AlreadyExists => ("it exists already", "Remove it or use another name"),
        K::UnexpectedEof => (
            "the file ends too early",
            "It may be truncated: copy it again",
        ),
        K::InvalidInput | K::InvalidFilename => {
            ("this is not a valid file name", "Use another name")
        }
        K::OutOfMemory => ("out of memory", "Use a machine with more memory"),
        K::BrokenPipe => (
            "the reader at the other end is gone",
            "Write to a regular file",
        ),
        K::StaleNetworkFileHandle | K::TimedOut | K::HostUnreachable | K::NetworkUnreachable => (
            "the network file system does not answer",
            "Try again or use a local disk",
        ),
        _ => {
            let why = match cause.raw_os_error() {
                Some(code) => format!("the system reports error number {code}"),
                None => "the system gives no reason".to_owned(),
            };
            return (why, "Check the disk and the folder");
        }
    };
    (why.to_owned(), advice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_own_exit_code() {
        let codes = [
            (Error::memory("m"), 2),
            (Error::open("f", &io::ErrorKind::NotFound.into()), 3),
            (Error::read("f", &io::ErrorKind::Other.into()), 4),
            (Error::write("f", &io::ErrorKind::StorageFull.into()), 5),
            (Error::malformed("f", 1, "a", "b", ""), 6),
            (Error::inconsistent("i"), 7),
            (Error::usage("u"), 8),
            (Error::degenerate("d"), 13),
            (Error::device("d"), 16),
        ];
        for (error, code) in codes {
            assert_eq!(error.exit_code(), code, "{error}");
        }
    }

    #[test]
    fn system_messages_are_translated() {
        let error = Error::open("a.bed", &io::Error::from_raw_os_error(2));
        assert_eq!(
            error.to_string(),
            "cannot open a.bed: no such file or folder. Check the name and the folder it is in"
        );
        let odd = Error::read("a.bed", &io::Error::from_raw_os_error(5)).to_string();
        assert!(odd.contains("error number 5"), "{odd}");
    }

    #[test]
    fn malformed_input_is_named_with_place_and_advice() {
        let error = Error::malformed("a.bim", 7, "'x'", "an integer", "Correct it");
        assert_eq!(
            error.to_string(),
            "a.bim, line 7: found 'x'; expected an integer. Correct it"
        );
        let error = Error::malformed("a.bed", Place::Byte(2), "0", "1", "");
        assert_eq!(error.to_string(), "a.bed, byte 2: found 0; expected 1");
    }
}
