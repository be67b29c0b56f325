//! Large files on their way to the disk while they are still being made.

use std::fs::File;
use std::io;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::{JoinHandle, spawn};

/// Bytes after which it is worth asking for them to be written.
const STEP: usize = 32 << 20;

/// Syncs a file again and again while it grows, so that little is left to be synced at its end.
#[derive(Debug, Default)]
pub(super) struct Writeback {
    /// Bytes since the last time.
    new: usize,
    thread: Option<(SyncSender<()>, JoinHandle<io::Result<()>>)>,
}

impl Writeback {
    /// Takes note of `bytes` more in `file`, always the same.
    ///
    /// # Errors
    /// If the file has no second handle.
    pub(super) fn more(&mut self, bytes: usize, file: &File) -> io::Result<()> {
        self.new += bytes;
        if self.new < STEP {
            return Ok(());
        }
        self.new = 0;
        if self.thread.is_none() {
            let file = file.try_clone()?;
            let (ask, asked) = sync_channel(1);
            let work = move || asked.iter().try_for_each(|()| file.sync_data());
            self.thread = Some((ask, spawn(work)));
        }
        if let Some((ask, _)) = &self.thread {
            // A thread that is behind will sync these bytes too; one that failed will tell.
            let _ = ask.try_send(());
        }
        Ok(())
    }

    /// Waits for what was begun.
    ///
    /// # Errors
    /// If bytes could not be written: the system tells it once, here.
    pub(super) fn finish(self) -> io::Result<()> {
        let Some((ask, thread)) = self.thread else {
            return Ok(());
        };
        drop(ask);
        thread.join().unwrap_or(Err(io::ErrorKind::Other.into()))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_file_is_whole_after_it_was_synced_on_the_way() {
        let mut file = tempfile::tempfile().unwrap();
        let mut writeback = Writeback::default();
        for _ in 0..5 {
            file.write_all(&[1; 100]).unwrap();
            writeback.more(STEP / 2, &file).unwrap();
        }
        assert!(writeback.thread.is_some());
        writeback.finish().unwrap();
        assert_eq!(file.metadata().unwrap().len(), 500);
        assert!(Writeback::default().finish().is_ok());
    }
}
