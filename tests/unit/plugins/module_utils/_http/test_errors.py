"""Errors: what they say, what changes in a new one made of them, and the cause inside an exception."""

from __future__ import annotations

from http.client import BadStatusLine
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.reply import CONNECTION_HINTS
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws.errors import DeniedError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.errors import (
    EntryPlace,
    NoAnswerError,
    RateLimitError,
    StoppedError,
    TaskError,
    connection_error,
)
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.redact import STARS
from ansible_collections.cloudpeer.atlas.plugins.module_utils._sides.connection import OtherCloudError

REPLY: dict[str, Any] = {"http_status": 409, "error_code": "TWICE", "detail": "It is there."}


def error() -> TaskError:
    return RateLimitError("It broke.", **REPLY, hint="Mend it.", outcome_unknown=True, is_transient=True, retry_after=5)


def raised(cause: Exception) -> TaskError:
    """Return an error as it is caught."""
    try:
        raise error() from cause
    except TaskError as caught:
        return caught


def test_the_text_is_the_message_and_the_hint() -> None:
    assert str(TaskError("It broke.")) == "It broke."
    assert (str(error()), error().message, error().hint) == ("It broke. Mend it.", "It broke.", "Mend it.")


def test_the_message_begins_with_the_entry_and_what_failed() -> None:
    made = TaskError("no route.", description="reach it").with_sentence("Never again.")
    assert made.message == "Failed to reach it: no route. Never again."
    assert made.at(EntryPlace("peers", 1)).message == "peers[1]: Failed to reach it: no route. Never again."
    assert made.without_secrets(["reach it", "no route"]).message == f"Failed to {STARS}: {STARS}. Never again."


CHANGES = {
    "with_sentence": (error().with_sentence("Twice.").with_sentence("Twice."), {"sentences": ("Twice.",)}),
    "at": (error().at(EntryPlace("peers", 1)), {"place": EntryPlace("peers", 1)}),
    "with_hint": (error().with_hint("Wait."), {"hint": "Wait."}),
    "no hint": (error().with_hint(None), {"hint": None}),
    "with_reply": (error().with_reply(TaskError("x", http_status=404)), {"http_status": 404, "error_code": None, "detail": None}),
    "with_outcome": (
        error().with_outcome(unknown=False),
        {"outcome_unknown": False, "is_transient": False, "was_refused_unread": False},
    ),
    "without_secrets": (
        error().without_secrets(["t broke.", "Mend it.", "TWICE", " is there."]),
        {"text": f"I{STARS}", "hint": STARS, "error_code": STARS, "detail": f"It{STARS}"},
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_new_error_differs_in_nothing_else(name: str) -> None:
    made, changes = CHANGES[name]
    assert made.__class__ == RateLimitError
    assert vars(made) == {**vars(error()), **changes}
    assert str(made) == " ".join(filter(None, (made.message, made.hint)))


def test_control_characters_of_replies_and_names_are_escaped() -> None:
    made = TaskError("No peer \x1b[2J\x9b.", error_code="A\nB", detail="\u202eexe\r\nok: [localhost]", hint="Look at \x07.")
    assert str(made) == "No peer \\x1b[2J\\x9b. Look at \\x07."
    assert made.to_result() == {
        "msg": str(made),
        "http_status": None,
        "error_code": "A\\nB",
        "detail": "\\u202eexe\\r\\nok: [localhost]",
    }


def test_the_error_itself_does_not_change() -> None:
    before = error()
    before.with_sentence("No.").with_hint(None).with_outcome(unknown=False).without_secrets(["It"])
    assert vars(before) == vars(error())
    assert before.was_refused_unread


def test_a_new_error_has_the_cause_and_traceback_of_the_old_one() -> None:
    cause = ValueError("x")
    old = raised(cause)
    made = old.with_hint(None)
    assert made is not old
    assert (made.__cause__, made.__traceback__, made.__suppress_context__) == (cause, old.__traceback__, True)


def test_a_new_error_needs_no_arguments_of_its_class() -> None:
    assert DeniedError("No.", permission="ec2:Go").with_hint("Allow it.").permission == "ec2:Go"
    peer: Any = {"id": "a", "provider_name": "GCP"}
    assert OtherCloudError(peer, "AWS").with_hint("No.").peer is peer
    assert str(StoppedError().with_sentence("No.")).endswith(" No.")


def broken(cause: BaseException, failure: Any = "broken") -> NoAnswerError:
    return connection_error("x", failure, cause, hints=CONNECTION_HINTS, where="https://y", is_write=False, secrets=())


def test_the_message_has_the_innermost_cause() -> None:
    made = broken(RuntimeError(ValueError(OSError(5, "inner words"))))
    assert str(made).startswith("Failed to x: the connection to https://y broke before a whole reply came (inner words). ")
    assert made.to_result()["detail"] == "inner words"


def test_a_suppressed_context_is_not_the_cause() -> None:
    """urllib3 1.26, connectionpool.py: it calls getresponse(buffering=True), and raises what comes without that from None."""
    cause = BadStatusLine("SSH-2.0-OpenSSH_9.6\r\n")
    cause.__context__ = TypeError("getresponse() got an unexpected keyword argument 'buffering'")
    assert "buffering" in str(broken(RuntimeError("Connection aborted.", cause)).detail)
    # What `from None` does.
    cause.__cause__ = None
    assert broken(RuntimeError("Connection aborted.", cause)).detail == "SSH-2.0-OpenSSH_9.6"


def test_errors_that_wrap_each_other_in_a_circle_end() -> None:
    one, two = RuntimeError("one"), RuntimeError("two")
    one.__cause__, two.__cause__ = two, one
    assert broken(one).detail in ("one", "two")


def test_a_cause_without_words_has_its_class_for_a_name() -> None:
    assert broken(TimeoutError(), "silent").detail == "TimeoutError"
