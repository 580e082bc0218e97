"""Who is a researcher: this machine, the password's cookie, or an address that is listed."""

import asyncio
from http.cookies import SimpleCookie
from types import SimpleNamespace
from urllib.parse import urlencode

import pytest
from starlette.requests import Request

import app
from pages.components import access, routes, sign_in
from tests.apart import apart
from xai_core.study import open_store
from xai_core.study.password import Backoff, hashed

PASSWORD = "correct horse battery"


@pytest.mark.parametrize(
    ("address", "headers", "local"),
    [
        (None, {}, True),
        (None, {"Host": "localhost:8501", "Origin": "http://localhost:8501"}, True),
        (None, {"Host": "127.0.0.1:8501"}, True),
        (None, {"Host": "[::1]:8501"}, True),
        ("192.168.0.7", {"Host": "localhost:8501"}, False),
        (None, {"Host": "rebound.example:8501"}, False),
        (None, {"Host": "localhost:8501", "Origin": "https://study.example"}, False),
        (None, {"Host": "localhost:8501", "X-Forwarded-For": "192.0.2.1"}, False),
        (None, {"Host": "localhost:8501", "forwarded": "for=192.0.2.1"}, False),
        (None, {"Host": "localhost:8501", "X-Real-IP": "192.0.2.1"}, False),
        (None, {"Host": "localhost:8501", "X-Forwarded-Proto": "https"}, False),
        (None, {"Host": "localhost:8501", "X-Forwarded-Prefix": "/tools/xai"}, False),
    ],
)
def test_local_is_who_sits_at_this_machine_and_came_straight(address, headers, local):
    assert access.is_local(address, headers) is local


@pytest.mark.parametrize(
    ("claims", "allowed"),
    [
        ({"email": "ada@uni.example"}, True),
        ({"email": "ADA@uni.example"}, True),
        ({"email": "someone@lab.example"}, True),
        ({"email": "someone@uni.example"}, False),
        ({"email": "ada@uni.example", "email_verified": False}, False),
        ({"email": "ada@uni.example", "email_verified": "false"}, False),
        ({"email": "lab.example"}, False),
        ({"email": ""}, False),
        ({}, False),
    ],
)
def test_a_login_counts_only_for_listed_addresses(monkeypatch, claims, allowed):
    monkeypatch.setenv("XAI_RESEARCHERS", "ada@uni.example, @lab.example")
    assert access.listed(claims) is allowed


def test_nobody_is_listed_unless_somebody_is(monkeypatch):
    monkeypatch.delenv("XAI_RESEARCHERS", raising=False)
    assert not access.listed({"email": "ada@uni.example"})


def request(method="GET", query="", fields=None, cookie="", host="192.0.2.9"):
    body = urlencode(fields or {}).encode()
    sent = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def receive():
        return next(sent)

    headers = [(b"cookie", cookie.encode())] if cookie else []
    scope = {
        "type": "http",
        "method": method,
        "scheme": "https",
        "path": "/sign-in",
        "query_string": query.encode(),
        "headers": headers,
        "client": (host, 1234),
        "server": ("server", 443),
    }
    return Request(scope, receive)


def answer(**given):
    return apart(asyncio.run, sign_in.answer(request(**given)))


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setenv("XAI_PASSWORD_HASH", hashed(PASSWORD))
    monkeypatch.setattr(sign_in, "_backoff", Backoff(clock=lambda: 0.0))
    opened = open_store(f"sqlite:///{tmp_path / 'studies.sqlite'}")
    monkeypatch.setattr(sign_in, "shared_store", lambda: opened)
    yield opened
    opened.close_all()


def test_the_right_password_gives_a_token_that_scripts_cannot_read(store):
    response = answer(method="POST", fields={"password": PASSWORD, "next": "study_results?x=1"})
    assert (response.status_code, response.headers["location"]) == (303, "./study_results?x=1")
    cookie = SimpleCookie(response.headers["set-cookie"])[access.COOKIE]
    assert not cookie["path"]  # the browser takes the folder of the sign-in page: RFC 6265, 5.1.4
    assert cookie["httponly"]
    assert cookie["secure"]
    assert cookie["samesite"] == "lax"
    assert store.researcher_session.is_valid(cookie.value)
    out = answer(query="out=1", cookie=f"{access.COOKIE}={cookie.value}")
    assert out.status_code == 200
    assert not store.researcher_session.is_valid(cookie.value)


def test_a_wrong_password_gives_none_and_many_make_one_wait(store):
    statuses = [answer(method="POST", fields={"password": "wrong"}).status_code for _ in range(5)]
    assert statuses == [403, 403, 403, 403, 429]
    # The right one has to wait as well; another asker has not.
    assert answer(method="POST", fields={"password": PASSWORD}).status_code == 429
    other = answer(method="POST", fields={"password": PASSWORD}, host="192.0.2.10")
    assert other.status_code == 303


def test_without_a_password_that_is_set_none_is_right(store, monkeypatch, tmp_path):
    monkeypatch.delenv("XAI_PASSWORD_HASH")
    monkeypatch.setenv("XAI_STUDIES", str(tmp_path))
    for password in ("", PASSWORD):
        assert answer(method="POST", fields={"password": password}).status_code == 403


@pytest.mark.parametrize(
    "elsewhere",
    ["https://evil.example", "//evil.example", "/\\evil.example", "../evil", "a\nb", "a?b\nc", ""],
)
def test_the_way_on_stays_on_this_server(store, elsewhere):
    response = answer(method="POST", fields={"password": PASSWORD, "next": elsewhere})
    assert response.headers["location"] == "./"


def test_a_cookie_of_another_path_is_passed_over(store):
    """To a server below another one a browser sends the cookies of both."""
    own = store.researcher_session.start(hours=1)
    header = f"_xsrf=1; {access.COOKIE}={own}; {access.COOKIE}=of-the-other; {access.COOKIE}="
    assert access.tokens([header, "a=b"]) == [own, "of-the-other"]
    answer(query="out=1", cookie=header)
    assert not store.researcher_session.is_valid(own)


@pytest.mark.parametrize("base", ["", "tools/xai", "/tools/xai/"])
def test_our_own_routes_are_behind_the_base_path(monkeypatch, base):
    monkeypatch.setattr(routes.st, "get_option", {"server.baseUrlPath": base}.get)
    prefix = "/tools/xai" if base else ""
    assert [route.path for route in app.routes()] == [
        f"{prefix}/modules/{{component}}/{{version}}/{{name}}",
        f"{prefix}/stimuli/{{name}}",
        f"{prefix}/sign-in",
        f"{prefix}/pictures/{{key}}",
        f"{prefix}/thumbnails/{{key}}",
        f"{prefix}/maps/{{key}}/{{height:int}}x{{width:int}}/{{show}}/{{clip:float}}",
    ]
    assert {"GET", "POST"} <= app.routes()[2].methods


def test_what_was_asked_is_text_in_the_page(store):
    page = answer(query=urlencode({"next": '/"><script>alert(1)</script>'})).body.decode()
    assert "<script" not in page


def test_a_huge_form_is_refused(store):
    assert answer(method="POST", fields={"password": "x" * 10_000}).status_code == 413


def test_a_file_that_is_made_outside_of_the_visitors_run_is_still_theirs(store, monkeypatch):
    """Streamlit makes it in a thread that knows no visitor: there nobody has any cookie."""
    monkeypatch.setattr(access, "shared_store", lambda: store)
    token = store.researcher_session.start(hours=1)
    headers = SimpleNamespace(get_all=lambda name: [f"{access.COOKIE}={token}"])
    with monkeypatch.context() as patch:
        patch.setattr(access.st, "context", SimpleNamespace(headers=headers))
        check = access.researcher_check()
    assert not apart(access.is_researcher)
    assert apart(check)
    store.researcher_session.end(token)
    assert not apart(check)


def test_a_made_up_token_is_none(store):
    assert not store.researcher_session.is_valid("guessed")
