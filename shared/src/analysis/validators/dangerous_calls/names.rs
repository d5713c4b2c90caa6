//! The names of dangerous things in each family of languages. Words are parted by whitespace.

use crate::analysis::syntax::Family;

/// What is dangerous in one family of languages.
pub(super) struct Names {
    /// Modules that no small fix needs: any import or use counts.
    pub(super) modules: &'static str,
    /// Full paths, called or only named.
    pub(super) paths: &'static str,
    /// Beginnings of full paths.
    pub(super) starts: &'static str,
    /// Names that are dangerous anywhere in a path.
    pub(super) parts: &'static str,
    /// Methods, whatever they are called on.
    pub(super) methods: &'static str,
}

const PYTHON: Names = Names {
    modules: "subprocess pickle cPickle dill cloudpickle marshal shelve ctypes cffi pty commands code codeop \
        runpy importlib.util imp pdb",
    paths: "eval exec compile __import__ importlib.import_module breakpoint builtins globals open io.open \
        os.system os.popen os.fork os.kill os.remove os.unlink os.rmdir os.removedirs os.chmod os.chown \
        os.setuid os._exit os.__dict__ sys.modules shutil.rmtree shutil.move yaml.unsafe_load yaml.full_load \
        yaml.UnsafeLoader yaml.FullLoader yaml.Loader joblib.load torch.load \
        asyncio.create_subprocess_exec asyncio.create_subprocess_shell markupsafe.Markup Markup mark_safe \
        django.utils.safestring.mark_safe sys.settrace sys.setrecursionlimit socket.socket",
    starts: "os.exec os.spawn os.posix_spawn",
    parts: "__globals__ __builtins__ __subclasses__ __bases__ __mro__ __code__ __reduce__",
    methods: "read_text read_bytes unlink rmtree",
};

const SCRIPT: Names = Names {
    modules: "child_process vm worker_threads cluster inspector repl v8",
    paths: "eval Function document.write process.binding process.kill process.exit fs.readFile \
        fs.readFileSync fs.rm fs.rmSync fs.unlink fs.unlinkSync fs.rmdir Reflect.construct",
    starts: "",
    parts: "__proto__ innerHTML outerHTML insertAdjacentHTML dangerouslySetInnerHTML srcdoc mainModule",
    methods: "",
};

const GO: Names = Names {
    modules: "os/exec syscall unsafe plugin golang.org/x/sys",
    paths: "os.ReadFile os.Open os.OpenFile os.Remove os.RemoveAll os.Chmod os.StartProcess os.Exit \
        html/template.HTML html/template.JS",
    starts: "",
    parts: "",
    methods: "",
};

/// The environment, where the secrets are.
const ENVIRONMENT: &str = "os.environ os.getenv os.Getenv os.Environ os.LookupEnv process.env";

impl Names {
    pub(super) fn of(family: Family) -> Names {
        match family {
            Family::Python => PYTHON,
            Family::Script => SCRIPT,
            Family::Go => GO,
        }
    }
}

/// The name of the environment that a path begins with.
pub(super) fn environment(path: &str) -> Option<&'static str> {
    ENVIRONMENT.split_ascii_whitespace().find(|name| is_below_any(name, path))
}

pub(super) fn has_word(list: &str, word: &str) -> bool {
    list.split_ascii_whitespace().any(|one| one == word)
}

/// Whether a path is one of the modules or something in it.
pub(super) fn is_below_any(modules: &str, path: &str) -> bool {
    modules.split_ascii_whitespace().any(|module| {
        path.strip_prefix(module).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '/']))
    })
}
