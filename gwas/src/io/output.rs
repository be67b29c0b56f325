//! Files that appear whole or not at all.
//!
//! Content goes to a hidden temporary file in the target's folder; when complete it is synced and
//! renamed. What is dropped before that leaves nothing behind.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::writeback::Writeback;
use crate::error::{Error, Result};

/// A file being written that takes its name only when committed.
#[derive(Debug)]
pub struct AtomicFile {
    target: PathBuf,
    file: BufWriter<NamedTempFile>,
    writeback: Writeback,
}

impl AtomicFile {
    /// Starts writing `path`; an older file stays as it is until the commit.
    ///
    /// # Errors
    /// `Write` if the folder does not exist or cannot be written, or `path` is a folder.
    pub fn create(path: impl AsRef<Path>) -> Result<AtomicFile> {
        let target = path.as_ref().to_owned();
        if target.is_dir() {
            return Err(Error::write(&target, &io::ErrorKind::IsADirectory.into()));
        }
        let file = temporary(&target).map_err(|e| Error::write(&target, &e))?;
        Ok(AtomicFile {
            target,
            file: BufWriter::with_capacity(1 << 16, file),
            writeback: Writeback::default(),
        })
    }

    /// The name it will have.
    pub fn path(&self) -> &Path {
        &self.target
    }

    /// Writes `bytes`, with this crate's error.
    ///
    /// # Errors
    /// `Write`.
    pub fn put(&mut self, bytes: impl AsRef<[u8]>) -> Result<()> {
        let written = self.write_all(bytes.as_ref());
        written.map_err(|e| Error::write(&self.target, &e))
    }

    /// What was written so far, to be read from its start.
    ///
    /// # Errors
    /// `Write`.
    pub fn read_back(&mut self) -> Result<File> {
        let flushed = self.file.flush();
        let file = flushed.and_then(|()| self.file.get_ref().reopen());
        file.map_err(|e| Error::write(&self.target, &e))
    }

    /// Syncs the content and gives it its name.
    ///
    /// # Errors
    /// `Write`.
    pub fn commit(self) -> Result<()> {
        self.sync()?.rename()
    }

    fn sync(self) -> Result<Synced> {
        let AtomicFile {
            target,
            file,
            writeback,
        } = self;
        let written = writeback.finish();
        let synced = written.and_then(|()| file.into_inner().map_err(|e| e.into_error()));
        let synced = synced.and_then(|file| file.as_file().sync_all().map(|()| file));
        match synced {
            Ok(file) => Ok(Synced { target, file }),
            Err(e) => Err(Error::write(&target, &e)),
        }
    }
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.writeback
            .more(written, self.file.get_ref().as_file())?;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// A complete file that still lacks its name.
struct Synced {
    target: PathBuf,
    file: NamedTempFile,
}

impl Synced {
    fn rename(self) -> Result<()> {
        let renamed = self.file.persist(&self.target);
        renamed.map_err(|e| Error::write(&self.target, &e.error))?;
        // The name itself is safe once its folder is synced. Not every system can sync a folder,
        // and the content is whole either way.
        if let Ok(folder) = File::open(folder(&self.target)) {
            let _ = folder.sync_all();
        }
        Ok(())
    }
}

/// Several files that appear together: a run that fails half way leaves none of them.
#[derive(Debug, Default)]
pub struct OutputSet {
    files: Vec<AtomicFile>,
}

impl OutputSet {
    /// An empty set.
    pub fn new() -> Self {
        OutputSet::default()
    }

    /// Adds a file whose content is complete.
    ///
    /// # Errors
    /// `Inconsistent` if the set holds a file of that name.
    pub fn add(&mut self, file: AtomicFile) -> Result<()> {
        if self.files.iter().any(|f| f.target == file.target) {
            return Err(Error::inconsistent(format!(
                "two outputs would have the name {}. Rename the trait or choose another --out",
                file.target.display()
            )));
        }
        self.files.push(file);
        Ok(())
    }

    /// Names the files will have.
    pub fn paths(&self) -> Vec<PathBuf> {
        self.files.iter().map(|f| f.target.clone()).collect()
    }

    /// Syncs all files, then names all, and returns the names.
    ///
    /// # Errors
    /// `Write`; those already named are removed again.
    pub fn commit(self) -> Result<Vec<PathBuf>> {
        let synced = self.files.into_iter().map(AtomicFile::sync);
        let synced = synced.collect::<Result<Vec<_>>>()?;
        let mut done = Vec::new();
        for file in synced {
            let path = file.target.clone();
            if let Err(error) = file.rename() {
                for path in &done {
                    let _ = std::fs::remove_file(path);
                }
                return Err(error);
            }
            done.push(path);
        }
        Ok(done)
    }
}

/// Checks, before any work, that files can be made under `prefix` (`--out`).
///
/// # Errors
/// `Write` if its folder does not exist or cannot be written; `Usage` if it names no file.
pub fn check_writable(prefix: impl AsRef<Path>) -> Result<()> {
    let prefix = prefix.as_ref();
    let text = prefix.to_string_lossy();
    if prefix.file_name().is_none() || text.ends_with(std::path::is_separator) {
        return Err(Error::usage(format!(
            "--out '{text}': a folder is no prefix. Add a name, such as {}",
            prefix.join("run1").display()
        )));
    }
    let folder = folder(prefix);
    match temporary(prefix) {
        Ok(_) => Ok(()),
        Err(e) => Err(Error::write(folder, &e)),
    }
}

/// `name` as part of a file name: other characters than letters, digits, `.`, `_`, `-` and `+`
/// become `_`.
pub fn file_name_part(name: &str) -> String {
    let safe = |c: char| c.is_alphanumeric() || "._-+".contains(c);
    name.chars()
        .map(|c| if safe(c) { c } else { '_' })
        .collect()
}

/// The folder of `path`; the current one if it names none.
fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

fn temporary(target: &Path) -> io::Result<NamedTempFile> {
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    let prefix = format!(".{name}.");
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix).suffix(".tmp");
    // As any new file: what the user's mask allows, not only the owner as for temporary files.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder(target))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        let mut names: Vec<String> = entries
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_appears_only_when_committed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.tsv");
        std::fs::write(&path, "old").unwrap();
        let mut file = AtomicFile::create(&path).unwrap();
        file.put("new").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "old");
        drop(file);
        assert_eq!(listing(folder.path()), ["a.tsv"]);
        let mut file = AtomicFile::create(&path).unwrap();
        file.put("new").unwrap();
        file.commit().unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(listing(folder.path()), ["a.tsv"]);
    }

    #[test]
    fn a_set_appears_together_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let set = |names: &[&str]| {
            let mut set = OutputSet::new();
            for name in names {
                set.add(AtomicFile::create(path(name)).unwrap()).unwrap();
            }
            set
        };
        assert_eq!(set(&["a", "b"]).commit().unwrap(), [path("a"), path("b")]);
        std::fs::remove_file(path("a")).unwrap();
        let pending = set(&["a", "c"]);
        // A folder takes the second name in the meantime.
        std::fs::create_dir(path("c")).unwrap();
        assert_eq!(pending.commit().unwrap_err().exit_code(), 5);
        assert_eq!(listing(folder.path()), ["b", "c"]);
        let mut twice = set(&["a"]);
        let error = twice.add(AtomicFile::create(path("a")).unwrap());
        assert_eq!(error.unwrap_err().exit_code(), 7);
    }

    #[test]
    fn absent_folders_and_folders_as_prefix_are_refused_early() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(check_writable(folder.path().join("x")), Ok(()));
        assert_eq!(check_writable("x"), Ok(()));
        let error = check_writable(folder.path().join("absent/x")).unwrap_err();
        assert_eq!(error.exit_code(), 5);
        assert!(
            error.to_string().contains("no such file or folder"),
            "{error}"
        );
        let slash = format!("{}/", folder.path().display());
        for prefix in [&*slash, "", ".."] {
            assert_eq!(
                check_writable(prefix).unwrap_err().exit_code(),
                8,
                "{prefix}"
            );
        }
        let error = AtomicFile::create(folder.path()).unwrap_err();
        assert!(error.to_string().contains("it is a folder"), "{error}");
        assert!(listing(folder.path()).is_empty());
    }

    #[cfg(unix)]
    #[test]
    fn files_have_the_permissions_of_ordinary_files() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let (ours, plain) = (folder.path().join("a"), folder.path().join("b"));
        AtomicFile::create(&ours).unwrap().commit().unwrap();
        std::fs::write(&plain, "").unwrap();
        let mode = |path| std::fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(ours), mode(plain));
    }

    #[test]
    fn trait_names_become_file_names() {
        assert_eq!(file_name_part("BMI/kg m²-1"), "BMI_kg_m²-1");
    }
}
