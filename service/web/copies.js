/** The request for what is shown, in other words: a link, a command, programs, elements of HTML. */

import { get, isShort } from "./api.js";
import { element } from "./dom.js";
import { isLong } from "./long-texts.js";
import { attentionFields, pictureFields, shownTensors, textFields } from "./questions.js";
import { address } from "./state.js";

/** @typedef {"link" | "curl" | "python" | "javascript" | "image" | "embed"} Copy */

/** @param {Values} values @param {Model} model @param {Part | null} part @returns {Fields} what asks for the tensors that are shown */
export function shownFields(values, model, part) {
	const include = shownTensors(values, model).join(",");
	if (part) return { ...attentionFields(values, model), ...part.attention, include };
	if (values.view !== "grid" || model.kind !== "pretrained") return { ...attentionFields(values, model), include };
	const layers = Array.from({ length: model.stacks[values.stack] ?? model.layers }, (_, layer) => layer).join(",");
	return { ...textFields(values, model), layers, include };
}

/** @param {Values} values @param {Model} model @param {Part | null} part @returns {Fields} what asks for the picture */
export function shownPicture(values, model, part) {
	return { ...pictureFields(values, model), ...part?.picture };
}

/** @type {Record<Copy, (values: Values, model: Model, part: Part | null) => string | null>} null: the text is too long for a GET */
const WRITERS = {
	link: (values) => absolute(address(values)),
	curl: (values, model, part) => {
		const url = urlOf("attention", shownFields(values, model, part));
		return url && `curl -s '${url}'`;
	},
	python: (values, model, part) => {
		const fields = shownFields(values, model, part);
		const url = urlOf("attention", fields) && absolute("attention");
		const given = JSON.stringify(fields, null, 4);
		return (
			url && `import httpx\n\nfields = ${given}\nanswer = httpx.get("${url}", params=fields).raise_for_status().json()`
		);
	},
	javascript: (values, model, part) => {
		const url = urlOf("attention", shownFields(values, model, part));
		return url && `const response = await fetch("${url}");\nconst answer = await response.json();`;
	},
	image: (values, model, part) => {
		const src = urlOf("heatmap", shownPicture(values, model, part));
		return src && element("img", { src, alt: values.sentence }).outerHTML;
	},
	embed: (values) => {
		if (isLong(values)) return null; // nobody is asked for a text in a frame
		const src = absolute(address({ ...values, embed: values.view }));
		return element("iframe", { src, title: values.sentence, width: 720, height: 640 }).outerHTML;
	},
};

/** @param {Copy} copy @param {Values} values @param {Model} model @param {Part | null} part @returns {string | null} */
export function write(copy, values, model, part) {
	return WRITERS[copy](values, model, part);
}

/** @param {string} path @param {Fields} fields @returns {string | null} the address of a GET, if it is not too long */
function urlOf(path, fields) {
	return isShort(path, fields) ? absolute(get(path, fields)) : null;
}

/** @param {string} path @returns {string} */
function absolute(path) {
	return new URL(path, document.baseURI).href;
}
