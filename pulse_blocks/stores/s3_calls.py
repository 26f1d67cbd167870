"""The door to S3: one call at a time, retried where that can help, its errors in our words.

What may pass by itself (503, a stall, a cut connection) is tried again with growing pauses, then told once. What will
not (wrong or expired credentials, no such bucket) is told at once.
"""

from __future__ import annotations

import functools
import os
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pulse_blocks.errors import PulseError, UnavailableError
from pulse_blocks.stores.s3_url import S3Place

CONNECT_SECONDS, READ_SECONDS = 5, 20
PAUSES = (0.2, 0.5, 1.0, 2.0, 4.0)
_AWS = "AWS"
Result = TypeVar("Result")

_CREDENTIALS = {
    "InvalidAccessKeyId": "the access key is not known",
    "SignatureDoesNotMatch": "the secret key does not fit the access key",
    "ExpiredToken": "the session token has expired",
    "ExpiredTokenException": "the session token has expired",
    "TokenRefreshRequired": "the session token has expired",
    "InvalidToken": "the session token is not valid",
    "InvalidClientTokenId": "the session token is not valid",
    "RequestTimeTooSkewed": "the clock of this machine differs too much from the server's",
}
_REGION = ("AuthorizationHeaderMalformed", "PermanentRedirect", "IllegalLocationConstraintException", "301")
_BUSY = ("SlowDown", "RequestTimeout", "OperationAborted", "ConditionalRequestConflict", "Throttling")
_ENVIRONMENT = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_PROFILE",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
    "AWS_DEFAULT_REGION",
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
)
_SIGN_IN = "Look at AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, the AWS profile, or the workspace block's credentials."


@dataclass(frozen=True, repr=False)
class Credentials:
    """Keys that were handed over by a program; they are kept in memory only and never shown."""

    key: str
    secret: str
    token: str | None = None
    region: str | None = None
    endpoint: str | None = None


class MissingError(Exception):
    """There is no such object."""


class TakenError(Exception):
    """A condition of the call does not hold: the key exists already."""


_signed_in: dict[str | None, Credentials] = {}


def sign_in(credentials: Credentials, bucket: str | None = None) -> None:
    """Use these instead of the environment's or a profile's, in all of this process from now on.

    With ``bucket`` only for that one, where they go before those for all.
    """
    _signed_in[bucket] = credentials


def signed_in(bucket: str | None = None) -> Credentials | None:
    """What ``sign_in`` was given, for a process that works for this one, say."""
    return _signed_in.get(bucket) or _signed_in.get(None)


class Calls:
    """S3's methods for one place, by the names that boto gives them."""

    def __init__(self, place: S3Place) -> None:
        self._place = place

    def __call__(self, method: str, key: str | None = None, **arguments: Any) -> Any:
        """Call a method on a bucket (by default the place's own), or on a key in it.

        Raises MissingError, TakenError, PulseError or UnavailableError.
        """
        arguments.setdefault("Bucket", self._place.bucket)
        if key is not None:
            arguments["Key"] = key
        return self._retried(lambda filesystem: filesystem.call_s3(method, **arguments), arguments["Bucket"])

    def read(self, key: str, bucket: str | None = None) -> bytes:
        """An object's bytes, all of them."""
        held = bucket or self._place.bucket
        return bytes(self._retried(lambda filesystem: filesystem.cat_file(f"{held}/{key}"), held))

    def fetch(self, key: str, path: Path) -> None:
        """An object's bytes into a file, in parts. Raises MissingError where it is gone."""
        held = self._place.bucket
        self._retried(lambda filesystem: filesystem.get_file(f"{held}/{key}", str(path)), held)

    def _retried(self, call: Callable[[Any], Result], bucket: str) -> Result:
        started = time.monotonic()
        for pause in (*PAUSES, None):
            try:
                return call(self._filesystem())
            except Exception as error:
                reason = self._passing(error, bucket)
                if pause is None:
                    raise self._unavailable(reason, bucket, time.monotonic() - started) from error
            time.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 - spreads callers, no secret
        raise AssertionError  # pragma: no cover - the last pause is None

    def _filesystem(self) -> Any:
        environment = tuple(os.environ.get(name) for name in _ENVIRONMENT)
        return _filesystem(self._place, signed_in(self._place.bucket), environment)

    def options(self) -> dict[str, str]:
        """How polars' own reader gets to the same bucket with the same keys. Raises PulseError where there are none."""
        import botocore.session

        given = signed_in(self._place.bucket)
        session = botocore.session.Session(profile=None if given else self._place.profile)
        if given is None:
            given = _found(session)
        if given is None:
            raise self._refused(self._place.bucket, "there are none")
        server = self._server()
        region = self._place.region or given.region or session.get_config_variable("region")
        options = {
            "aws_access_key_id": given.key,
            "aws_secret_access_key": given.secret,
            "aws_session_token": given.token,
            "aws_region": region or "us-east-1",
            "aws_endpoint_url": None if server == _AWS else server,
            "aws_allow_http": "true" if server.startswith("http://") else None,
        }
        return {name: value for name, value in options.items() if value}

    def _unavailable(self, reason: str, bucket: str, seconds: float) -> UnavailableError:
        return UnavailableError(
            "store.unavailable",
            f"The S3 bucket {bucket} at {self._server()} is out of reach: {reason} "
            f"({len(PAUSES) + 1} tries in {seconds:.0f} s).",
            "Try again when the server answers.",
        )

    def _server(self) -> str:
        signed = signed_in(self._place.bucket)
        given = self._place.endpoint or (signed.endpoint if signed else None)
        found = given or os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
        return found or _AWS

    def _passing(self, error: Exception, bucket: str) -> str:
        """Why a call failed, where trying again may help. Raises the error in our words where not."""
        from botocore import exceptions as boto
        from fsspec.exceptions import FSTimeoutError

        response = getattr(error.__cause__, "response", None)
        if response is not None:
            return self._answered(response, bucket, error)
        if isinstance(error, (boto.NoCredentialsError, boto.PartialCredentialsError, boto.ProfileNotFound)):
            raise self._refused(bucket, str(error).rstrip(".")) from error
        if isinstance(error, (boto.CredentialRetrievalError, boto.TokenRetrievalError, boto.SSOError)):
            raise self._refused(bucket, str(error).rstrip(".")) from error
        if isinstance(error, (boto.ParamValidationError, boto.InvalidEndpointConfigurationError, ValueError)):
            raise PulseError("store.failed", f"The S3 bucket {bucket} cannot be asked: {error}.") from error
        stalls = (boto.ReadTimeoutError, boto.ConnectTimeoutError, FSTimeoutError, TimeoutError)
        if isinstance(error, stalls):
            return "it does not answer in time"
        if isinstance(error, (boto.BotoCoreError, OSError)) or type(error).__module__.startswith("aiohttp"):
            return " ".join(str(error).split()) or type(error).__name__
        raise error

    def _answered(self, response: Any, bucket: str, error: Exception, *, asked: bool = False) -> str:
        """As ``_passing``, by what the server said; ``asked`` where it has been asked for the reason already."""
        said = response.get("Error", {})
        code, status = str(said.get("Code")), response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if code == "NoSuchBucket":
            raise PulseError(
                "store.bucket_missing", f"There is no S3 bucket {bucket} at {self._server()}.", "Create it."
            ) from error
        if status == 404:
            raise MissingError from error
        if status == 412:
            raise TakenError from error
        if code in _CREDENTIALS:
            raise self._refused(bucket, _CREDENTIALS[code]) from error
        if code == str(status) and status in (400, 401, 403) and not asked:
            self._ask_why(bucket)
        if status in (401, 403):
            message = str(said.get("Message") or code)
            raise PulseError(
                "store.denied", f"The S3 bucket {bucket} at {self._server()} refuses: {message}.", _SIGN_IN
            ) from error
        if code in _REGION or status == 301:
            raise PulseError(
                "store.region",
                f"The S3 bucket {bucket} is in another region.",
                "Add ?region=REGION to the store's URL, or set AWS_DEFAULT_REGION.",
            ) from error
        if status >= 500 or status == 429 or code.startswith(_BUSY):
            return f"it answers {status} {code}"
        raise PulseError(
            "store.failed",
            f"The S3 bucket {bucket} at {self._server()} answers {status} {code}: {said.get('Message')}.",
        ) from error

    def _ask_why(self, bucket: str) -> None:
        """The answer to HEAD has no body, and so no reason: make a call whose refusal has one."""
        try:
            self._filesystem().call_s3("list_objects_v2", Bucket=bucket, MaxKeys=1)
        except Exception as error:  # noqa: BLE001 - without an answer the refusal itself is told
            response = getattr(error.__cause__, "response", None)
            if response is not None:
                self._answered(response, bucket, error, asked=True)

    def _refused(self, bucket: str, reason: str) -> PulseError:
        return PulseError(
            "store.credentials",
            f"The S3 bucket {bucket} at {self._server()} cannot be opened with these credentials: {reason}.",
            _SIGN_IN,
        )


@functools.lru_cache(maxsize=8)
def _filesystem(place: S3Place, given: Credentials | None, _environment: tuple[str | None, ...]) -> Any:
    """One client for each way of getting there. Nothing is asked yet, and nothing tried twice by itself."""
    import s3fs

    region = place.region or (given.region if given else None)
    endpoint = place.endpoint or (given.endpoint if given else None)
    config: dict[str, Any] = {
        "connect_timeout": CONNECT_SECONDS,
        "read_timeout": READ_SECONDS,
        "retries": {"total_max_attempts": 1},
        # Other servers than AWS refuse the checksum trailers of newer clients; hashes are our own.
        "request_checksum_calculation": "when_required",
        "response_checksum_validation": "when_required",
    }
    if endpoint or os.environ.get("AWS_ENDPOINT_URL") or os.environ.get("AWS_ENDPOINT_URL_S3"):
        config["s3"] = {"addressing_style": "path"}
    more = {"profile": place.profile} if place.profile and not given else {}
    filesystem = s3fs.S3FileSystem(
        key=given.key if given else None,
        secret=given.secret if given else None,
        token=given.token if given else None,
        endpoint_url=endpoint,
        client_kwargs={"region_name": region} if region else None,
        config_kwargs=config,
        max_concurrency=1,
        skip_instance_cache=True,
        use_listings_cache=False,
        **more,
    )
    filesystem.retries = 1
    return filesystem


def _found(session: Any) -> Credentials | None:
    """The keys of the environment, a profile or a role, as they are now."""
    found = session.get_credentials()
    if found is None:
        return None
    keys = found.get_frozen_credentials()
    return Credentials(keys.access_key, keys.secret_key, keys.token)
