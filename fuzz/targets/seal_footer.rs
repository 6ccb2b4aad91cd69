//! The footer of a sealed file, and the layout that it gives with any header and any length: parts that
//! tile the file, or none. The input is a header, the length of the file, and a footer.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealdock::seal::{Footer, Header, Layout};

fuzz_target!(|data: &[u8]| {
    let Ok(footer) = Footer::parse(data) else { return };
    assert_eq!(footer.to_bytes(), data[data.len() - Footer::LENGTH..], "one footer has one form");
    let Ok(header) = Header::parse(data) else { return };
    let sum = (Header::LENGTH + Footer::LENGTH) as u64;
    let sum = sum.saturating_add(footer.body_length()).saturating_add(footer.facts_length());
    let said = data[Header::LENGTH..].first_chunk().map_or(sum, |bytes| u64::from_be_bytes(*bytes));
    for length in [sum, said] {
        if let Ok(layout) = Layout::new(&header, &footer, length) {
            assert_eq!(length, sum, "the parts fill the file");
            tiles(&layout, length);
        }
    }
});

/// Header, segments, facts and footer follow one another without gap or overlap.
fn tiles(layout: &Layout, length: u64) {
    assert_eq!(layout.body().start, Header::LENGTH as u64);
    assert_eq!(layout.facts().start, layout.body().end);
    assert_eq!(layout.facts().end + Footer::LENGTH as u64, length);
    let last = layout.last();
    assert_eq!(layout.sealed_range(0).start, layout.body().start);
    assert_eq!(layout.sealed_range(last).end, layout.body().end);
    assert_eq!(layout.plain_range(last).end, layout.size());
    assert_eq!(u64::from(last) + 1, layout.segments());
    for index in [0, last / 3, last / 2, last] {
        let (sealed, plain) = (layout.sealed_range(index), layout.plain_range(index));
        assert_eq!(sealed.end - sealed.start, plain.end - plain.start + 16);
        if index > 0 {
            assert_eq!(layout.sealed_range(index - 1).end, sealed.start);
            assert_eq!(layout.plain_range(index - 1).end, plain.start);
        }
        if layout.size() > 0 {
            assert_eq!(layout.segment_at(plain.start), Some(index));
            assert_eq!(layout.segment_at(plain.end - 1), Some(index));
        }
    }
    assert_eq!(layout.segment_at(layout.size()), None);
}
