"""The application: which path asks what, and in which shape it is answered."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from pydantic_core import to_json
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

import resift
from resift_serve.answer import SHAPES, Answer
from resift_serve.body import read_body
from resift_serve.database import Database
from resift_serve.door import Door
from resift_serve.openapi import openapi
from resift_serve.playground import Playground
from resift_serve.problem import Problem
from resift_serve.question import Question
from resift_serve.tracing import continued
from resift_serve.visit import Visit

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from resift_serve.service import Service

__all__ = ["application"]

_T = TypeVar("_T")
_Endpoint: TypeAlias = Callable[[Request], Awaitable[Response]]
_RANKINGS = {
    "/rerank": "rerank",
    "/v1/rerank": "results",
    "/v2/rerank": "results",
    "/v1/v1/rerank": "results",  # a base address that ends in /v1, and a client's own
    "/v1/reranking": "results",
    "/v1/rerankings": "results",
    "/rerankings": "results",
    "/v1/models/rerank": "results",
    "/infinity/rerank": "strings",
    "/tei/rerank": "list",
    "/v1/ranking": "rankings",
    "/v1/retrieval/{model:path}/reranking": "rankings",
    "/inference/{model:path}": "scores",
    "/v1/inference/{model:path}": "scores",
    "/ml/v1/text/rerank": "logits",
    "/api/v1/services/rerank/text-rerank/text-rerank": "output",
}
_WHOLE = {"list", "rankings", "scores"}  # clients of these want every document


def application(
    service: Service,
    *,
    database: Database | None = None,
    keys: Sequence[str] = (),
    hosts: Iterable[str] | None = None,
    origins: Iterable[str] = (),
) -> ASGIApp:
    """Return the ASGI application that serves *service*.

    Args:
        service: The rerankers.
        database: What the playground may search; None for nothing.
        keys: The keys that open it.
        hosts: The names by which it may be called; None for any.
        origins: Web pages of which browsers may ask it.
    """
    desk = _Desk(service)
    playground = Playground(service.limits, database)
    routes = [
        *(
            desk.route(path, partial(desk.rank, shape), "POST")
            for path, shape in _RANKINGS.items()
        ),
        *(desk.route(path, get, "GET") for path, get in desk.pages.items()),
        *(desk.route(path, get, "GET") for path, get in playground.pages.items()),
        desk.route("/search", playground.search, "POST"),
    ]
    app = Starlette(
        routes=routes,
        exception_handlers={HTTPException: _http_problem, Problem: _problem},
    )
    app.router.redirect_slashes = False
    return Door(app, service.metrics, keys=keys, hosts=hosts, origins=origins)


def _visit(request: Request) -> Visit:
    visit: Visit = request.state.visit
    return visit


async def _problem(request: Request, problem: Exception) -> Response:
    assert isinstance(problem, Problem)  # noqa: S101  # as it was registered
    return JSONResponse(
        problem.body(_visit(request).id), problem.status, headers=problem.headers
    )


async def _http_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101  # as it was registered
    words = {
        404: ("not_found", "There is nothing at this path. See /openapi.json."),
        405: ("method_not_allowed", "This path does not take this method."),
    }
    kind, message = words.get(error.status_code, ("http_error", "The request failed."))
    problem = Problem(error.status_code, kind, message, headers=error.headers)
    return await _problem(request, problem)


class _Desk:
    """The endpoints of one service."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self.pages: dict[str, _Endpoint] = {
            "/v1/models": self.models,
            "/models": self.models,
            "/info": self.info,
            "/tei/info": self.info,
            "/health": self.health,
            "/tei/health": self.health,
            "/ready": self.ready,
            "/metrics": self.metrics,
            "/openapi.json": self.openapi,
        }

    def route(self, path: str, answer: _Endpoint, method: str) -> Route:
        """Return the route to *answer*, which notes its path in the visit."""

        async def noted(request: Request) -> Response:
            _visit(request).route = path
            return await answer(request)

        return Route(path, noted, methods=[method])

    async def rank(self, shape: str, request: Request) -> Response:
        """Rank the documents of a request."""
        service, visit = self._service, _visit(request)
        limits = service.limits
        body = await read_body(request, limits.max_body, limits.body_seconds)
        question = Question.parse(body, limits.max_documents)
        visit.documents = len(question.documents)
        name = service.name(request.path_params.get("model", question.model))
        visit.reranker = name
        if shape == "rerank":  # one path, three families
            shape = _shape(question, visit)
        with continued(visit.headers):
            asked = service.rank(name, question, every=shape in _WHOLE)
            try:
                ranking = await _unless_left(request, asked)
            except (Problem, ClientDisconnect, asyncio.CancelledError):
                raise
            except Exception as error:  # noqa: BLE001  # a plugin's
                raise Problem.of(error, name, near=visit.is_near) from None
        answer = Answer(
            question=question,
            ranked=ranking.ranked,
            model=name,
            request_id=visit.id,
            near=visit.is_near,
            waited=ranking.waited,
            took=ranking.took,
        )
        timing = f"queue;dur={ranking.waited * 1e3:.1f}, "
        timing += f"rank;dur={ranking.took * 1e3:.1f}"
        content = to_json(SHAPES[shape](answer), inf_nan_mode="null")
        headers = {"server-timing": timing}
        return Response(content, headers=headers, media_type="application/json")

    async def models(self, request: Request) -> Response:
        """List the rerankers that are served."""
        service, near = self._service, _visit(request).is_near
        data = []
        for name in service.names:
            state = service.state(name)
            entry = {
                "id": name,
                "object": "model",
                "created": 0,
                "owned_by": "resift",
                "status": state.status,
                "default": name == service.default,
            }
            if near and state.reason:
                entry["reason"] = state.reason
            data.append(entry)
        return JSONResponse({"object": "list", "data": data})

    async def info(self, request: Request) -> Response:
        """Answer as Text Embeddings Inference does: some clients ask first."""
        del request
        limits = self._service.limits
        labels = {"id2label": {"0": "LABEL_0"}, "label2id": {"LABEL_0": 0}}
        return JSONResponse(
            {
                "model_id": self._service.default,
                "model_type": {"reranker": labels},
                "max_client_batch_size": limits.max_documents,
                "max_concurrent_requests": limits.queue,
                "version": resift.__version__,
            }
        )

    async def health(self, request: Request) -> Response:
        """Say that the server lives."""
        del request
        return JSONResponse({"status": "ok"})

    async def ready(self, request: Request) -> Response:
        """Say whether it is worth asking."""
        del request
        service = self._service
        rerankers = {name: service.state(name).status for name in service.names}
        status = 200 if service.is_ready else 503
        body = {"ready": service.is_ready, "rerankers": rerankers}
        headers = {} if service.is_ready else {"retry-after": "2"}
        return JSONResponse(body, status, headers=headers)

    async def metrics(self, request: Request) -> Response:
        """Return what Prometheus reads."""
        del request
        kind = "text/plain; version=0.0.4; charset=utf-8"
        return PlainTextResponse(self._service.measure(), media_type=kind)

    async def openapi(self, request: Request) -> Response:
        """Describe the paths."""
        del request
        return JSONResponse(openapi(_RANKINGS, self.pages))


def _shape(question: Question, visit: Visit) -> str:
    """Tell who asks at ``/rerank``: TEI's clients, LiteLLM, or any other."""
    if question.is_texts:
        return "list"
    is_litellm = visit.headers.get("user-agent", "").startswith("litellm/")
    return "bare" if is_litellm else "results"


async def _unless_left(request: Request, asked: Awaitable[_T]) -> _T:
    """Await *asked*, and drop it when the client leaves.

    Raises:
        ClientDisconnect: If the client left.
    """
    work, has_left = asyncio.current_task(), False

    async def watch() -> None:
        nonlocal has_left
        await request.receive()  # the body is read: it waits for the end
        has_left = True
        if work is not None:
            work.cancel()

    watcher = asyncio.ensure_future(watch())
    try:
        return await asked
    except asyncio.CancelledError:
        if work is not None and has_left and work.uncancel() == 0:
            raise ClientDisconnect from None
        raise
    finally:
        watcher.cancel()
