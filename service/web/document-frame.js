/** The elements around a document's picture. */

import { DOCUMENT } from "./document-strings.js";
import { element } from "./dom.js";
import { TEXT } from "./strings.js";

const ZOOM = 1.5;

export class DocumentFrame {
	/** @param {(factor: number) => void} zoom */
	constructor(zoom) {
		this.canvas = element("canvas", { tabindex: 0, role: "application", "aria-label": DOCUMENT.hint });
		this.readout = element("output", { class: "readout", "aria-live": "polite" });
		this.notes = element("p", { class: "notes" });
		this.news = element("p", { role: "status" });
		this.busy = element("span", { class: "hint", hidden: true }, DOCUMENT.computing);
		this.legend = element("div", { class: "legend" });
		const tool = (/** @type {string} */ label, /** @type {string} */ sign, /** @type {number} */ factor) =>
			element("button", { type: "button", "aria-label": label, title: label, onclick: () => zoom(factor) }, sign);
		this.element = element(
			"div",
			{ class: "document" },
			element(
				"div",
				{ class: "tools" },
				tool(TEXT.zoomOut, "−", 1 / ZOOM),
				tool(TEXT.zoomIn, "+", ZOOM),
				tool(TEXT.zoomAll, TEXT.zoomAll, 0),
				this.busy,
			),
			this.readout,
			element(
				"div",
				{ class: "sides" },
				element("div", { class: "plot" }, this.canvas),
				element("aside", {}, this.legend, this.notes, this.news),
			),
		);
	}

	/** @param {boolean} isBusy */
	showBusy(isBusy) {
		this.element.setAttribute("aria-busy", String(isBusy));
		this.busy.hidden = !isBusy;
	}
}
