"""What zcc writes into an OCI registry and reads from it: image-spec 1.1 documents, held to rules when they come in.

    a tag     -> an image index, with an entry for each variant and the platform that it is for
    a variant -> an image manifest: its config is the artifact's meta.json, its layers are the artifact's files
    envelope  -> an image manifest with a variant as its subject, its one layer the bytes of a signature

A file is found by its digest alone. Titles are written for other tools, and never read.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from zcc.runtime import limits
from zcc.runtime.errors import CorruptArtifact, IncompatibleHost
from zcc.runtime.manifest import FILENAME, Manifest, Measurement, read_figures
from zcc.runtime.remotes.address import DIGEST
from zcc.runtime.rules import Breach, anything, integer, list_of, one_of, record, strict_json, table, text

INDEX = "application/vnd.oci.image.index.v1+json"
IMAGE = "application/vnd.oci.image.manifest.v1+json"
EMPTY = "application/vnd.oci.empty.v1+json"
DETECTOR = "application/vnd.zcc.detector.v1"  # an index of variants
ARTIFACT = "application/vnd.zcc.artifact.v1"  # one variant
CONFIG = "application/vnd.zcc.manifest.v1+json"  # its meta.json
FILE = "application/vnd.zcc.file.v1"  # one of its files
ENVELOPE = "application/vnd.in-toto+json"  # a signature

TITLE = "org.opencontainers.image.title"
CREATED = "org.opencontainers.image.created"
NAME, DTYPE, TARGET = "dev.zcc.name", "dev.zcc.dtype", "dev.zcc.target"
MEASURED = "dev.zcc.measured"  # figures since it was built, as JSON

REMEDY = "push it again"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}  # as Go names them, and with it the image-spec

_TEXTS = table(text(limits.REMOTE_DOCUMENT), 64)
_DESCRIPTOR = record(
    {"mediaType": text(255, 1), "digest": text(71, 71, DIGEST), "size": integer(0, limits.FILE)},
    {"annotations": _TEXTS, "artifactType": text(255, 1)},
    others=anything,
)
_DESCRIPTORS = list_of(_DESCRIPTOR, limits.REMOTE_ENTRIES)
_KINDS = {
    INDEX: record(
        {"schemaVersion": one_of(2), "manifests": _DESCRIPTORS}, {"mediaType": one_of(INDEX)}, others=anything
    ),
    IMAGE: record(
        {"schemaVersion": one_of(2), "config": _DESCRIPTOR, "layers": list_of(_DESCRIPTOR, limits.REMOTE_ENTRIES)},
        {"mediaType": one_of(IMAGE), "subject": _DESCRIPTOR, "artifactType": text(255, 1)},
        others=anything,
    ),
}


@dataclass(frozen=True)
class Descriptor:
    """What a document says of another document or of a blob."""

    media_type: str
    digest: str
    size: int
    artifact_type: str | None = None
    annotations: Mapping[str, str] = field(default_factory=dict)
    platform: Mapping[str, str] = field(default_factory=dict)

    @property
    def sha256(self) -> str:
        """The digest's hex digits."""
        return self.digest.removeprefix("sha256:")

    def written(self) -> dict[str, Any]:
        """As it stands in a document."""
        every = {
            "mediaType": self.media_type,
            "digest": self.digest,
            "size": self.size,
            "artifactType": self.artifact_type,
            "annotations": dict(self.annotations),
            "platform": dict(self.platform),
        }
        return {key: value for key, value in every.items() if value or key == "size"}


def describe(content: bytes, media_type: str, **more: Any) -> Descriptor:
    """The descriptor of these bytes."""
    return Descriptor(media_type, f"sha256:{hashlib.sha256(content).hexdigest()}", len(content), **more)


def read_document(content: bytes, kind: str, source: str) -> Any:
    """A document of a kind, held against its rules; `source` names it in errors."""
    try:
        raw = strict_json(content.decode(), limits.REMOTE_DOCUMENT)
        _KINDS[kind](raw, "")
    except ValueError as error:
        reason = str(error) if isinstance(error, Breach) else type(error).__name__
        raise CorruptArtifact(f"{source} is no OCI document that zcc can read ({reason})", REMEDY) from error
    return raw


def descriptor(raw: Mapping[str, Any]) -> Descriptor:
    """A descriptor of a document that was held against its rules."""
    return Descriptor(
        raw["mediaType"], raw["digest"], raw["size"], raw.get("artifactType"), dict(raw.get("annotations", {}))
    )


def entries(content: bytes, source: str) -> list[Descriptor]:
    """The variants that an index lists; what else it lists is others' business."""
    raw = read_document(content, INDEX, source)
    found = [descriptor(each) for each in raw["manifests"] if each["mediaType"] == IMAGE]
    kept = [each for each in found if each.artifact_type in (None, ARTIFACT)]
    if not kept:
        raise IncompatibleHost(f"{source} lists no variant of a detector", "name what zcc pushed")
    return kept


def config_of(content: bytes, source: str) -> Descriptor:
    """Where the meta.json is of the variant that an image manifest is of."""
    config = descriptor(read_document(content, IMAGE, source)["config"])
    if config.media_type != CONFIG:
        raise IncompatibleHost(f"{source} is no detector of zcc's: its config is {config.media_type}", "name another")
    if config.size > limits.MANIFEST:
        raise CorruptArtifact(f"{source} has a {FILENAME} of {config.size} bytes, more than {limits.MANIFEST}", REMEDY)
    return config


def check_layers(content: bytes, manifest: Manifest, source: str) -> None:
    """Refuse an image manifest that lacks a file of the artifact, or has it in another size."""
    there = {(each["digest"], each["size"]) for each in read_document(content, IMAGE, source)["layers"]}
    for entry in manifest.files:
        if (f"sha256:{entry.sha256}", entry.size) not in there:
            raise CorruptArtifact(f"{source} does not hold {entry.path} as its {FILENAME} names it", REMEDY)


def claimed_figures(entry: Descriptor, source: str) -> tuple[Measurement, ...]:
    """What an index says was measured of a variant since it was built."""
    written = entry.annotations.get(MEASURED)
    if written is None:
        return ()
    try:
        raw = strict_json(written, limits.REMOTE_DOCUMENT)
    except ValueError as error:
        raise CorruptArtifact(f"{source} holds what are no figures ({type(error).__name__})", REMEDY) from error
    return read_figures(raw, source)


def image_of(manifest: Manifest) -> bytes:
    """The image manifest of a variant; the same artifact has the same bytes wherever it is pushed to."""
    config = describe(manifest.to_json().encode(), CONFIG, annotations={TITLE: FILENAME})
    files = [
        Descriptor(FILE, f"sha256:{entry.sha256}", entry.size, annotations={TITLE: entry.path})
        for entry in manifest.files
    ]
    return _image(ARTIFACT, config, files, annotations={CREATED: manifest.created, **_names(manifest)})


def entry_of(manifest: Manifest, figures: Sequence[Mapping[str, Any]]) -> Descriptor:
    """The entry of a variant in an index, with the figures that were measured since it was built."""
    requires = manifest.requires
    told = {MEASURED: json.dumps(list(figures), ensure_ascii=False)} if figures else {}
    return describe(
        image_of(manifest),
        IMAGE,
        artifact_type=ARTIFACT,
        annotations={**_names(manifest), **told},
        platform={"os": requires.os, "architecture": ARCHITECTURES.get(requires.arch, requires.arch)},
    )


def index_of(variants: Iterable[Descriptor]) -> bytes:
    """The index of a detector's variants."""
    return _written({"mediaType": INDEX, "artifactType": DETECTOR, "manifests": _all_written(variants)})


def referrers_of(entries: Iterable[Descriptor]) -> bytes:
    """The index of what refers to one document."""
    return _written({"mediaType": INDEX, "manifests": _all_written(entries)})


def envelope_image(envelope: bytes, subject: Descriptor) -> bytes:
    """The image manifest that ties a signature to a variant."""
    about = Descriptor(subject.media_type, subject.digest, subject.size)
    return _image(ENVELOPE, describe(NOTHING, EMPTY), [describe(envelope, ENVELOPE)], subject=about.written())


NOTHING = b"{}"  # the config of what needs none


def _names(manifest: Manifest) -> dict[str, str]:
    return {NAME: manifest.name, DTYPE: manifest.dtype, TARGET: manifest.target}


def _image(artifact_type: str, config: Descriptor, layers: Sequence[Descriptor], **more: Any) -> bytes:
    return _written(
        {
            "mediaType": IMAGE,
            "artifactType": artifact_type,
            "config": config.written(),
            "layers": _all_written(layers),
            **more,
        }
    )


def _all_written(descriptors: Iterable[Descriptor]) -> list[dict[str, Any]]:
    return [each.written() for each in descriptors]


def _written(document: Mapping[str, Any]) -> bytes:
    return json.dumps({"schemaVersion": 2, **document}, separators=(",", ":"), ensure_ascii=False).encode()
