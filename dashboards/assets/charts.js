// Draw every figure of the page from the JSON beside it. The table in the page is the
// figure for whoever has no script, a narrow screen or a screen reader.
(() => {
  const plotlyAddress = document.currentScript.dataset.plotly;
  const WIDE = window.matchMedia("(min-width: 40.0625em)");
  const CONFIG = { displayModeBar: false, responsive: true, staticPlot: false };
  let loading = null;

  function loadPlotly() {
    loading ??= new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = plotlyAddress;
      script.onload = () => resolve(window.Plotly);
      script.onerror = () => reject(new Error("The chart library did not load"));
      document.head.append(script);
    });
    return loading;
  }

  async function draw(holder) {
    if (holder.dataset.drawn || !WIDE.matches) return;
    holder.dataset.drawn = "true";
    const figure = JSON.parse(document.getElementById(holder.dataset.chart).textContent);
    const plotly = await loadPlotly();
    holder.hidden = false;
    await plotly.newPlot(holder, figure.data, figure.layout, CONFIG);
    // The picture is there, so its table folds away; it opens again for printing.
    holder.closest("figure").querySelector("details[data-figure-table]").open = false;
  }

  function drawAll(root) {
    for (const holder of root.querySelectorAll("[data-chart]")) {
      draw(holder).catch(() => {
        holder.hidden = true; // the table stays open and says the same
      });
    }
  }

  drawAll(document);
  WIDE.addEventListener("change", () => drawAll(document));
  document.addEventListener("htmx:load", (event) => drawAll(event.detail.elt));
  window.addEventListener("beforeprint", () => {
    for (const table of document.querySelectorAll("details[data-figure-table]")) {
      table.open = true;
    }
  });
})();
