/** The explorer: the state decides what is asked, the answer and the state decide what is shown. */

import { listModels, Problem, useKey } from "./api.js";
import { byId, element } from "./dom.js";
import { GridView } from "./grid.js";
import { HeadsView } from "./heads.js";
import { HeatmapView } from "./heatmap.js";
import { Loader } from "./loading.js";
import { Page } from "./page.js";
import { attentionFields, ShareView } from "./share.js";
import { State } from "./state.js";
import { StatusView } from "./status.js";
import { WalkView } from "./walk.js";

const state = new State();
const change = (/** @type {Partial<Values>} */ changes, how = {}) => state.set(changes, how);

/** @type {Model[]} */
let models = [];
/** The model of the answer that is shown. @type {Model | null} */
let shown = null;

const loader = new Loader({ loading: () => status.loading(), loaded, failed, again: update });
const status = new StatusView((key) => {
  useKey(key);
  update();
});
const views = {
  walk: new WalkView(change),
  heatmap: new HeatmapView(change),
  heads: new HeadsView(),
  grid: new GridView(change, (error) => loader.fail(error)),
};
const share = new ShareView((error) => failed(error));
const page = new Page(change, views, status.element, share.element);

/** @returns {Model} the one that the state names, or the first: the service says that there is none of the name */
function model() {
  return /** @type {Model} */ (models.find(({ id }) => id === state.values.model) ?? models[0]);
}

/** Ask for what the state needs, and show what is there already. */
async function update() {
  if (!models.length) {
    try {
      models = await listModels();
    } catch (error) {
      loader.fail(error);
      return;
    }
  }
  page.show(state.values, models, model(), loader.answer);
  share.show(state.values, model());
  if (loader.answer && shown) render(loader.answer, shown);
  await loader.load(attentionFields(state.values, model()), wanted(state.values, model()));
}

/** @param {Values} values @param {Model} of @returns {readonly string[]} the tensors that the view needs */
function wanted(values, of) {
  if (values.view === "walk") return WalkView.tensors(of.tensors);
  return [values.view === "heatmap" ? values.tensor : "attentions"];
}

/** @param {Answer} answer */
function loaded(answer) {
  const first = shown === null;
  shown = model();
  page.controls.tell([]);
  status.ready();
  page.show(state.values, models, shown, answer);
  render(answer, shown);
  if (first) requestAnimationFrame(() => performance.mark("picture")); // what the tests measure
}

/** @param {unknown} error */
function failed(error) {
  const details = page.controls.tell(error instanceof Problem ? error.errors : []);
  status.failed(error, details);
}

/** @param {Answer} answer @param {Model} of */
function render(answer, of) {
  const { values } = state;
  const pretrained = of.kind === "pretrained";
  const head = pretrained ? 0 : Math.min(Number(values.head) || 0, answer.told.heads.length - 1);
  if (values.view === "grid") views.grid.show(values, of, page.layers, page.heads);
  else if (values.view === "walk" && answer.has("attentions")) views.walk.show(answer, values, pretrained, head);
  else if (values.view === "heatmap" && answer.has(values.tensor)) views.heatmap.show(answer, values, head);
  else if (values.view === "heads" && answer.has("attentions")) views.heads.show(answer, values, head);
}

state.addEventListener("change", update);
window.addEventListener("resize", () => loader.answer && shown && render(loader.answer, shown));
matchMedia("(prefers-color-scheme: dark)").addEventListener(
  "change",
  () => loader.answer && shown && render(loader.answer, shown),
);
byId("main").append(element("div", { class: "page" }, ...page.parts));
update();
