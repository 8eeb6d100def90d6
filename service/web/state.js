/** The whole state of the page, which its address holds: fields as the API names them, and what is shown of the answer. */

import { COLORMAPS } from "./colormaps.js";
import { findTexts, isLong, keepTexts } from "./long-texts.js";

/** What the service computes. Text as typed: the service says what is wrong with it. */
export const FIELDS = {
	sentence: "Transformers are powerful models for natural language processing.",
	sentence_pair: "",
	model: "synthetic",
	seed: "0",
	d_model: "8",
	d_k: "4",
	d_v: "4",
	num_heads: "1",
	embedding_mode: "per_position",
	initialization: "uniform",
	positions: "none",
	mask: "none",
	scale: "",
	add_special_tokens: "",
	truncate: "false",
	stack: "",
	target: "",
};

/** What the page shows of it; an empty layer is the last. */
const SHOWN = {
	view: "walk",
	layer: "",
	head: "0",
	tensor: "attentions",
	colormap: "viridis",
	color_range: "data",
	color_scale: "linear",
	sort: "none",
	pin: "",
	hide_special: "false",
	renormalize: "false",
	links: "top",
	top: "3",
	mass: "0.8",
	scores_formula: "",
	output_formula: "",
	at: "",
	embed: "",
};

export const DEFAULTS = { ...FIELDS, ...SHOWN };

export const VIEWS = /** @type {const} */ (["walk", "heatmap", "heads", "grid"]);

/** What the page lets one choose from; anything else in an address is the default. */
export const CHOICES = /** @type {Partial<Record<Name, readonly string[]>>} */ ({
	view: VIEWS,
	tensor: ["attentions", "scores", "query", "key", "value", "output", "embedding"],
	colormap: COLORMAPS,
	color_range: ["data", "unit"],
	color_scale: ["linear", "log"],
	sort: ["none", "row", "column"],
	links: ["top", "mass"],
	top: ["1", "2", "3", "5", "10", "20"],
	mass: ["0.5", "0.8", "0.9", "0.95"],
});

/** Longer addresses keep the state behind the #, which never goes to the server. */
const MAX_QUERY = 4000;
/** What names texts that an address does not hold. */
const LONG = "text";

export class State extends EventTarget {
	constructor() {
		super();
		this.values = read();
		/** The address names a text that it does not hold, and nobody has it any more. */
		this.isLost = isLost();
		window.addEventListener("popstate", () => {
			this.values = read();
			this.isLost = isLost();
			this.dispatchEvent(new Event("change"));
		});
	}

	/**
	 * Change some of it.
	 * @param {Partial<Values>} changes
	 * @param {{push?: boolean}} [how] `push`: the browser's Back returns to what was before
	 */
	set(changes, { push = false } = {}) {
		const changed = Object.entries(changes).some(([name, value]) => this.values[/** @type {Name} */ (name)] !== value);
		if (!changed) return;
		this.values = { ...this.values, ...changes };
		if ("sentence" in changes) this.isLost = false;
		history[push ? "pushState" : "replaceState"](null, "", address(this.values));
		this.dispatchEvent(new Event("change"));
	}
}

/** @returns {URLSearchParams} what the address says, before the # and behind it */
function given() {
	const all = new URLSearchParams(location.search);
	for (const [name, value] of new URLSearchParams(location.hash.slice(1))) all.set(name, value);
	return all;
}

/** @returns {boolean} */
function isLost() {
	const print = given().get(LONG);
	return print !== null && findTexts(print) === null;
}

/** @returns {Values} */
function read() {
	const all = given();
	const values = { ...DEFAULTS };
	for (const name of /** @type {Name[]} */ (Object.keys(DEFAULTS))) {
		const value = all.get(name);
		if (value !== null && (CHOICES[name]?.includes(value) ?? true)) values[name] = value;
	}
	if (!CHOICES.view?.includes(values.embed)) values.embed = "";
	if (values.embed && !all.has("view")) values.view = values.embed;
	const print = all.get(LONG);
	return print === null ? values : { ...values, ...(findTexts(print) ?? { sentence: "" }) };
}

/**
 * The address that holds `values`: what differs from the defaults, and of long texts the fingerprint alone.
 * @param {Values} values
 * @returns {string}
 */
export function address(values) {
	const query = new URLSearchParams();
	const print = isLong(values) ? keepTexts(values) : null;
	const short = print === null ? values : { ...values, sentence: DEFAULTS.sentence, sentence_pair: "", target: "" };
	if (print !== null) query.set(LONG, print);
	for (const [name, value] of Object.entries(short)) {
		const implied = name === "view" && values.embed ? values.embed : DEFAULTS[/** @type {Name} */ (name)];
		if (value !== implied) query.set(name, value);
	}
	const text = query.toString();
	if (!text) return location.pathname;
	return location.pathname + (text.length > MAX_QUERY ? "#" : "?") + text;
}
