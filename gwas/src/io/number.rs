//! Numbers in tables, and the ways to write that there is none.

/// A cell of a table read as a number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// A finite number.
    Value(f64),
    /// `NA`, `nan` in any case, or `.`.
    Missing,
    /// `-9`, which PLINK takes as missing.
    MinusNine,
}

impl Number {
    /// The number, `None` if missing.
    pub fn value(self) -> Option<f64> {
        match self {
            Number::Value(x) => Some(x),
            Number::Missing | Number::MinusNine => None,
        }
    }
}

/// A cell that is neither a finite number nor a code for a missing one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotANumber;

/// Whether `text` stands for a missing value in any column, numbers or not.
pub fn is_missing(text: &str) -> bool {
    text == "." || text.eq_ignore_ascii_case("na") || text.eq_ignore_ascii_case("nan")
}

/// Reads a cell.
///
/// # Errors
/// [`NotANumber`] for text and for infinities.
pub fn parse(text: &str) -> Result<Number, NotANumber> {
    if is_missing(text) {
        return Ok(Number::Missing);
    }
    match text.parse::<f64>() {
        Ok(-9.0) => Ok(Number::MinusNine),
        Ok(x) if x.is_finite() => Ok(Number::Value(x)),
        _ => Err(NotANumber),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_codes_are_told_from_numbers_and_text() {
        for text in ["NA", "na", "nan", "NaN", "NAN", "."] {
            assert_eq!(parse(text), Ok(Number::Missing), "{text}");
        }
        for text in ["-9", "-9.0", "-9e0"] {
            assert_eq!(parse(text), Ok(Number::MinusNine), "{text}");
        }
        for text in ["inf", "-Infinity", "1e999", "1,5", "x", "0x1", "", "-nan"] {
            assert_eq!(parse(text), Err(NotANumber), "{text}");
        }
        assert_eq!(parse("+1.5e-3"), Ok(Number::Value(1.5e-3)));
    }
}
