//! The registry of codes.
//!
//! SG0xx syntax, 1xx schema, 2xx rules, 3xx resolving and templates, 4xx what a target cannot express, 5xx plan,
//! 6xx apply, 7xx import. A code is never given to another meaning.

use super::Severity;

/// Whether a finding's level can be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Without mending it, no right output exists.
    Hard,
    /// A judgement: `[lints]` can allow it, warn or deny.
    Lint,
}

/// A kind of finding.
#[derive(Debug, PartialEq, Eq)]
pub struct Code {
    /// The stable identifier, `SG` and three digits.
    pub id: &'static str,
    /// The name in `[lints]` and on the command line.
    pub name: &'static str,
    /// Whether its level can be changed.
    pub kind: Kind,
    /// Its level unless changed.
    pub severity: Severity,
    /// Whether its findings stand in a text, where a comment can allow them.
    pub has_place: bool,
    /// What it means, in a sentence.
    pub summary: &'static str,
    /// Its page in docs/codes: what it means, why it matters, an example, how to mend and how to allow it.
    pub page: &'static str,
}

impl Code {
    /// How to change its level, in Markdown: the last section of its page.
    pub fn allowance(&self) -> String {
        let Self { name, kind, severity, has_place, .. } = self;
        match (kind, severity) {
            (Kind::Hard, Severity::Error) => {
                "It is always an error: without mending it, no right output exists.\n".to_owned()
            }
            (Kind::Hard, _) => format!("It is always a {}.\n", severity.word()),
            (Kind::Lint, _) => {
                let level = match severity {
                    Severity::Error => "deny",
                    Severity::Warning => "warn",
                    Severity::Note => "note",
                };
                let mut text = format!(
                    "Its level is `{level}`. For one run: `-A {name}`. Everywhere, in the config:\n\n```toml\n[lints]\n{name} = \"allow\"\n```\n"
                );
                if *has_place {
                    text +=
                        &format!("\nOn one line of TOML or YAML, with a comment there: `# swarmgen: allow({name})`\n");
                }
                text
            }
        }
    }
}

const fn hard(id: &'static str, name: &'static str, summary: &'static str, page: &'static str) -> Code {
    Code { id, name, kind: Kind::Hard, severity: Severity::Error, has_place: true, summary, page }
}

const fn told(id: &'static str, name: &'static str, summary: &'static str, page: &'static str) -> Code {
    Code { id, name, kind: Kind::Hard, severity: Severity::Note, summary, page, has_place: true }
}

const fn warn(id: &'static str, name: &'static str, summary: &'static str, page: &'static str) -> Code {
    Code { id, name, kind: Kind::Lint, severity: Severity::Warning, has_place: true, summary, page }
}

const fn deny(id: &'static str, name: &'static str, summary: &'static str, page: &'static str) -> Code {
    Code { id, name, kind: Kind::Lint, severity: Severity::Error, has_place: true, summary, page }
}

const fn note(id: &'static str, name: &'static str, summary: &'static str, page: &'static str) -> Code {
    Code { id, name, kind: Kind::Lint, severity: Severity::Note, has_place: true, summary, page }
}

/// A lint about what stands in no text.
const fn warn_of_run(id: &'static str, name: &'static str, summary: &'static str, page: &'static str) -> Code {
    Code { has_place: false, ..warn(id, name, summary, page) }
}

macro_rules! codes {
    ($($constant:ident = $make:ident($id:literal, $name:literal, $summary:literal);)*) => {
        $(#[doc = $summary] pub static $constant: Code = $make($id, $name, $summary, include_str!(concat!("../../docs/codes/", $id, ".md")));)*
        /// Every code, sorted by its identifier.
        pub static ALL: &[&Code] = &[$(&$constant),*];
    };
}

codes! {
    UNREADABLE = hard("SG001", "unreadable", "A file that is needed cannot be read.");
    NOT_UTF8 = hard("SG002", "not-utf8", "A text is not UTF-8.");
    TOO_LARGE = hard("SG003", "too-large", "A config document is over 16 MiB.");
    EMPTY_DOCUMENT = hard("SG004", "empty-document", "A document holds nothing.");
    SYNTAX = hard("SG005", "syntax", "A text breaks the grammar of its syntax.");
    DUPLICATE_KEY = hard("SG006", "duplicate-key", "A table says the same key twice.");
    TOO_DEEP = hard("SG007", "too-deep", "A document is nested deeper than 64 levels.");
    TOO_MANY_VALUES = hard("SG008", "too-many-values", "A document holds too many values once its aliases are expanded.");
    NUMBER_OUT_OF_RANGE = hard("SG009", "number-out-of-range", "A number fits no 64-bit integer and no finite float.");
    UNSUPPORTED_SYNTAX = hard("SG010", "unsupported-syntax", "A document uses what the config language has no use for.");
    UNKNOWN_FORMAT = hard("SG011", "unknown-format", "A file's extension is none of those that can be read.");
    NO_CONFIG = hard("SG012", "no-config", "No config was given and none was found.");

    UNKNOWN_KEY = hard("SG101", "unknown-key", "A key is not part of the config language.");
    WRONG_TYPE = hard("SG102", "wrong-type", "A value has another type than its key takes.");
    NOT_ONE_OF = hard("SG103", "not-one-of", "A value is none of those that its key takes.");
    OUT_OF_RANGE = hard("SG104", "out-of-range", "A number or a length is outside what its key takes.");
    MISSING_KEY = hard("SG105", "missing-key", "A table lacks a key that it needs.");
    BAD_FORMAT = hard("SG106", "bad-format", "A string does not have the form that its key takes.");
    NOT_IN_SWARM = hard("SG107", "not-in-swarm", "A key names what Docker Swarm has no notion of.");
    CONFLICTING_KEYS = hard("SG108", "conflicting-keys", "Two keys say the same thing, or exclude each other.");

    DUPLICATE_PROFILE = hard("SG201", "duplicate-profile", "Two profiles have the same name.");
    FLOATING_TAG = warn("SG202", "floating-tag", "An image reference names no fixed version.");
    SHARED_VOLUME = warn("SG203", "shared-volume", "Every user would mount the same named volume read-write.");
    BAD_IMAGE = hard("SG204", "bad-image", "An image reference is not one that the engine takes.");
    BAD_MOUNT_TARGET = hard("SG205", "bad-mount-target", "A mount's target is no absolute path inside the container.");
    DUPLICATE_TARGET = hard("SG206", "duplicate-target", "Two mounts, configs or secrets have the same target.");
    BAD_MOUNT_SOURCE = hard("SG207", "bad-mount-source", "A mount's source is not one that its type takes.");
    MOUNT_OPTION = hard("SG208", "mount-option", "A mount has an option that belongs to another type.");
    SSHFS_COMMAND = hard("SG209", "sshfs-command", "An sshfs volume has no usable sshcmd.");
    SSHFS_CREDENTIAL = hard("SG210", "sshfs-credential", "An sshfs volume has no credential, or more than one.");
    SSHFS_OPTION = hard("SG211", "sshfs-option", "An sshfs option would not do what it says.");
    BAD_AMOUNT = hard("SG212", "bad-amount", "An amount of CPUs, memory or time, or a file mode, cannot be what was meant.");
    BAD_PLACEMENT = hard("SG213", "bad-placement", "A placement constraint or preference does not parse.");
    BAD_SERVICE_NAME = hard("SG214", "bad-service-name", "A service's name is no DNS label of at most 63 characters.");
    BAD_NETWORK = hard("SG216", "bad-network", "A server cannot be attached to this network.");
    BAD_ENDPOINT = hard("SG217", "bad-endpoint", "Published ports and endpoint mode do not go together.");
    BAD_ENV = hard("SG218", "bad-env", "An environment variable is not one that a container can have.");
    BAD_REFERENCE = hard("SG219", "bad-reference", "A reference to a Swarm config or secret is not one that the engine takes.");
    BAD_VALUE = hard("SG220", "bad-value", "A value is not one that the engine takes.");
    HUB_NAME_TAKEN = hard("SG221", "hub-name-taken", "A server would answer to the hub's own name.");
    UNKNOWN_LINT = warn("SG222", "unknown-lint", "`[lints]` or a comment names no rule whose level can be changed.");
    UNUSED_ALLOW = warn("SG223", "unused-allow", "A comment allows what its line does not hold.");
    DOCKER_SOCKET = warn("SG224", "docker-socket", "A bind mount gives the server the engine's socket or files.");
    BIND_BY_USERNAME = warn("SG225", "bind-by-username", "A user's name or attribute decides which directory of the node is mounted.");
    NODE_LOCAL_VOLUME = note("SG226", "node-local-volume", "A volume exists on one node, and servers may start on others.");
    READ_ONLY_ANONYMOUS_VOLUME = hard("SG227", "read-only-anonymous-volume", "A volume without a name is read-only, so that nothing could be in it.");
    SHARED_SSHFS = deny("SG228", "shared-sshfs", "One name stands for the sshfs volumes of all users.");
    CONTRADICTORY_CONSTRAINTS = warn("SG230", "contradictory-constraints", "No node can fulfil two placement constraints together.");
    RESERVATION_ABOVE_LIMIT = warn("SG231", "reservation-above-limit", "More is reserved than the server may use.");
    NAME_FROM_USER = warn("SG232", "name-from-user", "A user's name or attribute decides a server's host name or alias.");
    HUB_VARIABLE = warn("SG233", "hub-variable", "The hub's value of a variable wins over the config's.");
    PLAIN_SECRET = warn("SG234", "plain-secret", "A secret stands in the config as it is.");
    LOSSY_NUMBER = warn("SG235", "lossy-number", "A number is sent as another text than the document shows.");
    UNKNOWN_ACCESS = warn("SG236", "unknown-access", "A profile's `access` names a user or a group that the config does not list.");
    UNUSED_PROFILE = warn("SG237", "unused-profile", "Nobody may use a profile.");
    RESTRICTED_DEFAULT = note("SG238", "restricted-default", "Not everybody may use the first profile.");
    NO_NETWORK = note("SG239", "no-network", "The config names a hub, and servers are on no network with it.");
    HOST_NETWORK = warn("SG240", "host-network", "A server is attached to a node's own network.");
    OPEN_NOTEBOOK = warn("SG241", "open-notebook", "Whoever reaches a server needs no token.");
    UNUSED_ATTRIBUTE = note("SG242", "unused-attribute", "No template of the config uses an attribute.");
    BAD_BOUND = hard("SG243", "bad-bound", "A bound of `user_options.allow` cannot be compared with any request.");
    BOUND_BEYOND_PROFILE = warn("SG244", "bound-beyond-profile", "A bound of `user_options.allow` does not go with what the profiles set.");
    OPEN_MOUNTS = warn("SG245", "open-mounts", "`user_options.allow` opens what leads a request to others' data or to the node.");
    OBJECT_SIZE = hard("SG246", "object-size", "A Swarm config or secret is empty, or it or a service is larger than the engine takes.");
    FOLDED_NAME = warn("SG247", "folded-name", "A username's capitals are lost in the service's name.");
    UNKNOWN_NODE_ATTRIBUTE = warn("SG248", "unknown-node-attribute", "A constraint or a preference names what no node has.");
    UNIT_SLIP = warn("SG249", "unit-slip", "An amount is almost surely one of another unit.");
    NOT_A_KEY = deny("SG250", "not-a-key", "An sshfs volume's `id_rsa` is no private key that can be used.");
    HOST_KEYS_UNCHECKED = note("SG251", "host-keys-unchecked", "The sshfs plugin checks no host keys.");
    HEALTH_TEST = warn("SG252", "health-test", "A health check's test is not one that the engine runs as it is written.");
    TARGET_CLASH = warn("SG253", "target-clash", "A mount, a config or a secret has the path of another.");
    NOT_PER_USER = deny("SG254", "not-per-user", "What only one user's server can have is the same for several.");
    SHARED_ALIAS = warn("SG255", "shared-alias", "Several users' servers have one alias or host name on a network.");
    VOLUME_LABELS = warn("SG256", "volume-labels", "Volumes of one name have different labels.");

    UNKNOWN_PLACEHOLDER = hard("SG301", "unknown-placeholder", "A template names no built-in and no declared attribute.");
    MISSING_ATTRIBUTE = hard("SG302", "missing-attribute", "A template needs an attribute that the user lacks.");
    ATTRIBUTE_CYCLE = hard("SG303", "attribute-cycle", "Attributes refer to each other in a circle.");
    OPTION_OUT_OF_BOUNDS = hard("SG304", "option-out-of-bounds", "A request asks for more than `user_options.allow` grants.");
    OPTION_NOT_ALLOWED = hard("SG305", "option-not-allowed", "A request sets what `user_options.allow` does not list.");
    NO_PROFILE = hard("SG306", "no-profile", "There is no profile that the user may use.");
    ACCESS_DENIED = hard("SG307", "access-denied", "The user may not use the profile asked for.");
    UNKNOWN_PROFILE = hard("SG308", "unknown-profile", "No profile has the name asked for.");
    UNKNOWN_USER = warn_of_run("SG309", "unknown-user", "The config's users do not include this one.");
    RESERVED_ATTRIBUTE = hard("SG310", "reserved-attribute", "An attribute has the name of a built-in.");
    TEMPLATE_SYNTAX = hard("SG311", "template-syntax", "An expression does not parse.");
    TEMPLATE_FAILED = hard("SG312", "template-failed", "An expression could not be evaluated.");
    SECRET_UNREADABLE = hard("SG313", "secret-unreadable", "A secret reference leads to nothing.");
    UNSAFE_PATH = hard("SG314", "unsafe-path", "A value would lead a path out of its folder.");
    DUPLICATE_USER = hard("SG315", "duplicate-user", "A user is listed twice.");
    OWNER_CLASH = hard("SG316", "owner-clash", "Two users would have the same owner name.");
    BAD_USER = hard("SG317", "bad-user", "A user's entry cannot be read.");
    UNSET_NOTHING = warn("SG318", "unset-nothing", "`unset` names what was not set.");
    SWARM_TEMPLATE = warn("SG319", "swarm-template", "A Swarm template stands where Swarm expands none.");
    NO_HUB = hard("SG320", "no-hub", "A template names the hub and the config has none.");
    BAD_SWARM_TEMPLATE = hard("SG321", "bad-swarm-template", "A Swarm template names a field that Swarm does not have.");
    NO_USERS = hard("SG322", "no-users", "All users are asked for and the config lists none.");
    EMPTY_USERS_FILE = warn("SG323", "empty-users-file", "A users file lists nobody.");
    FORM_TEMPLATE = hard("SG324", "form-template", "The operator's template of the form failed.");

    INEXPRESSIBLE = hard("SG401", "inexpressible", "The output format cannot say this.");
    MISSING_ID = hard("SG402", "missing-id", "The id of a Swarm config or secret is not known.");
    SECRETS_IN_ARGUMENTS = hard("SG403", "secrets-in-arguments", "A command line would show secrets to every process.");
    SECRETS_SHOWN = hard("SG404", "secrets-shown", "Secrets would be written to a terminal or a pipe.");
    SECRETS_READABLE = warn_of_run("SG405", "secrets-readable", "Secrets are written to a file that others can read.");
    OUTPUT_TEMPLATE = hard("SG406", "output-template", "The operator's output template failed.");
    OUTPUT_FAILED = hard("SG407", "output-failed", "The output cannot be written.");
    VOLUME_CONFLICT = hard("SG408", "volume-conflict", "Two services, or two mounts of one, define a volume differently.");

    NO_KEY = hard("SG501", "no-key", "Swarm secrets are declared, and there is no key to name them with.");
    HUB_SERVERS = hard("SG502", "hub-servers", "A hub starts these servers, and its environment for them was not given.");
    OBJECT_TAKEN = hard("SG503", "object-taken", "The swarm has a config or secret of a declared one's name that is somebody else's.");
    CONFLICT = hard("SG504", "conflict", "A service that is wanted has the name of somebody else's.");
    STALE_PLAN = hard("SG505", "stale-plan", "A saved plan is not what would be done now.");
    MISSING_NETWORK = hard("SG510", "missing-network", "The swarm has no such network that services can be attached to.");
    MISSING_OBJECT = hard("SG511", "missing-object", "The swarm has no such config or secret.");
    MISSING_PLUGIN = warn("SG512", "missing-plugin", "No node lists a volume plugin that a server needs.");
    NO_NODE = warn("SG513", "no-node", "No node takes a server, so that it would wait for ever.");
    NODE_TOO_SMALL = warn("SG514", "node-too-small", "A server needs more than any node has that may run it.");
    IMAGE_NOT_FOUND = warn("SG515", "image-not-found", "Neither a registry nor the engine's node has an image.");
    FULL_NETWORK = warn("SG516", "full-network", "A network has not enough addresses for all servers.");
    FOREIGN_SERVICE = warn_of_run("SG517", "foreign-service", "The swarm has a service of that name that is not this deployment's.");
    UNRESOLVED_IMAGE = warn("SG518", "unresolved-image", "The digest of an image's tag is not known.");
    REGISTRY_CREDENTIALS = warn_of_run("SG519", "registry-credentials", "The docker CLI's credentials of a registry cannot be read.");
    OUTAGE = deny("SG520", "outage", "A plan would end running servers for what is not there.");
    PORT_HELD = deny("SG521", "port-held", "A port that servers publish is held by a process of a node.");

    NO_PYTHON = hard("SG701", "no-python", "No Python interpreter that reads the config can be started.");
    PYTHON_FAILED = hard("SG702", "python-failed", "A Python config fails or ends before its end.");
    PYTHON_TIMEOUT = hard("SG703", "python-timeout", "A Python config does not end.");
    PYTHON_MISSING = hard("SG704", "python-missing", "A Python config needs a variable, a file or a module that is not there.");
    PYTHON_PRINTED = told("SG705", "python-printed", "A Python config prints to standard output.");
}

/// Finds a code by its identifier or name, in any case.
pub fn find(text: &str) -> Option<&'static Code> {
    ALL.iter().copied().find(|code| code.id.eq_ignore_ascii_case(text) || code.name.eq_ignore_ascii_case(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_sorted_and_unique() {
        assert!(ALL.windows(2).all(|pair| pair[0].id < pair[1].id));
        let mut names: Vec<_> = ALL.iter().map(|code| code.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ALL.len());
    }

    #[test]
    fn names_are_kebab_case() {
        for code in ALL {
            assert!(
                code.name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'),
                "{}",
                code.name
            );
        }
    }
}
