//! Rules are asked again for each server where what they look at differs: the first user of these is harmless.

use super::*;

#[test]
fn what_differs_is_judged_for_each_user() {
    for (code, spec, harmless, bad) in [
        ("SG202", r#"container_spec.image = "registry.example.org/notebook:{x}""#, "1", "latest"),
        ("SG221", r#"container_spec.hostname = "{x}""#, "own", "thehub"),
        ("SG221", r#"networks = [{ target = "hub", aliases = ["{x}"] }]"#, "own", "thehub"),
        (
            "SG224",
            r#"container_spec.mounts = [{ type = "bind", source = "{x}", target = "/a" }]"#,
            "/srv/a",
            "/var/run/docker.sock",
        ),
        (
            "SG226",
            "container_spec.mounts = [\"data:/data\"]\nplacement.constraints = [\"{x}\"]",
            "node.hostname==one",
            "node.role==worker",
        ),
        ("SG230", r#"placement.constraints = ["node.role==worker", "node.role=={x}"]"#, "worker", "manager"),
        ("SG231", "resource_spec.mem_reservation = \"1G\"\nresource_spec.mem_limit = \"{x}\"", "2G", "512M"),
        ("SG240", r#"networks = ["{x}"]"#, "hub", "host"),
        ("SG252", r#"container_spec.healthcheck.test = ["{x}", "probe"]"#, "CMD", "curl"),
        (
            "SG253",
            "container_spec.configs = [{ config_name = \"app\", filename = \"/srv/a\" }]\ncontainer_spec.mounts = [{ type = \"tmpfs\", target = \"/srv/{x}\" }]",
            "b",
            "a",
        ),
    ] {
        let image =
            if spec.contains(".image") { "" } else { "container_spec.image = \"registry.example.org/notebook:1\"\n" };
        let config = |of_b: &str| {
            format!(
                "jupyterhub_service_name = \"thehub\"\n{image}{spec}\n[users]\na.x = \"{harmless}\"\nb.x = \"{of_b}\"\n"
            )
        };
        let told = |of_b: &str| {
            let folder = Folder::with(&config(of_b));
            let ran = folder.run(&["validate"]);
            assert!(ran.code == Some(0) || ran.code == Some(1), "{ran:?}");
            ran.stderr
        };
        let (harmless, bad) = (told(harmless), told(bad));
        assert!(!harmless.contains(&format!("[{code}]")), "{code}: {harmless}");
        let at = bad.find(&format!("[{code}]")).unwrap_or_else(|| panic!("{code} is not told of b: {bad}"));
        let until = bad[at..].find("\n\n").map_or(bad.len(), |end| at + end);
        assert!(bad[at..until].contains("`b`"), "{code}: {bad}");
    }
}
