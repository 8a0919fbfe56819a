//! Nothing: the tests are this package.
