//! What commands print: results on standard output, everything else on standard error.

use std::io::{self, Write};

use unicode_width::UnicodeWidthStr as _;

use crate::model::Moment;

/// Standard output. A reader who stops reading (`| head`) ends no work; any other fault is kept and told at
/// the end.
pub(super) struct Out<'a> {
    writer: &'a mut dyn Write,
    fault: Option<io::Error>,
}

impl<'a> Out<'a> {
    /// Prints there.
    pub(super) fn to(writer: &'a mut dyn Write) -> Self {
        Self { writer, fault: None }
    }

    /// One line.
    pub(super) fn line(&mut self, text: &str) {
        if self.fault.is_none() {
            self.fault = writeln!(self.writer, "{text}").err();
        }
    }

    /// A value as one line of JSON.
    pub(super) fn json(&mut self, value: &(impl serde::Serialize + ?Sized)) {
        match serde_json::to_string(value) {
            Ok(text) => self.line(&text),
            Err(error) => self.fault = Some(error.into()),
        }
    }

    /// What kept results from being printed, but for a reader who stopped reading.
    ///
    /// # Errors
    /// As `write(2)`.
    pub(super) fn finish(mut self) -> io::Result<()> {
        let fault = self.fault.take().or_else(|| self.writer.flush().err());
        match fault {
            Some(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
            _ => Ok(()),
        }
    }
}

/// Text from outside for a terminal: control characters, which could rewrite the screen, and marks that
/// turn the reading direction are shown as escapes.
#[must_use]
pub(super) fn plain(text: &str) -> String {
    let is_safe = |c: char| {
        !c.is_control()
            && !matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if is_safe(c) { safe.push(c) } else { safe.extend(c.escape_unicode()) }
    }
    safe
}

/// A row of columns of at least these widths in terminal cells; what is wider moves the rest.
#[must_use]
pub(super) fn row(cells: &[(&str, usize)]) -> String {
    let mut row = String::new();
    for (text, width) in cells {
        if !row.is_empty() {
            row.push_str("  ");
        }
        row.push_str(text);
        row.extend(std::iter::repeat_n(' ', width.saturating_sub(text.width())));
    }
    row.truncate(row.trim_end().len());
    row
}

/// Names and values, the values in one column.
#[must_use]
pub(super) fn pairs(pairs: &[(String, String)]) -> Vec<String> {
    let width = pairs.iter().map(|(name, _)| name.width()).max().unwrap_or(0);
    pairs.iter().map(|(name, value)| row(&[(name, width), (value, 0)])).collect()
}

/// A number of bytes for people, in binary units with one decimal.
#[must_use]
pub(super) fn size(bytes: u64) -> String {
    let units = [(40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")];
    match units.into_iter().find(|(shift, _)| bytes >> shift > 0) {
        Some((shift, unit)) => {
            let tenths = (u128::from(bytes) * 10) >> shift;
            format!("{}.{} {unit}", tenths / 10, tenths % 10)
        }
        None => format!("{bytes} B"),
    }
}

/// A moment for people: the time of this machine's zone, with its distance from UTC.
#[must_use]
pub(super) fn local(moment: Moment) -> String {
    let zone = jiff::tz::TimeZone::system();
    moment.timestamp().to_zoned_datetime(zone).strftime("%Y-%m-%d %H:%M:%S %:z").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_names_cannot_steer_a_terminal() {
        assert_eq!(plain("a\u{1b}[2Jb\nc"), "a\\u{1b}[2Jb\\u{a}c");
        assert_eq!(plain("x\u{202e}gpj.exe"), "x\\u{202e}gpj.exe");
        assert_eq!(plain("现场。mp4"), "现场。mp4");
    }

    #[test]
    fn columns_count_cells_not_characters() {
        assert_eq!(row(&[("现场", 6), ("x", 0)]), "现场    x");
        assert_eq!(row(&[("wide", 2), ("", 9)]), "wide");
    }

    #[test]
    fn sizes_are_readable() {
        assert_eq!(
            [size(0), size(1023), size(1536), size(u64::MAX)],
            ["0 B", "1023 B", "1.5 KiB", "16777215.9 TiB"]
        );
    }

    struct Fails(io::ErrorKind);

    impl Write for Fails {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_who_left_is_no_fault_a_full_disk_is() {
        for (kind, fine) in [(io::ErrorKind::BrokenPipe, true), (io::ErrorKind::StorageFull, false)] {
            let mut writer = Fails(kind);
            let mut out = Out::to(&mut writer);
            out.line("x");
            out.line("y");
            assert_eq!(out.finish().is_ok(), fine, "{kind}");
        }
    }
}
