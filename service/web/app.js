/** The explorer: the state decides what is asked, the answer and the state decide what is shown. */

import { listModels, Problem, useKey } from "./api.js";
import { byId, element } from "./dom.js";
import { Loader } from "./loading.js";
import { Page } from "./page.js";
import { attentionFields, ShareView } from "./share.js";
import { State } from "./state.js";
import { StatusView } from "./status.js";
import { tensorsFor, Views } from "./views.js";

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
const views = new Views(change, (error) => loader.fail(error));
const share = new ShareView((error) => failed(error));
const page = new Page(change, status.element, share.element);
const main = element("div", { class: "page" }, ...page.parts);

/** @returns {Model} the one that the state names, or the first: the service says that there is none of the name */
function model() {
	return /** @type {Model} */ (models.find(({ id }) => id === state.values.model) ?? models[0]);
}

/** Ask for what the state needs, and show what is there already. */
async function update() {
	try {
		if (!models.length) models = await listModels();
	} catch (error) {
		loader.fail(error);
		return;
	}
	const { values } = state;
	loader.load(attentionFields(values, model()), tensorsFor(values, model()));
	page.show(values, models, model(), loader.answer);
	share.show(values, model());
	attach();
	await render();
}

/** Put the page where it is seen, once: after the first question was sent, for its layout takes as long as the answer. */
function attach() {
	if (!main.isConnected) byId("main").append(main);
}

/** @param {Answer} answer */
async function loaded(answer) {
	const first = shown === null;
	shown = model();
	page.controls.tell([]);
	page.show(state.values, models, shown, answer);
	await render();
	status.ready();
	if (!first) return;
	requestAnimationFrame(() => {
		performance.mark("picture"); // what the tests measure
		views.prepare();
	});
}

/** @param {unknown} error */
function failed(error) {
	attach();
	const details = page.controls.tell(error instanceof Problem ? error.errors : []);
	status.failed(error, details);
}

/** Draw the view that the state names, as far as the answer has what it needs. */
async function render() {
	const { view } = state.values;
	const look = await views.get(/** @type {View} */ (view));
	const { values } = state;
	const { answer } = loader;
	if (values.view !== view || !answer || !shown) return;
	page.fill(view, look.element);
	if (!tensorsFor(values, shown).every((name) => answer.has(name))) return; // they are on their way
	const head = shown.kind === "pretrained" ? 0 : Math.min(Number(values.head) || 0, answer.told.heads.length - 1);
	look.show({ answer, values, model: shown, head, layers: page.layers, heads: page.heads });
}

state.addEventListener("change", update);
window.addEventListener("resize", render);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", render);
update();
