//! The names of a run's files. Each kind of run has files of its own, so that a run of a few cases or an
//! interrupted run does not overwrite the results of a full run.

/// The name of a full run's files, without the extension.
pub const FULL: &str = "oneloop-bench";

/// The length in bytes from which on a name takes no further words.
const LENGTH_MAX: usize = 120;

/// Returns the name of a run's files. It is the name of a full run's files, followed by the words that
/// have chosen the run, in alphabetical order.
pub fn stem(words: &[&str], interrupted: bool) -> String {
    let mut words = words.to_vec();
    words.sort_unstable();
    words.dedup();
    let mut stem = String::from(FULL);
    for (at, word) in words.iter().enumerate() {
        let word: String = word.chars().map(safe).collect();
        if stem.len() + 1 + word.len() > LENGTH_MAX {
            stem += &format!("-and-{}-more", words.len() - at);
            break;
        }
        stem += "-";
        stem += &word;
    }
    if interrupted { stem + "-interrupted" } else { stem }
}

fn safe(character: char) -> char {
    let is_safe = character.is_ascii_alphanumeric() || matches!(character, '-' | '.');
    if is_safe { character } else { '_' }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_of_a_few_cases_does_not_overwrite_a_full_one() {
        assert_eq!(stem(&[], false), FULL);
        assert_eq!(stem(&["yield", "echo-50"], false), "oneloop-bench-echo-50-yield");
        assert_eq!(stem(&["quick"], false), "oneloop-bench-quick");
        assert_eq!(stem(&["counts"], false), "oneloop-bench-counts");
    }

    #[test]
    fn an_interrupted_run_does_not_overwrite_a_whole_one() {
        assert_eq!(stem(&[], true), "oneloop-bench-interrupted");
        assert_eq!(stem(&["yield"], true), "oneloop-bench-yield-interrupted");
    }

    #[test]
    fn the_same_choice_has_the_same_name() {
        assert_eq!(stem(&["b", "a", "b"], false), stem(&["a", "b"], false));
    }

    #[test]
    fn any_words_make_a_file_name() {
        assert_eq!(stem(&["../a b"], false), "oneloop-bench-.._a_b");
        let words: Vec<String> = (10..99).map(|it| format!("echo-{it}")).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let name = stem(&words, false);
        assert!(name.len() < LENGTH_MAX + 20 && name.ends_with("-more"), "{name}");
    }
}
