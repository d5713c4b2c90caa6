//! Modules that come with the language, so that importing them installs nothing.

use crate::names::has;
use crate::syntax::Family;

/// Top-level modules of Python 3.8 to 3.14 (its documentation, *Python Module Index*).
const PYTHON: &str = "\
     abc aifc antigravity argparse array ast asynchat asyncio asyncore atexit audioop base64 bdb binascii
     bisect builtins bz2 cProfile calendar cgi cgitb chunk cmath cmd code codecs codeop collections
     colorsys compileall concurrent configparser contextlib contextvars copy copyreg crypt csv ctypes
     curses dataclasses datetime dbm decimal difflib dis distutils doctest email encodings ensurepip enum
     errno faulthandler fcntl filecmp fileinput fnmatch fractions ftplib functools gc genericpath getopt
     getpass gettext glob graphlib grp gzip hashlib heapq hmac html http idlelib imaplib imghdr imp
     importlib inspect io ipaddress itertools json keyword lib2to3 linecache locale logging lzma mailbox
     mailcap marshal math mimetypes mmap modulefinder msilib msvcrt multiprocessing netrc nis nntplib nt
     ntpath nturl2path numbers opcode operator optparse os ossaudiodev pathlib pdb pickle pickletools
     pipes pkgutil platform plistlib poplib posix posixpath pprint profile pstats pty pwd py_compile
     pyclbr pydoc pydoc_data pyexpat queue quopri random re readline reprlib resource rlcompleter runpy
     sched secrets select selectors shelve shlex shutil signal site smtpd smtplib sndhdr socket
     socketserver spwd sqlite3 sre_compile sre_constants sre_parse ssl stat statistics string stringprep
     struct subprocess sunau symtable sys sysconfig syslog tabnanny tarfile telnetlib tempfile termios
     textwrap this threading time timeit tkinter token tokenize tomllib trace traceback tracemalloc tty
     turtle turtledemo types typing unicodedata unittest urllib uu uuid venv warnings wave weakref
     webbrowser winreg winsound wsgiref xdrlib xml xmlrpc zipapp zipfile zipimport zlib zoneinfo
     __future__ _thread annotationlib compression";

/// Built-in modules of Node.js 22 (`module.builtinModules`), without those that start with `_`.
const NODE: &str = "\
     assert async_hooks buffer child_process cluster console constants crypto dgram diagnostics_channel dns
     domain events fs http http2 https inspector module net os path perf_hooks process punycode querystring
     readline repl sea sqlite stream string_decoder sys test timers tls trace_events tty url util v8 vm wasi
     worker_threads zlib";

/// What Ruby 3.4 can `require` without a gem of one's own (default and bundled libraries).
const RUBY: &str = "\
     abbrev base64 benchmark bigdecimal bundler cgi coverage csv date delegate did_you_mean digest drb
     English erb error_highlight etc expect fcntl fiddle fileutils find forwardable getoptlong io ipaddr
     irb json logger matrix minitest monitor mutex_m net/http net/protocol nkf objspace observer open-uri
     open3 openssl optparse ostruct pathname pp prettyprint prime pstore psych pty racc rdoc readline
     reline resolv rinda ripper ruby2_keywords securerandom set shellwords singleton socket stringio
     strscan syslog tempfile test/unit time timeout tmpdir tracer tsort un uri weakref yaml zlib";

/// Packages of the JDK (Java SE 21, *All Packages*), by their beginnings.
const JAVA: &str = "\
     java. javax.crypto javax.imageio javax.management javax.naming javax.net javax.print javax.script
     javax.security javax.sound javax.sql javax.swing javax.tools javax.xml org.w3c.dom org.xml.sax";

/// Whether a module comes with the language.
pub(super) fn is_standard(family: Family, module: &str) -> bool {
    match family {
        Family::Python => has(PYTHON, module.split('.').next().unwrap_or_default()),
        Family::Script => {
            let plain = module.strip_prefix("node:").unwrap_or(module);
            has(NODE, plain.split('/').next().unwrap_or_default())
        }
        // Only modules from elsewhere begin with a host name.
        Family::Go => !module.split('/').next().unwrap_or_default().contains('.'),
        Family::Rust => matches!(module.split('.').next(), Some("std" | "core" | "alloc")),
        Family::Java => JAVA.split_ascii_whitespace().any(|start| module.starts_with(start)),
        Family::Ruby => has(RUBY, module) || has(RUBY, module.split('/').next().unwrap_or_default()),
        // Classes without a namespace are built in, or the project's own.
        Family::Php => !module.contains('.'),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_with_the_language_is_known() {
        for (family, module) in [
            (Family::Python, "collections.abc"),
            (Family::Python, "tomllib"),
            (Family::Script, "node:fs/promises"),
            (Family::Script, "path"),
            (Family::Go, "net/http"),
            (Family::Rust, "std.collections.HashMap"),
            (Family::Java, "java.util.List"),
            (Family::Ruby, "digest/sha2"),
            (Family::Php, "DateTime"),
        ] {
            assert!(is_standard(family, module), "{module}");
        }
        for (family, module) in [
            (Family::Python, "requests"),
            (Family::Python, ""),
            (Family::Script, "lodash"),
            (Family::Go, "github.com/pkg/errors"),
            (Family::Rust, "serde.Serialize"),
            (Family::Java, "org.apache.commons.lang3.StringUtils"),
            (Family::Ruby, "nokogiri"),
            (Family::Php, "GuzzleHttp.Client"),
        ] {
            assert!(!is_standard(family, module), "{module}");
        }
    }
}
