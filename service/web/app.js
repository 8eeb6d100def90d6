/** The explorer: the state decides what is asked, the answer and the state decide what is shown. */

import { listModels, Problem, useKey } from "./api.js";
import { byId, element } from "./dom.js";
import { Loader } from "./loading.js";
import { Page } from "./page.js";
import { attentionFields, placeOf, tensorsFor } from "./questions.js";
import { ShareView } from "./share.js";
import { State } from "./state.js";
import { StatusView } from "./status.js";
import { Views } from "./views.js";

/** Milliseconds that the page waits for the first answer before it is seen without: to lay it out twice takes as long. */
const PATIENCE = 150;

/** What belongs to one model, and is forgotten with it. */
const OF_A_MODEL = { layer: "", head: "0", stack: "", target: "", pin: "" };

const state = new State();
document.body.dataset.embed = state.values.embed;

/** @type {Change} */
function change(changes, how = {}) {
	if (state.isLost && "sentence" in changes) changes = { ...changes, at: state.values.at }; // the place in that very text
	state.set("model" in changes ? { ...OF_A_MODEL, ...changes } : changes, how);
}

const views = new Views(change, failed);
views.prepare(/** @type {View} */ (state.values.view)); // its code comes while the page is made
/** @type {Model[]} */
let models = [];
/** The list that is on its way, from the first moment. @type {Promise<Model[]> | null} */
let coming = listModels();
coming.catch(() => {}); // who waits for it is told
let isFirst = true;
/** The view that was drawn last, and what draws it. */
let drawn = "";
/** @type {Look | null} */
let shown = null;

const loader = new Loader({ loading: () => status.loading(), loaded, failed, again: update });
const status = new StatusView((key) => {
	useKey(key);
	update();
});
const share = new ShareView();
const page = new Page(change, status.element, share.element, (view) => views.prepare(view));
const main = element("div", { class: "page" }, ...page.parts);

/** @returns {Model} the one that the state names, or the first: the service says that there is none of the name */
function model() {
	return /** @type {Model} */ (models.find(({ id }) => id === state.values.model) ?? models[0]);
}

/** @returns {Promise<Model[]>} */
function list() {
	const asked = coming ?? listModels();
	coming = null;
	return asked;
}

/** Ask for what the state needs, and show what is there already. */
async function update() {
	try {
		if (!models.length) models = await list();
		const { values } = state;
		if (!state.isLost) loader.load(attentionFields(values, model()), tensorsFor(values, model()), values, model());
		page.show(values, models, model(), loader.answered);
		share.show(values, model(), loader.answered);
		if (state.isLost) status.lost();
		setTimeout(attach, PATIENCE);
		await render();
	} catch (error) {
		loader.fail(error);
	}
}

/** Put the page where it is seen, once. */
function attach() {
	if (!main.isConnected) byId("main").append(main);
}

async function loaded() {
	page.controls.tell([]);
	page.show(state.values, models, model(), loader.answered);
	share.show(state.values, model(), loader.answered);
	await render();
	status.ready();
	if (!isFirst) return;
	isFirst = false;
	requestAnimationFrame(() => performance.mark("picture")); // what the tests measure
}

/** @param {unknown} error */
function failed(error) {
	attach();
	const details = page.controls.tell(error instanceof Problem ? error.errors : []);
	status.failed(error, details);
}

/** Draw the view that the state names, as far as the last answer has what it needs. */
async function render() {
	const view = /** @type {View} */ (state.values.view);
	const isDocument = Boolean(loader.answered?.partOf);
	const look = await views.get(isDocument ? (view === "heatmap" ? "document" : "elsewhere") : view);
	if (!isFirst && view !== drawn) await painted();
	const { values } = state;
	const { answered } = loader;
	if (values.view !== view || !answered || Boolean(answered.partOf) !== isDocument) return;
	page.fill(view, look.element);
	attach();
	if (shown !== look) shown?.hide?.();
	shown = look;
	const { answer, values: asked, model: of } = answered;
	if (!isDocument && !tensorsFor(values, of).every((name) => answer.has(name))) return; // they are on their way
	const head = of.kind === "pretrained" ? 0 : placeOf(values.head, answer.told.heads.length);
	look.show({ answer, asked, values, model: of, head });
	drawn = view;
}

/** Until the chosen tab is seen as chosen: to draw a view takes longer than one should wait for a sign. */
function painted() {
	return new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
}

/** The window changed, and with it the room, or the colours. */
function redraw() {
	render().catch(failed);
}

state.addEventListener("change", update);
window.addEventListener("resize", redraw);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
update();
