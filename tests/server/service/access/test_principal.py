"""What a key may do and see, as pure rules."""

from __future__ import annotations

import pytest

from vicinal import InvalidArgument, NotFound, PermissionDenied
from vicinal.server.service.access.principal import ANONYMOUS, Principal, Right

READER = Principal("0123456789ab", "reader", frozenset({"anna"}), frozenset({"films"}), Right.READ)
ADMIN = Principal("ba9876543210", "admin", None, None, Right.ADMIN)


@pytest.mark.parametrize("right", Right)
def test_a_right_includes_those_before_it(right: Right) -> None:
    holder = Principal("id", "name", None, None, right)
    for wanted in Right:
        if wanted <= right:
            holder.require(wanted)
        else:
            with pytest.raises(PermissionDenied, match=f"needs the right '{wanted.word}'"):
                holder.require(wanted)


def test_anonymous_callers_may_everything() -> None:
    ANONYMOUS.require(Right.ADMIN)
    ANONYMOUS.require_every_tenant()
    ANONYMOUS.require_creation("films")
    assert ANONYMOUS.sees("films", partitioned=False)
    assert ANONYMOUS.tenant_for(None) is None
    assert ANONYMOUS.tenant_for("anna") == "anna"


def test_other_collections_are_not_seen() -> None:
    assert READER.sees("films")
    assert not READER.sees("books")
    assert ADMIN.sees("books")


def test_a_key_of_a_tenant_sees_no_collection_without_tenants() -> None:
    assert not READER.sees("films", partitioned=False)
    assert ADMIN.sees("films", partitioned=False)


def test_a_hidden_collection_and_a_missing_one_get_the_same_words() -> None:
    hidden, missing = (str(READER.no_collection(name, ["films"])) for name in ("books", "boots"))
    assert hidden.replace("books", "") == missing.replace("boots", "")
    assert hidden == "no collection is named 'books'; there are: films"
    assert READER.no_collection("books", []).field == "name"


def test_the_tenant_comes_from_the_key() -> None:
    assert READER.tenant_for(None) == "anna"
    assert READER.tenant_for("anna") == "anna"


@pytest.mark.parametrize("tenant", ["boris", "", "Anna", "anna ", "anna\0"])
def test_another_tenant_does_not_exist(tenant: str) -> None:
    with pytest.raises(NotFound, match="no tenant is named") as refused:
        READER.tenant_for(tenant)
    assert refused.value.field == "tenant"


def test_a_key_of_several_tenants_has_to_be_told_which() -> None:
    both = Principal("id", "both", frozenset({"anna", "boris"}), None, Right.WRITE)
    assert both.tenant_for("boris") == "boris"
    with pytest.raises(InvalidArgument, match="2 tenants"):
        both.tenant_for(None)
    with pytest.raises(NotFound):
        both.tenant_for("clara")


def test_a_key_of_no_tenant_at_all_speaks_for_nobody() -> None:
    nobody = Principal("id", "nobody", frozenset(), None, Right.ADMIN)
    with pytest.raises(InvalidArgument):
        nobody.tenant_for(None)
    with pytest.raises(NotFound):
        nobody.tenant_for("anna")


def test_what_reaches_beyond_a_tenant_is_denied_to_it() -> None:
    tenants_admin = Principal("id", "admin", frozenset({"anna"}), None, Right.ADMIN)
    for check in (tenants_admin.require_every_tenant, lambda: tenants_admin.require_creation("films")):
        with pytest.raises(PermissionDenied, match="all tenants"):
            check()


def test_collections_are_created_within_the_bounds_of_the_key() -> None:
    bound = Principal("id", "films", None, frozenset({"films"}), Right.ADMIN)
    bound.require_creation("films")
    with pytest.raises(PermissionDenied, match="'books' is none of them"):
        bound.require_creation("books")
    with pytest.raises(PermissionDenied, match="'admin'"):
        READER.require_creation("films")
