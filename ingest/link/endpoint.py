"""A judge for those who have a language model: it is asked what the packaged judge found.

The packaged judge names the theses that an abstract may bear on; the model, behind any
endpoint that speaks the chat-completions protocol, tells stance, whose statement it is, and the
words that show it. An answer that cannot be checked (`ingest.link.question`) is refused, and
the packaged judge's word stands. The model can take a link off the site or put one before a
person; it cannot publish one.

What was answered once is kept in the database and never asked again, so that links can be made
again offline. A model is asked only by those who say so; its answers stand until another judge
is chosen.
"""

from __future__ import annotations

import ipaddress
import json
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, ValidationError

from ingest.errors import BlockedError, FetchError, ParseError, SourceError
from ingest.http import Limits, Session
from ingest.link import question as questions
from ingest.link.judge import Evidence
from ingest.link.question import AnswerError
from kb.errors import ConfigError
from kb.models import Setting
from kb.vocabulary import Stance

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ingest.http import Tally
    from ingest.link.candidates import Reading
    from ingest.link.judge import Judge, Judgement
    from ingest.link.question import Opinion, Question
    from ingest.link.theses import Thesis
    from kb.store import Store

URL, MODEL, KEY = "KB_JUDGE_URL", "KB_JUDGE_MODEL", "KB_JUDGE_KEY"
"""Variables of the environment that name an endpoint."""
_PATH = "/chat/completions"
_LIMITS = Limits(read=120.0, total=180.0, wire=1_000_000, inflated=4_000_000, retries=3)
"""A model may think for a minute before the first byte, and says a thousand of them."""
_MOST = 6
"""Theses that are asked about together, the best first."""
_ROW = 5
"""Answers in a row that cannot be used, after which the model is not asked any more."""
_ANSWER = "answer:"
"""Before the key of a question: the name of the setting that holds its answer."""


class Endpoint:
    """A chat-completions endpoint, and the model to ask for there."""

    model: str

    def __init__(self, url: str, model: str, key: str = "", session: Session | None = None) -> None:
        """Name the endpoint; nothing is asked yet.

        Args:
            url: Its base address, "https://api.example.org/v1", or the whole one. Over https,
                or on this machine.
            model: The model's name there.
            key: Sent as a bearer token; "" for none.
            session: What carries the requests; one with limits that suit a model when None.

        Raises:
            ConfigError: The address, the name or the key cannot be used.
        """
        host, is_here = _host(url)
        if not model or not model.isprintable() or len(model) > 200:
            raise ConfigError(f"{MODEL} is not the name of a model: at most 200 plain characters")
        if not (key.isascii() and key.isprintable()):
            raise ConfigError(f"{KEY} holds a character that no key may hold")
        self.model = model
        self._host = host
        self._url = url if url.endswith(_PATH) else url.rstrip("/") + _PATH
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._session = session or Session({host: 0.0}, limits=_LIMITS, private=is_here)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Endpoint:
        """Return the endpoint that the environment names.

        Raises:
            ConfigError: A variable is missing or cannot be used.
        """
        url, model, key = (environ.get(name, "").strip() for name in (URL, MODEL, KEY))
        missing = " and ".join(name for name, text in ((URL, url), (MODEL, model)) if not text)
        if missing:
            raise ConfigError(
                f"no language model to ask: set {missing} in the environment, and {KEY} where "
                "the endpoint wants a key"
            )
        return cls(url, model, key)

    @property
    def tally(self) -> Tally:
        """What was asked so far, each retry counted."""
        return self._session.tally

    def ask(self, question: Question) -> str:
        """Return what the model says, whatever it is.

        Raises:
            FetchError: Not now: it cannot be reached, does not answer in time, or asks us to
                wait longer than we would. `is_host_wide` tells that asking it something else
                would fail too.
            BlockedError: It refuses the key.
            ParseError: It refuses this request, or its answer is too large.
            AnswerError: It answers, but with no chat completion, or a part of one.
        """
        messages = [{"role": role, "content": text} for role, text in question.messages]
        try:
            body = self._session.fetch(
                self._url,
                _check,
                headers=self._headers,
                json={"model": self.model, "messages": messages},
            )
        except BlockedError as error:
            # What else it says may hold a part of the key.
            status = error.reason.partition(",")[0]
            remedy = f"check {KEY}, and that it is good for {self.model}"
            raise BlockedError(self._host, self._url, status, remedy) from None
        except FetchError as error:
            raise FetchError(
                self._host,
                self._url,
                error.reason,
                "run it again later; until then the packaged judge's links stand where it has "
                "not answered",
                is_host_wide=error.is_host_wide,
                wait=error.wait,
            ) from error
        try:
            choice = _Completion.model_validate_json(body).choices[0]
        except ValidationError:
            raise AnswerError("it is no chat completion with a text") from None
        if choice.finish_reason == "length":
            raise AnswerError("it is cut off")
        return choice.message.content

    def refused(self, reason: str) -> ParseError:
        """Return the error that says what is wrong with the answers of this endpoint."""
        return ParseError(
            self._host, self._url, reason, f"check {URL} and {MODEL}; another model may do"
        )


class _Message(BaseModel):
    content: str


class _Choice(BaseModel):
    message: _Message
    finish_reason: str | None = None


class _Completion(BaseModel):
    choices: list[_Choice] = Field(min_length=1)


class Answers:
    """What models said, kept in the database under the hash of what they were asked."""

    def __init__(self, store: Store) -> None:
        """Keep answers in this database."""
        self._store = store

    def get(self, key: str) -> str:
        """Return an answer, "" where there is none."""
        return self._store.setting(f"{_ANSWER}{key}")

    def put(self, key: str, answer: str) -> None:
        """Keep an answer, at once: the next may not come."""
        with self._store.write() as session:
            session.merge(Setting(name=f"{_ANSWER}{key}", value=answer))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of judging one work."""

    judgements: list[Judgement]
    agents: Mapping[str, str] = field(default_factory=dict)
    """Claim -> who says so, where it is the model. The rest is the packaged judge's word."""
    is_settled: bool = True
    """Whether there is nothing that the model could still be asked about the work."""


class EndpointJudge:
    """Asks a language model about what another judge found.

    Attributes:
        name: "some-model prompt/1, linker/1 all-MiniLM-L6-v2@53aa5117/bf16".
        counts: Works whose answer was used, refused or is absent.
        failure: Why the model is not asked any more; None while it is.
    """

    name: str
    counts: Counter[str]
    failure: SourceError | None

    def __init__(
        self,
        inner: Judge,
        theses: Sequence[Thesis],
        floor: float,
        model: str,
        answers: Answers,
        endpoint: Endpoint | None = None,
    ) -> None:
        """Put a model behind a judge.

        Args:
            inner: Finds the theses to ask about; its word stands where no answer does.
            theses: What `inner` links to.
            floor: The least score of `inner` that is worth a question.
            model: The model whose answers are used.
            answers: Those kept so far, and the place for new ones.
            endpoint: Where that model can be asked; None to use what is kept, and ask nothing.
        """
        self.name = f"{model} prompt/{questions.VERSION}, {inner.name}"
        self.counts = Counter()
        self.failure = None
        self._inner = inner
        self._theses = {thesis.id: thesis for thesis in theses}
        self._floor = floor
        self._model = model
        self._answers = answers
        self._endpoint = endpoint
        self._in_a_row = 0

    @property
    def is_asking(self) -> bool:
        """Whether the model is asked where no answer is kept."""
        return self._endpoint is not None

    def judge(self, reading: Reading) -> list[Judgement]:
        """Return a judgement for every thesis, highest score first; none without a sentence."""
        return self.consider(reading).judgements

    def consider(self, reading: Reading) -> Outcome:
        """Return the judgements with who made them.

        Raises nothing where the model fails: `failure` tells, and `counts`.
        """
        judged = self._inner.judge(reading)
        asked = [each.claim for each in judged if each.score >= self._floor][:_MOST]
        if not asked:
            return Outcome(judged)
        question = questions.ask(reading.passages, [self._theses[id] for id in asked])
        opinions = self._opinions(question)
        if opinions is None:
            return Outcome(judged, is_settled=False)
        said = {opinion.claim: opinion for opinion in opinions}
        merged = [
            _merged(each, said[each.claim], reading) if each.claim in said else each
            for each in judged
        ]
        return Outcome(
            sorted(merged, key=lambda each: (-each.score, each.claim)),
            {opinion.claim: self.name for opinion in opinions if opinion.stance is not None},
        )

    def _opinions(self, question: Question) -> list[Opinion] | None:
        """What the model says, or said before; None where that is nothing we can use."""
        key = question.key(self._model)
        if kept := self._answers.get(key):
            try:
                _, opinions = questions.read(kept, question)
            except AnswerError:
                pass  # damaged: ask again
            else:
                self.counts["answers used"] += 1
                return opinions
        if self._endpoint is None or self.failure is not None:
            self.counts["without an answer"] += 1
            return None
        try:
            form, opinions = questions.read(self._endpoint.ask(question), question)
        except (SourceError, AnswerError) as error:
            self._note(self._endpoint, error)
            return None
        self._in_a_row = 0
        self._answers.put(key, form)
        self.counts["answers used"] += 1
        return opinions

    def _note(self, endpoint: Endpoint, error: SourceError | AnswerError) -> None:
        """Count a question that came to nothing, and decide whether to ask another."""
        if isinstance(error, FetchError) and error.is_host_wide:
            self.counts["without an answer"] += 1
            self.failure = error
            return
        self.counts["answers refused"] += 1
        self._in_a_row += 1
        if self._in_a_row == _ROW:
            why = error.reason if isinstance(error, SourceError) else error
            self.failure = endpoint.refused(
                f"{_ROW} answers of {self._model} in a row cannot be used; of the last: {why}"
            )


def _merged(found: Judgement, said: Opinion, reading: Reading) -> Judgement:
    """The packaged judge's judgement with what the model says of it."""
    if said.stance is None:
        # The two disagree, so a person should look where a link would have been shown.
        return replace(found, published=False, queued=found.published or found.queued)
    span = reading.passages.spans[said.sentence]
    return replace(
        found,
        stance=said.stance,
        how=said.how,
        score=found.score if said.score is None else round(said.score, 4),
        evidence=Evidence(span.start, span.end, reading.passages.sentences[said.sentence]),
        queued=not found.published and (found.queued or said.stance != Stance.mentions),
    )


def _host(url: str) -> tuple[str, bool]:
    """The host of an endpoint's address, and whether it is this machine.

    Raises:
        ConfigError: It is no address that we would send a key to. The message does not repeat
            it: it may hold a password.
    """
    like = "give its base address, like https://api.example.org/v1"
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        host, port, parts = "", None, urlsplit("")
    is_plain = url.isascii() and url.isprintable() and " " not in url
    if not host or parts.scheme not in ("http", "https") or not is_plain:
        raise ConfigError(f"{URL} is not a web address; {like}")
    if "@" in parts.netloc or "?" in url or "#" in url:
        raise ConfigError(
            f"{URL} holds more than an address: no name, ? or # belongs there; {like}"
        )
    is_here = _is_loopback(host)
    if not is_here and parts.scheme == "http":
        raise ConfigError(f"{URL} is plain http to another machine, where all can read it; {like}")
    if not is_here and port not in (None, 443):
        raise ConfigError(
            f"{URL} names port {port}: another machine is asked over https at port 443 only; {like}"
        )
    return host, is_here


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _check(body: bytes) -> str:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return "the answer is not JSON"
    return "" if isinstance(found, dict) else "the answer is not a JSON object"
