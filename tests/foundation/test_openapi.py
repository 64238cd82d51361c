"""The document describes what is there, and is valid."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from openapi_spec_validator import OpenAPIV31SpecValidator

from foundation.http.transactions import needs_key
from tests.foundation.conftest import SignedIn


@pytest.fixture
def document(web: Flask) -> dict[str, Any]:
    answer = web.test_client().get("/openapi.json")
    assert answer.mimetype == "application/json"
    parsed: dict[str, Any] = json.loads(answer.data)
    return parsed


def test_the_document_is_valid_openapi_3_1(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    assert list(OpenAPIV31SpecValidator(document).iter_errors()) == []


def test_the_document_of_the_whole_house_is_valid(app: Flask) -> None:
    whole = json.loads(app.test_client().get("/openapi.json").data)
    assert list(OpenAPIV31SpecValidator(whole).iter_errors()) == []


def test_each_operation_says_what_it_needs(document: dict[str, Any]) -> None:
    add = document["paths"]["/v1/notes"]["post"]
    assert add["x-permission"] == "test.write"
    assert add["security"] == [{"machine": ["test.write"]}, {"person": [], "csrf": []}]
    assert "Idempotency-Key" in [parameter["name"] for parameter in add["parameters"]]
    assert {"201", "400", "401", "403", "409", "413", "415", "422", "429", "503"} <= add["responses"].keys()
    show = document["paths"]["/v1/notes/{note}"]["get"]
    assert show["security"] == [{"machine": ["test.read"]}, {"person": []}]
    assert "Idempotency-Key" not in [parameter["name"] for parameter in show.get("parameters", [])]
    assert document["paths"]["/oauth/token"]["post"]["security"] == []


def test_every_route_under_v1_is_described(web: Flask, document: dict[str, Any]) -> None:
    for rule in web.url_map.iter_rules():
        if rule.rule.startswith("/v1/"):
            path = rule.rule.replace("<string:", "{").replace("<int:", "{").replace(">", "}")
            for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
                operation = document["paths"][path][method.lower()]
                named = "Idempotency-Key" in [parameter.get("name") for parameter in operation.get("parameters", [])]
                assert named is needs_key(web.view_functions[rule.endpoint])


def test_types_of_the_hot_path_describe_themselves(document: dict[str, Any]) -> None:
    body = document["paths"]["/v1/baskets"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert body == {"$ref": "#/components/schemas/Basket"}
    assert document["components"]["schemas"]["Basket"]["required"] == ["store", "occurred_at", "lines"]
    assert document["components"]["schemas"]["BasketLine"]["additionalProperties"] is False


def test_the_documentation_loads_nothing_from_elsewhere(web: Flask, sign_in: Callable[..., SignedIn]) -> None:
    calls = web.test_client()
    page = calls.get("/docs").text
    addresses = [part.partition('"')[0] for part in page.replace('src="', 'href="').split('href="')[1:]]
    assert all(address.startswith("/") for address in addresses)
    for address in addresses:
        if address.startswith("/static/"):
            answer = calls.get(address, headers={"Accept-Encoding": "gzip"})
            assert answer.status_code == 200
            assert "immutable" in answer.headers["Cache-Control"]


def test_a_struct_and_a_schema_may_have_the_same_name(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    hot = document["paths"]["/v1/baskets/hot"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert hot == {"$ref": "#/components/schemas/Basket"}
    assert "text" in schemas["NoteIn"]["properties"]
    fast = document["paths"]["/v1/notes/fast"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert fast == {"$ref": "#/components/schemas/FoundationNoteIn"}
    assert "fast" in schemas["FoundationNoteIn"]["properties"]
