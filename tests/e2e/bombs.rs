//! Steps that are small to send and dear to take in: each is refused by name, and the host goes on.
//!
//! What the structural limits refuse is tried in a host that compiles in its own process: a stack that overflows there
//! would end the test.

use std::time::Duration;

use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, CustomSection, DataSection, ElementSection, Elements,
    EntityType, ExportKind, ExportSection, Function, FunctionSection, GlobalSection, GlobalType,
    ImportSection, InstructionSink, MemorySection, MemoryType, Module, RefType, TableSection,
    TableType, TypeSection, ValType,
};

use lockstep_e2e::{TestHost, Wanted, compiler, wat};
use lockstep_sandbox::SandboxConfig;
use lockstep_step::OutcomeKind;
use serde_json::json;

/// Sections of a plain command, to which a test adds what it is about.
struct Command {
    types: TypeSection,
    imports: ImportSection,
    functions: FunctionSection,
    tables: TableSection,
    globals: GlobalSection,
    exports: ExportSection,
    elements: ElementSection,
    code: CodeSection,
    data: DataSection,
    memory_pages: u64,
}

impl Command {
    /// Type 0 is that of `_start`, which is function 0 and does what `body` writes.
    fn new(locals: u32, body: impl FnOnce(&mut InstructionSink<'_>)) -> Self {
        let mut command = Self {
            types: TypeSection::new(),
            imports: ImportSection::new(),
            functions: FunctionSection::new(),
            tables: TableSection::new(),
            globals: GlobalSection::new(),
            exports: ExportSection::new(),
            elements: ElementSection::new(),
            code: CodeSection::new(),
            data: DataSection::new(),
            memory_pages: 1,
        };
        command.types.ty().function([], []);
        command.functions.function(0);
        command.exports.export("memory", ExportKind::Memory, 0);
        command.exports.export("_start", ExportKind::Func, 0);
        command.code.function(&function(locals, body));
        command
    }

    fn plain() -> Self {
        Self::new(0, |_| {})
    }

    fn bytes(&self) -> Vec<u8> {
        let mut memories = MemorySection::new();
        memories.memory(MemoryType {
            minimum: self.memory_pages,
            maximum: None,
            memory64: false,
            shared: false,
            page_size_log2: None,
        });
        let mut module = Module::new();
        module
            .section(&self.types)
            .section(&self.imports)
            .section(&self.functions)
            .section(&self.tables)
            .section(&memories)
            .section(&self.globals)
            .section(&self.exports)
            .section(&self.elements)
            .section(&self.code)
            .section(&self.data);
        module.finish()
    }
}

fn function(locals: u32, body: impl FnOnce(&mut InstructionSink<'_>)) -> Function {
    let mut function = Function::new([(locals, ValType::I32)]);
    let mut code = function.instructions();
    body(&mut code);
    code.end();
    function
}

fn nothing() -> Function {
    function(0, |_| {})
}

/// Refused with a message that says `part`, and the host serves the next run.
async fn check_refused(host: &TestHost, name: &str, bytes: Vec<u8>, part: &str) {
    let ran = host.run(Wanted::of(bytes)).await;
    assert_eq!(ran.kind(), OutcomeKind::InvalidStep, "{name}");
    assert!(
        ran.message().contains(part),
        "`{name}` does not say `{part}`: {}",
        ran.message()
    );
    assert!(ran.message().len() < 8 << 10, "`{name}` says too much");
    check_serves(host, name).await;
}

async fn check_serves(host: &TestHost, after: &str) {
    let next = host.run(Wanted::of(wat("echo-command")).input("[1]")).await;
    assert_eq!(next.output(), json!([1]), "the run after `{after}`");
}

/// Taken, and run to its end.
async fn check_taken(host: &TestHost, name: &str, bytes: Vec<u8>) {
    let ran = host.run(Wanted::of(bytes)).await;
    assert_eq!(
        ran.kind(),
        OutcomeKind::Completed,
        "{name}: {:?}",
        ran.report.outcome
    );
}

#[tokio::test]
async fn a_module_with_too_much_in_it_says_what_is_too_much() {
    let host = TestHost::new().await;
    let check = |name, command: Command, part| {
        let (host, bytes) = (&host, command.bytes());
        async move { check_refused(host, name, bytes, part).await }
    };

    let mut command = Command::plain();
    for _ in 0..250_000 {
        command.functions.function(0);
        command.code.function(&nothing());
    }
    check(
        "functions",
        command,
        "250001 functions, over the limit of 250000",
    )
    .await;

    let command = Command::new(0, |code| {
        for _ in 0..(1 << 20) {
            code.nop().nop();
        }
    });
    check("a function", command, "bytes of code in one function").await;

    check(
        "locals",
        Command::new(20_001, |_| {}),
        "20001 local variables",
    )
    .await;

    let mut command = Command::plain();
    command.types.ty().function([ValType::I32; 1000], []);
    for _ in 0..2001 {
        command.functions.function(1);
        command.code.function(&nothing());
    }
    check(
        "parameters",
        command,
        "parameters and results, over all functions",
    )
    .await;

    let mut command = Command::plain();
    for _ in 0..100_000 {
        command.types.ty().function([], []);
    }
    check("types", command, "100001 types").await;
}

#[tokio::test]
async fn a_module_that_lists_too_much_says_what_it_lists() {
    let host = TestHost::new().await;
    let check = |name, command: Command, part| {
        let (host, bytes) = (&host, command.bytes());
        async move { check_refused(host, name, bytes, part).await }
    };

    let mut command = Command::plain();
    for _ in 0..10_001 {
        command.imports.import("env", "f", EntityType::Function(0));
    }
    check("imports", command, "10001 imports").await;

    let mut command = Command::plain();
    for at in 0..100_000 {
        command.exports.export(&at.to_string(), ExportKind::Func, 0);
    }
    check("exports", command, "exports, over the limit of 100000").await;

    let mut command = Command::plain();
    for _ in 0..100_001 {
        let ty = GlobalType {
            val_type: ValType::I32,
            mutable: true,
            shared: false,
        };
        command.globals.global(ty, &ConstExpr::i32_const(0));
    }
    check("globals", command, "100001 globals").await;

    let mut command = Command::plain();
    command.tables.table(TableType {
        element_type: RefType::FUNCREF,
        minimum: 1,
        maximum: None,
        table64: false,
        shared: false,
    });
    let elements = Elements::Functions(vec![0; 1_000_001].into());
    command
        .elements
        .active(None, &ConstExpr::i32_const(0), elements);
    check("elements", command, "1000001 elements of tables").await;

    let mut command = Command::plain();
    for _ in 0..100_001 {
        command.data.active(0, &ConstExpr::i32_const(0), []);
    }
    check("segments", command, "100001 segments").await;
}

fn nested(open: impl Fn(&mut InstructionSink<'_>), depth: usize) -> Vec<u8> {
    let body = |code: &mut InstructionSink<'_>| {
        for _ in 0..depth {
            open(code);
        }
        for _ in 0..depth {
            code.end();
        }
    };
    Command::new(0, body).bytes()
}

#[tokio::test]
async fn code_that_a_compiler_would_chew_on_for_ever_is_refused() {
    let host = TestHost::new().await;
    let open_loop = |code: &mut InstructionSink<'_>| {
        code.loop_(BlockType::Empty);
    };
    let block = |code: &mut InstructionSink<'_>| {
        code.block(BlockType::Empty);
    };
    check_taken(&host, "128 loops", nested(open_loop, 128)).await;
    check_refused(
        &host,
        "129 loops",
        nested(open_loop, 129),
        "129 loops within loops",
    )
    .await;
    check_refused(
        &host,
        "blocks",
        nested(block, 600_000),
        "blocks within blocks",
    )
    .await;

    let branches = |count| {
        let body = move |code: &mut InstructionSink<'_>| {
            code.loop_(BlockType::Empty);
            for _ in 0..count {
                code.i32_const(0).br_if(0);
            }
            code.end();
        };
        Command::new(20_000, body).bytes()
    };
    check_taken(&host, "branches", branches(10_000)).await;
    check_refused(
        &host,
        "branches",
        branches(10_001),
        "branches times local variables",
    )
    .await;
}

/// A component whose one section of types holds a type within a type, `depth` levels deep.
fn types_in_types(depth: usize) -> Vec<u8> {
    let mut section = vec![1];
    // A component type of one declaration, which is a type.
    section.extend([0x41, 1, 1].repeat(depth));
    // The innermost has no declaration.
    section.extend([0x41, 0]);
    let mut component = b"\0asm\x0d\0\x01\0\x07".to_vec();
    component.extend(leb(section.len()));
    component.extend(section);
    component
}

fn leb(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let byte = u8::try_from(number & 0x7f).unwrap();
        number >>= 7;
        if number == 0 {
            bytes.push(byte);
            return bytes;
        }
        bytes.push(byte | 0x80);
    }
}

#[tokio::test]
async fn what_is_nested_too_deep_is_refused_and_overflows_no_stack() {
    let host = TestHost::new().await;
    check_refused(&host, "types", types_in_types(50), "51 levels of types").await;
    check_refused(
        &host,
        "types",
        types_in_types(1_000_000),
        "51 levels of types",
    )
    .await;
    // Deep enough to be taken, and then it lacks an entry.
    check_refused(&host, "types", types_in_types(40), "exports neither").await;

    // The world that a core module carries is read by the same parser.
    let mut module = Command::plain().bytes();
    let world = types_in_types(1_000_000 / 3);
    for world in [world, vec![0; (1 << 20) + 1]] {
        let section = CustomSection {
            name: "component-type:bomb".into(),
            data: world.into(),
        };
        let mut bomb = module.clone();
        wasm_encoder::Section::append_to(&section, &mut bomb);
        check_refused(&host, "a world", bomb, "the limit of").await;
    }
    module.extend(b"\0\x04\xff\xff\xff\xff");
    check_refused(&host, "a section of garbage", module, "not valid").await;

    let components = |depth| format!("{}{}", "(component ".repeat(depth), ")".repeat(depth));
    check_refused(
        &host,
        "components",
        components(22).into(),
        "21 levels of components",
    )
    .await;
    check_refused(
        &host,
        "parentheses",
        components(300_000).into(),
        "nesting too deep",
    )
    .await;
    let comments = format!("{}(module)", "(;".repeat(1_000_000));
    check_refused(&host, "comments", comments.into(), "does not parse").await;
    let folded = format!("(module (func {}", "(drop ".repeat(600_000));
    check_refused(&host, "expressions", folded.into(), "does not parse").await;
}

#[tokio::test]
async fn instances_of_instances_are_counted_before_they_are_made() {
    let host = TestHost::new().await;
    let doubling = |levels: usize| {
        let mut text = "(component (component $c0)".to_owned();
        for level in 1..=levels {
            let below = level - 1;
            text += &format!(
                "(component $c{level} (instance (instantiate $c{below})) (instance (instantiate $c{below})))"
            );
        }
        text += &format!("(instance (instantiate $c{levels})))");
        text.into_bytes()
    };
    check_refused(&host, "doubling", doubling(9), "exports neither").await;
    check_refused(&host, "doubling", doubling(10), "instances, those within").await;
    check_refused(&host, "doubling", doubling(64), "instances, those within").await;

    // A component that is a value could hide how often it is instantiated.
    let handed =
        br#"(component (component $a (import "c" (component $c)) (instance (instantiate $c))))"#;
    check_refused(
        &host,
        "a component as import",
        handed.into(),
        "imports a component",
    )
    .await;
    let taken = br#"(component (component $a (component $b) (export "b" (component $b)))
        (instance $a (instantiate $a)) (alias export $a "b" (component $c)) (instance (instantiate $c)))"#;
    check_refused(
        &host,
        "a component out of an instance",
        taken.into(),
        "out of an instance",
    )
    .await;
}

#[tokio::test]
async fn a_giant_type_is_not_written_out() {
    let host = TestHost::new().await;
    // 2^15 records, and a field name of 90 KB in each: as text, 3 GB.
    let mut text = format!(
        "(component (type $r (record (field \"{}\" string))) (export $t0 \"r\" (type $r))",
        "x".repeat(90_000)
    );
    for level in 1..16 {
        let below = level - 1;
        text += &format!("(type $t{level} (tuple $t{below} $t{below}))");
    }
    text += r#"(core module $m (memory (export "memory") 1) (func (export "run") (param i32) (result i32) (unreachable))
            (func (export "realloc") (param i32 i32 i32 i32) (result i32) (unreachable)))
        (core instance $i (instantiate $m))
        (type $x (tuple $t15)) (export $e "x" (type $x))
        (func $run (param "input" $e) (result string)
            (canon lift (core func $i "run") (memory (core memory $i "memory")) (realloc (core func $i "realloc"))))
        (export "run" (func $run)))"#;
    check_refused(
        &host,
        "a giant type",
        text.into_bytes(),
        "has the type `func(tuple<tuple<",
    )
    .await;
}

#[tokio::test]
async fn long_names_and_texts_come_back_shortened() {
    let host = TestHost::new().await;
    let mut command = Command::plain();
    command
        .imports
        .import(&"x".repeat(99_000), "f", EntityType::Function(0));
    check_refused(&host, "a name", command.bytes(), "imports `xxx").await;
    let mut command = Command::plain();
    command
        .imports
        .import(&"x".repeat(100_001), "f", EntityType::Function(0));
    check_refused(
        &host,
        "a name",
        command.bytes(),
        "string size out of bounds",
    )
    .await;
    let line = format!("(module (func (oops {})", "x".repeat(3 << 20));
    check_refused(&host, "a line", line.into(), "does not parse").await;
    let long = format!("(module){}", " ".repeat(4 << 20));
    check_refused(
        &host,
        "a text",
        long.into(),
        "bytes of text, over the limit of 4194304",
    )
    .await;
}

#[tokio::test]
async fn large_data_and_custom_sections_are_taken_up_to_the_size_of_a_step() {
    let host = TestHost::new().await;
    let mut command = Command::plain();
    command.memory_pages = 1024;
    command
        .data
        .active(0, &ConstExpr::i32_const(0), vec![7; 40 << 20]);
    check_taken(&host, "data", command.bytes()).await;

    let with_custom = |bytes: usize| {
        let mut module = Command::plain().bytes();
        let left = bytes - module.len();
        let data = vec![7; left - 1 - leb(left).len() - 5];
        let section = CustomSection {
            name: "junk".into(),
            data: data.into(),
        };
        wasm_encoder::Section::append_to(&section, &mut module);
        module
    };
    let largest = with_custom(64 << 20);
    check_taken(&host, "custom sections", largest).await;
    let larger = with_custom((64 << 20) + 1);
    check_refused(
        &host,
        "custom sections",
        larger,
        "over the limit of 67108864",
    )
    .await;
    let small: Vec<u8> = [0, 2, 1, b'x'].repeat(100_000);
    let many = [Command::plain().bytes(), small].concat();
    check_taken(&host, "many custom sections", many).await;
}

/// What is small, within all structural limits, and dear: loops as deep as they may be, many times over.
pub(crate) fn slow_to_compile(times: usize) -> Vec<u8> {
    let body = |code: &mut InstructionSink<'_>| {
        for _ in 0..times {
            for _ in 0..128 {
                code.loop_(BlockType::Empty);
            }
            for _ in 0..128 {
                code.i32_const(0).br_if(0).end();
            }
        }
    };
    Command::new(0, body).bytes()
}

/// A function in which each branch carries all variables.
fn large_to_compile() -> Vec<u8> {
    let body = |code: &mut InstructionSink<'_>| {
        code.loop_(BlockType::Empty);
        for at in 0..10_000 {
            code.local_get(at)
                .local_set(at + 9999)
                .local_get(at)
                .br_if(0);
        }
        code.end();
    };
    Command::new(20_000, body).bytes()
}

#[tokio::test]
async fn a_compilation_that_takes_too_long_is_ended() {
    let mut config = SandboxConfig::for_runs(4);
    config.compiler = Some(compiler());
    config.compile_time = Duration::from_millis(1500);
    let host = TestHost::with(config).await;
    check_refused(
        &host,
        "slow",
        slow_to_compile(500),
        "its limit of 1.5 s (`compile_time`)",
    )
    .await;
    // It is gone, and the next one of the same workspace can be compiled at once.
    check_taken(&host, "the next", wat("exit-0")).await;
}

#[tokio::test]
async fn without_a_process_for_it_a_slow_compilation_is_waited_for_no_longer_than_its_limit() {
    let mut config = SandboxConfig::for_runs(4);
    config.compile_time = Duration::from_millis(50);
    let host = TestHost::with(config).await;
    let ran = host.run(Wanted::of(slow_to_compile(20))).await;
    assert_eq!(ran.kind(), OutcomeKind::InvalidStep);
    assert!(
        ran.message().contains("0.05 s (`compile_time`)"),
        "{}",
        ran.message()
    );
}

#[tokio::test]
async fn a_compilation_that_takes_too_much_memory_is_ended() {
    let mut config = SandboxConfig::for_runs(4);
    config.compiler = Some(compiler());
    config.compile_memory_bytes = 400 << 20;
    let host = TestHost::with(config).await;
    check_refused(
        &host,
        "large",
        large_to_compile(),
        "400 MiB (`compile_memory`)",
    )
    .await;
    check_taken(&host, "the next", wat("exit-0")).await;
}
