//! Arguments in, exit code out.

use std::process::ExitCode;

fn main() -> ExitCode {
    sealdock::cli::main(&sealdock::cli::Real)
}
