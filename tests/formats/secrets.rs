//! That no format tells a secret, wherever it stands and whatever is found.

use std::collections::BTreeSet;

use super::*;

/// Stands in secrets only.
const CANARY: &str = "canary-7d31";
const IMAGE: &str = "[[images]]\nname = \"Python\"\nimage = \"registry.example.org/python:1\"\n";

/// Files, in which `@` stands for the secret, the arguments, and the codes that have to be found.
struct Case<'a> {
    files: &'a [(&'a str, &'a str)],
    args: &'a [&'a str],
    codes: &'a [&'a str],
}

const CASES: &[Case<'_>] = &[
    // Schema: slips in and around secrets.
    Case {
        files: &[(
            "swarmgen.toml",
            "service_port = 0\nnaming.scheme = \"slgu\"\n\
             lint = 1\n[users.alice]\npassword = \"@\"\nid_rsa = \"\"\"\n-----BEGIN KEY-----\n@\n\"\"\"\nuid = \"@\"\n\
             [users.bob]\npasword = { file = 1, value = \"@\" }\n\
             [container_spec]\nimag = 1\nread_only = \"yes\"\nenv = { API_TOKEN = \"@\", A = [1], B_TOKEN = { fil = \"@\" } }\n",
        )],
        args: &["validate"],
        codes: &["SG101", "SG102", "SG103", "SG104"],
    },
    // Rules and resolving, with secrets in users, environment and volumes.
    Case {
        files: &[
            ("key", "@\n"),
            (
                "swarmgen.toml",
                "secret_attributes = [\"password\", \"id_rsa\", \"*_token\", \"pin\"]\n\
                 [lints]\nno-such-rule = \"warn\"\n\
                 [container_spec]\n\
                 env = { API_TOKEN = \"@ {nothing}\", KEY = { file = \"key\" }, PIN = \"{pin | no_such}\", P = \"{password}{miss}\" }\n\
                 mounts = [{ type = \"volume\", source = \"home\", target = \"/home/{password}/..\" }]\n\
                 [[images]]\nname = \"Python\"\nimage = \"registry.example.org/python:latest\"\nenv = { ID = \"{id_rsa}\" }\n\
                 [users.alice]\npassword = \"@\"\nid_rsa = \"@\\n@\"\npin = \"@\"\n\
                 [users.bob]\npassword = { file = \"missing\" }\nid_rsa = { file = \"key\" }\npin = \"@\"\n",
            ),
        ],
        args: &["validate"],
        codes: &["SG202", "SG222", "SG301"],
    },
    Case {
        files: &[
            ("key", "@\n"),
            (
                "swarmgen.toml",
                "[container_spec.env]\nAPI_TOKEN = \"@\"\nKEY = { file = \"key\" }\nSUM = \"{ password | int(\\\"@\\\") }\"\n\
                 FAIL = \"{ key_token + 1 }\"\n\
                 [[images]]\nname = \"Python\"\nimage = \"registry.example.org/python:latest\"\n\
                 [resource_spec]\nmem_limit = \"{password}\"\n\
                 [users.alice]\npassword = \"@\"\nkey_token = \"@\"\n[users.bob]\npassword = { file = \"missing\" }\nkey_token = \"@\"\n",
            ),
        ],
        args: &["validate"],
        codes: &["SG202"],
    },
    // A users file with a secret column, with rows that are wrong.
    Case {
        files: &[
            ("class.csv", "name,password,port\nalice,@,x\nalice,@,y\n,@,z\nbob,\"@\n"),
            (
                "swarmgen.toml",
                "users_file = \"class.csv\"\n[[images]]\nname = \"Python\"\nimage = \"registry.example.org/python:1\"\n",
            ),
        ],
        args: &["validate"],
        codes: &["SG005"],
    },
    Case {
        files: &[
            ("class.csv", "name,password,mem_limit\nalice,@,1G\nalice,@,2G\nbob,@,much\n"),
            (
                "swarmgen.toml",
                "users_file = \"class.csv\"\nresource_spec.mem_limit = \"{mem_limit}{password}\"\n\
                 [[images]]\nname = \"Python\"\nimage = \"registry.example.org/python:1\"\n",
            ),
        ],
        args: &["validate"],
        codes: &["SG315"],
    },
    // Secrets where they may not go.
    Case {
        files: &[
            ("swarmgen.toml", "[container_spec.env]\nAPI_TOKEN = \"{password}\"\n[users.alice]\npassword = \"@\"\n"),
            ("base.toml", IMAGE),
        ],
        args: &["render", "-c", "base.toml", "-c", "swarmgen.toml", "--user", "alice", "--format", "cli"],
        codes: &["SG403"],
    },
    Case {
        files: &[
            ("swarmgen.toml", "[container_spec.env]\nAPI_TOKEN = \"{password}\"\n[users.alice]\npassword = \"@\"\n"),
            ("base.toml", IMAGE),
        ],
        args: &["render", "-c", "base.toml", "-c", "swarmgen.toml", "--all"],
        codes: &["SG404"],
    },
    // The hub's environment and attributes from the command line.
    Case {
        files: &[("swarmgen.toml", IMAGE), ("hub.env", "JUPYTERHUB_API_TOKEN=@\n@\n=@\n")],
        args: &[
            "render",
            "--user",
            "alice",
            "--hub-env",
            "hub.env",
            "--set",
            "username=canary-7d31",
            "--set",
            "=canary-7d31",
        ],
        codes: &["SG005", "SG310"],
    },
    Case {
        files: &[("swarmgen.toml", IMAGE), ("hub.json", "{\"A\": [\"@\"], \"B\": {\"C\": \"@\"}, \"D\": null}")],
        args: &["render", "--user", "alice", "--hub-env", "hub.json"],
        codes: &["SG102"],
    },
    Case {
        files: &[("swarmgen.toml", IMAGE), ("hub.json", "{\"TOKEN\": \"@\",, \"A_PASSWORD\": \"@\"\n")],
        args: &["render", "--user", "alice", "--hub-env", "hub.json"],
        codes: &["SG005"],
    },
    // Texts that cannot be read, next to a secret.
    Case {
        files: &[("swarmgen.toml", "[users.alice]\npassword = \"@\npassword = @\nid_rsa = '''\n@\n")],
        args: &["validate"],
        codes: &["SG005"],
    },
    Case {
        files: &[(
            "swarmgen.toml",
            "[users.alice]\npassword = \"@\"\npassword = \"@\"\nn = 99999999999999999999\nd = 2020-01-01\n",
        )],
        args: &["validate"],
        codes: &["SG006", "SG009", "SG010"],
    },
    Case {
        files: &[("swarmgen.yaml", "users:\n  alice:\n    password: \"@\n    token: [@\n  id_rsa: |\n   @\n  @: *x\n")],
        args: &["validate"],
        codes: &["SG005"],
    },
    Case {
        files: &[("swarmgen.json", "{\"users\": {\"alice\": {\"password\": \"@\" \"token\": \"@\"}}}")],
        args: &["validate"],
        codes: &["SG005"],
    },
];

#[test]
fn no_format_tells_a_secret() {
    let mut wrong = String::new();
    for (index, case) in CASES.iter().enumerate() {
        let files: Vec<(&str, String)> =
            case.files.iter().map(|(name, text)| (*name, text.replace('@', CANARY))).collect();
        let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
        for format in ["human", "short", "json", "sarif", "github"] {
            let folder = folder(&files);
            let mut command = command(folder.path(), case.args);
            let ran = run({
                command.args(["--message-format", format]);
                command
            });
            if ran.code != Some(1) {
                wrong.push_str(&format!("{index}: {ran:?}\n"));
            }
            let all = ran.stdout + &ran.stderr;
            let found: BTreeSet<&str> = all.match_indices("SG").filter_map(|(at, _)| all.get(at..at + 5)).collect();
            for code in case.codes {
                if !found.contains(code) {
                    wrong.push_str(&format!("{index} in {format}: {code} is not among {found:?}:\n{all}"));
                }
            }
            for secret in [CANARY, &CANARY[..5], "7d31"] {
                if all.contains(secret) {
                    wrong.push_str(&format!("{index} in {format}: a secret is told:\n{all}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
