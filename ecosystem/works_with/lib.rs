//! This library is empty, because the package consists of its tests.
