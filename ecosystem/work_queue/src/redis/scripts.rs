//! The scripts. Each is atomic, so a job is always in exactly one place.

use redis::{Script, ScriptInvocation};

use super::Keys;

macro_rules! script {
    ($name:literal) => {
        Script::new(concat!(
            include_str!("scripts/prelude.lua"),
            include_str!(concat!("scripts/", $name, ".lua"))
        ))
    };
}

pub(crate) struct Scripts {
    pub add: Script,
    pub done: Script,
    pub again: Script,
    pub dead: Script,
    pub give_back: Script,
    pub promote: Script,
    pub heartbeat: Script,
    pub claim: Script,
    pub leave: Script,
    pub status: Script,
    pub select_dead: Script,
    pub clear_dead: Script,
}

impl Scripts {
    pub fn new() -> Scripts {
        Scripts {
            add: script!("add"),
            done: script!("done"),
            again: script!("again"),
            dead: script!("dead"),
            give_back: script!("give_back"),
            promote: script!("promote"),
            heartbeat: script!("heartbeat"),
            claim: script!("claim"),
            leave: script!("leave"),
            status: script!("status"),
            select_dead: script!("select_dead"),
            clear_dead: script!("clear_dead"),
        }
    }
}

/// Prepares a call of a script with the queue's keys. Every script receives all four keys.
pub(crate) fn on<'a>(script: &'a Script, keys: &Keys) -> ScriptInvocation<'a> {
    let mut call = script.prepare_invoke();
    for key in [&keys.jobs, &keys.later, &keys.dead, &keys.workers] {
        call.key(key);
    }
    call
}
