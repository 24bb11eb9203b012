// A picture or the camera's frames go to the variants that are ticked; what they find is drawn over them.
(() => {
  const $ = (id) => document.getElementById(id);
  const all = (selector) => [...document.querySelectorAll(selector)];
  const [stage, drop, results, status, video] = ["stage", "drop", "results", "status", "video"].map($);
  let shown = null; // the picture as a bitmap, and as bytes
  let camera = null;
  let turn = 0; // of asking: answers to older questions are thrown away

  const colour = (number) => `hsl(${(number * 222.5) % 360} 90% 62%)`;

  const draw = (canvas, bitmap, detections) => {
    canvas.width = bitmap.width;
    canvas.height = bitmap.height;
    const context = canvas.getContext("2d");
    const unit = Math.max(1, Math.min(bitmap.width, bitmap.height) / 320);
    context.drawImage(bitmap, 0, 0);
    context.font = `600 ${12 * unit}px system-ui, sans-serif`;
    context.textBaseline = "top";
    const around = (corners) => {
      const path = new Path2D();
      for (const [x, y] of corners) path.lineTo(x, y);
      path.closePath();
      return path;
    };
    // What a classifier answers has no box: its classes stand one below the other.
    const listed = (place) => [0, 17 * unit * (place + 1), 0, 0];
    const edges = (each, place) => each.box ?? listed(place);
    for (const [place, each] of [...detections.entries()].reverse()) {
      const [left, top, right, bottom] = edges(each, place);
      const outline = around(each.corners ?? [[left, top], [right, top], [right, bottom], [left, bottom]]);
      for (const [width, ink] of [[3.5, "#000b"], [1.8, colour(each.class)]]) {
        context.lineWidth = width * unit;
        context.strokeStyle = ink;
        context.stroke(outline);
      }
      context.fillStyle = colour(each.class);
      for (const [x, y, seen = 1] of each.keypoints ?? []) if (seen >= 0.5) context.fillRect(x - unit, y - unit, 2 * unit, 2 * unit);
    }
    // The surest first: above its box, else within, else below; where all of that is taken, the colour has to do.
    const taken = [];
    const within = (value, most) => Math.max(0, Math.min(value, most));
    for (const [place, each] of detections.entries()) {
      const [left, top, right, bottom] = edges(each, place);
      const text = `${each.name.slice(0, 40)} ${each.score.toFixed(2)}`;
      const [width, height] = [context.measureText(text).width + 8 * unit, 16 * unit];
      const found = [top - height, top, bottom, bottom - height]
        .flatMap((y) => [left, right - width].map((x) => [within(x, bitmap.width - width), within(y, bitmap.height - height)]))
        .find(([x, y]) => taken.every(([u, v, wide, high]) => x >= u + wide || u >= x + width || y >= v + high || v >= y + height));
      if (!found) continue;
      const [x, y] = found;
      taken.push([x, y, width, height]);
      context.fillStyle = colour(each.class);
      context.fillRect(x, y, width, height);
      context.fillStyle = "#000";
      context.fillText(text, x + 4 * unit, y + 2 * unit);
    }
  };

  const panel = (key) => {
    const found = results.querySelector(`[data-key="${CSS.escape(key)}"]`);
    if (found) return found;
    const made = document.createElement("figure");
    made.className = "result card";
    made.dataset.key = key;
    const canvas = document.createElement("canvas");
    canvas.setAttribute("role", "img");
    const caption = document.createElement("figcaption");
    for (const word of ["time", "soft small"]) caption.append(Object.assign(document.createElement("p"), { className: word }));
    made.append(canvas, caption);
    results.append(made);
    return made;
  };

  const ticked = () => all("[data-variant]:checked").map((box) => box.value);

  const ask = async (key, bytes) => {
    const asked = new URLSearchParams({ variant: key, conf: $("conf").value, iou: $("iou").value });
    const answer = await fetch(`/detect?${asked}`, { method: "POST", body: bytes });
    const told = await answer.json();
    if (!answer.ok) throw new Error(told.error);
    return told;
  };

  const tell = (key, told) => {
    const made = panel(key);
    draw(made.querySelector("canvas"), shown.bitmap, told.detections);
    const [time, about] = made.querySelectorAll("figcaption p");
    const count = told.detections.length;
    time.textContent = `${told.ms.detector.toFixed(1)} ms`;
    about.textContent = `${told.dtype} for ${told.target} · ${count} detection${count === 1 ? "" : "s"} · ${told.ms.request.toFixed(1)} ms with decoding and waiting`;
    made.querySelector("canvas").setAttribute("aria-label", `${key}: ${told.detections.map((each) => `${each.name} ${each.score.toFixed(2)}`).join(", ") || "nothing found"}`);
    $("edges").textContent = `${(100 * told.edges).toFixed(1)} %`;
    $("edges-meter").value = told.edges;
    $("objects").textContent = String(count);
    $("running").textContent = told.dtype;
  };

  // Every ticked variant in turn: side by side they would take each other's cores, and their times would say nothing.
  const look = async () => {
    if (!shown) return;
    const mine = ++turn;
    const keys = ticked();
    for (const made of [...results.children]) if (!keys.includes(made.dataset.key)) made.remove();
    try {
      for (const key of keys) {
        const told = await ask(key, shown.bytes);
        if (mine !== turn) return;
        tell(key, told);
      }
      status.textContent = keys.length ? "" : "Tick a variant to see what it finds.";
    } catch (error) {
      if (mine === turn) status.textContent = `That did not work: ${error.message}`;
    }
  };

  const show = async (blob) => {
    try {
      const bitmap = await createImageBitmap(blob);
      shown?.bitmap.close();
      shown = { bitmap, bytes: blob };
      drop.hidden = true;
      await look();
    } catch (error) {
      status.textContent = `That is no picture that this browser can show: ${error.message}`;
    }
  };

  const stop = () => {
    camera?.getTracks().forEach((track) => track.stop());
    camera = null;
    $("camera").setAttribute("aria-pressed", "false");
    $("camera").textContent = "Camera";
  };

  const frame = async () => {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
    canvas.getContext("2d").drawImage(video, 0, 0);
    return new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.9));
  };

  const start = async () => {
    try {
      camera = await navigator.mediaDevices.getUserMedia({ video: true });
      video.srcObject = camera;
      await video.play();
    } catch (error) {
      status.textContent = `The camera cannot be used: ${error.message}`;
      return stop();
    }
    $("camera").setAttribute("aria-pressed", "true");
    $("camera").textContent = "Stop";
    while (camera) await show(await frame());
  };

  $("camera").addEventListener("click", () => (camera ? stop() : start()));
  $("file").addEventListener("change", (event) => { stop(); if (event.target.files[0]) show(event.target.files[0]); });
  for (const slider of all("[data-threshold]")) slider.addEventListener("input", () => {
    $(`${slider.id}-told`).textContent = Number(slider.value).toFixed(2);
    if (!camera) look();
  });
  for (const box of all("[data-variant]")) box.addEventListener("change", () => { if (!camera) look(); });

  addEventListener("paste", (event) => { const [file] = event.clipboardData.files; if (file) { stop(); show(file); } });
  for (const kind of ["dragover", "dragleave", "drop"]) addEventListener(kind, (event) => {
    event.preventDefault();
    stage.classList.toggle("over", kind === "dragover");
    const [file] = kind === "drop" ? event.dataTransfer.files : [];
    if (file) { stop(); show(file); }
  });
})();
