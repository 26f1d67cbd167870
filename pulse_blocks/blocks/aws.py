"""Keys from an AWS Credentials block (prefect-aws), handed to the door to S3 in memory."""

from __future__ import annotations

import msgspec

from pulse_blocks.blocks.loading import load_block
from pulse_blocks.errors import PulseError
from pulse_blocks.stores.s3_calls import Credentials, sign_in


class Place(msgspec.Struct, frozen=True):
    """Where keys are for, and the variables in which AWS's own tools look for them. Nothing of it is secret."""

    endpoint: str | None
    region: str | None
    variables: tuple[str, ...]


def sign_in_with(block: str, bucket: str | None = None) -> Place:
    """Use the keys of an AWS Credentials block in all of this process, for one bucket or for all.

    Raises PulseError for a block that is not there, or has no keys.
    """
    from prefect_aws import AwsCredentials

    found = load_block(AwsCredentials, block)
    if found is None:
        raise PulseError(
            "block.missing",
            f"There is no AWS Credentials block {block} on the Prefect server.",
            "Create it below Blocks in the Prefect UI, or correct the name.",
        )
    # The session also knows profiles and assumed roles.
    session = found.get_boto3_session().get_credentials()
    if session is None:
        raise PulseError(
            "block.invalid",
            f"The AWS Credentials block {block} has no keys, and neither has this machine.",
            "Give it an access key, a profile or a role.",
        )
    keys = session.get_frozen_credentials()
    endpoint = found.aws_client_parameters.get_params_override().get("endpoint_url")
    sign_in(Credentials(keys.access_key, keys.secret_key, keys.token, found.region_name, endpoint), bucket)
    token = () if keys.token is None else ("AWS_SESSION_TOKEN",)
    return Place(endpoint, found.region_name, ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", *token))
