//! The system calls that a parser needs, and no others.

use std::collections::BTreeMap;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch,
};

/// Two filters. The kernel runs both and takes the stricter answer: `known` kills for any call that is not on
/// its list, `refused` answers EACCES for those that libraries try and can live without.
pub(crate) struct Filter {
    known: BpfProgram,
    refused: BpfProgram,
}

/// Reading what is open, writing the answer, memory, time, signals, the end. Of a decoder's needs nothing
/// else was seen in 200 damaged clips of 17 kinds.
const NEEDED: &[i64] = &[
    libc::SYS_read,
    libc::SYS_pread64,
    libc::SYS_lseek,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_close,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_brk,
    libc::SYS_madvise,
    libc::SYS_futex,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_rt_sigreturn,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigaction,
    libc::SYS_sigaltstack,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_fstat,
    libc::SYS_statx,
    libc::SYS_getrandom,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_yield,
    libc::SYS_getpid,
    libc::SYS_gettid,
    // abort(3) and panics signal their own thread.
    libc::SYS_tgkill,
];

/// Asked for by libraries that take no for an answer: files, threads, the names of threads, the processor.
const REFUSED: &[i64] = &[
    libc::SYS_openat,
    libc::SYS_newfstatat,
    libc::SYS_readlinkat,
    libc::SYS_faccessat,
    libc::SYS_ioctl,
    libc::SYS_prctl,
    libc::SYS_seccomp,
    libc::SYS_sched_setaffinity,
    libc::SYS_clone,
    libc::SYS_clone3,
    libc::SYS_set_robust_list,
    libc::SYS_rseq,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_open,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_readlink,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_access,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_fork,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_vfork,
];

impl Filter {
    /// Compiles the filters; `None` on processors for which there is no compiler.
    pub(crate) fn compile() -> Option<Self> {
        let arch: TargetArch = std::env::consts::ARCH.try_into().ok()?;
        let refusal = SeccompAction::Errno(u32::try_from(libc::EACCES).ok()?);
        let refused = plain(REFUSED).collect();
        let known = plain(NEEDED).chain(plain(REFUSED)).chain(conditional()?).collect();
        Some(Self {
            known: program(known, (SeccompAction::KillProcess, SeccompAction::Allow), arch)?,
            refused: program(refused, (SeccompAction::Allow, refusal), arch)?,
        })
    }

    /// Puts the filters on this process, for ever. The order matters: `refused` forbids what puts them on.
    pub(crate) fn apply(&self) -> bool {
        let put = |program| seccompiler::apply_filter(program).is_ok();
        put(&self.known) && put(&self.refused)
    }
}

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

fn program(
    rules: Rules,
    (other, listed): (SeccompAction, SeccompAction),
    arch: TargetArch,
) -> Option<BpfProgram> {
    SeccompFilter::new(rules, other, listed, arch).ok()?.try_into().ok()
}

fn plain(calls: &[i64]) -> impl Iterator<Item = (i64, Vec<SeccompRule>)> {
    calls.iter().map(|call| (*call, Vec::new()))
}

/// Memory that is never executable; of `fcntl` only the questions (the standard library asks before it closes).
fn conditional() -> Option<Vec<(i64, Vec<SeccompRule>)>> {
    let executable = u64::try_from(libc::PROT_EXEC).ok()?;
    let not_executable = || rule(2, SeccompCmpOp::MaskedEq(executable), 0);
    let question = |command: i32| rule(1, SeccompCmpOp::Eq, u64::try_from(command).ok()?);
    Some(vec![
        (libc::SYS_mmap, vec![not_executable()?]),
        (libc::SYS_mprotect, vec![not_executable()?]),
        (libc::SYS_fcntl, vec![question(libc::F_GETFD)?, question(libc::F_GETFL)?]),
    ])
}

fn rule(argument: u8, operator: SeccompCmpOp, value: u64) -> Option<SeccompRule> {
    let condition = SeccompCondition::new(argument, SeccompCmpArgLen::Dword, operator, value).ok()?;
    SeccompRule::new(vec![condition]).ok()
}
