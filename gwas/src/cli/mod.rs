//! The command line: one file per command, shared groups of flags in `args`.

mod args;
mod assoc;
mod assoc_flow;
mod bench;
mod counts;
mod cv;
mod demo;
mod epistasis;
mod explain;
mod fit;
mod inputs;
mod kernel;
mod memory;
mod predict;
mod program;
mod report;
mod screen;
mod simulate;
mod varcomp;
mod verify;

pub(crate) use program::main;
