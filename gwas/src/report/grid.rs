//! Tables of numbers, as they are shown.

/// A table of texts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grid {
    /// What it holds.
    pub caption: String,
    /// Names of the columns.
    pub head: Vec<String>,
    /// Lines.
    pub rows: Vec<Vec<String>>,
    /// Lines that stand out.
    pub bold: Vec<usize>,
}

impl Grid {
    /// An empty table with these columns.
    pub fn new(caption: impl Into<String>, head: &[&str]) -> Grid {
        Grid {
            caption: caption.into(),
            head: head.iter().map(|h| (*h).to_owned()).collect(),
            ..Grid::default()
        }
    }

    /// Adds a line.
    ///
    /// # Panics
    /// If it has not as many cells as the header.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        let cells: Vec<String> = cells.into_iter().collect();
        assert_eq!(cells.len(), self.head.len(), "{}", self.caption);
        self.rows.push(cells);
    }

    /// As [`row`](Self::row), for a line that stands out.
    ///
    /// # Panics
    /// As [`row`](Self::row).
    pub fn bold(&mut self, cells: impl IntoIterator<Item = String>) {
        self.bold.push(self.rows.len());
        self.row(cells);
    }

    /// Whether a column holds numbers, which stand to the right.
    pub fn is_numeric(&self, column: usize) -> bool {
        let number = |cell: &str| {
            let start = cell.trim_start_matches(['−', '-', '+', '<', '±', '≤', '×', ' ']);
            cell == "NA" || cell.is_empty() || start.starts_with(|c: char| c.is_ascii_digit())
        };
        self.rows
            .iter()
            .any(|r| r[column] != "NA" && !r[column].is_empty())
            && self.rows.iter().all(|r| number(&r[column]))
    }
}

/// `x` with about `digits` digits, with a power of ten where it is very small or large.
pub(super) fn digits(x: f64, digits: usize) -> String {
    let text = match x.abs() {
        _ if x.is_nan() => return "NA".into(),
        0.0 => return "0".into(),
        a if (1e-3..1e6).contains(&a) => {
            let before = a.log10().floor().max(0.0) as usize + 1;
            let leading = (-a.log10().floor()).max(0.0) as usize;
            let after = if a < 1.0 {
                leading + digits - 1
            } else {
                digits.saturating_sub(before)
            };
            format!("{x:.after$}")
        }
        _ => {
            let text = format!("{x:.*e}", digits.saturating_sub(1));
            match text.split_once('e') {
                Some((mantissa, power)) => format!("{mantissa} × 10{}", raised(power)),
                None => text,
            }
        }
    };
    text.replace('-', "−")
}

/// A number of things, with its noun in the right form.
pub(super) fn counted(n: usize, noun: &str) -> String {
    match n {
        1 => format!("1 {noun}"),
        _ => format!("{n} {noun}s"),
    }
}

/// p of −log10 p, also where it is too small for a floating-point number.
pub(super) fn p_value(log10p: f64) -> String {
    if log10p < 3.0 {
        return digits(10f64.powf(-log10p), 3);
    }
    let mut power = log10p.ceil();
    let mut mantissa = 10f64.powf(power - log10p);
    if mantissa >= 9.995 {
        (mantissa, power) = (1.0, power - 1.0);
    }
    format!("{mantissa:.2} × 10{}", raised(&format!("-{power}")))
}

/// A whole number as an exponent.
fn raised(power: &str) -> String {
    let digit = |c: char| match c {
        '-' => '⁻',
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        '0' | '4'..='9' => char::from_u32(0x2070 + (c as u32 - '0' as u32)).unwrap_or(c),
        other => other,
    };
    power.chars().map(digit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_tiny_p_keep_their_power() {
        for (x, text) in [
            (0.123_456, "0.123"),
            (12.345, "12.3"),
            (1234.5, "1234"),
            (-0.004_56, "−0.00456"),
            (2.5e-16, "2.50 × 10⁻¹⁶"),
            (0.0, "0"),
        ] {
            assert_eq!(digits(x, 3), text);
        }
        assert_eq!(p_value(0.0), "1.00");
        assert_eq!(p_value(1.30103), "0.0500");
        assert_eq!(p_value(320.0), "1.00 × 10⁻³²⁰");
        assert_eq!(p_value(320.301_03), "5.00 × 10⁻³²¹");
        assert_eq!(p_value(5.000_01), "1.00 × 10⁻⁵");
    }

    #[test]
    fn columns_of_numbers_are_told_from_text() {
        let mut grid = Grid::new("t", &["a", "b", "c"]);
        grid.row(["rs1".into(), "−0.5".into(), "NA".into()]);
        grid.row(["2".into(), "NA".into(), "NA".into()]);
        let numeric: Vec<bool> = (0..3).map(|k| grid.is_numeric(k)).collect();
        assert_eq!(numeric, [false, true, false]);
    }
}
