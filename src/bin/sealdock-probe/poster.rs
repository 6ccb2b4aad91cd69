//! One picture of a clip.

use std::time::Duration;

use ffmpeg_next as ffmpeg;
use ffmpeg_next::codec;
use ffmpeg_next::format::Pixel;
use ffmpeg_next::format::context::Input;
use ffmpeg_next::software::scaling;
use ffmpeg_next::{Packet, frame};
use sealdock::probe::Poster;

use crate::parser::{self, Wanted};
use crate::source::Source;

/// The longest side, in pixels.
const SIDE_MAX: f64 = 640.0;
/// Where to look, as parts of the duration: at a tenth, and further on while the picture is black.
const PLACES: [f64; 3] = [0.1, 0.35, 0.7];
/// Packets and frames to go through at one place: two groups of pictures of most recorders.
const PACKETS_MAX: u32 = 2000;
const FRAMES_MAX: u32 = 120;
/// Mean brightness, of 255, below which a picture counts as black.
const BLACK: u64 = 20;
/// The MJPEG encoder's quantiser: 2 is best, 31 worst.
const QUANTISER: i32 = 4;
/// The server's deadline is the poster's; there are no facts left to save by stopping earlier.
const NEVER: Duration = Duration::MAX;

/// A picture, turned upright; `None` when no frame can be decoded.
pub(crate) fn draw(source: &Source, wanted: &Wanted) -> Option<Poster> {
    let mut fallback = None;
    for place in PLACES {
        let at = wanted.duration_s.map_or(0.0, |duration| duration * place);
        let Some(picture) = frame_at(source, wanted, at).and_then(|frame| shrink(&frame)) else { continue };
        if !is_black(&picture) {
            return encode(&turn(picture, wanted.rotation));
        }
        fallback = fallback.or(Some(picture));
    }
    encode(&turn(fallback?, wanted.rotation))
}

/// The first frame at or after a place, else the last before it. The file is opened afresh: what was read to
/// its end may be beyond seeking.
fn frame_at(source: &Source, wanted: &Wanted, at_s: f64) -> Option<frame::Video> {
    let sought = || {
        let mut input = parser::open(source, NEVER).ok()?;
        let at = ((at_s + start_of(&input, wanted.stream)?) * 1e6) as i64;
        input.seek(at, ..at).ok()?;
        decode(input, wanted.stream, at_s)
    };
    let from_start = || decode(parser::open(source, NEVER).ok()?, wanted.stream, at_s);
    if at_s > 0.0 { sought().or_else(from_start) } else { from_start() }
}

/// Seconds; transport streams start anywhere.
fn start_of(input: &Input, index: usize) -> Option<f64> {
    let stream = input.stream(index)?;
    Some(stream.start_time().max(0) as f64 * f64::from(stream.time_base()))
}

fn decode(mut input: Input, index: usize, at_s: f64) -> Option<frame::Video> {
    let target = at_s + start_of(&input, index)?;
    let stream = input.stream(index)?;
    let unit = f64::from(stream.time_base());
    let mut context = codec::Context::from_parameters(stream.parameters()).ok()?;
    // More threads are refused by the walls.
    context.set_threading(codec::threading::Config::count(1));
    let mut decoder = context.decoder().video().ok()?;
    let mut search = Search { target, unit, frames: 0, best: None };
    let mut packet = Packet::empty();
    for _ in 0..PACKETS_MAX {
        match packet.read(&mut input) {
            Ok(()) if packet.stream() != index => continue,
            // A damaged packet is not the last word on a clip.
            Ok(()) => drop(decoder.send_packet(&packet)),
            Err(ffmpeg::Error::InvalidData) => continue,
            Err(_) => {
                let _ = decoder.send_eof();
                search.take_from(&mut decoder);
                break;
            }
        }
        if search.take_from(&mut decoder) {
            break;
        }
    }
    search.best
}

/// A search for the frame at a time.
struct Search {
    target: f64,
    unit: f64,
    frames: u32,
    best: Option<frame::Video>,
}

impl Search {
    /// Takes what the decoder has; `true` when nothing better will come.
    fn take_from(&mut self, decoder: &mut codec::decoder::Video) -> bool {
        loop {
            let mut frame = frame::Video::empty();
            if decoder.receive_frame(&mut frame).is_err() {
                return false;
            }
            self.frames += 1;
            let arrived = frame.timestamp().is_none_or(|at| at as f64 * self.unit >= self.target);
            if self.best.is_none() || !frame.is_corrupt() {
                self.best = Some(frame);
            }
            if arrived || self.frames >= FRAMES_MAX {
                return true;
            }
        }
    }
}

/// To at most 640 pixels, square ones, in the colours of JPEG.
fn shrink(frame: &frame::Video) -> Option<frame::Video> {
    let (width, height) = (frame.width(), frame.height());
    if width == 0 || height == 0 {
        return None;
    }
    let aspect = frame.aspect_ratio();
    let stretch = if aspect.numerator() > 0 && aspect.denominator() > 0 { f64::from(aspect) } else { 1.0 };
    let (wide, high) = (f64::from(width) * stretch.clamp(0.1, 10.0), f64::from(height));
    let scale = (SIDE_MAX / wide.max(high)).min(1.0);
    let pixels = |side: f64| ((side * scale).round() as u32).clamp(2, SIDE_MAX as u32);
    let mut scaler = scaling::Context::get(
        frame.format(),
        width,
        height,
        Pixel::YUVJ420P,
        pixels(wide),
        pixels(high),
        scaling::Flags::AREA,
    )
    .ok()?;
    let mut shrunk = frame::Video::new(Pixel::YUVJ420P, pixels(wide), pixels(high));
    scaler.run(frame, &mut shrunk).ok()?;
    Some(shrunk)
}

fn is_black(picture: &frame::Video) -> bool {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let rows = picture.data(0).chunks(picture.stride(0)).take(height);
    let sum: u64 = rows.map(|row| row[..width].iter().map(|byte| u64::from(*byte)).sum::<u64>()).sum();
    sum / (width as u64 * height as u64) < BLACK
}

/// Turns by quarters, clockwise.
fn turn(picture: frame::Video, degrees: u16) -> frame::Video {
    if degrees == 0 {
        return picture;
    }
    let (width, height) = match degrees {
        90 | 270 => (picture.height(), picture.width()),
        _ => (picture.width(), picture.height()),
    };
    let mut turned = frame::Video::new(Pixel::YUVJ420P, width, height);
    for plane in 0..3 {
        turn_plane(&picture, &mut turned, plane, degrees);
    }
    turned
}

fn turn_plane(from: &frame::Video, to: &mut frame::Video, plane: usize, degrees: u16) {
    let (from_stride, to_stride) = (from.stride(plane), to.stride(plane));
    let (width, height) = (to.plane_width(plane) as usize, to.plane_height(plane) as usize);
    let source = from.data(plane);
    let target = to.data_mut(plane);
    for y in 0..height {
        for x in 0..width {
            let (from_x, from_y) = match degrees {
                90 => (y, width - 1 - x),
                270 => (height - 1 - y, x),
                _ => (width - 1 - x, height - 1 - y),
            };
            target[y * to_stride + x] = source[from_y * from_stride + from_x];
        }
    }
}

fn encode(picture: &frame::Video) -> Option<Poster> {
    let codec = codec::encoder::find(codec::Id::MJPEG)?;
    let mut encoder = codec::Context::new_with_codec(codec).encoder().video().ok()?;
    encoder.set_width(picture.width());
    encoder.set_height(picture.height());
    encoder.set_format(Pixel::YUVJ420P);
    encoder.set_time_base((1, 25));
    encoder.set_qmin(QUANTISER);
    encoder.set_qmax(QUANTISER);
    let mut encoder = encoder.open().ok()?;
    let mut frame = picture.clone();
    frame.set_pts(Some(0));
    encoder.send_frame(&frame).ok()?;
    encoder.send_eof().ok()?;
    let mut packet = Packet::empty();
    encoder.receive_packet(&mut packet).ok()?;
    let bytes = packet.data()?.to_vec();
    Some(Poster { bytes, width: picture.width(), height: picture.height() })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two pixels wide and four high, bright at the top left.
    fn picture() -> frame::Video {
        let mut picture = frame::Video::new(Pixel::YUVJ420P, 2, 4);
        for plane in 0..3 {
            picture.data_mut(plane).fill(0);
        }
        picture.data_mut(0)[0] = 200;
        picture
    }

    fn brightness(picture: &frame::Video, x: usize, y: usize) -> u8 {
        picture.data(0)[y * picture.stride(0) + x]
    }

    #[test]
    fn quarter_turns_are_clockwise() {
        assert_eq!(brightness(&turn(picture(), 0), 0, 0), 200);
        let quarter = turn(picture(), 90);
        assert_eq!((quarter.width(), quarter.height()), (4, 2));
        assert_eq!(brightness(&quarter, 3, 0), 200, "top left goes to top right");
        assert_eq!(brightness(&turn(picture(), 180), 1, 3), 200);
        assert_eq!(brightness(&turn(picture(), 270), 0, 1), 200, "top left goes to bottom left");
    }

    #[test]
    fn darkness_is_the_mean_of_the_picture() {
        let mut picture = picture();
        assert!(!is_black(&picture), "one bright pixel of eight makes 25");
        picture.data_mut(0)[0] = 100;
        assert!(is_black(&picture));
    }

    #[test]
    fn a_picture_becomes_a_jpeg() {
        let poster = encode(&picture()).expect("encoded");
        assert!(poster.bytes.starts_with(&[0xff, 0xd8, 0xff]) && poster.bytes.ends_with(&[0xff, 0xd9]));
        assert_eq!((poster.width, poster.height), (2, 4));
    }
}
