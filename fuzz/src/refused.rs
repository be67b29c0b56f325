//! What a refusal must look like.

use epitile::error::{Error, Kind};

/// Demands a kind that broken contents (not broken disks) can cause, and a message for a terminal.
///
/// # Panics
/// If the error is another.
pub fn refused(error: &Error) {
    let text = error.to_string();
    assert!(
        matches!(
            error.kind(),
            Kind::Malformed | Kind::Inconsistent | Kind::Usage | Kind::Degenerate
        ),
        "{:?}: {text}",
        error.kind()
    );
    assert!(
        !text.is_empty() && !text.contains(char::is_control),
        "a message that steers the terminal: {text:?}"
    );
}
