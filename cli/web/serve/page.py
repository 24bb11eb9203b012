"""The page to try variants on: a picture or the camera, thresholds, and variants side by side."""

from __future__ import annotations

from zcc.web.document import document, shipped, theme_switch
from zcc.web.marks import mark
from zcc.web.markup import Child, Markup, tag
from zcc.web.serve.offer import ADAPTIVE, Offer
from zcc.web.serve.settings import Settings


def page(offer: Offer, settings: Settings) -> str:
    """The text of the page."""
    manifest = offer.manifest
    title = tag(
        "div",
        tag("p", "zcc serve", class_="eyebrow"),
        tag("h1", manifest.name),
        tag("p", f"{len(manifest.classes)} classes · {manifest.input.width}×{manifest.input.height}", class_="soft"),
    )
    body = [
        tag("a", "Skip to the picture", href="#stage", class_="skip"),
        tag("header", title, theme_switch(), class_="masthead page-width"),
        tag("main", _controls(offer, settings), _stage(), class_="page-width layout"),
        tag("footer", _endpoints(manifest.name), class_="page-width small soft"),
    ]
    styles, script = shipped("theme.css", "serve/serve.css"), shipped("theme.js", "serve/serve.js")
    return document(f"{manifest.name} · zcc serve", body, styles, script, connects="'self'")


def _controls(offer: Offer, settings: Settings) -> Markup:
    source = tag(
        "div",
        tag(
            "label", "Choose a picture", tag("input", type="file", accept="image/*", id="file"), class_="button primary"
        ),
        tag("button", "Camera", type="button", id="camera", aria_pressed="false"),
        class_="buttons",
    )
    sliders = (
        _slider("conf", "Least score", settings.conf),
        _slider("iou", "Most overlap in a class", settings.iou),
    )
    return tag(
        "div",
        tag("section", tag("h2", "Source"), source, class_="card part"),
        tag("section", tag("h2", "Thresholds"), *sliders, class_="card part"),
        tag("section", tag("h2", "Variants"), _variants(offer), class_="card part"),
        tag("section", tag("h2", "Scene"), _scene(offer), class_="card part"),
        class_="controls",
    )


def _slider(key: str, title: str, value: float) -> Markup:
    return tag(
        "div",
        tag(
            "div",
            tag("label", title, for_=key),
            tag("output", f"{value:.2f}", for_=key, id=f"{key}-told"),
            class_="spread",
        ),
        tag("input", type="range", id=key, min="0", max="1", step="0.01", value=value, data_threshold=True),
        class_="slider",
    )


def _variants(offer: Offer) -> Child:
    boxes = [
        tag(
            "label",
            tag("input", type="checkbox", value=key, data_variant=True, checked=key == offer.default),
            mark(key),
            tag("span", tag("b", key), tag("span", variant.manifest.target, class_="small soft"), class_="stacked"),
            class_="choice",
        )
        for key, variant in offer.variants.items()
    ]
    if offer.adaptive:
        told = "changes with the scene"
        boxes.append(
            tag(
                "label",
                tag("input", type="checkbox", value=ADAPTIVE, data_variant=True),
                tag("span", tag("b", ADAPTIVE), tag("span", told, class_="small soft"), class_="stacked"),
                class_="choice",
            )
        )
    return tag("fieldset", tag("legend", "Side by side", class_="unseen"), *boxes, class_="choices")


def _scene(offer: Offer) -> Child:
    hint = (
        None
        if offer.adaptive
        else tag("p", "One precision, or none that was measured: nothing to change between.", class_="small soft")
    )
    return [
        tag("div", tag("span", "Edge pixels"), tag("output", "–", id="edges"), class_="spread"),
        tag("meter", min="0", max="0.5", value="0", id="edges-meter", aria_label="Share of edge pixels"),
        tag("div", tag("span", "Objects"), tag("output", "–", id="objects"), class_="spread"),
        tag("div", tag("span", "Runs"), tag("output", "–", id="running", class_="pill"), class_="spread"),
        hint,
    ]


def _stage() -> Markup:
    drop = tag(
        "div",
        tag("p", "Drop a picture here", class_="drop-title"),
        tag("p", "choose one, paste one, or use the camera. Nothing is kept.", class_="soft"),
        class_="drop card",
        id="drop",
    )
    video = tag("video", id="video", muted=True, playsinline=True, hidden=True)
    status = tag("p", role="status", id="status", class_="small soft")
    return tag(
        "div",
        drop,
        status,
        tag("div", class_="results", id="results"),
        video,
        id="stage",
        tabindex="-1",
        class_="stage",
    )


def _endpoints(name: str) -> Markup:
    told = f"POST /detect · POST /v2/models/{name}/infer · GET /metrics · GET /healthz"
    return tag("p", tag("code", told))
