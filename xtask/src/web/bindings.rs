//! The module's JavaScript, and the module made small.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};
use walrus::{Data, Function, FunctionBuilder, FunctionKind, Module, ModuleConfig};
use wasm_bindgen_cli_support::Bindgen;

use super::{App, Effort, Files, folder};
use crate::{place, process};

/// The version of wasm-opt: a new one changes every module's size.
const BINARYEN: &str = "132.0.0";

/// What compilers use by default for this target, and what every browser since 2023 has. `--converge` was measured:
/// a third more time for 0.04 % of the size.
const FLAGS: [&str; 8] = [
    "-Oz",
    "--enable-bulk-memory",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
    "--strip-producers",
];

/// What wasm-bindgen and wasm-opt make of a module: from the last time when that module is the same.
pub fn make(cache: &Path, app: &App, wasm: &Path, effort: Effort) -> Result<Files> {
    let bytes = fs::read(wasm).with_context(|| format!("cargo left no {}", wasm.display()))?;
    let small = effort == Effort::Small;
    let optimizer = if small { optimizer(cache) } else { None };
    let made = cache.join("web-made").join(app.name);
    let mark = made.with_extension("mark");
    let now = mark_of(&bytes, small, optimizer.is_some()) + if app.silent { " silent 4" } else { " 2" };
    if fs::read_to_string(&mark).is_ok_and(|last| last == now) {
        return folder::read(&made);
    }
    let _ = fs::remove_file(&mark);
    let _ = fs::remove_dir_all(&made);
    let mut bindgen = Bindgen::new();
    if small && app.silent {
        bindgen.input_module(&app.package.replace('-', "_"), silenced(&bytes)?);
    } else {
        bindgen.input_path(wasm);
    }
    bindgen
        .web(true)?
        .typescript(false)
        // Names make stack traces readable, and the module larger.
        .remove_name_section(small)
        .remove_producers_section(small)
        // `load()` without an argument fetches the module from beside the script.
        .omit_default_module_path(false)
        .generate(&made)?;
    let script = made.join(format!("{}.js", app.package.replace('-', "_")));
    let module = made.join(format!("{}_bg.wasm", app.package.replace('-', "_")));
    if small && app.silent {
        shorten(&script, &module)?;
    }
    if let Some(optimizer) = optimizer {
        let mut node = Command::new("node");
        node.arg(optimizer).args(FLAGS).arg(&module).arg("-o").arg(&module);
        process::run(&mut node)?;
    }
    if small {
        fs::write(&script, without_comments(&fs::read_to_string(&script)?))?;
    }
    fs::write(mark, now)?;
    folder::read(&made)
}

/// Short names for what the module imports, in module and script alike: the hashes in wasm-bindgen's names cannot be
/// packed. And no paths of source files, which only panics had named.
fn shorten(script: &Path, module: &Path) -> Result<()> {
    let mut text = fs::read_to_string(script)?;
    let mut wasm = ModuleConfig::new()
        .strict_validate(false)
        .generate_name_section(false)
        .generate_producers_section(false)
        .parse_file(module)?;
    for (place, import) in wasm.imports.iter_mut().enumerate() {
        let name = format!("i{place}");
        // Quoted or not, each is a key of one object.
        let (plain, quoted) = (format!("{}:", import.name), format!("\"{}\":", import.name));
        ensure!(text.contains(&plain) || text.contains(&quoted), "the script does not give {}", import.name);
        text = text.replace(&quoted, &format!("{name}:")).replace(&plain, &format!("{name}:"));
        text = text.replace(&format!("\"{}\"", import.module), "\"i\"");
        import.name = name;
        import.module = "i".into();
    }
    let data: Vec<_> = wasm.data.iter().map(Data::id).collect();
    data.into_iter().for_each(|id| without_paths(&mut wasm.data.get_mut(id).value));
    fs::write(script, text)?;
    wasm.emit_wasm_file(module)
}

/// Blanks the paths of source files, and the texts of panics.
fn without_paths(data: &mut [u8]) {
    const ROOTS: [&[u8]; 4] = [b"/rustc/", b"index.crates.io-", b"core/src/", b"protocol/src/"];
    const TEXTS: [&[u8]; 6] = [
        b"0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243444546474849",
        b"5051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899",
        b"RefCell already mutably borrowedRefCell already borrowed",
        b"internal error: entered unreachable code: The JS binding should only ever produce a valid value",
        b"Tried to shrink to a larger capacity",
        b"attempt to divide by zero0x0123456789ABCDEF",
    ];
    for at in 0..data.len() {
        let Some(rest) = data.get_mut(at..(at + 160).min(data.len())) else { return };
        let text = TEXTS.iter().find(|text| rest.starts_with(text)).map(|text| text.len());
        let path = || rest.windows(3).position(|three| three == b".rs").map(|end| end + 3);
        let end = if ROOTS.iter().any(|root| rest.starts_with(root)) { path() } else { text };
        if let Some(end) = end {
            rest[..end].fill(0);
        }
    }
}

/// A script without comments and indentation. A comment begins its line; texts of several lines need no indentation.
pub fn without_comments(script: &str) -> String {
    let mut small = String::new();
    let mut comment = false;
    for line in script.lines().map(str::trim) {
        comment |= line.starts_with("/*");
        if !comment && !line.is_empty() && !line.starts_with("//") {
            small.push_str(line);
            small.push('\n');
        }
        comment &= !line.ends_with("*/");
    }
    small
}

/// Functions that never return, by a part of their mangled names: they put a message together and stop. Nobody reads
/// the message of a widget.
const PANICS: [&str; 11] = [
    "4core9panicking",
    "4core5slice5index16slice_",
    "4core3str16slice_error_fail",
    "4core6option13unwrap_failed",
    "4core6option13expect_failed",
    "4core6result13unwrap_failed",
    "4core4cell22panic_already",
    "5alloc7raw_vec12handle_error",
    "5alloc5alloc18handle_alloc_error",
    "3std6thread5local18panic_access_error",
    "3std5alloc8rust_oom",
];

/// What formats, by a part of the mangled names: only panics use it.
const FORMATS: [&str; 2] = ["4core3fmt", "core..fmt.."];

/// The module whose panics stop at once, without a message, and which formats nothing: the widget's own texts are put
/// together without `core::fmt`.
fn silenced(wasm: &[u8]) -> Result<Module> {
    let mut module = ModuleConfig::new().strict_validate(false).generate_name_section(false).parse(wasm)?;
    let stops = |function: &Function| {
        let name = function.name.as_deref().unwrap_or_default();
        // Functions of modules alone: methods there return.
        let free =
            ["_RNvN", "_RINvN", "_ZN"].iter().any(|start| name.starts_with(start)) && !name.contains('$');
        FORMATS.iter().any(|part| name.contains(part))
            || free && PANICS.iter().any(|panic| name.contains(panic))
    };
    let panics = module.funcs.iter().filter(|function| stops(function));
    let panics: Vec<_> = panics.map(|function| (function.id(), function.ty())).collect();
    ensure!(!panics.is_empty(), "the module has no names, by which its panics would be found");
    for (id, kind) in panics {
        let (takes, gives) = module.types.params_results(kind);
        let (takes, gives) = (takes.to_vec(), gives.to_vec());
        let mut stop = FunctionBuilder::new(&mut module.types, &takes, &gives);
        stop.func_body().unreachable();
        let arguments = takes.iter().map(|of| module.locals.add(*of)).collect();
        module.funcs.get_mut(id).kind = FunctionKind::Local(stop.local_func(arguments));
    }
    Ok(module)
}

/// Changes when the module or what is done to it changes.
fn mark_of(wasm: &[u8], small: bool, optimized: bool) -> String {
    let hash: String = Sha256::digest(wasm).iter().map(|byte| format!("{byte:02x}")).collect();
    let tools = match (small, optimized) {
        (_, true) => format!("binaryen {BINARYEN} {}", FLAGS.join(" ")),
        (true, false) => "without names".into(),
        (false, false) => "as it is".into(),
    };
    format!("{hash} wasm-bindgen {} {tools}", wasm_bindgen_version())
}

/// The version that the workspace pins.
fn wasm_bindgen_version() -> &'static str {
    let line =
        include_str!("../../Cargo.toml").lines().find(|line| line.starts_with("wasm-bindgen-cli-support"));
    line.unwrap_or_default()
}

/// wasm-opt, from npm. Without it everything works and is about a tenth larger.
pub fn optimizer(cache: &Path) -> Option<PathBuf> {
    let folder = cache.join("binaryen");
    let program = folder.join("node_modules/binaryen/bin/wasm-opt");
    let mark = folder.join(BINARYEN);
    if mark.is_file() && program.is_file() {
        return place::program("node").map(|_| program);
    }
    if place::program("npm").is_none() || place::program("node").is_none() {
        println!("without node and npm there is no wasm-opt: the modules stay larger");
        return None;
    }
    println!("fetching wasm-opt {BINARYEN} from npm, once");
    let mut npm = Command::new("npm");
    npm.args(["install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix"]).arg(&folder);
    npm.arg(format!("binaryen@{BINARYEN}")).current_dir(cache);
    let done = fs::create_dir_all(&folder)
        .map_err(Into::into)
        .and_then(|()| process::limited(&mut npm, Duration::from_secs(180)))
        .and_then(|()| Ok(fs::write(&mark, "")?));
    match done {
        Ok(()) => Some(program),
        Err(error) => {
            println!("wasm-opt cannot be had, the modules stay larger: {error:#}");
            None
        }
    }
}
