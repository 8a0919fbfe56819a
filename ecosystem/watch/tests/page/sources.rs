//! The page names functions of the sources that exist.

use std::path::Path;

/// Returns the rows of `READ_AT` in `page/sentences.js`. Each has a function and its file.
#[test]
fn study_mode_names_functions_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let script = std::fs::read_to_string(root.join("page/sentences.js")).expect("the script");
    let rows: Vec<(&str, &str)> = script
        .lines()
        .filter_map(|line| {
            let (_, row) = line.split_once(": [\"")?;
            let (function, rest) = row.split_once("\", \"")?;
            Some((function, rest.split_once("\"]")?.0))
        })
        .collect();
    assert!(rows.len() > 30, "{rows:?}");
    for (function, file) in rows {
        let source = std::fs::read_to_string(root.join("../..").join(file)).expect(file);
        let (owner, name) = function.rsplit_once("::").unwrap_or(("", function));
        let known = source.contains(&format!("fn {name}(")) || source.contains(&format!("fn {name}<"));
        assert!(known, "{file} has no fn {name}");
        let module = Path::new(file).file_stem().and_then(|stem| stem.to_str());
        let owned = owner.is_empty()
            || module == Some(owner)
            || source.lines().any(|line| line.starts_with("impl") && line.contains(owner));
        assert!(owned, "{file} has no impl of {owner}");
    }
}
