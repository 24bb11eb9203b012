"""What a policy would have chosen, frame by frame, had it been there."""

from __future__ import annotations

from zcc.compiler.adapting.recording import Recording
from zcc.runtime.adaptive.frame_observer import Observer
from zcc.runtime.adaptive.policy import Policy
from zcc.runtime.errors import UsageError


def replay(recording: Recording, policy: Policy) -> list[str]:
    """The dtype of each frame. The policy gets what the frames before showed on the variants that it chose."""
    observer, chosen = Observer(recording.compared()), []
    for frame in recording.frames:
        dtype = policy.choose(observer.observed)
        if dtype not in frame.takes:
            known = ", ".join(recording.dtypes)
            raise UsageError(f"the policy chose {dtype!r}, which is not resident: {known}", "load it, too")
        take = frame.takes[dtype]
        observer.saw(dtype, take.found, frame.pixels, take.milliseconds)
        chosen.append(dtype)
    return chosen
