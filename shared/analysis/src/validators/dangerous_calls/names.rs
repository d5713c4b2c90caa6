//! The names of dangerous things in each family of languages. Words are parted by whitespace.

use crate::names::first_above;
use crate::syntax::Family;

impl Names {
    pub(super) fn of_family(family: Family) -> &'static Names {
        match family {
            Family::Python => &PYTHON,
            Family::Script => &SCRIPT,
            Family::Go => &GO,
            Family::Rust => &RUST,
            Family::Java => &JAVA,
            Family::Ruby => &RUBY,
            Family::Php => &PHP,
        }
    }
}

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
    /// Kinds of nodes that are dangerous by themselves.
    pub(super) nodes: &'static str,
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
    nodes: "",
};

const SCRIPT: Names = Names {
    modules: "child_process vm worker_threads cluster inspector repl v8",
    paths: "eval Function document.write process.binding process.kill process.exit fs.readFile \
        fs.readFileSync fs.rm fs.rmSync fs.unlink fs.unlinkSync fs.rmdir Reflect.construct",
    starts: "",
    parts: "__proto__ innerHTML outerHTML insertAdjacentHTML dangerouslySetInnerHTML srcdoc mainModule",
    methods: "",
    nodes: "",
};

const GO: Names = Names {
    modules: "os/exec syscall unsafe plugin golang.org/x/sys",
    paths: "os.ReadFile os.Open os.OpenFile os.Remove os.RemoveAll os.Chmod os.StartProcess os.Exit \
        html/template.HTML html/template.JS",
    starts: "",
    parts: "",
    methods: "",
    nodes: "",
};

const RUST: Names = Names {
    modules: "std.process tokio.process std.fs tokio.fs libc nix libloading std.os",
    paths: "Command.new std.mem.transmute mem.transmute transmute std.ptr.read std.ptr.write include_str \
        include_bytes File.open File.create fs.read fs.read_to_string fs.write fs.remove_file \
        fs.remove_dir_all process.exit process.abort TcpStream.connect TcpListener.bind",
    starts: "process.Command std.process.Command",
    parts: "from_raw from_raw_parts get_unchecked get_unchecked_mut unwrap_unchecked from_utf8_unchecked asm",
    methods: "",
    nodes: "unsafe",
};

const JAVA: Names = Names {
    modules: "javax.script java.lang.reflect java.nio.file java.rmi javax.naming sun.misc jdk.internal \
        java.lang.invoke groovy.lang org.mozilla.javascript java.beans.XMLDecoder",
    paths: "ProcessBuilder ScriptEngineManager Class.forName System.exit System.load System.loadLibrary \
        java.io.ObjectInputStream ObjectInputStream java.io.File java.io.FileReader java.io.FileWriter \
        java.io.FileInputStream java.io.FileOutputStream java.net.Socket java.net.ServerSocket \
        java.net.URLClassLoader URLClassLoader XMLDecoder Files.readString Files.readAllBytes Files.delete \
        Files.write Thread.stop",
    starts: "Runtime.getRuntime Unsafe.",
    parts: "setAccessible enableDefaultTyping activateDefaultTyping",
    methods: "readObject readUnshared parseExpression",
    nodes: "",
};

const RUBY: Names = Names {
    modules: "Open3 PTY Fiddle Marshal DRb ObjectSpace open3 pty fiddle drb",
    paths: "eval system exec spawn fork open syscall binding instance_eval class_eval module_eval \
        instance_exec Kernel.eval Kernel.system Kernel.exec Kernel.spawn Kernel.open Kernel.fork IO.popen \
        IO.read File.open File.read File.write File.delete File.unlink FileUtils.rm_rf FileUtils.rm \
        YAML.load YAML.unsafe_load Psych.load Psych.unsafe_load ERB.new load exit exit! abort Process.kill \
        Dir.glob URI.open TCPSocket.new",
    starts: "Process.spawn",
    parts: "instance_eval class_eval module_eval instance_variable_set const_get define_method html_safe \
        constantize safe_constantize __send__",
    methods: "send public_send raw",
    nodes: "subshell",
};

const PHP: Names = Names {
    modules: "FFI Symfony.Component.Process",
    paths: "eval exec shell_exec system passthru proc_open popen pcntl_exec unserialize assert create_function \
        call_user_func call_user_func_array extract parse_str file_get_contents file_put_contents fopen \
        readfile file unlink rmdir rename chmod symlink move_uploaded_file highlight_file show_source \
        phpinfo dl putenv ini_set header fsockopen pfsockopen Process.fromShellCommandline",
    starts: "ReflectionMethod ReflectionFunction ReflectionProperty",
    parts: "fromShellCommandline setAccessible",
    methods: "",
    nodes: "shell_command_expression include_expression include_once_expression require_expression \
        require_once_expression",
};

/// The environment, where the secrets are.
const ENVIRONMENT: &str = "os.environ os.getenv os.Getenv os.Environ os.LookupEnv process.env \
    std.env std.env.var env.var env.vars dotenvy System.getenv System.getProperties ENV getenv $_ENV $_SERVER";

/// The name of the environment that a path begins with.
pub(super) fn environment(path: &str) -> Option<&'static str> {
    first_above(ENVIRONMENT, path)
}
