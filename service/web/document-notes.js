/** What stands beside a document's picture. */

import { DOCUMENT } from "./document-strings.js";
import { counted } from "./numbers.js";
import { say, TEXT } from "./strings.js";

/**
 * @param {Sight} sight
 * @param {number} level
 * @param {Scale} scale
 * @returns {string}
 */
export function notesOn({ answer, values, model }, level, scale) {
	const count = counted(answer.queries.tokens.length);
	const isOther = values.tensor !== "attentions" && values.tensor !== "scores";
	const isLinear = values.color_scale === "log" && !scale.log;
	const notes = [
		say(DOCUMENT.whole, { count, limit: counted(model.max_tokens) }),
		level ? say(DOCUMENT.bins, { size: counted(2 ** level) }) : DOCUMENT.cells,
		values.color_range === "unit" ? DOCUMENT.unitRange : DOCUMENT.range,
		isOther ? DOCUMENT.otherTensor : "",
		isLinear ? TEXT.logNegative : "",
	];
	return notes.filter(Boolean).join(" ");
}
