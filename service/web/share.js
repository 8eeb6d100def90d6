/** What a reader takes along: copies of the request, and files. */

import { ask } from "./api.js";
import { COPIES, shownFields, write } from "./copies.js";
import { element } from "./dom.js";
import { pictureFields } from "./questions.js";
import { TEXT } from "./strings.js";

const FILES = /** @type {const} */ (["png", "svg", "json", "npy"]);

export class ShareView {
	constructor() {
		this.text = element("textarea", { readonly: true, rows: 4, hidden: true, "aria-label": TEXT.share.title });
		this.status = element("span", { role: "status" });
		const copies = COPIES.map((copy) =>
			element("button", { type: "button", "data-copy": copy, onclick: () => this.#copy(copy) }, TEXT.share[copy]),
		);
		this.downloads = FILES.map((form) =>
			element(
				"button",
				{ type: "button", "data-download": form, onclick: () => this.#download(form) },
				form.toUpperCase(),
			),
		);
		this.element = element(
			"section",
			{ class: "share", "aria-labelledby": "share-title" },
			element("h2", { id: "share-title" }, TEXT.share.title),
			element("div", { class: "row" }, ...copies),
			element("div", { class: "row" }, element("span", {}, TEXT.share.download), ...this.downloads, this.status),
			this.text,
		);
		/** @type {{values: Values, model: Model} | null} */
		this.source = null;
	}

	/** @param {Values} values @param {Model} model */
	show(values, model) {
		this.source = { values, model };
		this.text.hidden = true;
		this.status.textContent = "";
		// npy holds one array, and the service's choice is the attentions
		const isOther = values.view === "heatmap" && values.tensor !== "attentions";
		for (const button of this.downloads) button.hidden = isOther && button.dataset.download === "npy";
	}

	/** @param {(typeof COPIES)[number]} copy */
	async #copy(copy) {
		if (!this.source) return;
		const text = write(copy, this.source.values, this.source.model);
		this.text.hidden = text === null;
		this.text.value = text ?? "";
		if (text === null) {
			this.status.textContent = TEXT.share.tooLong;
			return;
		}
		try {
			await navigator.clipboard.writeText(text);
			this.status.textContent = TEXT.share.copied;
		} catch {
			this.text.select();
			this.status.textContent = TEXT.share.notCopied;
		}
	}

	/** @param {(typeof FILES)[number]} form */
	async #download(form) {
		if (!this.source) return;
		const { values, model } = this.source;
		const picture = form === "png" || form === "svg";
		const fields = picture ? pictureFields(values, model) : shownFields(values, model);
		try {
			const asked = { ...fields, format: form };
			const blob = await ask(picture ? "heatmap" : "attention", asked, (response) => response.blob());
			const url = URL.createObjectURL(blob);
			element("a", { href: url, download: `${picture ? "heatmap" : "attention"}.${form}` }).click();
			setTimeout(() => URL.revokeObjectURL(url), 60_000);
			this.status.textContent = "";
		} catch (error) {
			this.status.textContent = error instanceof Error ? error.message : String(error);
		}
	}
}
