//! This library is empty. The benchmark of `oneloop-cores` is in `main.rs`.
