//! Which tile of a factor had which format, and how large it was: for run records and pictures.
//!
//! One text per row of the lower triangle, so that a record of a thousand tile rows has a
//! thousand lines.

use epitile_core::backend::Backend;
use epitile_core::engine::Engine;
use epitile_core::policy::promoted;
use epitile_core::precision::Precision;
use epitile_core::solver::{Outcome, Prepared, Solver, Step};
use epitile_core::sym::SymTiles;
use serde::{Deserialize, Serialize};

/// The plan of one factor.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TilePlan {
    /// Traits that it was made for.
    pub traits: Vec<String>,
    /// Individuals: rows of the matrix.
    pub individuals: usize,
    /// Rows of a tile; the last may have fewer.
    pub edge: usize,
    /// Rank of what was taken out of the kernel before.
    pub rank: usize,
    /// λ.
    pub lambda: f64,
    /// Row i: the formats of tiles (i, 0) … (i, i), with blanks between.
    pub formats: Vec<String>,
    /// Row i: ‖R_ij‖_F of the same tiles, with three digits; empty where the policy does not ask
    /// for norms.
    pub norms: Vec<String>,
}

impl TilePlan {
    /// The plan of the factor that `solver` used last; `None` before there is one.
    pub fn of<B: Backend, E: Engine>(
        solver: &Solver<'_, B, E>,
        prepared: &Prepared<B::Tile>,
        traits: Vec<String>,
    ) -> Option<TilePlan> {
        let factored =
            |&(_, outcome): &(Step, &Outcome)| matches!(outcome, Outcome::Factored { .. });
        let (step, _) = solver.steps().filter(factored).last()?;
        let wider = |n: u32| (0..n).fold(solver.plan().clone(), |plan, _| promoted(&plan));
        let plan = match step {
            Step::Plan | Step::Shift { .. } => solver.plan().clone(),
            Step::Promote { formats } => wider(formats),
            Step::Double => solver.plan().map(|_, _| Precision::F64),
        };
        let system = solver.system();
        let norms = prepared.norms();
        Some(TilePlan {
            traits,
            individuals: system.index.len(),
            edge: system.edge,
            rank: match step {
                Step::Double => 0,
                _ => prepared.rank(),
            },
            lambda: solver.ridge(),
            formats: rows(&plan, |p| p.to_string()),
            norms: norms.map_or_else(Vec::new, |n| rows(n, |x| format!("{x:.2e}"))),
        })
    }
}

fn rows<T>(tiles: &SymTiles<T>, text: impl Fn(&T) -> String) -> Vec<String> {
    let row = |i| {
        let cells: Vec<String> = (0..=i).map(|j| text(&tiles[(i, j)])).collect();
        cells.join(" ")
    };
    (0..tiles.order()).map(row).collect()
}
