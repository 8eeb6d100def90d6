/** What a reader takes along: the link, the request in several languages, and files. */

import { ask, fieldsOf, get } from "./api.js";
import { element } from "./dom.js";
import { address } from "./state.js";
import { TEXT } from "./strings.js";

const PICTURE = /** @type {const} */ ({
	tensor: "attentions",
	colormap: "viridis",
	color_range: "data",
	color_scale: "linear",
});

/** @param {Values} values @param {Model} model @returns {Fields} what asks /attention for the matrix that is shown */
export function attentionFields(values, model) {
	const fields = fieldsOf(values, model, "attention");
	if (model.kind === "pretrained") {
		if (values.layer) fields.layers = values.layer;
		fields.heads = values.head;
	}
	return fields;
}

/** @param {Values} values @param {Model} model @returns {Fields} what asks /heatmap for the picture that is shown */
export function pictureFields(values, model) {
	const fields = fieldsOf(values, model, "heatmap");
	for (const [name, standard] of Object.entries(PICTURE)) {
		const value = values[/** @type {keyof typeof PICTURE} */ (name)];
		if (value !== standard) fields[name] = value;
	}
	if (values.layer && model.kind === "pretrained") fields.layer = values.layer;
	if (values.tensor !== "embedding" && (model.kind === "pretrained" || values.head !== "0")) fields.head = values.head;
	return fields;
}

/**
 * The same request in other words.
 * @param {Values} values
 * @param {Model} model
 * @returns {Record<"link" | "curl" | "python" | "javascript" | "image" | "embed", string>}
 */
export function texts(values, model) {
	const absolute = (/** @type {string} */ path) => new URL(path, document.baseURI).href;
	const fields = attentionFields(values, model);
	const url = absolute(get("attention", fields));
	const picture = absolute(get("heatmap", pictureFields(values, model)));
	const frame = absolute(
		address({
			...values,
			view: values.view === "walk" ? "heatmap" : values.view,
			embed: values.view === "walk" ? "heatmap" : values.view,
		}),
	);
	return {
		link: absolute(address(values)),
		curl: `curl -s '${url.replaceAll("'", "%27")}'`,
		python: [
			"import httpx",
			"",
			`fields = ${JSON.stringify(fields, null, 4)}`,
			`answer = httpx.get("${absolute("attention")}", params=fields).raise_for_status().json()`,
		].join("\n"),
		javascript: [`const response = await fetch("${url}");`, "const answer = await response.json();"].join("\n"),
		image: element("img", { src: picture, alt: values.sentence }).outerHTML,
		embed: element("iframe", { src: frame, title: values.sentence, width: 720, height: 640 }).outerHTML,
	};
}

export class ShareView {
	/** @param {(error: unknown) => void} fail is told when a download is refused */
	constructor(fail) {
		this.fail = fail;
		this.text = element("textarea", { readonly: true, rows: 4, hidden: true, "aria-label": TEXT.share.title });
		this.status = element("span", { role: "status" });
		const copies = /** @type {const} */ (["link", "curl", "python", "javascript", "image", "embed"]).map((what) =>
			element("button", { type: "button", "data-copy": what, onclick: () => this.#copy(what) }, TEXT.share[what]),
		);
		const downloads = ["png", "svg", "json", "npy"].map((form) =>
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
			element("div", { class: "row" }, ...copies, this.status),
			element("div", { class: "row" }, element("span", {}, TEXT.share.download), ...downloads),
			this.text,
		);
		/** @type {{values: Values, model: Model} | null} */
		this.source = null;
	}

	/** @param {Values} values @param {Model} model */
	show(values, model) {
		this.source = { values, model };
	}

	/** @param {"link" | "curl" | "python" | "javascript" | "image" | "embed"} what */
	async #copy(what) {
		if (!this.source) return;
		const text = texts(this.source.values, this.source.model)[what];
		this.text.hidden = false;
		this.text.value = text;
		try {
			await navigator.clipboard.writeText(text);
			this.status.textContent = TEXT.share.copied;
		} catch {
			this.text.select();
			this.status.textContent = TEXT.share.notCopied;
		}
	}

	/** @param {string} form */
	async #download(form) {
		if (!this.source) return;
		const { values, model } = this.source;
		const picture = form === "png" || form === "svg";
		const fields = picture
			? pictureFields(values, model)
			: { ...attentionFields(values, model), ...tensors(form, values, model) };
		try {
			const response = await ask(picture ? "heatmap" : "attention", { ...fields, format: form });
			const url = URL.createObjectURL(await response.blob());
			element("a", { href: url, download: `${picture ? "heatmap" : "attention"}.${form}` }).click();
			setTimeout(() => URL.revokeObjectURL(url), 60_000);
		} catch (error) {
			this.fail(error);
		}
	}
}

/** @param {string} form @param {Values} values @param {Model} model @returns {Fields} */
function tensors(form, values, model) {
	if (form === "npy") return {};
	const walk = ["embedding", "query", "key", "value", "scores", "attentions", "output"];
	const wanted = values.view === "walk" ? walk : [values.view === "heatmap" ? values.tensor : "attentions"];
	return { include: wanted.filter((name) => model.tensors.includes(name)).join(",") };
}
