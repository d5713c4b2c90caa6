//! Lists of words, and enums whose variants have one text form, used in JSON, in the table and in what people read.
//! The text stands once, beside its variant, so that no two matches have to be kept in sync.

/// Declares an enum of words: `as_str`, `ALL`, `Display`, `FromStr` and serde all use the same list. `with meanings`, doc
/// comments can be read as well.
#[macro_export]
macro_rules! word_enum {
    ($(#[$meta:meta])* pub enum $name:ident with meanings { $($(#[doc = $meaning:literal])+ $variant:ident = $word:literal,)+ }) => {
        $crate::words::word_enum! { $(#[$meta])* pub enum $name { $($(#[doc = $meaning])+ $variant = $word,)+ } }

        impl $name {
            /// What it means: a sentence, the variant's doc comment.
            pub const fn meaning(self) -> &'static str {
                match self { $($name::$variant => concat!($($meaning),+).trim_ascii_start()),+ }
            }
        }
    };
    ($(#[$meta:meta])* pub enum $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal $(| $old:literal)*,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, ::serde::Serialize, ::serde::Deserialize)]
        pub enum $name { $($(#[$doc])* #[serde(rename = $word $(, alias = $old)*)] $variant,)+ }

        impl $name {
            /// Every variant, in the order of declaration.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];

            /// The word that stands for this variant everywhere.
            pub const fn as_str(self) -> &'static str {
                match self { $($name::$variant => $word),+ }
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl ::std::str::FromStr for $name {
            type Err = $crate::words::UnknownWord;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($word $(| $old)* => Ok($name::$variant),)+
                    _ => Err($crate::words::UnknownWord),
                }
            }
        }
    };
}
pub use crate::word_enum;

/// A list of words that reads like text: `word_list![get post put]`.
#[macro_export]
macro_rules! word_list {
    ($($word:tt)+) => { &[$(stringify!($word)),+] };
}
pub use crate::word_list;

/// The text is none of the words of the enum it was read as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown word")]
pub struct UnknownWord;
