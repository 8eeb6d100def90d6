/** What is asked of the service for what is to be shown. */

import { FIELDS } from "./state.js";
import { MATRICES } from "./steps.js";

const PICTURE = /** @type {const} */ ({
	tensor: "attentions",
	colormap: "viridis",
	color_range: "data",
	color_scale: "linear",
});

/**
 * The fields of a state that the model takes at an endpoint and that differ from the defaults.
 * @param {Values} values
 * @param {Model} model
 * @param {"tokenize" | "attention" | "heatmap"} endpoint
 * @returns {Fields}
 */
function fieldsOf(values, model, endpoint) {
	const taken = model.fields[endpoint] ?? [];
	/** @type {Fields} */
	const fields = { sentence: values.sentence };
	for (const name of /** @type {(keyof typeof FIELDS)[]} */ (Object.keys(FIELDS))) {
		const isOther = values[name] !== FIELDS[name];
		if (isOther && (taken.includes(name) || name === "model")) fields[name] = values[name];
	}
	return fields;
}

/** @param {Values} values @param {Model} model @returns {Fields} what asks /tokenize */
export function tokenFields(values, model) {
	return fieldsOf(values, model, "tokenize");
}

/** @param {Values} values @param {Model} model @returns {Fields} what asks /attention for every layer and head */
export function textFields(values, model) {
	return fieldsOf(values, model, "attention");
}

/** @param {Values} values @param {Model} model @returns {Fields} what asks /attention for the layer and head that are shown */
export function attentionFields(values, model) {
	const fields = textFields(values, model);
	if (model.kind === "pretrained") {
		if (values.layer) fields.layers = values.layer;
		fields.heads = values.head;
	}
	return fields;
}

/** @param {Values} values @param {Model} model @returns {Fields} what asks /heatmap for the picture that is shown */
export function pictureFields(values, model) {
	const fields = fieldsOf(values, model, "heatmap");
	const isHeatmap = values.view === "heatmap";
	for (const name of /** @type {(keyof typeof PICTURE)[]} */ (Object.keys(PICTURE)))
		if (isHeatmap && values[name] !== PICTURE[name]) fields[name] = values[name];
	if (values.view === "grid") return { ...fields, view: "grid" };
	if (values.layer && model.kind === "pretrained") fields.layer = values.layer;
	const hasHead = !(isHeatmap && values.tensor === "embedding");
	const head = model.kind === "pretrained" ? values.head : String(placeOf(values.head, Number(values.num_heads) || 1));
	if (hasHead && (model.kind === "pretrained" || head !== "0")) fields.head = head;
	return fields;
}

/** @param {Values} values @param {Model} model @returns {readonly string[]} the tensors that the view shows */
export function shownTensors({ view, tensor }, model) {
	if (view === "walk") return MATRICES.filter((name) => model.tensors.includes(name));
	return [view === "heatmap" ? tensor : "attentions"];
}

/** @param {Values} values @param {Model} model @returns {readonly string[]} and those that it needs */
export function tensorsFor(values, model) {
	const shown = shownTensors(values, model);
	const isMasked = values.view === "heatmap" && values.tensor === "attentions" && model.tensors.includes("scores");
	return isMasked ? [...shown, "scores"] : shown; // which tell what attentions are masked
}

/**
 * Which of several heads is meant: negatives count from the end, as the service has it; what is none is the first or last.
 * @param {string} head
 * @param {number} count
 * @returns {number}
 */
export function placeOf(head, count) {
	const place = Math.trunc(Number(head)) || 0;
	return Math.min(Math.max(place < 0 ? place + count : place, 0), count - 1);
}
