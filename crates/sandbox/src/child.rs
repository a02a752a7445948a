//! Preparing and compiling in a process of its own, under limits.
//!
//! The host starts [`CompilerCommand`], writes a line of JSON and the wasm to its standard input, and reads a line of JSON
//! and the product from its standard output. The process gets no environment, no argument of the step, and no other open
//! file. It limits its own memory and CPU time before it reads a byte of the wasm; the host kills it when its time is
//! over, or when nobody waits for it any more. If the host itself goes away, its end of the standard input is closed, and
//! the process ends.

use std::fs;
use std::io::{self, BufRead, Read, Write};
use std::os::fd::RawFd;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{ExitCode, ExitStatus, Stdio};
use std::thread;

use rustix::process::{Resource, Rlimit, Signal, setrlimit};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use lockstep_step::{CredentialKey, Digest};

use crate::compiler::{self, Job, JobLimits, Product, too_large, too_slow};
use crate::load::LoadError;
use crate::{Artifact, ArtifactKind, CompilerCommand, InvalidStep, engine};

/// What is read of a product, in bytes. Code is some four times the size of its wasm.
const MAX_PRODUCT_BYTES: u64 = 1 << 30;
/// What is read of the standard error, in bytes: enough to see why the process ended.
const MAX_ERROR_BYTES: u64 = 4 << 10;
/// Threads of one compilation. More would take the machine from the runs, and each has a stack and an arena.
const MAX_THREADS: usize = 4;
/// How much a compilation gives way to the runs, of 19.
const NICENESS: i32 = 5;
/// The last of the three descriptors that a process is started with.
const STDERR: RawFd = 2;
/// What Rust's runtime says when an allocation fails, before it aborts.
const OUT_OF_MEMORY: &str = "memory allocation of";

/// What the host asks for, in a line before the wasm.
#[derive(Deserialize, Serialize)]
struct Request {
    job: Job,
    wasm_bytes: u64,
    memory_bytes: u64,
    cpu_seconds: u64,
}

/// What the process answers, in a line before the product.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    /// The component follows.
    Artifact {
        digest: Digest,
        kind: ArtifactKind,
        keys: Vec<CredentialKey>,
        dynamic: bool,
    },
    /// Code follows.
    Code,
    /// Nothing follows.
    Invalid { message: String },
}

/// How a process ended.
struct Ended {
    status: ExitStatus,
    product: Vec<u8>,
    error: Vec<u8>,
}

/// Does `job` in a process of its own. Dropping the future kills the process.
pub(crate) async fn carry_out(
    command: &CompilerCommand,
    limits: JobLimits,
    job: Job,
    wasm: &[u8],
) -> Result<Product, LoadError> {
    let threads = thread::available_parallelism().map_or(1, |cores| cores.get().min(MAX_THREADS));
    let request = Request {
        job,
        wasm_bytes: wasm.len() as u64,
        memory_bytes: limits.memory_bytes,
        // In case that nobody is there to look at the clock.
        cpu_seconds: limits
            .time
            .as_secs()
            .saturating_add(1)
            .saturating_mul(threads as u64),
    };
    let child = start(command, threads).map_err(|error| broken(&error))?;
    match timeout(limits.time, talk(child, &request, wasm)).await {
        Err(_) => Err(too_slow(limits).into()),
        Ok(Err(error)) => Err(broken(&error)),
        Ok(Ok(ended)) => ended.product(limits),
    }
}

fn start(command: &CompilerCommand, threads: usize) -> io::Result<Child> {
    Command::new(&command.program)
        .args(&command.arguments)
        .env_clear()
        .env("RAYON_NUM_THREADS", threads.to_string())
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
}

async fn talk(mut child: Child, request: &Request, wasm: &[u8]) -> io::Result<Ended> {
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let write = async {
        let mut stdin = stdin?;
        let mut line = serde_json::to_vec(request).ok()?;
        line.push(b'\n');
        // A process that has ended does not read; its status says why.
        stdin.write_all(&line).await.ok()?;
        stdin.write_all(wasm).await.ok()?;
        // Kept open: that it closes tells the process that the host is gone.
        Some(stdin)
    };
    let (stdin, product, error) = tokio::join!(
        write,
        read(stdout, MAX_PRODUCT_BYTES),
        read(stderr, MAX_ERROR_BYTES)
    );
    drop(stdin);
    let status = child.wait().await?;
    Ok(Ended {
        status,
        product: product?,
        error: error?,
    })
}

async fn read(from: Option<impl AsyncRead + Unpin>, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(from) = from {
        from.take(limit).read_to_end(&mut bytes).await?;
    }
    Ok(bytes)
}

// === impl Ended ===

impl Ended {
    fn product(self, limits: JobLimits) -> Result<Product, LoadError> {
        if !self.status.success() {
            return Err(self.failure(limits));
        }
        let malformed = || LoadError::Host("the compiler's answer is malformed".to_owned());
        let line = self.product.iter().position(|byte| *byte == b'\n');
        let (line, product) = self.product.split_at(line.ok_or_else(malformed)? + 1);
        let answer = serde_json::from_slice(line).map_err(|_| malformed())?;
        let product = product.to_vec();
        match answer {
            Answer::Invalid { message } => Err(InvalidStep { message }.into()),
            Answer::Code => Ok(Product::Code(product)),
            Answer::Artifact {
                digest,
                kind,
                keys,
                dynamic,
            } => Ok(Product::Artifact(Artifact {
                dynamic,
                digest,
                kind,
                bytes: product,
                keys,
            })),
        }
    }

    /// Why it ended without an answer. Nothing but the step can make it end by itself.
    fn failure(&self, limits: JobLimits) -> LoadError {
        let said = String::from_utf8_lossy(&self.error);
        let signal = self.status.signal();
        if said.contains(OUT_OF_MEMORY) {
            return too_large(limits).into();
        }
        if signal == Some(Signal::XCPU.as_raw()) {
            return too_slow(limits).into();
        }
        if signal == Some(Signal::KILL.as_raw()) {
            return LoadError::Host("somebody killed the compiler".to_owned());
        }
        if signal.is_some() || said.contains("panicked at") {
            tracing::error!("the compiler crashed on a step: {}", self.status);
            return InvalidStep::new(format!("the step crashes the compiler ({})", self.status))
                .into();
        }
        LoadError::Host(format!("the compiler did not answer ({})", self.status))
    }
}

fn broken(error: &io::Error) -> LoadError {
    LoadError::Host(format!("cannot speak with the compiler: {error}"))
}

/// The other side: does the one job that is on the standard input, for the program of a [`CompilerCommand`].
#[must_use]
pub fn serve_compilation() -> ExitCode {
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn serve() -> io::Result<()> {
    close_all_others()?;
    let mut stdin = io::stdin().lock();
    let mut line = Vec::new();
    stdin.read_until(b'\n', &mut line)?;
    let request: Request = serde_json::from_slice(&line)?;
    limit(&request)?;
    let mut wasm = Vec::new();
    stdin
        .by_ref()
        .take(request.wasm_bytes)
        .read_to_end(&mut wasm)?;
    drop(stdin);
    end_with_the_host()?;
    let engine = engine::compiling().map_err(io::Error::other)?;
    answer(compiler::carry_out(&engine, request.job, wasm))
}

fn answer(done: Result<Product, InvalidStep>) -> io::Result<()> {
    let (answer, product) = match done {
        Ok(Product::Code(code)) => (Answer::Code, code),
        Ok(Product::Artifact(artifact)) => {
            let Artifact {
                digest,
                kind,
                bytes,
                keys,
                dynamic,
            } = artifact;
            (
                Answer::Artifact {
                    digest,
                    kind,
                    keys,
                    dynamic,
                },
                bytes,
            )
        }
        Err(InvalidStep { message }) => (Answer::Invalid { message }, Vec::new()),
    };
    let mut stdout = io::stdout().lock();
    serde_json::to_writer(&mut stdout, &answer)?;
    stdout.write_all(b"\n")?;
    stdout.write_all(&product)?;
    stdout.flush()
}

/// Ours are closed when a program is started; whoever started the host may have left it some that are not.
fn close_all_others() -> io::Result<()> {
    let open: Vec<RawFd> = fs::read_dir("/proc/self/fd")?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|descriptor| *descriptor > STDERR)
        .collect();
    for descriptor in open {
        // The listed directory was open, too.
        if fs::symlink_metadata(format!("/proc/self/fd/{descriptor}")).is_err() {
            continue;
        }
        #[expect(
            unsafe_code,
            reason = "nothing in this process owns what it was started with"
        )]
        // SAFETY: it is open, and the process has just begun: it has one thread, and has opened no file itself.
        unsafe {
            rustix::io::close(descriptor);
        }
    }
    Ok(())
}

/// From here on this process has no more than it needs.
fn limit(request: &Request) -> io::Result<()> {
    let at_most = |bound| Rlimit {
        current: Some(bound),
        maximum: Some(bound),
    };
    setrlimit(Resource::Core, at_most(0))?;
    setrlimit(Resource::Cpu, at_most(request.cpu_seconds))?;
    setrlimit(Resource::As, at_most(request.memory_bytes))?;
    rustix::process::nice(NICENESS)?;
    Ok(())
}

/// Ends this process once the host has closed its end of the standard input, which it does only by going away.
fn end_with_the_host() -> io::Result<()> {
    let wait = || {
        drop(io::copy(&mut io::stdin().lock(), &mut io::sink()));
        #[expect(
            clippy::exit,
            reason = "nobody is left to answer to, and the compiling thread cannot be interrupted"
        )]
        std::process::exit(1);
    };
    thread::Builder::new()
        .name("host-watch".to_owned())
        .spawn(wait)?;
    Ok(())
}
