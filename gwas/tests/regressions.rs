//! What fuzzing has found in the backends and in this crate, checked again; and the inputs from
//! which it starts.

#[path = "../../fuzz/src/factor.rs"]
pub mod factor;
#[path = "../../fuzz/src/model.rs"]
pub mod model;
#[path = "../../fuzz/src/nulls.rs"]
pub mod nulls;
#[path = "../../fuzz/src/plink.rs"]
pub mod plink;
#[path = "../../fuzz/src/refused.rs"]
pub mod refused;
#[path = "../../fuzz/src/replay.rs"]
pub mod replay;
#[path = "../../fuzz/src/scratch.rs"]
pub mod scratch;
#[path = "../../fuzz/src/source.rs"]
pub mod source;
#[path = "../../fuzz/src/table.rs"]
pub mod table;
#[path = "../../fuzz/src/tile.rs"]
pub mod tile;

use replay::replay;

#[test]
fn filesets_are_read_or_refused() {
    replay("plink", plink::seeds, plink::check);
}

#[test]
fn tables_are_read_or_refused() {
    replay("table", table::seeds, table::check);
}

#[test]
fn models_are_read_or_refused() {
    replay("model", model::seeds, model::check);
}

#[test]
fn null_models_are_read_or_refused() {
    replay("nulls", nulls::seeds, nulls::check);
}

#[test]
fn tile_operations_keep_their_bounds() {
    replay("tile", tile::seeds, tile::check);
}

#[test]
fn solutions_are_certified_or_refused() {
    replay("factor", factor::seeds, factor::check);
}
