//! What the daemon and `sealdock-probe` say to each other.
//!
//! Both stand on the same machine and come from the same build, so this is no lasting format; [`VERSION`]
//! refuses a program that an upgrade left behind.
//!
//! - The server's stdin is a `SOCK_SEQPACKET` socket. It sends one [`Hello`], then receives asks: one
//!   message each, an [`Ask`] as JSON with three descriptors: the file, the answer pipe, the verdict pipe.
//! - The child writes [`Part`]s to the answer pipe, in the order in which it learned them, so that a crash
//!   loses only what was not yet known. The child is not believed: what it writes is bounded and checked.
//! - The server, which no media byte reaches, writes one [`Verdict`] to the verdict pipe when the child is
//!   gone. The child never holds that pipe and so cannot forge it.

use std::io::{self, IoSlice, IoSliceMut, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use serde::{Deserialize, Serialize};

use super::structure::Ending;
use crate::model::MediaFacts;

/// Raised with every change of this module.
pub const VERSION: u32 = 1;

/// A message on the socket is at most this long; asks and hellos take some hundred bytes.
pub const MESSAGE_MAX: usize = 4096;

/// An answer is at most this long: a picture of 640 pixels takes 100 KiB, facts at their bounds 200 KiB.
pub const ANSWER_MAX: usize = 2 << 20;

/// The descriptors of an ask.
pub const DESCRIPTORS: usize = 3;

/// The server is ready.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// [`VERSION`] of its build.
    pub version: u32,
    /// The walls that the server and all its children stand behind.
    pub walls: Vec<String>,
}

/// Probe a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ask {
    /// The file name's extension in lower case, without the dot; may be empty.
    pub extension: String,
    /// What the child may allocate on top of what the server maps.
    pub memory_bytes: u64,
    /// When the server kills the child.
    pub deadline_ms: u64,
    /// What the child may read of the file, repeated reads counted again.
    pub read_budget_bytes: u64,
}

/// How a child ended, by the server's word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "how")]
pub enum Verdict {
    /// By itself.
    Ended {
        /// Its exit code; 0 when it said all it had to say.
        code: i32,
    },
    /// By a signal that the server did not send.
    Killed {
        /// Which.
        signal: i32,
    },
    /// The server killed it at the deadline.
    TimedOut,
    /// There was none.
    NotStarted {
        /// Why.
        because: String,
    },
}

/// A picture of a clip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Poster {
    /// A JPEG file.
    pub bytes: Vec<u8>,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
}

/// One piece of an answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    /// The walls of this child, besides the server's.
    Walls(Vec<String>),
    /// How the file ends, by its structure.
    Ending(Ending),
    /// The facts.
    Facts(Box<MediaFacts>),
    /// A picture.
    Poster(Poster),
}

impl Part {
    /// Writes `tag (1 byte), length (4 bytes, big endian), content`.
    ///
    /// # Errors
    /// As the writer; `InvalidData` for content that is no JSON or too long.
    pub fn write(&self, writer: &mut impl Write) -> io::Result<()> {
        let (tag, content) = match self {
            Self::Walls(walls) => (1, serde_json::to_vec(walls)?),
            Self::Ending(ending) => (2, serde_json::to_vec(ending)?),
            Self::Facts(facts) => (3, serde_json::to_vec(facts)?),
            Self::Poster(poster) => (4, poster_bytes(poster)),
        };
        let length = u32::try_from(content.len()).map_err(|_| io::ErrorKind::InvalidData)?;
        writer.write_all(&[tag])?;
        writer.write_all(&length.to_be_bytes())?;
        writer.write_all(&content)
    }

    /// Reads the parts of an answer up to the first that is cut or nonsense.
    #[must_use]
    pub fn read_all(mut answer: &[u8]) -> Vec<Self> {
        let mut parts = Vec::new();
        while let Some((part, rest)) = Self::read(answer) {
            parts.push(part);
            answer = rest;
        }
        parts
    }

    fn read(answer: &[u8]) -> Option<(Self, &[u8])> {
        let (tag, rest) = answer.split_first()?;
        let (length, rest) = rest.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let (content, rest) = rest.split_at_checked(length)?;
        let part = match tag {
            1 => Self::Walls(serde_json::from_slice(content).ok()?),
            2 => Self::Ending(serde_json::from_slice(content).ok()?),
            3 => Self::Facts(serde_json::from_slice(content).ok()?),
            4 => Self::Poster(read_poster(content)?),
            _ => return None,
        };
        Some((part, rest))
    }
}

fn poster_bytes(poster: &Poster) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(8 + poster.bytes.len());
    bytes.extend_from_slice(&poster.width.to_be_bytes());
    bytes.extend_from_slice(&poster.height.to_be_bytes());
    bytes.extend_from_slice(&poster.bytes);
    bytes
}

fn read_poster(content: &[u8]) -> Option<Poster> {
    let (width, rest) = content.split_first_chunk::<4>()?;
    let (height, bytes) = rest.split_first_chunk::<4>()?;
    Some(Poster {
        bytes: bytes.to_vec(),
        width: u32::from_be_bytes(*width),
        height: u32::from_be_bytes(*height),
    })
}

/// Sends one message with descriptors; never waits for room.
///
/// # Errors
/// As `sendmsg(2)`.
pub fn send<T: Serialize>(
    socket: impl AsFd,
    message: &T,
    descriptors: &[BorrowedFd<'_>],
) -> io::Result<()> {
    let bytes = serde_json::to_vec(message)?;
    if bytes.len() > MESSAGE_MAX || descriptors.len() > DESCRIPTORS {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() {
        control.push(SendAncillaryMessage::ScmRights(descriptors));
    }
    let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
    sendmsg(socket, &[IoSlice::new(&bytes)], &mut control, flags)?;
    Ok(())
}

/// A message and its descriptors; `None` when the other side is gone.
pub type Received<T> = Option<(T, Vec<OwnedFd>)>;

/// Receives one message.
///
/// # Errors
/// As `recvmsg(2)`; `InvalidData` for a message that is cut or not a `T`.
pub fn receive<T: for<'de> Deserialize<'de>>(socket: impl AsFd) -> io::Result<Received<T>> {
    let mut bytes = [0; MESSAGE_MAX];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let message =
        recvmsg(socket, &mut [IoSliceMut::new(&mut bytes)], &mut control, RecvFlags::CMSG_CLOEXEC)?;
    let mut descriptors = Vec::new();
    for part in control.drain() {
        if let RecvAncillaryMessage::ScmRights(received) = part {
            descriptors.extend(received);
        }
    }
    if message.bytes == 0 {
        return Ok(None);
    }
    if message.flags.intersects(ReturnFlags::TRUNC | ReturnFlags::CTRUNC) {
        return Err(io::ErrorKind::InvalidData.into());
    }
    Ok(Some((serde_json::from_slice(&bytes[..message.bytes])?, descriptors)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::{ProbeOutcome, Truncated};

    fn parts() -> Vec<Part> {
        vec![
            Part::Walls(vec!["seccomp".to_owned()]),
            Part::Ending(Ending::cut("mp4_box_past_end")),
            Part::Facts(Box::new(MediaFacts::without_streams(ProbeOutcome::NotMedia))),
            Part::Poster(Poster { bytes: vec![0xff, 0xd8], width: 2, height: 3 }),
        ]
    }

    fn written(parts: &[Part]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for part in parts {
            part.write(&mut bytes).expect("a vector takes all");
        }
        bytes
    }

    #[test]
    fn a_cut_answer_keeps_its_whole_parts() {
        let all = parts();
        let bytes = written(&all);
        assert_eq!(Part::read_all(&bytes), all);
        for length in 0..bytes.len() {
            let kept = Part::read_all(&bytes[..length]);
            assert!(kept.len() < all.len());
            assert_eq!(kept, all[..kept.len()]);
        }
    }

    proptest! {
        #[test]
        fn no_answer_makes_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Part::read_all(&bytes);
        }
    }

    #[test]
    fn messages_carry_descriptors_and_the_end_is_seen() {
        use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
        let (here, there) =
            socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)
                .expect("a pair");
        let ask =
            Ask { extension: "mp4".to_owned(), memory_bytes: 1, deadline_ms: 2, read_budget_bytes: 3 };
        send(&here, &ask, &[here.as_fd(), here.as_fd()]).expect("sent");
        let (received, descriptors) = receive::<Ask>(&there).expect("received").expect("not the end");
        assert_eq!((received, descriptors.len()), (ask, 2));
        drop((here, descriptors));
        assert!(receive::<Ask>(&there).expect("received").is_none());
        assert_eq!(Truncated::Yes, Ending::cut("x").truncated);
    }
}
