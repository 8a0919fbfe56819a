//! The colours of the runtimes. A runtime has the same colour in every plot.

use plotters::style::RGBColor;

/// The runtimes and limits, in the order of the headline's columns. A name also stands for its variants,
/// as `tokio` does for `tokio-local`.
pub const PEERS: [&str; 11] =
    ["tokio", "smol", "monoio", "compio", "glommio", "futures", "asyncio", "uvloop", "node", "mio", "epoll"];

/// Returns the place of a subject in the palette of `plot.css`. Place 0 is oneloop, and the last place
/// is for names that are not listed.
fn place(name: &str) -> u8 {
    let is_of =
        |peer: &str| name.strip_prefix(peer).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'));
    if is_ours(name) {
        return 0;
    }
    PEERS.iter().position(|peer| is_of(peer)).unwrap_or(PEERS.len()) as u8 + 1
}

/// Returns the placeholder of the runtime's colour, which `plot.css` replaces. Its digits are decimal,
/// because the case of hexadecimal letters could differ between plotters and `plot.css`.
pub fn color(name: &str) -> RGBColor {
    let place = place(name);
    RGBColor(0x10, 0, place / 10 * 16 + place % 10)
}

/// Returns the placeholder for a line. The line of a variant is dashed.
pub fn line_color(name: &str) -> RGBColor {
    let RGBColor(mark, _, place) = color(name);
    RGBColor(mark, u8::from(is_variant(name)), place)
}

/// Whether a subject is a variant of its runtime, and not the default one.
fn is_variant(name: &str) -> bool {
    name != "oneloop" && !PEERS.contains(&name)
}

/// Whether a subject is oneloop or one of its variants.
pub fn is_ours(name: &str) -> bool {
    name == "oneloop" || name.starts_with("oneloop-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_runtime_and_its_variants_have_one_colour() {
        assert_eq!(color("tokio"), color("tokio-local"));
        assert_eq!(color("oneloop"), color("oneloop-hyper"));
        assert_eq!(color("nodelike"), color("unknown"));
        assert_ne!(line_color("tokio"), line_color("tokio-local"));
    }

    #[test]
    fn no_two_runtimes_have_one_colour_and_each_has_a_rule() {
        let css = include_str!("plot.css");
        let names: Vec<&str> = ["oneloop"].into_iter().chain(PEERS).chain(["unknown"]).collect();
        for (at, name) in names.iter().enumerate() {
            let others = names[at + 1..].iter().filter(|other| color(other) == color(name));
            assert_eq!(others.count(), 0, "{name}");
            for RGBColor(red, green, blue) in [color(name), line_color("tokio-local")] {
                assert!(css.contains(&format!("\"#{red:02X}{green:02X}{blue:02X}\"")), "{name}");
            }
        }
    }
}
