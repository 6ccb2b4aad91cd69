//! One pass over the bytes, its stages overlapped: read and fingerprint, encrypt, fingerprint and write.
//!
//! Each stage is a thread of its own that hands buffers to the next; [`BUFFERS`] of them go round, so
//! memory is bounded whatever the size of the file. A file of one segment takes no threads at all.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use super::Error;
use crate::seal::Place;

/// Segments in flight: one in each stage and one waiting between two.
pub(super) const BUFFERS: usize = 4;

/// Bytes that encryption adds to a segment.
const TAG: usize = 16;

/// A segment on its way, and whether it is the last.
pub(super) struct Segment {
    pub bytes: Vec<u8>,
    pub place: Place,
}

/// The stages of one pass.
pub(super) struct Stages<A, B, C> {
    /// Fills a buffer with the next segment; `None` where the last was handed out before.
    pub first: A,
    /// Works on it in place.
    pub second: B,
    /// Has the last word, and gives the buffer back.
    pub third: C,
}

/// Runs a pass with a thread for each stage.
///
/// # Errors
/// The first error of any stage; the others stop.
pub(super) fn overlap<A, B, C>(stages: Stages<A, B, C>) -> Result<(), Error>
where
    A: FnMut(Vec<u8>) -> Result<Option<Segment>, Error>,
    B: FnMut(&mut Segment) -> Result<(), Error> + Send,
    C: FnMut(&Segment) -> Result<(), Error> + Send,
{
    let Stages { mut first, mut second, mut third } = stages;
    let Some(mut begun) = first(Vec::new())? else { return Ok(()) };
    if begun.place == Place::Last {
        second(&mut begun)?;
        return third(&begun);
    }
    let (to_second, from_first) = sync_channel(1);
    let (to_third, from_second) = sync_channel(1);
    let (give_back, free) = sync_channel(BUFFERS);
    std::thread::scope(|scope| {
        let middle = scope.spawn(move || work(&from_first, &to_third, &mut second));
        let end = scope.spawn(move || finish(&from_second, &give_back, &mut third));
        let fed = feed(begun, &to_second, &free, &mut first);
        drop(to_second);
        let worked = middle.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        let ended = end.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        fed.and(worked).and(ended)
    })
}

fn feed<A>(
    begun: Segment,
    on: &SyncSender<Segment>,
    free: &Receiver<Vec<u8>>,
    first: &mut A,
) -> Result<(), Error>
where
    A: FnMut(Vec<u8>) -> Result<Option<Segment>, Error>,
{
    let mut made = 1;
    let mut next = Some(begun);
    while let Some(segment) = next {
        // A closed channel means that a later stage failed; its error is the one to tell.
        if on.send(segment).is_err() {
            return Ok(());
        }
        let buffer = if made < BUFFERS {
            made += 1;
            Vec::new()
        } else {
            match free.recv() {
                Ok(buffer) => buffer,
                Err(_) => return Ok(()),
            }
        };
        next = first(buffer)?;
    }
    Ok(())
}

fn work<B>(from: &Receiver<Segment>, on: &SyncSender<Segment>, second: &mut B) -> Result<(), Error>
where
    B: FnMut(&mut Segment) -> Result<(), Error>,
{
    for mut segment in from {
        second(&mut segment)?;
        if on.send(segment).is_err() {
            return Ok(());
        }
    }
    Ok(())
}

fn finish<C>(from: &Receiver<Segment>, free: &SyncSender<Vec<u8>>, third: &mut C) -> Result<(), Error>
where
    C: FnMut(&Segment) -> Result<(), Error>,
{
    for segment in from {
        third(&segment)?;
        // The feeder may have ended already.
        let _ = free.send(segment.bytes);
    }
    Ok(())
}

/// Reads segments of a fixed size from a source, looking one byte ahead so that the last is known as such.
pub(super) struct Segments<R> {
    source: R,
    size: usize,
    ahead: Vec<u8>,
    state: Ahead,
}

#[derive(PartialEq)]
enum Ahead {
    Nothing,
    Held,
    Done,
}

impl<R: std::io::Read> Segments<R> {
    pub(super) fn new(source: R, size: usize) -> Self {
        Self { source, size, ahead: Vec::new(), state: Ahead::Nothing }
    }

    /// The next segment; an empty source has one empty last segment.
    pub(super) fn next(&mut self, mut spare: Vec<u8>) -> std::io::Result<Option<Segment>> {
        match self.state {
            Ahead::Done => return Ok(None),
            Ahead::Nothing => {
                let mut first = Vec::new();
                self.fill(&mut first)?;
                self.ahead = first;
                self.state = Ahead::Held;
            }
            Ahead::Held => {}
        }
        if self.ahead.len() < self.size {
            self.state = Ahead::Done;
            return Ok(Some(Segment { bytes: std::mem::take(&mut self.ahead), place: Place::Last }));
        }
        self.fill(&mut spare)?;
        let bytes = std::mem::replace(&mut self.ahead, spare);
        if self.ahead.is_empty() {
            self.state = Ahead::Done;
            return Ok(Some(Segment { bytes, place: Place::Last }));
        }
        Ok(Some(Segment { bytes, place: Place::Middle }))
    }

    fn fill(&mut self, buffer: &mut Vec<u8>) -> std::io::Result<()> {
        // Room for the tag as well, so that encryption in place never moves the segment. A buffer that went round
        // holds as much already, and is not cleared anew.
        buffer.reserve_exact((self.size + TAG).saturating_sub(buffer.len()));
        buffer.resize(self.size, 0);
        let mut filled = 0;
        while filled < self.size {
            match self.source.read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        buffer.truncate(filled);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_cut_at_their_size_and_only_the_last_is_short() {
        for length in 0..10_usize {
            let source: Vec<u8> = (0..10).take(length).collect();
            let mut segments = Segments::new(&source[..], 4);
            let mut joined = Vec::new();
            let mut places = Vec::new();
            while let Some(segment) = segments.next(Vec::new()).expect("memory never fails") {
                joined.extend_from_slice(&segment.bytes);
                places.push((segment.bytes.len(), segment.place));
            }
            assert_eq!(joined, source);
            let (last, before) = places.split_last().expect("one segment at least");
            assert_eq!(last.1, Place::Last);
            assert!(last.0 > 0 || length == 0);
            assert!(before.iter().all(|(size, place)| *size == 4 && *place == Place::Middle));
        }
    }

    #[test]
    fn an_error_in_any_stage_ends_the_pass() {
        for failing in 0..3 {
            let fail = |stage: usize| {
                if stage == failing { Err(Error::Stopped) } else { Ok(()) }
            };
            let mut left = 20;
            let outcome = overlap(Stages {
                first: |bytes| {
                    left -= 1;
                    if left == 10 {
                        fail(0)?;
                    }
                    let place = if left == 0 { Place::Last } else { Place::Middle };
                    Ok((left >= 0).then_some(Segment { bytes, place }))
                },
                second: |_: &mut Segment| fail(1),
                third: |_: &Segment| fail(2),
            });
            assert!(matches!(outcome, Err(Error::Stopped)), "stage {failing}");
        }
    }
}
