//! Code as wasmtime loads it, and who made it. It is trusted when it is loaded: here is the one place where that happens.

use std::fs::File;
use std::os::fd::AsRawFd as _;

use wasmtime::component::Component;
use wasmtime::{Engine, Module};

/// Code that is ours.
pub(crate) struct Code {
    pub(crate) maker: Maker,
    pub(crate) bytes: u64,
    place: Place,
}

/// Who made code, besides the version of wasmtime.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Maker {
    /// The compiler: it is a component, or a part of an engine.
    Compiler,
    /// The JavaScript engine whose file has this SHA-256: it is a snapshot, which no other engine can use.
    Engine([u8; Self::BYTES]),
}

enum Place {
    /// It has just been made, or is small and was read by `CodeCache`.
    Memory(Vec<u8>),
    /// `CodeCache` has checked it. It is mapped, not read, so that processes share it, and what a run does not touch is
    /// not loaded.
    File(File),
}

impl Maker {
    pub(crate) const BYTES: usize = 32;

    pub(crate) fn to_bytes(self) -> [u8; Self::BYTES] {
        match self {
            Self::Compiler => [0; Self::BYTES],
            Self::Engine(digest) => digest,
        }
    }

    pub(crate) fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        if bytes == [0; Self::BYTES] {
            Self::Compiler
        } else {
            Self::Engine(bytes)
        }
    }
}

impl Code {
    /// Code that was made a moment ago, or read from a file of ours that was found to be whole.
    pub(crate) fn made(maker: Maker, code: Vec<u8>) -> Self {
        Self {
            maker,
            bytes: code.len() as u64,
            place: Place::Memory(code),
        }
    }

    /// Code in a file of ours that was found to be whole.
    pub(crate) fn kept(maker: Maker, bytes: u64, file: File) -> Self {
        Self {
            maker,
            bytes,
            place: Place::File(file),
        }
    }

    /// The code itself, if it is in memory.
    pub(crate) fn in_memory(&self) -> Option<&[u8]> {
        match &self.place {
            Place::Memory(code) => Some(code),
            Place::File(_) => None,
        }
    }

    #[expect(
        unsafe_code,
        clippy::disallowed_methods,
        reason = "the code is ours: made a moment ago, or checked by `CodeCache` in a directory of ours alone"
    )]
    pub(crate) fn component(&self, engine: &Engine) -> wasmtime::Result<Component> {
        // SAFETY: it is what `Engine::precompile_component` made, here, in our child process, or before it was kept. A file
        // that is kept is never written to again, only removed.
        unsafe {
            match &self.place {
                Place::Memory(code) => Component::deserialize(engine, code),
                Place::File(file) => Component::deserialize_file(engine, open_again(file)),
            }
        }
    }

    #[expect(
        unsafe_code,
        clippy::disallowed_methods,
        reason = "the code is ours: made a moment ago, or checked by `CodeCache` in a directory of ours alone"
    )]
    pub(crate) fn module(&self, engine: &Engine) -> wasmtime::Result<Module> {
        // SAFETY: it is what `Engine::precompile_module` made, here or before it was kept. A file that is kept is never written to
        // again, only removed.
        unsafe {
            match &self.place {
                Place::Memory(code) => Module::deserialize(engine, code),
                Place::File(file) => Module::deserialize_file(engine, open_again(file)),
            }
        }
    }
}

/// The very file that was checked, whatever has its name by now.
fn open_again(file: &File) -> String {
    format!("/proc/self/fd/{}", file.as_raw_fd())
}
