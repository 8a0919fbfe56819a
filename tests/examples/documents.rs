//! What two documents say is the same in both.

const README: &str = include_str!("../../README.md");
const EXAMPLES: &str = include_str!("../../examples/README.md");
const MANIFESTS: [&str; 2] = [include_str!("../../Cargo.toml"), include_str!("../Cargo.toml")];
const DESIGN: &str = include_str!("../../DESIGN.md");
const FRONT_PAGE: &str = include_str!("../../runtime/lib.rs");
const GUIDE: &str = include_str!("../../runtime/guide/mod.rs");
const RUN_PAGES: &str = include_str!("../common/guide.rs");

/// The lines of the block that begins with the drawing's first line, each without `margin`.
fn drawing<'a>(document: &'a str, margin: &str) -> Vec<&'a str> {
    let lines = document.lines().map(|line| line.strip_prefix(margin).unwrap_or(line));
    lines.skip_while(|line| !line.trim_start().starts_with('┌')).take_while(|line| *line != "```").collect()
}

#[test]
fn the_turn_is_drawn_alike_in_the_design_and_on_the_front_page() {
    let drawn = drawing(DESIGN, "");
    assert!(drawn.len() > 10 && drawn.iter().any(|line| line.contains("poll driver")), "{drawn:#?}");
    assert_eq!(drawing(FRONT_PAGE, "//! "), drawn);
    assert!(README.contains("](images/loop.svg)"), "the README has the same as a picture");
}

#[test]
fn every_example_is_listed_in_the_readme_of_the_examples() {
    let names = |manifest: &'static str| {
        let sections = manifest.split("[[example]]\nname = \"").skip(1);
        sections.map(|section| section.split('"').next().unwrap())
    };
    let names: Vec<_> = MANIFESTS.into_iter().flat_map(names).collect();
    assert!(names.len() >= 20, "{names:?}");
    for name in names {
        assert!(EXAMPLES.contains(&format!("--example {name}")), "examples/README.md lacks {name}");
    }
}

/// The names of the Markdown files that `text` includes.
fn pages(text: &str) -> Vec<&str> {
    let before_each_end = text.split(".md\"").collect::<Vec<_>>();
    let begins = |part: &str| part.rfind(['"', '/']).map_or(0, |at| at + 1);
    let mut pages: Vec<_> =
        before_each_end[..before_each_end.len() - 1].iter().map(|part| &part[begins(part)..]).collect();
    pages.sort_unstable();
    pages
}

#[test]
fn every_page_of_the_guide_is_listed_and_run() {
    let shown = pages(GUIDE);
    assert!(shown.len() >= 14, "{shown:?}");
    assert_eq!(pages(RUN_PAGES), shown);
    for page in shown {
        assert!(GUIDE.contains(&format!("//! | [`{page}`] |")), "the guide's table lacks {page}");
        assert!(FRONT_PAGE.contains(&format!("guide::{page})")), "the front page lacks {page}");
    }
}
