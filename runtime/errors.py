"""Every error that zcc raises on purpose, in one tree.

    ZccError
    ├── UsageError            the command line or a call's arguments cannot mean anything (exit 2)
    │   └── WrongTask         a result is asked for what only another task's has
    ├── InputError            a file or value from outside cannot be used
    │   ├── ModelError        the ONNX file: unreadable, unsupported head or operator
    │   ├── FrameError        a frame: wrong type, shape or memory
    │   └── DatasetError      a labelled folder or an image
    ├── BuildError            a stage of the compiler failed
    ├── TuningError           a search for faster kernels cannot be made
    ├── BenchmarkError        a measurement cannot be made, or would mean nothing
    ├── SensorError           a sensor of this machine is not there, or cannot be read
    ├── DeviceError           a graphics card refused or failed
    │   ├── OutOfMemory       its memory is used up
    │   └── DeviceLost        it runs nothing more of this process, which must be started anew
    ├── ArtifactError         a stored artifact
    │   ├── CorruptArtifact   its bytes are not what its manifest says
    │   ├── IncompatibleHost  this machine cannot run it
    │   └── TrustError        nobody who is trusted vouches for it, or it is not what a policy asks for
    └── RegistryError         the registry
        ├── NotFound          no such reference
        ├── Ambiguous         a reference that could mean several artifacts
        ├── CorruptIndex      what the index says cannot be believed
        └── Unavailable       the registry cannot be read or written

A message names the thing and the cause; the remedy names the way out. Together they are one line.
"""

from __future__ import annotations

from zcc.runtime.escaping import escaped


class ZccError(Exception):
    """What went wrong, and what to do about it, in one line."""

    exit_code = 1

    def __init__(self, problem: str, remedy: str = "") -> None:
        self.problem = _one_line(problem)
        self.remedy = _one_line(remedy)
        super().__init__(f"{self.problem}; {self.remedy}" if self.remedy else self.problem)


def _one_line(text: str) -> str:
    """Whatever the text quotes, it is read and does nothing else."""
    return escaped(" ".join(text.split()))


class UsageError(ZccError):
    """The arguments cannot mean anything, whatever the machine."""

    exit_code = 2


class WrongTask(UsageError, AttributeError):
    """A result is asked for what only the results of another task have."""


class InputError(ZccError):
    """A file or value from outside cannot be used."""


class ModelError(InputError):
    """The model file cannot be compiled."""


class FrameError(InputError):
    """A frame cannot be read as pixels."""


class DatasetError(InputError):
    """A folder of images or labels cannot be used."""


class BuildError(ZccError):
    """A stage of the compiler failed on a model it accepted."""


class TuningError(ZccError):
    """Kernels cannot be measured, or tuning records cannot be read or written."""


class BenchmarkError(ZccError):
    """A measurement cannot be made, or would mean nothing."""


class SensorError(ZccError):
    """A sensor of this machine is not there, or cannot be read."""


class DeviceError(ZccError):
    """A graphics card refused or failed."""


class OutOfMemory(DeviceError):
    """The memory of a graphics card is used up."""


class DeviceLost(DeviceError):
    """A failure that stays: whatever this process asks of the card from now on fails likewise."""


class ArtifactError(ZccError):
    """A stored artifact cannot be used."""


class CorruptArtifact(ArtifactError):
    """The bytes of an artifact are not those its manifest names."""


class IncompatibleHost(ArtifactError):
    """The artifact is sound, but not for this machine."""


class TrustError(ArtifactError):
    """Nobody who is trusted vouches for the artifact, or it is not what a policy asks for."""


class RegistryError(ZccError):
    """The registry refused or failed."""


class NotFound(RegistryError):
    """Nothing in the registry answers to the reference."""


class Ambiguous(RegistryError):
    """The reference answers to several artifacts."""


class CorruptIndex(RegistryError):
    """What the index says cannot be believed."""


class Unavailable(RegistryError):
    """The registry cannot be read or written."""
