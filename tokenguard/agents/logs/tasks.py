"""What Cline and the extensions that came of it keep in an editor: for each task a document of what its window shows.

- A response is a message `api_req_started`, whose text is JSON with the counts; they come when it ends, and the
  document is written anew as a whole each time. They are the request's own and never cumulative.
- Deduplication key: task and time of the message, by which the extension itself knows it; its place among the requests
  only tells apart what has no time, or the same. Going back to a checkpoint takes requests out of the document, and
  others come in their places: what was paid for stays in the ledger.
- Overlap: Cline's `tokensIn` leaves the cache out. Where a request names its `apiProtocol` (Roo Code, Kilo Code), it
  holds the cache: always for `openai`, since October 2025 for `anthropic` too, which shows where it is the larger one.
- `deleted_api_reqs` sums up requests that stood in the document once, and is left out. `subagent_usage` sums up
  sub-agents, whose requests stand nowhere. A condensed conversation (`condense_context`) tells its cost only. What it
  had Claude Code do stands in that one's log.
- The model is that of the message, of `task_metadata.json`, or of what the request says of its surroundings.

Source: `core/task`, `shared/getApiMetrics.ts` of Cline; `core/task/Task.ts`, `shared/cost.ts` of Roo Code 3.5x.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property, partial
from pathlib import Path

from tokenguard.agents.logs.costs import stated
from tokenguard.agents.logs.shape import DOUBTFUL, DROPPED, Document, File, Found, Odd, Places, Sighting
from tokenguard.agents.logs.task_messages import MESSAGES, METADATA, REQUESTS, Message, item_of, usage_of
from tokenguard.agents.logs.values import instant, provider_named
from tokenguard.records import Usage

_EDITORS = ("Code", "Code - Insiders", "Code - OSS", "VSCodium", "Cursor", "Windsurf", "Trae", "Kiro", "Positron")
_SERVERS = (
    ".vscode-server/data",
    ".vscode-server-insiders/data",
    ".cursor-server/data",
    ".windsurf-server/data",
    ".vscodium-server/data",
    ".local/share/code-server",
)
"""Where editors keep the same things on a machine that they work on from another one."""
_DOCUMENT = "*/ui_messages.json"

_REQUEST, _SUBAGENTS, _DELETED, _CONDENSED = (
    "api_req_started",
    "subagent_usage",
    "deleted_api_reqs",
    "condense_context",
)
_AGENT = "claude-code"
"""A provider that is another agent, which keeps a log of its own."""
_MODEL = re.compile(rb"<model>([\w.:/@+-]{1,80})</model>")
_FOLDER = re.compile(r"# Current (?:Workspace|Working) Directory \((/[^)\n]{0,400})\) Files")


def documents(places: Places, agent: str, extension: str) -> tuple[Document, ...]:
    """The tasks of an extension, by its id, in every editor that is known."""
    users = [above / editor for above in (places.config(), _application_support(places)) for editor in _EDITORS]
    users += [places.home / server for server in _SERVERS]
    return tuple(tasks(user / "User" / "globalStorage" / extension / "tasks", agent) for user in users)


def tasks(root: Path, agent: str) -> Document:
    """The tasks in a folder."""
    return Document(root, (_DOCUMENT,), partial(_read, agent))


def _application_support(places: Places) -> Path:
    """Where editors keep their settings on macOS."""
    return places.home / "Library" / "Application Support"


def _read(agent: str, file: File, content: bytes, odd: Odd) -> Found:
    """See `Document.read`."""
    messages, whole = MESSAGES.read(content)
    if messages is None:
        odd(DROPPED, "not-json")
        return ()
    if not whole:
        odd(DOUBTFUL, "malformed")
    return _Task(agent, file, odd).sightings(messages)


class _Task:
    """One task, while its document is read."""

    def __init__(self, agent: str, file: File, odd: Odd) -> None:
        self._agent = agent
        self._file = file
        self._odd = odd
        self._id = file.path.split("/")[-2]
        metadata, _ = METADATA.read(file.beside("task_metadata.json"))
        self._used = metadata.model_usage if metadata else []
        self._item = item_of(file, self._id)
        self._folder = self._item.workspace or self._item.cwdOnTaskInitialization
        self._model = ""
        self._seen: dict[float, int] = {}

    def sightings(self, messages: list[Message]) -> Iterator[Sighting]:
        """Of each request whose counts have come, and of what else was paid for."""
        for place, message in enumerate(messages):
            if message.type != "say":
                continue
            if message.say in (_REQUEST, _SUBAGENTS):
                found = self._request(message, place)
            elif message.say == _CONDENSED and message.contextCondense is not None:
                cost = message.contextCondense.cost
                found = self._sighting(message, place, Usage(), cost, "compaction") if cost and cost > 0 else None
            else:
                if message.say == _DELETED:
                    self._odd(DROPPED, "deleted-requests")
                continue
            if found is not None and found.provider != _AGENT:
                yield found

    def _request(self, message: Message, place: int) -> Sighting | None:
        request, whole = REQUESTS.read((message.text or "{}").encode("utf-8", "replace"))
        if request is None:
            self._odd(DROPPED, "not-json")
            return None
        self._surroundings(request.request or "")
        usage = usage_of(request)
        if not usage.total and not request.cost:
            return None
        if not whole:
            self._odd(DOUBTFUL, "malformed")
        kind = "sub-agent" if message.say == _SUBAGENTS else None
        return self._sighting(message, place, usage, request.cost, kind)

    def _surroundings(self, text: str) -> None:
        """Take note of the model and the folder that a request tells its model of, and of nothing else."""
        if model := _MODEL.search(text.encode("utf-8", "replace")):
            self._model = model[1].decode()
        if self._folder is None and (folder := _FOLDER.search(text)):
            self._folder = folder[1]

    def _sighting(
        self, message: Message, place: int, usage: Usage, cost: float | None, request_class: str | None
    ) -> Sighting:
        provider, model = self._served(message)
        return Sighting(
            key=self._key(message.ts, place),
            agent=self._agent,
            session=self._id,
            at_us=instant(message.ts),
            provider=provider,
            model=model,
            usage=usage,
            parent=self._item.parentTaskId,
            folder=self._folder,
            request_class=request_class,
            stated_nanos=stated(provider, cost),
        )

    def _key(self, at: float | None, place: int) -> str:
        if at is None:
            return f"{self._id}/#{place}"
        again = self._seen.get(at, 0)
        self._seen[at] = again + 1
        return f"{self._id}/{at:.0f}" + (f"#{again}" if again else "")

    def _served(self, message: Message) -> tuple[str, str]:
        """(provider, model) of a request."""
        info = message.modelInfo
        if info is not None and info.modelId:
            return provider_named(info.providerId, info.modelId), info.modelId
        earlier = [used for used in self._used if used.model_id and (used.ts or 0) <= (message.ts or 0)]
        used = earlier[-1] if earlier else next((used for used in self._used if used.model_id), None)
        if used is not None and used.model_id:
            return provider_named(used.model_provider_id, used.model_id), used.model_id
        model = self._model or self._history_model
        return provider_named(None, model), model

    @cached_property
    def _history_model(self) -> str:
        """The model that the conversation names last, which Roo Code tells it with each of its messages."""
        found = _MODEL.findall(self._file.beside("api_conversation_history.json"))
        return found[-1].decode() if found else ""
