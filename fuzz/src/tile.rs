//! Tile operations of the CPU backend: the conformance checks on shapes, strides and numbers of
//! every kind; for arbitrary bits, no panic, shapes kept, conversion bit for bit.

use epitile_core::backend::{Backend, BackendError, ErrorKind, Trans};
use epitile_core::conformance::{Failure, convert, gemm, norm, potrf, require, syrk, trsm, upload};
use epitile_core::precision::Precision;
use epitile_core::tile::{SCALES, Tile, TileRef, natural_scale};
use epitile_cpu::Cpu;

use crate::source::Source;

/// Longest side of a tile.
const LONGEST: usize = 72;

/// Formats of operands.
const FORMATS: [Precision; 7] = [
    Precision::F64,
    Precision::F32,
    Precision::Tf32,
    Precision::F16,
    Precision::Bf16,
    Precision::F8E4M3,
    Precision::F8E5M2,
];

/// Formats of outputs.
const OUTPUTS: [Precision; 2] = [Precision::F64, Precision::F32];

/// Both orientations.
const ORIENTATIONS: [Trans; 2] = [Trans::No, Trans::Yes];

/// Checks what it draws from the input.
type Operation = fn(&mut Source<'_>) -> Result<(), Failure>;

/// What an input may ask for.
const OPERATIONS: [Operation; 9] = [
    products,
    updates,
    solves,
    factors,
    norms,
    conversions,
    copies,
    any_conversion,
    any_bits,
];

/// Inputs to start from: every operation at a few sizes.
pub fn seeds() -> Vec<Vec<u8>> {
    let sizes = [[3, 4, 2], [17, 16, 33], [8, 1, 65], [0, 5, 1], [40, 33, 64]];
    let operations = 0..OPERATIONS.len() as u8;
    let seed = |operation: u8, k: usize| {
        let mut input = vec![operation];
        input.extend(sizes[k]);
        // Multiples of an odd number: every byte differs from its neighbours.
        input.extend((0..96u8).map(|i| i.wrapping_mul(37 + 2 * k as u8).wrapping_add(operation)));
        input
    };
    operations
        .flat_map(|o| (0..sizes.len()).map(move |k| seed(o, k)))
        .collect()
}

/// A byte for the operation, three for sizes, then what the operation draws.
///
/// # Panics
/// If a promise is broken.
pub fn check(bytes: &[u8]) {
    let mut source = Source::new(bytes);
    let operation = source.pick(&OPERATIONS);
    require(operation(&mut source));
}

fn side(source: &mut Source<'_>) -> usize {
    source.below(LONGEST + 1)
}

/// Numbers of moderate size. The input's are used again and again, each time turned a little, so
/// that a large tile does not take a large input.
fn numbers(source: &mut Source<'_>, len: usize) -> Vec<f64> {
    let given = source.below(64) + 1;
    let given: Vec<f64> = (0..given).map(|_| source.number()).collect();
    let turn = |at: usize| 1.0 + (at / given.len() * 13 % 61) as f64 / 64.0;
    (0..len)
        .map(|at| given[at % given.len()] * turn(at))
        .collect()
}

/// An operand in any format; formats of one and two bytes at their natural scale, the others at
/// a small one.
fn operand(source: &mut Source<'_>, (rows, cols): (usize, usize)) -> Tile {
    let p = source.pick(&FORMATS);
    let scale = source.below(9) as i32 - 4;
    let values = numbers(source, rows * cols);
    let max = values.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
    let scale = match p {
        Precision::F16 | Precision::F8E4M3 | Precision::F8E5M2 => natural_scale(max, p),
        _ => scale,
    };
    Tile::from_f64(rows, cols, &values, p, scale)
}

fn output(source: &mut Source<'_>, (rows, cols): (usize, usize)) -> Tile {
    let p = source.pick(&OUTPUTS);
    Tile::from_f64(rows, cols, &numbers(source, rows * cols), p, 0)
}

/// A lower triangle with a diagonal of at least 1 and the rest at most 1/16 (numbers are at most
/// 256): solutions grow by 17/16 a row at most, and stay in the range of F32.
fn triangle(source: &mut Source<'_>, n: usize) -> Tile {
    let tile = operand(source, (n, n));
    let (p, mut values) = (tile.precision(), tile.to_f64());
    for (at, v) in values.iter_mut().enumerate() {
        let (r, c) = (at % n, at / n);
        *v = match r.cmp(&c) {
            core::cmp::Ordering::Equal => 1.0 + v.abs() / 64.0,
            core::cmp::Ordering::Greater => *v / 4096.0,
            core::cmp::Ordering::Less => *v,
        };
    }
    let max = values.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
    Tile::from_f64(n, n, &values, p, natural_scale(max, p))
}

fn products(source: &mut Source<'_>) -> Result<(), Failure> {
    let (m, n, k) = (side(source), side(source), side(source));
    let (ta, tb) = (source.pick(&ORIENTATIONS), source.pick(&ORIENTATIONS));
    let alpha = source.pick(&[-1.0, 1.0, 0.0, -0.3, 2.5]);
    let a = operand(source, gemm::oriented((m, k), ta));
    let b = operand(source, gemm::oriented((k, n), tb));
    gemm::holds(
        &Cpu::MEMORY,
        alpha,
        (&a, ta),
        (&b, tb),
        &output(source, (m, n)),
    )
}

fn updates(source: &mut Source<'_>) -> Result<(), Failure> {
    let (n, k) = (side(source), side(source));
    let alpha = source.pick(&[-1.0, 1.0, -0.3]);
    let a = operand(source, (n, k));
    syrk::holds(&Cpu::MEMORY, alpha, &a, &output(source, (n, n)))
}

fn solves(source: &mut Source<'_>) -> Result<(), Failure> {
    let (n, systems) = (side(source), side(source));
    let solve = source.pick(&trsm::FORMS);
    let l = triangle(source, n);
    let shape = match solve {
        epitile_core::backend::Solve::RightTransposed => (systems, n),
        _ => (n, systems),
    };
    trsm::holds(&Cpu::MEMORY, solve, &l, &output(source, shape))
}

/// B Bᵀ + δI factors within its bound; a symmetric matrix of any numbers does, or is refused.
fn factors(source: &mut Source<'_>) -> Result<(), Failure> {
    let (n, k) = (side(source), side(source));
    let p = source.pick(&OUTPUTS);
    let (b, shift) = (numbers(source, n * k), source.number().abs() + 1.0);
    let product = |r: usize, c: usize| (0..k).map(|j| b[j * n + r] * b[j * n + c]).sum::<f64>();
    let size: f64 = (0..n).map(|r| product(r, r)).sum();
    // Larger than all rounding: n² of them at most, each 2⁻²⁴ of a trace at most.
    let shift = shift + size * (n * n + 1) as f64 * Precision::F32.unit_roundoff();
    let entry = |at: usize| match (at % n, at / n) {
        (r, c) if r == c => product(r, r) + shift,
        (r, c) => product(r, c),
    };
    let values: Vec<f64> = (0..n * n).map(entry).collect();
    potrf::holds(&Cpu::MEMORY, &Tile::from_f64(n, n, &values, p, 0))?;
    let mut any = Tile::from_f64(n, n, &numbers(source, n * n), p, 0);
    match Cpu::MEMORY.potrf(&mut any) {
        Ok(()) => {
            let l = any.to_f64();
            for (at, v) in l.iter().enumerate().filter(|_| n > 0) {
                let (r, c) = (at % n, at / n);
                assert!(r >= c || *v == 0.0, "above the diagonal");
                assert!(r != c || *v > 0.0 && v.is_finite(), "a diagonal of {v}");
            }
        }
        Err(e) => assert!(
            matches!(e.kind(), ErrorKind::NotPositiveDefinite { pivot } if pivot < n),
            "{e}"
        ),
    }
    Ok(())
}

fn norms(source: &mut Source<'_>) -> Result<(), Failure> {
    let shape = (side(source), side(source));
    norm::holds(&Cpu::MEMORY, &operand(source, shape))
}

fn conversions(source: &mut Source<'_>) -> Result<(), Failure> {
    let shape = (side(source), side(source));
    let tile = operand(source, shape);
    let (to, scale) = (source.pick(&FORMATS), source.below(65) as i32 - 32);
    convert::holds(&Cpu::MEMORY, &tile, to, scale)
}

/// Any bits in a format, with gaps between columns.
fn raw(source: &mut Source<'_>, (rows, cols, ld): (usize, usize, usize)) -> Tile {
    let (p, scale) = (source.pick(&FORMATS), any_scale(source));
    let len = (ld * cols.max(1) + rows) * p.bytes();
    let given = source.below(32) + 1;
    let given: Vec<u64> = (0..given).map(|_| source.word()).collect();
    let turn = |at: usize| (at / given.len()) as u32 * 7;
    let word = |at: usize| given[at % given.len()].rotate_left(turn(at));
    let bytes: Vec<u8> = (0..len / 8 + 1)
        .flat_map(|at| word(at).to_le_bytes())
        .collect();
    // A tile's bytes are aligned as any number needs.
    let aligned = Tile::from_bytes(len / 8 + 1, 1, Precision::F64, 0, &bytes).expect("whole words");
    let bytes = &aligned.bytes()[..len];
    let view = TileRef::new((rows, cols, ld), p, scale, bytes);
    require(upload::holds(&Cpu::MEMORY, view));
    view.to_tile()
}

fn any_scale(source: &mut Source<'_>) -> i32 {
    let scale = i16::from_le_bytes([source.byte(), source.byte()]);
    // Half of them small.
    let scale = i32::from(if scale & 1 == 0 { scale >> 10 } else { scale });
    scale.clamp(*SCALES.start(), *SCALES.end())
}

/// Uploads and downloads, with gaps between columns.
fn copies(source: &mut Source<'_>) -> Result<(), Failure> {
    let (rows, cols) = (side(source), side(source));
    let ld = rows + source.below(9);
    raw(source, (rows, cols, ld));
    Ok(())
}

/// Conversion of any bits from and to any scale.
fn any_conversion(source: &mut Source<'_>) -> Result<(), Failure> {
    let (rows, cols) = (side(source) / 4, side(source) / 4);
    let tile = raw(source, (rows, cols, rows));
    let (to, scale) = (source.pick(&FORMATS), any_scale(source));
    convert::holds(&Cpu::MEMORY, &tile, to, scale)
}

/// Every operation on any bits: shapes and formats are kept, errors are the documented ones.
fn any_bits(source: &mut Source<'_>) -> Result<(), Failure> {
    let (n, k) = (side(source) / 4, side(source) / 4);
    let (a, l) = (raw(source, (n, k, n)), raw(source, (n, n, n)));
    let p = source.pick(&OUTPUTS);
    let square = raw(source, (n, n, n)).to_f64();
    let wide = raw(source, (n, k, n)).to_f64();
    let alpha = source.any_f64();
    let of = |values: &[f64], cols: usize| Tile::from_f64(n, cols, values, p, 0);
    let same = |tile: &Tile, cols: usize| {
        assert_eq!(
            (tile.rows(), tile.cols(), tile.precision(), tile.scale()),
            (n, cols, p, 0)
        );
    };
    let mut c = of(&square, n);
    let (no, yes) = (Trans::No, Trans::Yes);
    Cpu::MEMORY
        .gemm(alpha, (&a, no), (&a, yes), &mut c)
        .expect("gemm");
    same(&c, n);
    let mut c = of(&wide, k);
    Cpu::MEMORY
        .gemm(alpha, (&l, yes), (&a, no), &mut c)
        .expect("gemm");
    same(&c, k);
    let mut c = of(&square, n);
    Cpu::MEMORY.syrk(alpha, &a, &mut c).expect("syrk");
    same(&c, n);
    Cpu::MEMORY.shift(&mut c, alpha).expect("shift");
    same(&c, n);
    for solve in trsm::FORMS {
        let right = solve == epitile_core::backend::Solve::RightTransposed;
        let mut b = match right {
            true => Tile::from_f64(k, n, &wide, p, 0),
            false => of(&wide, k),
        };
        Cpu::MEMORY.trsm(solve, &l, &mut b).expect("trsm");
        assert_eq!((b.rows(), b.cols()), if right { (k, n) } else { (n, k) });
    }
    let mut c = of(&square, n);
    if let Err(e) = Cpu::MEMORY.potrf(&mut c) {
        let kind = e.kind();
        assert!(
            matches!(kind, ErrorKind::NotPositiveDefinite { pivot } if pivot < n),
            "{e}"
        );
    }
    same(&c, n);
    let told = Cpu::MEMORY.norm(&a).expect("norm");
    assert_eq!(told.rows.len(), n);
    Ok(())
}
