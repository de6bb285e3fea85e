"""The control paths under /emulator/: what a test does as the owner of the other side, and what it looks at."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .accesslist import STATUSES
from .attributes import Body, check_enum, check_names, parse_json, parse_object, require
from .azure import INVALID, UNREACHABLE, Rule
from .bodies import read_body
from .clouds import CloudUnreachableError
from .emulator import Emulator
from .errors import ApiError
from .fault_kinds import RuleError
from .faults import parse_rules
from .peer import Peer
from .peers import Peers
from .project import Project

#: What Atlas says of most failures on Azure, if it says anything.
_INTERNAL = "Internal Error"


def _fail(peers: Peers, peer: Peer, body: Body) -> bool:
    """Let a connection fail; the body may have the error: on AWS one that Atlas has a name for, elsewhere any text."""
    check_names(body, ("error",), ())
    error, names = body.get("error", peer.provider.error_for(_INTERNAL)), peer.provider.error_names
    check_enum({"error": error}, "error", names or (error,))
    return peers.fail(peer, error, only_waiting=False)


def _fail_deletion(peers: Peers, peer: Peer, body: Body) -> bool:
    """Let the next deletions of a connection fail; the body may have the error, and how many do."""
    check_names(body, ("error", "times"), ())
    error, times = body.get("error", _INTERNAL), body.get("times", 1)
    check_enum({"error": error}, "error", (error,))
    if not _is_number(times) or times != int(times):
        raise ApiError("INVALID_ATTRIBUTE", "times")
    return peers.fail_deletion(peer, error, int(times))


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < float("inf")


def _answer(action: Callable[[Peers, Peer], bool]) -> Callable[[Peers, Peer, Body], bool]:
    """Return an action whose body has nothing to say."""

    def act(peers: Peers, peer: Peer, body: Body) -> bool:
        check_names(body, (), ())
        return action(peers, peer)

    return act


#: What can happen to a peer on the other side, given the body of the request; each tells whether it could.
ACTIONS: dict[str, Callable[[Peers, Peer, Body], bool]] = {
    "accept": _answer(lambda peers, peer: peers.accept(peer)),
    "reject": _answer(lambda peers, peer: peers.fail(peer, "REJECTED", only_waiting=True)),
    "expire": _answer(lambda peers, peer: peers.fail(peer, "EXPIRED", only_waiting=True)),
    "fail": _fail,
    "fail-deletion": _fail_deletion,
}


class _AmbiguousError(HTTPException):
    """A name that several peers have."""

    def __init__(self, detail: str, ids: list[str]) -> None:
        super().__init__(409, detail)
        self.ids = ids


def _is_called(peer: Peer, name: str) -> bool:
    """Tell whether this is the peer's id in Atlas, its connection's in AWS, or that of its VPC or network."""
    network = (peer.pair[-1],)
    return name in (peer.id, peer.connection_id) or peer.provider.key((name,)) == peer.provider.key(network)


def _is_possible(peer: Peer, action: str) -> bool:
    if action == "fail-deletion":
        return peer.provider.deletion_failed is not None
    return not (peer.deleting or peer.dead) and (action == "fail" or peer.status == peer.provider.waiting)


def _act(emulator: Emulator, name: str, action: str, body: Body) -> Body:
    with contextlib.ExitStack() as stack:
        projects = [stack.enter_context(project.now()) for project in emulator.projects]
        found = [(project.peers, peer) for project in projects for peer in project.peers if _is_called(peer, name)]
        if not found:
            raise HTTPException(404, f"There is no peer with the id, connection id or VPC id {name}, nor with such a network")
        # Of a VPC with connections to several containers, one may be waiting, and others are done with.
        fitting = [one for one in found if _is_possible(one[1], action)] or found
        if len(fitting) > 1:
            states = ", ".join(f"{peer.id} is {peer.status}" for unused, peer in fitting)
            raise _AmbiguousError(f"Several peers of {name}: {states}; name one by its id", [peer.id for unused, peer in fitting])
        peers, peer = fitting[0]
        try:
            possible = ACTIONS[action](peers, peer, body)
        except CloudUnreachableError as error:
            raise HTTPException(503, str(error)) from None
        except ApiError as error:
            raise HTTPException(error.status, error.detail) from None
        if not possible:
            raise HTTPException(409, f"Cannot {action} peer {peer.id} while it is {peer.status}")
        return peer.to_json()


async def _read_object(request: Request, default: bytes = b"") -> Body:
    try:
        return parse_object(await read_body(request) or default)
    except ApiError as error:
        raise HTTPException(400, error.detail) from None
    except ClientDisconnect:
        raise HTTPException(400) from None


def _project_of(emulator: Emulator, group_id: object) -> Project:
    """Return the project that a body names, or the first if it names none."""
    project = emulator.project if group_id is None else emulator.find_project(str(group_id))
    if project is None:
        raise HTTPException(404, f"There is no project {group_id}")
    return project


def _change(project: Project, change: Callable[[Project], Body]) -> Body:
    """Change a project; a body that is not right is answered with 400, and what is not there with 404."""
    with project.now():
        try:
            return change(project)
        except ApiError as error:
            raise HTTPException(error.status, error.detail) from None


def _put_cluster(project: Project, body: Body) -> Body:
    return project.show_cluster(project.put_cluster(body), "")


def _delete_cluster(project: Project, name: str) -> Body:
    project.clusters.delete(name)
    return {}


def _fix_status(project: Project, body: Body) -> Body:
    """Give an entry of the access list a status that stays, or without one let it have the one that it comes to by itself."""
    check_names(body, ("entry", "status"), ())
    require(body, ("entry",))
    check_enum(body, "status", STATUSES)
    entry = project.access_list.get(str(body["entry"]))
    entry.fixed_status = body.get("status")
    return {"entry": entry.value, "status": project.access_list.status(entry)}


def _put_role(emulator: Emulator, body: Body) -> Body:
    """Say what Atlas is to know about its role at the virtual networks on Azure, or at those of one name."""
    try:
        check_names(body, ("vnet_name", "given", "seconds", "error"), ())
        check_enum(body, "error", (UNREACHABLE, INVALID))
        given, seconds, vnet_name = body.get("given", True), body.get("seconds", 0), body.get("vnet_name")
        if not isinstance(given, bool):
            raise ApiError("INVALID_ATTRIBUTE", "given")
        if not _is_number(seconds):
            raise ApiError("INVALID_ATTRIBUTE", "seconds")
        if not isinstance(vnet_name, (str, type(None))):
            raise ApiError("INVALID_ATTRIBUTE", "vnet_name")
    except ApiError as error:
        raise HTTPException(error.status, error.detail) from None
    rule = Rule(given, float(seconds), body.get("error", UNREACHABLE))
    for project in emulator.projects:
        with project.now():
            project.outside.roles.put(vnet_name, rule)
    return {"vnet_name": vnet_name, "given": given, "seconds": rule.seconds, "error": rule.code}


def control_app(emulator: Emulator) -> Starlette:
    """Return the application that serves the control paths of an emulator."""

    async def requests(request: Request) -> Response:
        if request.method == "DELETE":
            emulator.requests.clear()
            return Response(status_code=204)
        return JSONResponse(emulator.requests.entries())

    async def faults(request: Request) -> Response:
        if request.method == "DELETE":
            emulator.faults.clear()
            return Response(status_code=204)
        if request.method == "POST":
            try:
                emulator.faults.add(parse_rules(parse_json(await read_body(request) or b"")))
            except RuleError as error:
                raise HTTPException(400, str(error)) from None
            except ApiError as error:
                raise HTTPException(400, error.detail) from None
            except ClientDisconnect:
                return Response(status_code=400)
            return JSONResponse(emulator.faults.to_json(), 201)
        return JSONResponse(emulator.faults.to_json())

    async def reset(request: Request) -> Response:
        await emulator.run(emulator.reset)
        return Response(status_code=204)

    async def act(request: Request) -> Response:
        name, action = request.path_params["name"], request.path_params["action"]
        if action not in ACTIONS:
            raise HTTPException(404, f"There is no action {action}; there are {', '.join(ACTIONS)}")
        body = await _read_object(request, default=b"{}")
        return JSONResponse(await emulator.run(lambda: _act(emulator, name, action, body)))

    async def azure_role(request: Request) -> Response:
        body = await _read_object(request, default=b"{}")
        return JSONResponse(await emulator.run(lambda: _put_role(emulator, body)))

    async def clusters(request: Request) -> Response:
        body = await _read_object(request)
        project = _project_of(emulator, body.pop("group_id", None))
        return JSONResponse(await emulator.run(lambda: _change(project, lambda one: _put_cluster(one, body))), 201)

    async def cluster(request: Request) -> Response:
        project, name = _project_of(emulator, request.query_params.get("group_id")), request.path_params["name"]
        await emulator.run(lambda: _change(project, lambda one: _delete_cluster(one, name)))
        return Response(status_code=204)

    async def group(request: Request) -> Response:
        project = _project_of(emulator, request.path_params["group_id"])
        body = await _read_object(request)
        return JSONResponse(await emulator.run(lambda: _change(project, lambda one: one.describe(body))))

    async def access_list(request: Request) -> Response:
        body = await _read_object(request)
        project = _project_of(emulator, body.pop("group_id", None))
        return JSONResponse(await emulator.run(lambda: _change(project, lambda one: _fix_status(one, body))))

    async def failure(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        headers = error.headers if isinstance(error, HTTPException) else None
        more = {"ids": error.ids} if isinstance(error, _AmbiguousError) else {}
        return JSONResponse({"error": status, "detail": getattr(error, "detail", ""), **more}, status, headers)

    return Starlette(
        routes=[
            Route("/emulator/requests", requests, methods=["GET", "DELETE"]),
            Route("/emulator/faults", faults, methods=["GET", "POST", "DELETE"]),
            Route("/emulator/reset", reset, methods=["POST"]),
            Route("/emulator/peers/{name}/{action}", act, methods=["POST"]),
            Route("/emulator/azure/role", azure_role, methods=["POST"]),
            Route("/emulator/clusters", clusters, methods=["POST"]),
            Route("/emulator/clusters/{name}", cluster, methods=["DELETE"]),
            Route("/emulator/groups/{group_id}", group, methods=["POST"]),
            Route("/emulator/access-list", access_list, methods=["POST"]),
        ],
        exception_handlers={HTTPException: failure},
    )
