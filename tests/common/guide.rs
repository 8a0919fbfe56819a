//! The examples of the guide (`runtime/guide/`), run as the documentation tests of this library: its package has the crates that
//! they need, which the library's own package doesn't.

macro_rules! pages {
    ($($(#[$cfg:meta])* $page:ident: $text:literal;)+) => {
        $($(#[$cfg])* #[doc = include_str!($text)] mod $page {})+
    };
}

pages! {
    channels: "../../runtime/guide/channels.md";
    #[cfg(feature = "unblock")]
    embedding: "../../runtime/guide/embedding.md";
    #[cfg(feature = "unblock")]
    files: "../../runtime/guide/files.md";
    from_asyncio: "../../runtime/guide/from_asyncio.md";
    from_smol: "../../runtime/guide/from_smol.md";
    from_tokio: "../../runtime/guide/from_tokio.md";
    platforms: "../../runtime/guide/platforms.md";
    #[cfg(feature = "signal")]
    servers: "../../runtime/guide/servers.md";
    start: "../../runtime/guide/start.md";
    streams: "../../runtime/guide/streams.md";
    tasks: "../../runtime/guide/tasks.md";
    testing: "../../runtime/guide/testing.md";
    #[cfg(feature = "unblock")]
    threads: "../../runtime/guide/threads.md";
    waiting: "../../runtime/guide/waiting.md";
}
