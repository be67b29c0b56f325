//! Writes the inputs from which fuzzing starts to `corpus/<target>/seed-<k>`.

use std::path::Path;

fn main() -> std::io::Result<()> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for (target, seeds, _) in epitile_fuzz::TARGETS {
        let folder = corpus.join(target);
        std::fs::create_dir_all(&folder)?;
        for (k, seed) in seeds().iter().enumerate() {
            std::fs::write(folder.join(format!("seed-{k:02}")), seed)?;
        }
    }
    Ok(())
}
