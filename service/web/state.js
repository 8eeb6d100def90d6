/** The whole state of the page, which its address holds: fields as the API names them, and what is shown of the answer. */

import { COLORMAPS } from "./colormaps.js";

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

export class State extends EventTarget {
	constructor() {
		super();
		this.values = read();
		window.addEventListener("popstate", () => {
			this.values = read();
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
		history[push ? "pushState" : "replaceState"](null, "", address(this.values));
		this.dispatchEvent(new Event("change"));
	}
}

/** @returns {Values} */
function read() {
	const given = new URLSearchParams(location.search);
	for (const [name, value] of new URLSearchParams(location.hash.slice(1))) given.set(name, value);
	const values = { ...DEFAULTS };
	for (const name of /** @type {Name[]} */ (Object.keys(DEFAULTS))) {
		const value = given.get(name);
		if (value !== null && (CHOICES[name]?.includes(value) ?? true)) values[name] = value;
	}
	if (!CHOICES.view?.includes(values.embed)) values.embed = "";
	if (values.embed && !given.has("view")) values.view = values.embed;
	return values;
}

/**
 * The address that holds `values`: what differs from the defaults.
 * @param {Values} values
 * @returns {string}
 */
export function address(values) {
	const query = new URLSearchParams();
	for (const [name, value] of Object.entries(values)) {
		const implied = name === "view" && values.embed ? values.embed : DEFAULTS[/** @type {Name} */ (name)];
		if (value !== implied) query.set(name, value);
	}
	const text = query.toString();
	if (!text) return location.pathname;
	return location.pathname + (text.length > MAX_QUERY ? "#" : "?") + text;
}
