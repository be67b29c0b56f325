//! Pair statistics of all pairs: kept on the device where they fit, else made again when asked.
//!
//! Distances come from products of dosages on integer tensor cores, Σ(x−y)² = Σx² + Σy² − 2Σxy and
//! Σ|x−y| = Σx + Σy − 2Σmin(x, y): one kernel makes the distance of each product. What missing calls
//! change, and sums of SNPs with weights, come from products for the digits of integers.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytemuck::cast_slice_mut;
use epitile_core::genotypes::Genotypes;
use epitile_core::pairs::{PAIR_EDGE, PairKind, PairStatistic};

use crate::digits::Digits;
use crate::dots::{PAD, dots};
use crate::error::CudaError;
use crate::missing::corrections;
use crate::sys::{Buffer, Calls, Device, Index, Numbers, Order};
use crate::weighted::Weighted;

/// Individuals of a block that is multiplied at a time, at most, in multiples of the stored blocks.
pub(crate) const BLOCK: usize = 16 * PAIR_EDGE;

/// The same where memory is small: six sums of 32 bits a pair are a sixteenth of it at the most.
fn block(total: usize) -> usize {
    let fits = |&block: &usize| 6 * 4 * block * block <= total / 16;
    let blocks = [BLOCK, BLOCK / 2, BLOCK / 4, BLOCK / 8];
    blocks.into_iter().find(fits).unwrap_or(PAIR_EDGE)
}

/// Genotypes on the device.
#[derive(Debug)]
pub struct CudaPanel {
    genotypes: Arc<Genotypes>,
    calls: Arc<Calls>,
}

impl CudaPanel {
    /// Puts genotypes on the device: two bits per call, three where some are missing.
    pub(crate) fn new(device: &Arc<Device>, genotypes: Arc<Genotypes>) -> Result<Self, CudaError> {
        let calls = Arc::new(Calls::new(device, &genotypes)?);
        Ok(CudaPanel { genotypes, calls })
    }
}

/// Pair statistics on the device.
#[derive(Debug)]
pub struct CudaPairs {
    device: Arc<Device>,
    sums: Sums,
    kept: Option<Numbers>,
    unit: i32,
    whole: bool,
    shape: (usize, usize),
}

/// Individuals of the rows or the columns, with Σx² or Σx of each.
#[derive(Debug)]
struct Side {
    calls: Arc<Calls>,
    moments: Buffer,
}

/// How pairs are summed.
#[derive(Debug)]
enum Sums {
    Distance {
        kind: PairKind,
        /// Rows and columns.
        sides: Box<[Side; 2]>,
        /// What missing calls add.
        corrections: Option<Box<Digits>>,
    },
    Weighted(Box<Weighted>),
}

impl CudaPairs {
    /// The statistic of all pairs of `rows` × `cols`, or of `rows` with themselves. Kept if `keep`
    /// and a quarter of the free memory holds it: a factor in F64 takes twice as much as whole numbers,
    /// and the work on it needs room.
    ///
    /// # Panics
    /// If the sets and the statistic differ in their SNPs or segments, or products might not fit 32
    /// bits (from 2²⁹ SNPs on).
    pub(crate) fn new(
        (device, keep): (&Arc<Device>, bool),
        statistic: &PairStatistic,
        (rows, cols): (&CudaPanel, Option<&CudaPanel>),
    ) -> Result<Self, CudaError> {
        let symmetric = cols.is_none();
        let cols = cols.unwrap_or(rows);
        let snps = [rows, cols].map(|p| p.genotypes.snps());
        assert_eq!(snps, [statistic.snps(); 2], "SNPs of the panels");
        assert!(snps[0] < 1 << 29, "products of {} SNPs", snps[0]);
        let words = |p: &CudaPanel| -> Vec<_> {
            let segments = p.genotypes.segments().iter();
            segments.map(|s| s.words.clone()).collect()
        };
        assert_eq!(words(rows), words(cols), "segments of a pair");
        // Weighted sums are kept in units of the statistic, whole or not.
        let whole_unit = statistic.whole_unit(&rows.genotypes, &cols.genotypes);
        let whole = !statistic.is_weighted() && whole_unit.is_some();
        let sums = match statistic.is_weighted() {
            true => {
                let calls = [rows.calls.clone(), cols.calls.clone()];
                let weighted = Weighted::new(device, statistic, &rows.genotypes, calls)?;
                Sums::Weighted(Box::new(weighted))
            }
            false => {
                let kind = statistic.kind();
                let side = |panel: &CudaPanel| -> Result<Side, CudaError> {
                    Ok(Side {
                        calls: panel.calls.clone(),
                        moments: device.moments(&panel.calls, kind)?,
                    })
                };
                let both = [&*rows.calls, &*cols.calls];
                Sums::Distance {
                    kind,
                    sides: Box::new([side(rows)?, side(cols)?]),
                    corrections: corrections(device, &rows.genotypes, statistic, both)?
                        .map(Box::new),
                }
            }
        };
        let shape = (rows.genotypes.samples(), cols.genotypes.samples());
        let mut pairs = CudaPairs {
            device: device.clone(),
            sums,
            kept: None,
            unit: statistic.unit(),
            whole,
            shape,
        };
        let order = match symmetric {
            true => Order::Packed { samples: shape.0 },
            false => Order::Tall {
                rows: shape.0,
                cols: shape.1,
            },
        };
        let bytes = order.count() * if whole { 4 } else { 8 };
        if keep && bytes <= device.memory()?.0 / 4 {
            pairs.kept = Some(pairs.all(order)?);
        }
        Ok(pairs)
    }

    /// Whether the numbers are kept; if not, each use makes them again.
    pub fn is_kept(&self) -> bool {
        self.kept.is_some()
    }

    /// Exponent of the unit that numbers count in, where they are kept or made.
    pub(crate) fn unit(&self) -> i32 {
        if self.whole { 0 } else { self.unit }
    }

    /// Runs `work` on the numbers of the pairs `rows[r]`, `cols[c]`, wherever they are.
    ///
    /// # Panics
    /// If an index is out of range.
    pub(crate) fn with<R>(
        &self,
        (rows, cols): (&[u32], &[u32]),
        work: impl FnOnce(&Numbers, (&Index, &Index)) -> Result<R, CudaError>,
    ) -> Result<R, CudaError> {
        let (n, m) = self.shape;
        assert!(rows.iter().all(|&i| (i as usize) < n), "a row of {n}");
        assert!(cols.iter().all(|&j| (j as usize) < m), "a column of {m}");
        let (rows, cols) = (
            Index::new(&self.device, rows)?,
            Index::new(&self.device, cols)?,
        );
        match &self.kept {
            Some(kept) => work(kept, (&rows, &cols)),
            None => {
                let pairs = (rows.len() * cols.len()) as u64;
                self.device.made_again.fetch_add(pairs, Ordering::Relaxed);
                let order = Order::Dense {
                    rows: rows.len(),
                    cols: cols.len(),
                };
                let numbers = Numbers::new(&self.device, self.whole, order)?;
                self.fill((&rows, &cols), &numbers)?;
                work(&numbers, (&rows, &cols))
            }
        }
    }

    /// Numbers of the pairs `rows[r]`, `cols[c]`, column-major, in units of the statistic.
    ///
    /// # Panics
    /// If an index is out of range.
    pub(crate) fn numbers(&self, rows: &[u32], cols: &[u32]) -> Result<Vec<i64>, CudaError> {
        self.with((rows, cols), |numbers, index| {
            // Whole values are kept in units of 1.
            let shift = (self.unit() - self.unit).unsigned_abs();
            let gathered = self.device.gather(numbers, index, shift)?;
            let mut out = vec![0; rows.len() * cols.len()];
            self.device.download(&gathered, cast_slice_mut(&mut out))?;
            Ok(out)
        })
    }

    /// All pairs, block by block.
    fn all(&self, order: Order) -> Result<Numbers, CudaError> {
        let numbers = Numbers::new(&self.device, self.whole, order)?;
        let blocks = |n: usize| -> Result<Vec<Index>, CudaError> {
            let edge = block(self.device.total);
            let starts = (0..n).step_by(edge);
            starts
                .map(|start| {
                    let block: Vec<u32> = (start as u32..(start + edge).min(n) as u32).collect();
                    Index::new(&self.device, &block)
                })
                .collect()
        };
        let (rows, cols) = (blocks(self.shape.0)?, blocks(self.shape.1)?);
        for (i, rows) in rows.iter().enumerate() {
            for (j, cols) in cols.iter().enumerate() {
                if i >= j || !matches!(order, Order::Packed { .. }) {
                    self.fill((rows, cols), &numbers)?;
                }
            }
        }
        Ok(numbers)
    }

    /// Makes the numbers of these pairs.
    fn fill(&self, (rows, cols): (&Index, &Index), out: &Numbers) -> Result<(), CudaError> {
        match &self.sums {
            Sums::Weighted(weighted) => weighted.fill(&self.device, (rows, cols), out),
            Sums::Distance {
                kind,
                sides,
                corrections,
            } => {
                let [a, b] = &**sides;
                let dots = dots(&self.device, *kind, (&a.calls, rows), (&b.calls, cols))?;
                self.device.distances(
                    (&dots, rows.len().next_multiple_of(PAD)),
                    (&a.calls, rows, &a.moments),
                    (&b.calls, cols, &b.moments),
                    out,
                )?;
                match corrections {
                    Some(digits) => {
                        let (a, b) = ((&*a.calls, rows), (&*b.calls, cols));
                        digits.add(&self.device, a, b, None, out)
                    }
                    None => Ok(()),
                }
            }
        }
    }
}
