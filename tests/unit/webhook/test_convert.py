"""Requests of senders without a preset: CloudEvents pass unchanged, all else becomes one."""

import json

import pytest

from tests.builders import event as an_event
from tests.builders import http_headers
from tests.unit.webhook.requests import ANYBODY, CHANCE, SECRET, STAMP, URI, event, outcome, request, signed, unsigned
from tradewind.events.http import write_structured
from tradewind.resources.webhooks import Bearer, Preset, Webhook
from tradewind.sources.webhook.outcomes import Accepted, Kept, Refused
from tradewind.sources.webhook.request import Request

KNOWN = {"authorization": b"Bearer " + SECRET}
CHECKED = Webhook(check=Bearer())


def ce(**expressions: str) -> Webhook:
    return Webhook(attributes=expressions)


def why(of: Request, webhook: Webhook) -> str:
    found = outcome(of, webhook)
    assert isinstance(found, Refused)
    return "; ".join(map(str, found.faults))


def test_whatever_comes_is_an_event_of_its_bytes() -> None:
    made = event(request(b"\xff\x00", content_type="application/octet-stream; x=1"))
    assert made.data == b"\xff\x00"
    assert made.attributes == {
        "specversion": "1.0",
        "id": CHANCE,
        "type": "dev.tradewind.webhook.received",
        "source": URI,
        "time": STAMP,
        "datacontenttype": "application/octet-stream; x=1",
    }


def test_no_body_is_no_data_and_no_type_is_none() -> None:
    made = event(request(b""))
    assert made.data is None
    assert "datacontenttype" not in made.attributes
    assert event(request(b""), ce(type="'t'")).data is None


@pytest.mark.parametrize("content_type", ["", "nonsense", b"\xff/\xff"])
def test_a_content_type_that_is_none(content_type: str | bytes) -> None:
    found = outcome(request(b"{}", content_type=content_type))
    assert isinstance(found, Accepted if content_type == "" else Refused)


def test_two_content_types_are_ambiguous() -> None:
    of = Request([(b"content-type", b"text/plain"), (b"content-type", b"text/html")], b"", b"x")
    assert why(of, ANYBODY).startswith("content-type: found 2 of them")


def test_a_cloudevent_passes_unchanged() -> None:
    headers = [*http_headers(subject="s", myext="1"), (b"content-type", b"text/plain")]
    made = event(Request(headers, b"", b"data"), ce(type="'other'"))
    assert made.attributes == an_event(subject="s", myext="1", datacontenttype="text/plain").attributes
    fields, body = write_structured(an_event(data=b"{}", datacontenttype="application/json"))
    structured = Request([(name.lower().encode(), value.encode()) for name, value in fields], b"", body)
    assert event(structured) == an_event(data=b"{}", datacontenttype="application/json")


def test_a_batch_is_its_events() -> None:
    batch = json.dumps([{**an_event(id=str(number)).attributes} for number in range(3)]).encode()
    found = outcome(request(batch, content_type="application/cloudevents-batch+json"))
    assert isinstance(found, Accepted)
    assert [one.id for one in found.events] == ["0", "1", "2"]
    most = json.dumps([{**an_event().attributes}] * 1000).encode()
    assert isinstance(outcome(request(most, content_type="application/cloudevents-batch+json")), Accepted)


@pytest.mark.parametrize(
    ("of", "status"),
    [
        (request(b"{}", content_type="application/cloudevents+avro"), 415),
        (request(b"{", content_type="application/cloudevents+json"), 400),
        (request(b"", ce_type="t"), 400),
        (request(json.dumps([{}] * 1001).encode(), content_type="application/cloudevents-batch+json"), 413),
    ],
)
def test_what_means_to_be_a_cloudevent_and_is_none(of: Request, status: int) -> None:
    found = outcome(of)
    assert isinstance(found, Refused)
    assert found.status == status
    assert found.faults


def test_it_is_verified_before_it_passes() -> None:
    refused = outcome(Request(http_headers(), b"", b""), CHECKED)
    assert isinstance(refused, Refused)
    assert refused.status == 401


def test_a_preset_takes_no_field_for_an_attribute() -> None:
    """Its signature is over the body: anybody may have added them."""
    headers = [*http_headers(type="forged"), (b"x-github-event", b"push")]
    assert event(Request(headers, b"", b"{}"), unsigned(Preset.GITHUB)).type == "com.github.push"


def test_an_attribute_is_not_cut_at_a_nul() -> None:
    made = event(
        request({"a": "b\0c"}, b"v=d%00e", content_type="application/json"), ce(type="body.a + 'z'", id="query.v + 'z'")
    )
    assert (made.type, made.id) == ("b\ufffdcz", "d\ufffdez")


def test_each_attribute_is_an_expression() -> None:
    webhook = ce(
        type="'com.example.' + body.kind",
        source="'https://example.com/' + headers['x-shop']",
        subject="body.items.size() > 1 ? 'many' : body.items[0].name",
        id="string(body.n) + '-' + query.v",
        time="body.at",
        partitionkey="body.customer",
        ok="body.ok",
        count="body.n",
        nothing="body.no",
        moment="timestamp(body.at)",
        empty="''",
    )
    body = {"kind": "order", "items": [{"name": "i"}], "n": 7, "at": STAMP, "customer": "c", "ok": True, "no": None}
    made = event(request(body, b"v=%C3%A9&v=2", content_type="application/json", x_shop="a"), webhook)
    assert made.attributes == {
        "specversion": "1.0",
        "type": "com.example.order",
        "source": "https://example.com/a",
        "subject": "i",
        "id": "7-é",
        "time": STAMP,
        "partitionkey": "c",
        "ok": "true",
        "count": "7",
        "moment": STAMP,
        "datacontenttype": "application/json",
    }


def test_fields_of_one_name_are_a_list() -> None:
    of = Request([(b"x", b" a"), (b"x", b"b\xff")], b"", b"")
    assert event(of, ce(subject="headers.x")).attributes["subject"] == "a, bÿ"


def test_an_expression_goes_before_the_preset() -> None:
    webhook = Webhook(preset=Preset.GITHUB, attributes={"subject": "body.sender.login", "time": "null"})
    made = event(request({"ref": "r", "sender": {"login": "u"}}, x_github_event="push"), webhook)
    assert (made.attributes["subject"], "time" in made.attributes) == ("u", False)


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("body.nope", 'ce.type: found NOT_FOUND: Key not found in map : "nope"'),
        ("body.l", "ce.type: found a value of type LIST"),
        ("body.f", "ce.type: found a value of type DOUBLE"),
        ("body.long", "ce.type: found a text of 5,000 characters, expected at most 4,096"),
        ("body.control", "ce.type: found "),
        ("''", "ce.type: found nothing"),
        ("null", "ce.type: found nothing"),
    ],
)
def test_an_expression_that_gives_no_attribute(expression: str, found: str) -> None:
    body = {"l": [1], "f": 1.5, "long": "x" * 5000, "control": "a\r\nce-source: forged"}
    assert why(request(body), ce(type=expression)).startswith(found)


def test_a_form_is_one_however_its_type_is_written() -> None:
    for written in ("application/x-www-form-urlencoded", "Application/X-WWW-Form-URLencoded ; charset=utf-8"):
        made = event(request(b"payload=%7B%22ref%22%3A%22r%22%7D", content_type=written, x_github_event="push"),
                     unsigned(Preset.GITHUB))  # fmt: skip
        assert made.attributes["subject"] == "r"


def test_a_parameter_may_be_empty() -> None:
    assert event(request(b"", b"a=&b=1"), ce(subject="query.a + '-' + query.b")).attributes["subject"] == "-1"


@pytest.mark.parametrize("field", ["é", "a\tb", "a\x7fb", "x" * 257])
def test_a_field_that_can_be_no_identity_gives_none(field: str) -> None:
    made = event(request(b"{}", x_github_event="push", x_github_delivery=field), unsigned(Preset.GITHUB))
    assert made.id == CHANCE


def test_space_around_a_field_is_none_of_it() -> None:
    made = event(request(b"{}", x_github_event=" push\t", x_github_delivery=" " + "x" * 256), unsigned(Preset.GITHUB))
    assert (made.type, made.id) == ("com.github.push", "x" * 256)


def test_only_slack_is_answered_a_challenge() -> None:
    """Of anybody else it is an event like others; so is one of Slack's that only has the word."""
    payload = {"type": "url_verification", "challenge": "c", "id": "1"}
    assert event(request(payload), unsigned(Preset.STRIPE)).type == "com.stripe.url_verification"
    assert (
        event(request({**payload, "type": "event_callback"}), unsigned(Preset.SLACK)).type == "com.slack.event_callback"
    )


def test_the_longest_attribute_is_one() -> None:
    assert event(request({"s": "x" * 4096}), ce(subject="body.s")).attributes["subject"] == "x" * 4096


def test_a_moment_is_written_in_utc() -> None:
    made = event(request(), ce(moment="timestamp('2023-11-14T23:13:20+01:00')"))
    assert made.attributes["moment"] == STAMP


def test_a_body_injects_nothing() -> None:
    """Whatever it holds stays within the attribute that it is asked for."""
    body = {"k": 'a", "source": "forged', "t": "${7*7}{{7*7}}%s"}
    made = event(request(body), ce(type="body.t", subject="body.k"))
    assert (made.type, made.attributes["subject"], made.source) == ("${7*7}{{7*7}}%s", 'a", "source": "forged', URI)


@pytest.mark.parametrize(
    ("body", "content_type", "found"),
    [
        (b"", None, "there is no `body`: the request has none"),
        (b"\xff", None, "no UTF-8 at byte 0"),
        (b"{", "application/json", "no JSON"),
        (b"{}", "text/plain", "text/plain, not JSON"),
        (b"[" * 100_000, None, "128 levels"),
        (b'"' + b"x" * 1024 * 1024 + b'"', None, "more than 1,048,576"),
    ],
)
def test_without_json_there_is_no_body(body: bytes, content_type: str | None, found: str) -> None:
    headers = {} if content_type is None else {"content_type": content_type}
    assert found in why(request(body, **headers), ce(type="body.type", id="body.id"))
    assert event(request(body, **headers), ce(type="'t'")).type == "t", "which is no matter where none is asked for"


def test_every_fault_is_named_at_once() -> None:
    assert why(request({}), ce(type="body.a", id="body.b")).count("ce.") == 2


def test_what_is_looked_at_again_and_again_is_bounded() -> None:
    webhook = ce(subject="body.l.all(x, x in body.l) ? 'all' : 'some'")
    assert event(request({"l": [1]}), webhook).attributes["subject"] == "all"
    around = len('{"l": [""]}')
    assert event(request({"l": ["x" * (16_384 - around)]}), webhook).attributes["subject"] == "all"
    assert "16,385 bytes, more than the 16,384" in why(request({"l": ["x" * (16_385 - around)]}), webhook)
    listing = ce(subject="body.l.map(x, x).size() > 0 ? 'a' : 'b'")
    assert "the 500 for map" in why(request({"l": [1] * 501}), listing)
    assert event(request({"l": [1] * 500}), listing).attributes["subject"] == "a"


def test_what_can_never_be_an_event_is_kept_if_it_is_known_who_sent_it() -> None:
    webhook = Webhook(check=Bearer(), attributes={"type": "body.type"})
    kept = outcome(request(b"{}", **KNOWN), webhook)
    assert isinstance(kept, Kept)
    assert kept.reason.startswith("It cannot become an event. ce.type: found NOT_FOUND")
    assert isinstance(outcome(request(b"{}"), ce(type="body.type")), Refused)
    assert isinstance(outcome(request(b"{}"), webhook), Refused)


def test_a_preset_whose_body_cannot_be_read() -> None:
    for body in (b"", b"\xff", b"{", b"payload=%7B"):
        found = outcome(request(body, content_type="application/x-www-form-urlencoded"), signed(Preset.GITLAB))
        assert isinstance(found, Refused), "it is not even asked, before it is known who sent it"
    refused = outcome(request(b"\xff"), unsigned(Preset.STRIPE))
    assert isinstance(refused, Refused)
    assert refused.status == 400
