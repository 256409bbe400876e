"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  // ---- Sections in the head.
  const nav = document.querySelector("nav");
  for (const section of all("main > section")) {
    const link = document.createElement("a");
    link.href = `#${section.id}`;
    link.textContent = section.querySelector("h2").textContent;
    nav.append(link);
  }

  // ---- Plots, in the colours of the theme.
  const colours = () => {
    const plot = document.querySelector(".plot");
    const of = (element, name) => getComputedStyle(element)[name];
    return {
      ink: of(document.body, "color"),
      soft: of(document.querySelector(".theme"), "color"),
      line: of(plot, "borderTopColor"),
      panel: of(plot, "backgroundColor"),
    };
  };

  const axis = (own, { line, soft }) => ({ gridcolor: line, zerolinecolor: soft, linecolor: line, ...own });

  const layoutOf = (own, theme) => ({
    ...own,
    xaxis: axis(own.xaxis, theme),
    yaxis: axis(own.yaxis, theme),
    ...(own.xaxis2 ? { xaxis2: axis(own.xaxis2, theme) } : {}),
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { color: theme.ink, family: "system-ui, sans-serif", size: 12 },
    hoverlabel: { bgcolor: theme.panel, bordercolor: theme.line, font: { color: theme.ink } },
    legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0, bgcolor: "rgba(0,0,0,0)", ...own.legend },
    margin: { l: 50, r: 12, t: 12, b: 40, ...own.margin },
  });

  const plots = all(".chart").map((chart) => ({ chart, ...JSON.parse(chart.nextElementSibling.textContent) }));

  const draw = () => {
    if (!plots.length) return;
    const theme = colours();
    for (const { chart, data, layout } of plots) {
      Plotly.react(chart, data, layoutOf(layout, theme), { responsive: true, displaylogo: false, displayModeBar: false });
    }
  };

  document.querySelector("#theme").addEventListener("change", (event) => {
    document.documentElement.dataset.theme = event.target.value;
    draw();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  draw();

  // ---- The views of a frame.
  const views = (frame) => all(".views img", frame);

  const show = (frame, name) => {
    const shown = views(frame).find((view) => view.dataset.view === name);
    if (!shown) return; // This frame has no such map.
    for (const view of views(frame)) view.hidden = view !== shown;
    const slider = frame.querySelector("input");
    slider.value = views(frame).indexOf(shown);
    slider.setAttribute("aria-valuetext", name);
    frame.querySelector("output").textContent = name;
  };

  for (const section of all("section.frames")) {
    const frames = all(".frame", section);
    for (const frame of frames) {
      frame.querySelector("input").addEventListener("input", (event) => {
        show(frame, views(frame)[event.target.value].dataset.view);
      });
    }
    if (!frames.length) continue;
    const slider = section.querySelector("input.all");
    const output = section.querySelector(".controls > output");
    const names = views(frames[0]).map((view) => view.dataset.view);
    const tell = () => {
      for (const scale of all(".scale", section)) scale.classList.toggle("other", !scale.dataset.of.split(", ").includes(names[slider.value]));
      output.textContent = names[slider.value];
      slider.setAttribute("aria-valuetext", names[slider.value]);
    };
    slider.max = names.length - 1;
    slider.addEventListener("input", () => {
      tell();
      for (const frame of frames) show(frame, names[slider.value]);
    });
    tell();
    readClasses(section);
  }

  // ---- The classes under the pointer, read from the colours of label and prediction.
  function readClasses(section) {
    const names = new Map(
      all(".classes i[data-colour]", section).map((swatch) => [swatch.dataset.colour, swatch.parentElement.textContent]),
    );
    const pixels = new WeakMap();

    const canvasOf = (image) => {
      if (!pixels.has(image)) {
        if (!image.complete) return null;
        const canvas = document.createElement("canvas");
        canvas.width = image.naturalWidth;
        canvas.height = image.naturalHeight;
        canvas.getContext("2d", { willReadFrequently: true }).drawImage(image, 0, 0);
        pixels.set(image, canvas);
      }
      return pixels.get(image);
    };

    const classAt = (frame, view, across, down) => {
      const image = views(frame).find((other) => other.dataset.view === view);
      const canvas = canvasOf(image);
      if (!canvas) return { name: "not loaded yet", colour: [0, 0, 0] };
      const { width, height } = canvas;
      const x = Math.min(Math.floor(across * width), width - 1);
      const y = Math.min(Math.floor(down * height), height - 1);
      const colour = [...canvas.getContext("2d").getImageData(x, y, 1, 1).data].slice(0, 3);
      return { name: names.get(colour.join(",")) ?? "void", colour };
    };

    const tip = document.createElement("div");
    tip.className = "tip";
    tip.setAttribute("role", "status");
    tip.hidden = true;
    document.body.append(tip);

    const line = (title, { name, colour }) => {
      const row = document.createElement("div");
      const swatch = document.createElement("i");
      swatch.style.background = `rgb(${colour.join(" ")})`;
      row.append(swatch, `${title}: ${name}`);
      return row;
    };

    const point = (event) => {
      const box = event.currentTarget.getBoundingClientRect();
      const across = (event.clientX - box.left) / box.width;
      const down = (event.clientY - box.top) / box.height;
      if (across < 0 || across >= 1 || down < 0 || down >= 1) return;
      const frame = event.currentTarget.closest(".frame");
      tip.replaceChildren(...["label", "prediction"].map((view) => line(view, classAt(frame, view, across, down))));
      tip.hidden = false;
      const right = event.clientX + 16 + tip.offsetWidth < innerWidth;
      tip.style.left = `${Math.max(right ? event.clientX + 16 : event.clientX - 16 - tip.offsetWidth, 0)}px`;
      tip.style.top = `${Math.max(event.clientY - 16 - tip.offsetHeight, 0)}px`;
    };

    for (const box of all(".views", section)) {
      box.addEventListener("pointermove", point);
      box.addEventListener("pointerdown", point);
      // A finger has left as soon as it has tapped.
      box.addEventListener("pointerleave", (event) => { if (event.pointerType === "mouse") tip.hidden = true; });
    }
    const hide = (event) => { if (!event.target.closest?.(".views")) tip.hidden = true; };
    document.addEventListener("pointerdown", hide);
    document.addEventListener("scroll", hide, { passive: true });
  }
})();
