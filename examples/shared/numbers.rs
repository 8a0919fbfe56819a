//! Numbers on the command line, for the examples that take them.

use std::ffi::OsString;
use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use lexopt::ValueExt;

/// Returns an option's value if it is a number in `range`, or else an error of one line.
pub fn within<T>(option: &str, value: OsString, range: RangeInclusive<T>) -> Result<T, lexopt::Error>
where
    T: FromStr + PartialOrd + fmt::Display,
{
    let text = value.string()?;
    let number = text.parse().ok().filter(|number| range.contains(number));
    number.ok_or_else(|| {
        let (least, most) = range.into_inner();
        format!("{option} takes a number from {least} to {most}, not `{text}`").into()
    })
}
