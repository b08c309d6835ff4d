//! What a hub's user is told who asks for what they may not have: by the form, or by the hub's REST API.

use serde_json::{Value, json};

use super::Folder;

const CONFIG: &str = r#"
use_user_options = true

[[images]]
name = "Minimal"
image = "registry.example.org/minimal:1"

[[images]]
name = "GPU"
image = "registry.example.org/gpu:1"
access = ["group:gpu"]
"#;

/// The refusal of a request of alice's.
fn refusal(folder: &Folder, command: &str, more: &Value) -> Value {
    let mut request = json!({"version": 1, "user": {"name": "alice"}, "server": {"name": ""}});
    request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let ran = folder.command(&["spawner", command]).write_stdin(format!("{request}\n")).output().unwrap();
    assert_eq!(ran.status.code(), Some(1), "{ran:?}");
    let last = String::from_utf8(ran.stdout).unwrap().lines().last().unwrap().to_owned();
    let event: Value = serde_json::from_str(&last).unwrap();
    json!({"event": event["event"], "code": event["code"], "message": event["message"], "hint": event["hint"]})
}

#[test]
fn a_profile_is_refused_in_the_same_words_by_form_and_api_whether_there_is_one_or_not() {
    let folder = Folder::with(CONFIG);
    for name in ["GPU", "Nothing", "<b>\u{1b}"] {
        let by_form = refusal(&folder, "form", &json!({"form": {"fields": {"profile": [name]}}}));
        let message = format!("There is no “{}” that you may use.", name.escape_debug());
        let hint = "Nothing was started: change this, and try again.";
        assert_eq!(by_form, json!({"event": "failed", "code": "refused", "message": message, "hint": hint}));
        for key in ["profile", "user_selected_name"] {
            assert_eq!(refusal(&folder, "start", &json!({"user_options": {(key): name}})), by_form);
        }
    }
}
