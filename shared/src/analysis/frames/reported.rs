//! Reads the many ways in which SDKs write the path and the module of a frame.

use crate::analysis::snapshot::is_vendored_folder;

/// Folders, as the ends or middles of paths, where runtimes and package managers keep their code.
const LIBRARY_FOLDERS: [&str; 14] = [
    "/usr/local/go/src/",
    "/go/pkg/mod/",
    "/.cargo/registry/",
    "/.cargo/git/",
    "/rustc/",
    "/lib/python2.",
    "/lib/python3.",
    "/lib/ruby/",
    "/bundle/ruby/",
    "/bundle/gems/",
    "/.rvm/gems/",
    "/.m2/repository/",
    "/.pnpm/",
    "/webpack/runtime/",
];

/// Whether the path is of other people's code, wherever it is installed. Such a frame never maps,
/// even where the repository has a file of the same name.
pub(super) fn is_library(text: &str) -> bool {
    let path = text.replace('\\', "/");
    // A virtual environment may be in the project's folder, so folder names count wherever they stand.
    LIBRARY_FOLDERS.iter().any(|folder| path.contains(folder))
        || path.split('/').rev().skip(1).any(is_vendored_folder)
        || path.starts_with("node:")
        || path.starts_with("<frozen ")
}

/// Segments of a reported path, outermost first, without scheme, host, query, drive letter and dots.
/// Empty for code that is in no file, such as `<string>` or `[native code]`.
pub(super) fn path_segments(text: &str) -> Vec<String> {
    let text = text.trim().replace('\\', "/");
    if text.starts_with(['<', '[']) {
        return Vec::new();
    }
    let path = match text.split_once("://") {
        // `app:///x.js`, `webpack://shop/./x.ts`, `https://host/x.js?v=2`: up to the first slash it is
        // a host, or the name of a bundle.
        Some((_, rest)) => {
            let path = rest.split_once('/').map_or(rest, |(_, path)| path);
            path.split(['?', '#']).next().unwrap_or_default()
        }
        None => text.as_str(),
    };
    let mut segments: Vec<String> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." | "~" => {}
            ".." => drop(segments.pop()),
            drive if drive.len() == 2 && drive.ends_with(':') => {}
            _ => segments.push(segment.to_owned()),
        }
    }
    segments
}

/// Segments of a module's name: `shop.labels`, `com.acme.shop.Labels$Inner`, `src/labels`,
/// `github.com/acme/shop/labels`.
pub(super) fn module_segments(text: &str) -> Vec<String> {
    let text = text.trim().split(['$', '(', '<', ' ']).next().unwrap_or_default();
    text.split(['.', '/', ':', '\\']).filter(|segment| !segment.is_empty()).map(str::to_owned).collect()
}

/// Segments of the module that a file is: `shop/labels.py` is `shop`, `labels`; `shop/__init__.py`
/// is `shop`.
pub(super) fn modules_of(relative: &str) -> impl DoubleEndedIterator<Item = &str> {
    let (folder, name) = relative.rsplit_once('/').unwrap_or(("", relative));
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let stem = (!matches!(stem, "__init__" | "index" | "mod")).then_some(stem);
    folder.split('/').filter(|segment| !segment.is_empty()).chain(stem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_of_writing_a_path_gives_its_segments() {
        let check = |text: &str, expected: &[&str]| assert_eq!(path_segments(text), expected, "{text}");
        check("/app/src/x.py", &["app", "src", "x.py"]);
        check("./x.py", &["x.py"]);
        check("../shared/x.py", &["shared", "x.py"]);
        check("C:\\work\\shop\\x.py", &["work", "shop", "x.py"]);
        check("app:///x.js", &["x.js"]);
        check("app:///static/js/main.js?v=3", &["static", "js", "main.js"]);
        check("webpack:///./src/x.ts", &["src", "x.ts"]);
        check("webpack://shop/./src/x.ts?a1b2", &["src", "x.ts"]);
        check("webpack-internal:///(rsc)/./src/x.tsx", &["(rsc)", "src", "x.tsx"]);
        check("https://shop.example/static/x.js", &["static", "x.js"]);
        check("file:///srv/app/x.mjs", &["srv", "app", "x.mjs"]);
        check("~/static/x.js", &["static", "x.js"]);
        check("/app/a/../b/x.py", &["app", "b", "x.py"]);
        check("<string>", &[]);
        check("[native code]", &[]);
        check("", &[]);
    }

    #[test]
    fn code_of_runtimes_and_packages_is_known() {
        for text in [
            "/usr/local/lib/python3.12/json/decoder.py",
            "/app/.venv/lib/python3.12/site-packages/fastapi/routing.py",
            "/srv/node_modules/express/lib/router.js",
            "C:\\Python312\\Lib\\site-packages\\starlette\\routing.py",
            "webpack:///./node_modules/react-dom/index.js",
            "/home/ann/go/pkg/mod/github.com/x/y@v1/z.go",
            "/usr/local/bundle/gems/rack-3.0/lib/rack.rb",
            "<frozen importlib._bootstrap>",
            "node:internal/process/task_queues",
        ] {
            assert!(is_library(text), "{text}");
        }
        for text in ["/app/shop/labels.py", "src/library/x.ts", "webpack:///./src/x.ts", "lib/x.rb"] {
            assert!(!is_library(text), "{text}");
        }
    }

    #[test]
    fn modules_are_read_in_every_language() {
        let check = |text: &str, expected: &[&str]| assert_eq!(module_segments(text), expected, "{text}");
        check("shop.labels", &["shop", "labels"]);
        check("com.acme.shop.Labels$Inner", &["com", "acme", "shop", "Labels"]);
        check("src/labels", &["src", "labels"]);
        let file = |relative: &'static str| modules_of(relative).collect::<Vec<_>>();
        assert_eq!(file("shop/labels.py"), ["shop", "labels"]);
        assert_eq!(file("shop/__init__.py"), ["shop"]);
        assert_eq!(file("web/index.ts"), ["web"]);
    }
}
