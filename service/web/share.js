/** What a reader takes along: copies of the request, and files. */

import { ask } from "./api.js";
import { element } from "./dom.js";
import { isLong } from "./long-texts.js";
import { TEXT } from "./strings.js";

const COPIES = /** @type {const} */ (["link", "curl", "python", "javascript", "image", "embed"]);
const FILES = /** @type {const} */ (["png", "svg", "json", "npy"]);

/** What writes them: loaded once somebody is about to take something along. */
const writers = () => import("./copies.js");
const prepare = () => writers().catch(() => {}); // it is tried again, and told, when it is needed

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
			{ class: "share", "aria-labelledby": "share-title", onpointerenter: prepare, onfocusin: prepare },
			element("h2", { id: "share-title" }, TEXT.share.title),
			element("div", { class: "row" }, ...copies),
			element("div", { class: "row" }, element("span", {}, TEXT.share.download), ...this.downloads, this.status),
			this.text,
		);
		/** @type {{values: Values, model: Model, part: Part | null} | null} */
		this.source = null;
	}

	/** @param {Values} values @param {Model} model @param {Answered | null} answered of a document a part is taken along */
	show(values, model, answered) {
		const part = answered?.partOf?.(values) ?? null;
		this.source = { values: part?.values ?? values, model, part };
		this.text.hidden = true;
		this.status.textContent = "";
		// npy holds one array, and the service's choice is the attentions
		const isOther = values.view === "heatmap" && values.tensor !== "attentions";
		for (const button of this.downloads) button.hidden = isOther && button.dataset.download === "npy";
	}

	/** @param {(typeof COPIES)[number]} copy */
	async #copy(copy) {
		if (!this.source) return;
		const { values, model, part } = this.source;
		this.text.hidden = true;
		const code = await writers().catch(() => null);
		if (!code) {
			this.status.textContent = TEXT.status.unreachable;
			return;
		}
		const text = code.write(copy, values, model, part);
		const hasNoText = isLong(values);
		const note = hasNoText ? ` ${TEXT.share.withoutText}` : ""; // only a link is written then
		this.text.hidden = text === null;
		this.text.value = text ?? "";
		if (text === null) {
			this.status.textContent = hasNoText ? TEXT.share.tooLongAlone : TEXT.share.tooLong;
			return;
		}
		try {
			await navigator.clipboard.writeText(text);
			this.status.textContent = TEXT.share.copied + note;
		} catch {
			this.text.select();
			this.status.textContent = TEXT.share.notCopied + note;
		}
	}

	/** @param {(typeof FILES)[number]} form */
	async #download(form) {
		if (!this.source) return;
		const { values, model, part } = this.source;
		const picture = form === "png" || form === "svg";
		try {
			const { shownFields, shownPicture } = await writers();
			const fields = (picture ? shownPicture : shownFields)(values, model, part);
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
