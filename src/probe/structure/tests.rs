//! Small files of each format, whole and cut everywhere.

use proptest::prelude::*;

use super::*;

fn ending_of(mut bytes: &[u8]) -> Option<Ending> {
    match sniff(&bytes[..bytes.len().min(SNIFF_LENGTH)]) {
        Sniffed::Media(format) => Some(examine(&mut bytes, format)),
        Sniffed::Document | Sniffed::Unknown => None,
    }
}

fn mp4_box(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let size = u32::try_from(content.len() + 8).expect("small");
    [&size.to_be_bytes()[..], kind, content].concat()
}

fn mp4() -> Vec<u8> {
    [mp4_box(b"ftyp", b"isom\0\0\0\0"), mp4_box(b"mdat", &[7; 40]), mp4_box(b"moov", &[1; 30])].concat()
}

fn fragmented_mp4() -> Vec<u8> {
    let fragment = [mp4_box(b"moof", &[2; 20]), mp4_box(b"mdat", &[3; 20])].concat();
    let index = mp4_box(b"mfra", &[4; 16]);
    [mp4_box(b"ftyp", b"iso5"), mp4_box(b"moov", &[1; 30]), fragment.clone(), fragment, index].concat()
}

fn mp4_with_wide_sizes() -> Vec<u8> {
    let wide = [&1_u32.to_be_bytes()[..], b"mdat", &36_u64.to_be_bytes(), &[9; 20]].concat();
    [mp4_box(b"ftyp", b"qt  "), wide, mp4_box(b"moov", &[1; 30])].concat()
}

fn matroska() -> Vec<u8> {
    let head = [0x1a, 0x45, 0xdf, 0xa3, 0x83, 1, 2, 3];
    let cluster = [&[0x1f, 0x43, 0xb6, 0x75, 0x8a][..], &[5; 10]].concat();
    let size = 0x80 | u8::try_from(cluster.len()).expect("small");
    [&head[..], &[0x18, 0x53, 0x80, 0x67, size], &cluster].concat()
}

fn chunk(name: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let size = u32::try_from(content.len()).expect("small");
    [name, &size.to_le_bytes()[..], content].concat()
}

fn wav() -> Vec<u8> {
    let chunks = [b"WAVE".to_vec(), chunk(b"fmt ", &[1; 16]), chunk(b"data", &[2; 50])].concat();
    chunk(b"RIFF", &chunks)
}

fn rf64() -> Vec<u8> {
    let data = [&b"data\xff\xff\xff\xff"[..], &[2; 50]].concat();
    let riff_size = 4 + 8 + 28 + data.len() as u64;
    let sizes = [&riff_size.to_le_bytes()[..], &50_u64.to_le_bytes(), &[0; 12]].concat();
    [&b"RF64\xff\xff\xff\xffWAVE"[..], &chunk(b"ds64", &sizes), &data].concat()
}

fn open_dml_avi() -> Vec<u8> {
    let first = [b"AVI ".to_vec(), chunk(b"LIST", &[1; 20])].concat();
    let second = [b"AVIX".to_vec(), chunk(b"LIST", &[1; 20])].concat();
    [chunk(b"RIFF", &first), chunk(b"RIFF", &second)].concat()
}

fn jpeg() -> Vec<u8> {
    // A segment that holds an end marker of its own, as the preview in Exif does.
    let preview = [&[0xff, 0xe1, 0, 8][..], &[0xff, 0xd8, 0xff, 0xd9, 0, 0]].concat();
    let scan = [0xff, 0xda, 0, 4, 1, 2, 0x55, 0xff, 0x00, 0x66, 0xff, 0xd0, 0x77, 0xff, 0xd9];
    [&[0xff, 0xd8][..], &preview, &scan].concat()
}

fn png() -> Vec<u8> {
    let part = |kind: &[u8; 4], content: &[u8]| {
        let length = u32::try_from(content.len()).expect("small");
        [&length.to_be_bytes()[..], kind, content, &[0; 4]].concat()
    };
    [b"\x89PNG\r\n\x1a\n".to_vec(), part(b"IHDR", &[1; 13]), part(b"IDAT", &[2; 9]), part(b"IEND", b"")]
        .concat()
}

fn ogg_page(flags: u8) -> Vec<u8> {
    let mut page = b"OggS\0".to_vec();
    page.push(flags);
    page.extend([0; 20]);
    page.extend([2, 10, 5]);
    page.extend([0x42; 15]);
    page
}

fn ogg() -> Vec<u8> {
    [ogg_page(2), ogg_page(0), ogg_page(4)].concat()
}

fn asf() -> Vec<u8> {
    let header_guid =
        [0x30, 0x26, 0xb2, 0x75, 0x8e, 0x66, 0xcf, 0x11, 0xa6, 0xd9, 0, 0xaa, 0, 0x62, 0xce, 0x6c];
    let properties_guid =
        [0xa1, 0xdc, 0xab, 0x8c, 0x47, 0xa9, 0xcf, 0x11, 0x8e, 0xe4, 0x00, 0xc0, 0x0c, 0x20, 0x53, 0x65];
    let data_guid = [0x36; 16];
    let object =
        |guid: &[u8], content: &[u8]| [guid, &(24 + content.len() as u64).to_le_bytes(), content].concat();
    let total: u64 = 30 + 104 + 24 + 60;
    let properties = object(&properties_guid, &[&[0; 16][..], &total.to_le_bytes(), &[0; 56]].concat());
    let header = object(&header_guid, &[&1_u32.to_le_bytes()[..], &[1, 2], &properties].concat());
    [header, object(&data_guid, &[0; 60])].concat()
}

/// Each with a length from which on a cut is told; shorter beginnings need not even be known as media.
fn whole_files() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("mp4", mp4()),
        ("fragmented mp4", fragmented_mp4()),
        ("mp4 with wide sizes", mp4_with_wide_sizes()),
        ("matroska", matroska()),
        ("wav", wav()),
        ("rf64", rf64()),
        ("jpeg", jpeg()),
        ("png", png()),
        ("ogg", ogg()),
        ("asf", asf()),
    ]
}

#[test]
fn whole_files_are_whole() {
    for (name, bytes) in whole_files() {
        assert_eq!(ending_of(&bytes), Some(Ending::whole()), "{name}");
    }
    assert_eq!(ending_of(&open_dml_avi()), Some(Ending::whole()));
}

#[test]
fn every_cut_is_seen() {
    for (name, bytes) in whole_files() {
        for length in 12..bytes.len() {
            let Some(ending) = ending_of(&bytes[..length]) else { continue };
            let may_be_unknown = name == "fragmented mp4" && ending.because == ["mp4_fragments_unbounded"];
            assert!(
                may_be_unknown || ending.truncated == Truncated::Yes,
                "{name} cut to {length}: {ending:?}"
            );
        }
    }
}

#[test]
fn a_cut_between_chunks_of_an_open_dml_avi_is_all_that_is_not_seen() {
    let bytes = open_dml_avi();
    let first = bytes.len() / 2;
    for length in first + 8..bytes.len() {
        assert_eq!(ending_of(&bytes[..length]).map(|ending| ending.truncated), Some(Truncated::Yes));
    }
}

#[test]
fn what_was_never_finished_is_told_from_what_cannot_be_known() {
    let code = |bytes: &[u8]| ending_of(bytes).expect("media").because.join(",");
    let recorded = [mp4_box(b"ftyp", b"isom"), mp4_box(b"mdat", &[7; 40])].concat();
    assert_eq!(code(&recorded), "mp4_no_index");
    let mut never_closed = wav();
    never_closed[4..8].fill(0);
    assert_eq!(code(&never_closed), "riff_unfinished");
    let mut streamed = wav();
    streamed[4..8].fill(0xff);
    assert_eq!(code(&streamed), "riff_unknown_size");
    let mut live = matroska();
    live[12] = 0xff;
    assert_eq!(code(&live), "matroska_unknown_size");
    live.truncate(live.len() - 1);
    assert_eq!(code(&live), "matroska_element_past_end");
    let padded = [mp4(), vec![0; 64]].concat();
    assert_eq!(code(&padded), "mp4_trailing_bytes");
    assert_eq!(code(&[ogg_page(2), ogg_page(0)].concat()), "ogg_no_last_page");
}

#[test]
fn streams_of_packets_and_tags_show_a_cut_within_one() {
    let mut packet = vec![0x47];
    packet.resize(188, 0);
    let stream = packet.repeat(5);
    let truncated = |bytes: &[u8]| ending_of(bytes).expect("media").truncated;
    assert_eq!(truncated(&stream), Truncated::CannotBeKnown);
    assert_eq!(truncated(&stream[..stream.len() - 1]), Truncated::Yes);
    let tag = [&[9, 0, 0, 5][..], &[0; 7], &[1; 5], &16_u32.to_be_bytes()].concat();
    let flv = [&b"FLV\x01\x01\0\0\0\x09\0\0\0\0"[..], &tag, &tag].concat();
    assert_eq!(truncated(&flv), Truncated::CannotBeKnown);
    for cut in 1..tag.len() {
        assert_eq!(truncated(&flv[..flv.len() - cut]), Truncated::Yes, "{cut}");
    }
}

/// A file that goes on for ever costs a bounded number of reads.
struct Endless(u64);

impl ReadAt for Endless {
    fn length(&self) -> u64 {
        u64::MAX
    }

    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.0 += 1;
        let boxes = b"\0\0\0\x08free".iter().cycle().skip((offset % 8) as usize);
        for (place, byte) in buffer.iter_mut().zip(boxes) {
            *place = *byte;
        }
        Ok(buffer.len())
    }
}

#[test]
fn an_endless_file_is_left_in_time() {
    let mut endless = Endless(0);
    assert_eq!(examine(&mut endless, Format::Mp4), Ending::unknown("too_many_parts"));
    assert!(endless.0 <= 100_000);
}

fn any_format() -> impl Strategy<Value = Format> {
    prop_oneof![
        Just(Format::Mp4),
        Just(Format::Matroska),
        Just(Format::Riff),
        Just(Format::Jpeg),
        Just(Format::Png),
        Just(Format::Ogg),
        Just(Format::Asf),
        Just(Format::Flv),
        Just(Format::TransportStream { packet: 188, sync: 0 }),
        Just(Format::Untold),
    ]
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(format in any_format(), bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let _ = sniff(&bytes);
        let _ = examine(&mut bytes.as_slice(), format);
    }

    #[test]
    fn no_damage_makes_it_panic(which in 0..10_usize, at in any::<prop::sample::Index>(), bytes in any::<[u8; 8]>()) {
        let (_, mut file) = whole_files().swap_remove(which);
        let at = at.index(file.len());
        let end = file.len().min(at + 8);
        file[at..end].copy_from_slice(&bytes[..end - at]);
        let _ = ending_of(&file);
    }
}
