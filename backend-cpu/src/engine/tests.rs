use super::*;
use crate::Cpu;
use epitile_core::backend::{Backend, Solve, Trans};
use epitile_core::engine::InOrder;
use epitile_core::precision::Precision;
use epitile_core::task::{Task, cholesky};
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
    let execute = |task: Task, reads: &[&Option<Tile>], out: &mut Option<Tile>| {
        let read = |t: usize| reads[t].as_ref().unwrap();
        match task {
            Task::Update { i, k, from, to } => {
                let mut values = Vec::new();
                for c in 0..EDGE {
                    values.extend((0..EDGE).map(|r| entry(i * EDGE + r, k * EDGE + c)));
                }
                let built = || Tile::from_f64(EDGE, EDGE, &values, Precision::F32, 0);
                let mut sum = out.take().filter(|_| from > 0).unwrap_or_else(built);
                for j in 0..to - from {
                    if i == k {
                        Cpu::MEMORY.syrk(-1.0, read(j), &mut sum)?;
                    } else {
                        let (a, b) = ((read(2 * j), Trans::No), (read(2 * j + 1), Trans::Yes));
                        Cpu::MEMORY.gemm(-1.0, a, b, &mut sum)?;
                    }
                }
                *out = Some(sum);
            }
            Task::Potrf { .. } => Cpu::MEMORY.potrf(out.as_mut().unwrap())?,
            Task::Trsm { i, k } => {
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
    fails: impl Fn(Task) -> bool + Sync,
) -> (Result<(), Task>, SymTiles<Vec<Task>>) {
    let mut tiles = SymTiles::from_fn(order, |_, _| Vec::new());
    let result = engine.run(&mut tiles, cholesky(order), |task, reads, out| {
        if reads.iter().any(|r| r.is_empty()) {
            panic!("{task:?} runs before what it reads");
        }
        if fails(task) {
            return Err(task);
        }
        out.push(task);
        Ok(())
    });
    (result, tiles)
}

#[test]
fn the_first_failing_task_is_reported_and_nothing_after_it_depends_on_it() {
    let fails = |op| matches!(op, Task::Potrf { k: 3 } | Task::Trsm { i: 7, k: 2 | 3 });
    let (expected, _) = trace(&InOrder, 9, fails);
    // Row 3 comes before row 7, though the engine may come to both.
    assert_eq!(expected, Err(Task::Potrf { k: 3 }));
    for threads in [1, 2, 4] {
        for _ in 0..50 {
            let (result, tiles) = with_threads(threads, || trace(&Rayon, 9, fails));
            assert_eq!(result, expected);
            // Column 3 never got its pivot, so no column after it was solved.
            assert!(
                tiles.iter().all(|((i, k), ops)| {
                    k < 3 || i == k || !ops.contains(&Task::Trsm { i, k })
                })
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
                    Task::Potrf { k: 2 } => panic!("on purpose"),
                    _ => false,
                })
            })
        });
        assert!(caught.is_err());
    }
}

#[test]
fn ready_tasks_start_in_the_order_of_the_stream() {
    // One thread, so the order of the heap is the order of execution.
    let seen = Mutex::new(Vec::new());
    with_threads(1, || {
        let mut tiles = SymTiles::from_fn(4, |_, _| ());
        let tasks = [2, 0, 3, 1].into_iter().map(|k| Task::Potrf { k });
        Rayon
            .run(&mut tiles, tasks, |task, _, _| {
                seen.lock().unwrap().push(task.write().0);
                Ok::<(), ()>(())
            })
            .unwrap();
    });
    assert_eq!(seen.into_inner().unwrap(), [2, 0, 3, 1]);
}
