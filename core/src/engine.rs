//! Engines run tasks, keeping only the order that their reads and writes imply.

use alloc::vec::Vec;

use crate::sym::SymTiles;
use crate::task::Task;

/// Something that runs tasks.
pub trait Engine: Sync {
    /// Runs a stream of tasks on `tiles`. `execute` gets the task, the tiles it reads (in the
    /// order of [`Task::reads`]) and the tile it writes.
    ///
    /// # Errors
    /// The error of a failing task; tasks that depend on it have not run, and what the tiles hold
    /// is unspecified.
    fn run<T, E, F>(
        &self,
        tiles: &mut SymTiles<T>,
        tasks: impl Iterator<Item = Task>,
        execute: F,
    ) -> Result<(), E>
    where
        T: Default + Send + Sync,
        E: Send,
        F: Fn(Task, &[&T], &mut T) -> Result<(), E> + Sync;

    /// Runs `f` once on each item, with its place; items are independent.
    ///
    /// # Errors
    /// The error of the first failing item.
    fn for_each<T, E, F>(&self, items: &mut [T], f: F) -> Result<(), E>
    where
        T: Send,
        E: Send,
        F: Fn(usize, &mut T) -> Result<(), E> + Sync;
}

/// Runs everything in the order given, on the calling thread: the reference.
#[derive(Clone, Copy, Debug, Default)]
pub struct InOrder;

impl Engine for InOrder {
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
        for task in tasks {
            let mut out = core::mem::take(&mut tiles[task.write()]);
            let reads: Vec<&T> = task.reads().into_iter().map(|at| &tiles[at]).collect();
            execute(task, &reads, &mut out)?;
            tiles[task.write()] = out;
        }
        Ok(())
    }

    fn for_each<T, E, F>(&self, items: &mut [T], f: F) -> Result<(), E>
    where
        T: Send,
        E: Send,
        F: Fn(usize, &mut T) -> Result<(), E> + Sync,
    {
        items
            .iter_mut()
            .enumerate()
            .try_for_each(|(i, item)| f(i, item))
    }
}
