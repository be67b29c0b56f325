use super::*;
use crate::Cpu;
use epitile_core::backend::{Backend, Solve, Trans};
use epitile_core::engine::InOrder;
use epitile_core::precision::Precision;
use epitile_core::task::{Op, cholesky};
use epitile_core::tile::Tile;

fn with_threads<R: Send>(threads: usize, run: impl FnOnce() -> R + Send) -> R {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
    pool.build().unwrap().install(run)
}

const EDGE: usize = 17;

/// Entry of exp(−|r − c|/8), with a ridge: positive definite.
fn entry(r: usize, c: usize) -> f64 {
    (-(r.abs_diff(c) as f64) / 8.0).exp() + f64::from(r == c)
}

/// The left-looking factor of a small matrix, in a mixture of precisions.
fn factor(engine: &impl Engine, order: usize) -> SymTiles<Option<Tile>> {
    let mut tiles = SymTiles::from_fn(order, |_, _| None);
    let execute = |task: &Task, reads: &[&Option<Tile>], out: &mut Option<Tile>| {
        let read = |t: usize| reads[t].as_ref().unwrap();
        match task.op {
            Op::Update { i, k } => {
                let mut values = Vec::new();
                for c in 0..EDGE {
                    values.extend((0..EDGE).map(|r| entry(i * EDGE + r, k * EDGE + c)));
                }
                let mut sum = Tile::from_f64(EDGE, EDGE, &values, Precision::F32, 0);
                for j in 0..k {
                    if i == k {
                        Cpu::MEMORY.syrk(-1.0, read(j), &mut sum)?;
                    } else {
                        let (a, b) = ((read(2 * j), Trans::No), (read(2 * j + 1), Trans::Yes));
                        Cpu::MEMORY.gemm(-1.0, a, b, &mut sum)?;
                    }
                }
                *out = Some(sum);
            }
            Op::Potrf { .. } => Cpu::MEMORY.potrf(out.as_mut().unwrap())?,
            Op::Trsm { i, k } => {
                let mut b = out.take().unwrap();
                Cpu::MEMORY.trsm(Solve::RightTransposed, read(0), &mut b)?;
                let precision = [Precision::F32, Precision::F16][(i + k) % 2];
                *out = Some(Cpu::MEMORY.convert(&b, precision, 0)?);
            }
        }
        Ok::<(), crate::CpuError>(())
    };
    engine.run(&mut tiles, cholesky(order), execute).unwrap();
    tiles
}

#[test]
fn the_factor_has_the_same_bits_for_any_number_of_threads() {
    for order in [0, 1, 2, 9] {
        let expected = factor(&InOrder, order);
        for threads in [1, 2, 4] {
            let got = with_threads(threads, || factor(&Rayon, order));
            assert_eq!(got, expected, "{threads} threads, {order} block rows");
        }
    }
}

/// Runs the Cholesky stream on lists of the tasks that made each tile; `fails` names tasks.
fn trace(
    engine: &impl Engine,
    order: usize,
    fails: impl Fn(Op) -> bool + Sync,
) -> (Result<(), Op>, SymTiles<Vec<Op>>) {
    let mut tiles = SymTiles::from_fn(order, |_, _| Vec::new());
    let result = engine.run(&mut tiles, cholesky(order), |task, reads, out| {
        if reads.iter().any(|r| r.is_empty()) {
            panic!("{task:?} runs before what it reads");
        }
        if fails(task.op) {
            return Err(task.op);
        }
        out.push(task.op);
        Ok(())
    });
    (result, tiles)
}

#[test]
fn the_first_failing_task_is_reported_and_nothing_after_it_depends_on_it() {
    let fails = |op| matches!(op, Op::Potrf { k: 3 } | Op::Trsm { i: 7, k: 2 | 3 });
    let (expected, _) = trace(&InOrder, 9, fails);
    // Row 3 comes before row 7, though the engine may come to both.
    assert_eq!(expected, Err(Op::Potrf { k: 3 }));
    for threads in [1, 2, 4] {
        for _ in 0..50 {
            let (result, tiles) = with_threads(threads, || trace(&Rayon, 9, fails));
            assert_eq!(result, expected);
            // Column 3 never got its pivot, so no column after it was solved.
            assert!(
                tiles
                    .iter()
                    .all(|((i, k), ops)| { k < 3 || i == k || !ops.contains(&Op::Trsm { i, k }) })
            );
        }
    }
}

#[test]
fn items_are_visited_once_and_the_first_error_is_reported() {
    for threads in [1, 2, 4] {
        let mut items = vec![0; 1000];
        let result = with_threads(threads, || {
            Rayon.for_each(&mut items, |i, item| {
                *item += i;
                if i % 300 == 299 { Err(i) } else { Ok(()) }
            })
        });
        assert_eq!(result, Err(299));
        assert!(items.iter().enumerate().all(|(i, &v)| v == i));
    }
}

#[test]
fn a_panic_in_a_task_reaches_the_caller() {
    for threads in [1, 4] {
        let caught = with_threads(threads, || {
            std::panic::catch_unwind(|| {
                trace(&Rayon, 6, |op| match op {
                    Op::Potrf { k: 2 } => panic!("on purpose"),
                    _ => false,
                })
            })
        });
        assert!(caught.is_err());
    }
}

#[test]
fn urgent_tasks_start_first() {
    // One thread, so the order of the heap is the order of execution.
    let seen = Mutex::new(Vec::new());
    with_threads(1, || {
        let mut tiles = SymTiles::from_fn(4, |_, _| ());
        let tasks = [1, 9, 5, 9].into_iter().enumerate();
        let tasks = tasks.map(|(k, priority)| Task {
            op: Op::Potrf { k },
            priority,
        });
        Rayon
            .run(&mut tiles, tasks, |task, _, _| {
                seen.lock().unwrap().push(task.write().0);
                Ok::<(), ()>(())
            })
            .unwrap();
    });
    assert_eq!(seen.into_inner().unwrap(), [1, 3, 2, 0]);
}
