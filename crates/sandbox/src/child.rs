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
use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, BufReader,
};
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
    niceness: i32,
}

/// What the process answers, in a line before the product.
#[derive(Deserialize, Serialize)]
struct Answer {
    made: Made,
    product_bytes: u64,
}

/// What the product is.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum Made {
    /// A component.
    Artifact {
        digest: Digest,
        kind: ArtifactKind,
        keys: Vec<CredentialKey>,
        dynamic: bool,
    },
    /// Code.
    Code,
    /// Nothing.
    Invalid { message: String },
}

/// What is heard of a process.
enum Heard {
    /// It has answered, and has no more to say.
    Product(Made, Vec<u8>),
    /// It has ended without an answer.
    Ended { status: ExitStatus, error: Vec<u8> },
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
        niceness: limits.niceness,
    };
    let child = start(command, threads).map_err(|error| broken(&error))?;
    match timeout(limits.time, talk(child, &request, wasm)).await {
        Err(_) => Err(too_slow(limits).into()),
        Ok(Err(error)) => Err(broken(&error)),
        Ok(Ok(heard)) => heard.product(limits),
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

/// A process that has answered is not waited for: taking apart what it compiled takes it as long as its start. It is
/// killed as it is dropped, and the runtime waits for it.
async fn talk(mut child: Child, request: &Request, wasm: &[u8]) -> io::Result<Heard> {
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
    let (stdin, answer) = tokio::join!(write, read_answer(stdout));
    if let Some((made, product)) = answer? {
        return Ok(Heard::Product(made, product));
    }
    let mut error = Vec::new();
    if let Some(stderr) = stderr {
        stderr.take(MAX_ERROR_BYTES).read_to_end(&mut error).await?;
    }
    drop(stdin);
    let status = child.wait().await?;
    Ok(Heard::Ended { status, error })
}

/// The whole answer, or `None` if it ends before it is whole.
async fn read_answer(
    stdout: Option<impl AsyncRead + Unpin>,
) -> io::Result<Option<(Made, Vec<u8>)>> {
    let Some(stdout) = stdout else {
        return Ok(None);
    };
    let mut stdout = BufReader::new(stdout.take(MAX_PRODUCT_BYTES));
    let mut line = Vec::new();
    stdout.read_until(b'\n', &mut line).await?;
    if !line.ends_with(b"\n") {
        return Ok(None);
    }
    let Answer {
        made,
        product_bytes,
    } = serde_json::from_slice(&line)?;
    let mut product = Vec::new();
    stdout.take(product_bytes).read_to_end(&mut product).await?;
    Ok((product.len() as u64 == product_bytes).then_some((made, product)))
}

// === impl Heard ===

impl Heard {
    fn product(self, limits: JobLimits) -> Result<Product, LoadError> {
        match self {
            Self::Ended { status, error } => Err(failure(status, &error, limits)),
            Self::Product(Made::Invalid { message }, _) => Err(InvalidStep { message }.into()),
            Self::Product(Made::Code, code) => Ok(Product::Code(code)),
            Self::Product(
                Made::Artifact {
                    digest,
                    kind,
                    keys,
                    dynamic,
                },
                bytes,
            ) => Ok(Product::Artifact(Artifact {
                digest,
                kind,
                bytes,
                keys,
                dynamic,
            })),
        }
    }
}

/// Why it ended without an answer. Nothing but the step can make it end by itself.
fn failure(status: ExitStatus, error: &[u8], limits: JobLimits) -> LoadError {
    let said = String::from_utf8_lossy(error);
    let signal = status.signal();
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
        tracing::error!("the compiler crashed on a step: {status}");
        return InvalidStep::new(format!("the step crashes the compiler ({status})")).into();
    }
    LoadError::Host(format!("the compiler did not answer ({status})"))
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
    let (made, product) = match done {
        Ok(Product::Code(code)) => (Made::Code, code),
        Ok(Product::Artifact(artifact)) => {
            let Artifact {
                digest,
                kind,
                bytes,
                keys,
                dynamic,
            } = artifact;
            (
                Made::Artifact {
                    digest,
                    kind,
                    keys,
                    dynamic,
                },
                bytes,
            )
        }
        Err(InvalidStep { message }) => (Made::Invalid { message }, Vec::new()),
    };
    let answer = Answer {
        made,
        product_bytes: product.len() as u64,
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
    rustix::process::nice(request.niceness)?;
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
