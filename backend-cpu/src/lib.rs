//! epitile-cpu
