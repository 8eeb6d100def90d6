/** What stands in place of the views that have no documents. */

import { DOCUMENT } from "./document-strings.js";
import { element } from "./dom.js";
import { counted } from "./numbers.js";
import { say } from "./strings.js";

export class ElsewhereView {
	/** @param {Change} change */
	constructor(change) {
		this.text = element("p");
		const open = () => change({ view: "heatmap" }, { push: true });
		this.element = element(
			"div",
			{ class: "row elsewhere" },
			this.text,
			element("button", { type: "button", onclick: open }, DOCUMENT.openHeatmap),
		);
	}

	/** @param {Sight} sight */
	show({ answer, model }) {
		const [limit, count] = [model.max_tokens, answer.queries.tokens.length].map(counted);
		this.text.textContent = say(DOCUMENT.elsewhere, { limit, count });
	}
}
