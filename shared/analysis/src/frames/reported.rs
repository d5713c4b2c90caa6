//! Reads the many ways in which SDKs write the path and the module of a frame.

use crate::snapshot::is_vendored_folder;

/// Folders, as the ends or middles of paths, where runtimes and package managers keep their code.
const LIBRARY_FOLDERS: &str = "\
    /usr/local/go/src/ /go/pkg/mod/ /.cargo/registry/ /.cargo/git/ /rustc/ /lib/python2. \
    /lib/python3. /lib/ruby/ /bundle/ruby/ /bundle/gems/ /.rvm/gems/ /.m2/repository/ /.pnpm/ \
    /webpack/runtime/";

/// Whether the path is of other people's code, wherever it is installed. Such a frame never maps,
/// even where the repository has a file of the same name.
pub(super) fn is_library(text: &str) -> bool {
    let path = text.replace('\\', "/");
    // A virtual environment may be in the project's folder, so folder names count wherever they stand.
    LIBRARY_FOLDERS.split_ascii_whitespace().any(|folder| path.contains(folder))
        || path.split('/').rev().skip(1).any(is_vendored_folder)
        || path.starts_with("node:")
        || path.starts_with("<frozen ")
}

/// Segments of a library's path inside of where packages are installed: `shop/labels.py` of
/// `…/site-packages/shop/labels.py`, `lib/labels.rb` of `…/gems/shop-1.2/lib/labels.rb`. `None` for the code of a
/// language itself.
pub(super) fn inside_package(text: &str) -> Option<Vec<String>> {
    let segments = path_segments(text);
    let behind =
        |at: usize| segments.get(at + 1..).filter(|inside| !inside.is_empty()).map(<[String]>::to_vec);
    let last = |is: &dyn Fn(&str) -> bool| segments.iter().rposition(|segment| is(segment));
    if let Some(at) = last(&|segment| matches!(segment, "site-packages" | "dist-packages" | "node_modules")) {
        return behind(at);
    }
    // Behind the folder that names gem or module and version.
    if let Some(at) = last(&|segment| segment == "gems") {
        return behind(at + 1);
    }
    if text.contains("/pkg/mod/") {
        return behind(last(&|segment| segment.contains('@'))?);
    }
    behind(last(&|segment| is_vendored_folder(segment))?)
        .filter(|inside| inside[0] != "lib" && inside[0] != "Lib")
}

/// Segments of a reported path, outermost first, without scheme, host, query, drive letter and dots.
/// Empty for code that is in no file, such as `<string>` or `[native code]`.
pub(super) fn path_segments(text: &str) -> Vec<String> {
    let text = text.trim().replace('\\', "/");
    // Windows writes long paths as `\\?\C:\…`.
    let text = text.strip_prefix("//?/").unwrap_or(&text);
    let text = without_layer(text.split('?').next().unwrap_or_default());
    // Next.js and Turbopack have folders like `[slug]` and `[project]`; `[native code]` is none.
    let is_bare_word = text.starts_with('[') && !text.contains(['/', '.']);
    if text.starts_with('<') || is_bare_word {
        return Vec::new();
    }
    // `app:///x.js`, `webpack://shop/./x.ts`, `https://host/x.js?v=2`, and one inside of the other:
    // `rsc://React/Server/file:///srv/x.js`. Up to the first slash it is a host, or the name of a bundle.
    let path = match text.rsplit_once("://") {
        Some((_, rest)) => {
            let path = rest.split_once('/').map_or(rest, |(_, path)| path);
            path.split('#').next().unwrap_or_default()
        }
        None => text,
    };
    let mut segments: Vec<String> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." | "~" | "[project]" => {}
            ".." => drop(segments.pop()),
            drive if drive.len() == 2 && drive.ends_with(':') => {}
            _ => segments.push(segment.to_owned()),
        }
    }
    segments
}

/// Without what Turbopack writes behind a file's name: `page.tsx [app-rsc] (ecmascript)`.
fn without_layer(text: &str) -> &str {
    if !text.ends_with([']', ')', '>']) {
        return text;
    }
    let is_file = |before: &str| {
        let extension = before.rsplit_once('.').map_or("", |(_, extension)| extension);
        (1..=5).contains(&extension.len()) && extension.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    let layers = text.match_indices(' ').map(|(at, _)| text.split_at(at));
    layers
        .filter(|(_, behind)| behind[1..].starts_with(['[', '(', '<']))
        .find(|(before, _)| is_file(before))
        .map_or(text, |(before, _)| before)
}

/// The text with `%5Bslug%5D` as `[slug]`; `None` if nothing is encoded, or not as UTF-8.
pub(super) fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((plain, encoded)) = rest.split_once('%') {
        bytes.extend_from_slice(plain.as_bytes());
        let (digits, behind) = encoded.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = behind;
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8(bytes).ok().filter(|decoded| decoded != text)
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
        check("\\\\?\\C:\\shop\\x.py", &["shop", "x.py"]);
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
        check("[eval]", &[]);
        check("[native]", &[]);
        // Bundlers' and routers' brackets.
        check("[project]/apps/web/app/[slug]/page.tsx", &["apps", "web", "app", "[slug]", "page.tsx"]);
        check("[project]/app/page.tsx [app-rsc] (ecmascript)", &["app", "page.tsx"]);
        check("[project]/app/page.tsx [client] (ecmascript, next/dynamic entry)", &["app", "page.tsx"]);
        check("turbopack:///[project]/app/(shop)/[...all]/x.ts", &["app", "(shop)", "[...all]", "x.ts"]);
        check("turbopack://[project]/app/x.ts", &["app", "x.ts"]);
        check("[slug]/page.tsx", &["[slug]", "page.tsx"]);
        check("[slug].tsx", &["[slug].tsx"]);
        check("/srv/shop (old)/x.py", &["srv", "shop (old)", "x.py"]);
        check("./src/x.vue?vue&type=script", &["src", "x.vue"]);
        check("rsc://React/Server/webpack-internal:///(rsc)/./app/x.tsx?25", &["(rsc)", "app", "x.tsx"]);
        check("webpack://shop/./x.ts?from=https://a/b", &["x.ts"]);
        check("", &[]);
    }

    #[test]
    fn the_path_inside_of_an_installed_package_is_known() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(inside_package(text).map(|inside| inside.join("/")).as_deref(), expected, "{text}");
        };
        check("/usr/local/lib/python3.12/site-packages/shop/labels.py", Some("shop/labels.py"));
        check("/usr/lib/python3/dist-packages/shop/labels.py", Some("shop/labels.py"));
        check("/app/.venv/lib/python3.12/site-packages/shop/labels.py", Some("shop/labels.py"));
        check("/opt/venv/shop/labels.py", Some("shop/labels.py"));
        check("/srv/node_modules/@acme/labels/src/x.ts", Some("@acme/labels/src/x.ts"));
        check("/usr/local/bundle/gems/shop-1.2.0/lib/shop/x.rb", Some("lib/shop/x.rb"));
        check("/go/pkg/mod/github.com/acme/shop@v1.2.0/labels/x.go", Some("labels/x.go"));
        check("/usr/local/lib/python3.12/json/decoder.py", None);
        check("/app/.venv/lib/python3.12/json/decoder.py", None);
        check("/usr/local/go/src/net/http/server.go", None);
        check("/app/node_modules", None);
    }

    #[test]
    fn an_encoded_path_is_decoded() {
        assert_eq!(decoded("app/%5Bslug%5D/p%C3%A4ge.tsx").as_deref(), Some("app/[slug]/päge.tsx"));
        for text in ["app/[slug]/page.tsx", "100%", "a%zz", "%ff", "%5", "%é5"] {
            assert_eq!(decoded(text), None, "{text}");
        }
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
