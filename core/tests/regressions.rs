//! What fuzzing has found in `core`, checked again; and the inputs from which it starts.

#[path = "../../fuzz/src/plan.rs"]
pub mod plan;
#[path = "../../fuzz/src/replay.rs"]
pub mod replay;
#[path = "../../fuzz/src/round.rs"]
pub mod round;
#[path = "../../fuzz/src/source.rs"]
pub mod source;

use replay::replay;

#[test]
fn rounding_agrees_with_integers() {
    replay("round", round::seeds, round::check);
}

#[test]
fn plans_hold_their_rules() {
    replay("plan", plan::seeds, plan::check);
}
