//! epitile-cuda
