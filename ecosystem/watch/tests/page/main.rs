//! These tests open the page in a real browser.

mod big;
mod browser;
#[path = "../common/mod.rs"]
mod common;
mod driver;
mod images;
mod loads;
mod looks;
mod moves;
mod names;
mod real;
mod sources;
mod steps;
