/** The request for what is shown, in other words: a link, a command, programs, elements of HTML. */

import { get, isShort } from "./api.js";
import { element } from "./dom.js";
import { attentionFields, pictureFields, shownTensors, textFields } from "./questions.js";
import { address } from "./state.js";

/** @typedef {"link" | "curl" | "python" | "javascript" | "image" | "embed"} Copy */

/** @param {Values} values @param {Model} model @returns {Fields} what asks for the tensors that are shown */
export function shownFields(values, model) {
	const include = shownTensors(values, model).join(",");
	if (values.view !== "grid" || model.kind !== "pretrained") return { ...attentionFields(values, model), include };
	const layers = Array.from({ length: model.stacks[values.stack] ?? model.layers }, (_, layer) => layer).join(",");
	return { ...textFields(values, model), layers, include };
}

/** @type {Record<Copy, (values: Values, model: Model) => string | null>} null: the text is too long for a GET */
const WRITERS = {
	link: (values) => absolute(address(values)),
	curl: (values, model) => {
		const url = urlOf("attention", shownFields(values, model));
		return url && `curl -s '${url}'`;
	},
	python: (values, model) => {
		const fields = shownFields(values, model);
		const url = urlOf("attention", fields) && absolute("attention");
		const given = JSON.stringify(fields, null, 4);
		return (
			url && `import httpx\n\nfields = ${given}\nanswer = httpx.get("${url}", params=fields).raise_for_status().json()`
		);
	},
	javascript: (values, model) => {
		const url = urlOf("attention", shownFields(values, model));
		return url && `const response = await fetch("${url}");\nconst answer = await response.json();`;
	},
	image: (values, model) => {
		const src = urlOf("heatmap", pictureFields(values, model));
		return src && element("img", { src, alt: values.sentence }).outerHTML;
	},
	embed: (values) => {
		const src = absolute(address({ ...values, embed: values.view }));
		return element("iframe", { src, title: values.sentence, width: 720, height: 640 }).outerHTML;
	},
};

export const COPIES = /** @type {Copy[]} */ (Object.keys(WRITERS));

/** @param {Copy} copy @param {Values} values @param {Model} model @returns {string | null} */
export function write(copy, values, model) {
	return WRITERS[copy](values, model);
}

/** @param {string} path @param {Fields} fields @returns {string | null} the address of a GET, if it is not too long */
function urlOf(path, fields) {
	return isShort(path, fields) ? absolute(get(path, fields)) : null;
}

/** @param {string} path @returns {string} */
function absolute(path) {
	return new URL(path, document.baseURI).href;
}
