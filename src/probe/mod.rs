//! Media facts and pictures, from ffmpeg in a sandboxed child process.
