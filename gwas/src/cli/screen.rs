//! Standard output.

use std::io::{self, Write};

use epitile::error::{Error, Result};

/// Lets `body` write to standard output. A reader that is gone (`| head`) wants no more: that is
/// no failure.
///
/// # Errors
/// `Write` for any other failure.
pub(crate) fn show(body: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
    let mut out = io::stdout().lock();
    match body(&mut out).and_then(|()| out.flush()) {
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => Err(Error::write("standard output", &e)),
        _ => Ok(()),
    }
}
