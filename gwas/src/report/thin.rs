//! Fewer marks for the same picture: points closer together than can be seen are joined.

use std::collections::BTreeMap;

/// What is drawn for points of one column of the grid.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Mark {
    /// Place across.
    pub(super) x: f64,
    /// Least height.
    pub(super) low: f64,
    /// Greatest height; equal to `low` for a single dot.
    pub(super) high: f64,
}

/// Cells of `points`, whose coordinates are in units of the picture's dots: of the points of a cell
/// (1 × 1) the first is kept, and of cells that touch in a column a line from the lowest to the
/// highest point. What is drawn so differs nowhere by more than one unit from all points drawn.
pub(super) fn thin(points: impl IntoIterator<Item = (f64, f64)>) -> Vec<Mark> {
    let mut columns: BTreeMap<i64, BTreeMap<i64, (f64, f64, f64)>> = BTreeMap::new();
    for (x, y) in points {
        let column = columns.entry(x.floor() as i64).or_default();
        let cell = column.entry(y.floor() as i64).or_insert((x, y, y));
        cell.1 = cell.1.min(y);
        cell.2 = cell.2.max(y);
    }
    let mut marks: Vec<Mark> = Vec::new();
    for column in columns.into_values() {
        let mut last: Option<i64> = None;
        for (row, (x, low, high)) in column {
            match marks.last_mut() {
                Some(mark) if last == Some(row - 1) => mark.high = high,
                _ => marks.push(Mark { x, low, high }),
            }
            last = Some(row);
        }
    }
    marks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_point_is_within_a_unit_of_a_mark() {
        let point = |i: u64| {
            let r = |k| ((i + 1) * k % 99_991) as f64 / 99_991.0;
            (300.0 * r(48_271), 80.0 * r(16_807) * r(69_621))
        };
        let points: Vec<(f64, f64)> = (0..60_000).map(point).collect();
        let marks = thin(points.iter().copied());
        assert!(marks.len() < 8_000, "{}", marks.len());
        for (x, y) in points {
            let near = |m: &Mark| (m.x - x).abs() <= 1.0 && m.low - 1.0 <= y && y <= m.high + 1.0;
            assert!(marks.iter().any(near), "{x} {y}");
        }
    }

    #[test]
    fn a_mark_covers_nothing_far_from_points() {
        let marks = thin([(0.5, 0.5), (0.6, 3.5), (0.7, 4.2), (5.0, 0.0)]);
        let expected = [
            Mark {
                x: 0.5,
                low: 0.5,
                high: 0.5,
            },
            Mark {
                x: 0.6,
                low: 3.5,
                high: 4.2,
            },
            Mark {
                x: 5.0,
                low: 0.0,
                high: 0.0,
            },
        ];
        assert_eq!(marks, expected);
        assert!(thin([]).is_empty());
    }
}
