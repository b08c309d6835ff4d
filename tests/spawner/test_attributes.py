"""What templates may know of the hub's user."""

from __future__ import annotations

import pytest

from swarmgen.attributes import named


class User:
    db = None

    def __init__(self, **values):
        self.settings = {"cookie_secret": "s3cret"}
        self._auth = "s3cret"
        vars(self).update(values)

    @property
    def url(self):
        return "s3cret"


def test_the_auth_state_comes_first():
    assert named(["uid", "desk", "none"], {"uid": 1}, User(uid=2, desk="4")) == {"uid": 1, "desk": "4"}


@pytest.mark.parametrize("name", ["settings", "_auth", "url", "db", "__class__", "__dict__", "uid.__class__"])
def test_the_hubs_own_are_no_attributes(name):
    assert named([name], None, User()) == {}


def test_plain_values_pass_whole():
    value = {"a": [1, 2.5, True, None, ("x",)], 3: "{braces}"}
    assert named(["mount"], {"mount": value}, User()) == {"mount": {"a": [1, 2.5, True, None, ["x"]], "3": "{braces}"}}


@pytest.mark.parametrize("value", [object(), b"bytes", {"a": {1, 2}}, print])
def test_other_values_are_refused_by_name(value):
    with pytest.raises(ValueError, match="user_format_attributes: mount"):
        named(["mount"], {"mount": value}, User())


def test_what_holds_itself_is_refused():
    circle: list = []
    circle.append(circle)
    with pytest.raises(ValueError):
        named(["mount"], {"mount": circle}, User())


@pytest.mark.parametrize("state", [None, "text", ["uid"], 3])
def test_an_auth_state_of_another_kind_has_nothing(state):
    assert named(["uid"], state, User()) == {}
