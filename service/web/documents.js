/** Documents: texts of more tokens than whole matrices are computed of. */

import { Answer } from "./answer.js";
import { ask } from "./api.js";
import { readPlace } from "./document-place.js";
import { tokenFields } from "./questions.js";

/** The most heads that the service computes: more it refuses, in its own words, once tiles are asked for. */
const MOST_HEADS = 64;

/** The bins of matrices that are taken along: enough for a screen, few enough for JSON. */
const BINS = "512,512";

/** The last text that was counted, and what was said of it: other settings do not change its tokens. */
let asked = "";
/** @type {Told | null} */
let told = null;

/**
 * The text as a document, an answer without tensors; null where it is none.
 * @param {Values} values
 * @param {Model} model
 * @param {AbortSignal} signal
 * @returns {Promise<Answer | null>}
 */
export async function readDocument(values, model, signal) {
	const fields = tokenFields(values, model);
	const question = JSON.stringify(fields);
	if (question !== asked || !told) {
		told = /** @type {Told} */ (await ask("tokenize", fields, (response) => response.json(), signal));
		asked = question;
	}
	if (told.tokens.length <= model.max_tokens) return null;
	const count = Math.min(Math.max(Math.trunc(Number(values.num_heads)) || 1, 1), MOST_HEADS);
	const heads = Array.from({ length: count }, (_, head) => head);
	return new Answer({ ...told, parameters: {}, layers: [0], heads }, {});
}

/**
 * What is taken along of a document, whichever view is open: the part of its heatmap that is looked at.
 * @param {Values} values
 * @returns {Part}
 */
export function partOf(values) {
	const place = readPlace(values.at);
	/** @type {Fields} */
	const windows = place
		? {
				query_window: `${place.firstRow},${place.lastRow}`,
				key_window: `${place.firstColumn},${place.lastColumn}`,
			}
		: {};
	return {
		values: { ...values, view: "heatmap", tensor: values.tensor === "scores" ? "scores" : "attentions" },
		attention: { ...windows, bins: BINS },
		picture: windows,
	};
}
