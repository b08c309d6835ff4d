//! Names and addresses that the engine and the kernel know: of any other a task only tells once it is to start.

use std::net::IpAddr;

/// Linux's capabilities, without their prefix (capabilities(7)).
const CAPABILITIES: &[&str] = &[
    "AUDIT_CONTROL",
    "AUDIT_READ",
    "AUDIT_WRITE",
    "BLOCK_SUSPEND",
    "BPF",
    "CHECKPOINT_RESTORE",
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "IPC_LOCK",
    "IPC_OWNER",
    "KILL",
    "LEASE",
    "LINUX_IMMUTABLE",
    "MAC_ADMIN",
    "MAC_OVERRIDE",
    "MKNOD",
    "NET_ADMIN",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_RAW",
    "PERFMON",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_CHROOT",
    "SYS_MODULE",
    "SYS_NICE",
    "SYS_PACCT",
    "SYS_PTRACE",
    "SYS_RAWIO",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "SYSLOG",
    "WAKE_ALARM",
];

/// Signals without their prefix, as the engine knows them (moby's `sys/signal`).
const SIGNALS: &[&str] = &[
    "ABRT", "ALRM", "BUS", "CHLD", "CLD", "CONT", "FPE", "HUP", "ILL", "INT", "IO", "IOT", "KILL", "PIPE", "POLL",
    "PROF", "PWR", "QUIT", "RTMAX", "RTMIN", "SEGV", "STKFLT", "STOP", "SYS", "TERM", "TRAP", "TSTP", "TTIN", "TTOU",
    "URG", "USR1", "USR2", "VTALRM", "WINCH", "XCPU", "XFSZ",
];

/// Resource limits (docker/go-units).
pub const ULIMITS: &[&str] = &[
    "core",
    "cpu",
    "data",
    "fsize",
    "locks",
    "memlock",
    "msgqueue",
    "nice",
    "nofile",
    "nproc",
    "rss",
    "rtprio",
    "rttime",
    "sigpending",
    "stack",
];

/// Finds the capability that a name was meant for, in the engine's form: upper case, with its prefix.
///
/// # Errors
///
/// The capability whose name is nearest, if one is near.
pub fn capability(name: &str) -> Result<String, Option<String>> {
    let upper = name.to_ascii_uppercase();
    let short = upper.strip_prefix("CAP_").unwrap_or(&upper);
    if upper == "ALL" {
        Ok(upper)
    } else if CAPABILITIES.contains(&short) {
        Ok(format!("CAP_{short}"))
    } else {
        Err(crate::diag::closest(short, CAPABILITIES.iter().copied()).map(|near| format!("CAP_{near}")))
    }
}

/// Tells whether a signal's name or number is one that the engine takes.
pub fn is_signal(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    let short = upper.strip_prefix("SIG").unwrap_or(&upper);
    let offset = |prefix, most| {
        let offset = short.strip_prefix(prefix).and_then(|offset: &str| offset.parse::<u8>().ok());
        offset.is_some_and(|offset| (1..=most).contains(&offset))
    };
    name.parse::<u8>().is_ok_and(|number| (1..=64).contains(&number))
        || SIGNALS.contains(&short)
        || offset("RTMIN+", 15)
        || offset("RTMAX-", 14)
}

/// Tells whether a host can have an address: an IP address, or `host-gateway` for the node's own.
pub fn is_host_address(address: &str) -> bool {
    address == "host-gateway" || address.parse::<IpAddr>().is_ok()
}

/// Tells whether a text is an IP address, without a port.
pub fn is_address(address: &str) -> bool {
    // A link-local one may name an interface.
    let plain = address.split_once('%').filter(|(plain, zone)| plain.contains(':') && !zone.is_empty());
    plain.map_or(address, |(plain, _)| plain).parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capabilities_are_known_in_any_form() {
        for name in ["sys_ptrace", "SYS_PTRACE", "cap_sys_ptrace", "CAP_SYS_PTRACE"] {
            assert_eq!(capability(name).unwrap(), "CAP_SYS_PTRACE");
        }
        assert_eq!(capability("all").unwrap(), "ALL");
        assert_eq!(capability("SYS_PTRAC"), Err(Some("CAP_SYS_PTRACE".to_owned())));
        assert_eq!(capability("everything"), Err(None));
        assert_eq!(capability(""), Err(None));
    }

    #[test]
    fn signals_are_known_by_name_and_number() {
        for name in ["SIGTERM", "TERM", "sigint", "15", "64", "SIGRTMIN+3", "RTMAX-14", "SIGRTMAX"] {
            assert!(is_signal(name), "{name}");
        }
        for name in ["", "SIG", "SIGNAL", "0", "65", "-1", "SIGRTMIN+16", "RTMAX-0", "RTMIN+"] {
            assert!(!is_signal(name), "{name}");
        }
    }

    #[test]
    fn addresses_have_no_port_and_no_name() {
        assert!(is_address("fe80::1%eth0") && !is_address("10.0.0.1%eth0") && !is_address("fe80::1%"));
        for address in ["10.0.0.1", "::1", "2001:db8::53"] {
            assert!(is_address(address) && is_host_address(address), "{address}");
        }
        assert!(is_host_address("host-gateway") && !is_address("host-gateway"));
        for address in ["", "10.0.0", "10.0.0.1:53", "dns.example.org", "10.0.0.1/24", "[::1]"] {
            assert!(!is_address(address) && !is_host_address(address), "{address}");
        }
    }
}
