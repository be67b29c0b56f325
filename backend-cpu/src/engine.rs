//! An engine on rayon: tasks start as soon as what they need is done.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, RwLock};

use epitile_core::engine::Engine;
use epitile_core::sym::SymTiles;
use epitile_core::task::Task;
use rayon::prelude::*;

/// Runs tasks on the current rayon thread pool, of the ready ones the first of the stream first.
///
/// The result, and the error if tasks fail, are those of
/// [`InOrder`](epitile_core::engine::InOrder) for any number of threads.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rayon;

/// Which tasks wait for which: from reads after writes, writes after writes, writes after reads.
struct Graph {
    /// Tasks that wait for a task.
    followers: Vec<Vec<u32>>,
    /// How many tasks a task still waits for.
    waits: Vec<AtomicUsize>,
}

impl Graph {
    fn new<T>(tiles: &SymTiles<T>, tasks: &[Task]) -> Self {
        let mut followers: Vec<Vec<u32>> = vec![Vec::new(); tasks.len()];
        let mut waits = vec![0; tasks.len()];
        // Per tile: its last writer, and who read it since.
        let mut writer: Vec<Option<usize>> = vec![None; tiles.as_slice().len()];
        let mut readers: Vec<Vec<usize>> = vec![Vec::new(); writer.len()];
        for (t, task) in tasks.iter().enumerate() {
            let narrow = u32::try_from(t).expect("at most 2³² tasks");
            let mut after = |earlier: usize| {
                // Two tiles may name the same earlier task: one edge is enough.
                if followers[earlier].last() != Some(&narrow) {
                    followers[earlier].push(narrow);
                    waits[t] += 1;
                }
            };
            for at in task.reads() {
                let at = tiles.position(at);
                writer[at].into_iter().for_each(&mut after);
                readers[at].push(t);
            }
            let at = tiles.position(task.write());
            assert!(!readers[at].contains(&t), "{task:?} reads what it writes");
            writer[at].into_iter().for_each(&mut after);
            readers[at].drain(..).for_each(&mut after);
            writer[at] = Some(t);
        }
        Graph {
            followers,
            waits: waits.into_iter().map(AtomicUsize::new).collect(),
        }
    }
}

/// Everything the jobs share.
struct Run<'a, T, E, F> {
    tasks: Vec<Task>,
    graph: Graph,
    tiles: &'a SymTiles<RwLock<T>>,
    ready: Mutex<BinaryHeap<Reverse<usize>>>,
    /// Index of the first failing task so far; later ones are skipped.
    failed: AtomicUsize,
    error: Mutex<Option<(usize, E)>>,
    execute: F,
}

const POISON: &str = "no code that panics holds this lock";

impl<T, E, F> Run<'_, T, E, F>
where
    T: Send + Sync,
    E: Send,
    F: Fn(Task, &[&T], &mut T) -> Result<(), E> + Sync,
{
    /// Marks a task ready and starts a job, which takes the first ready task of then.
    fn ready<'s>(&'s self, scope: &rayon::Scope<'s>, t: usize) {
        self.ready.lock().expect(POISON).push(Reverse(t));
        scope.spawn(|scope| {
            // One job per entry: the heap is not empty.
            let next = self.ready.lock().expect(POISON).pop();
            let Reverse(t) = next.expect("an entry for every job");
            if t < self.failed.load(Ordering::Acquire) {
                self.execute(t);
            }
            for &f in &self.graph.followers[t] {
                if self.graph.waits[f as usize].fetch_sub(1, Ordering::AcqRel) == 1 {
                    self.ready(scope, f as usize);
                }
            }
        });
    }

    fn execute(&self, t: usize) {
        // The order of tasks keeps these locks free; a poisoned one repeats an earlier panic.
        let task = self.tasks[t];
        let mut out = self.tiles[task.write()].write().expect("a panicked task");
        let guards: Vec<_> = task
            .reads()
            .into_iter()
            .map(|at| self.tiles[at].read().expect("a panicked task"))
            .collect();
        let reads: Vec<&T> = guards.iter().map(|g| &**g).collect();
        if let Err(e) = (self.execute)(task, &reads, &mut out) {
            self.failed.fetch_min(t, Ordering::AcqRel);
            let mut error = self.error.lock().expect(POISON);
            if error.as_ref().is_none_or(|(first, _)| t < *first) {
                *error = Some((t, e));
            }
        }
    }
}

impl Engine for Rayon {
    fn run<T, E, F>(
        &self,
        tiles: &mut SymTiles<T>,
        tasks: impl Iterator<Item = Task>,
        execute: F,
    ) -> Result<(), E>
    where
        T: Default + Send + Sync,
        E: Send,
        F: Fn(Task, &[&T], &mut T) -> Result<(), E> + Sync,
    {
        let tasks: Vec<Task> = tasks.collect();
        let graph = Graph::new(tiles, &tasks);
        let first: Vec<usize> = (0..tasks.len())
            .filter(|&t| graph.waits[t].load(Ordering::Relaxed) == 0)
            .collect();
        let items = tiles.as_mut_slice().iter_mut();
        let locks = items.map(|t| RwLock::new(core::mem::take(t))).collect();
        let locks = SymTiles::from_vec(tiles.order(), locks).expect("as many locks as tiles");
        let run = Run {
            tasks,
            graph,
            tiles: &locks,
            ready: Mutex::default(),
            failed: AtomicUsize::new(usize::MAX),
            error: Mutex::new(None),
            execute,
        };
        rayon::scope(|scope| first.into_iter().for_each(|t| run.ready(scope, t)));
        let error = run.error.into_inner().expect(POISON);
        for (tile, lock) in tiles.as_mut_slice().iter_mut().zip(locks.into_vec()) {
            *tile = lock.into_inner().expect("a panic was propagated");
        }
        error.map_or(Ok(()), |(_, e)| Err(e))
    }

    fn for_each<T, E, F>(&self, items: &mut [T], f: F) -> Result<(), E>
    where
        T: Send,
        E: Send,
        F: Fn(usize, &mut T) -> Result<(), E> + Sync,
    {
        items
            .par_iter_mut()
            .with_max_len(1)
            .enumerate()
            .filter_map(|(i, item)| f(i, item).err().map(|e| (i, e)))
            .min_by_key(|&(i, _)| i)
            .map_or(Ok(()), |(_, e)| Err(e))
    }
}

#[cfg(test)]
mod tests;
