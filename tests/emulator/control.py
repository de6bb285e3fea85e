# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The control paths under /emulator/: what a test does as the owner of the other side, and what it looks at."""

from __future__ import annotations

from collections.abc import Callable

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .attributes import Body, parse_json
from .bodies import read_body
from .clouds import CloudUnreachableError
from .emulator import Emulator
from .errors import ApiError
from .fault_kinds import RuleError
from .faults import parse_rules
from .peer import Peer
from .peers import Peers

#: What can happen to a peer on the other side; each tells whether it could.
ACTIONS: dict[str, Callable[[Peers, Peer], bool]] = {
    "accept": lambda peers, peer: peers.accept(peer),
    "reject": lambda peers, peer: peers.fail(peer, "REJECTED", only_waiting=True),
    "expire": lambda peers, peer: peers.fail(peer, "EXPIRED", only_waiting=True),
    "fail": lambda peers, peer: peers.fail(peer, "INVALID_ARGUMENT", only_waiting=False),
}


def _act(emulator: Emulator, peer_id: str, name: str) -> Body:
    with emulator.project.now() as project:
        try:
            peer = project.peers.get(peer_id)
            possible = ACTIONS[name](project.peers, peer)
        except ApiError as error:
            raise HTTPException(404, error.detail) from None
        except CloudUnreachableError as error:
            raise HTTPException(503, str(error)) from None
        if not possible:
            raise HTTPException(409, f"Cannot {name} peer {peer.id} while it is {peer.status}")
        return peer.to_json()


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
        name = request.path_params["action"]
        if name not in ACTIONS:
            raise HTTPException(404, f"There is no action {name}; there are {', '.join(ACTIONS)}")
        return JSONResponse(await emulator.run(lambda: _act(emulator, request.path_params["peer_id"], name)))

    async def failure(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        headers = error.headers if isinstance(error, HTTPException) else None
        return JSONResponse({"error": status, "detail": getattr(error, "detail", "")}, status, headers)

    return Starlette(
        routes=[
            Route("/emulator/requests", requests, methods=["GET", "DELETE"]),
            Route("/emulator/faults", faults, methods=["GET", "POST", "DELETE"]),
            Route("/emulator/reset", reset, methods=["POST"]),
            Route("/emulator/peers/{peer_id}/{action}", act, methods=["POST"]),
        ],
        exception_handlers={HTTPException: failure},
    )
