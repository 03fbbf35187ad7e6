//! The `fivefold` program.

use std::process::ExitCode;

/// One in seven moments of a signed inquiry went into allocating with the system's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    fivefold::cli::main()
}
