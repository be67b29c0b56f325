//! epitile-benches
