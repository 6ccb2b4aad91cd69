//! The walls: what a parser that was taken over by a clip can still do, which is next to nothing (P4).
//!
//! Two rings. The server stands behind the outer one, once: no new privileges, no core dumps or tracing,
//! namespaces of its own, no capabilities, Landlock without one rule. Each child adds the inner one before it
//! touches a media byte: resource limits and a system call filter. Every wall is put up as far as the kernel
//! has it, and the names of those that stand are reported; a wall that is missing is not kept secret.

use std::io;

use landlock::{ABI, Access as _, AccessFs, AccessNet, Ruleset, RulesetAttr as _, RulesetStatus, Scope};
use rustix::process::{
    DumpableBehavior, Pid, Resource, Rlimit, Signal, getpid, getppid, set_dumpable_behavior,
    set_parent_process_death_signal, setrlimit,
};
use rustix::thread::{CapabilitySet, CapabilitySets, UnshareFlags, set_capabilities, set_no_new_privs};

use crate::filter::Filter;

/// What the outer ring leaves for the inner one.
pub(crate) struct Outer {
    /// Names of the walls that stand.
    pub(crate) walls: Vec<String>,
    filter: Option<Filter>,
    mapped_bytes: u64,
    server: Pid,
}

/// What one child may use.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Allowance {
    /// Memory on top of what the server maps.
    pub(crate) memory_bytes: u64,
    /// Processor seconds.
    pub(crate) processor_s: u64,
}

/// Puts up the outer ring around this process and all its children.
///
/// # Errors
/// As reading `/proc/self/status`, which must happen before the file system is out of reach.
pub(crate) fn outer() -> io::Result<Outer> {
    let mapped_bytes = mapped_bytes()?;
    let mut walls = Vec::new();
    let mut note = |name: &str, stands: bool| {
        if stands {
            walls.push(name.to_owned());
        }
    };
    note("no_new_privs", set_no_new_privs(true).is_ok());
    note("not_dumpable", set_dumpable_behavior(DumpableBehavior::NotDumpable).is_ok());
    note("namespaces", leave_namespaces().is_ok());
    note("no_capabilities", drop_capabilities().is_ok());
    match landlock() {
        Some(RulesetStatus::FullyEnforced) => note("landlock", true),
        Some(RulesetStatus::PartiallyEnforced) => note("landlock_in_part", true),
        Some(RulesetStatus::NotEnforced) | None => {}
    }
    Ok(Outer { walls, filter: Filter::compile(), mapped_bytes, server: getpid() })
}

impl Outer {
    /// Makes the server's death this child's; `false` when it is dead already.
    pub(crate) fn bind_to_server(&self) -> bool {
        set_parent_process_death_signal(Some(Signal::KILL)).is_ok() && getppid() == Some(self.server)
    }

    /// Puts up the inner ring around this child; answers which walls stand.
    pub(crate) fn inner(&self, allowance: Allowance) -> Vec<String> {
        let limited = self.limit(allowance).is_ok();
        let filtered = self.filter.as_ref().is_some_and(Filter::apply);
        let walls = [("rlimits", limited), ("seccomp", filtered)];
        walls.iter().filter(|(_, stands)| *stands).map(|(name, _)| (*name).to_owned()).collect()
    }

    fn limit(&self, allowance: Allowance) -> rustix::io::Result<()> {
        let memory = self.mapped_bytes.saturating_add(allowance.memory_bytes);
        limit(Resource::As, memory)?;
        limit(Resource::Cpu, allowance.processor_s)?;
        // No new descriptor, no file, no process, no core, no locked memory, no queue.
        for resource in [
            Resource::Nofile,
            Resource::Fsize,
            Resource::Nproc,
            Resource::Core,
            Resource::Memlock,
            Resource::Msgqueue,
        ] {
            limit(resource, 0)?;
        }
        Ok(())
    }
}

fn limit(resource: Resource, value: u64) -> rustix::io::Result<()> {
    setrlimit(resource, Rlimit { current: Some(value), maximum: Some(value) })
}

/// The address space of this process: libav and its 136 libraries.
fn mapped_bytes() -> io::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let kib = status
        .lines()
        .find_map(|line| line.strip_prefix("VmSize:"))
        .and_then(|text| text.trim().strip_suffix("kB"))
        .and_then(|text| text.trim().parse::<u64>().ok())
        .ok_or_else(|| io::Error::other("/proc/self/status has no VmSize"))?;
    Ok(kib << 10)
}

/// Own namespaces for network, IPC and host name; where the kernel lets anybody, users too. None for mounts: it
/// would hide nothing, Landlock does that, and where mounts are private it would keep every disk busy that was
/// mounted when this started, long after a person unmounted it.
#[expect(unsafe_code, reason = "unshare(2) has no safe form")]
fn leave_namespaces() -> rustix::io::Result<()> {
    let others = UnshareFlags::NEWNET | UnshareFlags::NEWIPC | UnshareFlags::NEWUTS;
    // SAFETY: unsharing is unsafe because threads could see different descriptor tables (`FILES`). That flag
    // is not among these, and there is one thread.
    unsafe {
        rustix::thread::unshare_unsafe(UnshareFlags::NEWUSER | others)
            .or_else(|_| rustix::thread::unshare_unsafe(others))
    }
}

fn drop_capabilities() -> rustix::io::Result<()> {
    let none = CapabilitySet::empty();
    set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none })
}

/// Landlock that handles every access and allows none.
fn landlock() -> Option<RulesetStatus> {
    let restricted = Ruleset::default()
        .handle_access(AccessFs::from_all(ABI::V6))
        .and_then(|rules| rules.handle_access(AccessNet::from_all(ABI::V6)))
        .and_then(|rules| rules.scope(Scope::from_all(ABI::V6)))
        .and_then(Ruleset::create)
        .and_then(landlock::RulesetCreated::restrict_self);
    restricted.ok().map(|status| status.ruleset)
}
