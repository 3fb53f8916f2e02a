"""`debug:wait`: let time pass."""

import time

from pydantic import BaseModel, Field

from towpath.kit.errors import Invalid
from towpath.sdk.types import Action, StepContext

LONGEST_S = 600.0


class Takes(BaseModel):
    """The parts add up; at most ten minutes."""

    minutes: float = Field(0, ge=0, description="Minutes to wait")
    seconds: float = Field(0, ge=0, description="Seconds to wait")
    milliseconds: float = Field(0, ge=0, description="Milliseconds to wait")


class Gives(BaseModel):
    """Nothing but time."""


def run(takes: Takes, ctx: StepContext) -> Gives:
    """Wait, and stop at once when the run is cancelled; a dry run does not wait."""
    total_s = takes.minutes * 60 + takes.seconds + takes.milliseconds / 1000
    if total_s > LONGEST_S:
        raise Invalid(f"{total_s:.0f} s is longer than ten minutes", hint="wait for an event instead of a time")
    ctx.log(f"Waiting {total_s:g} s")
    end = time.monotonic() + (0 if ctx.dry_run else total_s)
    while (left_s := end - time.monotonic()) > 0:
        ctx.check()
        time.sleep(min(0.1, left_s))
    return Gives()


ACTION = Action("debug:wait", "Let time pass, ten minutes at most", Takes, Gives, run)
